//! The state as an entity in Port: what people see of it, what they do to it, and what Port does.

use std::time::{Duration, Instant};

use port_gitops_sandbox::port::Permission;
use port_gitops_sandbox::{Fault, Matcher, Sandbox, Step, Switch};
use serde_json::{Value, json};

use super::{
    BY_HAND, assert_quiet, assert_settled, domain, domains, names, pruning, push_elsewhere,
    put_by_hand, titles,
};
use crate::scenes::{is_shown, plain};
use crate::world::{STATE, World, cannot_go_on, run, succeed};

const BLUEPRINT: &str = "gitops_source";

/// A world that applied `a` and `b` of one file.
fn world() -> World {
    let world = World::new();
    succeed(&pruning(world.push_file("port.yml", &domains(&["a", "b"]))));
    world
}

/// Changes the state by hand.
fn edit(world: &World, change: impl FnOnce(&mut Value)) {
    let mut state = world.state().unwrap();
    change(&mut state["properties"]);
    world.port.put_entity(BLUEPRINT, state, BY_HAND).unwrap();
}

#[test]
fn people_see_what_was_applied_and_what_is_wrong() {
    let world = world();
    let head = world.repository.head().unwrap();
    let state = world.state().unwrap();
    let properties = &state["properties"];
    let expected = json!({
        "status": "synced", "repository": "https://github.com/octo-org/catalog",
        "branch": "main", "commit": head.as_str(), "entity_count": 2, "problem_count": 0,
        "run_url": "https://github.com/octo-org/catalog/actions/runs/1",
        "entities": ["domain|a", "domain|b"], "waiting": [], "removed": [],
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&properties[name], value, "{name}");
    }
    assert_eq!(state["title"], "octo-org/catalog");
    assert!(properties["applied_at"].as_str().unwrap().ends_with('Z'));

    let text =
        "- {identifier: a, blueprint: domain}\n- {identifier: b, blueprint: domain, title: 5}\n";
    run(&pruning(world.push_file("port.yml", text)));
    assert_eq!(world.state_property("status"), "incomplete");
    assert_eq!(world.state_property("problem_count"), 1);
    let problems = world.state_property("problems");
    let problems = problems.as_str().unwrap();
    assert!(
        problems.contains("`wrong-type` at port.yml:2:"),
        "{problems}"
    );
    assert!(problems.contains("domain/b"), "{problems}");

    succeed(&world.push_file("port.yml", &domain("a")));
    assert_eq!(world.state_property("removed"), json!(["domain|b"]));
    assert_eq!(world.state_property("problems"), json!(""));
}

/// While a run writes, the state says so, and what may be there.
#[test]
fn a_run_that_writes_says_so_first() {
    let world = world();
    world.port.clear_journal();
    succeed(&world.push_file("c/port.yml", &domain("c")));
    let saves = world.saves();
    let status = |n: usize| saves[n].json().unwrap()["properties"]["status"].clone();
    assert_eq!([status(0), status(1)], ["applying", "synced"]);
    let first = saves[0].json().unwrap();
    assert_eq!(
        first["properties"]["entities"],
        json!(["domain|a", "domain|b", "domain|c"])
    );
    let order = world.port_changes();
    let save = format!("POST /v1/blueprints/{BLUEPRINT}/entities");
    assert_eq!(
        order,
        [
            save.as_str(),
            "POST /v1/blueprints/domain/entities",
            save.as_str()
        ]
    );
}

/// A killed run left it so, and Git has reverted what that run was to write.
#[test]
fn no_state_says_for_good_that_a_run_writes() {
    let world = world();
    edit(&world, |properties| {
        properties["status"] = json!("applying")
    });
    succeed(&push_elsewhere(&world));
    assert_eq!(world.state_property("status"), json!("synced"));
}

/// It is sent again, and finds what it has written itself.
#[test]
fn a_save_whose_answer_is_lost_is_no_other_run() {
    for world in [World::new(), world()] {
        let lost = Fault::status(502).after_effect().times(3);
        let save = format!("/v1/blueprints/{BLUEPRINT}/entities");
        world.port.inject(lost.on("POST", &save));
        let result = succeed(&world.push_file("c/port.yml", &domain("c")));
        assert!(!result.log.contains("concurrency"), "{}", result.log);
        assert_settled(&world);
    }
}

#[test]
fn properties_of_others_stand_beside() {
    let world = world();
    let mut blueprint = world.port.blueprint(BLUEPRINT).unwrap();
    blueprint["schema"]["properties"]["tier"] = json!({"type": "string"});
    world.port.add_blueprint(blueprint);
    let mut state = world.state().unwrap();
    state["properties"]["tier"] = json!("gold");
    state["team"] = json!(["platform"]);
    world.port.put_entity(BLUEPRINT, state, BY_HAND).unwrap();
    succeed(&world.push_file("c/port.yml", &domain("c")));
    assert_eq!(world.state_property("tier"), "gold");
    assert_eq!(world.state().unwrap()["team"], json!(["platform"]));
}

#[test]
fn no_value_of_a_property_is_in_the_state() {
    const SECRET: &str = "hunter2";
    let world = World::new();
    let file = |fields: &str| {
        format!(
            "- {{identifier: a, blueprint: domain, {fields}}}\n- {{identifier: s, blueprint: microservice, properties: {{language: {SECRET}}}}}\n"
        )
    };
    world.refuse("a", 1);
    let texts = [
        format!("title: {SECRET}, properties: {{owner: {SECRET}}}"),
        format!("properties: {{owner: [{SECRET}]}}"),
        format!("properties: {{owner: {SECRET}}}, team: {SECRET}, {SECRET}: {SECRET}"),
    ];
    for text in texts {
        let result = run(&world.push_file("port.yml", &file(&text)));
        assert_eq!(result.status, 1, "{}", result.log);
        for save in world.saves() {
            let save = save.json().unwrap();
            assert!(!save.to_string().contains(SECRET), "{save}");
            for part in ["settled", "open"] {
                let machine = unpack(&save["properties"][part]);
                assert!(!machine.contains(SECRET), "{machine}");
            }
        }
        // A full run that writes what was changed by hand keeps nothing of it either.
        put_by_hand(&world, "a", SECRET);
        run(&world.nightly());
    }
}

/// The JSON in the machine's part of a state.
fn unpack(strings: &Value) -> String {
    use base64::Engine;
    use std::io::Read;
    let strings = strings.as_array().unwrap().iter();
    let text: String = strings.map(|one| one.as_str().unwrap()).collect();
    let (_, packed) = text.split_once(':').unwrap();
    let bytes = base64::prelude::BASE64_STANDARD.decode(packed).unwrap();
    let mut json = String::new();
    let mut decoder = flate2::read::GzDecoder::new(bytes.as_slice());
    decoder.read_to_string(&mut json).unwrap();
    json
}

#[test]
fn a_state_that_is_deleted_releases_everything() {
    let world = world();
    assert!(world.port.remove_entity(BLUEPRINT, STATE));
    let result = succeed(&pruning(world.push_file("port.yml", &domain("a"))));
    assert_eq!(result.output("unchanged"), "1", "{}", result.log);
    assert_eq!(names(&world), ["a", "b"], "nobody knows whose b is");
    assert_eq!(world.state_property("entities"), json!(["domain|a"]));
    assert_settled(&world);
}

/// What a person takes out of a list.
#[test]
fn a_list_may_be_shortened_by_hand() {
    let world = world();
    edit(&world, |properties| {
        properties["entities"] = json!(["domain|a"])
    });
    world.repository.remove("port.yml");
    let result = succeed(&pruning(world.push("Remove both")));
    assert_eq!(names(&world), ["b"], "{}", result.log);

    succeed(&pruning(world.push_file("port.yml", &domains(&["c", "d"]))));
    world.repository.remove("port.yml");
    succeed(&world.push("Remove both"));
    edit(&world, |properties| {
        properties["removed"] = json!(["domain|c"])
    });
    let result = succeed(&pruning(push_elsewhere(&world)));
    assert_eq!(names(&world), ["b", "d"], "{}", result.log);
    assert_settled(&world);
}

/// What was taken out is this source's again once a run looks at its file.
#[test]
fn what_was_taken_out_by_hand_and_is_still_declared_comes_back() {
    let world = world();
    edit(&world, |properties| properties["entities"] = json!([]));
    succeed(&world.nightly());
    assert_eq!(
        world.state_property("entities"),
        json!(["domain|a", "domain|b"])
    );
    assert_settled(&world);
}

/// How somebody spoils a state.
type Spoil = fn(&mut Value);

#[test]
fn a_machine_part_that_was_edited_ends_the_run_before_it_writes() {
    let cases: [(&str, Spoil, &str); 6] = [
        (
            "a character",
            |properties| {
                let text = properties["settled"][0].as_str().unwrap().to_owned();
                let middle = text.len() / 2;
                let other = if text.as_bytes()[middle] == b'A' {
                    "B"
                } else {
                    "A"
                };
                let text = format!("{}{other}{}", &text[..middle], &text[middle + 1..]);
                properties["settled"] = json!([text]);
            },
            "was changed or is incomplete",
        ),
        (
            "an empty list",
            |properties| properties["open"] = json!([]),
            "`open` is missing",
        ),
        (
            "no list",
            |properties| properties["settled"] = Value::Null,
            "`settled` is missing",
        ),
        (
            "words",
            |properties| properties["open"] = json!(["1:not base64"]),
            "was changed or is incomplete",
        ),
        (
            "another form",
            |properties| properties["open"] = json!(["x:AAAA"]),
            "unknown format",
        ),
        (
            "a newer program",
            |properties| {
                let text = properties["open"][0].as_str().unwrap();
                properties["open"] = json!([text.replacen("1:", "2:", 1)]);
            },
            "update the action",
        ),
    ];
    for (name, spoil, said) in cases {
        let world = world();
        edit(&world, spoil);
        let spoilt = world.state();
        world.port.clear_journal();
        let step = pruning(world.push_file("port.yml", &domain("a")));
        cannot_go_on(&step, &[said, STATE]);
        assert_eq!(world.port_changes(), [""; 0], "{name}");
        assert_eq!(world.state(), spoilt);
        assert_eq!(names(&world), ["a", "b"]);
        // Deleting the state is the way out.
        assert!(world.port.remove_entity(BLUEPRINT, STATE));
        succeed(&pruning(push_elsewhere(&world)));
        assert_settled(&world);
    }
}

/// An older half beside a newer one, as an import of a backup may leave it.
#[test]
fn halves_of_different_saves_end_the_run() {
    let world = world();
    let old = world.state_property("settled");
    succeed(&world.push_file("c/port.yml", &domain("c")));
    edit(&world, |properties| properties["settled"] = old);
    cannot_go_on(&push_elsewhere(&world), &["different saves"]);
}

/// The commit is what the next run compares with, so a wrong one must not hide a change.
#[test]
fn a_commit_that_was_edited_hides_no_change() {
    let world = world();
    world.write_domain("c/port.yml", "c", "C");
    let step = world.push("Add c");
    let head = world.repository.head().unwrap();
    edit(&world, |properties| {
        properties["commit"] = json!(head.as_str())
    });
    succeed(&step);
    succeed(&push_elsewhere(&world));
    assert_eq!(titles(&world, &["c"]), ["C"]);
    for wrong in [json!("not a commit"), Value::Null, json!("1".repeat(40))] {
        edit(&world, |properties| properties["commit"] = wrong);
        succeed(&push_elsewhere(&world));
        assert_settled(&world);
    }
}

/// A read policy: the first save finds out that there is a state.
#[test]
fn a_hidden_state_ends_the_run_before_it_writes() {
    let world = world();
    world.port.hide_entity(BLUEPRINT, STATE);
    let before = world.port.entities();
    cannot_go_on(
        &pruning(world.push_file("c/port.yml", &domain("c"))),
        &["may not read it", STATE],
    );
    assert_eq!(world.port.entities(), before);
    // Also where there is nothing to write beside the state.
    world.repository.remove("c/port.yml");
    cannot_go_on(&pruning(world.push("Remove it")), &["may not read it"]);
    assert_eq!(world.port.entities(), before);
}

#[test]
fn a_state_that_may_not_be_written_ends_the_run_before_it_writes() {
    let world = world();
    let denied = Permission::WriteEntities(BLUEPRINT.to_owned());
    world.port.deny(denied.clone());
    let before = world.port.entities();
    let step = world.push_file("c/port.yml", &domain("c"));
    cannot_go_on(&step, &["state-blueprint: none", "right to read and write"]);
    assert_eq!(world.port.entities(), before);
    assert_quiet(&world, push_elsewhere_undone(&world));
    world.port.allow(&denied);
    succeed(&step);
    assert_settled(&world);
}

/// A push that takes back what the last one brought, so that nothing is left to do.
fn push_elsewhere_undone(world: &World) -> Step {
    world.repository.remove("c/port.yml");
    world.push("Take it back")
}

#[test]
fn without_the_right_to_create_the_blueprint_each_run_is_a_first_run() {
    let world = World::new();
    world.port.deny(Permission::CreateBlueprints);
    let log = |step: &Step| plain(&succeed(step));
    let said = log(&pruning(world.push_file("port.yml", &domains(&["a", "b"]))));
    for words in [BLUEPRINT, "no state is kept", "administrator"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    put_by_hand(&world, "a", "By hand");
    let text = "- {identifier: a, blueprint: domain, title: A}\n";
    let said = log(&pruning(world.push_file("port.yml", text)));
    assert_eq!(titles(&world, &["a", "b"]), ["A", ""], "nothing is deleted");
    assert!(said.contains("no state is kept"), "{said}");
    let result = run(&world.push_file("port.yml", "identifier: a\n"));
    assert_eq!(result.status, 1, "{}", result.log);

    // Once somebody may, all is well.
    world.port.allow(&Permission::CreateBlueprints);
    succeed(&pruning(world.push_file("port.yml", text)));
    assert_settled(&world);
    assert_eq!(world.state_property("entities"), json!(["domain|a"]));
}

#[test]
fn the_blueprint_is_created_without_a_catalog_page() {
    let world = World::fresh();
    succeed(&world.push_file("port.yml", &domain("a")));
    assert_eq!(world.port.catalog_pages(), [""; 0]);
    let own = world.push_file("b/port.yml", &domain("b"));
    succeed(&own.input("state-blueprint", "our_sources"));
    assert!(world.port.entity("our_sources", STATE).is_some());
    assert_eq!(world.port.catalog_pages(), [""; 0]);
}

/// Its owners may have made it by hand, with some of the properties in forms of their own.
#[test]
fn a_blueprint_that_lacks_properties_gets_them() {
    let full = {
        let world = world();
        world.port.blueprint(BLUEPRINT).unwrap()
    };
    let names: Vec<_> = full["schema"]["properties"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    for missing in [&names[..], &names[..1], &names[3..5]] {
        let world = World::fresh();
        let mut blueprint = full.clone();
        let properties = &mut blueprint["schema"]["properties"];
        for name in missing {
            properties.as_object_mut().unwrap().remove(*name);
        }
        properties["tier"] = json!({"type": "string"});
        blueprint["title"] = json!("Our sources");
        world.port.add_blueprint(blueprint);
        let result = succeed(&pruning(world.push_file("port.yml", &domain("a"))));
        let found = world.port.blueprint(BLUEPRINT).unwrap();
        assert_eq!(found["title"], "Our sources");
        assert_eq!(found["schema"]["properties"]["tier"]["type"], "string");
        for name in &names {
            let property = &found["schema"]["properties"][name];
            assert!(property.is_object(), "{name}: {}", result.log);
        }
        assert_settled(&world);
    }
}

#[test]
fn a_blueprint_that_may_not_be_changed_ends_the_run() {
    let world = World::fresh();
    world.port.add_blueprint(json!({"identifier": BLUEPRINT}));
    let denied = Permission::ChangeBlueprint(BLUEPRINT.to_owned());
    world.port.deny(denied);
    cannot_go_on(&world.push_file("port.yml", &domain("a")), &[BLUEPRINT]);
    assert_eq!(names(&world), [""; 0]);
}

#[test]
fn no_state_may_be_kept_at_all() {
    let world = World::fresh();
    let none = |step: Step| step.input("state-blueprint", "none");
    succeed(&none(world.push_file("port.yml", &domains(&["a", "b"]))));
    assert!(world.port.blueprint(BLUEPRINT).is_none());
    let text = "- {identifier: a, blueprint: domain, title: A}\n";
    succeed(&none(world.push_file("port.yml", text)));
    assert_eq!(titles(&world, &["a", "b"]), ["A", ""]);
    put_by_hand(&world, "a", "By hand");
    succeed(&none(push_elsewhere(&world)));
    assert_eq!(titles(&world, &["a"]), ["A"], "each run is a first run");
    let result = run(&none(pruning(push_elsewhere(&world))));
    assert_eq!(result.status, 2, "{}", result.log);
    assert!(is_shown(&result, "`prune: true` needs the state"));
}

/// Whoever could write it could have the action delete anything.
#[test]
fn entity_files_never_write_the_state() {
    for blueprint in [BLUEPRINT, "our_sources"] {
        for blueprints in ["", "*", "domain\ngitops_source\nour_sources"] {
            let world = world();
            let step = |step: Step| {
                let step = step.input("state-blueprint", blueprint);
                step.input("blueprints", blueprints)
            };
            succeed(&step(push_elsewhere(&world)));
            let before = world.port.entity(blueprint, STATE).unwrap();
            let text = format!(
                "identifier: {STATE}\nblueprint: {blueprint}\nproperties: {{status: synced}}\n"
            );
            let result = run(&step(world.push_file("state/port.yml", &text)));
            assert_eq!(result.status, 1, "{}", result.log);
            let after = world.port.entity(blueprint, STATE).unwrap();
            let entities = |state: &Value| state["properties"]["entities"].clone();
            assert_eq!(entities(&before), entities(&after));
        }
    }
}

/// A search that lags shows the catalog before the last run.
#[test]
fn a_search_that_lags_is_no_harm() {
    let world = World::new();
    world.port.turn_on(Switch::SearchLags);
    succeed(&pruning(world.push_file("port.yml", &domains(&["a", "b"]))));
    succeed(&pruning(world.push_file("port.yml", &domain("a"))));
    assert_eq!(names(&world), ["a"]);
    world.refuse("c", 1);
    run(&pruning(
        world.push_file("c/port.yml", &domains(&["c", "d"])),
    ));
    let text = "identifier: d\nblueprint: domain\ntitle: D\n";
    succeed(&pruning(world.push_file("c/port.yml", text)));
    assert_eq!(names(&world), ["a", "d"]);
    assert_settled(&world);
}

/// What runs wrote is not found for longer than the next ones last. Then what goes from Git may stay in
/// Port, but what is declared is written, and nothing else is deleted.
#[test]
fn a_search_that_lags_for_long_is_safe() {
    let world = World::new();
    world.port.turn_on(Switch::SearchLags);
    world.port.set_search_lag(Duration::from_secs(3600));
    succeed(&pruning(world.push_file("port.yml", &domains(&["a", "b"]))));
    world.refuse("a", 1);
    let text = "- {identifier: a, blueprint: domain, title: A}\n- {identifier: b, blueprint: domain, title: B}\n";
    run(&pruning(world.push_file("port.yml", text)));
    succeed(&pruning(push_elsewhere(&world)));
    assert_eq!(titles(&world, &["a", "b"]), ["A", "B"]);
    assert_settled(&world);
    let renamed = text.replace("title: A", "title: C");
    succeed(&pruning(world.push_file("port.yml", &renamed)));
    assert_eq!(titles(&world, &["a", "b"]), ["C", "B"]);
    assert_settled(&world);
}

#[test]
fn strings_over_32_kib_may_be_refused() {
    let world = World::new();
    world.port.turn_on(Switch::LargeStringsRefused);
    let mut random = fastrand::Rng::with_seed(7);
    for file in 0..40 {
        let entity = |_| {
            let name: String = std::iter::repeat_with(|| random.alphanumeric())
                .take(40)
                .collect();
            format!("- {{identifier: d{name}, blueprint: domain, title: 5}}\n")
        };
        let text: String = (0..30).map(entity).collect();
        let sound = text.replace(", title: 5", "");
        let path = format!("{file}/port.yml");
        world
            .repository
            .write(&path, if file < 25 { &sound } else { &text });
    }
    let result = run(&world.push("Add many"));
    assert_eq!(result.output("created"), "750", "{}", result.log);
    assert_eq!(world.state_property("entity_count"), 750);
    assert_eq!(world.state_property("problem_count"), 450);
    let problems = world.state_property("problems");
    assert!(problems.as_str().unwrap().contains("more"));
    let settled = world.state_property("settled");
    assert!(settled.as_array().unwrap().len() > 1);
    succeed(&push_elsewhere(&world));
}

/// As many long identifiers as take more than Port accepts in a request.
#[test]
fn a_source_that_is_too_large_says_to_split_it() {
    let world = World::new();
    for file in 0..2 {
        let entity = |n: usize| {
            let name = format!("{file}-{n}-{}", "x".repeat(900));
            json!({"identifier": name, "blueprint": "domain"})
        };
        let entities: Vec<_> = (0..700).map(entity).collect();
        let text = Value::from(entities).to_string();
        world.repository.write(&format!("{file}/port.json"), &text);
    }
    let step = world.push("Add too many");
    cannot_go_on(&step, &["1400 entities", "`owner`"]);
    assert_eq!(names(&world), [""; 0]);
    // Half of it fits.
    let half = |file: usize| {
        let step = push_elsewhere(&world).input("files", format!("{file}/port.json"));
        step.input("owner", file.to_string())
    };
    for file in 0..2 {
        assert_eq!(succeed(&half(file)).output("created"), "700");
    }
    // All of it is in Port by now, so there is nothing to write but the state.
    let all = push_elsewhere(&world).input("state-blueprint", "elsewhere");
    cannot_go_on(&all, &["1400 entities", "`owner`"]);
}

/// Port gives no answer at all, or one that is not Port's.
#[test]
fn a_push_that_touches_no_entity_file_waits_ten_seconds_for_port() {
    let everything = || Matcher::any();
    let faults: [(&str, Fault); 4] = [
        ("silent", Fault::hang().when(everything()).always()),
        ("closed", Fault::close().when(everything()).always()),
        ("busy", Fault::status(503).when(everything()).always()),
        (
            "foreign",
            Fault::answer(port_gitops_sandbox::Answer::text(
                200,
                "text/html",
                "<html><title>Sign in</title></html>",
            ))
            .when(everything())
            .always(),
        ),
    ];
    for (name, fault) in faults {
        let world = world();
        world.port.inject(fault);
        let started = Instant::now();
        let result = succeed(&push_elsewhere(&world));
        let elapsed = started.elapsed();
        assert!(elapsed < Duration::from_secs(16), "{name}: {elapsed:?}");
        assert!(
            is_shown(&result, "changes no entity file"),
            "{}",
            result.log
        );
    }
}

/// Then the run has something to do, and fails.
#[test]
fn a_push_that_touches_an_entity_file_needs_port() {
    let world = world();
    let silent = Fault::close().when(Matcher::any()).always();
    world.port.inject(silent);
    let result = run(&world.push_file("port.yml", &domain("a")));
    assert_eq!(result.status, 2, "{}", result.log);
    let result = run(&world.nightly());
    assert_eq!(result.status, 2, "{}", result.log);
    world.port.clear_faults();
    succeed(&push_elsewhere(&world));
    assert_eq!(world.state_property("entities"), json!(["domain|a"]));
}
