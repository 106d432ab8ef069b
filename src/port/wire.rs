//! Request and response bodies.

use std::borrow::Borrow;

use bytes::Bytes;
use reqwest::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::{Answered, BatchResult, Error, Rejection, Upserted, WriteOptions};
use crate::catalog::entity::Entity;
use crate::catalog::order::MAX_ENTITIES;
use crate::http::Answer;
use crate::inputs::{Merge, MissingTargets};

/// How many bytes Port takes in one body.
const MAX_BYTES: usize = 1024 * 1024;

const BULK_START: &[u8] = br#"{"entities":["#;
const BULK_END: &[u8] = b"]}";

/// The body of an upsert: one entity as it is, or several as the bulk route takes them.
#[derive(Debug, Clone)]
pub struct Body {
    bytes: Bytes,
    count: usize,
}

impl Body {
    /// How many entities it holds.
    pub fn count(&self) -> usize {
        self.count
    }

    pub(super) fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }

    fn of(entities: &[Vec<u8>]) -> Self {
        let bytes = match entities {
            [entity] => Bytes::copy_from_slice(entity),
            _ => [BULK_START, &entities.join(&b","[..]), BULK_END]
                .concat()
                .into(),
        };
        Self {
            bytes,
            count: entities.len(),
        }
    }
}

/// Packs entities of one blueprint, in their order, into as few bodies as Port's limits allow. An
/// entity that is over the limit by itself gets a body of its own, for Port to refuse.
pub fn pack<E: Borrow<Entity>>(entities: impl IntoIterator<Item = E>) -> Vec<Body> {
    let mut bodies = Vec::new();
    let mut batch: Vec<Vec<u8>> = Vec::new();
    let mut batch_bytes = 0;
    for entity in entities {
        let entity = to_json(entity.borrow());
        let bytes = BULK_START.len() + batch_bytes + entity.len() + BULK_END.len();
        let is_over = bytes > MAX_BYTES;
        if !batch.is_empty() && (batch.len() == MAX_ENTITIES || is_over) {
            bodies.push(Body::of(&std::mem::take(&mut batch)));
            batch_bytes = 0;
        }
        batch_bytes += entity.len() + b",".len();
        batch.push(entity);
    }
    if !batch.is_empty() {
        bodies.push(Body::of(&batch));
    }
    bodies
}

fn to_json(entity: &Entity) -> Vec<u8> {
    #[expect(
        clippy::expect_used,
        reason = "an entity's keys are text and its numbers are finite"
    )]
    serde_json::to_vec(entity).expect("an entity is JSON")
}

pub(super) fn add_upsert_query(url: &mut Url, merge: Merge, options: &WriteOptions) {
    let merge = matches!(merge, Merge::Merge);
    let create_missing = matches!(options.missing_targets, MissingTargets::Create);
    let mut query = url.query_pairs_mut();
    query
        .append_pair("upsert", "true")
        .append_pair("merge", &merge.to_string());
    if create_missing {
        query.append_pair("create_missing_related_entities", "true");
    }
    if let Some(run_id) = &options.run_id {
        query.append_pair("run_id", run_id);
    }
}

#[derive(Deserialize)]
struct BulkAnswer {
    #[serde(default)]
    entities: Vec<Done>,
    #[serde(default)]
    errors: Vec<Failed>,
}

#[derive(Deserialize)]
struct Done {
    index: usize,
    created: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failed {
    index: usize,
    status_code: u16,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct ErrorAnswer {
    error: Option<String>,
    message: Option<String>,
}

/// What an answer to an upsert says of each of `count` entities.
pub(super) fn read_upsert(answer: &Answer, count: usize, what: &str) -> BatchResult {
    if !answer.status.is_success() {
        return Ok(Answered::Refused(rejection(answer)));
    }
    if count == 1 {
        // The specification has 201 alone; Port's documentation had 200 for an entity that was
        // there, so that much can be told.
        return Ok(Answered::Each(vec![Ok(match answer.status {
            StatusCode::OK => Upserted::Updated,
            _ => Upserted::Written,
        })]));
    }
    let BulkAnswer { entities, errors } = read(answer, what)?;
    let unsaid = || Rejection {
        status: answer.status.as_u16(),
        message: "Port's answer does not say what became of this entity".to_owned(),
    };
    let mut results: Vec<_> = (0..count).map(|_| Err(unsaid())).collect();
    let done = entities.into_iter().map(|done| {
        let upserted = if done.created {
            Upserted::Created
        } else {
            Upserted::Updated
        };
        (done.index, Ok(upserted))
    });
    let failed = errors.into_iter().map(|failed| {
        let rejection = Rejection {
            status: failed.status_code,
            message: failed.message,
        };
        (failed.index, Err(rejection))
    });
    for (index, result) in done.chain(failed) {
        if let Some(slot) = results.get_mut(index) {
            *slot = result;
        }
    }
    Ok(Answered::Each(results))
}

pub(super) fn rejection(answer: &Answer) -> Rejection {
    Rejection {
        status: answer.status.as_u16(),
        message: message(answer),
    }
}

pub(super) fn read<T: DeserializeOwned>(answer: &Answer, what: &str) -> Result<T, Error> {
    answer.json().map_err(|reason| Error::UnknownForm {
        what: what.to_owned(),
        reason: reason.to_string(),
    })
}

pub(super) fn refused(answer: &Answer, what: &str) -> Error {
    let (status, message) = (answer.status.as_u16(), message(answer));
    Error::Refused {
        what: what.to_owned(),
        status,
        message,
    }
}

/// Port's own words about an error, or the status' name where it has none.
pub(super) fn message(answer: &Answer) -> String {
    let words = answer
        .json()
        .ok()
        .and_then(|ErrorAnswer { error, message }| message.or(error));
    let reason = answer
        .status
        .canonical_reason()
        .unwrap_or("no reason given");
    words
        .filter(|words| !words.is_empty())
        .unwrap_or_else(|| reason.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use reqwest::header::HeaderMap;
    use serde_json::json;

    use super::*;
    use crate::catalog::entity::{BlueprintId, Clearing, EntityName, Identifier};

    fn entity(identifier: &str, text: &str) -> Entity {
        Entity {
            blueprint: BlueprintId::parse("service").unwrap(),
            name: EntityName::Identifier(Identifier::parse(identifier).unwrap()),
            title: None,
            icon: None,
            team: None,
            properties: [("text".to_owned(), json!(text))].into_iter().collect(),
            relations: BTreeMap::new(),
            clearing: Clearing::Allowed,
        }
    }

    fn counts(entities: &[Entity]) -> Vec<usize> {
        let bodies = pack(entities);
        for body in &bodies {
            let value: serde_json::Value = serde_json::from_slice(&body.bytes()).unwrap();
            let in_bulk = value["entities"].as_array().map_or(1, Vec::len);
            assert_eq!(in_bulk, body.count());
            assert!(body.bytes().len() <= MAX_BYTES || body.count() == 1);
        }
        bodies.iter().map(Body::count).collect()
    }

    #[test]
    fn bodies_hold_at_most_twenty_entities() {
        let entities: Vec<_> = (0..41).map(|n| entity(&n.to_string(), "")).collect();
        assert_eq!(counts(&entities), [20, 20, 1]);
        assert_eq!(counts(&entities[..1]), [1]);
        assert_eq!(counts(&[]), [0; 0]);
    }

    #[test]
    fn bodies_hold_at_most_a_mebibyte() {
        let overhead = serde_json::to_vec(&entity("a", "")).unwrap().len();
        let sized = |bytes: usize| entity("a", &"x".repeat(bytes - overhead));
        let half = (MAX_BYTES - BULK_START.len() - BULK_END.len() - 1) / 2;
        assert_eq!(counts(&[sized(half), sized(half)]), [2]);
        assert_eq!(counts(&[sized(half), sized(half + 2)]), [1, 1]);
        assert_eq!(
            counts(&[sized(MAX_BYTES + 1), sized(100), sized(100)]),
            [1, 2]
        );
    }

    #[test]
    fn bulk_answers_are_matched_by_index() {
        let body = json!({
            "ok": true,
            "entities": [{"index": 2, "created": true, "identifier": "c"}],
            "errors": [{"index": 0, "statusCode": 422, "identifier": "a", "error": "x", "message": "no"}],
        });
        let answer = Answer {
            status: StatusCode::MULTI_STATUS,
            headers: HeaderMap::new(),
            body: body.to_string().into(),
        };
        let Answered::Each(results) = read_upsert(&answer, 3, "it").unwrap() else {
            panic!("the answer says something of each");
        };
        assert_eq!(
            results[0],
            Err(Rejection {
                status: 422,
                message: "no".to_owned()
            })
        );
        assert_eq!(results[1].as_ref().unwrap_err().status, 207);
        assert_eq!(results[2], Ok(Upserted::Created));
    }
}
