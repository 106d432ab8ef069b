//! Properties whose value is another file's text.

use port_gitops_sandbox::{Fault, Sandbox, Step};
use serde_json::json;

use crate::scenes::{code, is_shown};
use crate::world::{LFS_POINTER, World, run, succeed};

fn world() -> World {
    let world = World::new();
    world.port.add_blueprint(json!({
        "identifier": "service", "title": "Service",
        "schema": {"properties": {
            "readme": {"type": "string", "format": "markdown"},
            "spec": {"type": "string"},
            "extra": {"type": "object"},
        }, "required": []},
        "relations": {},
    }));
    world
}

fn entity(readme: &str) -> String {
    format!("identifier: a\nblueprint: service\nproperties:\n  readme: {readme}\n")
}

fn readme(world: &World) -> String {
    let entity = world.port.entity("service", "a").unwrap();
    entity["properties"]["readme"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// What is there besides: a world whose entity `a` shows `docs/a.md`.
fn shown() -> World {
    let world = world();
    world.repository.write("docs/a.md", "# One\n");
    succeed(&world.push_file("port.yml", &entity("file://docs/a.md")));
    assert_eq!(readme(&world), "# One\n");
    world.github.clear_journal();
    world.port.clear_journal();
    world
}

fn change_text(world: &World) -> Step {
    world.push_file("docs/a.md", "# Two\n")
}

#[test]
fn texts_are_put_in_place() {
    let world = world();
    world.repository.write("README.md", "# Root\n");
    world.repository.write("shop/README.md", "# Beside\n");
    world
        .repository
        .write("shop/api/openapi.yml", "openapi: 3.1.0\n");
    let text = "\
identifier: a
blueprint: service
properties:
  readme: file://./README.md
  spec: file://shop/api/../api/openapi.yml
  extra: {up: file://../README.md, list: ['file:///etc/passwd', see file://x]}
";
    succeed(&world.push_file("shop/port.yml", text));
    assert_eq!(
        world.port.entity("service", "a").unwrap()["properties"],
        json!({
            "readme": "# Beside\n", "spec": "openapi: 3.1.0\n",
            "extra": {"up": "# Root\n", "list": ["file:///etc/passwd", "see file://x"]},
        })
    );
}

#[test]
fn what_cannot_be_read_is_an_error_on_its_line() {
    for (path, words) in [
        ("file://docs/none.md", "no file"),
        ("file://docs", "docs"),
        ("file://docs/binary", "UTF-8"),
        ("file://docs/zero", "zero byte"),
        ("file://docs/pointer.md", "Git LFS"),
        ("file://docs/large.md", "512 KiB"),
        ("file://docs/link.md", "symbolic link"),
        ("file://../outside.md", "out of the repository"),
        ("file://", "no file"),
    ] {
        let world = world();
        world.repository.write("docs/a.md", "# One\n");
        world.repository.write_bytes("docs/binary", b"\x00\xff\xfe");
        world.repository.write("docs/zero", "a\0b");
        world.repository.write("docs/pointer.md", LFS_POINTER);
        world
            .repository
            .write("docs/large.md", &"x".repeat(512 * 1024 + 1));
        world.repository.symlink("docs/link.md", "a.md");
        let result = run(&world.push_file("port.yml", &entity(path)));
        assert_eq!(result.status, 1, "{path}: {}", result.log);
        let errors = result.commands("error");
        assert_eq!(errors.len(), 1, "{path}: {}", result.log);
        assert_eq!(errors[0].property("line"), "4", "{path}");
        assert_eq!(code(errors[0]), "invalid-file-reference", "{path}");
        assert!(errors[0].data.contains(words), "{path}: {}", errors[0].data);
        assert!(world.entities().is_empty());
    }
}

/// GitHub tells a missing file in words that hold its path.
#[test]
fn a_missing_file_may_have_a_name_that_sounds_like_a_fault_of_githubs() {
    let missing = |name: &str| {
        let world = world();
        let result = run(&world.push_file("port.yml", &entity(&format!("file://docs/{name}"))));
        assert_eq!(result.status, 1, "{name}: {}", result.log);
        let errors = result.commands("error");
        assert_eq!(errors[0].property("title"), "Port: invalid file reference");
        assert!(!is_shown(&result, "waiting"), "{name}: {}", result.log);
        world.github.journal().len()
    };
    let usual = missing("none.md");
    for name in ["Rate limits.md", "timeout.md", "Rate limits timeout.md"] {
        assert_eq!(missing(name), usual, "{name}");
    }
}

#[test]
fn base_and_head_are_compared_with_their_texts() {
    let world = shown();
    // The file that declares it changes in form only, the text in earnest.
    world.repository.write("docs/a.md", "# Two\n");
    let result =
        succeed(&world.push_file("port.yml", &format!("# a\n{}", entity("file://docs/a.md"))));
    assert_eq!(result.output("updated"), "1", "{}", result.log);
    assert_eq!(readme(&world), "# Two\n");
    world.port.clear_journal();
    world.repository.rename("docs/a.md", "docs/b.md");
    let result = succeed(&world.push_file("port.yml", &entity("file://docs/b.md")));
    assert_eq!(result.output("unchanged"), "1", "the text is the same");
    assert!(world.port_writes().is_empty());
}

#[test]
fn a_full_run_notices_a_text_alone() {
    let world = shown();
    change_text(&world);
    let result = succeed(&world.nightly());
    assert_eq!(result.output("updated"), "1", "{}", result.log);
    assert_eq!(readme(&world), "# Two\n");
}

#[test]
fn a_text_alone_is_a_change_with_and_without_a_checkout() {
    for is_checked_out in [false, true] {
        let world = shown();
        let mut step = change_text(&world);
        if is_checked_out {
            step = world.check_out(step);
        }
        let result = succeed(&step);
        assert_eq!(result.output("updated"), "1", "{}", result.log);
        assert_eq!(readme(&world), "# Two\n");
        assert!(!is_shown(&result, "checkout"), "{}", result.log);
        let requests = world.github.journal().len();
        assert!(requests <= 5, "{is_checked_out}: {requests}");
    }
}

#[test]
fn a_text_that_no_entity_names_costs_nothing() {
    let world = shown();
    for path in ["docs/b.md", "a.md"] {
        succeed(&world.push_file(path, "# Another\n"));
    }
    assert_eq!(world.github.journal().len(), 2 * 2);
    assert_eq!(world.port.journal().len(), 2 * 2);
}

#[test]
fn a_text_that_goes_is_an_error_where_it_is_named() {
    let world = shown();
    world.repository.remove("docs/a.md");
    let result = run(&world.push("Remove the text"));
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(result.commands("error")[0].property("file"), "port.yml");
    assert_eq!(readme(&world), "# One\n");
}

#[test]
fn a_pull_request_shows_a_text_alone() {
    let world = shown();
    world.begin_topic();
    world.repository.write("docs/a.md", "# Two\n");
    world.commit("Change the text");
    let result = succeed(&world.pull_request());
    assert_eq!(result.output("updated"), "1", "{}", result.log);
    assert!(is_shown(&result, "Two"));
    assert_eq!(readme(&world), "# One\n");
}

#[test]
fn a_checkout_is_believed_only_where_git_agrees() {
    let world = shown();
    let step = world.check_out(change_text(&world));
    // An earlier step changed the entity file: it says nothing of what head declares.
    std::fs::write(
        step.workspace().join("port.yml"),
        entity("file://docs/other.md"),
    )
    .unwrap();
    let result = succeed(&step);
    assert_eq!(result.output("updated"), "1", "{}", result.log);
    assert_eq!(readme(&world), "# Two\n");
}

#[test]
fn a_late_run_does_not_bring_an_old_text_back() {
    let world = shown();
    let titled = format!("{}title: A\n", entity("file://docs/a.md"));
    let older = world.push_file("port.yml", &titled);
    succeed(&change_text(&world));
    assert_eq!(readme(&world), "# Two\n");
    succeed(&older);
    assert_eq!(readme(&world), "# Two\n");
}

#[test]
fn a_text_that_changes_while_the_run_writes_is_written_too() {
    let world = shown();
    let titled = format!("{}title: A\n", entity("file://docs/a.md"));
    let older = world.push_file("port.yml", &titled);
    let repository = world.repository.clone();
    let push = Fault::call(move || {
        repository.write("docs/a.md", "# Two\n");
        repository.commit("Change the text").unwrap();
    });
    let write = push.on("POST", "*/service/entities").after_effect();
    world.port.inject(write);
    let result = succeed(&older);
    assert_eq!(readme(&world), "# Two\n", "{}", result.log);
    assert_eq!(result.output("updated"), "1", "{}", result.log);
    assert_eq!(world.state_property("status"), "synced");
}

#[test]
fn a_mistake_may_be_fixed_in_the_file_that_is_named() {
    let world = world();
    let text = entity("file://./OWNER.md");
    assert_eq!(run(&world.push_file("a/port.yml", &text)).status, 1);
    succeed(&world.push_file("a/OWNER.md", "me\n"));
    assert_eq!(readme(&world), "me\n");
}
