//! What a status' description says, for people and for the next run.

use std::fmt;

use chrono::DateTime;

use crate::git::CommitSha;

/// Stands before the time at which a run wrote its `pending`, by GitHub's clock, and its commit.
const BEGUN: &str = "begun ";
/// Stands before the commits that tell what the catalog may hold in the place of what is open.
const SINCE: &str = "since ";
/// Stands before the commit that was attempted next on the ground of this one.
const NEXT: &str = "next ";
const SEPARATOR: &str = "; ";
/// GitHub takes no longer descriptions, in characters. Of what is too long only the counts are cut.
const LONGEST: usize = 140;
/// How long [`Words::begun`] is, in characters.
const LONGEST_BEGUN: usize = "2026-01-31T12:00:00Z a1a1a1a".len();
/// As many digits tell the commits of one history apart.
const SHORT: usize = 9;
/// Stands for a commit before all others, at which nothing was declared.
pub(super) const NOTHING: &str = "000000000";

/// The description of a commit that was applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Words {
    /// What was done, for people.
    pub(super) counts: String,
    /// When the run began that wrote it, and of which commit: two may begin in the same second.
    pub(super) begun: Option<String>,
    /// The first digits of earlier commits that tell, with head, what the catalog may hold in the place of
    /// what could not be written: see [`witnesses`](crate::catalog::open::witnesses).
    pub(super) since: Vec<String>,
    /// Which commit was attempted next; itself, if it was attempted again.
    pub(super) next: Option<CommitSha>,
}

impl Words {
    /// Reads a description back. What is not ours are counts.
    pub(super) fn parse(description: &str) -> Self {
        let part = |name: &str| {
            let mut parts = description.split(SEPARATOR);
            parts.find_map(|part| part.strip_prefix(name))
        };
        Self {
            counts: description
                .split(SEPARATOR)
                .next()
                .unwrap_or_default()
                .to_owned(),
            begun: part(BEGUN).map(str::to_owned),
            since: part(SINCE).map_or_else(Vec::new, |names| {
                names.split(',').map(str::to_owned).collect()
            }),
            next: part(NEXT).and_then(CommitSha::parse),
        }
    }

    /// The same description with another next commit.
    pub(super) fn with_next(self, next: &CommitSha) -> Self {
        Self {
            next: Some(next.clone()),
            ..self
        }
    }

    /// What [`Self::begun`] says of a run that began at `time`.
    pub(super) fn begun_at(time: &str, head: &CommitSha) -> String {
        format!("{time} {:.7}", head.as_str())
    }

    /// How many commits [`Self::since`] can name beside all else, in a repository with ids as long as that
    /// of `commit`.
    pub(super) fn room_for_since(commit: &CommitSha) -> usize {
        let names = BEGUN.len() + SINCE.len() + NEXT.len() + 3 * SEPARATOR.len();
        let taken = names + LONGEST_BEGUN + commit.as_str().len();
        // A comma stands between two of them.
        (LONGEST.saturating_sub(taken) + 1) / (SHORT + 1)
    }

    /// What [`Self::since`] calls a commit.
    pub(super) fn short(commit: &CommitSha) -> String {
        commit.as_str().chars().take(SHORT).collect()
    }
}

impl fmt::Display for Words {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = String::new();
        let next = self.next.as_ref().map(CommitSha::as_str);
        let since = Some(self.since.join(",")).filter(|names| !names.is_empty());
        for (name, value) in [
            (BEGUN, self.begun.as_deref()),
            (SINCE, since.as_deref()),
            (NEXT, next),
        ] {
            if let Some(value) = value {
                rest.extend([SEPARATOR, name, value]);
            }
        }
        let room = LONGEST.saturating_sub(rest.chars().count());
        let counts: String = self.counts.chars().take(room).collect();
        write!(formatter, "{counts}{rest}")
    }
}

/// Seconds since 1970 of a time as GitHub writes it, `2026-01-31T12:00:00Z`, whatever stands behind it.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let time = text.split(' ').next()?;
    let time = DateTime::parse_from_rfc3339(time).ok()?;
    Some(time.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_can_be_read_back() {
        let commit = CommitSha::parse(&"a1".repeat(32)).unwrap();
        let plain = Words {
            counts: "3 created".to_owned(),
            begun: Some(Words::begun_at("2026-01-31T12:00:00Z", &commit)),
            ..Words::default()
        };
        assert_eq!(
            plain.to_string(),
            "3 created; begun 2026-01-31T12:00:00Z a1a1a1a"
        );
        assert_eq!(Words::parse(&plain.to_string()), plain);
        let full = Words {
            since: vec![Words::short(&commit)],
            ..plain.with_next(&commit)
        };
        assert_eq!(Words::parse(&full.to_string()), full);
        let by_hand = Words::parse("by hand");
        assert_eq!((by_hand.begun, by_hand.next), (None, None));
    }

    #[test]
    fn what_is_too_long_loses_words_for_people() {
        for (length, room) in [(40, 5), (64, 2)] {
            let commit = CommitSha::parse(&"a1".repeat(length / 2)).unwrap();
            assert_eq!(Words::room_for_since(&commit), room);
            let long = Words {
                counts: "1200 written, ä00 deleted, 1200 not".repeat(5),
                begun: Some(Words::begun_at("2026-01-31T12:00:00Z", &commit)),
                since: vec![Words::short(&commit); room],
                next: Some(commit),
            };
            let text = long.to_string();
            assert_eq!(text.chars().count(), LONGEST);
            let found = Words::parse(&text);
            assert!(long.counts.starts_with(&found.counts));
            assert_eq!(
                found,
                Words {
                    counts: found.counts.clone(),
                    ..long
                }
            );
        }
    }

    #[test]
    fn times_are_seconds() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2026-11-22T02:22:34Z a1a1a1a"), Some(1_795_314_154));
        for bad in ["", "yesterday", "2026-13-01T00:00:00Z"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }
}
