//! Entities that a mapping makes of other files.

use port_gitops_sandbox::{Sandbox, Step, StepResult};
use serde_json::json;

use crate::scenes::code;
use crate::world::{World, run, succeed};

const PATH: &str = ".github/mapping.yml";

/// A mapping of every `package.json` to a domain.
const MAPPING: &str = "\
resources:
  - kind: file
    selector:
      query: .content.private != true
      files:
        - path: '**/package.json'
    port:
      entity:
        mappings:
          identifier: .content.name
          blueprint: '\"domain\"'
          title: .content.title
";

struct Mapped(World);

impl Mapped {
    /// A world in which two packages were applied.
    fn new() -> Self {
        let world = World::fresh();
        world.repository.write(PATH, MAPPING);
        let mapped = Self(world);
        mapped.write("cart", "Cart");
        mapped.write("shop", "Shop");
        succeed(&mapped.push("Map packages"));
        mapped
    }

    fn write(&self, name: &str, title: &str) {
        let text = json!({"name": name, "title": title}).to_string();
        self.0
            .repository
            .write(&format!("{name}/package.json"), &text);
    }

    fn push(&self, message: &str) -> Step {
        self.0.port.clear_journal();
        self.0.github.clear_journal();
        self.0.push(message).input("mapping", PATH)
    }

    fn push_mapping(&self, text: &str) -> Step {
        self.0.repository.write(PATH, text);
        self.push("Change the mapping")
    }

    fn titles(&self) -> Vec<(String, String)> {
        let entities = self.0.entities().into_iter();
        entities
            .map(|(_, name, entity)| {
                (
                    name,
                    entity["title"].as_str().unwrap_or_default().to_owned(),
                )
            })
            .collect()
    }

    fn names(&self) -> Vec<String> {
        self.titles().into_iter().map(|(name, _)| name).collect()
    }
}

/// The errors as `code file:line`.
fn errors(result: &StepResult) -> Vec<String> {
    let errors = result.commands("error").into_iter();
    errors
        .map(|error| {
            format!(
                "{} {}:{}",
                code(error),
                error.property("file"),
                error.property("line")
            )
        })
        .collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, title): &(&str, &str)| ((*name).to_owned(), (*title).to_owned());
    pairs.iter().map(owned).collect()
}

#[test]
fn a_changed_file_is_one_write_and_a_quiet_push_none() {
    let mapped = Mapped::new();
    assert_eq!(
        mapped.titles(),
        pairs(&[("cart", "Cart"), ("shop", "Shop")])
    );
    mapped.write("cart", "The cart");
    let result = succeed(&mapped.push("Rename the cart"));
    assert_eq!(result.output("updated"), "1");
    assert_eq!(mapped.0.port_writes().len(), 1);
    assert_eq!(
        mapped.titles(),
        pairs(&[("cart", "The cart"), ("shop", "Shop")])
    );
    let inputs = mapped.0.state_property("inputs");
    let (_, mapping) = inputs.as_str().unwrap().split_once('+').unwrap();
    assert!(
        !mapping.is_empty(),
        "the digest of the inputs names the mapping"
    );
    mapped.0.repository.write("README.md", "# Other\n");
    succeed(&mapped.push("Change something else"));
    assert_eq!(mapped.0.port_requests(), [""; 0]);
    assert_eq!(mapped.0.saves().len(), 0, "nothing is saved");
}

#[test]
fn an_edited_mapping_plans_exactly_the_differences() {
    let mapped = Mapped::new();
    let text = MAPPING.replace(
        "title: .content.title",
        "title: .content.title | ascii_upcase",
    );
    let result = succeed(&mapped.push_mapping(&text));
    assert_eq!(result.output("updated"), "2");
    assert_eq!(
        mapped.titles(),
        pairs(&[("cart", "CART"), ("shop", "SHOP")])
    );
    // An expression that says the same writes nothing.
    let text = text.replace("| ascii_upcase", "|   ascii_upcase");
    succeed(&mapped.push_mapping(&text));
    assert_eq!(mapped.0.port_writes(), [""; 0]);
    // What it no longer selects is no longer declared.
    let text = text.replace("**/package.json", "cart/package.json");
    let result = succeed(&mapped.push_mapping(&text).input("prune", "true"));
    assert_eq!(result.output("deleted"), "1");
    assert_eq!(mapped.names(), ["cart"]);
}

#[test]
fn a_mistake_deletes_nothing() {
    let not_jq = MAPPING.replace(".content.title", ".content.title |");
    let no_file = MAPPING.replace("**/package.json", "package.jsn");
    for (path, text, expected) in [
        (
            PATH,
            not_jq.as_str(),
            vec!["invalid-mapping .github/mapping.yml:12"],
        ),
        (
            PATH,
            no_file.as_str(),
            vec!["invalid-mapping .github/mapping.yml:6"],
        ),
        (
            PATH,
            "resources: [{kind: file}]",
            vec!["invalid-mapping .github/mapping.yml:1"],
        ),
        (
            PATH,
            "resources: [",
            vec!["invalid-mapping .github/mapping.yml:1"],
        ),
        ("cart/package.json", "{", vec!["syntax cart/package.json:1"]),
        (
            "cart/package.json",
            r#"{"name": null}"#,
            vec!["missing-identifier cart/package.json:1"],
        ),
    ] {
        let mapped = Mapped::new();
        mapped.0.repository.write(path, text);
        mapped.0.repository.remove("shop/package.json");
        let result = run(&mapped.push("Break it").input("prune", "true"));
        assert_eq!(result.status, 1);
        let errors = errors(&result);
        for one in &expected {
            assert!(errors.iter().any(|error| error == one), "{one}: {errors:?}");
        }
        assert_eq!(mapped.names(), ["cart", "shop"], "{text}");
        // Later pushes of others are not red because of it.
        mapped.0.repository.write("README.md", "# Other\n");
        succeed(&mapped.push("Change something else").input("prune", "true"));
        assert_eq!(mapped.names(), ["cart", "shop"]);
        mapped.0.repository.write(PATH, MAPPING);
        mapped.write("cart", "Cart again");
        succeed(&mapped.push("Repair it").input("prune", "true"));
        assert_eq!(mapped.titles(), pairs(&[("cart", "Cart again")]), "{text}");
    }
}

#[test]
fn a_pull_request_shows_what_a_mapping_does() {
    let mapped = Mapped::new();
    mapped.0.begin_topic();
    let text = MAPPING.replace(".content.title", ".content.title + \"!\"");
    mapped
        .0
        .repository
        .write(PATH, &text.replace("**/", "{cart,new}/"));
    mapped.write("new", "New");
    mapped
        .0
        .repository
        .write("new/notes.txt", "")
        .commit("Change it all")
        .unwrap();
    for step in [
        mapped.0.pull_request(),
        mapped.0.check_out(mapped.0.pull_request()),
    ] {
        mapped.0.port.clear_journal();
        let result = succeed(&step.input("mapping", PATH).input("prune", "true"));
        let counts = ["created", "updated", "deleted"].map(|name| result.output(name));
        assert_eq!(counts, ["1", "1", "1"]);
        assert_eq!(mapped.0.port_changes(), [""; 0]);
    }
    // The same with no file left, and offline.
    mapped
        .0
        .repository
        .write(PATH, &text.replace("**/package", "none/package"));
    mapped.0.repository.commit("Select nothing").unwrap();
    let step = mapped.0.pull_request().input("mapping", PATH);
    for step in [
        step,
        mapped
            .0
            .pull_request()
            .input("mapping", PATH)
            .input("client-id", "")
            .input("client-secret", ""),
    ] {
        let result = run(&step);
        assert_eq!(result.status, 1);
        assert_eq!(errors(&result), ["invalid-mapping .github/mapping.yml:6"]);
        assert_eq!(result.output("deleted"), "0");
    }
}

#[test]
fn an_older_refusal_is_a_warning() {
    let mapped = Mapped::new();
    mapped.0.refuse("cart-x", 100);
    let text = MAPPING.replace(
        "identifier: .content.name",
        "identifier: .content.name + \"-x\"",
    );
    assert_eq!(run(&mapped.push_mapping(&text)).status, 1);
    mapped.0.repository.write("README.md", "# Other\n");
    let result = succeed(&mapped.push("Change something else"));
    assert_eq!(errors(&result), [""; 0]);
    assert_eq!(result.output("failed"), "1");
}

#[test]
fn texts_and_secrets_are_those_of_the_mapped_file() {
    let mapped = Mapped::new();
    mapped.0.port.add_blueprint(json!({
        "identifier": "package", "title": "Package",
        "schema": {"properties": {
            "readme": {"type": "string"},
            "token": {"type": "string", "format": "url"},
        }, "required": []},
        "relations": {},
    }));
    let text = MAPPING.replace("domain", "package").replace(
        "title: .content.title",
        "properties: {readme: 'file://./README.md', token: '.content.title + \"x\"'}",
    );
    mapped.0.repository.write("cart/README.md", "# The cart\n");
    mapped.0.repository.remove("shop/package.json");
    let result = run(&mapped.push_mapping(&text).input("redact", "token"));
    assert_eq!(result.status, 1);
    assert_eq!(errors(&result)[0], "invalid-property cart/package.json:1");
    assert!(!result.log.contains("Cart") && !result.summary.contains("Cart"));
    let text = text.replace("'.content.title + \"x\"'", "'\"https://a.b\"'");
    succeed(&mapped.push_mapping(&text));
    let readme =
        || mapped.0.port.entity("package", "cart").unwrap()["properties"]["readme"].clone();
    assert_eq!(readme(), json!("# The cart\n"));
    mapped.0.repository.write("cart/README.md", "# Cart\n");
    let result = succeed(&mapped.push("Change the text"));
    assert_eq!(result.output("updated"), "1");
    assert_eq!(readme(), json!("# Cart\n"));
}

#[test]
fn a_file_has_one_language() {
    let mapped = Mapped::new();
    let step = mapped.push("Select it twice");
    let result = run(&step.input("files", "cart/package.json\n"));
    assert_eq!(result.status, 1);
    assert!(errors(&result).contains(&"invalid-mapping cart/package.json:1".to_owned()));
    assert_eq!(mapped.names(), ["cart", "shop"]);
}

#[test]
fn expressions_have_limits() {
    let mapped = Mapped::new();
    let entity = |identifier: &str, title: &str| {
        format!(
            "        - identifier: {identifier}\n          blueprint: '\"domain\"'\n          title: '{title}'\n"
        )
    };
    let mut text = MAPPING
        .split("          identifier")
        .next()
        .unwrap()
        .to_owned();
    let endless = [
        "last(range(1e12)) | tostring",
        "def f: 1 + f; f",
        "[limit(100000000; repeat(1))] | length | tostring",
        "reduce range(60) as $i (\"a\"; . + .)",
        "error(\"mine\")",
    ];
    for (index, expression) in endless.iter().enumerate() {
        text.push_str(&entity(
            &format!(".content.name + \"-{index}\""),
            expression,
        ));
    }
    text.push_str(&entity(".content.name + \"-sound\"", ".path"));
    mapped.0.repository.remove("shop/package.json");
    let result = run(&mapped.push_mapping(&text));
    assert_eq!(result.status, 1);
    let messages: Vec<_> = result
        .commands("error")
        .into_iter()
        .map(|error| error.data.clone())
        .collect();
    for expected in [
        "takes longer than 1 s",
        "needs more than 64 MiB, or calls itself too deeply",
        "fails here: mine",
    ] {
        assert!(
            messages.iter().any(|one| one.contains(expected)),
            "{expected}: {messages:#?}"
        );
    }
    assert_eq!(messages.len(), 5, "{messages:#?}");
    assert!(mapped.names().contains(&"cart-sound".to_owned()));
}
