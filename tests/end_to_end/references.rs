//! Properties whose value is another file's text.

use port_gitops_sandbox::{Sandbox, Step};
use serde_json::json;

use crate::scenes::is_shown;
use crate::world::{LFS_POINTER, World, assert_outputs, errors, fails, succeed};

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
    let readme = &world.entity("service", "a")["properties"]["readme"];
    readme.as_str().unwrap_or_default().to_owned()
}

/// What is there besides: a world whose entity `a` shows `docs/a.md`.
fn shown() -> World {
    let world = world();
    world.write("docs/a.md", "# One\n");
    succeed(&world.push_file("port.yml", &entity("file://docs/a.md")));
    assert_eq!(readme(&world), "# One\n");
    world.clear_journals();
    world
}

fn change_text(world: &World) -> Step {
    world.push_file("docs/a.md", "# Two\n")
}

#[test]
fn texts_are_put_in_place() {
    let world = world();
    world
        .write("README.md", "# Root\n")
        .write("shop/README.md", "# Beside\n");
    world.write("shop/api/openapi.yml", "openapi: 3.1.0\n");
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
        world.entity("service", "a")["properties"],
        json!({
            "readme": "# Beside\n", "spec": "openapi: 3.1.0\n",
            "extra": {"up": "# Root\n", "list": ["file:///etc/passwd", "see file://x"]},
        })
    );
}

#[test]
fn what_cannot_be_read_is_an_error_on_its_line() {
    let world = world();
    world
        .repository
        .write("docs/a.md", "# One\n")
        .write_bytes("docs/binary", b"\x00\xff\xfe")
        .write("docs/zero", "a\0b")
        .write("docs/pointer.md", LFS_POINTER)
        .write("docs/large.md", &"x".repeat(512 * 1024 + 1))
        .symlink("docs/link.md", "a.md");
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
        let result = fails(&world.push_file("port.yml", &entity(path)));
        assert_eq!(errors(&result), ["4 invalid-file-reference"], "{path}");
        assert!(result.commands("error")[0].data.contains(words), "{path}");
        assert!(world.entities().is_empty());
    }
}

#[test]
fn base_and_head_are_compared_with_their_texts() {
    let world = shown();
    // The file that declares it changes in form only, the text in earnest.
    world.write("docs/a.md", "# Two\n");
    let text = format!("# a\n{}", entity("file://docs/a.md"));
    assert_outputs(&succeed(&world.push_file("port.yml", &text)), "updated=1");
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
    assert_outputs(&succeed(&world.nightly()), "updated=1");
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
        assert_eq!(result.output("updated"), "1");
        assert_eq!(readme(&world), "# Two\n");
        assert!(!is_shown(&result, "checkout"));
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
    world.remove("docs/a.md");
    let result = fails(&world.push("Remove the text"));
    assert_eq!(result.commands("error")[0].property("file"), "port.yml");
    assert_eq!(readme(&world), "# One\n");
}

#[test]
fn a_pull_request_shows_a_text_alone() {
    let world = shown();
    world.begin_topic();
    world
        .write("docs/a.md", "# Two\n")
        .commit("Change the text");
    let result = succeed(&world.pull_request());
    assert_eq!(result.output("updated"), "1");
    assert!(is_shown(&result, "Two"));
    assert_eq!(readme(&world), "# One\n");
}

/// Whether the text changes before the run begins or while it writes.
#[test]
fn an_older_run_writes_the_newest_text() {
    for is_meanwhile in [false, true] {
        let world = shown();
        let titled = format!("{}title: A\n", entity("file://docs/a.md"));
        let older = world.push_file("port.yml", &titled);
        if is_meanwhile {
            let push = world.meanwhile(|repository| {
                repository.write("docs/a.md", "# Two\n");
                repository.commit("Change the text").unwrap();
            });
            let write = push.on("POST", "*/service/entities").after_effect();
            world.port.inject(write);
        } else {
            succeed(&change_text(&world));
        }
        let result = succeed(&older);
        assert_eq!(readme(&world), "# Two\n");
        let expected = if is_meanwhile { "1" } else { "0" };
        assert_eq!(result.output("updated"), expected);
        assert_eq!(world.state_property("status"), "synced");
    }
}

#[test]
fn a_mistake_may_be_fixed_in_the_file_that_is_named() {
    let world = world();
    let text = entity("file://./OWNER.md");
    fails(&world.push_file("a/port.yml", &text));
    succeed(&world.push_file("a/OWNER.md", "me\n"));
    assert_eq!(readme(&world), "me\n");
}
