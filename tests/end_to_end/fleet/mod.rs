//! One run over many repositories.

mod world;

use serde_json::json;

use crate::world::succeed;
use world::{Fleet, HOME};

#[test]
fn repositories_with_workflows_of_their_own_do_not_mix() {
    let fleet = Fleet::of(2);
    for name in ["r0", "r1"] {
        fleet.stage(name, name, "One");
    }
    fleet.commit_all("Declare");
    fleet.declare(HOME, "platform", "One");
    for (name, entity) in [(HOME, "platform"), ("r0", "r0"), ("r1", "r1")] {
        succeed(&fleet.own_step(name));
        let state = fleet.state(name).unwrap();
        let declared = json!([format!("domain|{entity}")]);
        assert_eq!(state["properties"]["entities"], declared);
    }
}
