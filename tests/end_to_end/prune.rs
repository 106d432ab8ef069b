//! What Git no longer declares is deleted where that is wanted, and nothing else ever is.

use port_gitops_sandbox::port::Failure;
use port_gitops_sandbox::{Sandbox, Step};
use serde_json::json;

use crate::scenes::{is_shown, plain, states};
use crate::world::{World, run, succeed};

pub(crate) fn pruning(step: Step) -> Step {
    step.input("prune", "true")
}

pub(crate) fn domain(name: &str) -> String {
    format!("identifier: {name}\nblueprint: domain\n")
}

fn domains(names: &[&str]) -> String {
    let list = names
        .iter()
        .map(|name| format!("- {{identifier: {name}, blueprint: domain}}\n"));
    list.collect()
}

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

pub(crate) fn names(world: &World) -> Vec<String> {
    let entities = world.port.entities().into_iter();
    entities.map(|(_, identifier, _)| identifier).collect()
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
fn what_another_file_declared_all_along_is_not_deleted() {
    let world = World::new();
    world.repository.write("one/port.yml", &domain("a"));
    world.repository.write("two/port.yml", &domain("a"));
    let result = run(&pruning(world.push("Declare it twice")));
    assert_eq!(result.status, 1, "{}", result.log);
    world
        .port
        .put_entity("domain", json!({"identifier": "a"}), "Mozilla/5.0")
        .unwrap();
    world.repository.remove("one/port.yml");
    let result = succeed(&pruning(world.push("Once is enough")));
    assert_eq!(result.output("deleted"), "0", "{}", result.log);
    assert_eq!(names(&world), ["a"]);
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
    let changes = world.port_changes();
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
fn what_is_not_replaced_stays() {
    let world = World::new();
    succeed(&pruning(world.push_file("port.yml", &domain("old"))));
    world.port.refuse(
        "domain",
        "new",
        Failure::new(422, "invalid_request", "Not today"),
        3,
    );
    let mut step = pruning(world.push_file("port.yml", &domain("new")));
    for day in 1..=3 {
        let result = run(&step);
        assert_eq!(result.status, 1, "{}", result.log);
        assert_eq!(names(&world), ["old"]);
        assert_eq!(
            states(&result),
            ["failed domain/new", "held-back domain/old"]
        );
        step = pruning(world.push_file("README.md", &format!("# Day {day}\n")));
    }
    // The next run takes it up, whatever it is about.
    let result = succeed(&step);
    assert_eq!(
        (result.output("created"), result.output("deleted")),
        ("1", "1"),
        "{}",
        result.log
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
    assert!(
        is_shown(&result, "by-hand") || is_shown(&result, "depend"),
        "{}",
        result.log
    );
    assert_eq!(result.output("deleted"), "1");
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
    assert_eq!(error.property("title"), "invalid-relation");
    assert!(on_lines.next().is_none(), "{}", result.log);
    assert_eq!(
        names(&world),
        ["a", "b", "c"],
        "nothing goes beside a mistake"
    );
}

#[test]
fn a_line_that_goes_clears_only_what_git_wrote() {
    let world = World::new();
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
    assert_eq!(
        result.commands("error")[0].property("title"),
        "missing-property"
    );
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
fn more_than_allowed_is_none() {
    let world = three();
    let step = pruning(world.push_file("port.yml", "[]\n")).input("max-deletes", "2");
    let result = run(&step);
    assert_eq!(result.status, 1, "{}", result.log);
    assert!(is_shown(&result, "max-deletes"));
    assert_eq!(names(&world), ["a", "b", "c"]);
    let step = pruning(world.push_file("README.md", "# New\n")).input("max-deletes", "3");
    let result = succeed(&step);
    assert_eq!(result.output("deleted"), "3", "{}", result.log);
}

#[test]
fn a_full_run_deletes_what_is_ours_and_no_file_declares() {
    let world = three();
    let ours = world.port.datasource("domain", "a").unwrap();
    for (name, writer) in [
        ("forgotten", ours.as_str()),
        ("by-hand", "Mozilla/5.0"),
        ("ocean", "port-ocean/jira/1.0/my-jira/exporter"),
        ("theirs", "port-gitops/0.1.0 (octo-org/other)"),
        ("alike", "port-gitops/0.1.0 (octo-org/catalog-2)"),
    ] {
        world
            .port
            .put_entity("domain", json!({"identifier": name}), writer)
            .unwrap();
    }
    // The last file of its blueprint went long ago.
    let service = json!({"identifier": "old-service"});
    world
        .port
        .put_entity("microservice", service, &ours)
        .unwrap();
    let plan = succeed(&pruning(world.nightly()).input("mode", "plan"));
    assert_eq!(plan.output("deleted"), "2", "{}", plan.log);
    assert_eq!(plan.output("drift"), "true");
    let result = succeed(&pruning(world.nightly()));
    assert_eq!(result.output("deleted"), "2", "{}", result.log);
    assert_eq!(
        names(&world),
        ["a", "alike", "b", "by-hand", "c", "ocean", "theirs"]
    );
    let result = succeed(&pruning(world.nightly()));
    assert_eq!(result.output("drift"), "false", "{}", result.log);
}

#[test]
fn a_full_run_without_prune_leaves_all_there() {
    let world = three();
    let ours = world.port.datasource("domain", "a").unwrap();
    world
        .port
        .put_entity("domain", json!({"identifier": "forgotten"}), &ours)
        .unwrap();
    let result = succeed(&world.nightly());
    assert_eq!(result.output("deleted"), "0");
    assert_eq!(names(&world).len(), 4);
}

#[test]
fn with_other_inputs_the_first_run_only_lists() {
    let world = three();
    succeed(&pruning(world.push_file("more/entity.yml", &domain("d"))));
    let nightly = || pruning(world.nightly()).input("files", "port.yml");
    let result = succeed(&nightly());
    assert_eq!(result.output("deleted"), "0", "{}", result.log);
    assert_eq!(names(&world), ["a", "b", "c", "d"]);
    let log = plain(&result);
    assert!(log.contains("`domain/d`"), "{log}");
    assert!(!log.contains("unless `prune: true` is set"), "{log}");
    let result = succeed(&nightly());
    assert_eq!(result.output("deleted"), "1", "{}", result.log);
    assert_eq!(names(&world), ["a", "b", "c"]);
}

#[test]
fn two_owners_in_one_repository_leave_each_other_alone() {
    let world = World::new();
    world.repository.write("shop/port.yml", &domain("shop"));
    world.repository.write("mail/port.yml", &domain("mail"));
    let (before, after) = world.commit("Add both");
    let event = world.github.push_event("main", &before, &after).unwrap();
    let of = |step: Step, name: &str| {
        pruning(step)
            .input("files", format!("{name}/port.yml"))
            .input("owner", format!("octo-org/catalog {name}"))
    };
    for name in ["shop", "mail"] {
        succeed(&of(world.step("push", &event), name));
    }
    assert_eq!(names(&world), ["mail", "shop"]);
    for name in ["shop", "mail", "shop"] {
        let result = succeed(&of(world.nightly(), name));
        assert_eq!(result.output("deleted"), "0", "{}", result.log);
        assert_eq!(result.output("drift"), "false", "{}", result.log);
    }
    assert_eq!(names(&world), ["mail", "shop"]);
}

#[test]
fn two_repositories_share_a_catalog() {
    let (world, other) = (World::new(), World::new());
    other.github.set_full_name("octo-org/other");
    let theirs = |step: Step| pruning(step).input("base-url", world.port.url());
    succeed(&pruning(
        world.push_file("port.yml", &domains(&["ours", "both"])),
    ));
    succeed(&theirs(other.push_file("port.yml", &domain("theirs"))));
    assert_eq!(names(&world), ["both", "ours", "theirs"]);
    for _ in 0..2 {
        let result = succeed(&pruning(world.nightly()));
        assert_eq!(result.output("deleted"), "0", "{}", result.log);
        let result = succeed(&theirs(other.nightly()));
        assert_eq!(result.output("deleted"), "0", "{}", result.log);
    }
    // What the other one wrote last is not ours to delete.
    let text = "- {identifier: theirs, blueprint: domain}\n- {identifier: both, blueprint: domain, title: Ours now}\n";
    succeed(&theirs(other.push_file("port.yml", text)));
    assert_eq!(world.title("domain", "both").unwrap(), "Ours now");
    let result = succeed(&pruning(world.push_file("port.yml", &domain("ours"))));
    assert_eq!(names(&world), ["both", "ours", "theirs"]);
    assert!(
        is_shown(&result, "another owner has it now"),
        "{}",
        result.log
    );
}

#[test]
fn what_is_declared_with_a_mistake_is_not_forgotten() {
    let world = three();
    let text = format!(
        "{}- {{identifier: c, blueprint: domain, title: 1}}\n",
        domains(&["a", "b"])
    );
    let result = run(&pruning(world.push_file("port.yml", &text)));
    assert_eq!(result.status, 1);
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

#[test]
fn blueprints_that_may_not_be_written_are_not_pruned() {
    let world = three();
    let service = json!({"identifier": "old-service"});
    let ours = world.port.datasource("domain", "a").unwrap();
    world
        .port
        .put_entity("microservice", service, &ours)
        .unwrap();
    let nightly = || pruning(world.nightly()).input("blueprints", "domain");
    for _ in 0..2 {
        let result = succeed(&nightly());
        assert_eq!(result.output("deleted"), "0", "{}", result.log);
    }
    assert!(world.port.entity("microservice", "old-service").is_some());
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
