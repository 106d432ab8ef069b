//! Request and response bodies.

use std::borrow::Borrow;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use url::Url;

use super::refusal::Complaint;
use super::{Rejection, Upserted, WriteOptions, Written};
use crate::catalog::entity::Entity;
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

/// Packs entities of one blueprint, in their order, into as few bodies of at most `most` as Port's
/// limit on bytes allows. An entity that is over the limit by itself gets a body of its own, for Port
/// to refuse.
pub fn pack<E: Borrow<Entity>>(entities: impl IntoIterator<Item = E>, most: usize) -> Vec<Body> {
    let entities = entities.into_iter().map(|entity| to_json(entity.borrow()));
    let mut entities = entities.peekable();
    let mut left = None;
    let mut bodies = Vec::new();
    while left.is_some() || entities.peek().is_some() {
        let (body, over) = fill(left.take(), &mut entities, most);
        bodies.push(body);
        left = over;
    }
    bodies
}

/// Packs as many of the first `entities` as one body of at most `most` takes; at least one, if there is
/// one.
pub fn pack_first<E: Borrow<Entity>>(
    entities: impl IntoIterator<Item = E>,
    most: usize,
) -> Option<Body> {
    pack_first_json(
        entities.into_iter().map(|entity| to_json(entity.borrow())),
        most,
    )
}

/// The same for entities that are JSON already.
pub(super) fn pack_first_json(
    entities: impl IntoIterator<Item = Vec<u8>>,
    most: usize,
) -> Option<Body> {
    let (body, _) = fill(None, &mut entities.into_iter(), most);
    (body.count > 0).then_some(body)
}

/// A body, and the first of `entities` that found no room.
fn fill(
    first: Option<Vec<u8>>,
    entities: &mut impl Iterator<Item = Vec<u8>>,
    most: usize,
) -> (Body, Option<Vec<u8>>) {
    let size = |entity: &Vec<u8>| entity.len() + b",".len();
    let mut bytes = BULK_START.len() + BULK_END.len() + first.as_ref().map_or(0, size);
    let mut batch: Vec<_> = first.into_iter().collect();
    while batch.len() < most {
        let Some(entity) = entities.next() else { break };
        if !batch.is_empty() && bytes + entity.len() > MAX_BYTES {
            return (Body::of(&batch), Some(entity));
        }
        bytes += size(&entity);
        batch.push(entity);
    }
    (Body::of(&batch), None)
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

/// How many entities Port takes in one request of a route.
#[derive(Debug)]
pub(super) struct BulkLimit(AtomicUsize);

impl BulkLimit {
    pub(super) fn new(usual: usize) -> Self {
        Self(AtomicUsize::new(usual))
    }

    pub(super) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Obeys an answer's `maxBulkSize` from now on.
    pub(super) fn note(&self, said: Option<f64>) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is at least 1, and past any count it means that there is no limit"
        )]
        if let Some(said) = said.filter(|said| *said >= 1.0) {
            self.0.store(said as usize, Ordering::Relaxed);
        }
    }
}

/// The `ok` of an answer to something that was done: it is `true`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Done;

impl<'de> Deserialize<'de> for Done {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match bool::deserialize(deserializer)? {
            true => Ok(Self),
            false => Err(D::Error::custom("`ok` is false")),
        }
    }
}

/// The answer to an upsert of one entity.
#[derive(Deserialize)]
pub(super) struct UpsertAnswer {
    #[serde(rename = "ok")]
    _ok: Done,
    entity: UpsertedEntity,
}

#[derive(Deserialize)]
struct UpsertedEntity {
    identifier: String,
}

impl From<UpsertAnswer> for Written {
    fn from(one: UpsertAnswer) -> Self {
        Self {
            upserted: Upserted::Written,
            identifier: one.entity.identifier,
        }
    }
}

/// The answer to an upsert of several.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bulk {
    entities: Vec<BulkItem>,
    #[serde(default)]
    errors: Vec<FailedItem>,
    pub(super) max_bulk_size: Option<f64>,
}

#[derive(Deserialize)]
struct BulkItem {
    index: usize,
    created: bool,
    identifier: String,
}

/// An item that was refused by itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FailedItem {
    pub(super) index: usize,
    status_code: u16,
    #[serde(flatten)]
    complaint: Complaint,
}

impl From<FailedItem> for Rejection {
    fn from(failed: FailedItem) -> Self {
        Self::of_item(failed.status_code, failed.complaint)
    }
}

impl From<BulkItem> for Written {
    fn from(item: BulkItem) -> Self {
        Self {
            upserted: match item.created {
                true => Upserted::Created,
                false => Upserted::Updated,
            },
            identifier: item.identifier,
        }
    }
}

impl Bulk {
    /// What is said of each of `count` entities, matched by index.
    pub(super) fn results(self, count: usize) -> Vec<Result<Written, Rejection>> {
        let unsaid = "Port's answer does not say what became of this entity";
        let mut results = vec![Err(Rejection::unconfirmed(207, unsaid)); count];
        let done = self.entities.into_iter();
        let done = done.map(|item| (item.index, Ok(item.into())));
        let failed = self.errors.into_iter();
        let failed = failed.map(|failed| (failed.index, Err(failed.into())));
        for (index, result) in done.chain(failed) {
            if let Some(slot) = results.get_mut(index) {
                *slot = result;
            }
        }
        results
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::catalog::entity::{BlueprintId, Clearing, EntityName, Identifier, Stated};
    use crate::port::ErrorCode;

    fn entity(identifier: &str, text: &str) -> Entity {
        Entity {
            blueprint: BlueprintId::parse("service").unwrap(),
            name: EntityName::Identifier(Identifier::parse(identifier).unwrap()),
            title: Stated::LeftOut,
            icon: Stated::LeftOut,
            team: Stated::LeftOut,
            properties: [("text".to_owned(), json!(text))].into_iter().collect(),
            relations: BTreeMap::new(),
            clearing: Clearing::Allowed,
        }
    }

    fn counts(entities: &[Entity]) -> Vec<usize> {
        let bodies = pack(entities, 20);
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
            "errors": [{"index": 0, "statusCode": 422, "identifier": "a", "error": "invalid_request", "message": "no"}],
        });
        let bulk: Bulk = serde_json::from_value(body).unwrap();
        let results = bulk.results(3);
        let refused = Rejection::new(422, Some("invalid_request"), "no");
        assert_eq!(results[0], Err(refused));
        let unsaid = results[1].as_ref().unwrap_err();
        assert_eq!(unsaid.code, ErrorCode::Unconfirmed);
        assert_eq!(results[2].as_ref().unwrap().upserted, Upserted::Created);
    }

    #[test]
    fn a_limit_is_what_port_says() {
        let limit = BulkLimit::new(20);
        for (said, is) in [(Some(5.0), 5), (None, 5), (Some(0.0), 5), (Some(50.0), 50)] {
            limit.note(said);
            assert_eq!(limit.get(), is);
        }
        limit.note(Some(f64::NAN));
        assert_eq!(limit.get(), 50);
    }
}
