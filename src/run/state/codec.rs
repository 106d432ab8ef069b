//! The state as properties of an entity, and back.
//!
//! People may remove entries from `entities`, `waiting` and `removed`. Entries that they add have
//! no effect. `settled` and `open` are the machine's part: JSON, compressed with gzip (whose
//! checksum notices edits), in base64, cut into strings that Port stores.

use std::collections::BTreeSet;
use std::io::{Read, Write};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{State, Status};
use crate::catalog::entity::EntityKey;

/// The format that this program writes. It reads no newer one.
const FORM: u32 = 1;
/// The longest string that is written: Port is not known to store longer ones.
const MAX_STRING: usize = 30 * 1024;
/// What a state may expand to, in bytes: far more than one that fits into a request.
const MAX_JSON: u64 = 64 * 1024 * 1024;

/// Which save a state was written by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SaveId(String);

impl SaveId {
    #[cfg(test)]
    pub(super) fn of(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// One that no other save has.
    pub(super) fn random() -> Self {
        Self(format!("{:016x}", fastrand::u64(..)))
    }
}

/// Why a state cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnreadableState {
    /// A newer program wrote it.
    #[error(
        "a newer version of this action wrote it (format {0}; this version reads up to {FORM}); update the action here too"
    )]
    Newer(u32),
    /// It was changed or cut after it was written.
    #[error(
        "its machine part (`settled` and `open`) was changed or is incomplete ({0}); restore it from the entity's history in Port, or delete the entity: the next run then compares everything with Port, and deletes nothing"
    )]
    Damaged(String),
}

/// One of the two properties that hold a state: the settled files, or everything else.
#[derive(Serialize, Deserialize)]
struct Part {
    save: SaveId,
    state: State,
}

/// The properties that hold `state`. [`Facts`](super::store::Facts) are added by the caller.
pub(super) fn encode(state: &State, save: &SaveId) -> Map<String, Value> {
    let files = state.files.clone().into_iter();
    let (open, settled) = files.partition(|(_, file)| file.is_open());
    let settled = State {
        files: settled,
        ..State::default()
    };
    let open = State {
        files: open,
        ..state.clone()
    };
    let part = |state| {
        pack(&Part {
            save: save.clone(),
            state,
        })
    };
    let entities = state.entities();
    let listed: Vec<_> = entities.keys().filter(|key| is_listed(key)).collect();
    named([
        ("entities", json!(listed)),
        ("waiting", json!(state.waiting)),
        ("removed", json!(Vec::from_iter(state.removed.keys()))),
        ("settled", json!(part(settled))),
        ("open", json!(part(open))),
    ])
}

/// Properties by their names, without those that have no value.
pub(super) fn named<const N: usize>(properties: [(&str, Value); N]) -> Map<String, Value> {
    let properties = properties.into_iter().filter(|(_, value)| !value.is_null());
    let named = properties.map(|(name, value)| (name.to_owned(), value));
    named.collect()
}

/// Whether `entities` lists `key`: a query has no identifier that another source could compare.
fn is_listed(key: &EntityKey) -> bool {
    key.name.identifier().is_some()
}

pub(super) fn pack(value: &impl Serialize) -> Vec<String> {
    #[expect(
        clippy::expect_used,
        reason = "the keys are text, and writing to memory does not fail"
    )]
    let compressed = {
        let json = serde_json::to_vec(value).expect("a state is JSON");
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&json).expect("memory takes it");
        encoder.finish().expect("memory takes it")
    };
    let text = format!("{FORM}:{}", BASE64_STANDARD.encode(compressed));
    // ASCII only, so that every byte is a character.
    text.as_bytes()
        .chunks(MAX_STRING)
        .map(|chunk| String::from_utf8_lossy(chunk).into_owned())
        .collect()
}

/// Reads the state that `properties` hold, and which save wrote it.
///
/// # Errors
/// If they are not as a program of this version or an older one wrote them. Where none of them is there,
/// the state is empty: somebody deleted the entity while a run saved its new commit, which made it anew.
pub(super) fn decode(properties: &Map<String, Value>) -> Result<(State, SaveId), UnreadableState> {
    let is_empty = |name| strings(properties, name).next().is_none();
    if ["settled", "open", "entities"].into_iter().all(is_empty) {
        return Ok((State::default(), SaveId::default()));
    }
    let settled: Part = unpack(properties, "settled")?;
    let open: Part = unpack(properties, "open")?;
    if settled.save != open.save {
        return Err(damaged("`settled` and `open` are of different saves"));
    }
    let mut state = open.state;
    state.files.extend(settled.state.files);
    let [entities, waiting, removed] = ["entities", "waiting", "removed"]
        .map(|name| strings(properties, name).collect::<BTreeSet<_>>());
    let is_in = |list: &BTreeSet<&str>, key: &EntityKey| list.contains(key.to_text().as_str());
    state.retain_entities(|key| !is_listed(key) || is_in(&entities, key));
    state.waiting.retain(|key| is_in(&waiting, key));
    state.removed.retain(|key, _| is_in(&removed, key));
    Ok((state, open.save))
}

/// The status in `properties`; `None` if it is not one of ours.
pub(super) fn status(properties: &Map<String, Value>) -> Option<Status> {
    Status::deserialize(properties.get("status")?).ok()
}

/// The strings of the list called `name`.
pub(super) fn strings<'p>(
    properties: &'p Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = &'p str> {
    let list = properties.get(name).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}

/// When the state that `properties` hold began: seconds since 1970. Reads no more than `open`.
pub(super) fn since(properties: &Map<String, Value>) -> Option<u64> {
    let open: Part = unpack(properties, "open").ok()?;
    Some(open.state.since)
}

pub(super) fn unpack<T: DeserializeOwned>(
    properties: &Map<String, Value>,
    name: &str,
) -> Result<T, UnreadableState> {
    let text: String = strings(properties, name).collect();
    let (form, packed) = text
        .split_once(':')
        .ok_or_else(|| damaged(format!("`{name}` is missing")))?;
    match form.parse() {
        Ok(FORM) => {}
        Ok(newer) if newer > FORM => return Err(UnreadableState::Newer(newer)),
        _ => return Err(damaged(format!("`{name}` has an unknown format"))),
    }
    let compressed = BASE64_STANDARD.decode(packed).map_err(damaged)?;
    let mut json = Vec::new();
    let mut decoder = GzDecoder::new(compressed.as_slice()).take(MAX_JSON);
    decoder.read_to_end(&mut json).map_err(damaged)?;
    serde_json::from_slice(&json).map_err(damaged)
}

fn damaged(reason: impl ToString) -> UnreadableState {
    UnreadableState::Damaged(reason.to_string())
}
