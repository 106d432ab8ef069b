//! What was asked and what was answered.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, request};
use parking_lot::Mutex;
use serde_json::Value;

/// Header names (in lower case) and values, in the order in which they were sent.
pub type Headers = Vec<(String, String)>;

/// An answer: scripted by a test, or as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers, without those that the server adds while sending (`date`, `content-length`).
    pub headers: Headers,
    /// The whole body, also where a fault let the client see only a part of it.
    pub body: Bytes,
}

impl Answer {
    /// An answer with neither headers nor a body.
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Headers::new(),
            body: Bytes::new(),
        }
    }

    /// An answer with a JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::text(status, "application/json; charset=utf-8", body.to_string())
    }

    /// An answer with a body of any content type.
    pub fn text(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            body: body.into(),
            ..Self::status(status)
        }
        .with_header("content-type", content_type)
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers
            .push((name.to_ascii_lowercase(), value.to_string()));
        self
    }

    /// The first value of a header; `name` in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }

    /// The body as JSON; `None` if it is not.
    pub fn body_json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// One request and what became of it.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    /// Counts the requests in the order of their arrival, from 0; clearing the journal does not
    /// start it anew.
    pub sequence: u64,
    /// Which connection it came in on, counted from 0.
    pub connection: u64,
    /// When the whole request was there, since the server's start.
    pub arrived: Duration,
    /// When the answer was ready to be sent, since the server's start.
    pub answered: Option<Duration>,
    /// The method, in upper case.
    pub method: String,
    /// The path as it was sent, still percent-encoded, without the query.
    pub path: String,
    /// The query as it was sent, without `?`; empty if there is none.
    pub query: String,
    /// The request's headers.
    pub headers: Headers,
    /// The request's body.
    pub body: Bytes,
    /// The answer; `None` while the request is under way, and where a fault kept it back.
    pub answer: Option<Answer>,
    /// The kind of the fault that struck this exchange: `answer`, `reset`, `close`, `cut-short`,
    /// `invalid-json`, `content-type`, `hang`, `slow-body`, `delay`, `call`.
    pub fault: Option<&'static str>,
}

impl Exchange {
    /// The first value of a request header; `name` in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }

    /// The request's body as JSON; `None` if it is not.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The value of a query parameter as it was sent, still percent-encoded.
    pub fn query_value(&self, name: &str) -> Option<&str> {
        self.query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .find_map(|(key, value)| (key == name).then_some(value))
    }

    /// The status of the answer.
    pub fn status(&self) -> Option<u16> {
        self.answer.as_ref().map(|answer| answer.status)
    }
}

/// The first value of a header; `name` in any case.
pub(crate) fn first<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    let is_meant = |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
    headers
        .iter()
        .find(is_meant)
        .map(|(_, value)| value.as_str())
}

/// Which requests are meant. Everything that is given has to fit.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    method: Option<String>,
    path: Option<String>,
    body: Option<String>,
}

impl Matcher {
    /// Every request.
    pub fn any() -> Self {
        Self::default()
    }

    /// Requests of this method to a path, as it is sent (percent-encoded), where `*` stands for
    /// any text, also for none and also for `/`: `*/entities/bulk`.
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            method: Some(method.into()),
            path: Some(path.into()),
            ..Self::default()
        }
    }

    /// Only requests whose body holds this text.
    #[must_use]
    pub fn body_contains(self, text: &str) -> Self {
        Self {
            body: Some(text.into()),
            ..self
        }
    }

    /// Whether this exchange's request is one of those that are meant.
    pub fn matches(&self, exchange: &Exchange) -> bool {
        let fits = |wanted: &Option<String>, test: &dyn Fn(&str) -> bool| {
            wanted.as_deref().is_none_or(test)
        };
        fits(&self.method, &|method| {
            method.eq_ignore_ascii_case(&exchange.method)
        }) && fits(&self.path, &|pattern| wildcard(pattern, &exchange.path))
            && fits(&self.body, &|text| {
                String::from_utf8_lossy(&exchange.body).contains(text)
            })
    }
}

fn wildcard(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.strip_prefix(head).is_some_and(|rest| {
            (0..=rest.len())
                .filter(|&at| rest.is_char_boundary(at))
                .any(|at| wildcard(tail, &rest[at..]))
        }),
    }
}

/// The most exchanges under way at the same time: at the arrival of one of them.
pub(crate) fn peak_concurrency(exchanges: &[Exchange]) -> usize {
    let open_at = |moment: Duration| {
        let open = |one: &&Exchange| {
            one.arrived <= moment && one.answered.is_none_or(|answered| answered > moment)
        };
        exchanges.iter().filter(open).count()
    };
    let all = exchanges.iter().map(|one| open_at(one.arrived));
    all.max().unwrap_or_default()
}

/// The journal of one server.
#[derive(Debug)]
pub(crate) struct Journal {
    start: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    exchanges: Vec<Exchange>,
    /// How many of them were there when the journal was last cleared.
    cleared: usize,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            state: Mutex::default(),
        }
    }

    /// Notes a request down as soon as it is there, so that one that is never answered shows too.
    pub(crate) fn begin(&self, connection: u64, head: &request::Parts, body: Bytes) -> Exchange {
        let mut state = self.state.lock();
        let exchange = Exchange {
            sequence: state.exchanges.len() as u64,
            connection,
            arrived: self.start.elapsed(),
            method: head.method.as_str().to_owned(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: headers(&head.headers),
            body,
            ..Exchange::default()
        };
        state.exchanges.push(exchange.clone());
        exchange
    }

    pub(crate) fn note_fault(&self, sequence: u64, fault: &'static str) {
        self.update(sequence, |exchange| exchange.fault = Some(fault));
    }

    pub(crate) fn note_answer(&self, sequence: u64, answer: Answer) {
        let answered = self.start.elapsed();
        self.update(sequence, |exchange| {
            exchange.answered = Some(answered);
            exchange.answer = Some(answer);
        });
    }

    /// The exchanges since the journal was last cleared.
    pub(crate) fn exchanges(&self) -> Vec<Exchange> {
        let state = self.state.lock();
        state.exchanges[state.cleared..].to_vec()
    }

    pub(crate) fn all_exchanges(&self) -> Vec<Exchange> {
        self.state.lock().exchanges.clone()
    }

    pub(crate) fn clear(&self) {
        let mut state = self.state.lock();
        state.cleared = state.exchanges.len();
    }

    fn update(&self, sequence: u64, change: impl FnOnce(&mut Exchange)) {
        let exchanges = &mut self.state.lock().exchanges;
        exchanges.get_mut(sequence as usize).map(change);
    }
}

pub(crate) fn headers(map: &HeaderMap) -> Headers {
    map.iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect()
}
