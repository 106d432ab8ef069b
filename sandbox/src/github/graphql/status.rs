//! Commit statuses.

use async_graphql::{Enum, ID, Object};

use super::scalar::{DateTime, Uri};
use crate::git::ObjectId;
use crate::github::state::{self, CommitStatus, State};

/// The newest statuses of a commit, one for each context.
pub(super) struct Status {
    pub(super) commit: ObjectId,
    pub(super) latest: Vec<CommitStatus>,
}

#[Object]
impl Status {
    async fn id(&self) -> ID {
        ID(format!("S_{}", self.commit))
    }

    async fn state(&self) -> StatusState {
        state::combined(&self.latest).into()
    }

    async fn context(&self, name: String) -> Option<StatusContext> {
        self.latest
            .iter()
            .find(|status| status.is_of(&name))
            .cloned()
            .map(StatusContext)
    }

    async fn contexts(&self) -> Vec<StatusContext> {
        self.latest.iter().cloned().map(StatusContext).collect()
    }
}

pub(super) struct StatusContext(CommitStatus);

#[Object]
impl StatusContext {
    async fn id(&self) -> ID {
        ID(format!("SC_{}", self.0.id))
    }

    async fn context(&self) -> &str {
        &self.0.context
    }

    async fn state(&self) -> StatusState {
        self.0.state.into()
    }

    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at())
    }

    async fn target_url(&self) -> Option<Uri> {
        self.0.target_url.clone().map(Uri)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(super) enum StatusState {
    Error,
    Expected,
    Failure,
    Pending,
    Success,
}

impl From<State> for StatusState {
    fn from(state: State) -> Self {
        match state {
            State::Pending => Self::Pending,
            State::Success => Self::Success,
            State::Failure => Self::Failure,
            State::Error => Self::Error,
        }
    }
}
