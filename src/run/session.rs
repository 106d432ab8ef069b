//! What the stages of a run share.

use super::error::Error;
use super::setup::Setup;
use crate::catalog::blueprint::Blueprints;
use crate::event::Run;
use crate::port::Port;
use crate::report::log::Log;
use crate::report::redact::Redaction;
use crate::shutdown::Shutdown;

/// A run that has begun.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Session<'a> {
    /// What it is made of.
    pub(crate) setup: &'a Setup,
    /// What it is to do.
    pub(crate) run: &'a Run,
    /// Port, if the run may use it.
    pub(crate) port: Option<&'a Port>,
    /// Whether it was told to stop.
    pub(crate) shutdown: &'a Shutdown,
    /// Where it says what it does.
    pub(crate) log: &'a Log,
}

impl Session<'_> {
    /// Which values are not shown.
    pub(crate) fn redaction<'r>(&'r self, blueprints: &'r Blueprints) -> Redaction<'r> {
        Redaction {
            properties: &self.setup.inputs.redact,
            blueprints,
        }
    }

    /// Runs `work`, and drops it when a stop is requested. Not for writing entities, which must not
    /// be dropped halfway; reads and saves of the state or the comment may be.
    pub(crate) async fn unless_interrupted<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        tokio::select! {
            result = work => result,
            () = self.shutdown.requested() => Err(Error::Interrupted),
        }
    }
}
