//! What a status' description says, for people and for the next run.

use chrono::DateTime;

use crate::git::CommitSha;

/// Stands before the time at which a run wrote its `pending`, by GitHub's clock.
const BEGUN: &str = "begun ";
/// Stands before the commit that was attempted next on the ground of this one.
const NEXT: &str = "next ";
const SEPARATOR: &str = "; ";

/// The description of a commit that was applied completely.
pub(super) fn success(counts: &str, begun: &str, next: Option<&CommitSha>) -> String {
    let mut words = format!("{counts}{SEPARATOR}{BEGUN}{begun}");
    if let Some(next) = next {
        words.push_str(&format!("{SEPARATOR}{NEXT}{next}"));
    }
    words
}

/// The same description with another next commit.
pub(super) fn with_next(description: &str, next: &CommitSha) -> String {
    let counts = description.split(SEPARATOR).next().unwrap_or_default();
    success(counts, begun(description).unwrap_or_default(), Some(next))
}

/// When the run began that wrote the description.
pub(super) fn begun(description: &str) -> Option<&str> {
    part(description, BEGUN).filter(|time| !time.is_empty())
}

/// Which commit was attempted next.
pub(super) fn next(description: &str) -> Option<CommitSha> {
    CommitSha::parse(part(description, NEXT)?)
}

fn part<'d>(description: &'d str, name: &str) -> Option<&'d str> {
    description
        .split(SEPARATOR)
        .find_map(|part| part.strip_prefix(name))
}

/// Seconds since 1970 of a time as GitHub writes it: `2026-01-31T12:00:00Z`.
pub(super) fn seconds(time: &str) -> Option<i64> {
    let time = DateTime::parse_from_rfc3339(time).ok()?;
    Some(time.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_can_be_read_back() {
        let next_commit = CommitSha::parse(&"a1".repeat(32)).unwrap();
        let plain = success("3 created", "2026-01-31T12:00:00Z", None);
        assert_eq!(begun(&plain), Some("2026-01-31T12:00:00Z"));
        assert_eq!(next(&plain), None);
        let marked = with_next(&with_next(&plain, &next_commit), &next_commit);
        assert_eq!(begun(&marked), begun(&plain));
        assert_eq!(next(&marked), Some(next_commit));
        assert!(marked.len() <= 140, "{} characters", marked.len());
        assert_eq!((begun("by hand"), next("by hand")), (None, None));
    }

    #[test]
    fn times_are_seconds() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2026-11-22T02:22:34Z"), Some(1_795_314_154));
        for bad in ["", "yesterday", "2026-13-01T00:00:00Z"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }
}
