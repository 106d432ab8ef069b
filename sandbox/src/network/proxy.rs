//! A forward proxy.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::certificates::Identity;
use super::head::Head;
use super::listener::Listener;
use crate::journal::{Headers, first};

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
    shared: Arc<Shared>,
}

/// A request that a proxy got, and what it made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// The method; `CONNECT` for a tunnel.
    pub method: String,
    /// What was asked for: `host:port` of a tunnel, else an absolute URL.
    pub target: String,
    /// The request's headers; of a tunnel, those that only the proxy sees.
    pub headers: Headers,
    /// The proxy's own answer. `None` where the answer is the server's.
    pub status: Option<u16>,
}

impl Passage {
    /// The first value of a header; `name` in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }
}

#[derive(Debug, Default)]
struct Shared(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    passages: Vec<Passage>,
    authorization: Option<String>,
    refusals: Vec<u16>,
    refuse_always: Option<u16>,
    names: BTreeMap<String, SocketAddr>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Why a request may not pass.
    fn refusal(&mut self, head: &Head) -> Option<u16> {
        if self.authorization.is_some()
            && self.authorization.as_deref() != head.header("proxy-authorization")
        {
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
        Self::over("http", |shared| {
            Listener::start("proxy", move |stream| serve(stream, Arc::clone(&shared)))
        })
    }

    /// A proxy that clients speak to through TLS.
    ///
    /// # Errors
    ///
    /// No port can be bound, or the thread cannot be started.
    pub fn start_tls(identity: &Identity) -> io::Result<Self> {
        let acceptor = TlsAcceptor::from(identity.config());
        Self::over("https", |shared| {
            Listener::start("tls-proxy", move |stream| {
                let (acceptor, shared) = (acceptor.clone(), Arc::clone(&shared));
                async move { serve(acceptor.accept(stream).await?, shared).await }
            })
        })
    }

    fn over(
        scheme: &'static str,
        listen: impl FnOnce(Arc<Shared>) -> io::Result<Listener>,
    ) -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        Ok(Self {
            listener: listen(Arc::clone(&shared))?,
            scheme,
            shared,
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
        self.shared.lock().authorization = Some(format!("Basic {token}"));
    }

    /// Answers every request with this status from now on.
    pub fn refuse(&self, status: u16) {
        self.shared.lock().refuse_always = Some(status);
    }

    /// Answers the next `times` requests with this status.
    pub fn refuse_next(&self, status: u16, times: usize) {
        let refusals = &mut self.shared.lock().refusals;
        refusals.extend(std::iter::repeat_n(status, times));
    }

    /// Lets a name that only the proxy knows stand for a server's address, on every port.
    pub fn resolve(&self, name: &str, address: SocketAddr) {
        self.shared.lock().names.insert(name.to_owned(), address);
    }

    /// All requests so far, in the order of their arrival.
    pub fn journal(&self) -> Vec<Passage> {
        self.shared.lock().passages.clone()
    }

    /// What was asked for so far, as `METHOD target`.
    pub fn targets(&self) -> Vec<String> {
        let passages = &self.shared.lock().passages;
        let target = |one: &Passage| format!("{} {}", one.method, one.target);
        passages.iter().map(target).collect()
    }
}

async fn serve(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    shared: Arc<Shared>,
) -> io::Result<()> {
    let Some((head, body)) = Head::read(&mut client).await? else {
        return Ok(());
    };
    let destination = destination(&head).map(|(host, path)| (address(&shared, host), path));
    let refusal = shared.lock().refusal(&head);
    let server = match (refusal, &destination) {
        (Some(status), _) => Err(status),
        (None, None) => Err(400),
        (None, Some((address, _))) => TcpStream::connect(address).await.map_err(|_| 502),
    };
    let is_tunnel = head.method == "CONNECT";
    shared.lock().passages.push(Passage {
        method: head.method.clone(),
        target: head.target.clone(),
        headers: head.headers.clone(),
        status: match &server {
            Ok(_) => is_tunnel.then_some(200),
            Err(status) => Some(*status),
        },
    });
    let mut server = match server {
        Ok(server) => server,
        Err(status) => return client.write_all(&answer(status)).await,
    };
    match destination {
        Some((_, path)) if !is_tunnel => {
            server.write_all(&head.forwarded(path)).await?;
            server.write_all(&body).await?;
        }
        _ => client.write_all(&answer(200)).await?,
    }
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// `host:port`, and the path on that server.
fn destination(head: &Head) -> Option<(&str, &str)> {
    if head.method == "CONNECT" {
        return Some((&head.target, ""));
    }
    let rest = head.target.strip_prefix("http://")?;
    let path = rest.find('/').unwrap_or(rest.len());
    Some(rest.split_at(path))
}

fn address(shared: &Shared, host_and_port: &str) -> String {
    let host = host_and_port
        .rsplit_once(':')
        .map_or(host_and_port, |(host, _)| host);
    match shared.lock().names.get(host) {
        Some(address) => address.to_string(),
        None => host_and_port.to_owned(),
    }
}

fn answer(status: u16) -> Vec<u8> {
    let (reason, more) = match status {
        200 => return b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec(),
        407 => (
            "Proxy Authentication Required",
            "proxy-authenticate: Basic realm=\"the way out\"\r\n",
        ),
        403 => ("Forbidden", ""),
        _ => ("Refused", ""),
    };
    let page = "<html>The proxy does not let this pass.</html>";
    format!(
        "HTTP/1.1 {status} {reason}\r\n{more}content-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
        page.len()
    )
    .into_bytes()
}
