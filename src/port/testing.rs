//! A client of Port for tests with the sandbox.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::time::Duration;

use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET};
use port_gitops_sandbox::{PortSandbox, Sandbox};

use super::Port;
use crate::http::proxy::Proxies;
use crate::http::{Client, Settings, Timeouts};
use crate::inputs::Credentials;

/// A client of `sandbox`.
pub(crate) fn client(sandbox: &PortSandbox) -> Port {
    let settings = Settings {
        owner: "octo/shop",
        ca_certificates: None,
        certificate_file: None,
        proxies: Proxies::default(),
        timeouts: Timeouts {
            whole: Duration::from_secs(60),
            ..Timeouts::default()
        },
    };
    let credentials = Credentials {
        client_id: CLIENT_ID.to_owned(),
        client_secret: CLIENT_SECRET.to_owned().into(),
    };
    let client = Client::new(settings).unwrap();
    let url = sandbox.url().parse().unwrap();
    Port::new(client, url, credentials, Box::new(|_| {}))
}
