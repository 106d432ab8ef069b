//! The state as properties of an entity, and back.
//!
//! People may remove entries from `entities`, `waiting` and `removed`. Entries that they add have
//! no effect. `settled` and `open` are the machine's part: JSON, compressed with gzip (whose
//! checksum notices edits), in base64, cut into strings that Port stores.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{DeletionState, FileState, HeldVersion, Problem, Removed, State, Version};
use crate::catalog::change::Proof;
use crate::catalog::entity::{BlueprintId, EntityKey};
use crate::catalog::plan::DriftDigest;
use crate::git::{BlobId, CommitSha};
use crate::text::RepoPath;

/// The format that this program writes. It reads no newer one.
const FORM: u32 = 1;
/// The longest string that is written: Port is not known to store longer ones.
const MAX_STRING: usize = 30 * 1024;
/// What a state may expand to, in bytes: far more than one that fits into a request.
const MAX_JSON: u64 = 64 * 1024 * 1024;

/// Which save a state was written by.
#[derive(Debug, Clone, PartialEq, Eq)]
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

type TextIds = BTreeMap<String, String>;
type Keys = BTreeMap<String, Vec<String>>;

#[derive(Serialize, Deserialize)]
struct Settled {
    save: String,
    /// The ids of mappings, which versions name by their index.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    mappings: Vec<String>,
    files: BTreeMap<String, (String, TextIds, Keys)>,
}

#[derive(Serialize, Deserialize)]
struct Open {
    save: String,
    /// The ids of mappings, which versions name by their index.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    mappings: Vec<String>,
    commit: Option<String>,
    inputs: String,
    workflow: String,
    since: u64,
    files: BTreeMap<String, OpenFile>,
    removed: BTreeMap<String, (String, bool)>,
    waiting: BTreeSet<String>,
    rewritten: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct OpenFile {
    /// The file's id, its texts, its entities, and whether Port accepted these.
    parts: Vec<(String, TextIds, Keys, bool)>,
    problems: Vec<(String, Option<String>)>,
}

/// The properties that hold `state`. [`Facts`](super::store::Facts) are added by the caller.
pub(super) fn encode(state: &State, save: &SaveId) -> Map<String, Value> {
    let (mut settled, mut open) = (BTreeMap::new(), BTreeMap::new());
    let (mut settled_mappings, mut open_mappings) = (Vec::new(), Vec::new());
    for (path, file) in state.files() {
        match file.settled() {
            Some(held) => {
                let (blob, texts) = write_version(&held.version, &mut settled_mappings);
                settled.insert(path.to_string(), (blob, texts, write_keys(&held.entities)));
            }
            None => drop(open.insert(path.to_string(), write_open(file, &mut open_mappings))),
        }
    }
    let removed = |(key, removed): (&EntityKey, &Removed)| {
        let is_prevented = removed.deletion == DeletionState::Prevented;
        (key.to_text(), (removed.path.to_string(), is_prevented))
    };
    let rewritten =
        |(key, drift): (&EntityKey, &DriftDigest)| (key.to_text(), drift.as_str().to_owned());
    let texts = |keys: &BTreeSet<EntityKey>| keys.iter().map(EntityKey::to_text).collect();
    let open = Open {
        save: save.0.clone(),
        mappings: open_mappings,
        commit: state.commit.as_ref().map(ToString::to_string),
        inputs: state.inputs.clone(),
        workflow: state.workflow.clone(),
        since: state.since,
        files: open,
        removed: state.removed.iter().map(removed).collect(),
        waiting: texts(&state.waiting),
        rewritten: state.rewritten.iter().map(rewritten).collect(),
    };
    let settled = Settled {
        save: save.0.clone(),
        mappings: settled_mappings,
        files: settled,
    };
    let mut properties = Map::new();
    let listed = state.entities().into_keys().filter(|key| is_listed(key));
    let listed: Vec<_> = listed.map(EntityKey::to_text).collect();
    properties.insert("entities".to_owned(), json!(listed));
    properties.insert("waiting".to_owned(), json!(open.waiting));
    let removed: Vec<_> = open.removed.keys().collect();
    properties.insert("removed".to_owned(), json!(removed));
    properties.insert("settled".to_owned(), json!(pack(&settled)));
    properties.insert("open".to_owned(), json!(pack(&open)));
    properties
}

/// Whether `entities` lists `key`: a query has no identifier that another source could compare.
fn is_listed(key: &EntityKey) -> bool {
    key.name.identifier().is_some()
}

/// A version as the ids of the file and of its texts. For a mapped file, `:` and the index of the
/// mapping follow the first: many files have the same mapping.
fn write_version(version: &Version, mappings: &mut Vec<String>) -> (String, TextIds) {
    let text = |(path, blob): (&RepoPath, &BlobId)| (path.to_string(), blob.to_string());
    let texts = version.texts.iter().map(text).collect();
    let Some(mapping) = version.mapping.as_ref().map(ToString::to_string) else {
        return (version.file.to_string(), texts);
    };
    let known = mappings.iter().position(|known| *known == mapping);
    let index = known.unwrap_or_else(|| {
        mappings.push(mapping);
        mappings.len() - 1
    });
    (format!("{}:{index}", version.file), texts)
}

/// Reads what [`write_version`] gives.
fn read_version(
    file: &str,
    texts: TextIds,
    mappings: &[String],
) -> Result<Version, UnreadableState> {
    let id = |blob: &str| BlobId::parse(blob).ok_or_else(|| damaged("an id is malformed"));
    let text = |(path, blob): (String, String)| Ok((RepoPath::new(path), id(&blob)?));
    let (file, mapping) = match file.split_once(':') {
        None => (file, None),
        Some((file, index)) => {
            let index = index.parse::<usize>().map_err(damaged)?;
            let mapping = mappings.get(index);
            (
                file,
                Some(mapping.ok_or_else(|| damaged("a mapping is missing"))?),
            )
        }
    };
    Ok(Version {
        file: id(file)?,
        mapping: mapping.map(|blob| id(blob)).transpose()?,
        texts: texts.into_iter().map(text).collect::<Result<_, _>>()?,
    })
}

fn write_keys(keys: &BTreeSet<EntityKey>) -> Keys {
    let mut by_blueprint = Keys::new();
    for key in keys {
        let names = by_blueprint.entry(key.blueprint.to_string()).or_default();
        names.push(key.name.to_string());
    }
    by_blueprint
}

fn write_open(file: &FileState, mappings: &mut Vec<String>) -> OpenFile {
    let held = |held: &HeldVersion| {
        let (blob, texts) = write_version(&held.version, mappings);
        let is_accepted = held.proof == Proof::Accepted;
        (blob, texts, write_keys(&held.entities), is_accepted)
    };
    let problem = |problem: &Problem| {
        let entity = problem.entity.as_ref().map(EntityKey::to_text);
        (problem.code.clone(), entity)
    };
    OpenFile {
        parts: file.versions.iter().map(held).collect(),
        problems: file.problems.iter().map(problem).collect(),
    }
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
    let is_there = |name| {
        let list = properties.get(name).and_then(Value::as_array);
        list.is_some_and(|list| !list.is_empty())
    };
    if !["settled", "open", "entities"].into_iter().any(is_there) {
        return Ok((State::default(), SaveId(String::new())));
    }
    let settled: Settled = unpack(properties, "settled")?;
    let open: Open = unpack(properties, "open")?;
    if settled.save != open.save {
        return Err(damaged("`settled` and `open` are of different saves"));
    }
    let mut state = State {
        inputs: open.inputs,
        workflow: open.workflow,
        since: open.since,
        commit: open.commit.as_deref().and_then(CommitSha::parse),
        ..State::default()
    };
    let kept = |name: &str| -> BTreeSet<&str> {
        let list = properties.get(name).and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    };
    let entities = kept("entities");
    let is_kept = |key: &EntityKey| !is_listed(key) || entities.contains(key.to_text().as_str());
    for (path, (blob, texts, keys)) in settled.files {
        let held = read_held((blob, texts, keys, true), &settled.mappings, is_kept)?;
        let file = FileState {
            versions: vec![held],
            problems: BTreeSet::new(),
        };
        state.files.insert(RepoPath::new(path), Arc::new(file));
    }
    for (path, file) in open.files {
        let file = read_open(file, &open.mappings, is_kept)?;
        state.files.insert(RepoPath::new(path), Arc::new(file));
    }
    let removed = kept("removed");
    for (key, (path, is_prevented)) in open.removed {
        if removed.contains(key.as_str()) {
            let deletion = match is_prevented {
                true => DeletionState::Prevented,
                false => DeletionState::Pending,
            };
            let path = RepoPath::new(path);
            state
                .removed
                .insert(read_key(&key)?, Removed { path, deletion });
        }
    }
    let waiting = kept("waiting");
    let waiting = open
        .waiting
        .iter()
        .filter(|key| waiting.contains(key.as_str()));
    state.waiting = waiting.map(|key| read_key(key)).collect::<Result<_, _>>()?;
    for (key, drift) in open.rewritten {
        let drift = DriftDigest::new(drift);
        state.rewritten.insert(read_key(&key)?, drift);
    }
    Ok((state, SaveId(open.save)))
}

/// When the state that `properties` hold began: seconds since 1970. Reads no more than `open`.
pub(super) fn since(properties: &Map<String, Value>) -> Option<u64> {
    let open: Open = unpack(properties, "open").ok()?;
    Some(open.since)
}

fn read_open(
    file: OpenFile,
    mappings: &[String],
    is_kept: impl Fn(&EntityKey) -> bool + Copy,
) -> Result<FileState, UnreadableState> {
    let versions = file.parts.into_iter();
    let versions = versions.map(|held| read_held(held, mappings, is_kept));
    let problems = file.problems.into_iter().map(|(code, entity)| {
        let entity = entity.as_deref().map(read_key).transpose()?;
        Ok(Problem { code, entity })
    });
    Ok(FileState {
        versions: versions.collect::<Result<_, _>>()?,
        problems: problems.collect::<Result<_, _>>()?,
    })
}

fn read_held(
    (blob, texts, keys, is_accepted): (String, TextIds, Keys, bool),
    mappings: &[String],
    is_kept: impl Fn(&EntityKey) -> bool,
) -> Result<HeldVersion, UnreadableState> {
    let mut entities = BTreeSet::new();
    for (blueprint, names) in keys {
        let blueprint = BlueprintId::parse(&blueprint).map_err(damaged)?;
        for name in names {
            let key = EntityKey::with_name(blueprint.clone(), &name).map_err(damaged)?;
            if is_kept(&key) {
                entities.insert(key);
            }
        }
    }
    Ok(HeldVersion {
        version: read_version(&blob, texts, mappings)?,
        entities,
        proof: match is_accepted {
            true => Proof::Accepted,
            false => Proof::Possible,
        },
    })
}

fn read_key(text: &str) -> Result<EntityKey, UnreadableState> {
    EntityKey::from_text(text)
        .ok_or_else(|| damaged(format!("`{text}` is not the key of an entity")))
}

pub(super) fn unpack<T: DeserializeOwned>(
    properties: &Map<String, Value>,
    name: &str,
) -> Result<T, UnreadableState> {
    let strings = properties.get(name).and_then(Value::as_array);
    let strings: Option<Vec<&str>> =
        strings.map(|list| list.iter().filter_map(Value::as_str).collect());
    let text = strings.unwrap_or_default().concat();
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
