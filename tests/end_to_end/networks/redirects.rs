//! Requests carry secrets, so a redirect is followed on the same server only.

use port_gitops_sandbox::{Answer, Fault, PortSandbox, Sandbox};

use crate::world::{World, cannot_go_on, succeed};

fn redirect(status: u16, to: &str) -> Fault {
    Fault::answer(Answer::status(status).with_header("location", to))
}

#[test]
fn no_token_of_github_goes_to_another_server() {
    let (world, step) = World::new().with_change();
    let other = PortSandbox::start().unwrap();
    for status in [301, 302, 307] {
        let elsewhere = redirect(status, &format!("{}/login", other.url()));
        world.github.inject(elsewhere.on("GET", "*/git/trees/*"));
        cannot_go_on(&step, &["GitHub", &other.url(), "`github-api-url`"]);
    }
    assert_eq!(other.journal().len(), 0);
}

#[test]
fn no_secret_of_port_goes_to_another_server() {
    let (world, step) = World::new().with_change();
    let other = PortSandbox::start().unwrap();
    for status in [302, 307, 308] {
        let elsewhere = redirect(status, &format!("{}/v1/auth/access_token", other.url()));
        world.port.inject(elsewhere.on("POST", "*/access_token"));
        cannot_go_on(&step, &["Port", &other.url(), "`base-url`"]);
    }
    assert_eq!(other.journal().len(), 0);
}

#[test]
fn a_repository_that_was_renamed_is_found() {
    let (world, step) = World::new().with_change();
    world.github.set_former_name("octo-org/former");
    let result = succeed(&step.variable("GITHUB_REPOSITORY", "octo-org/former"));
    assert_eq!(result.output("created"), "1");
    let redirected = world.github.journal();
    assert!(
        redirected
            .iter()
            .any(|exchange| exchange.status() == Some(301))
    );
}
