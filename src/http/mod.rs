//! The one client towards the world: both APIs go through its connections, proxies, certificates
//! and timeouts, and through one retry loop.

pub mod retry;
mod tls;

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Client, StatusCode};
use serde::de::DeserializeOwned;

pub use tls::InvalidCertificates;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may pause, not how long it may take in all.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Makes the client. `ca_certificates` is PEM text of root certificates to trust beside the usual
/// ones; `owner` is who acts, which Port keeps with every entity written.
///
/// Proxies are taken from `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.
///
/// # Errors
/// If the certificates cannot be read.
pub fn client(owner: &str, ca_certificates: Option<&str>) -> Result<Client, ClientError> {
    Ok(Client::builder()
        .tls_backend_preconfigured(tls::config(ca_certificates)?)
        .user_agent(user_agent(owner))
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .build()?)
}

/// How the program names itself and whom it acts for.
pub fn user_agent(owner: &str) -> String {
    format!("port-gitops/{} ({owner})", env!("CARGO_PKG_VERSION"))
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The input `ca-certificates` is not usable.
    #[error("input `ca-certificates`: {0}")]
    Certificates(#[from] InvalidCertificates),
    /// A proxy variable or the like is not usable.
    #[error("the HTTP client cannot be set up: {}", innermost(.0))]
    Client(#[from] reqwest::Error),
}

/// An answer that arrived whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// Waits for the whole body of `response`.
    ///
    /// # Errors
    /// If the connection breaks or stalls before its end.
    pub async fn read(response: reqwest::Response) -> Result<Self, TransportError> {
        let host = response.url().host_str().unwrap_or_default().to_owned();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response
            .bytes()
            .await
            .map_err(|error| TransportError::new(&host, &error))?;
        Ok(Self {
            status,
            headers,
            body,
        })
    }

    /// The body as JSON of a certain form; what is wrong with it if it has another.
    ///
    /// # Errors
    /// The JSON reader's message.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A request that got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransportError {
    /// What went wrong.
    pub kind: TransportErrorKind,
    host: String,
    cause: String,
}

/// What can keep an answer from arriving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportErrorKind {
    /// No connection.
    Connect,
    /// The server's certificate is not trusted.
    Certificate,
    /// No answer in time.
    Timeout,
    /// The connection ended in the middle of an answer.
    Broken,
}

impl TransportError {
    /// Classifies what reqwest, or octocrab on top of it, reports of a request to `host`.
    pub fn new(host: &str, error: &(dyn StdError + 'static)) -> Self {
        let cause = innermost(error);
        let from_reqwest = chain(error).find_map(|error| error.downcast_ref::<reqwest::Error>());
        let kind = match from_reqwest {
            _ if is_certificate_error(error) => TransportErrorKind::Certificate,
            Some(error) if error.is_connect() => TransportErrorKind::Connect,
            Some(error) if error.is_timeout() => TransportErrorKind::Timeout,
            _ => TransportErrorKind::Broken,
        };
        Self {
            kind,
            host: host.to_owned(),
            cause,
        }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, host, cause } = self;
        match kind {
            TransportErrorKind::Connect => write!(formatter, "cannot connect to {host}: {cause}"),
            TransportErrorKind::Certificate => write!(
                formatter,
                "{host} shows a certificate that is not trusted ({cause}); if it is your company's, give its root certificate in the input `ca-certificates`"
            ),
            TransportErrorKind::Timeout => write!(formatter, "{host} did not answer in time"),
            TransportErrorKind::Broken => {
                write!(
                    formatter,
                    "the connection to {host} broke in the middle of an answer: {cause}"
                )
            }
        }
    }
}

impl StdError for TransportError {}

fn chain<'e>(
    error: &'e (dyn StdError + 'static),
) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn is_certificate_error(error: &(dyn StdError + 'static)) -> bool {
    chain(error).any(|error| {
        // A rustls error travels inside of an I/O error, which hides it from `source`.
        let inside = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        let rustls = match inside {
            Some(inside) => inside.downcast_ref::<rustls::Error>(),
            None => error.downcast_ref::<rustls::Error>(),
        };
        matches!(rustls, Some(rustls::Error::InvalidCertificate(_)))
    })
}

/// The last error of the chain says what really happened; the ones before only wrap it. Whole URLs,
/// which can hold a proxy's password, are in those.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    chain(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}
