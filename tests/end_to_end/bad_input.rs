//! What can be wrong from outside: one clear message each, and nothing half-done.

use std::time::Duration;

use port_gitops_sandbox::github::{Resource, Throttle};
use port_gitops_sandbox::port::CLIENT_SECRET;
use port_gitops_sandbox::{Fault, GitHubSandbox, Sandbox, Step};

use crate::scenes::code;
use crate::world::{World, cannot_go_on, run};

fn world_with_change() -> (World, Step) {
    World::new().with_change()
}

#[test]
fn missing_credentials() {
    let (world, step) = world_with_change();
    let step = step
        .without("INPUT_CLIENT-ID")
        .without("INPUT_CLIENT-SECRET");
    cannot_go_on(&step, &["`client-id`", "`client-secret`", "`mode: plan`"]);
    assert_eq!(world.port.journal().len(), 0);
}

#[test]
fn wrong_credentials() {
    let (world, step) = world_with_change();
    let result = cannot_go_on(
        &step.input("client-secret", "hunter2-hunter2"),
        &["`client-secret`", "401"],
    );
    assert!(!result.shown().contains("hunter2-hunter2"));
    assert_eq!(result.output("created"), "", "nothing is half-reported");
    assert_eq!(world.entities().len(), 0);
}

#[test]
fn port_cannot_be_reached() {
    let (_world, step) = world_with_change();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let step = step.input("base-url", format!("http://{nobody}"));
    cannot_go_on(
        &step,
        &["could not be reached", &nobody.to_string(), "`base-url`"],
    );
}

#[test]
fn github_cannot_be_reached() {
    let (_world, step) = world_with_change();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let step = step.input("github-api-url", format!("http://{nobody}"));
    cannot_go_on(&step, &["could not be reached", "`github-api-url`"]);
}

#[test]
fn a_files_rule_that_is_no_glob() {
    let (_world, step) = world_with_change();
    cannot_go_on(
        &step.input("files", "**/port.yml\na[b"),
        &["`files`", "line 2", "`a[b`"],
    );
}

#[test]
fn every_bad_input_is_named_at_once() {
    const BAD: &str = "mode scope merge create-missing-related-entities prune comment max-deletes \
                       base-url github-api-url blueprints blueprint files";
    let (world, step) = world_with_change();
    let names = BAD.split(' ');
    let step = names
        .clone()
        .fold(step, |step, name| step.input(name, "[what?"));
    let result = run(&step);
    assert_eq!(result.status, 2);
    let lines: Vec<_> = result.log.lines().collect();
    for name in names {
        let begin = format!("input `{name}`");
        assert!(
            lines.iter().any(|line| line.contains(&begin)),
            "{name}: {lines:#?}"
        );
    }
    // GitHub shows ten of a level.
    let errors = result.commands("error");
    assert_eq!(errors.len(), 10);
    let end = "\n(2 more in the log and in the job summary)";
    assert!(errors[9].data.ends_with(end), "{}", errors[9].data);
    assert_eq!(world.github.journal().len(), 0);
}

#[test]
fn an_event_file_that_is_missing_or_no_json() {
    let (_world, step) = world_with_change();
    let path = step.variables()["GITHUB_EVENT_PATH"].clone();
    std::fs::write(&path, "not json").unwrap();
    cannot_go_on(&step, &["`push`", "not as GitHub describes it"]);
    std::fs::remove_file(&path).unwrap();
    cannot_go_on(&step, &["GITHUB_EVENT_PATH", &path]);
    cannot_go_on(
        &step.without("GITHUB_EVENT_PATH"),
        &["GITHUB_EVENT_PATH is not set"],
    );
}

#[test]
fn a_github_token_that_is_wrong_or_may_not_read() {
    let (world, step) = world_with_change();
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
fn a_query_that_github_does_not_answer() {
    let (world, step) = world_with_change();
    // Half a minute before the minute is full, so that the run's own seconds do not change the words.
    let most_of_an_hour = Duration::from_secs(59 * 60 + 30);
    world
        .github
        .set_budget(Resource::Graphql, 100, most_of_an_hour);
    world.github.throttle(Throttle::GraphqlRateLimited, 1);
    cannot_go_on(
        &step,
        &[
            "the request limit is used up",
            "GitHub requires a wait of 60 min",
            "run the job again",
        ],
    );
    assert!(world.port_writes().is_empty() && world.saves().is_empty());
}

#[test]
fn a_file_that_is_too_large_or_not_text() {
    let world = World::new();
    let large = format!(
        "identifier: a\nblueprint: domain\n# {}\n",
        "x".repeat(1024 * 1024)
    );
    world.repository.write("large/port.yml", &large);
    world.repository.write_bytes(
        "latin/port.yml",
        b"identifier: caf\xe9\nblueprint: domain\n",
    );
    world
        .repository
        .write_bytes("zip/port.json", b"PK\x03\x04\0\0\0\xff");
    world
        .repository
        .symlink("link/port.yml", "../good/port.yml");
    world
        .repository
        .write("good/port.yml", "identifier: good\nblueprint: domain\n");
    let result = run(&world.push("Add"));
    assert_eq!(result.status, 1);
    let errors: Vec<_> = result
        .commands("error")
        .iter()
        .map(|error| format!("{} {}", error.property("file"), code(error)))
        .collect();
    assert_eq!(
        errors,
        [
            "large/port.yml too-large",
            "latin/port.yml binary",
            "zip/port.json binary",
            "link/port.yml symlink"
        ]
    );
    assert_eq!(world.entities().len(), 1);
}

#[test]
fn a_file_cannot_speak_to_the_runner() {
    let world = World::new();
    let yaml = "::set-output name=x::y\n---\nidentifier: \"a\\n::error::gotcha ##[error]x\"\nblueprint: domain\n";
    world.repository.write("port.yml", yaml);
    let result = run(&world.push("Add"));
    assert_eq!(result.status, 1);
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
    let (world, step) = world_with_change();
    let token = world.port.access_token();
    let result = run(&step);
    assert_eq!(result.status, 0);
    let masked: Vec<_> = result
        .commands("add-mask")
        .iter()
        .map(|c| c.data.clone())
        .collect();
    assert!(masked.contains(&CLIENT_SECRET.to_owned()), "{masked:?}");
    assert!(masked.contains(&token), "{masked:?}");
    assert!(!crate::world::shown_beside_masks(&result, &token));
    assert_eq!(
        result.commands[0].name, "add-mask",
        "masks come before anything else"
    );
}

#[test]
fn passing_faults_of_both_apis_pass() {
    let (world, step) = world_with_change();
    world
        .github
        .inject(Fault::status(502).on("GET", "*/git/trees/*"));
    world.github.inject(Fault::reset().on("POST", "/graphql"));
    world
        .port
        .inject(Fault::status(503).on("POST", "*/access_token"));
    world
        .port
        .inject(Fault::invalid_json().on("POST", "*/entities"));
    let result = run(&step);
    assert_eq!(result.status, 0, "{}", result.log);
    assert_eq!(world.entities().len(), 1);
    assert!(result.log.contains("502"), "{}", result.log);
}
