//! What Port refuses, why, and what the refusal concerns.
//!
//! Port says why by a code, the field `error` of its answer. The status alone does not say enough: a
//! 403 may be about the credentials or about one entity. The codes are those of the tables in Port's
//! [API reference](https://docs.port.io/api-reference/create-an-entity).

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Error;
use crate::http::Answer;
use crate::http::retry::is_passing;

/// The longest title of a page that is shown, in characters.
const LONGEST_TITLE: usize = 100;
/// Where a page's title is looked for, in bytes.
const TITLE_WITHIN: usize = 64 * 1024;

/// Why Port, or something on the way to it, refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// `bad_request`, or 400: Port does not understand the request.
    BadRequest,
    /// `run_exhausted`: the action run that changes should be attached to is over.
    RunExhausted,
    /// 401: the token is not accepted.
    Unauthorized,
    /// `missing_permissions`, or 403: the credentials may not do this.
    MissingPermissions,
    /// `has_dependents`: other entities relate to one that should be deleted.
    HasDependents,
    /// `required_relation`: a relation that the blueprint requires would lead nowhere.
    RequiredRelation,
    /// `not_found`, or 404: the entity, or a target of its relations.
    NotFound,
    /// `not_found`, where Port does not have the blueprint either.
    MissingBlueprint,
    /// `identifier_taken`, or 409: the entity is there already.
    IdentifierTaken,
    /// 413: the request is over Port's limit of 1 MiB, or over a gateway's.
    TooLarge,
    /// `invalid_request`, or 422: the entity does not have the form that Port wants.
    InvalidRequest,
    /// `blueprint_schema_mismatch`: the blueprint does not allow the entity.
    SchemaMismatch,
    /// `team_inheritance_enabled`: Port computes the entity's team itself.
    TeamInherited,
    /// `relation_many_violation`: a relation leads to another number of entities than it may.
    RelationManyViolation,
    /// 408, 429 and 5xx: Port is busy or failing.
    Busy,
    /// Port's answer does not say that it was done.
    Unconfirmed,
    /// What answered is not Port.
    Foreign,
    /// Anything else.
    Other,
}

/// What a refusal concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalScope {
    /// One entity of the request; the others would have been accepted.
    Entity,
    /// The size of the request.
    Size,
    /// All that is written to the blueprint in the same way.
    Blueprint,
    /// Everything that the run writes.
    Run,
    /// Nothing in particular: later it may be accepted.
    Passing,
}

impl ErrorCode {
    /// Reads the field `error` of a refusal. Where that says nothing that is known, `status` does.
    pub fn of(status: u16, error: Option<&str>) -> Self {
        match (error, status) {
            (_, 413) => Self::TooLarge,
            (_, status) if is_passing(status) || status >= 500 => Self::Busy,
            (Some("bad_request"), _) => Self::BadRequest,
            (Some("run_exhausted"), _) => Self::RunExhausted,
            (Some("missing_permissions"), _) => Self::MissingPermissions,
            (Some("has_dependents"), _) => Self::HasDependents,
            (Some("required_relation"), _) => Self::RequiredRelation,
            (Some("not_found"), _) => Self::NotFound,
            (Some("identifier_taken"), _) => Self::IdentifierTaken,
            (Some("invalid_request"), _) => Self::InvalidRequest,
            (Some("blueprint_schema_mismatch"), _) => Self::SchemaMismatch,
            (Some("team_inheritance_enabled"), _) => Self::TeamInherited,
            (Some("relation_many_violation"), _) => Self::RelationManyViolation,
            (_, 400) => Self::BadRequest,
            (_, 401) => Self::Unauthorized,
            (_, 403) => Self::MissingPermissions,
            (_, 404) => Self::NotFound,
            (_, 409) => Self::IdentifierTaken,
            (_, 422) => Self::InvalidRequest,
            _ => Self::Other,
        }
    }

    /// What a request that is refused as a whole for this reason is refused for.
    pub fn scope(self) -> RefusalScope {
        match self {
            Self::HasDependents
            | Self::RequiredRelation
            | Self::NotFound
            | Self::IdentifierTaken
            | Self::InvalidRequest
            | Self::SchemaMismatch
            | Self::TeamInherited
            | Self::RelationManyViolation => RefusalScope::Entity,
            Self::TooLarge => RefusalScope::Size,
            Self::BadRequest
            | Self::MissingPermissions
            | Self::MissingBlueprint
            | Self::Foreign
            | Self::Other => RefusalScope::Blueprint,
            Self::RunExhausted | Self::Unauthorized => RefusalScope::Run,
            Self::Busy | Self::Unconfirmed => RefusalScope::Passing,
        }
    }

    /// What an item of a request, refused by itself while Port judged the others, is refused for.
    pub fn scope_of_item(self) -> RefusalScope {
        match self.scope() {
            RefusalScope::Blueprint | RefusalScope::Size => RefusalScope::Entity,
            scope => scope,
        }
    }

    /// What the user can do about it: a sentence without a full stop.
    pub fn help(self) -> Option<&'static str> {
        Some(match self {
            Self::MissingPermissions => {
                "check what the credentials may do, and whether an IP allow-list keeps the runner out"
            }
            Self::NotFound => {
                "create what is missing first, or set `create-missing-related-entities: true` for relation targets"
            }
            Self::MissingBlueprint => "create the blueprint in Port, or correct its name",
            Self::IdentifierTaken
            | Self::RequiredRelation
            | Self::InvalidRequest
            | Self::SchemaMismatch
            | Self::RelationManyViolation => "change the entity as the message says",
            Self::TeamInherited => "remove `team`: the entity inherits it through a relation",
            Self::TooLarge => "make the entity smaller: Port takes at most 1 MiB",
            Self::Busy | Self::Unconfirmed => {
                "run the job again: Port was busy or failing, and the tries were used up"
            }
            Self::Foreign => {
                "check the input `base-url`, and whether a proxy, a gateway or a sign-in page answers for Port"
            }
            Self::RunExhausted => {
                "give the id of an action run that is in progress in the input `run-id`, or leave it out"
            }
            Self::HasDependents => "delete those first, or change their relations",
            Self::BadRequest | Self::Unauthorized | Self::Other => return None,
        })
    }
}

/// Why Port did not do what a request, or an item of one, wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The reason.
    pub code: ErrorCode,
    /// The HTTP status, of the item where Port gives one for each.
    pub status: u16,
    /// Port's own message, or what is known of a page that is not Port's.
    pub message: String,
}

/// What Port says of an error, in an answer or in an item of one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Complaint {
    /// `false` in an answer.
    ok: Option<bool>,
    error: Option<String>,
    message: Option<String>,
}

impl Rejection {
    /// A refusal with a code of Port's (`error`), if it has one.
    pub fn new(status: u16, error: Option<&str>, message: impl Into<String>) -> Self {
        Self {
            code: ErrorCode::of(status, error),
            status,
            message: message.into(),
        }
    }

    /// Something that an answer with `status` should have said, and did not.
    pub fn unconfirmed(status: u16, message: &str) -> Self {
        Self {
            code: ErrorCode::Unconfirmed,
            status,
            message: message.to_owned(),
        }
    }

    pub(super) fn of_item(status: u16, complaint: Complaint) -> Self {
        let Complaint { error, message, .. } = complaint;
        let code = ErrorCode::of(status, error.as_deref());
        let message = message.or(error).unwrap_or_default();
        Self {
            code,
            status,
            message,
        }
    }

    /// The error that it is where a run cannot go on without what was requested.
    pub fn into_error(self, what: &str) -> Error {
        match self.code {
            ErrorCode::RunExhausted => Error::RunExhausted(self.message),
            _ => Error::Refused {
                what: what.to_owned(),
                rejection: self,
            },
        }
    }

    /// What an answer that is no success says.
    pub(super) fn of(answer: &Answer) -> Self {
        let status = answer.status.as_u16();
        let said = answer.json::<Complaint>().ok();
        // Gateways have errors in JSON, too. Port's have all of these.
        if let Some(complaint) = said.filter(|said| said.ok == Some(false) && said.error.is_some())
        {
            let rejection = Self::of_item(status, complaint);
            return match rejection.message.is_empty() {
                true => Self {
                    message: reason(answer),
                    ..rejection
                },
                false => rejection,
            };
        }
        match ErrorCode::of(status, None) {
            // Others have limits, too, and mean the same by these.
            code @ (ErrorCode::Busy | ErrorCode::TooLarge) => Self {
                code,
                status,
                message: title(answer).unwrap_or_else(|| reason(answer)),
            },
            _ => Self::foreign(answer),
        }
    }

    /// An answer that does not have the form of Port's.
    fn foreign(answer: &Answer) -> Self {
        let words = || answer.json::<Complaint>().ok()?.message;
        let seen = match (title(answer), words()) {
            (Some(title), _) => format!("a page titled \"{title}\""),
            (None, Some(message)) => format!("the message \"{message}\""),
            (None, None) if answer.body.is_empty() => "an empty body".to_owned(),
            (None, None) => "a body that is not Port's".to_owned(),
        };
        Self {
            code: ErrorCode::Foreign,
            status: answer.status.as_u16(),
            message: format!("something between the runner and Port answered, with {seen}"),
        }
    }
}

/// What an answer says: a body of the form `T`, or why there is none.
///
/// # Errors
/// Port's refusal. With [`ErrorCode::Foreign`], that the answer is not Port's.
pub(super) fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, Rejection> {
    match answer.status.is_success() {
        true => answer.json().map_err(|_| Rejection::foreign(answer)),
        false => Err(Rejection::of(answer)),
    }
}

/// Whether an answer is Port's own, be it a body of the form `T` or a refusal.
pub(super) fn is_own<T: DeserializeOwned>(answer: &Answer) -> bool {
    !read::<T>(answer).is_err_and(|rejection| rejection.code == ErrorCode::Foreign)
}

/// The status' name.
fn reason(answer: &Answer) -> String {
    let reason = answer.status.canonical_reason();
    reason.unwrap_or("no reason given").to_owned()
}

/// An HTML page's title, in one line.
fn title(answer: &Answer) -> Option<String> {
    let start = &answer.body[..answer.body.len().min(TITLE_WITHIN)];
    let page = String::from_utf8_lossy(start);
    // ASCII alone is lowered, so offsets stay the same.
    let lower = page.to_ascii_lowercase();
    let tag = lower.find("<title")?;
    let from = tag + lower[tag..].find('>')? + 1;
    let to = from + lower[from..].find("</title")?;
    let words: Vec<_> = page[from..to].split_whitespace().collect();
    let title: String = words.join(" ").chars().take(LONGEST_TITLE).collect();
    (!title.is_empty()).then_some(title)
}

#[cfg(test)]
mod tests;
