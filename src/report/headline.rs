//! The result of a run in a few words, and what follows from it.

use super::causes::by_cause;
use super::console::label;
use super::{ComparedWith, Counts, Drift, Ending, EntityState, Report};
use crate::diagnostic::Severity;
use crate::event::Mode;
use crate::text::counted;

/// Problems of one severity.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProblemCount {
    /// What many entities share counts once.
    pub(super) causes: usize,
    pub(super) places: usize,
}

/// `1 to create, 2 to update, 1 problem to fix, 1 warning`.
pub(super) fn result(report: &Report) -> String {
    let parts = parts(report);
    let result = match parts.is_empty() {
        true => "no changes".to_owned(),
        false => parts.join(", "),
    };
    after(&report.ending, result)
}

/// A result, and that the run did not end by itself.
pub(super) fn after(ending: &Ending, result: String) -> String {
    match ending {
        Ending::Complete => result,
        Ending::Interrupted => format!("cancelled; {result}"),
        Ending::Stopped(_) => format!("stopped; {result}"),
    }
}

fn parts(report: &Report) -> Vec<String> {
    let problems = |severity| ProblemCount {
        causes: rows(report, severity),
        places: report.diagnostics_of(severity).count(),
    };
    parts_of(&report.counts(), problems, report.run.mode)
}

/// How many entities change or were not written, and how many problems there are of each severity.
pub(super) fn parts_of(
    counts: &Counts,
    problems: impl Fn(Severity) -> ProblemCount,
    mode: Mode,
) -> Vec<String> {
    let states = EntityState::CHANGES.iter();
    let states = states.chain([&EntityState::NotWritten, &EntityState::Unknown]);
    let mut parts: Vec<_> = states
        .filter_map(|state| Some((state, counts.get(state)?)))
        .map(|(&state, count)| format!("{count} {}", label(state, mode)))
        .collect();
    for (severity, one, many) in [
        (Severity::Error, "problem to fix", "problems to fix"),
        (Severity::Warning, "warning", "warnings"),
    ] {
        let ProblemCount { causes, places } = problems(severity);
        let problems = counted(causes, one, many);
        match causes {
            0 => {}
            _ if places > causes => parts.push(format!("{problems} in {places} places")),
            _ => parts.push(problems),
        }
    }
    parts
}

/// The first line of the summary and of the comment.
pub(super) fn heading(report: &Report) -> String {
    let result = result(report);
    if is_drift_report(report) {
        return match changes(report) {
            0 => "Port differs from Git".to_owned(),
            _ => format!("Port differs from Git: {result}"),
        };
    }
    let checked = report.entities.len();
    match parts(report).is_empty() && checked > 0 {
        true => format!(
            "Port catalog: {result} ({} checked)",
            counted(checked, "entity", "entities")
        ),
        false => format!("Port catalog: {result}"),
    }
}

/// Whether the run looked for drift, wrote nothing and found some.
pub(super) fn is_drift_report(report: &Report) -> bool {
    let run = &report.run;
    report.drift == Some(Drift::Found) && run.mode == Mode::Plan && run.pull_request.is_none()
}

/// How many rows of this severity the table of problems has: what many entities share is one.
fn rows(report: &Report, severity: Severity) -> usize {
    by_cause(report.diagnostics_of(severity)).len()
}

/// Sentences in Markdown on what the result means and what happens next.
pub(super) fn meaning(report: &Report) -> Vec<String> {
    let mut sentences: Vec<_> = drift(report).into_iter().map(str::to_owned).collect();
    match report.run.mode {
        Mode::Plan => sentences.push(plan(report)),
        Mode::Apply => sentences.extend(apply(report)),
    }
    sentences
}

fn drift(report: &Report) -> Option<&'static str> {
    Some(match (report.drift?, report.run.mode) {
        (Drift::Found, Mode::Plan) if is_drift_report(report) => {
            "In the diff, `-` is what Port has now, and `+` what Git declares."
        }
        (Drift::Found, Mode::Plan) => "Port differs from Git.",
        (Drift::Found, Mode::Apply) => "Port differed from Git.",
        (Drift::None, _) => "Port matches Git.",
    })
}

fn plan(report: &Report) -> String {
    if is_drift_report(report) {
        return "Nothing was written. To restore Git's values, run this workflow with `mode: apply`; to keep Port's, change the files in Git."
            .to_owned();
    }
    if report.run.pull_request.is_none() {
        return "This is a plan: nothing was written.".to_owned();
    }
    let states = report.entities.iter().map(|entity| entity.state);
    let held = states.filter(|state| state.is_unfinished()).count();
    let has_problems = held > 0 || rows(report, Severity::Error) > 0;
    match (changes(report), has_problems, held) {
        (0, false, _) => "Merging changes nothing in Port.".to_owned(),
        (0, true, _) => "Merging changes nothing in Port until this is fixed.".to_owned(),
        (_, false, _) if report.run.compared_with == ComparedWith::Git => {
            "Merging applies this, if Port accepts it: it was not compared with Port.".to_owned()
        }
        (_, false, _) => "Merging applies this.".to_owned(),
        (changes, true, 0) => {
            let changes = counted(changes, "valid change", "valid changes");
            format!("Merging applies the {changes}; what is wrong is held until fixed.")
        }
        (changes, true, held) => {
            let changes = counted(changes, "valid change", "valid changes");
            let held = counted(held, "entity is", "entities are");
            format!("Merging applies the {changes}; {held} held until fixed.")
        }
    }
}

fn changes(report: &Report) -> usize {
    let counts = report.counts();
    let states = EntityState::CHANGES.iter();
    states.filter_map(|state| counts.get(state)).sum()
}

fn apply(report: &Report) -> Vec<String> {
    let head = &report.run.head;
    let commit = format!("[`{}`]({})", head.short(), report.run.commit_link());
    let written = changes(report);
    let is_left =
        |state: EntityState| !matches!(state, EntityState::Unchanged | EntityState::Removed);
    let states = report.entities.iter().map(|entity| entity.state);
    let concerned = states.filter(|&state| is_left(state)).count();
    let is_complete = report.ending == Ending::Complete && written == concerned;
    if is_complete {
        return vec![match written {
            0 => format!("Nothing had to be written for {commit}."),
            _ => format!("Applied {commit}."),
        }];
    }
    let done = match written {
        0 => format!("Nothing was written for {commit}."),
        _ => format!(
            "Applied {commit} in part: {written} of {} are in Port.",
            counted(concerned, "change", "changes")
        ),
    };
    let next = match rows(report, Severity::Error) > 0 {
        true => "Fix what is listed below; the next push or a re-run applies the rest.",
        false => "The next push or a re-run applies the rest.",
    };
    vec![done, next.to_owned()]
}
