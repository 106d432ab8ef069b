//! The state in Port: one entity for each source.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::blueprint;
use super::codec::{self, SaveId, UnreadableState};
use super::{SourceName, State, Status};
use crate::catalog::entity::BlueprintId;
use crate::port::{self, ErrorCode, Existing, Port, Rejection, Reserve};

/// How many bytes Port takes in one body.
const MAX_BYTES: usize = 1024 * 1024;
/// The longest list of problems, in bytes: see [`codec`].
const MAX_PROBLEMS: usize = 30 * 1024;

/// Why a state was not loaded or saved.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Port(#[from] port::Error),
    #[error("the state `{name}` of the blueprint `{blueprint}` in Port cannot be read: {reason}")]
    Unreadable {
        name: SourceName,
        blueprint: BlueprintId,
        reason: UnreadableState,
    },
    #[error(
        "the state `{name}` of the blueprint `{blueprint}` is in Port, and these credentials may not read it; give them the right to read and write that blueprint"
    )]
    Hidden {
        name: SourceName,
        blueprint: BlueprintId,
    },
    #[error(
        "Port refused the state `{name}` of the blueprint `{blueprint}`: {} ({}); nothing is written without it. Give the credentials the right to read and write that blueprint, or set `state-blueprint: none` to keep no state",
        rejection.message,
        rejection.status
    )]
    Refused {
        name: SourceName,
        blueprint: BlueprintId,
        rejection: Rejection,
    },
    #[error(
        "the state of this source takes {bytes} bytes, and Port takes {MAX_BYTES} in one request: {entities} entities are too many for one source. Split it: let two workflows take different `files`, and give each its own `owner`"
    )]
    TooLarge { bytes: usize, entities: usize },
    /// The run goes on without a state.
    #[error("the blueprint of states is not in Port and may not be created: {0}")]
    NoBlueprint(String),
    /// The run merges this one, which Port holds now, with its own.
    #[error("another run created the state meanwhile")]
    Overtaken(Box<Stored>),
}

impl Error {
    /// Whether Port's budget is nearly used up.
    pub(crate) fn is_end_of_budget(&self) -> bool {
        matches!(self, Self::Port(port::Error::BudgetExhausted(_)))
    }
}

/// A state as Port holds it.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) state: State,
    /// The status beside it; `None` if that is not one of ours.
    status: Option<Status>,
    save: SaveId,
}

/// Where the state of one source is kept.
#[derive(Debug, Clone)]
pub(crate) struct Store<'p> {
    pub(crate) port: &'p Port,
    pub(crate) blueprint: BlueprintId,
    pub(crate) name: SourceName,
}

/// The properties of a state that are only for people.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// The repository's full name, then the branch and the input `owner` if they distinguish it.
    pub(crate) title: String,
    /// The repository's page.
    pub(crate) repository: String,
    pub(crate) branch: String,
    /// The page of the run that saves.
    pub(crate) run_url: Option<String>,
    /// The time of the save, in RFC 3339.
    pub(crate) time: String,
    /// What is wrong, a line of Markdown each; without values.
    pub(crate) problems: Vec<String>,
}

impl Facts {
    /// As properties, with how far the source is in sync and how many entities it has in Port.
    pub(super) fn properties(&self, status: Status, entities: u64) -> Map<String, Value> {
        codec::named([
            ("status", json!(status)),
            ("repository", json!(self.repository)),
            ("applied_at", json!(self.time)),
            ("run_url", json!(self.run_url)),
            ("entity_count", json!(entities)),
            ("problem_count", json!(self.problems.len())),
            ("problems", json!(list(&self.problems))),
        ])
    }
}

/// A state to be saved.
#[derive(Debug)]
pub(crate) struct Save<'s> {
    pub(crate) store: &'s Store<'s>,
    pub(crate) state: &'s State,
    pub(crate) status: Status,
    pub(crate) facts: Facts,
    /// The state as last loaded or saved. Without one, the entity is created rather than merged, so
    /// that a state that the credentials cannot read is noticed.
    pub(crate) known: Option<&'s Stored>,
}

/// Saves states, all kept in the same blueprint, in as few requests as Port takes. Returns what Port holds
/// then, in the same order.
pub(crate) async fn save(saves: &[Save<'_>]) -> Vec<Result<Stored, Error>> {
    let mut results = BTreeMap::new();
    for (existing, is_known) in [(Existing::Refuse, false), (Existing::Merge, true)] {
        let (mut group, mut bodies) = (Vec::new(), Vec::new());
        let of_group = |(_, save): &(usize, &Save<'_>)| save.known.is_some() == is_known;
        for (index, save) in saves.iter().enumerate().filter(of_group) {
            let id = SaveId::random();
            match save.body(&id) {
                Ok(body) => {
                    group.push((index, save, id));
                    bodies.push(body);
                }
                Err(error) => drop(results.insert(index, Err(error))),
            }
        }
        if let Some((_, first, _)) = group.first() {
            let puts = put(first.store, &bodies, existing).await;
            for ((index, save, id), put) in group.into_iter().zip(puts) {
                results.insert(index, save.conclude(put, id).await);
            }
        }
    }
    results.into_values().collect()
}

/// What Port makes of a state that is written.
pub(super) type Put = Result<Result<(), Rejection>, Error>;

/// Writes `bodies`, the states that `store` and others like it keep. If their blueprint is missing or
/// lacks a property, it is changed and the refused states are written again.
pub(super) async fn put(store: &Store<'_>, bodies: &[Value], existing: Existing) -> Vec<Put> {
    let put_once = async |bodies: &[Value]| -> Vec<Put> {
        let answers = store.port.put(&store.blueprint, bodies, existing).await;
        let answers = answers.into_iter();
        answers.map(|answer| answer.map_err(Error::from)).collect()
    };
    let mut puts = put_once(bodies).await;
    let mut rejections = puts
        .iter()
        .filter_map(|put| put.as_ref().ok()?.as_ref().err());
    let is_unexpected = |rejection: &&Rejection| rejection.code != ErrorCode::IdentifierTaken;
    let Some(rejection) = rejections.find(is_unexpected).cloned() else {
        return puts;
    };
    let refused = (0..puts.len()).filter(|&at| matches!(puts[at], Ok(Err(_))));
    let refused: Vec<_> = refused.collect();
    let again = match store.provide_blueprint(&rejection, existing).await {
        Ok(Provided::Nothing) => return puts,
        Ok(Provided::Changed) => {
            let bodies: Vec<_> = refused.iter().map(|&at| bodies[at].clone()).collect();
            put_once(&bodies).await
        }
        Err(error) => vec![Err(error); refused.len()],
    };
    for (at, put) in refused.into_iter().zip(again) {
        puts[at] = put;
    }
    puts
}

/// What was done about the blueprint of a state that Port refused.
enum Provided {
    /// It was created, or got the missing properties: the state can be written again.
    Changed,
    /// Nothing: the blueprint is not what is wrong.
    Nothing,
}

impl Store<'_> {
    /// Loads the state; `None` if there is none, or none that these credentials may see. Uses what is
    /// kept of Port's budget if `reserve` says so.
    pub(crate) async fn load(&self, reserve: Reserve) -> Result<Option<Stored>, Error> {
        let name = self.name.as_str();
        let Some(properties) = self.port.properties(&self.blueprint, name, reserve).await? else {
            return Ok(None);
        };
        let (state, save) = codec::decode(&properties).map_err(|reason| Error::Unreadable {
            name: self.name.clone(),
            blueprint: self.blueprint.clone(),
            reason,
        })?;
        Ok(Some(Stored {
            status: codec::status(&properties),
            state,
            save,
        }))
    }

    /// Creates a missing blueprint, or adds missing properties to it if Port refused the state's
    /// schema.
    async fn provide_blueprint(
        &self,
        rejection: &Rejection,
        existing: Existing,
    ) -> Result<Provided, Error> {
        match rejection.code {
            ErrorCode::NotFound if existing == Existing::Refuse => {
                let body = blueprint::blueprint(&self.blueprint);
                let Err(rejection) = self.port.create_blueprint(&body).await? else {
                    return Ok(Provided::Changed);
                };
                match rejection.code {
                    // Another run was faster.
                    ErrorCode::IdentifierTaken => Ok(Provided::Changed),
                    ErrorCode::MissingPermissions => Err(Error::NoBlueprint(rejection.message)),
                    _ => Err(self.refused(rejection)),
                }
            }
            ErrorCode::InvalidRequest | ErrorCode::SchemaMismatch => {
                let properties = blueprint::properties();
                let added = self.port.add_properties(&self.blueprint, &properties);
                match added.await? {
                    Ok(true) => Ok(Provided::Changed),
                    Ok(false) => Ok(Provided::Nothing),
                    Err(rejection) => Err(self.refused(rejection)),
                }
            }
            _ => Ok(Provided::Nothing),
        }
    }

    pub(super) fn refused(&self, rejection: Rejection) -> Error {
        Error::Refused {
            name: self.name.clone(),
            blueprint: self.blueprint.clone(),
            rejection,
        }
    }
}

impl Save<'_> {
    fn body(&self, save: &SaveId) -> Result<Value, Error> {
        let Self { state, facts, .. } = self;
        let entities = state.entities().len();
        let mut properties = codec::encode(state, save);
        properties.extend(facts.properties(self.status, entities as u64));
        properties.extend(codec::named([
            ("branch", json!(facts.branch)),
            ("inputs", json!(state.inputs)),
            ("commit", json!(state.commit)),
        ]));
        let body = json!({
            "identifier": self.store.name.as_str(),
            "title": facts.title,
            "properties": properties,
        });
        let bytes = body.to_string().len();
        if bytes > MAX_BYTES {
            return Err(Error::TooLarge { bytes, entities });
        }
        Ok(body)
    }

    /// What became of the state, given Port's answer.
    async fn conclude(&self, put: Put, save: SaveId) -> Result<Stored, Error> {
        let stored = Stored {
            state: self.state.clone(),
            status: Some(self.status),
            save,
        };
        match put {
            Ok(Ok(())) => Ok(stored),
            Err(error) => Err(error),
            Ok(Err(rejection))
                if rejection.code == ErrorCode::IdentifierTaken && self.known.is_none() =>
            {
                // The answer to an earlier try may have been lost.
                match self.store.load(Reserve::Use).await? {
                    None => Err(Error::Hidden {
                        name: self.store.name.clone(),
                        blueprint: self.store.blueprint.clone(),
                    }),
                    Some(found) if found.is_same_save(&stored) => Ok(stored),
                    Some(found) => Err(Error::Overtaken(Box::new(found))),
                }
            }
            Ok(Err(rejection)) => Err(self.store.refused(rejection)),
        }
    }
}

impl Stored {
    /// Whether both are of the same save.
    pub(crate) fn is_same_save(&self, other: &Self) -> bool {
        self.save == other.save
    }

    /// Whether it says that a run is writing: this one, or one that was killed.
    pub(crate) fn is_applying(&self) -> bool {
        self.status == Some(Status::Applying)
    }
}

/// A list in Markdown, as far as Port stores it.
pub(super) fn list(problems: &[String]) -> String {
    let mut text = String::new();
    for (index, problem) in problems.iter().enumerate() {
        if text.len() + problem.len() > MAX_PROBLEMS {
            let more = problems.len() - index;
            return text + &format!("- … and {more} more\n");
        }
        text += &format!("- {problem}\n");
    }
    text
}
