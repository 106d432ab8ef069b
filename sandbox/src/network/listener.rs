//! A port whose connections are served on a thread of their own.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::time::sleep;

/// A listener; it stops when it is dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Serves every connection to a free port of `127.0.0.1` with what `serve` gives. A connection
    /// that fails is a client's trouble, so its error is dropped.
    pub(super) fn start<F>(
        name: &str,
        serve: impl FnMut(TcpStream) -> F + Send + 'static,
    ) -> io::Result<Self>
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        Self::start_on(("127.0.0.1", 0), name, serve)
    }

    /// The same on an address; port 0 takes a free one.
    pub(crate) fn start_on<F>(
        address: impl ToSocketAddrs,
        name: &str,
        serve: impl FnMut(TcpStream) -> F + Send + 'static,
    ) -> io::Result<Self>
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name(name.into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, serve) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A handler that panicked has failed its test already; here there is nothing to add.
            let _ = thread.join();
        }
    }
}

async fn accept<F>(listener: std::net::TcpListener, mut serve: impl FnMut(TcpStream) -> F)
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    // It is non-blocking and we are inside a runtime: this cannot fail.
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve(stream));
            }
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}
