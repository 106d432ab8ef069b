//! One run over many repositories: the inputs `repositories` and `shard`.

use std::fmt;

use ring::digest::{SHA256, digest};

use crate::catalog::rules::RepositoryRules;

/// Which repositories a fleet run is about.
#[derive(Debug, Clone)]
pub struct FleetSelection {
    /// The input `repositories`.
    pub repositories: RepositoryRules,
    /// The input `shard`: which part of the selected repositories.
    pub shard: Shard,
}

/// One of several equal parts of all repositories: `2/8`. The default is the only one: `1/1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 1.
    index: u16,
    count: u16,
}

/// A workflow's [matrix][docs] makes at most this many jobs.
///
/// [docs]: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstrategymatrix
const MAX_SHARDS: u16 = 256;

/// Why a text names no shard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidShard {
    /// It is not two numbers.
    #[error("`{0}` is not allowed: write INDEX/COUNT, such as `2/8` for the second of eight")]
    Form(String),
    /// There are no shards, or too many.
    #[error("`{given}` is not allowed: there can be 1 to {MAX_SHARDS} shards, not {count}")]
    Count {
        /// What was given.
        given: String,
        /// The number of shards in it.
        count: u64,
    },
    /// There is no such shard.
    #[error(
        "`{given}` is not allowed: shards are counted from 1, so the last one is `{count}/{count}`"
    )]
    Index {
        /// What was given.
        given: String,
        /// The number of shards in it.
        count: u16,
    },
}

impl Shard {
    /// Reads `INDEX/COUNT`, 1 ≤ INDEX ≤ COUNT ≤ 256.
    ///
    /// # Errors
    /// If `text` is anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidShard> {
        let given = || text.to_owned();
        let numbers = text.split_once('/').and_then(|(index, count)| {
            let index: u64 = index.trim().parse().ok()?;
            let count: u64 = count.trim().parse().ok()?;
            Some((index, count))
        });
        let (index, count) = numbers.ok_or_else(|| InvalidShard::Form(given()))?;
        let limited = u16::try_from(count).ok();
        let Some(limit) = limited.filter(|count| (1..=MAX_SHARDS).contains(count)) else {
            let given = given();
            return Err(InvalidShard::Count { given, count });
        };
        match u16::try_from(index) {
            Ok(index) if (1..=limit).contains(&index) => Ok(Self {
                index,
                count: limit,
            }),
            _ => Err(InvalidShard::Index {
                given: given(),
                count: limit,
            }),
        }
    }

    /// Whether the repository with this id is in the shard. An id is in one shard of a count, and stays
    /// there whatever other repositories there are.
    pub fn has(self, repository_id: u64) -> bool {
        let digest = digest(&SHA256, repository_id.to_string().as_bytes());
        let bytes = digest.as_ref().first_chunk().copied().unwrap_or_default();
        u64::from_be_bytes(bytes) % u64::from(self.count) == u64::from(self.index - 1)
    }

    /// Whether this is the only shard.
    pub fn is_whole(self) -> bool {
        self.count == 1
    }
}

impl Default for Shard {
    fn default() -> Self {
        Self { index: 1, count: 1 }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_repository_is_in_one_shard() {
        let shards = (1..=8).map(|index| Shard::parse(&format!("{index}/8")).unwrap());
        let shards: Vec<_> = shards.collect();
        let mut sizes = [0_usize; 8];
        for id in 1..=10_000 {
            let having: Vec<_> = (0..8).filter(|&at| shards[at].has(id)).collect();
            assert_eq!(having.len(), 1, "{id}");
            sizes[having[0]] += 1;
        }
        let mean = 10_000 / 8;
        let off = sizes.iter().map(|size| size.abs_diff(mean));
        assert!(off.max().unwrap() <= mean * 15 / 100, "{sizes:?}");
        assert!((1..=10_000).all(|id| Shard::default().has(id)));
    }

    /// An update of the program must not move repositories.
    #[test]
    fn a_repository_stays_in_its_shard() {
        let shard_of = |id| (1..=8).find(|&index| Shard { index, count: 8 }.has(id));
        // The first 16 digits of `printf 1 | sha256sum`, modulo 8, and so on.
        let ids = [1, 2, 3, 1_296_269, u64::MAX];
        assert_eq!(ids.map(shard_of), [2, 7, 4, 7, 7].map(Some));
    }

    #[test]
    fn a_shard_is_one_of_a_count() {
        for (text, shown) in [("2/8", "2/8"), ("1/1", "1/1"), ("256 / 256", "256/256")] {
            assert_eq!(Shard::parse(text).unwrap().to_string(), shown);
        }
        for (text, problem) in [
            ("0/4", "the last one is `4/4`"),
            ("5/4", "the last one is `4/4`"),
            ("1/0", "1 to 256 shards, not 0"),
            ("1/257", "1 to 256 shards, not 257"),
            ("1/99999", "1 to 256 shards, not 99999"),
            ("2", "such as `2/8`"),
            ("2 of 8", "such as `2/8`"),
            ("-1/8", "such as `2/8`"),
            ("2/8/3", "such as `2/8`"),
        ] {
            let error = Shard::parse(text).unwrap_err().to_string();
            assert!(error.contains(problem), "{text}: {error}");
            assert!(error.starts_with(&format!("`{text}`")), "{error}");
        }
    }
}
