//! The proxy as its clients see it. TLS is covered by the program's own end-to-end tests.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;

use port_gitops_sandbox::{PortSandbox, ProxySandbox, Sandbox};

fn client(proxy: &str) -> reqwest::Client {
    let proxy = reqwest::Proxy::http(proxy).unwrap();
    support::http().proxy(proxy).build().unwrap()
}

async fn status(proxy: &str, url: &str) -> u16 {
    let answer = client(proxy).get(url).send().await.unwrap();
    answer.status().as_u16()
}

#[tokio::test]
async fn absolute_urls_are_forwarded_without_what_is_the_proxys() {
    let (proxy, port) = (
        ProxySandbox::start().unwrap(),
        PortSandbox::start().unwrap(),
    );
    let url = format!("{}/v1/blueprints?a=b", port.url());
    assert_eq!(status(&proxy.url_with("me", "pw"), &url).await, 401);
    assert_eq!(proxy.targets(), [format!("GET {url}")]);
    let seen = &proxy.journal()[0];
    assert_eq!(seen.header("proxy-authorization"), Some("Basic bWU6cHc="));
    assert_eq!(seen.status, None, "the answer is the server's");
    let exchange = &port.journal()[0];
    assert_eq!(
        (exchange.path.as_str(), exchange.query.as_str()),
        ("/v1/blueprints", "a=b")
    );
    assert_eq!(exchange.header("proxy-authorization"), None);
}

#[tokio::test]
async fn what_it_refuses_reaches_no_server() {
    let (proxy, port) = (
        ProxySandbox::start().unwrap(),
        PortSandbox::start().unwrap(),
    );
    proxy.refuse_next(502, 1);
    assert_eq!(status(&proxy.url(), &port.url()).await, 502);
    proxy.require_credentials("me", "pw");
    assert_eq!(status(&proxy.url(), &port.url()).await, 407);
    proxy.refuse(403);
    assert_eq!(status(&proxy.url_with("me", "pw"), &port.url()).await, 403);
    let statuses: Vec<_> = proxy.journal().iter().map(|one| one.status).collect();
    assert_eq!(statuses, [Some(502), Some(407), Some(403)]);
    assert_eq!(port.journal().len(), 0);
}

#[test]
fn a_tunnel_leads_to_the_address_of_a_name() {
    let (proxy, port) = (
        ProxySandbox::start().unwrap(),
        PortSandbox::start().unwrap(),
    );
    proxy.resolve("port.test", port.server().address());
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    stream
        .write_all(b"CONNECT port.test:443 HTTP/1.1\r\n\r\n")
        .unwrap();
    let mut answer = [0; 39];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 Connection established\r\n\r\n");
    stream
        .write_all(b"GET /v1/blueprints HTTP/1.1\r\nhost: port.test\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert_eq!(port.journal().len(), 1);
}
