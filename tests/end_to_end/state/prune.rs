//! What Git no longer declares is deleted where that is wanted, and nothing else ever is.

use port_gitops_sandbox::{Fault, Sandbox, Step};
use serde_json::json;

use super::{assert_settled, names, push_elsewhere};
use crate::scenes::{code, plain, states};
use crate::world::{
    World, assert_outputs, assert_shows, domain, domains, fails, pruning, run, succeed,
};

/// A catalog with the domains `a`, `b` and `c`, of one file.
fn three() -> World {
    let world = World::new();
    succeed(&pruning(world.push_file("port.yml", &domains("a b c"))));
    world.clear_journals();
    world
}

/// A service that needs the domain `b`.
const SHOP: &str = "identifier: shop\nblueprint: microservice\nrelations:\n  domain: b\n";

#[test]
fn what_a_push_removes_is_deleted() {
    let world = three();
    assert_outputs(
        &succeed(&pruning(world.push_file("port.yml", &domain("a")))),
        "deleted=2",
    );
    assert_eq!(names(&world), ["a"]);
    world.remove("port.yml");
    assert_outputs(
        &succeed(&pruning(world.push("Remove the file"))),
        "deleted=1",
    );
    assert!(names(&world).is_empty());
}

#[test]
fn without_prune_a_notice_lists_it() {
    let world = three();
    let result = succeed(&world.push_file("port.yml", &domain("a")));
    assert_eq!(result.output("deleted"), "0");
    assert_eq!(names(&world), ["a", "b", "c"]);
    assert_shows(&result, &["`domain/b`", "`domain/c`", "prune: true"]);
}

#[test]
fn a_new_name_is_written_before_the_old_one_goes() {
    let world = World::new();
    succeed(&pruning(world.push_file("port.yml", &domain("old"))));
    world.port.clear_journal();
    let result = succeed(&pruning(world.push_file("port.yml", &domain("new"))));
    assert_outputs(&result, "created=1 deleted=1");
    let changes = world.port_writes();
    assert_eq!(changes[0], "POST /v1/blueprints/domain/entities");
    assert!(changes[1].contains("delete") || changes[1].starts_with("DELETE"));
    assert_eq!(names(&world), ["new"]);
}

#[test]
fn dependants_keep_what_they_need() {
    let world = three();
    let service = json!({"identifier": "by-hand", "relations": {"domain": "b"}});
    world.put("microservice", service);
    let result = fails(&pruning(world.push_file("port.yml", &domain("a"))));
    assert_eq!(names(&world), ["a", "b", "by-hand"]);
    assert_eq!(result.output("deleted"), "1");
    for text in ["not-deleted", "microservice/by-hand", "delete those first"] {
        assert!(
            result.summary.contains(text) && plain(&result).contains(text),
            "{text}"
        );
    }
}

/// A pull request removes what an entity relates to: in a file that it does not change, or of nobody's.
#[test]
fn a_plan_says_which_deletions_port_would_refuse() {
    for (is_declared, place, code) in [
        (true, "shop/port.yml:4", "invalid-relation"),
        (false, "port.yml", "not-deleted"),
    ] {
        let world = three();
        match is_declared {
            true => drop(succeed(&pruning(world.push_file("shop/port.yml", SHOP)))),
            false => {
                let by_hand = json!({"identifier": "shop", "relations": {"domain": "b"}});
                world.put("microservice", by_hand);
            }
        }
        world.begin_topic();
        world.write("port.yml", &domains("a c")).commit("Remove b");
        world.port.clear_journal();
        let result = fails(&pruning(world.pull_request()));
        assert_shows(&result, &[place, code]);
        assert_eq!(result.commands("error").len(), 1);
        assert_eq!(world.port_changes(), [""; 0]);
    }
}

/// It goes too, or the pull request takes it out of the relation: nothing is in the way.
#[test]
fn a_plan_lets_go_what_nothing_relates_to_any_more() {
    for after in ["# Nothing.\n", &SHOP.replace("domain: b", "domain: c")] {
        let world = three();
        succeed(&pruning(world.push_file("shop/port.yml", SHOP)));
        world.begin_topic();
        world.write("port.yml", &domains("a c"));
        world.write("shop/port.yml", after).commit("Remove b");
        succeed(&pruning(world.pull_request()));
    }
}

/// What is in Port already is not created, however many are written: from now on Git declares it.
#[test]
fn what_is_in_port_already_is_adopted() {
    for names in [&["x"][..], &["x", "y"]] {
        let world = World::new();
        for name in names {
            world.put_domain(name, "By hand");
        }
        let file = names.iter().map(|name| format!("{name}=Git"));
        let file = domains(&file.collect::<Vec<_>>().join(" "));
        let adopted = names.iter().map(|name| format!("adopted domain/{name}"));
        let adopted: Vec<_> = adopted.collect();
        let before = world.head();
        world.write("port.yml", &file).commit("Declare it");
        for mode in ["plan", "apply"] {
            let result = succeed(&world.pushed(&before).input("mode", mode));
            assert_eq!(states(&result), adopted);
            assert_eq!(result.output("updated"), names.len().to_string());
            assert!(plain(&result).contains("By hand"));
        }
    }
}

#[test]
fn a_relation_to_what_goes_is_an_error_on_the_relation() {
    let world = three();
    world.write("port.yml", &domains("a c"));
    let result = fails(&pruning(world.push_file("shop/port.yml", SHOP)));
    let errors = result.commands("error").into_iter();
    let errors = errors.filter(|error| !error.property("file").is_empty());
    let found: Vec<_> = errors
        .map(|error| ["file", "line", "title"].map(|name| error.property(name)))
        .collect();
    assert_eq!(found, [["shop/port.yml", "4", "Port: invalid relation"]]);
    assert_eq!(names(&world), ["a", "c"]);
}

#[test]
fn a_required_property_is_not_taken_away() {
    let world = World::new();
    world.port.add_blueprint(json!({
        "identifier": "service", "title": "Service",
        "schema": {"properties": {"tier": {"type": "string"}}, "required": ["tier"]},
        "relations": {},
    }));
    let file = |fields: &str| format!("identifier: a\nblueprint: service\n{fields}\n");
    succeed(&world.push_file("port.yml", &file("properties: {tier: one}")));
    let result = fails(&world.push_file("port.yml", &file("title: A")));
    assert_eq!(code(result.commands("error")[0]), "missing-property");
    assert_eq!(world.entity("service", "a")["properties"]["tier"], "one");
}

/// However long that lasts, and whether the file broke with the push that removes something or before it.
#[test]
fn a_file_that_cannot_be_read_holds_back_every_deletion() {
    for is_broken_before in [false, true] {
        let world = three();
        world.write("broken/port.yml", "identifier: [\n");
        if is_broken_before {
            fails(&pruning(world.push("Break a file")));
        }
        let result = fails(&pruning(world.push_file("port.yml", &domains("a b"))));
        assert_shows(&result, &["broken/port.yml"]);
        for result in [result, succeed(&pruning(push_elsewhere(&world)))] {
            assert_eq!(result.output("deleted"), "0");
            assert!(states(&result).contains(&"held-back domain/c".to_owned()));
            assert_eq!(names(&world), ["a", "b", "c"]);
        }
        let result = succeed(&pruning(world.push_file("broken/port.yml", &domain("d"))));
        assert_eq!(result.output("deleted"), "1");
        assert_eq!(names(&world), ["a", "b", "d"]);
        assert_settled(&world);
    }
}

#[test]
fn targets_that_port_created_are_not_pruned() {
    let world = World::new();
    let creating = |step: Step| pruning(step).input("create-missing-related-entities", "true");
    succeed(&creating(world.push_file("port.yml", SHOP)));
    assert_eq!(names(&world), ["b", "shop"]);
    for _ in 0..2 {
        assert_outputs(&succeed(&creating(world.nightly())), "drift=false");
    }
    assert_eq!(names(&world), ["b", "shop"]);
}

#[test]
fn what_another_file_declared_all_along_is_not_deleted() {
    let world = World::new();
    fails(&pruning(world.change("one:a=A two:a=A")));
    world.put_domain("a", "By hand");
    assert_outputs(&succeed(&pruning(world.change("one:a=-"))), "deleted=0");
    assert_eq!(names(&world), ["a"]);
    assert_settled(&world);
}

#[test]
fn what_is_not_replaced_stays() {
    let world = World::new();
    succeed(&pruning(world.push_file("port.yml", &domain("old"))));
    world.refuse("new", 3);
    let first = fails(&pruning(world.push_file("port.yml", &domain("new"))));
    let next = || succeed(&pruning(push_elsewhere(&world)));
    for result in [first, next(), next()] {
        let held_back = ["failed domain/new", "held-back domain/old"];
        assert_eq!(states(&result), held_back);
    }
    assert_eq!(names(&world), ["old"]);
    // The next run completes it, whatever it is about.
    assert_outputs(&next(), "created=1 deleted=1");
    assert_eq!(names(&world), ["new"]);
    assert_settled(&world);
}

#[test]
fn more_than_allowed_is_none() {
    let world = three();
    let step = pruning(world.push_file("port.yml", "[]\n"));
    let result = fails(&step.input("max-deletes", "2"));
    assert_shows(&result, &["max-deletes"]);
    assert_eq!(names(&world), ["a", "b", "c"]);
    let step = pruning(push_elsewhere(&world)).input("max-deletes", "3");
    assert_eq!(succeed(&step).output("deleted"), "3");
    assert_settled(&world);
}

#[test]
fn what_was_removed_while_prune_was_off_goes_once_it_is_on() {
    for is_nightly in [false, true] {
        let world = three();
        succeed(&world.push_file("port.yml", &domain("a")));
        succeed(&push_elsewhere(&world));
        assert_eq!(names(&world), ["a", "b", "c"]);
        let removed = json!(["domain|b", "domain|c"]);
        assert_eq!(world.state_property("removed"), removed);
        let next = || match is_nightly {
            true => pruning(world.nightly()),
            false => pruning(push_elsewhere(&world)),
        };
        let plan = succeed(&next().input("mode", "plan"));
        assert!(!is_nightly || plan.output("deleted") == "2");
        assert_eq!(succeed(&next()).output("deleted"), "2");
        assert_eq!(names(&world), ["a"]);
        assert_settled(&world);
    }
}

/// Somebody else wrote to it meanwhile, or made it again.
#[test]
fn what_is_to_be_deleted_is_so_whoever_wrote_to_it_last() {
    let world = three();
    world.put_domain("b", "Touched");
    succeed(&pruning(world.push_file("port.yml", &domain("a"))));
    assert_eq!(names(&world), ["a"]);
    // It is not deleted twice.
    world.put_domain("b", "Made again");
    succeed(&pruning(push_elsewhere(&world)));
    succeed(&pruning(world.nightly()));
    assert_eq!(names(&world), ["a", "b"]);
}

#[test]
fn what_is_declared_again_is_no_longer_removed() {
    let world = three();
    succeed(&world.push_file("port.yml", &domain("a")));
    succeed(&world.push_file("port.yml", &domains("a b")));
    assert_eq!(world.state_property("removed"), json!(["domain|c"]));
    succeed(&pruning(push_elsewhere(&world)));
    assert_eq!(names(&world), ["a", "b"]);
}

/// What Port never let this source write, somebody else made.
#[test]
fn what_port_never_accepted_is_not_deleted() {
    let world = World::new();
    world.put_domain("a", "By hand");
    world.refuse("a", 1);
    fails(&pruning(world.change("a=Ours")));
    succeed(&pruning(world.change("a=-")));
    assert_eq!(names(&world), ["a"]);
    assert_settled(&world);
}

/// Of which the answer was lost: it was written, as a later look at Port shows.
#[test]
fn what_was_written_without_an_answer_is_deleted() {
    let world = World::new();
    let lost = Fault::close().on("POST", "*/domain/entities");
    world.port.inject(lost.after_effect().times(6));
    assert_ne!(run(&pruning(world.change("a=Ours"))).status, 0);
    assert_eq!(names(&world), ["a"]);
    succeed(&pruning(world.change("a=-")));
    assert_eq!(names(&world), [""; 0]);
    assert_settled(&world);
}

#[test]
fn what_is_declared_with_a_mistake_is_not_removed() {
    let world = three();
    fails(&pruning(world.push_file("port.yml", &domains("a b c=1"))));
    let expected = [
        "invalid domain/c",
        "unchanged domain/a",
        "unchanged domain/b",
    ];
    assert_eq!(states(&fails(&pruning(world.nightly()))), expected);
    assert_eq!(names(&world), ["a", "b", "c"]);
}

#[test]
fn a_plan_of_a_pull_request_deletes_only_what_that_removes() {
    let world = three();
    succeed(&world.push_file("port.yml", &domains("a b")));
    world.begin_topic();
    world.push_file("port.yml", &domain("a"));
    let result = succeed(&pruning(world.pull_request()));
    assert_eq!(states(&result), ["deleted domain/b", "unchanged domain/a"]);
}
