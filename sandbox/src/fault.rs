//! Misbehaviour on demand: answers that are wrong, broken, late or never come.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::json;
use strum::IntoStaticStr;

use crate::journal::{Answer, Exchange, Matcher};

/// Whether a request that is struck by a fault does its work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effect {
    /// It does not: the fault strikes before the request is looked at.
    #[default]
    None,
    /// It does, and only its answer is lost or spoilt.
    Taken,
}

/// One rule of the script: which requests are struck, how often, and how.
///
/// Rules are asked in the order in which they were given; the first that fits strikes, so at most
/// one strikes a request.
#[derive(Clone, Debug)]
pub struct Fault {
    matcher: Matcher,
    skip: usize,
    times: usize,
    effect: Effect,
    action: Action,
}

#[derive(Clone, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum Action {
    Answer(Answer),
    Reset,
    Close,
    CutShort,
    InvalidJson,
    ContentType(String),
    Hang,
    SlowBody(Duration),
    Delay(Duration),
    Call(Arc<dyn Fn() + Send + Sync>),
}

impl Fault {
    /// This answer, in place of the real one.
    pub fn answer(answer: Answer) -> Self {
        Self::new(Action::Answer(answer))
    }

    /// An answer with this status and a JSON body as Port words its errors.
    pub fn status(status: u16) -> Self {
        let body = json!({"ok": false, "error": "injected", "message": format!("HTTP {status}")});
        Self::answer(Answer::json(status, &body))
    }

    /// The connection is reset (TCP RST) instead of an answer.
    pub fn reset() -> Self {
        Self::new(Action::Reset)
    }

    /// The connection is closed in order (TCP FIN) instead of an answer.
    pub fn close() -> Self {
        Self::new(Action::Close)
    }

    /// Half of the body that `content-length` announces, then the connection is closed.
    pub fn cut_short() -> Self {
        Self::new(Action::CutShort)
    }

    /// The real status and headers, with the first half of the body, measured rightly: no JSON.
    pub fn invalid_json() -> Self {
        Self::new(Action::InvalidJson)
    }

    /// The real status and body under another content type.
    pub fn content_type(content_type: &str) -> Self {
        Self::new(Action::ContentType(content_type.into()))
    }

    /// Never an answer; the connection stays open.
    pub fn hang() -> Self {
        Self::new(Action::Hang)
    }

    /// The body in up to ten pieces, spread evenly over `duration`.
    pub fn slow_body(duration: Duration) -> Self {
        Self::new(Action::SlowBody(duration))
    }

    /// The real answer, later. The time passes before the request takes effect or, with
    /// [`Self::after_effect`], between that and the answer.
    pub fn delay(duration: Duration) -> Self {
        Self::new(Action::Delay(duration))
    }

    /// Calls a function and then goes on as if nothing had happened: for what changes in the world
    /// while a run is under way. The function has a thread of its own, so it may wait, and may send
    /// requests to this server. The request takes effect after the call or, with
    /// [`Self::after_effect`], before it.
    pub fn call(function: impl Fn() + Send + Sync + 'static) -> Self {
        Self::new(Action::Call(Arc::new(function)))
    }

    fn new(action: Action) -> Self {
        Self {
            matcher: Matcher::any(),
            skip: 0,
            times: 1,
            effect: Effect::None,
            action,
        }
    }

    /// Only requests of this method to this path; see [`Matcher::new`].
    #[must_use]
    pub fn on(self, method: &str, path: &str) -> Self {
        self.when(Matcher::new(method, path))
    }

    /// Only requests that this fits.
    #[must_use]
    pub fn when(self, matcher: Matcher) -> Self {
        Self { matcher, ..self }
    }

    /// Lets the first `count` matching requests through.
    #[must_use]
    pub fn skip(mut self, count: usize) -> Self {
        self.skip = count;
        self
    }

    /// Strikes this many times; once, if not said.
    #[must_use]
    pub fn times(mut self, count: usize) -> Self {
        self.times = count;
        self
    }

    /// Strikes every time.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }

    /// The request takes effect before the fault strikes: its answer is lost. If not said, the fault
    /// strikes first; faults that spoil a real answer have `200 {"ok":true}` to spoil then.
    #[must_use]
    pub fn after_effect(mut self) -> Self {
        self.effect = Effect::Taken;
        self
    }

    /// Counts a request that fits; itself if it strikes this one.
    fn due(&mut self, exchange: &Exchange) -> Option<&mut Self> {
        if !self.matcher.matches(exchange) || self.times == 0 {
            return None;
        }
        match self.skip.checked_sub(1) {
            Some(rest) => {
                self.skip = rest;
                None
            }
            None => Some(self),
        }
    }
}

impl Action {
    /// What the journal calls it.
    pub(crate) fn kind(&self) -> &'static str {
        self.into()
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.kind())
    }
}

/// The script of one server.
#[derive(Debug, Default)]
pub(crate) struct Script {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    faults: Vec<Fault>,
    latency: Duration,
}

impl Script {
    pub(crate) fn add(&self, fault: Fault) {
        self.state.lock().faults.push(fault);
    }

    pub(crate) fn clear(&self) {
        self.state.lock().faults.clear();
    }

    pub(crate) fn pending(&self) -> usize {
        let faults = &self.state.lock().faults;
        faults.iter().filter(|one| one.times != usize::MAX).count()
    }

    pub(crate) fn set_latency(&self, latency: Duration) {
        self.state.lock().latency = latency;
    }

    pub(crate) fn latency(&self) -> Duration {
        self.state.lock().latency
    }

    /// The fault for this request, counted down; used-up rules go.
    pub(crate) fn strike(&self, exchange: &Exchange) -> Option<(Action, Effect)> {
        let mut state = self.state.lock();
        let mut faults = state.faults.iter_mut();
        let fault = faults.find_map(|fault| fault.due(exchange))?;
        if fault.times != usize::MAX {
            fault.times -= 1;
        }
        let strike = (fault.action.clone(), fault.effect);
        state.faults.retain(|fault| fault.times > 0);
        Some(strike)
    }
}
