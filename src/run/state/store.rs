//! The state in Port: one entity for each source, of a blueprint that the first apply creates.

use serde_json::{Map, Value, json};

use super::codec::{self, SaveId, Unreadable};
use super::{SourceName, State, Status};
use crate::catalog::entity::BlueprintId;
use crate::port::{self, ErrorCode, Existing, Port, Rejection};

/// How many bytes Port takes in one body.
const MAX_BYTES: usize = 1024 * 1024;
/// The longest list of problems, in bytes: see [`codec`].
const MAX_PROBLEMS: usize = 30 * 1024;

/// Why a run cannot go on with the state.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Port(#[from] port::Error),
    #[error("the state `{name}` of the blueprint `{blueprint}` in Port cannot be read: {reason}")]
    Unreadable {
        name: SourceName,
        blueprint: BlueprintId,
        reason: Unreadable,
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
}

/// A state as Port holds it.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) state: State,
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

/// What became of a save.
#[derive(Debug)]
pub(crate) enum Saved {
    /// Port holds it.
    Done(Box<Stored>),
    /// Another run created the state meanwhile.
    Overtaken(Box<Stored>),
    /// The blueprint does not exist and may not be created: Port's message.
    NoBlueprint(String),
}

impl Store<'_> {
    /// Loads the state; `None` if there is none, or none that these credentials may see.
    pub(crate) async fn load(&self) -> Result<Option<Stored>, Error> {
        let name = self.name.as_str();
        let Some(properties) = self.port.properties(&self.blueprint, name).await? else {
            return Ok(None);
        };
        let (state, save) = codec::read(&properties).map_err(|reason| Error::Unreadable {
            name: self.name.clone(),
            blueprint: self.blueprint.clone(),
            reason,
        })?;
        Ok(Some(Stored { state, save }))
    }

    /// Saves `state`; `known` is the state as last loaded or saved. Without one, the entity is
    /// created rather than merged, so that a state that the credentials cannot read is noticed.
    pub(crate) async fn save(
        &self,
        state: &State,
        status: Status,
        facts: &Facts,
        known: Option<&Stored>,
    ) -> Result<Saved, Error> {
        let save = SaveId::random();
        let body = self.body(state, status, facts, &save);
        let bytes = body.to_string().len();
        if bytes > MAX_BYTES {
            let entities = state.entities().len();
            return Err(Error::TooLarge { bytes, entities });
        }
        let existing = match known {
            Some(_) => Existing::Merge,
            None => Existing::Refuse,
        };
        let stored = Box::new(Stored {
            state: state.clone(),
            save,
        });
        let mut put = self.port.put(&self.blueprint, &body, existing).await?;
        if let Err(rejection) = &put
            && let Some(outcome) = self.provide_blueprint(rejection, known).await?
        {
            match outcome {
                Ok(()) => put = self.port.put(&self.blueprint, &body, existing).await?,
                Err(reason) => return Ok(Saved::NoBlueprint(reason)),
            }
        }
        match put {
            Ok(()) => Ok(Saved::Done(stored)),
            Err(rejection) if rejection.code == ErrorCode::IdentifierTaken && known.is_none() => {
                // The answer to an earlier try may have been lost.
                match self.load().await? {
                    None => Err(Error::Hidden {
                        name: self.name.clone(),
                        blueprint: self.blueprint.clone(),
                    }),
                    Some(found) if found.save == stored.save => Ok(Saved::Done(stored)),
                    Some(found) => Ok(Saved::Overtaken(Box::new(found))),
                }
            }
            Err(rejection) => Err(self.refused(rejection)),
        }
    }

    /// Creates a missing blueprint, or adds missing properties to it if Port refused the state's
    /// schema. `Ok(())`: save again. `Err`: Port's message why the blueprint may not be created.
    /// `None`: nothing changed.
    async fn provide_blueprint(
        &self,
        rejection: &Rejection,
        known: Option<&Stored>,
    ) -> Result<Option<Result<(), String>>, Error> {
        match rejection.code {
            ErrorCode::NotFound if known.is_none() => {
                match self
                    .port
                    .create_blueprint(&blueprint(&self.blueprint))
                    .await?
                {
                    Ok(()) => Ok(Some(Ok(()))),
                    // Another run was faster.
                    Err(rejection) if rejection.code == ErrorCode::IdentifierTaken => {
                        Ok(Some(Ok(())))
                    }
                    Err(rejection) if rejection.code == ErrorCode::MissingPermissions => {
                        Ok(Some(Err(rejection.message)))
                    }
                    Err(rejection) => Err(self.refused(rejection)),
                }
            }
            ErrorCode::InvalidRequest | ErrorCode::SchemaMismatch => {
                let properties = properties();
                let added = self.port.add_properties(&self.blueprint, &properties);
                match added.await? {
                    Ok(true) => Ok(Some(Ok(()))),
                    Ok(false) => Ok(None),
                    Err(rejection) => Err(self.refused(rejection)),
                }
            }
            _ => Ok(None),
        }
    }

    fn refused(&self, rejection: Rejection) -> Error {
        Error::Refused {
            name: self.name.clone(),
            blueprint: self.blueprint.clone(),
            rejection,
        }
    }

    fn body(&self, state: &State, status: Status, facts: &Facts, save: &SaveId) -> Value {
        let mut properties = codec::write(state, save);
        let mut set = |name: &str, value: Value| {
            if !value.is_null() {
                properties.insert(name.to_owned(), value);
            }
        };
        set("status", json!(status.as_str()));
        set("repository", json!(facts.repository));
        set("branch", json!(facts.branch));
        let commit = state.commit.as_ref().map(|commit| commit.as_str());
        set("commit", json!(commit));
        set("applied_at", json!(facts.time));
        set("run_url", json!(facts.run_url));
        set("entity_count", json!(state.entities().len()));
        set("problem_count", json!(facts.problems.len()));
        set("problems", json!(list(&facts.problems)));
        set("inputs", json!(state.inputs));
        json!({
            "identifier": self.name.as_str(),
            "title": facts.title,
            "properties": properties,
        })
    }
}

impl Stored {
    /// Whether both are of the same save.
    pub(crate) fn is_same_save(&self, other: &Self) -> bool {
        self.save == other.save
    }
}

/// A list in Markdown, as far as Port stores it.
fn list(problems: &[String]) -> String {
    let mut text = String::new();
    for (index, problem) in problems.iter().enumerate() {
        if text.len() + problem.len() > MAX_PROBLEMS {
            let more = problems.len() - index;
            text.push_str(&format!("- … and {more} more\n"));
            break;
        }
        text.push_str("- ");
        text.push_str(problem);
        text.push('\n');
    }
    text
}

/// The blueprint of states.
fn blueprint(identifier: &BlueprintId) -> Value {
    json!({
        "identifier": identifier,
        "title": "GitOps source",
        "description": "A repository that port-gitops applies to this catalog",
        "icon": "Git",
        "schema": { "properties": properties(), "required": [] },
        "relations": {},
    })
}

/// The properties that are written.
fn properties() -> Map<String, Value> {
    let text = |title: &str| json!({ "type": "string", "title": title });
    let format =
        |title: &str, format: &str| json!({ "type": "string", "format": format, "title": title });
    let number = |title: &str| json!({ "type": "number", "title": title });
    let texts = |title: &str, description: &str| {
        json!({
            "type": "array",
            "items": { "type": "string" },
            "title": title,
            "description": description,
        })
    };
    let machine = "Written by port-gitops for its next run. Do not edit it.";
    let status = json!({
        "type": "string",
        "title": "Status",
        "enum": ["synced", "incomplete", "applying"],
        "enumColors": { "synced": "green", "incomplete": "red", "applying": "yellow" },
    });
    let properties = [
        ("status", status),
        ("repository", format("Repository", "url")),
        ("branch", text("Branch")),
        ("commit", text("Commit")),
        ("applied_at", format("Applied at", "date-time")),
        ("run_url", format("Run", "url")),
        ("entity_count", number("Entities")),
        ("problem_count", number("Problems")),
        ("problems", format("What is wrong", "markdown")),
        (
            "entities",
            texts("Owned entities", "What is in Port because of this source."),
        ),
        (
            "waiting",
            texts("Waiting", "What it declares and another source owns."),
        ),
        (
            "removed",
            texts(
                "Removed",
                "What it no longer declares and Port still holds.",
            ),
        ),
        ("inputs", text("Inputs")),
        ("settled", texts("Settled files", machine)),
        ("open", texts("Open files", machine)),
    ];
    properties
        .into_iter()
        .map(|(name, property)| (name.to_owned(), property))
        .collect()
}
