//! What GitHub's copies do not know yet is not treated as removed.

use port_gitops_sandbox::{Answer, Fault, Sandbox};
use serde_json::json;

use crate::world::{World, cannot_go_on, succeed};

#[test]
fn a_listed_file_without_its_content_ends_the_run_and_deletes_nothing() {
    let (world, step) = World::new().with_change();
    succeed(&step.input("prune", "true"));
    let before = world.repository.head().unwrap();
    world.write_domain("port.yml", "b", "B");
    let step = world.push("Replace the entity");
    let unknown = Answer::json(404, &json!({"message": "Not Found", "status": "404"}));
    world
        .github
        .inject(Fault::status(403).on("POST", "/graphql").always());
    world
        .github
        .inject(Fault::answer(unknown).on("GET", "*/git/blobs/*").always());
    cannot_go_on(
        &step.input("prune", "true"),
        &[
            "`port.yml`",
            "does not have its content",
            "run the job again",
        ],
    );
    assert!(world.port.entity("domain", "a").is_some());
    world.github.clear_faults();
    succeed(&world.pushed(&before).input("prune", "true"));
    assert!(world.port.entity("domain", "a").is_none());
}
