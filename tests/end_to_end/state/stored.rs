//! The state as an entity in Port: what people see of it, what they do to it, and what Port does.

use std::time::Duration;

use port_gitops_sandbox::port::Permission;
use port_gitops_sandbox::{Fault, Matcher, Sandbox, Step, Switch};
use serde_json::{Value, json};

use super::{assert_quiet, assert_settled, names, push_elsewhere};
use crate::scenes::plain;
use crate::world::{
    STATE, World, assert_outputs, cannot_go_on, domain, domains, fails, pruning, run, succeed,
};

const BLUEPRINT: &str = "gitops_source";

/// A world that applied `a` and `b` of one file.
fn world() -> World {
    let world = World::new();
    succeed(&pruning(world.push_file("port.yml", &domains("a b"))));
    world
}

/// Changes the state by hand.
fn edit_to(world: &World, property: &str, value: Value) {
    let mut state = world.state().unwrap();
    state["properties"][property] = value;
    world.put(BLUEPRINT, state);
}

#[test]
fn people_see_what_was_applied_and_what_is_wrong() {
    let world = world();
    let state = world.state().unwrap();
    let properties = &state["properties"];
    let expected = json!({
        "status": "synced", "repository": "https://github.com/octo-org/catalog",
        "branch": "main", "commit": world.head().as_str(), "entity_count": 2, "problem_count": 0,
        "run_url": "https://github.com/octo-org/catalog/actions/runs/1",
        "entities": ["domain|a", "domain|b"], "waiting": [], "removed": [],
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&properties[name], value, "{name}");
    }
    assert_eq!(state["title"], "octo-org/catalog");
    assert!(properties["applied_at"].as_str().unwrap().ends_with('Z'));

    fails(&pruning(world.push_file("port.yml", &domains("a b=5"))));
    assert_eq!(world.state_property("status"), "incomplete");
    assert_eq!(world.state_property("problem_count"), 1);
    let problems = world.state_property("problems");
    for part in ["`wrong-type` at port.yml:2:", "domain/b"] {
        assert!(problems.as_str().unwrap().contains(part), "{problems}");
    }

    succeed(&world.push_file("port.yml", &domain("a")));
    assert_eq!(world.state_property("removed"), json!(["domain|b"]));
    assert_eq!(world.state_property("problems"), json!(""));
}

/// While a run writes, the state says so, and what may be there.
#[test]
fn a_run_that_writes_says_so_first() {
    let world = world();
    world.port.clear_journal();
    succeed(&world.change("c=C"));
    let saved = world.saves().into_iter();
    let saved: Vec<_> = saved
        .map(|save| save.json().unwrap()["properties"].clone())
        .collect();
    let wanted = ["applying", "synced"];
    assert_eq!([&saved[0]["status"], &saved[1]["status"]], wanted);
    let expected = json!(["domain|a", "domain|b", "domain|c"]);
    assert_eq!(saved[0]["entities"], expected);
    let order = [BLUEPRINT, "domain", BLUEPRINT];
    let order = order.map(|blueprint| format!("POST /v1/blueprints/{blueprint}/entities"));
    assert_eq!(world.port_changes(), order);
}

/// A killed run left it so, and Git has reverted what that run was to write.
#[test]
fn no_state_says_for_good_that_a_run_writes() {
    let world = world();
    edit_to(&world, "status", json!("applying"));
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
        assert!(!succeed(&world.change("c=C")).log.contains("concurrency"));
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
    world.put(BLUEPRINT, state);
    succeed(&world.change("c=C"));
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
    for text in [
        format!("title: {SECRET}, properties: {{owner: {SECRET}}}"),
        format!("properties: {{owner: [{SECRET}]}}"),
        format!("properties: {{owner: {SECRET}}}, team: {SECRET}, {SECRET}: {SECRET}"),
    ] {
        fails(&world.push_file("port.yml", &file(&text)));
        for save in world.saves() {
            let save = save.json().unwrap();
            assert!(!save.to_string().contains(SECRET), "{save}");
            for part in ["settled", "open"] {
                let machine = unpack(&save["properties"][part]);
                assert!(!machine.contains(SECRET), "{machine}");
            }
        }
        // A full run that writes what was changed by hand keeps nothing of it either.
        world.put_domain("a", SECRET);
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
    assert_outputs(
        &succeed(&pruning(world.push_file("port.yml", &domain("a")))),
        "unchanged=1",
    );
    assert_eq!(names(&world), ["a", "b"], "nobody knows whose b is");
    assert_eq!(world.state_property("entities"), json!(["domain|a"]));
    assert_settled(&world);
}

/// What a person takes out of a list.
#[test]
fn a_list_may_be_shortened_by_hand() {
    let world = world();
    edit_to(&world, "entities", json!(["domain|a"]));
    world.remove("port.yml");
    succeed(&pruning(world.push("Remove both")));
    assert_eq!(names(&world), ["b"]);

    succeed(&pruning(world.push_file("port.yml", &domains("c d"))));
    world.remove("port.yml");
    succeed(&world.push("Remove both"));
    edit_to(&world, "removed", json!(["domain|c"]));
    succeed(&pruning(push_elsewhere(&world)));
    assert_eq!(names(&world), ["b", "d"]);
    assert_settled(&world);
}

/// What was taken out is this source's again once a run looks at its file.
#[test]
fn what_was_taken_out_by_hand_and_is_still_declared_comes_back() {
    let world = world();
    edit_to(&world, "entities", json!([]));
    succeed(&world.nightly());
    let expected = json!(["domain|a", "domain|b"]);
    assert_eq!(world.state_property("entities"), expected);
    assert_settled(&world);
}

/// It was edited, or a newer version of the action wrote it.
#[test]
fn a_state_that_cannot_be_read_ends_the_run_before_it_writes() {
    let shorten: fn(&str) -> String = |text| text[..text.len() - 8].to_owned();
    let renumber: fn(&str) -> String = |text| text.replacen("1:", "2:", 1);
    for (change, said) in [
        (shorten, "was changed or is incomplete"),
        (renumber, "update the action"),
    ] {
        let world = world();
        let written = world.state_property("open");
        let changed = change(written[0].as_str().unwrap());
        edit_to(&world, "open", json!([changed]));
        let spoilt = world.state();
        world.port.clear_journal();
        let step = pruning(world.push_file("port.yml", &domain("a")));
        cannot_go_on(&step, &[said, STATE]);
        assert_eq!(world.port_changes(), [""; 0]);
        assert_eq!(world.state(), spoilt);
        assert_eq!(names(&world), ["a", "b"]);
        // Deleting the state is the way out.
        assert!(world.port.remove_entity(BLUEPRINT, STATE));
        succeed(&pruning(push_elsewhere(&world)));
        assert_settled(&world);
    }
}

/// The commit is what the next run compares with, so a wrong one must not hide a change.
#[test]
fn a_commit_that_was_edited_hides_no_change() {
    let world = world();
    let step = world.change("c=C");
    edit_to(&world, "commit", json!(world.head().as_str()));
    succeed(&step);
    succeed(&push_elsewhere(&world));
    world.assert_holds("c=C");
    for wrong in [json!("not a commit"), Value::Null, json!("1".repeat(40))] {
        edit_to(&world, "commit", wrong);
        succeed(&push_elsewhere(&world));
        assert_settled(&world);
    }
}

/// A read policy: the first save finds out that there is a state. Also where there is nothing to write beside
/// the state.
#[test]
fn a_hidden_state_ends_the_run_before_it_writes() {
    let world = world();
    world.port.hide_entity(BLUEPRINT, STATE);
    let before = world.port.entities();
    for domains in ["c=C", "c=-"] {
        let step = pruning(world.change(domains));
        cannot_go_on(&step, &["may not read it", STATE]);
        assert_eq!(world.port.entities(), before);
    }
}

#[test]
fn a_state_that_may_not_be_written_ends_the_run_before_it_writes() {
    let world = world();
    let denied = Permission::WriteEntities(BLUEPRINT.to_owned());
    world.port.deny(denied.clone());
    let before = world.port.entities();
    let step = world.change("c=C");
    cannot_go_on(&step, &["state-blueprint: none", "right to read and write"]);
    assert_eq!(world.port.entities(), before);
    assert_quiet(&world, world.change("c=-"));
    world.port.allow(&denied);
    succeed(&step);
    assert_settled(&world);
}

#[test]
fn without_the_right_to_create_the_blueprint_each_run_is_a_first_run() {
    let world = World::new();
    world.port.deny(Permission::CreateBlueprints);
    let log = |text: &str| plain(&succeed(&pruning(world.push_file("port.yml", text))));
    let said = log(&domains("a b"));
    for words in [BLUEPRINT, "no state is kept", "administrator"] {
        assert!(said.contains(words), "{words}");
    }
    world.put_domain("a", "By hand");
    assert!(log(&domains("a=A")).contains("no state is kept"));
    world.assert_holds("a=A b="); // Nothing is deleted.
    fails(&world.push_file("port.yml", "identifier: a\n"));

    // Once somebody may, all is well.
    world.port.allow(&Permission::CreateBlueprints);
    succeed(&pruning(world.push_file("port.yml", &domains("a=A"))));
    assert_settled(&world);
    assert_eq!(world.state_property("entities"), json!(["domain|a"]));
}

#[test]
fn the_blueprint_is_created_without_a_catalog_page() {
    let world = World::fresh();
    succeed(&world.change("a=A"));
    succeed(&world.change("b=B").input("state-blueprint", "our_sources"));
    assert!(world.port.entity("our_sources", STATE).is_some());
    assert_eq!(world.port.catalog_pages(), [""; 0]);
}

/// Its owners may have made it by hand, with some of the properties in forms of their own.
#[test]
fn a_blueprint_that_lacks_properties_gets_them() {
    let full = world().port.blueprint(BLUEPRINT).unwrap();
    let properties = full["schema"]["properties"].as_object().unwrap();
    let names: Vec<_> = properties.keys().collect();
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
        succeed(&pruning(world.push_file("port.yml", &domain("a"))));
        let found = world.port.blueprint(BLUEPRINT).unwrap();
        assert_eq!(found["title"], "Our sources");
        let properties = &found["schema"]["properties"];
        assert_eq!(properties["tier"]["type"], "string");
        for name in &names {
            assert!(properties[name].is_object(), "{name}");
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
    cannot_go_on(&world.change("a=A"), &[BLUEPRINT]);
    assert_eq!(names(&world), [""; 0]);
}

#[test]
fn no_state_may_be_kept_at_all() {
    let world = World::fresh();
    let none = |step: Step| step.input("state-blueprint", "none");
    succeed(&none(world.push_file("port.yml", &domains("a b"))));
    assert!(world.port.blueprint(BLUEPRINT).is_none());
    succeed(&none(world.push_file("port.yml", &domains("a=A"))));
    world.assert_holds("a=A b=");
    // Each run is a first run.
    world.put_domain("a", "By hand");
    succeed(&none(push_elsewhere(&world)));
    world.assert_holds("a=A");
    let step = none(pruning(push_elsewhere(&world)));
    cannot_go_on(&step, &["`prune: true` needs the state"]);
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
            let entities = || world.entity(blueprint, STATE)["properties"]["entities"].clone();
            let before = entities();
            let text = format!(
                "identifier: {STATE}\nblueprint: {blueprint}\nproperties: {{status: synced}}\n"
            );
            fails(&step(world.push_file("state/port.yml", &text)));
            assert_eq!(entities(), before);
        }
    }
}

/// A search that lags shows the catalog before the last run.
#[test]
fn a_search_that_lags_is_no_harm() {
    let world = World::new();
    world.port.turn_on(Switch::SearchLags);
    succeed(&pruning(world.push_file("port.yml", &domains("a b"))));
    succeed(&pruning(world.push_file("port.yml", &domain("a"))));
    assert_eq!(names(&world), ["a"]);
    world.refuse("c", 1);
    fails(&pruning(world.push_file("c/port.yml", &domains("c d"))));
    succeed(&pruning(world.change("c:d=D")));
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
    succeed(&pruning(world.push_file("port.yml", &domains("a b"))));
    world.refuse("a", 1);
    fails(&pruning(world.push_file("port.yml", &domains("a=A b=B"))));
    succeed(&pruning(push_elsewhere(&world)));
    world.assert_holds("a=A b=B");
    assert_settled(&world);
    succeed(&pruning(world.push_file("port.yml", &domains("a=C b=B"))));
    world.assert_holds("a=C b=B");
    assert_settled(&world);
}

#[test]
fn strings_over_32_kib_may_be_refused() {
    let world = World::new();
    world.port.turn_on(Switch::LargeStringsRefused);
    let mut random = fastrand::Rng::with_seed(7);
    for file in 0..40 {
        let title = if file < 25 { "Sound" } else { "5" };
        let entity = |_| {
            let name: String = std::iter::repeat_with(|| random.alphanumeric())
                .take(40)
                .collect();
            format!("- {{identifier: d{name}, blueprint: domain, title: {title}}}\n")
        };
        world.write(
            &format!("{file}/port.yml"),
            &(0..30).map(entity).collect::<String>(),
        );
    }
    assert_eq!(fails(&world.push("Add many")).output("created"), "750");
    assert_eq!(world.state_property("entity_count"), 750);
    assert_eq!(world.state_property("problem_count"), 450);
    let problems = world.state_property("problems");
    assert!(problems.as_str().unwrap().contains("more"));
    assert!(world.state_property("settled").as_array().unwrap().len() > 1);
    succeed(&push_elsewhere(&world));
}

/// As many long identifiers as take more than Port accepts in a request.
#[test]
fn a_source_that_is_too_large_says_to_split_it() {
    let world = World::new();
    for file in 0..2 {
        let name = |n: usize| format!("{file}-{n}-{}", "x".repeat(900));
        let entities: Vec<_> = (0..700)
            .map(|n| json!({"identifier": name(n), "blueprint": "domain"}))
            .collect();
        world.write(
            &format!("{file}/port.json"),
            &Value::from(entities).to_string(),
        );
    }
    cannot_go_on(&world.push("Add too many"), &["1400 entities", "`owner`"]);
    assert_eq!(names(&world), [""; 0]);
    // Half of it fits.
    for file in ["0", "1"] {
        let step = push_elsewhere(&world).input("files", format!("{file}/port.json"));
        assert_eq!(succeed(&step.input("owner", file)).output("created"), "700");
    }
    // All of it is in Port by now, so there is nothing to write but the state.
    let all = push_elsewhere(&world).input("state-blueprint", "elsewhere");
    cannot_go_on(&all, &["1400 entities", "`owner`"]);
}

/// What a push that touches none waits for is in `faults/lasting.rs`.
#[test]
fn a_push_that_touches_an_entity_file_needs_port() {
    let world = world();
    let silent = Fault::close().when(Matcher::any()).always();
    world.port.inject(silent);
    for step in [world.push_file("port.yml", &domain("a")), world.nightly()] {
        assert_eq!(run(&step).status, 2);
    }
    world.port.clear_faults();
    succeed(&push_elsewhere(&world));
    assert_eq!(world.state_property("entities"), json!(["domain|a"]));
}
