//! One stage for many sources.

use std::cell::RefCell;

use futures::{StreamExt, stream};

use super::error::Error;
use super::source::Source;

/// How many sources a stage works on at the same time: as many as share a query for contents. How many
/// requests are under way is limited elsewhere.
const CONCURRENT_SOURCES: usize = 100;

/// Runs a stage for each source, several at the same time. A source for which it fails leaves the run.
/// Once a budget or GitHub's token has come to its end, so do the sources that have not begun.
pub(crate) async fn each<'s, 'p, K, T>(
    sources: Vec<(&'s mut Source<'p>, K)>,
    stage: impl AsyncFn(&mut Source<'p>, &K) -> Result<T, Error>,
) -> Vec<(&'s mut Source<'p>, K, T)> {
    let (stage, ended) = (&stage, &RefCell::new(None));
    let results = stream::iter(sources).map(|(source, known)| async move {
        let earlier = ended.borrow().as_ref().and_then(Error::end_of_budget);
        let result = match earlier {
            Some(error) => Err(error),
            None => stage(&mut *source, &known).await,
        };
        if let Some(error) = result.as_ref().err().and_then(Error::end_of_budget) {
            *ended.borrow_mut() = Some(error);
        }
        (source, known, result)
    });
    let results: Vec<_> = results.buffered(CONCURRENT_SOURCES).collect().await;
    let sources = results
        .into_iter()
        .filter_map(|(source, known, result)| match result {
            Ok(found) => Some((source, known, found)),
            Err(error) => {
                source.failure = Some(error);
                None
            }
        });
    sources.collect()
}
