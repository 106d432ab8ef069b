//! GitHub Enterprise Server has its APIs at `…/api/v3` and `…/api/graphql`.

use port_gitops_sandbox::Sandbox;
use port_gitops_sandbox::github::Edition;

use super::{authority, front};
use crate::world::{World, assert_outputs, succeed};

fn paths(world: &World) -> Vec<String> {
    let journal = world.github.journal();
    let mut paths: Vec<_> = journal
        .iter()
        .map(|exchange| {
            exchange
                .path
                .split('/')
                .take(3)
                .collect::<Vec<_>>()
                .join("/")
        })
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

#[test]
fn the_runner_says_where_its_apis_are() {
    let (world, step) = World::on(Edition::EnterpriseServer).with_change();
    assert!(step.variables()["GITHUB_API_URL"].ends_with("/api/v3"));
    assert!(step.variables()["GITHUB_GRAPHQL_URL"].ends_with("/api/graphql"));
    assert_outputs(&succeed(&step), "created=1");
    assert_eq!(paths(&world), ["/api/graphql", "/api/v3"]);
}

#[test]
fn the_input_says_where_both_apis_are() {
    let (world, step) = World::on(Edition::EnterpriseServer).with_change();
    let authority = authority();
    let tls = front(&world.github, &authority, &["localhost"]);
    let step = step
        .input("github-api-url", format!("{}/api/v3", tls.url("localhost")))
        .input("ca-certificates", authority.pem())
        .variable("GITHUB_API_URL", "https://api.github.invalid")
        .variable("GITHUB_GRAPHQL_URL", "https://api.github.invalid/graphql");
    assert_outputs(&succeed(&step), "created=1");
    assert_eq!(paths(&world), ["/api/graphql", "/api/v3"]);
    assert!(tls.connections() > 0);
}
