//! Requests carry secrets, so a redirect is followed on the same server only.

use port_gitops_sandbox::{Answer, Fault, PortSandbox, Sandbox};

use crate::world::{World, assert_outputs, cannot_go_on, succeed};

#[test]
fn no_secret_goes_to_another_server() {
    for (service, method, path, input) in [
        ("GitHub", "GET", "*/git/trees/*", "`github-api-url`"),
        ("Port", "POST", "*/access_token", "`base-url`"),
    ] {
        let (world, step) = World::new().with_change();
        let other = PortSandbox::start().unwrap();
        for status in [301, 302, 307, 308] {
            let to = format!("{}/v1/auth/access_token", other.url());
            let answer = Answer::status(status).with_header("location", to);
            let elsewhere = Fault::answer(answer).on(method, path);
            match service {
                "Port" => world.port.inject(elsewhere),
                _ => world.github.inject(elsewhere),
            }
            cannot_go_on(&step, &[service, &other.url(), input]);
        }
        assert_eq!(other.journal().len(), 0);
    }
}

#[test]
fn a_repository_that_was_renamed_is_found() {
    let (world, step) = World::new().with_change();
    world.github.set_former_name("octo-org/former");
    assert_outputs(
        &succeed(&step.variable("GITHUB_REPOSITORY", "octo-org/former")),
        "created=1",
    );
    let redirected = world.github.journal();
    let mut all = redirected.iter();
    assert!(all.any(|exchange| exchange.status() == Some(301)));
}
