//! A forward proxy.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{client, server, upgrade};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::certificates::Identity;
use super::listener::Listener;
use crate::journal::{Headers, first, headers};

/// A proxy as companies have one: `CONNECT` for https, absolute URLs for http ([RFC 9110, 7.7 and
/// 9.3.6][rfc]). It notes down what clients ask for and stops when it is dropped.
///
/// If not told otherwise, it lets everyone go anywhere.
///
/// [rfc]: https://www.rfc-editor.org/rfc/rfc9110
#[derive(Debug)]
pub struct ProxySandbox {
    listener: Listener,
    scheme: &'static str,
    state: Arc<Mutex<State>>,
}

/// A request that a proxy got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// The method; `CONNECT` for a tunnel.
    pub method: String,
    /// What was asked for: `host:port` of a tunnel, else an absolute URL.
    pub target: String,
    /// The request's headers; of a tunnel, those that only the proxy sees.
    pub headers: Headers,
}

impl Passage {
    /// The first value of a header; `name` in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }
}

#[derive(Debug, Default)]
struct State {
    passages: Vec<Passage>,
    authorization: Option<String>,
    refusals: Vec<u16>,
    refuse_always: Option<u16>,
    names: BTreeMap<String, SocketAddr>,
}

impl State {
    /// Why a request may not pass.
    fn refusal(&mut self, headers: &HeaderMap) -> Option<u16> {
        let given = headers.get(header::PROXY_AUTHORIZATION);
        let is_unknown = |wanted: &String| given.is_none_or(|given| given != wanted.as_str());
        if self.authorization.as_ref().is_some_and(is_unknown) {
            return Some(407);
        }
        self.refusals.pop().or(self.refuse_always)
    }
}

impl ProxySandbox {
    /// A proxy that clients speak to in the clear.
    ///
    /// # Errors
    ///
    /// No port can be bound, or the thread cannot be started.
    pub fn start() -> io::Result<Self> {
        Self::over("http", |state| {
            Listener::start("proxy", move |stream| serve(stream, Arc::clone(&state)))
        })
    }

    /// A proxy that clients speak to through TLS.
    ///
    /// # Errors
    ///
    /// No port can be bound, or the thread cannot be started.
    pub fn start_tls(identity: &Identity) -> io::Result<Self> {
        let acceptor = TlsAcceptor::from(identity.config());
        Self::over("https", |state| {
            Listener::start("tls-proxy", move |stream| {
                let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
                async move { serve(acceptor.accept(stream).await?, state).await }
            })
        })
    }

    fn over(
        scheme: &'static str,
        listen: impl FnOnce(Arc<Mutex<State>>) -> io::Result<Listener>,
    ) -> io::Result<Self> {
        let state = Arc::default();
        Ok(Self {
            listener: listen(Arc::clone(&state))?,
            scheme,
            state,
        })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Its URL, without credentials and without a slash at its end.
    pub fn url(&self) -> String {
        format!("{}://localhost:{}", self.scheme, self.address().port())
    }

    /// Its URL with a user's name and password, which are to be percent-encoded already.
    pub fn url_with(&self, user: &str, password: &str) -> String {
        let port = self.address().port();
        format!("{}://{user}:{password}@localhost:{port}", self.scheme)
    }

    /// Answers with 407 whoever does not give this name and password.
    pub fn require_credentials(&self, user: &str, password: &str) {
        let token = BASE64_STANDARD.encode(format!("{user}:{password}"));
        self.state.lock().authorization = Some(format!("Basic {token}"));
    }

    /// Answers every request with this status from now on.
    pub fn refuse(&self, status: u16) {
        self.state.lock().refuse_always = Some(status);
    }

    /// Answers the next `times` requests with this status.
    pub fn refuse_next(&self, status: u16, times: usize) {
        let refusals = &mut self.state.lock().refusals;
        refusals.extend(std::iter::repeat_n(status, times));
    }

    /// Lets a name that only the proxy knows stand for a server's address, on every port.
    pub fn resolve(&self, name: &str, address: SocketAddr) {
        self.state.lock().names.insert(name.to_owned(), address);
    }

    /// All requests so far, in the order of their arrival.
    pub fn journal(&self) -> Vec<Passage> {
        self.state.lock().passages.clone()
    }

    /// What was asked for so far, as `METHOD target`.
    pub fn targets(&self) -> Vec<String> {
        let passages = &self.state.lock().passages;
        let target = |one: &Passage| format!("{} {}", one.method, one.target);
        passages.iter().map(target).collect()
    }
}

async fn serve(
    client: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    state: Arc<Mutex<State>>,
) -> io::Result<()> {
    let service = service_fn(move |request| pass(Arc::clone(&state), request));
    let connection = server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(client), service)
        .with_upgrades();
    connection.await.map_err(io::Error::other)
}

type Passed = Response<Either<Incoming, Full<Bytes>>>;

async fn pass(state: Arc<Mutex<State>>, mut request: Request<Incoming>) -> hyper::Result<Passed> {
    let uri = request.uri().clone();
    let host = uri.host().unwrap_or_default();
    let (refusal, known) = {
        let state = &mut state.lock();
        state.passages.push(Passage {
            method: request.method().to_string(),
            target: uri.to_string(),
            headers: headers(request.headers()),
        });
        let known = state.names.get(host).copied();
        (state.refusal(request.headers()), known)
    };
    let server = match (refusal, known) {
        (Some(status), _) => return Ok(refused(status)),
        (None, Some(address)) => TcpStream::connect(address).await,
        (None, None) => TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await,
    };
    let Ok(mut server) = server else {
        return Ok(refused(502));
    };
    if request.method() == Method::CONNECT {
        tokio::spawn(async move {
            let mut client = TokioIo::new(upgrade::on(request).await.map_err(io::Error::other)?);
            copy_bidirectional(&mut client, &mut server).await
        });
        return Ok(Response::new(Either::Right(Full::default())));
    }
    let (mut sender, connection) = client::conn::http1::handshake(TokioIo::new(server)).await?;
    tokio::spawn(connection);
    // The server must not see the credentials for the proxy.
    request.headers_mut().remove(header::PROXY_AUTHORIZATION);
    let path = uri.path_and_query().cloned();
    *request.uri_mut() = path.map(Into::into).unwrap_or_default();
    let answer = sender.send_request(request).await?;
    Ok(answer.map(Either::Left))
}

/// The proxy's own answer.
fn refused(status: u16) -> Passed {
    let page = Full::from("<html>The proxy does not let this pass.</html>");
    let mut answer = Response::new(Either::Right(page));
    *answer.status_mut() = status.try_into().unwrap_or_default();
    if status == 407 {
        let wanted = header::HeaderValue::from_static("Basic realm=\"the way out\"");
        answer
            .headers_mut()
            .insert(header::PROXY_AUTHENTICATE, wanted);
    }
    answer
}
