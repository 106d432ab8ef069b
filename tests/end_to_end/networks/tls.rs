//! Certificates of a company's own authority, and what can be wrong with certificates.

use port_gitops_sandbox::network::Validity;
use port_gitops_sandbox::{Authority, Sandbox, Step, TlsFront};

use super::{authority, front, message};
use crate::world::{World, cannot_go_on, run, succeed};

/// A step whose Port is after `tls`.
fn behind(step: Step, tls: &TlsFront) -> Step {
    step.input("base-url", tls.url("localhost"))
}

#[test]
fn a_private_root_is_trusted_by_input_or_by_file() {
    for is_file in [false, true] {
        let (world, step) = World::new().with_change();
        let authority = authority();
        let tls = front(&world.port, &authority, &["localhost", "127.0.0.1"]);
        let file = step.workspace().join("root.pem");
        std::fs::write(&file, authority.pem()).unwrap();
        let step = step.input("base-url", tls.url("127.0.0.1"));
        succeed(&match is_file {
            true => step.variable("SSL_CERT_FILE", file.display().to_string()),
            false => step.input("ca-certificates", authority.pem()),
        });
        assert_eq!(world.entities().len(), 1);
    }
}

#[test]
fn a_file_of_roots_that_is_not_there_is_passed_over() {
    let (world, step) = World::new().with_change();
    let result = succeed(&step.variable("SSL_CERT_FILE", "/on/the/runner/root.pem"));
    let needle = "SSL_CERT_FILE names /on/the/runner/root.pem, which is not there";
    assert!(result.log.contains(needle));
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

/// What is wrong with it is said with what to do, and the connection is not tried again.
#[test]
fn a_certificate_that_is_refused_is_final() {
    let own = authority();
    let somebody = Authority::new("Somebody").unwrap();
    let elsewhere = somebody.issue(&["localhost"], Validity::Current);
    let expired = own.issue(&["localhost"], Validity::Expired);
    let another_name = own.issue(&["port.shop.test"], Validity::Current);
    for (identity, said) in [
        (
            elsewhere,
            &[
                "is from an issuer that is not trusted (UnknownIssuer); if it is your company's, give its root certificate in the input `ca-certificates`",
            ][..],
        ),
        (expired, &["has expired", "renewed there", "31 Dec 2020"]),
        (
            another_name,
            &[
                r#"is for another name (certificate not valid for name "localhost"; certificate is only valid for DnsName("port.shop.test")); check the input `base-url`"#,
            ],
        ),
    ] {
        let (world, step) = World::new().with_change();
        let tls = TlsFront::start(world.port.server().address(), &identity.unwrap()).unwrap();
        let step = behind(step, &tls).input("ca-certificates", own.pem());
        let result = cannot_go_on(&step, said);
        let host = format!("localhost:{}", tls.address().port());
        let begin = format!("Port could not be reached: the certificate of {host} ");
        assert!(message(&result).starts_with(&begin));
        assert_eq!(tls.connections(), 1);
    }
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
