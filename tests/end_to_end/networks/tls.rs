//! Certificates of a company's own authority, and what can be wrong with certificates.

use port_gitops_sandbox::network::Validity;
use port_gitops_sandbox::{Sandbox, Step, TlsFront};

use super::{authority, front, message};
use crate::world::{World, cannot_go_on, run, succeed};

/// A step whose Port is after `tls`.
fn behind(step: Step, tls: &TlsFront) -> Step {
    step.input("base-url", tls.url("localhost"))
}

#[test]
fn a_private_root_is_trusted_by_input() {
    let (world, step) = World::new().with_change();
    let authority = authority();
    let tls = front(&world.port, &authority, &["localhost", "127.0.0.1"]);
    let step = step
        .input("base-url", tls.url("127.0.0.1"))
        .input("ca-certificates", authority.pem());
    succeed(&step);
    assert_eq!(world.entities().len(), 1);
}

#[test]
fn a_private_root_is_trusted_by_file() {
    let (world, step) = World::new().with_change();
    let authority = authority();
    let tls = front(&world.port, &authority, &["localhost"]);
    let file = step.workspace().join("root.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    let step = behind(step, &tls).variable("SSL_CERT_FILE", file.display().to_string());
    succeed(&step);
    assert_eq!(world.entities().len(), 1);
}

#[test]
fn a_file_of_roots_that_is_not_there_is_passed_over() {
    let (world, step) = World::new().with_change();
    let result = succeed(&step.variable("SSL_CERT_FILE", "/on/the/runner/root.pem"));
    assert!(
        result
            .log
            .contains("SSL_CERT_FILE names /on/the/runner/root.pem, which is not there")
    );
    assert_eq!(world.entities().len(), 1);
}

#[test]
fn a_file_of_roots_that_is_of_no_use_is_an_error() {
    let (world, step) = World::new().with_change();
    let folder = step.workspace().display().to_string();
    let step = step.variable("SSL_CERT_FILE", &folder);
    cannot_go_on(&step, &["SSL_CERT_FILE", &folder, "cannot be read"]);
    let file = step.workspace().join("root.pem");
    std::fs::write(&file, "no certificate").unwrap();
    let step = step.variable("SSL_CERT_FILE", file.display().to_string());
    let result = cannot_go_on(&step, &["(SSL_CERT_FILE): holds no certificate"]);
    assert!(!message(&result).contains("ca-certificates"));
    assert_eq!(world.github.journal().len(), 0);
}

#[test]
fn an_input_that_is_no_certificate_is_an_error() {
    let (world, step) = World::new().with_change();
    let authority = authority();
    let (pem, key) = (authority.pem(), authority.key_pem());
    let key_line = key.lines().nth(1).unwrap();
    for (text, problem) in [
        ("./root.pem", "holds no certificate"),
        (&key, "holds a private key"),
        (&pem[..pem.len() - 30], "block 1 is cut short"),
        (&pem.replace('\n', " "), "`ca-certificates: |`"),
        (&pem.replace('M', "!"), "block 1 is damaged"),
    ] {
        let step = World::step(&world, "push", &serde_json::json!({}));
        let result = cannot_go_on(
            &step.input("ca-certificates", text),
            &["input `ca-certificates`: ", problem],
        );
        assert!(!result.log.contains(key_line));
    }
    drop(step);
    assert_eq!(world.github.journal().len(), 0);
}

#[test]
fn an_unknown_issuer_is_final() {
    let (world, step) = World::new().with_change();
    let tls = front(&world.port, &authority(), &["localhost"]);
    let result = cannot_go_on(&behind(step, &tls), &[]);
    let host = format!("localhost:{}", tls.address().port());
    insta::assert_snapshot!(
        message(&result).replace(&host, "HOST"),
        @"Port could not be reached: the certificate of HOST is from an issuer that is not trusted (UnknownIssuer); if it is your company's, give its root certificate in the input `ca-certificates`"
    );
    assert_eq!(tls.connections(), 1, "it is not tried again");
}

#[test]
fn a_root_of_another_authority_does_not_help() {
    let (world, step) = World::new().with_change();
    let tls = front(&world.github, &authority(), &["localhost"]);
    let step = step
        .input("github-api-url", tls.url("localhost"))
        .input("ca-certificates", authority().pem());
    cannot_go_on(
        &step,
        &["GitHub", "issuer that is not trusted", "`ca-certificates`"],
    );
    assert_eq!(world.github.journal().len(), 0);
    assert_eq!(tls.connections(), 1, "it is not tried again");
}

#[test]
fn an_expired_certificate_is_final() {
    let (world, step) = World::new().with_change();
    let authority = authority();
    let identity = authority.issue(&["localhost"], Validity::Expired).unwrap();
    let tls = TlsFront::start(world.port.server().address(), &identity).unwrap();
    let step = behind(step, &tls).input("ca-certificates", authority.pem());
    let host = format!("localhost:{}", tls.address().port());
    let result = cannot_go_on(
        &step,
        &[&host, "has expired", "renewed there", "31 Dec 2020"],
    );
    assert!(!message(&result).contains("`ca-certificates`"));
    assert_eq!(tls.connections(), 1, "it is not tried again");
}

#[test]
fn a_certificate_for_another_name_is_final() {
    let (world, step) = World::new().with_change();
    let authority = authority();
    let tls = front(&world.port, &authority, &["port.shop.test"]);
    let step = behind(step, &tls).input("ca-certificates", authority.pem());
    let result = cannot_go_on(&step, &[]);
    let host = format!("localhost:{}", tls.address().port());
    insta::assert_snapshot!(
        message(&result).replace(&host, "HOST"),
        @r#"Port could not be reached: the certificate of HOST is for another name (certificate not valid for name "localhost"; certificate is only valid for DnsName("port.shop.test")); check the input `base-url`"#
    );
    assert_eq!(tls.connections(), 1, "it is not tried again");
}

#[test]
fn a_server_without_tls_is_told_apart() {
    let (world, step) = World::new().with_change();
    let plain = world.port.url().replace("http://", "https://");
    let result = run(&step.input("base-url", plain));
    assert_eq!(result.status, 2);
    let host = world.port.server().address().to_string();
    insta::assert_snapshot!(message(&result).replace(&host, "HOST"), @"Port could not be reached: no TLS with HOST: received corrupt message of type InvalidContentType; check the input `base-url`: the server there may not speak https");
}
