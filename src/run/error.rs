//! Why a run cannot start or continue.

use std::io;
use std::path::PathBuf;

use super::evaluator::NoWorker;
use super::state::store;
use crate::environment::MissingRepository;
use crate::event::EventError;
use crate::github;
use crate::http::proxy::InvalidProxy;
use crate::http::stale_answers::InvalidPatience;
use crate::http::{ClientError, InvalidTimeout};
use crate::inputs::InputError;
use crate::port;
use crate::report::publish::PublishError;
use crate::text::counted;

/// What ends a run before its report.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Runner(#[from] MissingRepository),
    #[error("{} not usable", counted(.0.len(), "input is", "inputs are"))]
    Inputs(Vec<InputError>),
    #[error(
        "{0} is not set, so it is not known what happened; run this as a step of a GitHub Actions workflow"
    )]
    NoEvent(&'static str),
    #[error(
        "the event's payload in {} (GITHUB_EVENT_PATH) cannot be read: {error}; run this as a step of a GitHub Actions workflow",
        path.display()
    )]
    EventFile { path: PathBuf, error: io::Error },
    #[error(transparent)]
    Event(#[from] EventError),
    #[error(
        "inputs `client-id` and `client-secret` are needed to write to Port; set them from the repository's or organisation's secrets, or use `mode: plan`"
    )]
    MissingCredentials,
    #[error(transparent)]
    Proxy(#[from] InvalidProxy),
    #[error(transparent)]
    Timeout(#[from] InvalidTimeout),
    #[error(transparent)]
    Patience(#[from] InvalidPatience),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    GitHub(#[from] github::Error),
    #[error(transparent)]
    Port(#[from] port::Error),
    #[error(transparent)]
    State(#[from] store::Error),
    #[error(transparent)]
    Mapping(#[from] NoWorker),
    #[error("another run saved the state meanwhile; the next run continues from there")]
    Overtaken,
    #[error("the mapping of the fleet cannot be used: {0}; fix it, then run again")]
    FleetMapping(String),
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error("the run was told to stop before it wrote anything")]
    Interrupted,
}

impl Error {
    /// The same once more, if it is that a budget or GitHub's token has come to its end: the next run can
    /// go on.
    pub(crate) fn end_of_budget(&self) -> Option<Self> {
        use github::Error::{BudgetExhausted, TokenEnded};
        match self {
            Self::GitHub(error @ (BudgetExhausted { .. } | TokenEnded { .. })) => {
                Some(Self::GitHub(error.clone()))
            }
            Self::Port(error @ port::Error::BudgetExhausted(_))
            | Self::State(store::Error::Port(error @ port::Error::BudgetExhausted(_))) => {
                Some(Self::Port(error.clone()))
            }
            _ => None,
        }
    }

    /// Whether nothing is wrong with the repository: the next run takes it up.
    pub(crate) fn is_left_to_next_run(&self) -> bool {
        matches!(self, Self::Overtaken) || self.end_of_budget().is_some()
    }

    /// The messages for the user: one or more, each complete in itself.
    pub(crate) fn problems(&self) -> Vec<String> {
        match self {
            Self::Inputs(errors) => errors.iter().map(ToString::to_string).collect(),
            error => vec![error.to_string()],
        }
    }
}
