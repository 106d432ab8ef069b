//! What the search queries of entities find, before Port resolves them in a write.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use super::search::{CONCURRENT_SEARCHES, FoundEntity, Search};
use super::{Error, Port};
use crate::catalog::entity::{BlueprintId, Identifier, Query};
use crate::catalog::query_results::{BlueprintQuery, MOST_FOUND, QueryResults};

impl Port {
    /// What each of `queries` finds. Costs a request for each, as it finds no more than
    /// [`MOST_FOUND`]. A query that Port refuses, or that finds too much, has no result: then
    /// the write decides.
    ///
    /// # Errors
    /// If Port is unreachable or refuses the credentials.
    pub async fn query_results(
        &self,
        queries: BTreeSet<BlueprintQuery>,
    ) -> Result<QueryResults, Error> {
        let mut results = QueryResults::default();
        let mut found = stream::iter(queries)
            .map(async |query| {
                let found = self.identifiers(&query).await?;
                Ok::<_, Error>((query, found))
            })
            .buffer_unordered(CONCURRENT_SEARCHES);
        while let Some((query, found)) = found.try_next().await? {
            if let Some(found) = found {
                results.insert(query, found);
            }
        }
        Ok(results)
    }

    async fn identifiers(
        &self,
        query: &BlueprintQuery,
    ) -> Result<Option<BTreeSet<Identifier>>, Error> {
        let BlueprintQuery { blueprint, query } = query;
        let include = vec!["$identifier".to_owned()];
        let found = self.found_by(blueprint, query, include, MOST_FOUND).await?;
        Ok(found.map(|found| {
            let names = found.into_iter();
            names
                .map(|one| Identifier::from_port(one.identifier))
                .collect()
        }))
    }

    /// What `query` finds; `None` if Port does not say it, or finds more than `most`.
    pub(super) async fn found_by(
        &self,
        blueprint: &BlueprintId,
        query: &Query,
        include: Vec<String>,
        most: usize,
    ) -> Result<Option<Vec<FoundEntity>>, Error> {
        let search = Search {
            blueprint: blueprint.clone(),
            query: json!(query),
            include,
            most,
        };
        let found = match self.search(&search).await {
            Ok(found) => found,
            // A search takes other rules than a write, and may need another right.
            Err(error @ (Error::Refused { .. } | Error::UnknownForm { .. })) => {
                tracing::warn!(
                    "it is not known what a query finds, so it counts as a change: {error}"
                );
                None
            }
            Err(error) => return Err(error),
        };
        Ok(found.filter(|found| found.len() <= most))
    }
}
