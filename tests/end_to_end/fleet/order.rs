//! One plan of all repositories: order, duplicates, owners.

use serde_json::json;

use super::world::Fleet;
use super::{failed, pruned, synced};
use crate::world::{assert_outputs, fails, run, succeed};

const SERVICE: &str = "identifier: s\nblueprint: microservice\nrelations:\n  domain: d\n";

#[test]
fn relations_are_ordered_across_repositories() {
    let fleet = Fleet::of(2);
    fleet.push("r0", "port.yml", SERVICE);
    fleet.declare("r1", "d", "One");
    synced(&fleet, "created=2");
    // The target goes last, even from another repository, and what relates to it may not stay.
    fleet.push("r0", "port.yml", "# nothing\n");
    fleet.remove("r1", "d");
    assert_eq!(succeed(&pruned(&fleet)).output("deleted"), "2");
    assert!(fleet.port.entity("microservice", "s").is_none());
}

#[test]
fn what_two_repositories_declare_is_an_error_in_both_until_one_gives_way() {
    let fleet = Fleet::of(2);
    for name in ["r0", "r1"] {
        fleet.stage(name, "same", name);
        fleet.stage(name, name, "Own");
    }
    fleet.commit_all("Declare");
    let result = failed(&fleet, "invalid=2");
    let said = "`domain/same` is also declared in acme/r1 at";
    assert!(result.log.contains(said));
    // The others are written, and the problem is no longer new.
    fleet.assert_holds("same=- r0=Own");
    synced(&fleet, "invalid=2");
    fleet.remove("r0", "same");
    synced(&fleet, "created=1");
    fleet.assert_holds("same=r1");
    fleet.assert_status(&["r0", "r1"], "synced");
}

#[test]
fn an_entity_that_two_declare_is_its_owners() {
    let fleet = Fleet::of(2);
    fleet.declare("r0", "d", "Owner's");
    synced(&fleet, "created=1");
    fleet.declare("r1", "d", "Other's");
    fleet.declare("r0", "d", "Again");
    let result = failed(&fleet, "updated=1");
    assert!(result.log.contains("owned elsewhere"));
    fleet.assert_holds("d=Again");
    synced(&fleet, "updated=0");
}

#[test]
fn an_entity_moves_from_one_repository_to_another_in_one_run() {
    let fleet = Fleet::of(2);
    fleet.declare("r0", "d", "Old");
    succeed(&pruned(&fleet));
    fleet.declare("r1", "d", "New");
    fleet.remove("r0", "d");
    for _ in 0..2 {
        assert_eq!(succeed(&pruned(&fleet)).output("deleted"), "0");
        fleet.assert_holds("d=New");
        assert_eq!(fleet.state_property("r0", "entities"), json!([]));
        assert_eq!(fleet.state_property("r1", "entities"), json!(["domain|d"]));
    }
}

#[test]
fn deletions_are_limited_for_the_whole_run() {
    let fleet = Fleet::of(2);
    let all = [("r0", "a"), ("r0", "b"), ("r1", "c"), ("r1", "d")];
    all.iter()
        .for_each(|(name, entity)| fleet.declare(name, entity, "One"));
    synced(&fleet, "created=4");
    all.iter()
        .for_each(|(name, entity)| fleet.remove(name, entity));
    let result = fails(&pruned(&fleet).input("max-deletes", "3"));
    assert_outputs(&result, "deleted=0");
    assert!(result.log.contains("4 entities are more than the 3"));
    assert_outputs(
        &succeed(&pruned(&fleet).input("max-deletes", "4")),
        "deleted=4",
    );
}

/// What is handed over, and what becomes of it if the new repository drops it before it has got it: both drop
/// it, the new one has a mistake, or its state is refused.
#[test]
fn what_nobody_has_taken_over_is_deleted_once_nobody_declares_it() {
    let both_drop_it: fn(&Fleet) = |fleet| {
        run(&pruned(fleet));
        fleet.remove("r0", "d");
    };
    let a_mistake: fn(&Fleet) = |fleet| {
        fleet.declare("r1", "d", "{}");
        fleet.remove("r0", "d");
        fails(&pruned(fleet));
        fleet.assert_holds("d=Old");
    };
    let a_state_that_is_refused: fn(&Fleet) = |fleet| {
        fleet.remove("r0", "d");
        fleet.refuse_state("r1", 100);
        fails(&pruned(fleet));
        fleet.assert_holds("d=Old");
        fleet.port.refuse_nothing();
    };
    for hand_over in [both_drop_it, a_mistake, a_state_that_is_refused] {
        let fleet = Fleet::of(2);
        fleet.declare("r0", "d", "Old");
        fleet.declare("r1", "own", "One");
        succeed(&pruned(&fleet));
        fleet.declare("r1", "d", "New");
        hand_over(&fleet);
        fleet.remove("r1", "d");
        succeed(&pruned(&fleet));
        fleet.assert_holds("d=-");
        fleet.assert_status(&["r0", "r1"], "synced");
    }
}
