//! The real client against loopback: what it makes of silence and of doors that are shut.

use std::net::{SocketAddr, TcpListener};

use port_gitops_sandbox::port::PortSandbox;
use port_gitops_sandbox::{Fault, Sandbox};

use super::*;
use crate::environment::Environment;

/// Long past what any test takes.
const NEVER: Duration = Duration::from_secs(600);
const SOON: Duration = Duration::from_millis(50);

fn client(variables: &[(&str, String)], timeouts: Timeouts) -> Client {
    let owned = |(name, value): &(&str, String)| ((*name).to_owned(), value.clone());
    let environment = Environment::new(variables.iter().map(owned));
    let settings = Settings {
        owner: "octo-org/catalog",
        ca_certificates: None,
        certificate_file: None,
        proxies: Proxies::from_environment(&environment).unwrap(),
        timeouts,
    };
    Client::new(settings).unwrap()
}

async fn failure(client: &Client, url: &str) -> TransportError {
    let url = Url::parse(url).unwrap();
    let result = client.execute(&url, client.post(url.clone())).await;
    result.expect_err("there is nobody to answer")
}

/// Accepts connections, as the system does it for a listener, and never says a word.
fn silent() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn nobody() -> SocketAddr {
    silent().1
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let (_listener, address) = silent();
    let timeouts = Timeouts {
        connect: NEVER,
        silence: SOON,
        whole: NEVER,
    };
    let error = failure(&client(&[], timeouts), &format!("http://{address}")).await;
    assert_eq!(error.kind, TransportErrorKind::Timeout);
    assert_eq!(
        error.to_string(),
        format!("{address} did not answer in time")
    );
    assert!(!error.is_final());
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_given_up() {
    let (_listener, address) = silent();
    let timeouts = Timeouts {
        connect: SOON,
        silence: NEVER,
        whole: NEVER,
    };
    let error = failure(&client(&[], timeouts), &format!("https://{address}")).await;
    assert_eq!(error.kind, TransportErrorKind::Connect);
    assert!(!error.is_final());
    insta::assert_snapshot!(
        error.to_string().replace(&address.to_string(), "HOST"),
        @"cannot connect to HOST: operation timed out"
    );
}

#[tokio::test]
async fn an_answer_that_trickles_is_given_up() {
    let port = PortSandbox::start().unwrap();
    port.inject(Fault::slow_body(NEVER).always());
    let timeouts = Timeouts {
        connect: NEVER,
        silence: NEVER,
        whole: SOON,
    };
    let error = failure(&client(&[], timeouts), &port.url()).await;
    assert_eq!(error.kind, TransportErrorKind::Timeout);
}

#[tokio::test]
async fn a_proxy_that_cannot_be_reached_is_named() {
    let (proxy, timeouts) = (nobody(), Timeouts::default());
    let url = format!("http://me:hunter2@{proxy}");
    for (variable, target) in [
        ("HTTPS_PROXY", "https://api.port.test"),
        ("HTTP_PROXY", "http://10.0.0.1:81"),
    ] {
        let client = client(&[(variable, url.clone())], timeouts);
        let error = failure(&client, target).await;
        assert_eq!(error.kind, TransportErrorKind::Connect);
        assert!(!error.is_final());
        let host = target.split_once("://").unwrap().1;
        assert_eq!(
            format!("{error}; {}", error.help("base-url")),
            format!(
                "cannot connect to the proxy {proxy} ({variable}) on the way to {host}: Connection refused (os error 111); check {variable}, or name {host} in NO_PROXY if it can be reached without"
            )
        );
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_may_need_a_proxy() {
    let address = nobody();
    let client = client(&[], Timeouts::default());
    let error = failure(&client, &format!("https://{address}")).await;
    let text = format!("{error}; {}", error.help("base-url"));
    insta::assert_snapshot!(
        text.replace(&address.to_string(), "HOST"),
        @"cannot connect to HOST: Connection refused (os error 111); check the input `base-url` and the runner's network, which may need a proxy (HTTPS_PROXY)"
    );
}

#[test]
fn silence_is_given_in_seconds() {
    let silence = |seconds| Timeouts::with_silence(seconds).map(|timeouts| timeouts.silence);
    assert_eq!(silence("0.25"), Ok(Duration::from_millis(250)));
    assert_eq!(silence("300"), Ok(Duration::from_secs(300)));
    for wrong in [
        "0",
        "-1",
        "301",
        "1e300",
        "NaN",
        "inf",
        "30s",
        "half a minute",
    ] {
        let error = silence(wrong).unwrap_err().to_string();
        assert!(error.contains(&format!("`{wrong}`")), "{error}");
    }
}
