//! The one client towards the world: both APIs go through its connections, proxies, certificates
//! and timeouts, and through one retry loop.

mod pace;
pub mod proxy;
pub mod retry;
mod retry_rules;
pub mod stale_answers;
mod tls;
mod transport;
mod tunnel;

use std::error::Error as StdError;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Method, RequestBuilder, StatusCode, redirect};
use serde::de::DeserializeOwned;
use url::{Position, Url};

use proxy::Proxies;
use retry::Attempt;
use transport::TunnelError;

pub use pace::CONCURRENT_REQUESTS;
pub use tls::{CertificatesError, InvalidCertificates};
pub use transport::{CertificateFault, Delivery, ProxyFault, TransportError, TransportErrorKind};

const MAX_REDIRECTS: usize = 5;

/// How the client reaches the world.
#[derive(Debug, Clone)]
pub struct Settings<'a> {
    /// Who acts, which Port keeps with every entity written.
    pub owner: &'a str,
    /// PEM text of root certificates to trust beside the usual ones.
    pub ca_certificates: Option<&'a str>,
    /// A file of such certificates, which need not be there.
    pub certificate_file: Option<&'a Path>,
    /// Through which proxies.
    pub proxies: Proxies,
    /// For how long.
    pub timeouts: Timeouts,
}

/// How long one try of a request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until there is a connection, with TLS and through a proxy.
    pub connect: Duration,
    /// How long an answer may keep silent, at its beginning and in between.
    pub silence: Duration,
    /// The whole of it, however steadily an answer trickles.
    pub whole: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            silence: Duration::from_secs(30),
            whole: Duration::from_secs(5 * 60),
        }
    }
}

/// The variable that says how long silence may last.
pub const TIMEOUT_VARIABLE: &str = "PORT_GITOPS_TIMEOUT";

/// Why [`TIMEOUT_VARIABLE`] is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{TIMEOUT_VARIABLE} is `{0}`; give seconds, more than 0 and at most 300, such as `30`")]
pub struct InvalidTimeout(String);

impl Timeouts {
    /// The usual ones, but with silence of `seconds`: a number as [`TIMEOUT_VARIABLE`] holds it.
    ///
    /// # Errors
    /// If it is no number, or not one of more than 0 and at most 300.
    pub fn with_silence(seconds: &str) -> Result<Self, InvalidTimeout> {
        let usual = Self::default();
        let silence = seconds.parse().ok().map(Duration::try_from_secs_f64);
        match silence {
            Some(Ok(silence)) if !silence.is_zero() && silence <= usual.whole => {
                Ok(Self { silence, ..usual })
            }
            _ => Err(InvalidTimeout(seconds.to_owned())),
        }
    }
}

/// The client. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    reqwest: reqwest::Client,
    proxies: Arc<Proxies>,
    tls: Arc<rustls::ClientConfig>,
    timeouts: Timeouts,
}

impl Client {
    /// Makes the client. Nothing is sent yet.
    ///
    /// # Errors
    /// If the certificates cannot be used.
    pub fn new(settings: Settings<'_>) -> Result<Self, ClientError> {
        let tls = tls::config(settings.ca_certificates, settings.certificate_file)?;
        let (proxies, timeouts) = (Arc::new(settings.proxies), settings.timeouts);
        let rules = Arc::clone(&proxies);
        let proxy = move |url: &Url| Some(rules.for_url(url)?.url().clone());
        let reqwest = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .user_agent(user_agent(settings.owner))
            .no_proxy()
            .proxy(reqwest::Proxy::custom(proxy))
            .redirect(redirect::Policy::custom(repeat_on_same_server))
            .referer(false)
            .connect_timeout(timeouts.connect)
            .read_timeout(timeouts.silence)
            .timeout(timeouts.whole)
            .build()?;
        Ok(Self {
            reqwest,
            proxies,
            tls: Arc::new(tls),
            timeouts,
        })
    }

    /// The client for libraries that bring their own requests; what they report goes to
    /// [`Self::explain`].
    pub fn reqwest(&self) -> &reqwest::Client {
        &self.reqwest
    }

    /// Begins a GET request.
    pub fn get(&self, url: Url) -> RequestBuilder {
        self.reqwest.get(url)
    }

    /// Begins a POST request.
    pub fn post(&self, url: Url) -> RequestBuilder {
        self.reqwest.post(url)
    }

    /// Begins a PATCH request.
    pub fn patch(&self, url: Url) -> RequestBuilder {
        self.reqwest.patch(url)
    }

    /// Sends a request to `target` and waits for the whole answer. Redirects are followed on the
    /// same server; of anything but a GET, only those that keep the method (307 and 308).
    ///
    /// # Errors
    /// If no answer comes, none of `target`'s, or a redirect that is not followed.
    pub async fn execute(&self, target: &Url, request: RequestBuilder) -> Attempt {
        let mut request = match request.build() {
            Ok(request) => request,
            Err(error) => return Err(self.explain(target, &error).await),
        };
        for _ in 0..=MAX_REDIRECTS {
            let again = (request.method() == Method::GET).then(|| request.try_clone());
            let response = match self.reqwest.execute(request).await {
                Ok(response) => response,
                Err(error) => return Err(self.explain(target, &error).await),
            };
            let Some(moved_to) = moved_to(&response) else {
                return match Answer::read(response).await {
                    Ok(answer) => self.check(target, answer),
                    Err(error) => Err(self.explain(target, &error).await),
                };
            };
            let Some(mut next) = again.flatten() else {
                return Err(TransportError::redirected(target, &moved_to));
            };
            *next.url_mut() = moved_to;
            request = next;
        }
        Err(TransportError::redirected(target, request.url()))
    }

    /// Gives an answer back unless it is a proxy's.
    ///
    /// # Errors
    /// If a proxy requires authentication.
    pub fn check(&self, target: &Url, answer: Answer) -> Attempt {
        match self.proxies.for_url(target) {
            Some(proxy) if answer.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED => Err(
                TransportError::from_proxy(target, proxy, Some(answer.status)),
            ),
            _ => Ok(answer),
        }
    }

    /// Says what an error of a request to `target` means; a proxy that gave no tunnel is tried
    /// again, to learn why.
    pub async fn explain(&self, target: &Url, error: &(dyn StdError + 'static)) -> TransportError {
        let proxy = self.proxies.for_url(target);
        let status = match (proxy, transport::tunnel_error(error)) {
            (Some(_), Some(TunnelError::Unauthorized)) => {
                Some(StatusCode::PROXY_AUTHENTICATION_REQUIRED)
            }
            (Some(proxy), Some(TunnelError::Unsuccessful)) => {
                tunnel::connect_status(proxy, target, &self.tls, self.timeouts.connect).await
            }
            _ => return TransportError::new(target, proxy, error),
        };
        match proxy {
            Some(proxy) => TransportError::from_proxy(target, proxy, status),
            None => TransportError::new(target, proxy, error),
        }
    }
}

/// Requests carry secrets in headers and in bodies, so they never go to a server that nobody named.
/// What is repeated here is the whole request. After 301, 302 and 303 reqwest would make a GET of a
/// POST, and a write that was not done would look like one that was.
fn repeat_on_same_server(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let from = attempt.previous().last();
    if from.is_none_or(|from| from.origin() != attempt.url().origin()) {
        let to = attempt.url()[..Position::BeforePath].to_owned();
        return attempt.error(to);
    }
    let keeps_method = matches!(
        attempt.status(),
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
    );
    if !keeps_method || attempt.previous().len() > MAX_REDIRECTS {
        return attempt.stop();
    }
    attempt.follow()
}

/// Where a response sends the request on to, if it does. It is on the same server: others are refused
/// before.
fn moved_to(response: &reqwest::Response) -> Option<Url> {
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    let is_redirect = response.status().is_redirection();
    response.url().join(location).ok().filter(|_| is_redirect)
}

/// A URL's host, and its port where it is not the scheme's own.
pub fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// How the program names itself and whom it acts for.
pub fn user_agent(owner: &str) -> String {
    format!("port-gitops/{} ({owner})", env!("CARGO_PKG_VERSION"))
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Extra root certificates are not usable.
    #[error(transparent)]
    Certificates(#[from] CertificatesError),
    /// reqwest refuses what it is given; this is not known to happen.
    #[error("the HTTP client cannot be set up: {0}")]
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
    async fn read(response: reqwest::Response) -> reqwest::Result<Self> {
        Ok(Self {
            status: response.status(),
            headers: response.headers().clone(),
            body: response.bytes().await?,
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

#[cfg(test)]
mod tests;
