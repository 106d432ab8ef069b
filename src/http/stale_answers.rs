//! Looking again for what may not be visible yet: a service that answers from several copies may not
//! know in one of them what another has said.

use std::time::Duration;

use crate::environment::Environment;

/// The variable that says for how long.
const VARIABLE: &str = "PORT_GITOPS_PATIENCE";
const USUAL: Duration = Duration::from_secs(6);
const LONGEST: Duration = Duration::from_secs(60);
/// The pauses between looks, as parts of the whole time.
const PAUSES: [f64; 3] = [1.0 / 6.0, 1.0 / 3.0, 1.0 / 2.0];

/// For how long something is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Patience(Duration);

/// Why the variable is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{VARIABLE} is `{0}`; give seconds, at most 60, such as `10`")]
pub struct InvalidPatience(String);

/// What was seen.
#[derive(Debug)]
pub enum Look<T> {
    /// It can be relied on.
    Good(T),
    /// It may be out of date. The last look counts all the same.
    Stale(T),
}

impl<T> Look<T> {
    /// The same with what `change` makes of it.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Look<U> {
        match self {
            Self::Good(seen) => Look::Good(change(seen)),
            Self::Stale(seen) => Look::Stale(change(seen)),
        }
    }
}

impl Patience {
    /// What the environment says, or what is usual.
    ///
    /// # Errors
    /// If the variable is no number of seconds up to 60.
    pub fn read(environment: &Environment) -> Result<Self, InvalidPatience> {
        let Some(text) = environment.variable(VARIABLE) else {
            return Ok(Self(USUAL));
        };
        match text.parse().ok().map(Duration::try_from_secs_f64) {
            Some(Ok(patience)) if patience <= LONGEST => Ok(Self(patience)),
            _ => Err(InvalidPatience(text.to_owned())),
        }
    }

    /// Looks until what is seen can be relied on, or the time is over. `what` names it in the log.
    pub async fn look<T>(self, what: &str, attempt: impl AsyncFn() -> Look<T>) -> T {
        for pause in self.pauses() {
            match attempt().await {
                Look::Good(seen) => return seen,
                Look::Stale(_) => {}
            }
            tracing::info!(
                "retrying in {:.1} s: GitHub may not know {what} yet",
                pause.as_secs_f64()
            );
            tokio::time::sleep(pause).await;
        }
        match attempt().await {
            Look::Good(seen) | Look::Stale(seen) => seen,
        }
    }

    fn pauses(self) -> impl Iterator<Item = Duration> {
        let is_any = !self.0.is_zero();
        let pauses = PAUSES.into_iter().filter(move |_| is_any);
        pauses.map(move |part| self.0.mul_f64(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(text: &str) -> Result<Vec<u64>, InvalidPatience> {
        let variable = (VARIABLE.to_owned(), text.to_owned());
        let patience = Patience::read(&Environment::new([variable]))?;
        Ok(patience.pauses().map(|pause| pause.as_secs()).collect())
    }

    #[test]
    fn patience_is_given_in_seconds() {
        assert_eq!(pauses(""), Ok(vec![1, 2, 3]));
        assert_eq!(pauses("12"), Ok(vec![2, 4, 6]));
        assert_eq!(pauses("0"), Ok(vec![]));
        for wrong in ["-1", "61", "long", "NaN"] {
            let error = pauses(wrong).unwrap_err().to_string();
            assert!(error.contains(wrong), "{error}");
        }
    }
}
