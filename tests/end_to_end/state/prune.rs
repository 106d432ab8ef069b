//! What Git no longer declares is deleted where that is wanted, and nothing else ever is.

use port_gitops_sandbox::{Fault, Sandbox, Step};
use serde_json::json;

use super::{assert_settled, domain, domains, names, pruning, push_elsewhere, put_by_hand};
use crate::scenes::{code, is_shown, plain, states};
use crate::world::{World, run, succeed};

/// A catalog with the domains `a`, `b` and `c`, of one file.
fn three() -> World {
    let world = World::new();
    succeed(&pruning(
        world.push_file("port.yml", &domains(&["a", "b", "c"])),
    ));
    world.github.clear_journal();
    world.port.clear_journal();
    world
}

#[test]
fn what_a_push_removes_is_deleted() {
    let world = three();
    let result = succeed(&pruning(world.push_file("port.yml", &domains(&["a"]))));
    assert_eq!(result.output("deleted"), "2");
    assert_eq!(names(&world), ["a"]);
    world.repository.remove("port.yml");
    let result = succeed(&pruning(world.push("Remove the file")));
    assert_eq!(result.output("deleted"), "1");
    assert!(names(&world).is_empty());
}

#[test]
fn without_prune_a_notice_lists_it() {
    let world = three();
    let result = succeed(&world.push_file("port.yml", &domains(&["a"])));
    assert_eq!(result.output("deleted"), "0");
    assert_eq!(names(&world), ["a", "b", "c"]);
    for name in ["`domain/b`", "`domain/c`", "prune: true"] {
        assert!(is_shown(&result, name), "{name}: {}", result.log);
    }
}

#[test]
fn what_moves_is_not_deleted() {
    let world = three();
    world.repository.write("port.yml", &domains(&["a", "b"]));
    world.repository.write("other/port.yml", &domain("c"));
    let result = succeed(&pruning(world.push("Move c")));
    assert_eq!(result.output("deleted"), "0");
    assert_eq!(names(&world), ["a", "b", "c"]);
}

#[test]
fn a_new_name_is_written_before_the_old_one_goes() {
    let world = World::new();
    succeed(&pruning(world.push_file("port.yml", &domain("old"))));
    world.port.clear_journal();
    let result = succeed(&pruning(world.push_file("port.yml", &domain("new"))));
    assert_eq!(
        (result.output("created"), result.output("deleted")),
        ("1", "1")
    );
    let changes = world.port_writes();
    assert!(
        changes[0].starts_with("POST /v1/blueprints/domain/entities"),
        "{changes:?}"
    );
    assert!(
        changes[1].ends_with("/bulk/entities/delete") || changes[1].starts_with("DELETE"),
        "{changes:?}"
    );
    assert_eq!(names(&world), ["new"]);
}

#[test]
fn dependants_keep_what_they_need() {
    let world = three();
    let service = json!({"identifier": "by-hand", "relations": {"domain": "b"}});
    world
        .port
        .put_entity("microservice", service, "Mozilla/5.0")
        .unwrap();
    let result = run(&pruning(world.push_file("port.yml", &domains(&["a"]))));
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(names(&world), ["a", "b", "by-hand"]);
    assert_eq!(result.output("deleted"), "1");
    for text in ["not-deleted", "microservice/by-hand", "delete those first"] {
        assert!(result.summary.contains(text), "{text}: {}", result.summary);
        assert!(plain(&result).contains(text), "{text}: {}", result.log);
    }
}

/// A pull request removes what an entity relates to: in a file that it does not change, or of nobody's.
#[test]
fn a_plan_says_which_deletions_port_would_refuse() {
    let by_hand = json!({"identifier": "shop", "relations": {"domain": "b"}});
    for (is_declared, place, code) in [
        (true, "shop/port.yml:4", "invalid-relation"),
        (false, "port.yml", "not-deleted"),
    ] {
        let world = three();
        if is_declared {
            let shop = "identifier: shop\nblueprint: microservice\nrelations:\n  domain: b\n";
            succeed(&pruning(world.push_file("shop/port.yml", shop)));
        } else {
            let put = world
                .port
                .put_entity("microservice", by_hand.clone(), "Mozilla/5.0");
            put.unwrap();
        }
        world.begin_topic();
        world.repository.write("port.yml", &domains(&["a", "c"]));
        world.commit("Remove b");
        world.port.clear_journal();
        let result = run(&pruning(world.pull_request()));
        assert_eq!(result.status, 1, "{}", result.log);
        assert!(
            is_shown(&result, place) && is_shown(&result, code),
            "{}",
            result.log
        );
        assert_eq!(result.commands("error").len(), 1, "{}", result.log);
        assert_eq!(world.port_changes(), [""; 0]);
    }
}

/// It goes too, or the pull request takes it out of the relation: nothing is in the way.
#[test]
fn a_plan_lets_go_what_nothing_relates_to_any_more() {
    let shop = |domain: &str| {
        format!("identifier: shop\nblueprint: microservice\nrelations: {{domain: {domain}}}\n")
    };
    for after in [None, Some(shop("c"))] {
        let world = three();
        succeed(&pruning(world.push_file("shop/port.yml", &shop("b"))));
        world.begin_topic();
        world.repository.write("port.yml", &domains(&["a", "c"]));
        match after {
            Some(text) => drop(world.repository.write("shop/port.yml", &text)),
            None => drop(world.repository.remove("shop/port.yml")),
        }
        world.commit("Remove b");
        succeed(&pruning(world.pull_request()));
    }
}

/// What is in Port already is not created, however many are written: from now on Git declares it.
#[test]
fn what_is_in_port_already_is_adopted() {
    for names in [&["x"][..], &["x", "y"]] {
        let world = World::new();
        for name in names {
            let entity = json!({"identifier": name, "title": "By hand"});
            world
                .port
                .put_entity("domain", entity, "Mozilla/5.0")
                .unwrap();
        }
        let files: String = names
            .iter()
            .map(|name| format!("- {{identifier: {name}, blueprint: domain, title: Git}}\n"))
            .collect();
        let adopted: Vec<_> = names
            .iter()
            .map(|name| format!("adopted domain/{name}"))
            .collect();
        world.repository.write("port.yml", &files);
        let (before, _) = world.commit("Declare it");
        let step = || world.pushed(&before);
        for result in [succeed(&step().input("mode", "plan")), succeed(&step())] {
            assert_eq!(states(&result), adopted, "{}", result.log);
            let count = names.len().to_string();
            assert_eq!(result.output("updated"), count);
            assert!(plain(&result).contains("By hand"), "{}", result.log);
        }
    }
}

/// Git declared that the one needs the other, and somebody cleared that in Port.
#[test]
fn what_is_kept_keeps_only_what_it_still_needs() {
    let world = World::new();
    let file = "- {identifier: a, blueprint: domain}\n- {identifier: shop, blueprint: microservice, relations: {domain: a}}\n";
    succeed(&pruning(world.push_file("port.yml", file)));
    let shop = json!({"identifier": "shop", "relations": {"domain": null}});
    let keeper = json!({"identifier": "keeper", "relations": {"dependsOn": ["shop"]}});
    for entity in [shop, keeper] {
        let put = world.port.put_entity("microservice", entity, "Mozilla/5.0");
        put.unwrap();
    }
    let result = run(&pruning(world.push_file("port.yml", "[]\n")));
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(names(&world), ["keeper", "shop"], "{}", result.log);
}

#[test]
fn a_relation_to_what_goes_is_an_error_on_the_relation() {
    let world = three();
    world.repository.write("port.yml", &domains(&["a", "c"]));
    world.repository.write(
        "shop/port.yml",
        "identifier: shop\nblueprint: microservice\nrelations:\n  domain: b\n",
    );
    let result = run(&pruning(world.push("Need what goes")));
    assert_eq!(result.status, 1, "{}", result.log);
    let errors = result.commands("error");
    let mut on_lines = errors
        .iter()
        .filter(|error| !error.property("file").is_empty());
    let error = on_lines.next().unwrap();
    assert_eq!(error.property("file"), "shop/port.yml", "{}", result.log);
    assert_eq!(error.property("line"), "4");
    assert_eq!(error.property("title"), "Port: invalid relation");
    assert!(on_lines.next().is_none(), "{}", result.log);
    assert_eq!(names(&world), ["a", "c"]);
}

#[test]
fn a_line_that_goes_clears_only_what_git_wrote() {
    let world = World::new();
    world.let_nulls_clear();
    let file = |fields: &str| {
        format!("identifier: shop\nblueprint: microservice\nproperties: {{{fields}}}\n")
    };
    succeed(&world.push_file(
        "port.yml",
        &file("replicas: 1, language: Go, url: 'https://a.b'"),
    ));
    world
        .port
        .put_entity(
            "microservice",
            json!({"identifier": "shop", "properties":
                {"replicas": 7, "language": "Go", "url": "https://a.b"}}),
            "Mozilla/5.0",
        )
        .unwrap();
    succeed(&world.push_file("port.yml", &file("url: 'https://a.b'")));
    let shop = world.port.entity("microservice", "shop").unwrap();
    assert_eq!(
        shop["properties"],
        json!({"replicas": 7, "url": "https://a.b"}),
        "somebody else owns the replicas now"
    );
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
    let result = run(&world.push_file("port.yml", &file("title: A")));
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(code(result.commands("error")[0]), "missing-property");
    assert_eq!(
        world.port.entity("service", "a").unwrap()["properties"]["tier"],
        "one"
    );
}

#[test]
fn a_broken_file_holds_back_every_deletion() {
    let world = three();
    world.repository.write("port.yml", &domains(&["a", "b"]));
    world.repository.write("broken/port.yml", "identifier: [\n");
    let result = run(&pruning(world.push("Remove one, break another")));
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(names(&world), ["a", "b", "c"]);
    assert!(is_shown(&result, "broken/port.yml"));
    assert_eq!(result.output("deleted"), "0");
    assert!(
        states(&result).contains(&"held-back domain/c".to_owned()),
        "{:?}",
        states(&result)
    );
    let result = succeed(&pruning(world.push_file("broken/port.yml", &domain("d"))));
    assert_eq!(result.output("deleted"), "1", "{}", result.log);
    assert_eq!(names(&world), ["a", "b", "d"]);
}

#[test]
fn targets_that_port_created_are_not_pruned() {
    let world = World::new();
    let file = "identifier: shop\nblueprint: microservice\nrelations: {domain: sales}\n";
    let creating = |step: Step| pruning(step).input("create-missing-related-entities", "true");
    succeed(&creating(world.push_file("port.yml", file)));
    assert_eq!(names(&world), ["sales", "shop"]);
    for _ in 0..2 {
        let result = succeed(&creating(world.nightly()));
        assert_eq!(result.output("drift"), "false", "{}", result.log);
    }
    assert_eq!(names(&world), ["sales", "shop"]);
}

#[test]
fn what_another_file_declared_all_along_is_not_deleted() {
    let world = World::new();
    world.repository.write("one/port.yml", &domain("a"));
    world.repository.write("two/port.yml", &domain("a"));
    let result = run(&pruning(world.push("Declare it twice")));
    assert_eq!(result.status, 1, "{}", result.log);
    put_by_hand(&world, "a", "By hand");
    world.repository.remove("one/port.yml");
    let result = succeed(&pruning(world.push("Once is enough")));
    assert_eq!(result.output("deleted"), "0", "{}", result.log);
    assert_eq!(names(&world), ["a"]);
    assert_settled(&world);
}

#[test]
fn what_is_not_replaced_stays() {
    let world = World::new();
    succeed(&pruning(world.push_file("port.yml", &domain("old"))));
    world.refuse("new", 3);
    let result = run(&pruning(world.push_file("port.yml", &domain("new"))));
    assert_eq!(result.status, 1, "{}", result.log);
    let held_back = ["failed domain/new", "held-back domain/old"];
    assert_eq!(states(&result), held_back);
    for _ in 0..2 {
        let result = succeed(&pruning(push_elsewhere(&world)));
        assert_eq!(names(&world), ["old"]);
        assert_eq!(states(&result), held_back);
    }
    // The next run completes it, whatever it is about.
    let result = succeed(&pruning(push_elsewhere(&world)));
    assert_eq!(
        (result.output("created"), result.output("deleted")),
        ("1", "1"),
        "{}",
        result.log
    );
    assert_eq!(names(&world), ["new"]);
    assert_settled(&world);
}

#[test]
fn more_than_allowed_is_none() {
    let world = three();
    let step = pruning(world.push_file("port.yml", "[]\n")).input("max-deletes", "2");
    let result = run(&step);
    assert_eq!(result.status, 1, "{}", result.log);
    assert!(is_shown(&result, "max-deletes"));
    assert_eq!(names(&world), ["a", "b", "c"]);
    let step = pruning(push_elsewhere(&world)).input("max-deletes", "3");
    let result = succeed(&step);
    assert_eq!(result.output("deleted"), "3", "{}", result.log);
    assert_settled(&world);
}

/// What a person or another tool made is nobody's here, though it stands beside.
#[test]
fn only_what_this_source_declared_is_deleted() {
    let world = three();
    put_by_hand(&world, "by-hand", "By hand");
    for step in [pruning(world.nightly()), pruning(push_elsewhere(&world))] {
        let result = succeed(&step);
        assert_eq!(result.output("deleted"), "0", "{}", result.log);
    }
    assert_eq!(names(&world), ["a", "b", "by-hand", "c"]);
}

#[test]
fn what_was_removed_while_prune_was_off_goes_once_it_is_on() {
    for is_nightly in [false, true] {
        let world = three();
        succeed(&world.push_file("port.yml", &domains(&["a"])));
        succeed(&push_elsewhere(&world));
        assert_eq!(names(&world), ["a", "b", "c"]);
        let removed = json!(["domain|b", "domain|c"]);
        assert_eq!(world.state_property("removed"), removed);
        let next = || match is_nightly {
            true => pruning(world.nightly()),
            false => pruning(push_elsewhere(&world)),
        };
        let plan = succeed(&next().input("mode", "plan"));
        if is_nightly {
            assert_eq!(plan.output("deleted"), "2", "{}", plan.log);
        }
        let result = succeed(&next());
        assert_eq!(result.output("deleted"), "2", "{}", result.log);
        assert_eq!(names(&world), ["a"]);
        assert_settled(&world);
    }
}

/// Somebody else wrote to it meanwhile, or made it again.
#[test]
fn what_is_to_be_deleted_is_so_whoever_wrote_to_it_last() {
    let world = three();
    put_by_hand(&world, "b", "Touched");
    succeed(&pruning(world.push_file("port.yml", &domain("a"))));
    assert_eq!(names(&world), ["a"]);
    // It is not deleted twice.
    put_by_hand(&world, "b", "Made again");
    succeed(&pruning(push_elsewhere(&world)));
    succeed(&pruning(world.nightly()));
    assert_eq!(names(&world), ["a", "b"]);
}

#[test]
fn what_is_declared_again_is_no_longer_removed() {
    let world = three();
    succeed(&world.push_file("port.yml", &domain("a")));
    succeed(&world.push_file("port.yml", &domains(&["a", "b"])));
    assert_eq!(world.state_property("removed"), json!(["domain|c"]));
    succeed(&pruning(push_elsewhere(&world)));
    assert_eq!(names(&world), ["a", "b"]);
}

/// What Port never let this source write, somebody else made.
#[test]
fn what_port_never_accepted_is_not_deleted() {
    let world = World::new();
    put_by_hand(&world, "a", "By hand");
    world.refuse("a", 1);
    let text = "identifier: a\nblueprint: domain\ntitle: Ours\n";
    assert_eq!(run(&pruning(world.push_file("port.yml", text))).status, 1);
    world.repository.remove("port.yml");
    let result = succeed(&pruning(world.push("Give it up")));
    assert_eq!(names(&world), ["a"], "{}", result.log);
    assert_settled(&world);
}

/// Of which the answer was lost: it was written, as a later look at Port shows.
#[test]
fn what_was_written_without_an_answer_is_deleted() {
    let world = World::new();
    let lost = Fault::close()
        .on("POST", "*/domain/entities")
        .after_effect();
    world.port.inject(lost.times(6));
    let text = "identifier: a\nblueprint: domain\ntitle: Ours\n";
    let result = run(&pruning(world.push_file("port.yml", text)));
    assert_ne!(result.status, 0, "{}", result.log);
    assert_eq!(names(&world), ["a"]);
    world.repository.remove("port.yml");
    let result = succeed(&pruning(world.push("Give it up")));
    assert_eq!(names(&world), [""; 0], "{}", result.log);
    assert_settled(&world);
}

#[test]
fn what_is_declared_with_a_mistake_is_not_removed() {
    let world = three();
    let text = format!(
        "{}- {{identifier: c, blueprint: domain, title: 1}}\n",
        domains(&["a", "b"])
    );
    assert_eq!(run(&pruning(world.push_file("port.yml", &text))).status, 1);
    let result = run(&pruning(world.nightly()));
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(
        states(&result),
        [
            "invalid domain/c",
            "unchanged domain/a",
            "unchanged domain/b"
        ]
    );
    assert_eq!(names(&world), ["a", "b", "c"]);
}

/// Beside a file that cannot be read nothing is deleted, however long that lasts.
#[test]
fn a_removal_waits_for_every_file_to_be_readable() {
    let world = three();
    run(&pruning(
        world.push_file("broken/port.yml", "identifier: [\n"),
    ));
    let result = run(&pruning(world.push_file("port.yml", &domain("a"))));
    assert_eq!(result.status, 1, "held back: {}", result.log);
    succeed(&pruning(push_elsewhere(&world)));
    assert_eq!(names(&world), ["a", "b", "c"]);
    world.repository.remove("broken/port.yml");
    let result = succeed(&pruning(world.push("Remove the broken file")));
    assert_eq!(result.output("deleted"), "2", "{}", result.log);
    assert_settled(&world);
}

#[test]
fn a_plan_of_a_pull_request_deletes_only_what_that_removes() {
    let world = three();
    succeed(&world.push_file("port.yml", &domains(&["a", "b"])));
    world.begin_topic();
    world.push_file("port.yml", &domain("a"));
    let plan: Step = pruning(world.pull_request());
    let result = succeed(&plan);
    assert_eq!(states(&result), ["deleted domain/b", "unchanged domain/a"]);
}
