//! What GitHub's copies do not know yet is not treated as removed.

use port_gitops_sandbox::{Answer, Fault, Sandbox};
use serde_json::json;

use crate::world::{World, cannot_go_on, pruning, succeed};

#[test]
fn a_listed_file_without_its_content_ends_the_run_and_deletes_nothing() {
    let world = World::new();
    succeed(&pruning(world.change("a=A")));
    let step = pruning(world.change("a:b=B"));
    let unknown = Answer::json(404, &json!({"message": "Not Found", "status": "404"}));
    for fault in [
        Fault::status(403).on("POST", "/graphql"),
        Fault::answer(unknown).on("GET", "*/git/blobs/*"),
    ] {
        world.github.inject(fault.always());
    }
    let said = [
        "`a/port.yml`",
        "does not have its content",
        "run the job again",
    ];
    cannot_go_on(&step, &said);
    world.assert_holds("a=A b=-");
    world.github.clear_faults();
    succeed(&step);
    world.assert_holds("a=- b=B");
}
