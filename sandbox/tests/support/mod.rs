//! What the tests of both sandboxes need.

/// An HTTP client that is not finished yet, without the machine's proxies.
pub(crate) fn http() -> reqwest::ClientBuilder {
    // Built together with the action, reqwest has TLS but no default provider of cryptography, and
    // makes no client without one even for plain HTTP. It is no mistake that another test was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy()
}
