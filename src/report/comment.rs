//! The plan as a comment on a pull request.

use super::summary::{self, Elsewhere};
use super::{EntityState, Report};

/// GitHub takes 65,536 characters. Bytes are counted here, and room is left for the frame.
const MAX_BYTES: usize = 60_000;
/// What the page needs on top of its budget, at most.
const FRAME_BYTES: usize = 4_000;

/// The hidden line by which a comment is found again. It depends on nothing but `owner`, which
/// distinguishes two sources of one repository: whatever else changes, there is one comment.
pub fn marker(owner: Option<&str>) -> String {
    // `--` and `>` would end the comment in which it hides.
    let safe = |letter: char| match letter {
        '-' | '>' | '<' | '=' => format!("={:02X}", u32::from(letter)),
        letter => letter.to_string(),
    };
    let owner: String = owner.unwrap_or_default().chars().map(safe).collect();
    format!("<!-- port-gitops:{owner} -->")
}

/// Whether there is anything to comment on.
pub fn is_needed(report: &Report) -> bool {
    let is_news = |state: EntityState| state != EntityState::Unchanged;
    report.entities.iter().any(|entity| is_news(entity.state)) || !report.diagnostics.is_empty()
}

/// The comment's text: `marker`, and the plan as in the job's summary, which is at `run_url`.
pub fn body(report: &Report, marker: &str, run_url: &str) -> String {
    let mut page = Vec::new();
    let bytes = (MAX_BYTES - FRAME_BYTES).saturating_sub(marker.len());
    // Writing to memory cannot fail.
    let _ = summary::write_within(report, &mut page, bytes, Elsewhere::At(run_url));
    format!("{marker}\n{}", String::from_utf8_lossy(&page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_have_markers_of_their_own_that_end_no_comment() {
        let owners = [
            None,
            Some("a-b"),
            Some("a_b"),
            Some("a>b"),
            Some("a=2Db"),
            Some("-->"),
        ];
        let markers = owners.map(marker);
        for (index, marker) in markers.iter().enumerate() {
            assert_eq!(marker.matches("-->").count(), 1, "{marker}");
            assert!(!markers[..index].contains(marker), "{marker}");
        }
    }
}
