//! `port-gitops check`: the action's judgement of a working tree.

use std::fs;
use std::os::unix::fs::symlink;

use port_gitops_sandbox::RunnerCommand;
use serde_json::{Value, json};

use crate::commands::{Desk, Finished, finish};
use crate::world::{World, binary};

impl Desk {
    /// A repository with these files.
    fn with(files: &[(&str, &str)]) -> Self {
        let desk = Self::new();
        for (path, text) in files {
            desk.write(path, text);
        }
        desk
    }

    /// `port-gitops check` in the repository's root, offline.
    fn check(&self, arguments: &[&str]) -> Finished {
        self.check_in("", arguments)
    }

    /// The same in a folder.
    fn check_in(&self, folder: &str, arguments: &[&str]) -> Finished {
        let mut command = self.offline(&[&["check"], arguments].concat());
        command.current_dir(self.path(folder));
        finish(command)
    }

    /// What it finds, as `path:line:column code`.
    fn found(&self, arguments: &[&str]) -> Vec<String> {
        found(&self.check(&[&["--format", "json"], arguments].concat()))
    }
}

fn found(checked: &Finished) -> Vec<String> {
    let place = |diagnostic: &Value| {
        let at = &diagnostic["location"];
        let [path, code] = [&at["path"], &diagnostic["code"]].map(|text| text.as_str().unwrap());
        format!("{path}:{}:{} {code}", at["line"], at["column"])
    };
    let document = checked.json();
    let diagnostics = document["diagnostics"].as_array().unwrap();
    diagnostics.iter().map(place).collect()
}

const SOUND: &str = "identifier: shop\nblueprint: microservice\n";
const INVALID: &str = "identifier: mail service\nblueprint: microservice\n";

#[test]
fn a_sound_tree_passes() {
    let desk = Desk::with(&[("port.yml", SOUND), ("README.md", "identifier: [")]);
    let checked = desk.check(&[]);
    let expected = "Checked 1 entity in 1 file · 0 errors · blueprints not checked\n";
    assert_eq!(
        (
            checked.status,
            checked.out.as_str(),
            checked.errors.as_str()
        ),
        (0, expected, "")
    );
}

#[test]
fn a_mistake_is_shown_on_its_line_without_colour_in_a_pipe() {
    let desk = Desk::with(&[("mail/port.yml", INVALID), ("port.yml", SOUND)]);
    let checked = desk.check(&[]);
    assert_eq!(checked.status, 1);
    insta::assert_snapshot!(checked.out, @r"
    error[invalid-identifier]: this is not a valid identifier: a space is not allowed
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
    let step = world.push_file("mail/port.yml", INVALID);
    let by_action = step.run(binary()).unwrap();
    let checked = Desk::with(&[("mail/port.yml", INVALID)]).check(&["--format", "github"]);
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
    let desk = Desk::with(&[
        ("services/a.yml", INVALID),
        ("services/b.yml", INVALID),
        ("port.yml", INVALID),
    ]);
    let rules = "services/*.yml\n!services/b.yml";
    let expected = ["services/a.yml:1:13 invalid-identifier"];
    assert_eq!(desk.found(&["--files", rules]), expected);
    // As pre-commit does it, which passes whatever changed.
    let given = ["port.yml", "services/a.yml", "services/b.yml"];
    let got = desk.found(&[&["--files", rules], &given[..]].concat());
    assert_eq!(got, expected);
    let none = desk.check(&["--files", rules, "port.yml"]);
    assert_eq!(none.status, 0);
    assert_eq!(
        none.out,
        "No entity files to check: no file here is one of services/*.yml, !services/b.yml \
         (see --files)\n"
    );
}

#[test]
fn rules_begin_at_the_repositorys_root_wherever_the_check_runs() {
    let desk = Desk::with(&[("services/a/x.yml", INVALID), ("other/x.yml", INVALID)]);
    let inside = |format: &str, path: &str| {
        let arguments = ["--files", "services/**", "--format", format, path];
        desk.check_in("services/a", &arguments)
    };
    for path in [".", "x.yml", "../.."] {
        let expected = ["services/a/x.yml:1:13 invalid-identifier"];
        assert_eq!(found(&inside("json", path)), expected);
    }
    // A terminal makes a link of what is relative to where it is.
    assert!(inside("text", "../..").out.contains("--> x.yml:1:13"));
}

#[test]
fn what_git_ignores_and_what_other_repositories_hold_is_passed_over() {
    let desk = Desk::with(&[
        (".gitignore", "build/\n"),
        ("build/port.yml", INVALID),
        ("module/.git", "gitdir: elsewhere"),
        ("module/port.yml", INVALID),
        (".git/port.yml", INVALID),
        (".github/port.yml", SOUND),
    ]);
    let checked = desk.check(&[]);
    assert_eq!(checked.status, 0);
    let said = "Checked 1 entity in 1 file";
    assert!(checked.last_line().starts_with(said));
    // Who names an ignored file wants it checked.
    assert_eq!(desk.check(&["build/port.yml"]).status, 1);
}

#[test]
fn symbolic_links_are_not_followed() {
    let desk = Desk::with(&[("secret.txt", "identifier: [secret")]);
    symlink(desk.path("secret.txt"), desk.path("port.yml")).unwrap();
    let elsewhere = Desk::with(&[("port.yml", INVALID)]);
    symlink(elsewhere.root(), desk.path("linked")).unwrap();
    for arguments in [&[][..], &["port.yml"]] {
        let checked = desk.check(arguments);
        assert_eq!(checked.status, 1);
        assert!(checked.out.contains("error[symlink]"));
        assert!(!checked.out.contains("secret"));
        assert!(checked.last_line().contains(" · 1 error · "));
    }
}

#[test]
fn texts_that_properties_name_are_read_from_the_tree() {
    let file = |name: &str, url: &str| {
        format!("identifier: {name}\nblueprint: service\nproperties: {{doc: '{url}'}}\n")
    };
    let desk = Desk::with(&[
        ("docs/a.md", "# A\n"),
        ("docs/folder/b.md", "# B\n"),
        ("README.md", "# C\n"),
        ("shop/port.yml", &file("a", "file://../docs/a.md")),
        ("root/port.yml", &file("b", "file://docs/folder/b.md")),
    ]);
    symlink("a.md", desk.path("docs/link.md")).unwrap();
    // From a folder of the tree, as from its root.
    for folder in ["", "shop"] {
        assert_eq!(desk.check_in(folder, &[]).status, 0);
    }
    for (url, words) in [
        ("file://docs/none.md", "there is no file"),
        ("file://docs/folder", "is a folder"),
        ("file://docs/link.md", "symbolic link"),
        ("file://../../x", "out of the repository"),
        ("file://../Readme.md", "did you mean `file://../README.md`?"),
        ("file://READM.md", "did you mean `file://README.md`?"),
        ("file://./CHANGES.md", "`file://./x` is beside this file"),
    ] {
        desk.write("shop/port.yml", &file("a", url));
        let checked = desk.check(&[]);
        assert_eq!(checked.status, 1, "{url}");
        assert!(checked.out.contains(words), "{url}");
    }
}

#[test]
fn what_is_too_large_or_no_text_is_said() {
    let desk = Desk::with(&[("port.yml", &"# large\n".repeat(200_000))]);
    fs::write(desk.path("port.json"), [0xff, 0xfe, 0]).unwrap();
    let expected = ["port.json:1:1 binary", "port.yml:1:1 too-large"];
    assert_eq!(desk.found(&[]), expected);
}

#[test]
fn an_entity_in_two_files_is_found_even_if_one_is_given_twice() {
    let desk = Desk::with(&[("a/port.yml", SOUND), ("b/port.yml", SOUND)]);
    assert_eq!(desk.check(&["a/port.yml", "./a/port.yml", "a"]).status, 0);
    let expected = ["a", "b"].map(|folder| format!("{folder}/port.yml:1:13 duplicate-entity"));
    assert_eq!(desk.found(&["a", "b/port.yml"]), expected);
}

#[test]
fn blueprints_can_be_given_and_forbidden() {
    let user = "{\"identifier\": \"a\", \"blueprint\": \"_user\"}";
    let desk = Desk::with(&[("port.yml", "identifier: me\n"), ("entity.json", user)]);
    let given = ["--blueprint", "microservice"];
    let expected = ["entity.json:1:34 forbidden-blueprint"];
    assert_eq!(desk.found(&given), expected);
    let allowed = ["--blueprints", "*", "--blueprints", "_user"];
    assert_eq!(desk.check(&[&given[..], &allowed].concat()).status, 0);
}

#[test]
fn with_credentials_ports_blueprints_have_their_say() {
    let text = "identifier: shop\nblueprint: microservice\nproperties:\n  langauge: Rust\n";
    let desk = Desk::with(&[("port.yml", text)]).with_blueprints();
    assert_eq!(desk.check(&[]).status, 0);
    let checked = desk.run(&["check"]);
    assert_eq!(checked.status, 1);
    assert!(checked.out.contains("error[unknown-property]"));
    assert!(checked.out.contains("port.yml:4:3"));
    assert_eq!(checked.last_line(), "Checked 1 entity in 1 file · 1 error");
    // Neither the secret nor a token belongs on a terminal.
    assert!(!checked.out.contains("::add-mask::"));
    let requests = [
        "POST /v1/auth/access_token",
        "GET /v1/blueprints/microservice",
    ];
    assert_eq!(desk.requests(), requests);

    let mut wrong = desk.command(&["check"]);
    wrong.env("PORT_CLIENT_SECRET", "wrong");
    let refused = finish(wrong);
    assert_eq!(refused.status, 2);
    assert!(refused.errors.contains("does not accept the credentials"));
    assert!(refused.last_line().ends_with("blueprints not checked"));
    // Nor are they where no entity can be read.
    desk.write("port.yml", "identifier: [\n");
    let unread = desk.run(&["check"]);
    assert!(unread.last_line().ends_with("blueprints not checked"));
}

/// The retries are shown while they last, in the words of a command.
#[test]
fn a_port_that_cannot_be_reached_is_named_by_its_variable() {
    let desk = Desk::with(&[("port.yml", SOUND)]);
    let mut command = desk.command(&["check"]);
    command.env("PORT_BASE_URL", "http://127.0.0.1:9");
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
    let desk = Desk::with(&[("port.yml", INVALID), ("a/port.yml", SOUND)]);
    let checked = desk.check(&["--fromat", "json"]);
    assert!(checked.errors.contains("did you mean `--format`?"));
    assert!(desk.check(&["--color", "always"]).out.contains("\u{1b}["));
    let quiet = desk.check(&["--quiet"]).out;
    assert!(quiet.starts_with("error[invalid-identifier]"));
    assert_eq!(desk.check(&["-q", "a"]).out, "");
    let explained = desk.check(&["--explain", "invalid-identifier"]);
    assert_eq!(explained.status, 0);
    assert!(explained.out.starts_with("## invalid-identifier\n"));
}

/// The terminal may be that of a job, whose log many read.
#[test]
fn a_secret_of_the_blueprint_is_not_shown() {
    let broken = "identifier: a\nblueprint: service\nproperties: {key: hunter2: x}\n";
    let wrong = "{\"identifier\": \"b\", \"blueprint\": \"service\", \"properties\": {\"key\": \"hunter2\", \"x\": 1}}";
    let desk = Desk::with(&[("port.yml", broken), ("entity.json", wrong)]);
    let key = json!({"type": "string", "encryption": "aes256-gcm"});
    desk.port.add_blueprint(json!({
        "identifier": "service", "schema": {"properties": {"key": key}, "required": []},
    }));
    for format in ["text", "json", "github", "sarif"] {
        let checked = desk.run(&["check", "--format", format]);
        assert_eq!(checked.status, 1);
        assert!(checked.out.contains("port.yml"));
        assert!(!checked.out.contains("hunter2"));
    }
}

#[test]
fn bad_options_are_all_named_and_nothing_is_checked() {
    let desk = Desk::with(&[("port.yml", INVALID)]);
    let mut command = desk.offline(&["check", "--files", "a[", "--blueprint", "a b"]);
    command.env("PORT_CLIENT_ID", "id");
    let checked = finish(command);
    assert_eq!((checked.status, checked.out.as_str()), (2, ""));
    insta::assert_snapshot!(checked.errors, @r"
    error: PORT_CLIENT_SECRET: is missing or empty although `PORT_CLIENT_ID` is given: set both or neither
    error: --files: line 1: `a[` is not a glob: unclosed character class; missing ']'
    error: --blueprint: `a b` is not a valid blueprint name: a space is not allowed
    ");
    for arguments in [
        &["nowhere.yml"][..],
        &["--fiels", "x"],
        &["--format", "xml"],
    ] {
        let checked = desk.check(arguments);
        assert_eq!(checked.status, 2, "{arguments:?}");
        assert!(checked.errors.starts_with("error: "));
    }
}

#[test]
fn the_document_shows_what_the_program_prints() {
    let page = include_str!("../../docs/check.md");
    let example = page.split("```yaml port.yml\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    let checked = Desk::with(&[("port.yml", example)]).check(&[]);
    let shown = format!("```console\n$ port-gitops check\n{}```", checked.out);
    assert!(page.contains(&shown), "{shown}");
}

#[test]
fn files_of_other_tools_are_passed_over() {
    let desk = Desk::with(&[("a/entity.json", "{\"name\": \"x\"}"), ("port.yml", SOUND)]);
    let text = desk.check(&[]);
    assert_eq!(text.status, 0);
    let note = "note: `a/entity.json` was passed over";
    assert!(text.out.starts_with(note));
    let json = desk.check(&["--format", "json"]).json();
    assert_eq!(json["passedOver"], json!(["a/entity.json"]));
    assert_eq!(desk.check(&["--files", "**/entity.json"]).status, 1);
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
    let remote = "[remote \"origin\"]\n\turl = git@github.com:acme/shop.git\n";
    let desk = Desk::with(&[
        ("mapping.yml", MAPPING),
        (".git/HEAD", "ref: refs/heads/topic\n"),
        (".git/config", remote),
        ("a/app.json", r#"{"name": "a"}"#),
        ("b/app.json", r#"{"name": "b", "team": 1}"#),
        ("c/port.yml", "identifier: c\nblueprint: domain\n"),
    ]);
    let given = ["--mapping", "mapping.yml"];
    let expected = [
        "b/app.json:1:23 wrong-type",
        "mapping.yml:1:1 unused-setting",
    ];
    assert_eq!(desk.found(&given), expected);
    // In a folder below, and with a mapping that is not sound.
    let below = desk.check_in("a", &["--mapping", "../mapping.yml"]);
    assert_eq!(below.status, 0);
    for [from, to, place] in [
        ["app.json", "none", "mapping.yml:4:46"],
        ["app.json", "port.yml", "c/port.yml:1:1"],
        ["team", "teem", "mapping.yml:11:11"],
        [MAPPING, "- a", "mapping.yml:1:1"],
    ] {
        desk.write("mapping.yml", &MAPPING.replace(from, to));
        let expected = format!("{place} invalid-mapping");
        assert!(desk.found(&given).contains(&expected), "{expected}");
        assert_eq!(desk.check(&given).status, 1);
    }
    let checked = desk.check(&["--mapping", "none.yml"]);
    assert_eq!(checked.status, 2);
    assert!(checked.errors.contains("cannot read none.yml"));
}
