//! Where a branch points, seen from a commit. GitHub answers from several copies, and one of them may
//! not know of a push yet that has started a run: what looks like an older tip is looked at again
//! before anything rests on it.

use std::time::Duration;

use crate::environment::Environment;
use crate::git::{BranchName, CommitSha};
use crate::github::{Diff, Error, Relation, Repository};

/// The variable that says for how long a branch is looked at again.
const VARIABLE: &str = "PORT_GITOPS_PATIENCE";
const USUAL: Duration = Duration::from_secs(6);
const LONGEST: Duration = Duration::from_secs(60);
/// The pauses between looks, as parts of the whole time.
const LOOKS: [f64; 3] = [1.0 / 6.0, 1.0 / 3.0, 1.0 / 2.0];

/// How long a branch that seems not to hold a commit is looked at again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience(Duration);

/// Why the variable is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{VARIABLE} is `{0}`; give seconds, at most 60, such as `10`")]
pub(crate) struct InvalidPatience(String);

/// Where a branch points, seen from a commit.
#[derive(Debug)]
pub(crate) enum Standing {
    /// To the commit.
    Here,
    /// To one that came after it and differs so.
    Later(CommitSha, Diff),
    /// To one that did not, which differs so; `None` if one of both is gone.
    Elsewhere(CommitSha, Option<Diff>),
    /// The branch is gone.
    Gone,
}

impl Patience {
    /// It is looked at once.
    pub(crate) const NONE: Self = Self(Duration::ZERO);

    /// What the environment says, or what is usual.
    pub(crate) fn read(environment: &Environment) -> Result<Self, InvalidPatience> {
        let Some(text) = environment.variable(VARIABLE) else {
            return Ok(Self(USUAL));
        };
        match text.parse().ok().map(Duration::try_from_secs_f64) {
            Some(Ok(patience)) if patience <= LONGEST => Ok(Self(patience)),
            _ => Err(InvalidPatience(text.to_owned())),
        }
    }

    /// The times between looks.
    pub(crate) fn pauses(self) -> impl Iterator<Item = Duration> {
        let is_any = !self.0.is_zero();
        let pauses = LOOKS.into_iter().filter(move |_| is_any);
        pauses.map(move |part| self.0.mul_f64(part))
    }
}

/// Finds out where `branch` points, seen from `commit`; `known` is what was read of that already.
///
/// # Errors
/// What GitHub says.
pub(crate) async fn find(
    repository: &Repository,
    branch: &BranchName,
    commit: &CommitSha,
    known: Option<Option<CommitSha>>,
    patience: Patience,
) -> Result<Standing, Error> {
    let mut tip = match known {
        Some(tip) => tip,
        None => repository.tip(branch).await?,
    };
    let mut standing = compare(repository, commit, tip.clone()).await?;
    for pause in patience.pauses() {
        if matches!(standing, Standing::Here | Standing::Later(..)) {
            break;
        }
        wait(commit.as_str(), pause).await;
        let latest = repository.tip(branch).await?;
        if latest != tip || matches!(standing, Standing::Elsewhere(_, None)) {
            standing = compare(repository, commit, latest.clone()).await?;
            tip = latest;
        }
    }
    Ok(standing)
}

/// Lets GitHub's copies come to know `commit`.
pub(crate) async fn wait(commit: &str, pause: Duration) {
    tracing::info!(
        "GitHub does not show `{commit}` in the branch; it is asked again in {:.1} s, as it may not know of a push yet",
        pause.as_secs_f64()
    );
    tokio::time::sleep(pause).await;
}

async fn compare(
    repository: &Repository,
    commit: &CommitSha,
    tip: Option<CommitSha>,
) -> Result<Standing, Error> {
    Ok(match tip {
        None => Standing::Gone,
        Some(tip) if tip == *commit => Standing::Here,
        Some(tip) => match repository.diff(commit, &tip).await {
            Ok(diff) if diff.relation == Relation::Ahead => Standing::Later(tip, diff),
            Ok(diff) => Standing::Elsewhere(tip, Some(diff)),
            Err(Error::NoSuchCommit { .. }) => Standing::Elsewhere(tip, None),
            Err(error) => return Err(error),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience(text: &str) -> Result<Vec<u64>, InvalidPatience> {
        let variable = (VARIABLE.to_owned(), text.to_owned());
        let patience = Patience::read(&Environment::new([variable]))?;
        Ok(patience.pauses().map(|pause| pause.as_secs()).collect())
    }

    #[test]
    fn patience_is_given_in_seconds() {
        assert_eq!(patience(""), Ok(vec![1, 2, 3]));
        assert_eq!(patience("12"), Ok(vec![2, 4, 6]));
        assert_eq!(patience("0"), Ok(vec![]));
        for wrong in ["-1", "61", "long", "NaN"] {
            let error = patience(wrong).unwrap_err().to_string();
            assert!(error.contains(wrong), "{error}");
        }
    }
}
