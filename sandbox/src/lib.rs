//! A Port API and a GitHub API on loopback.
//!
//! Both are real HTTP servers on a free port of `127.0.0.1`, each on a thread of its own, so that
//! synchronous tests can drive a real binary against them. Each keeps a journal of every request
//! and answer, and can be told to misbehave.

pub mod fault;
pub mod foreign;
mod git;
pub mod github;
pub mod journal;
pub mod network;
pub mod port;
pub mod runner;
pub mod server;
pub mod switch;

pub use fault::{Effect, Fault};
pub use git::{GitError, ObjectFormat, ObjectId, TestRepository};
pub use github::GitHubSandbox;
pub use journal::{Answer, Exchange, Matcher};
pub use network::{Authority, Identity, ProxySandbox, TlsFront};
pub use port::PortSandbox;
pub use runner::{RunnerCommand, Step, StepResult};
pub use server::{Sandbox, Server};
pub use switch::Switch;
