//! What the search queries of entities find, before Port resolves them in a write.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use super::search::{CONCURRENT_SEARCHES, Found, Search};
use super::{Error, Port};
use crate::catalog::entity::{BlueprintId, Identifier, Query};
use crate::catalog::question::{Answers, MOST_FOUND, Question};

impl Port {
    /// What each of `questions` finds. Costs a request for each, as it finds no more than
    /// [`MOST_FOUND`]. What Port does not answer, or finds too much for, has no answer: then it is
    /// the write that tells.
    ///
    /// # Errors
    /// If Port is unreachable or refuses the credentials.
    pub async fn answers(&self, questions: BTreeSet<Question>) -> Result<Answers, Error> {
        let mut answers = Answers::default();
        let mut found = stream::iter(questions)
            .map(async |question| {
                let found = self.identifiers(&question).await?;
                Ok::<_, Error>((question, found))
            })
            .buffer_unordered(CONCURRENT_SEARCHES);
        while let Some((question, found)) = found.try_next().await? {
            if let Some(found) = found {
                answers.insert(question, found);
            }
        }
        Ok(answers)
    }

    async fn identifiers(
        &self,
        question: &Question,
    ) -> Result<Option<BTreeSet<Identifier>>, Error> {
        let Question { blueprint, query } = question;
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
    ) -> Result<Option<Vec<Found>>, Error> {
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
