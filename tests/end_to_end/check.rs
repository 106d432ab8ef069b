//! `port-gitops check`: the action's judgement of a working tree.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET};
use port_gitops_sandbox::{RunnerCommand, Sandbox};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::world::{World, binary};

/// A working tree.
struct Tree(TempDir);

struct Checked {
    status: i32,
    out: String,
    errors: String,
}

impl Tree {
    /// A repository with these files.
    fn new(files: &[(&str, &str)]) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        fs::create_dir(tree.path(".git")).unwrap();
        for (path, text) in files {
            tree.write(path, text);
        }
        tree
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// `port-gitops check`, in the tree's root, without any of this process's environment.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .env_clear()
            .current_dir(self.0.path())
            .arg("check")
            .args(arguments);
        command
    }

    fn check(&self, arguments: &[&str]) -> Checked {
        finish(self.command(arguments))
    }
}

fn finish(mut command: Command) -> Checked {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Checked {
        status: output.status.code().unwrap(),
        out: text(&output.stdout),
        errors: text(&output.stderr),
    }
}

impl Checked {
    fn last_line(&self) -> &str {
        self.out.lines().last().unwrap_or_default()
    }

    /// What `--format json` says, as `path:line:column code`.
    fn places(&self) -> Vec<String> {
        let document: Value = serde_json::from_str(&self.out).unwrap();
        let place = |diagnostic: &Value| {
            let location = &diagnostic["location"];
            format!(
                "{}:{}:{} {}",
                location["path"].as_str().unwrap(),
                location["line"],
                location["column"],
                diagnostic["code"].as_str().unwrap()
            )
        };
        let diagnostics = document["diagnostics"].as_array().unwrap();
        diagnostics.iter().map(place).collect()
    }
}

const SOUND: &str = "identifier: shop\nblueprint: microservice\n";
const INVALID: &str = "identifier: mail service\nblueprint: microservice\n";

#[test]
fn a_sound_tree_passes() {
    let tree = Tree::new(&[("port.yml", SOUND), ("README.md", "identifier: [")]);
    let checked = tree.check(&[]);
    assert_eq!(checked.status, 0);
    assert_eq!(
        checked.out,
        "Checked 1 entity in 1 file · 0 errors · blueprints not checked\n"
    );
    assert_eq!(checked.errors, "");
}

#[test]
fn a_mistake_is_shown_on_its_line_without_colour_in_a_pipe() {
    let tree = Tree::new(&[("mail/port.yml", INVALID), ("port.yml", SOUND)]);
    let checked = tree.check(&[]);
    assert_eq!(checked.status, 1);
    insta::assert_snapshot!(checked.out, @r"
    error[invalid-identifier]: this is no valid identifier: a space is not allowed
     --> mail/port.yml:1:13
      |
    1 | identifier: mail service
      |             ^^^^^^^^^^^^ a space is not allowed
      |
      = help: use letters, digits and the characters `@ _ . + : \ / = ' -` only

    For more about an error, try `port-gitops check --explain invalid-identifier`

    Checked 2 entities in 2 files · 1 error · blueprints not checked
    ");
}

#[test]
fn the_messages_are_the_actions() {
    let world = World::new();
    world.repository.write("mail/port.yml", INVALID);
    let step = world.push("Add mail");
    let by_action = step.run(binary()).unwrap();
    let tree = Tree::new(&[("mail/port.yml", INVALID)]);
    let checked = tree.check(&["--format", "github"]);
    let annotations: Vec<_> = checked
        .out
        .lines()
        .filter_map(RunnerCommand::parse)
        .collect();
    let expected: Vec<_> = by_action.commands("error").into_iter().cloned().collect();
    assert_eq!(annotations, expected);
    assert!(!expected.is_empty());
}

#[test]
fn only_what_the_rules_match_is_looked_at() {
    let tree = Tree::new(&[
        ("services/a.yml", INVALID),
        ("services/b.yml", INVALID),
        ("port.yml", INVALID),
    ]);
    let rules = "services/*.yml\n!services/b.yml";
    let all = tree.check(&["--format", "json", "--files", rules]);
    assert_eq!(all.places(), ["services/a.yml:1:13 invalid-identifier"]);
    // As pre-commit does it, which passes whatever changed.
    let given = ["port.yml", "services/a.yml", "services/b.yml"];
    let named = tree.check(&[&["--format", "json", "--files", rules], &given[..]].concat());
    assert_eq!(named.places(), all.places());
    let none = tree.check(&["--files", rules, "port.yml"]);
    assert_eq!(none.status, 0);
    assert_eq!(
        none.out,
        "No entity files to check: no file here is one of services/*.yml, !services/b.yml \
         (see --files)\n"
    );
}

#[test]
fn rules_begin_at_the_repositorys_root_wherever_the_check_runs() {
    let tree = Tree::new(&[("services/a/x.yml", INVALID), ("other/x.yml", INVALID)]);
    let inside = |format: &str, path: &str| {
        let mut command = tree.command(&["--files", "services/**", "--format", format, path]);
        command.current_dir(tree.path("services/a"));
        finish(command)
    };
    let place = "services/a/x.yml:1:13 invalid-identifier";
    assert_eq!(inside("json", ".").places(), [place]);
    assert_eq!(inside("json", "x.yml").places(), [place]);
    assert_eq!(inside("json", "../..").places(), [place]);
    // A terminal makes a link of what is relative to where it is.
    assert!(inside("text", "../..").out.contains("--> x.yml:1:13"));
}

#[test]
fn what_git_ignores_and_what_other_repositories_hold_is_passed_over() {
    let tree = Tree::new(&[
        (".gitignore", "build/\n"),
        ("build/port.yml", INVALID),
        ("module/.git", "gitdir: elsewhere"),
        ("module/port.yml", INVALID),
        (".git/port.yml", INVALID),
        (".github/port.yml", SOUND),
    ]);
    let checked = tree.check(&[]);
    assert_eq!(checked.status, 0);
    assert!(
        checked
            .last_line()
            .starts_with("Checked 1 entity in 1 file")
    );
    // Who names an ignored file wants it checked.
    assert_eq!(tree.check(&["build/port.yml"]).status, 1);
}

#[test]
fn symbolic_links_are_not_followed() {
    let tree = Tree::new(&[("secret.txt", "identifier: [secret")]);
    symlink(tree.path("secret.txt"), tree.path("port.yml")).unwrap();
    let elsewhere = Tree::new(&[("port.yml", INVALID)]);
    symlink(elsewhere.0.path(), tree.path("linked")).unwrap();
    for arguments in [&[][..], &["port.yml"]] {
        let checked = tree.check(arguments);
        assert_eq!(checked.status, 1);
        assert!(checked.out.contains("error[symlink]"));
        assert!(!checked.out.contains("secret"));
        assert!(checked.last_line().contains(" · 1 error · "));
    }
}

#[test]
fn texts_that_properties_name_are_read_from_the_tree() {
    let file =
        |url: &str| format!("identifier: a\nblueprint: service\nproperties: {{doc: '{url}'}}\n");
    let tree = Tree::new(&[("docs/a.md", "# A\n"), ("docs/folder/b.md", "# B\n")]);
    tree.write("shop/port.yml", &file("file://../docs/a.md"));
    tree.write(
        "root/port.yml",
        &file("file://docs/folder/b.md").replace(": a", ": b"),
    );
    symlink("a.md", tree.path("docs/link.md")).unwrap();
    assert_eq!(tree.check(&[]).status, 0);
    // From a folder of the tree, as from its root.
    let mut command = tree.command(&[]);
    command.current_dir(tree.path("shop"));
    assert_eq!(finish(command).status, 0);
    for (url, words) in [
        ("file://docs/none.md", "there is no file"),
        ("file://docs/folder", "is a folder"),
        ("file://docs/link.md", "symbolic link"),
        ("file://../../x", "out of the repository"),
    ] {
        tree.write("shop/port.yml", &file(url));
        let checked = tree.check(&[]);
        assert_eq!(checked.status, 1, "{url}");
        assert!(checked.out.contains(words), "{url}");
    }
}

#[test]
fn what_is_too_large_or_no_text_is_said() {
    let tree = Tree::new(&[("port.yml", &"# large\n".repeat(200_000))]);
    fs::write(tree.path("port.json"), [0xff, 0xfe, 0]).unwrap();
    let checked = tree.check(&["--format", "json"]);
    assert_eq!(
        checked.places(),
        ["port.json:1:1 binary", "port.yml:1:1 too-large"]
    );
}

#[test]
fn an_entity_in_two_files_is_found_even_if_one_is_given_twice() {
    let tree = Tree::new(&[("a/port.yml", SOUND), ("b/port.yml", SOUND)]);
    let once = tree.check(&["a/port.yml", "./a/port.yml", "a"]);
    assert_eq!(once.status, 0);
    let twice = tree.check(&["--format", "json", "a", "b/port.yml"]);
    assert_eq!(
        twice.places(),
        [
            "a/port.yml:1:13 duplicate-entity",
            "b/port.yml:1:13 duplicate-entity"
        ]
    );
}

#[test]
fn blueprints_can_be_given_and_forbidden() {
    let tree = Tree::new(&[
        ("port.yml", "identifier: me\n"),
        (
            "entity.json",
            "{\"identifier\": \"a\", \"blueprint\": \"_user\"}",
        ),
    ]);
    let checked = tree.check(&["--format", "json", "--blueprint", "microservice"]);
    assert_eq!(checked.places(), ["entity.json:1:34 forbidden-blueprint"]);
    let named = [
        "--blueprint",
        "microservice",
        "--blueprints",
        "*",
        "--blueprints",
        "_user",
    ];
    assert_eq!(tree.check(&named).status, 0);
}

#[test]
fn with_credentials_ports_blueprints_have_their_say() {
    let world = World::new();
    let text = "identifier: shop\nblueprint: microservice\nproperties:\n  langauge: Rust\n";
    let tree = Tree::new(&[("port.yml", text)]);
    let with_port = |secret: &str| {
        let mut command = tree.command(&[]);
        command
            .env("PORT_CLIENT_ID", CLIENT_ID)
            .env("PORT_CLIENT_SECRET", secret)
            .env("PORT_BASE_URL", world.port.url());
        finish(command)
    };
    assert_eq!(tree.check(&[]).status, 0);
    let checked = with_port(CLIENT_SECRET);
    assert_eq!(checked.status, 1);
    assert!(checked.out.contains("error[unknown-property]"));
    assert!(checked.out.contains("port.yml:4:3"));
    assert_eq!(checked.last_line(), "Checked 1 entity in 1 file · 1 error");
    // Neither the secret nor a token belongs on a terminal.
    assert!(!checked.out.contains("::add-mask::"));
    assert_eq!(world.port_requests(), ["GET /v1/blueprints/microservice"]);

    let refused = with_port("wrong");
    assert_eq!(refused.status, 2);
    assert!(refused.errors.contains("does not accept the credentials"));
    assert!(refused.last_line().ends_with("blueprints not checked"));
}

#[test]
fn where_no_entity_can_be_read_blueprints_are_not_checked() {
    let world = World::new();
    let tree = Tree::new(&[("port.yml", "identifier: [\n")]);
    let mut command = tree.command(&[]);
    command
        .env("PORT_CLIENT_ID", CLIENT_ID)
        .env("PORT_CLIENT_SECRET", CLIENT_SECRET)
        .env("PORT_BASE_URL", world.port.url());
    let checked = finish(command);
    assert!(checked.last_line().ends_with("blueprints not checked"));
}

/// The retries are shown while they last, in the words of a command.
#[test]
fn a_port_that_cannot_be_reached_is_named_by_its_variable() {
    let tree = Tree::new(&[("port.yml", SOUND)]);
    let mut command = tree.command(&[]);
    command
        .env("PORT_CLIENT_ID", CLIENT_ID)
        .env("PORT_CLIENT_SECRET", CLIENT_SECRET)
        .env("PORT_BASE_URL", "http://127.0.0.1:9");
    let checked = finish(command);
    assert_eq!(checked.status, 2);
    for text in ["; again in ", "`PORT_BASE_URL` and this machine's network"] {
        assert!(checked.errors.contains(text), "{text}");
    }
    for text in ["input", "runner"] {
        assert!(!checked.errors.contains(text), "{text}");
    }
}

#[test]
fn options_say_what_was_meant_and_how_much_is_shown() {
    let tree = Tree::new(&[("port.yml", INVALID), ("a/port.yml", SOUND)]);
    let checked = tree.check(&["--fromat", "json"]);
    assert!(checked.errors.contains("did you mean `--format`?"));
    assert!(tree.check(&["--color", "always"]).out.contains("\u{1b}["));
    assert!(
        tree.check(&["--quiet"])
            .out
            .starts_with("error[invalid-identifier]")
    );
    assert_eq!(tree.check(&["-q", "a"]).out, "");
    let explained = tree.check(&["--explain", "invalid-identifier"]);
    assert_eq!(explained.status, 0);
    assert!(explained.out.starts_with("## invalid-identifier\n"));
}

/// The terminal may be that of a job, whose log many read.
#[test]
fn a_secret_of_the_blueprint_is_not_shown() {
    let world = World::new();
    let key = json!({"type": "string", "encryption": "aes256-gcm"});
    world.port.add_blueprint(json!({
        "identifier": "service", "schema": {"properties": {"key": key}, "required": []},
    }));
    let broken = "identifier: a\nblueprint: service\nproperties: {key: hunter2: x}\n";
    let wrong = "{\"identifier\": \"b\", \"blueprint\": \"service\", \"properties\": {\"key\": \"hunter2\", \"x\": 1}}";
    let tree = Tree::new(&[("port.yml", broken), ("entity.json", wrong)]);
    for format in ["text", "json", "github", "sarif"] {
        let mut command = tree.command(&["--format", format]);
        command
            .env("PORT_CLIENT_ID", CLIENT_ID)
            .env("PORT_CLIENT_SECRET", CLIENT_SECRET)
            .env("PORT_BASE_URL", world.port.url());
        let checked = finish(command);
        assert_eq!(checked.status, 1);
        assert!(checked.out.contains("port.yml"));
        assert!(!checked.out.contains("hunter2"));
    }
}

#[test]
fn bad_options_are_all_named_and_nothing_is_checked() {
    let tree = Tree::new(&[("port.yml", INVALID)]);
    let mut command = tree.command(&["--files", "a[", "--blueprint", "a b"]);
    command.env("PORT_CLIENT_ID", "id");
    let checked = finish(command);
    assert_eq!((checked.status, checked.out.as_str()), (2, ""));
    insta::assert_snapshot!(checked.errors, @r"
    error: PORT_CLIENT_SECRET: is missing or empty although `PORT_CLIENT_ID` is given: set both or neither
    error: --files: line 1: `a[` is not a glob: unclosed character class; missing ']'
    error: --blueprint: `a b` is no blueprint: a space is not allowed
    ");
    for arguments in [
        &["nowhere.yml"][..],
        &["--fiels", "x"],
        &["--format", "xml"],
    ] {
        let checked = tree.check(arguments);
        assert_eq!(checked.status, 2, "{arguments:?}");
        assert!(checked.errors.starts_with("error: "));
    }
}

#[test]
fn the_document_shows_what_the_program_prints() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/check.md");
    let page = fs::read_to_string(page).unwrap();
    let example = page.split("```yaml port.yml\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    let checked = Tree::new(&[("port.yml", example)]).check(&[]);
    let shown = format!("```console\n$ port-gitops check\n{}```", checked.out);
    assert!(page.contains(&shown), "{shown}");
}

#[test]
fn files_of_other_tools_are_passed_over() {
    let tree = Tree::new(&[
        ("a/entity.json", "{\"name\": \"x\"}"),
        ("port.yml", "identifier: shop\nblueprint: microservice\n"),
    ]);
    let text = tree.check(&[]);
    assert_eq!(text.status, 0);
    assert!(
        text.out
            .starts_with("note: `a/entity.json` was passed over")
    );
    let json: Value = serde_json::from_str(&tree.check(&["--format", "json"]).out).unwrap();
    assert_eq!(json["passedOver"], json!(["a/entity.json"]));
    assert_eq!(tree.check(&["--files", "**/entity.json"]).status, 1);
}

#[test]
fn code_scanning_gets_the_same_findings() {
    let tree = Tree::new(&[("a b/port.yml", INVALID)]);
    let checked = tree.check(&["--format", "sarif", "a b"]);
    assert_eq!((checked.status, checked.errors.as_str()), (1, ""));
    let log: Value = serde_json::from_str(&checked.out).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "a%20b/port.yml");
    let places = tree.check(&["--format", "json"]).places();
    assert_eq!(results.len(), places.len());
    assert!(places[0].ends_with(results[0]["ruleId"].as_str().unwrap()));
}

#[test]
fn a_text_with_nearly_the_same_name_is_named() {
    for (name, help) in [
        ("file://./Readme.md", "did you mean `file://./README.md`?"),
        ("file://READM.md", "did you mean `file://README.md`?"),
        ("file://./CHANGES.md", "`file://./x` is beside this file"),
    ] {
        let text = format!("identifier: a\nblueprint: b\nproperties: {{readme: '{name}'}}\n");
        let tree = Tree::new(&[("port.yml", &text), ("README.md", "# A\n")]);
        let checked = tree.check(&[]);
        assert!(checked.out.contains(help));
    }
}

const MAPPING: &str = "\
deleteDependentEntities: true
resources:
  - kind: file
    selector: {query: 'true', files: [{path: '**/app.json'}]}
    port:
      entity:
        mappings:
          identifier: .content.name
          blueprint: '\"domain\"'
          title: '[.repository.full_name, .branch, .path] | join(\" \")'
          team: .content.team
";

#[test]
fn mapped_files_are_checked_too() {
    let tree = Tree::new(&[
        ("mapping.yml", MAPPING),
        (".git/HEAD", "ref: refs/heads/topic\n"),
        (
            ".git/config",
            "[remote \"origin\"]\n\turl = git@github.com:acme/shop.git\n",
        ),
        ("a/app.json", r#"{"name": "a"}"#),
        ("b/app.json", r#"{"name": "b", "team": 1}"#),
        ("c/port.yml", "identifier: c\nblueprint: domain\n"),
    ]);
    let given = ["--mapping", "mapping.yml", "--format", "json"];
    let checked = tree.check(&given);
    assert_eq!(checked.status, 1);
    assert_eq!(
        checked.places(),
        [
            "b/app.json:1:23 wrong-type",
            "mapping.yml:1:1 unused-setting"
        ]
    );
    // In a folder below, and with a mapping that is not sound.
    let mut command = tree.command(&["--mapping", "../mapping.yml"]);
    let checked = finish({
        command.current_dir(tree.path("a"));
        command
    });
    assert_eq!(checked.status, 0);
    let sound = MAPPING;
    for (text, expected) in [
        (
            sound.replace("app.json", "none"),
            "mapping.yml:4:46 invalid-mapping",
        ),
        (
            sound.replace("app.json", "port.yml"),
            "c/port.yml:1:1 invalid-mapping",
        ),
        (
            sound.replace("team", "teem"),
            "mapping.yml:11:11 invalid-mapping",
        ),
        ("- a".to_owned(), "mapping.yml:1:1 invalid-mapping"),
    ] {
        tree.write("mapping.yml", &text);
        let checked = tree.check(&given);
        assert_eq!(checked.status, 1, "{text}");
        let places = checked.places();
        assert!(
            places.iter().any(|place| place == expected),
            "{expected}: {places:?}"
        );
    }
    let checked = tree.check(&["--mapping", "none.yml"]);
    assert_eq!(checked.status, 2);
    assert!(checked.errors.contains("cannot read none.yml"));
}
