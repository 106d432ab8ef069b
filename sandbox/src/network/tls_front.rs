//! TLS in front of a server that speaks plain HTTP.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::certificates::Identity;
use super::listener::Listener;

/// Ends TLS and passes what is inside to a plain server, as a company's load balancer does. It
/// stops when it is dropped.
#[derive(Debug)]
pub struct TlsFront {
    listener: Listener,
    connections: Arc<AtomicUsize>,
}

impl TlsFront {
    /// Shows `identity` to clients and forwards to the server at `backend`.
    ///
    /// # Errors
    ///
    /// No port can be bound, or the thread cannot be started.
    pub fn start(backend: SocketAddr, identity: &Identity) -> io::Result<Self> {
        let acceptor = TlsAcceptor::from(identity.config());
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let listener = Listener::start("tls-front", move |stream| {
            count.fetch_add(1, Ordering::Relaxed);
            let acceptor = acceptor.clone();
            async move {
                let mut client = acceptor.accept(stream).await?;
                let mut server = TcpStream::connect(backend).await?;
                copy_bidirectional(&mut client, &mut server).await.map(drop)
            }
        })?;
        Ok(Self {
            listener,
            connections,
        })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The base URL for a name of the certificate, without a slash at its end.
    pub fn url(&self, name: &str) -> String {
        format!("https://{name}:{}", self.address().port())
    }

    /// How many connections clients opened, those included that ended in the handshake.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}
