//! Why a request got no answer, and what to do about it.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::{Duration, UNIX_EPOCH};

use reqwest::StatusCode;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError};
use url::{Position, Url};

use super::host_and_port;
use super::proxy::Proxy;

/// A request that got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransportError {
    /// What went wrong.
    pub kind: TransportErrorKind,
    host: String,
    proxy: Option<ProxyName>,
    hop: FailedHop,
    cause: String,
    delivery: Delivery,
}

/// Whether a request that got no answer can have had an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It cannot: it did not reach the server, or the server refused it.
    Unsent,
    /// It may have been carried out, and its answer lost.
    Unknown,
}

/// What can keep an answer from arriving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportErrorKind {
    /// No connection.
    Connect,
    /// A certificate is not accepted.
    Certificate(CertificateFault),
    /// What answers does not speak TLS, or no version of it that is still safe.
    Tls,
    /// A proxy answered instead of letting the request pass.
    Proxy(ProxyFault),
    /// The answer sends the request to another server.
    Redirect,
    /// The answer sends a write on in a way that would make a read of it, or in a loop.
    RedirectedWrite,
    /// No answer in time.
    Timeout,
    /// The connection ended in the middle of an answer.
    Broken,
    /// The server wants to be left alone for longer than a run waits.
    RateLimit,
    /// The same, or the budget is nearly used up, for one who does not wait: how long it would be.
    BudgetExhausted(Duration),
    /// The run was told to stop while a request waited.
    Interrupted,
}

/// Why a certificate is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateFault {
    /// No trusted root has signed it.
    UnknownIssuer,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// It is for other names.
    WrongName,
    /// Anything else.
    Other,
}

/// What a proxy answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyFault {
    /// It wants a user name and password, or others than were given.
    Unauthorized,
    /// It does not want to.
    Refused,
    /// It cannot, at least not now.
    Failed,
}

/// Which connection the trouble is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FailedHop {
    Proxy,
    Server,
}

/// A proxy as messages name it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ProxyName {
    address: String,
    variable: &'static str,
    credentials: ProxyCredentials,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ProxyCredentials {
    Given,
    None,
}

impl ProxyName {
    fn new(proxy: &Proxy) -> Self {
        Self {
            address: proxy.to_string(),
            variable: proxy.variable,
            credentials: match proxy.has_credentials() {
                true => ProxyCredentials::Given,
                false => ProxyCredentials::None,
            },
        }
    }
}

impl fmt::Display for ProxyName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the proxy {} ({})", self.address, self.variable)
    }
}

impl TransportError {
    /// Classifies what reqwest, or octocrab on top of it, reports of a request to `target` that
    /// went through `proxy`, if through one.
    pub(super) fn new(
        target: &Url,
        proxy: Option<&Proxy>,
        error: &(dyn StdError + 'static),
    ) -> Self {
        let (kind, hop) = classify(target, proxy, error);
        Self {
            kind,
            host: host_and_port(target),
            proxy: proxy.map(ProxyName::new),
            hop,
            cause: cause(error),
            delivery: Delivery::Unknown,
        }
    }

    /// What `proxy` answered to a request to `target`; no status if it could not be learnt.
    pub(super) fn from_proxy(target: &Url, proxy: &Proxy, status: Option<StatusCode>) -> Self {
        let fault = match status {
            Some(StatusCode::PROXY_AUTHENTICATION_REQUIRED) => ProxyFault::Unauthorized,
            Some(status) if status.is_client_error() => ProxyFault::Refused,
            _ => ProxyFault::Failed,
        };
        Self {
            kind: TransportErrorKind::Proxy(fault),
            host: host_and_port(target),
            proxy: Some(ProxyName::new(proxy)),
            hop: FailedHop::Proxy,
            cause: status.map_or_else(|| "no reason given".to_owned(), |status| status.to_string()),
            delivery: Delivery::Unknown,
        }
    }

    /// The answer to a request to `target` sends it on to `to`, and it is not followed.
    pub(super) fn redirected(target: &Url, to: &Url) -> Self {
        let to = to[..Position::AfterPath].to_owned();
        Self {
            delivery: Delivery::Unknown,
            ..Self::without_connection(
                TransportErrorKind::RedirectedWrite,
                &host_and_port(target),
                to,
            )
        }
    }

    /// The API called `api` wants no request for so long.
    pub(super) fn rate_limit(api: &str, wait: Duration) -> Self {
        let minutes = wait.as_secs().div_ceil(60);
        Self::without_connection(TransportErrorKind::RateLimit, api, format!("{minutes} min"))
    }

    /// The API called `api` is to get no request for so long.
    pub(super) fn budget_exhausted(api: &str, wait: Duration) -> Self {
        let minutes = wait.as_secs().div_ceil(60);
        let kind = TransportErrorKind::BudgetExhausted(wait);
        Self::without_connection(kind, api, format!("{minutes} min"))
    }

    /// The run was told to stop before a request to the API called `api` could go.
    pub(super) fn interrupted(api: &str) -> Self {
        Self::without_connection(TransportErrorKind::Interrupted, api, String::new())
    }

    fn without_connection(kind: TransportErrorKind, host: &str, cause: String) -> Self {
        Self {
            kind,
            host: host.to_owned(),
            proxy: None,
            hop: FailedHop::Server,
            cause,
            delivery: Delivery::Unsent,
        }
    }

    /// The same, of a request that had this history.
    pub(super) fn with_delivery(self, delivery: Delivery) -> Self {
        Self { delivery, ..self }
    }

    /// Whether it is not an error at all, but the run was told to stop.
    pub fn is_interruption(&self) -> bool {
        self.kind == TransportErrorKind::Interrupted
    }

    /// Whether the request can have had an effect.
    pub fn delivery(&self) -> Delivery {
        self.delivery
    }

    #[cfg(test)]
    pub(super) fn timeout(host: &str) -> Self {
        Self {
            kind: TransportErrorKind::Timeout,
            host: host.to_owned(),
            proxy: None,
            hop: FailedHop::Server,
            cause: String::new(),
            delivery: Delivery::Unknown,
        }
    }

    /// Whether another try cannot change it.
    pub fn is_final(&self) -> bool {
        match self.kind {
            TransportErrorKind::Certificate(_)
            | TransportErrorKind::Tls
            | TransportErrorKind::Redirect
            | TransportErrorKind::RedirectedWrite
            | TransportErrorKind::RateLimit
            | TransportErrorKind::BudgetExhausted(_)
            | TransportErrorKind::Interrupted
            | TransportErrorKind::Proxy(ProxyFault::Unauthorized | ProxyFault::Refused) => true,
            TransportErrorKind::Connect
            | TransportErrorKind::Proxy(ProxyFault::Failed)
            | TransportErrorKind::Timeout
            | TransportErrorKind::Broken => false,
        }
    }

    /// What the user can do about it; `input` is the one that says where the API is.
    pub fn help(&self, input: &str) -> String {
        let host = &self.host;
        let Some((proxy, FailedHop::Proxy)) = self.proxy.as_ref().map(|proxy| (proxy, self.hop))
        else {
            return self.help_with_server(input);
        };
        let variable = proxy.variable;
        let around = format!("name {host} in NO_PROXY if it can be reached without");
        match (self.kind, proxy.credentials) {
            (TransportErrorKind::Certificate(fault), _) => help_with_certificate(fault, variable),
            (TransportErrorKind::Proxy(ProxyFault::Unauthorized), ProxyCredentials::None) => {
                format!("put them into {variable} (`http://user:password@host:port`), or {around}")
            }
            (TransportErrorKind::Proxy(ProxyFault::Unauthorized), ProxyCredentials::Given) => {
                format!(
                    "check them in {variable}, where special characters must be percent-encoded"
                )
            }
            (TransportErrorKind::Proxy(ProxyFault::Refused), _) => {
                format!(
                    "have {host} allowed there, or name it in NO_PROXY if it can be reached without"
                )
            }
            (TransportErrorKind::Tls, _) => {
                format!("check {variable}: most proxies are given as `http://`")
            }
            _ => format!("check {variable}, or {around}"),
        }
    }

    fn help_with_server(&self, input: &str) -> String {
        match self.kind {
            TransportErrorKind::Certificate(fault) => {
                help_with_certificate(fault, &format!("the input `{input}`"))
            }
            TransportErrorKind::Tls => {
                format!("check the input `{input}`: the server there may not speak https")
            }
            TransportErrorKind::Redirect | TransportErrorKind::RedirectedWrite => {
                format!("check the input `{input}`")
            }
            TransportErrorKind::RateLimit | TransportErrorKind::BudgetExhausted(_) => {
                "run the job again when that time is over".to_owned()
            }
            TransportErrorKind::Interrupted => "run the job again".to_owned(),
            TransportErrorKind::Connect if self.proxy.is_none() => format!(
                "check the input `{input}` and the runner's network, which may need a proxy (HTTPS_PROXY)"
            ),
            _ => format!("check the input `{input}` and the runner's network"),
        }
    }

    /// Who the trouble is with.
    fn peer(&self) -> String {
        match (&self.proxy, self.hop) {
            (Some(proxy), FailedHop::Proxy) => format!("{proxy} on the way to {}", self.host),
            _ => self.host.clone(),
        }
    }
}

fn help_with_certificate(fault: CertificateFault, peer: &str) -> String {
    match fault {
        CertificateFault::UnknownIssuer => {
            "if it is your company's, give its root certificate in the input `ca-certificates`"
                .to_owned()
        }
        CertificateFault::Expired => {
            "it has to be renewed there, unless the runner's clock is wrong".to_owned()
        }
        CertificateFault::NotYetValid => "check the runner's clock".to_owned(),
        CertificateFault::WrongName | CertificateFault::Other => format!("check {peer}"),
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (peer, host, cause) = (self.peer(), &self.host, &self.cause);
        match self.kind {
            TransportErrorKind::Connect => write!(formatter, "cannot connect to {peer}: {cause}"),
            TransportErrorKind::Certificate(fault) => {
                let what = match fault {
                    CertificateFault::UnknownIssuer => "is from an issuer that is not trusted",
                    CertificateFault::Expired => "has expired",
                    CertificateFault::NotYetValid => "becomes valid later",
                    CertificateFault::WrongName => "is for another name",
                    CertificateFault::Other => "is not accepted",
                };
                write!(formatter, "the certificate of {peer} {what} ({cause})")
            }
            TransportErrorKind::Tls => write!(formatter, "no TLS with {peer}: {cause}"),
            TransportErrorKind::Proxy(fault) => {
                let proxy = self
                    .proxy
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                let what = match fault {
                    ProxyFault::Unauthorized => "wants a valid user name and password for",
                    ProxyFault::Refused => "does not let requests pass to",
                    ProxyFault::Failed => "has no way to",
                };
                write!(formatter, "{proxy} {what} {host} ({cause})")
            }
            TransportErrorKind::Redirect => write!(
                formatter,
                "{host} sends the request on to another server, which must not see it: {cause}"
            ),
            TransportErrorKind::RedirectedWrite => write!(
                formatter,
                "{host} sends the request on to {cause}, and following it there would not write anything"
            ),
            TransportErrorKind::Timeout => write!(formatter, "{host} did not answer in time"),
            TransportErrorKind::RateLimit => write!(
                formatter,
                "the request limit is used up, and {host} requires a wait of {cause}, with which this run would wait for more than 15 min in all"
            ),
            TransportErrorKind::BudgetExhausted(_) => write!(
                formatter,
                "the request limit of {host} is nearly used up, and is renewed in {cause}"
            ),
            TransportErrorKind::Interrupted => {
                write!(
                    formatter,
                    "the run was told to stop before the next request"
                )
            }
            TransportErrorKind::Broken => {
                write!(
                    formatter,
                    "the connection to {peer} broke in the middle of an answer: {cause}"
                )
            }
        }
    }
}

impl StdError for TransportError {}

fn classify(
    target: &Url,
    proxy: Option<&Proxy>,
    error: &(dyn StdError + 'static),
) -> (TransportErrorKind, FailedHop) {
    let reqwest = chain(error).find_map(|error| error.downcast_ref::<reqwest::Error>());
    let is_connect = reqwest.is_some_and(reqwest::Error::is_connect);
    let is_with_proxy = proxy.is_some()
        && is_connect
        && (target.scheme() == "http" || tunnel_error(error).is_some());
    let hop = match is_with_proxy {
        true => FailedHop::Proxy,
        false => FailedHop::Server,
    };
    let kind = match reqwest {
        _ if let Some(kind) = rustls_error(error).and_then(classify_tls) => kind,
        Some(error) if error.is_redirect() => TransportErrorKind::Redirect,
        Some(_) if is_connect => TransportErrorKind::Connect,
        Some(error) if error.is_timeout() => TransportErrorKind::Timeout,
        _ => TransportErrorKind::Broken,
    };
    (kind, hop)
}

fn classify_tls(error: &rustls::Error) -> Option<TransportErrorKind> {
    let fault = match error {
        rustls::Error::InvalidCertificate(error) => match error {
            // A root of the same name with another key is trusted.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                CertificateFault::UnknownIssuer
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                CertificateFault::Expired
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                CertificateFault::NotYetValid
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                CertificateFault::WrongName
            }
            _ => CertificateFault::Other,
        },
        rustls::Error::InvalidMessage(_)
        | rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(
            AlertDescription::HandshakeFailure | AlertDescription::ProtocolVersion,
        ) => return Some(TransportErrorKind::Tls),
        _ => return None,
    };
    Some(TransportErrorKind::Certificate(fault))
}

fn rustls_error<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e rustls::Error> {
    chain(error).find_map(|error| unwrap_io(error).downcast_ref())
}

/// What an I/O error holds, which may be another one. Its `source` passes over what it holds.
fn unwrap_io<'e>(error: &'e (dyn StdError + 'static)) -> &'e (dyn StdError + 'static) {
    let inside = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    match inside {
        Some(inside) => unwrap_io(inside),
        None => error,
    }
}

/// What is said of a proxy's tunnel that was not made. hyper-util keeps the error's type to itself,
/// and a refusal's status too.
pub(super) fn tunnel_error(error: &(dyn StdError + 'static)) -> Option<TunnelError> {
    let text = chain(error)
        .map(ToString::to_string)
        .find(|text| text.starts_with("tunnel error: "))?;
    Some(match text.as_str() {
        "tunnel error: proxy authorization required" => TunnelError::Unauthorized,
        "tunnel error: unsuccessful" => TunnelError::Unsuccessful,
        _ => TunnelError::Connection,
    })
}

/// What can keep a tunnel from being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TunnelError {
    /// The proxy answered with 407.
    Unauthorized,
    /// The proxy answered with something else than 200.
    Unsuccessful,
    /// The connection to the proxy was not made, or broke.
    Connection,
}

fn chain<'e>(
    error: &'e (dyn StdError + 'static),
) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The last error of the chain says what really happened; the ones before only wrap it. Whole URLs,
/// which can hold a proxy's password, are in those.
fn cause(error: &(dyn StdError + 'static)) -> String {
    match rustls_error(error) {
        Some(rustls::Error::InvalidCertificate(error)) => certificate_cause(error),
        Some(error) => error.to_string(),
        None => chain(error)
            .last()
            .map(ToString::to_string)
            .unwrap_or_default(),
    }
}

fn certificate_cause(error: &CertificateError) -> String {
    let on = |time: &UnixTime| {
        let time = UNIX_EPOCH + Duration::from_secs(time.as_secs());
        format!("on {}", httpdate::fmt_http_date(time))
    };
    match error {
        CertificateError::ExpiredContext { not_after, .. } => on(not_after),
        CertificateError::NotValidYetContext { not_before, .. } => on(not_before),
        error => error.to_string(),
    }
}
