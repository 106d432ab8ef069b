//! Proxies: who goes through them, who does not, and what they can refuse.

use port_gitops_sandbox::network::Validity;
use port_gitops_sandbox::{Authority, ProxySandbox, Sandbox, Step, TlsFront};

use super::{authority, front, message};
use crate::world::{World, cannot_go_on, shown_beside_masks, succeed};

/// A name that only the proxy can resolve, as in networks without a way out.
const HOST: &str = "api.port.test";
const PASSWORD: &str = "hunter2-hunter2";

/// A Port after TLS that is reached through a proxy only.
struct Company {
    world: World,
    proxy: ProxySandbox,
    step: Step,
    _tls: TlsFront,
}

fn company() -> Company {
    company_with(ProxySandbox::start().unwrap())
}

fn company_with(proxy: ProxySandbox) -> Company {
    let (world, step) = World::new().with_change();
    let authority = authority();
    let tls = front(&world.port, &authority, &[HOST]);
    proxy.resolve(HOST, tls.address());
    let step = step
        .input("base-url", format!("https://{HOST}"))
        .input("ca-certificates", authority.pem())
        .variable("HTTPS_PROXY", proxy.url());
    Company {
        world,
        proxy,
        step,
        _tls: tls,
    }
}

/// Sends everything through one proxy.
fn through(step: Step, proxy: &str) -> Step {
    step.variable("HTTPS_PROXY", proxy)
        .variable("HTTP_PROXY", proxy)
}

/// Requests share a tunnel, unless they go at the same time.
fn assert_few_tunnels(world: &World, proxy: &ProxySandbox) {
    let tunnels = proxy.targets();
    let tunnel = format!("CONNECT {HOST}:443");
    assert!(tunnels.iter().all(|target| *target == tunnel));
    assert!(matches!(tunnels.len(), 1 | 2), "{tunnels:?}");
    assert!(world.port.journal().len() > 2);
}

#[test]
fn https_goes_through_a_tunnel() {
    let company = company();
    succeed(&company.step);
    assert_eq!(company.world.entities().len(), 1);
    assert_few_tunnels(&company.world, &company.proxy);
    let seen = &company.proxy.journal()[0];
    assert_eq!(seen.header("authorization"), None);
    assert_eq!(seen.header("proxy-authorization"), None);
}

#[test]
fn http_is_asked_of_the_proxy() {
    let (world, step) = World::new().with_change();
    let proxy = ProxySandbox::start().unwrap();
    succeed(&step.variable("http_proxy", proxy.url()));
    assert_eq!(world.entities().len(), 1);
    let sent = world.github.journal().len() + world.port.journal().len();
    assert_eq!(proxy.targets().len(), sent, "loopback is no exception");
    let upsert = format!("POST {}/v1/blueprints/domain/entities?", world.port.url());
    let mut list = proxy.targets().into_iter();
    assert!(list.any(|target| target.starts_with(&upsert)));
}

#[test]
fn a_user_name_and_a_password_are_sent_to_the_proxy_alone() {
    let company = company();
    let proxy = &company.proxy;
    proxy.require_credentials("the shop", "p@ss:hunter2-hunter2");
    let url = proxy.url_with("the%20shop", "p%40ss%3Ahunter2-hunter2");
    let result = succeed(&through(company.step, &url));
    assert!(!shown_beside_masks(&result, PASSWORD));
    assert!(company.proxy.targets().len() > 1);
    for exchange in [company.world.github.journal(), company.world.port.journal()].concat() {
        assert_eq!(exchange.header("proxy-authorization"), None);
    }
}

#[test]
fn the_way_to_the_proxy_can_be_private_too() {
    let authority = authority();
    let identity = authority.issue(&["localhost"], Validity::Current).unwrap();
    let company = company_with(ProxySandbox::start_tls(&identity).unwrap());
    company.proxy.require_credentials("me", PASSWORD);
    let port_root = &company.step.variables()["INPUT_CA-CERTIFICATES"];
    let roots = format!("{port_root}{}", authority.pem());
    let url = company.proxy.url_with("me", PASSWORD);
    assert!(url.starts_with("https://"));
    let step = company.step.input("ca-certificates", roots);
    let result = succeed(&through(step, &url));
    assert!(!shown_beside_masks(&result, PASSWORD));
    assert_eq!(company.world.entities().len(), 1);
    let tunnel = format!("CONNECT {HOST}:443");
    assert!(company.proxy.targets().contains(&tunnel));
}

/// The message of a step that a proxy kept from going on, the proxy being named `PROXY`.
fn refusal(step: &Step, proxy: &ProxySandbox) -> String {
    let result = cannot_go_on(step, &[]);
    assert!(!shown_beside_masks(&result, PASSWORD));
    let address = format!("localhost:{}", proxy.address().port());
    message(&result).replace(&address, "PROXY")
}

#[test]
fn a_proxy_that_wants_credentials_is_final() {
    let company = company();
    company.proxy.require_credentials("me", PASSWORD);
    insta::assert_snapshot!(refusal(&company.step, &company.proxy), @"Port could not be reached: the proxy PROXY (HTTPS_PROXY) wants a valid user name and password for api.port.test (407 Proxy Authentication Required); put them into HTTPS_PROXY (`http://user:password@host:port`), or name api.port.test in NO_PROXY if it can be reached without");
    assert_eq!(company.proxy.targets().len(), 1, "it is not tried again");

    let step = company
        .step
        .variable("HTTPS_PROXY", company.proxy.url_with("you", PASSWORD));
    insta::assert_snapshot!(refusal(&step, &company.proxy), @"Port could not be reached: the proxy PROXY (HTTPS_PROXY) wants a valid user name and password for api.port.test (407 Proxy Authentication Required); check them in HTTPS_PROXY, where special characters must be percent-encoded");
    assert_eq!(company.proxy.targets().len(), 2, "it is not tried again");

    let step = step
        .variable("HTTPS_PROXY", company.proxy.url_with("me", PASSWORD))
        .variable("HTTP_PROXY", company.proxy.url_with("you", PASSWORD));
    let message = refusal(&step, &company.proxy);
    let begin = "GitHub could not be reached: the proxy PROXY (HTTP_PROXY) wants a valid";
    assert!(message.starts_with(begin));
    let targets = company.proxy.targets().into_iter();
    let to_github = targets.filter(|target| !target.starts_with("CONNECT"));
    assert_eq!(to_github.count(), 1, "it is not tried again");
}

#[test]
fn a_proxy_that_does_not_want_to_is_final() {
    let company = company();
    company.proxy.refuse(403);
    insta::assert_snapshot!(refusal(&company.step, &company.proxy), @"Port could not be reached: the proxy PROXY (HTTPS_PROXY) does not let requests pass to api.port.test (403 Forbidden); have api.port.test allowed there, or name it in NO_PROXY if it can be reached without");
    let found = company.proxy.targets().len();
    assert_eq!(found, 2, "once, and once to learn why");
}

#[test]
fn a_proxy_that_cannot_just_now_is_asked_again() {
    let company = company();
    company.proxy.refuse_next(502, 2);
    let result = succeed(&company.step);
    let said = format!("has no way to {HOST} (502 Bad Gateway); again in");
    assert!(result.log.contains(&said));
    assert_eq!(company.world.entities().len(), 1);
}

#[test]
fn a_proxy_with_an_unknown_certificate_is_named() {
    let identity = Authority::new("Somebody")
        .unwrap()
        .issue(&["localhost"], Validity::Current)
        .unwrap();
    let company = company_with(ProxySandbox::start_tls(&identity).unwrap());
    let step = company
        .step
        .variable("HTTPS_PROXY", company.proxy.url_with("me", PASSWORD));
    insta::assert_snapshot!(refusal(&step, &company.proxy), @"Port could not be reached: the certificate of the proxy PROXY (HTTPS_PROXY) on the way to api.port.test is from an issuer that is not trusted (UnknownIssuer); if it is your company's, give its root certificate in the input `ca-certificates`");
    assert_eq!(company.proxy.targets().len(), 0);
}
