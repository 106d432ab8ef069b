//! What can be wrong from outside: one clear message each, and nothing half-done.

use port_gitops_sandbox::port::CLIENT_SECRET;
use port_gitops_sandbox::{Fault, GitHubSandbox, Sandbox};

use crate::world::{
    World, cannot_go_on, domain, errors_at, fails, nobody, offline, run, shown_beside_masks,
    succeed,
};

#[test]
fn missing_and_wrong_credentials() {
    let (world, step) = World::new().with_change();
    let step = step.input("client-secret", "hunter2-hunter2");
    let result = cannot_go_on(&step, &["`client-secret`", "401"]);
    assert!(!result.shown().contains("hunter2-hunter2"));
    assert_eq!(result.output("created"), "", "nothing is half-reported");
    world.port.clear_journal();
    let said = ["`client-id`", "`client-secret`", "`mode: plan`"];
    cannot_go_on(&offline(step), &said);
    assert_eq!(world.port.journal().len(), 0);
    assert_eq!(world.entities().len(), 0);
}

#[test]
fn nobody_at_the_address() {
    for (input, service) in [("base-url", "Port"), ("github-api-url", "GitHub")] {
        let (_world, step) = World::new().with_change();
        let nobody = nobody();
        let step = step.input(input, format!("http://{nobody}"));
        let said = format!("{service} could not be reached");
        cannot_go_on(&step, &[&said, &nobody, &format!("`{input}`")]);
    }
}

#[test]
fn every_bad_input_is_named_at_once() {
    const BAD: &str = "mode scope merge create-missing-related-entities prune comment max-deletes \
                       base-url github-api-url blueprints blueprint files";
    let (world, step) = World::new().with_change();
    let names = BAD.split(' ');
    let step = names
        .clone()
        .fold(step, |step, name| step.input(name, "[what?"));
    let result = run(&step);
    assert_eq!(result.status, 2);
    for name in names {
        assert!(result.log.contains(&format!("input `{name}`")), "{name}");
    }
    // GitHub shows ten of a level.
    let errors = result.commands("error");
    assert_eq!(errors.len(), 10);
    let end = "\n(2 more in the log and in the job summary)";
    assert!(errors[9].data.ends_with(end));
    assert_eq!(world.github.journal().len(), 0);
}

#[test]
fn an_event_file_that_is_missing_or_no_json() {
    let (_world, step) = World::new().with_change();
    let path = step.variables()["GITHUB_EVENT_PATH"].clone();
    std::fs::write(&path, "not json").unwrap();
    cannot_go_on(&step, &["`push`", "not as GitHub describes it"]);
    std::fs::remove_file(&path).unwrap();
    cannot_go_on(&step, &["GITHUB_EVENT_PATH", &path]);
    let step = step.without("GITHUB_EVENT_PATH");
    cannot_go_on(&step, &["GITHUB_EVENT_PATH is not set"]);
}

#[test]
fn a_github_token_that_is_wrong_or_may_not_read() {
    let (world, step) = World::new().with_change();
    let step = step.input("github-token", "ghs_wrong");
    cannot_go_on(&step, &["`github-token`"]);
    let step = step.input("github-token", GitHubSandbox::TOKEN);
    world.github.set_full_name("octo-org/elsewhere");
    cannot_go_on(&step, &["contents: read"]);
    world.github.set_full_name("octo-org/catalog");
    let forbidden = Fault::status(403).on("GET", "*/git/trees/*");
    world.github.inject(forbidden.always());
    cannot_go_on(&step, &["contents: read"]);
}

#[test]
fn a_file_that_is_too_large_or_not_text() {
    let world = World::new();
    let large = format!("{}# {}\n", domain("a"), "x".repeat(1024 * 1024));
    let latin = b"identifier: caf\xe9\nblueprint: domain\n";
    world
        .repository
        .write("large/port.yml", &large)
        .write_bytes("latin/port.yml", latin)
        .write_bytes("zip/port.json", b"PK\x03\x04\0\0\0\xff")
        .symlink("link/port.yml", "../good/port.yml");
    let result = fails(&world.push_file("good/port.yml", &domain("good")));
    let expected = [
        "large/port.yml too-large",
        "latin/port.yml binary",
        "zip/port.json binary",
        "link/port.yml symlink",
    ];
    assert_eq!(errors_at(&result, &["file"]), expected);
    assert_eq!(world.entities().len(), 1);
}

#[test]
fn a_file_cannot_speak_to_the_runner() {
    let world = World::new();
    let yaml = "::set-output name=x::y\n---\nidentifier: \"a\\n::error::gotcha ##[error]x\"\nblueprint: domain\n";
    let result = fails(&world.push_file("port.yml", yaml));
    let allowed = [
        "add-mask", "group", "endgroup", "error", "warning", "notice", "debug",
    ];
    for command in &result.commands {
        assert!(allowed.contains(&command.name.as_str()), "{command:?}");
    }
    for error in result.commands("error") {
        assert_eq!(error.property("file"), "port.yml", "{error:?}");
    }
}

#[test]
fn the_secret_and_the_token_are_only_in_masks() {
    let (world, step) = World::new().with_change();
    let token = world.port.access_token();
    let result = succeed(&step);
    let masked = result.commands("add-mask").into_iter();
    let masked: Vec<_> = masked.map(|mask| mask.data.as_str()).collect();
    assert!(masked.contains(&CLIENT_SECRET) && masked.contains(&token.as_str()));
    assert!(!shown_beside_masks(&result, &token));
    let first = &result.commands[0].name;
    assert_eq!(first, "add-mask", "masks come before anything else");
}
