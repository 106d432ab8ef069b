//! What stands between a client and the APIs in a company's network: TLS with private
//! certificates, and proxies. All of it is real and on loopback.

mod certificates;
mod listener;
mod proxy;
mod tls_front;

pub(crate) use listener::Listener;

pub use certificates::{Authority, CertificateError, Identity, Validity};
pub use proxy::{Passage, ProxySandbox};
pub use tls_front::TlsFront;
