//! One plan of all repositories: order, duplicates, owners.

use port_gitops_sandbox::port::Failure;
use serde_json::json;

use super::world::Fleet;
use super::{assert_ended, scheduled, status, title};
use crate::world::{run, succeed};

const SERVICE: &str = "identifier: s\nblueprint: microservice\nrelations:\n  domain: d\n";

#[test]
fn relations_are_ordered_across_repositories() {
    let fleet = Fleet::of(2);
    fleet.git("r0").write("port.yml", SERVICE);
    fleet.stage("r1", "d", "One");
    fleet.commit_all("Declare");
    let result = scheduled(&fleet);
    assert_eq!((result.status, result.output("created")), (0, "2"));
    // The target goes last, even from another repository, and what relates to it may not stay.
    fleet.git("r0").write("port.yml", "# nothing\n");
    fleet.git("r1").remove("d.entity.yml");
    fleet.commit_all("Remove");
    let step = fleet.step("schedule").input("prune", "true");
    assert_eq!(succeed(&step).output("deleted"), "2");
    assert!(fleet.port.entity("microservice", "s").is_none());
}

#[test]
fn what_two_repositories_declare_is_an_error_in_both_until_one_gives_way() {
    let fleet = Fleet::of(2);
    for name in ["r0", "r1"] {
        fleet.stage(name, "same", name);
        fleet.stage(name, name, "Its own");
    }
    fleet.commit_all("Declare");
    let result = scheduled(&fleet);
    assert_eq!((result.status, result.output("invalid")), (1, "2"));
    assert!(
        result
            .log
            .contains("`domain/same` is also declared in acme/r1 at"),
        "{}",
        result.log
    );
    assert!(title(&fleet, "same").is_none());
    assert!(title(&fleet, "r0").is_some(), "the rest is written");
    let result = scheduled(&fleet);
    assert_eq!(
        (result.status, result.output("invalid")),
        (0, "2"),
        "the problem is no longer new"
    );
    fleet.git("r0").remove("same.entity.yml");
    fleet.git("r0").commit("Give way").unwrap();
    assert_eq!(scheduled(&fleet).status, 0);
    assert_eq!(title(&fleet, "same").as_deref(), Some("r1"));
    for name in ["r0", "r1"] {
        assert_eq!(status(&fleet, name), "synced");
    }
}

#[test]
fn an_entity_that_two_declare_is_its_owners() {
    let fleet = Fleet::of(2);
    fleet.declare("r0", "d", "Owner's");
    assert_eq!(scheduled(&fleet).status, 0);
    fleet.declare("r1", "d", "Other's");
    fleet.declare("r0", "d", "Owner's again");
    let result = scheduled(&fleet);
    assert_ended(&result, 1, "updated", "1");
    assert!(result.log.contains("owned elsewhere"), "{}", result.log);
    assert_eq!(title(&fleet, "d").as_deref(), Some("Owner's again"));
    assert_eq!(scheduled(&fleet).status, 0);
}

#[test]
fn an_entity_moves_from_one_repository_to_another_in_one_run() {
    let fleet = Fleet::of(2);
    fleet.declare("r0", "d", "Old");
    let step = || fleet.step("schedule").input("prune", "true");
    succeed(&step());
    fleet.declare("r1", "d", "New");
    fleet.git("r0").remove("d.entity.yml");
    fleet.git("r0").commit("Move it").unwrap();
    let result = succeed(&step());
    assert_eq!(
        (result.output("deleted"), title(&fleet, "d").as_deref()),
        ("0", Some("New"))
    );
    let owned = |name: &str| fleet.state(name).unwrap()["properties"]["entities"].clone();
    assert_eq!((owned("r0"), owned("r1")), (json!([]), json!(["domain|d"])));
    succeed(&step());
    assert!(title(&fleet, "d").is_some());
}

#[test]
fn deletions_are_limited_for_the_whole_run() {
    let fleet = Fleet::of(2);
    for name in ["r0", "r1"] {
        for index in 0..2 {
            fleet.stage(name, &format!("{name}-{index}"), "One");
        }
    }
    fleet.commit_all("Declare");
    assert_eq!(scheduled(&fleet).status, 0);
    for name in ["r0", "r1"] {
        for index in 0..2 {
            fleet
                .git(name)
                .remove(&format!("{name}-{index}.entity.yml"));
        }
    }
    fleet.commit_all("Remove");
    let step = |most: &str| {
        let step = fleet.step("schedule").input("prune", "true");
        step.input("max-deletes", most)
    };
    let result = run(&step("3"));
    assert_eq!((result.status, result.output("deleted")), (1, "0"));
    assert!(
        result.log.contains("4 entities are more than the 3"),
        "{}",
        result.log
    );
    assert_eq!(succeed(&step("4")).output("deleted"), "4");
}

/// What is handed over, and what becomes of it if the new repository drops it before it has got it.
#[test]
fn what_nobody_has_taken_over_is_deleted_once_nobody_declares_it() {
    for case in [
        "both drop it",
        "the new one has a mistake",
        "the new one's state is refused",
    ] {
        let fleet = Fleet::of(2);
        let step = || fleet.step("schedule").input("prune", "true");
        let drop_from = |name: &str| {
            fleet.git(name).remove("d.entity.yml");
            fleet.git(name).commit("Drop it").unwrap();
        };
        fleet.declare("r0", "d", "Old");
        fleet.declare("r1", "own", "One");
        succeed(&step());
        fleet.declare("r1", "d", "New");
        match case {
            "both drop it" => {
                run(&step());
            }
            "the new one has a mistake" => {
                fleet.declare("r1", "d", "{}");
                drop_from("r0");
                assert_eq!(run(&step()).status, 1, "{case}");
                assert_eq!(title(&fleet, "d").as_deref(), Some("Old"), "{case}");
            }
            _ => {
                drop_from("r0");
                let id = fleet.github.id_of("acme/r1").unwrap();
                let refused = Failure::new(422, "no", "refused");
                let state = format!("github.com/{id}");
                fleet.port.refuse("gitops_source", &state, refused, 100);
                assert_eq!(run(&step()).status, 1, "{case}");
                assert_eq!(title(&fleet, "d").as_deref(), Some("Old"), "{case}");
                fleet.port.refuse_nothing();
            }
        }
        if case == "both drop it" {
            drop_from("r0");
        }
        drop_from("r1");
        let result = succeed(&step());
        assert!(title(&fleet, "d").is_none(), "{case}: {}", result.log);
        for name in ["r0", "r1"] {
            assert_eq!(status(&fleet, name), "synced", "{case}");
        }
    }
}
