//! Entities that a mapping makes of other files.

use port_gitops_sandbox::{Sandbox, Step, StepResult};
use serde_json::json;

use crate::scenes::is_shown;
use crate::world::{World, assert_outputs, errors_at, fails, offline, pruning, succeed};

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
        let mapped = Self(World::fresh());
        mapped.0.write(PATH, MAPPING);
        mapped.write("cart", "Cart");
        mapped.write("shop", "Shop");
        succeed(&mapped.push("Map packages"));
        mapped
    }

    fn write(&self, name: &str, title: &str) {
        let text = json!({"name": name, "title": title}).to_string();
        self.0.write(&format!("{name}/package.json"), &text);
    }

    fn push(&self, message: &str) -> Step {
        self.0.clear_journals();
        self.0.push(message).input("mapping", PATH)
    }

    fn push_mapping(&self, text: &str) -> Step {
        self.0.write(PATH, text);
        self.push("Change the mapping")
    }

    /// A push of something else.
    fn push_elsewhere(&self) -> Step {
        self.0.write("README.md", "# Other\n");
        self.push("Change something else")
    }
}

/// The errors as `file:line code`.
fn errors(result: &StepResult) -> Vec<String> {
    errors_at(result, &["file", "line"])
}

#[test]
fn a_changed_file_is_one_write_and_a_quiet_push_none() {
    let mapped = Mapped::new();
    mapped.0.assert_holds("cart=Cart shop=Shop");
    mapped.write("cart", "Carts");
    assert_outputs(&succeed(&mapped.push("Rename the cart")), "updated=1");
    assert_eq!(mapped.0.port_writes().len(), 1);
    mapped.0.assert_holds("cart=Carts shop=Shop");
    let inputs = mapped.0.state_property("inputs");
    let (_, mapping) = inputs.as_str().unwrap().split_once('+').unwrap();
    assert!(
        !mapping.is_empty(),
        "the digest of the inputs names the mapping"
    );
    succeed(&mapped.push_elsewhere());
    assert_eq!(mapped.0.port_requests(), [""; 0]);
    assert_eq!(mapped.0.saves().len(), 0, "nothing is saved");
}

#[test]
fn an_edited_mapping_plans_exactly_the_differences() {
    let mapped = Mapped::new();
    let title = ".content.title";
    let text = MAPPING.replace(title, ".content.title | ascii_upcase");
    assert_outputs(&succeed(&mapped.push_mapping(&text)), "updated=2");
    mapped.0.assert_holds("cart=CART shop=SHOP");
    // An expression that says the same writes nothing.
    let text = text.replace("| ascii_upcase", "|   ascii_upcase");
    succeed(&mapped.push_mapping(&text));
    assert_eq!(mapped.0.port_writes(), [""; 0]);
    // What it no longer selects is no longer declared.
    let text = text.replace("**/package.json", "cart/package.json");
    assert_outputs(&succeed(&pruning(mapped.push_mapping(&text))), "deleted=1");
    mapped.0.assert_holds("cart=CART shop=-");
}

#[test]
fn a_mistake_deletes_nothing() {
    const CART: &str = "cart/package.json";
    let mapped = Mapped::new();
    for (path, text, expected) in [
        (
            PATH,
            MAPPING.replace(".content.title", ".content.title |"),
            ".github/mapping.yml:12 invalid-mapping",
        ),
        (
            PATH,
            MAPPING.replace("**/package.json", "package.jsn"),
            ".github/mapping.yml:6 invalid-mapping",
        ),
        (CART, "{".to_owned(), "cart/package.json:1 syntax"),
        (
            CART,
            r#"{"name": null}"#.to_owned(),
            "cart/package.json:1 missing-identifier",
        ),
    ] {
        mapped.0.write(path, &text).remove("shop/package.json");
        let result = fails(&pruning(mapped.push("Break it")));
        assert!(errors(&result).contains(&expected.to_owned()), "{expected}");
        mapped.0.assert_holds("cart=Cart shop=Shop");
        // Later pushes of others are not red because of it.
        mapped.0.write("other/README.md", &text);
        succeed(&pruning(mapped.push("Change something else")));
        mapped.0.assert_holds("cart=Cart shop=Shop");
        mapped.0.write(PATH, MAPPING);
        mapped.write("cart", "Again");
        succeed(&pruning(mapped.push("Repair it")));
        mapped.0.assert_holds("cart=Again shop=-");
        // Once more from the beginning.
        mapped.write("cart", "Cart");
        mapped.write("shop", "Shop");
        succeed(&pruning(mapped.push("Bring both back")));
    }
}

#[test]
fn a_pull_request_shows_what_a_mapping_does() {
    let mapped = Mapped::new();
    let world = &mapped.0;
    world.begin_topic();
    let text = MAPPING.replace(".content.title", ".content.title + \"!\"");
    world.write(PATH, &text.replace("**/", "{cart,new}/"));
    mapped.write("new", "New");
    world.write("new/notes.txt", "").commit("Change it all");
    let plan = || world.pull_request().input("mapping", PATH);
    world.port.clear_journal();
    for step in [plan(), world.check_out(plan())] {
        assert_outputs(&succeed(&pruning(step)), "created=1 updated=1 deleted=1");
        assert_eq!(world.port_changes(), [""; 0]);
    }
    // The same with no file left, and offline.
    let none = text.replace("**/package", "none/package");
    world.write(PATH, &none).commit("Select nothing");
    for step in [plan(), offline(plan())] {
        let result = fails(&step);
        assert_eq!(errors(&result), [".github/mapping.yml:6 invalid-mapping"]);
        assert_eq!(result.output("deleted"), "0");
    }
}

#[test]
fn an_older_refusal_is_a_warning() {
    let mapped = Mapped::new();
    mapped.0.refuse("cart-x", 100);
    let text = MAPPING.replace(".content.name", ".content.name + \"-x\"");
    fails(&mapped.push_mapping(&text));
    let result = succeed(&mapped.push_elsewhere());
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
    mapped
        .0
        .write("cart/README.md", "# The cart\n")
        .remove("shop/package.json");
    let result = fails(&mapped.push_mapping(&text).input("redact", "token"));
    assert_eq!(errors(&result)[0], "cart/package.json:1 invalid-property");
    assert!(!is_shown(&result, "Cart"));
    let text = text.replace("'.content.title + \"x\"'", "'\"https://a.b\"'");
    succeed(&mapped.push_mapping(&text));
    let readme = || mapped.0.entity("package", "cart")["properties"]["readme"].clone();
    assert_eq!(readme(), json!("# The cart\n"));
    mapped.0.write("cart/README.md", "# Cart\n");
    assert_outputs(&succeed(&mapped.push("Change the text")), "updated=1");
    assert_eq!(readme(), json!("# Cart\n"));
}

#[test]
fn a_file_has_one_language() {
    let mapped = Mapped::new();
    let step = mapped.push("Select it twice");
    let result = fails(&step.input("files", "cart/package.json\n"));
    let expected = "cart/package.json:1 invalid-mapping".to_owned();
    assert!(errors(&result).contains(&expected));
    mapped.0.assert_holds("cart=Cart shop=Shop");
}

#[test]
fn expressions_have_limits() {
    let mapped = Mapped::new();
    let entity = |identifier: &str, title: &str| {
        format!(
            "        - identifier: {identifier}\n          blueprint: '\"domain\"'\n          title: '{title}'\n"
        )
    };
    let (head, _) = MAPPING.split_once("          identifier").unwrap();
    let endless = [
        "last(range(1e12)) | tostring",
        "def f: 1 + f; f",
        "[limit(100000000; repeat(1))] | length | tostring",
        "reduce range(60) as $i (\"a\"; . + .)",
        "error(\"mine\")",
    ];
    let endless = endless
        .iter()
        .enumerate()
        .map(|(index, expression)| entity(&format!(".content.name + \"-{index}\""), expression));
    let sound = entity(".content.name + \"-sound\"", ".path");
    let text = format!("{head}{}{sound}", endless.collect::<String>());
    mapped.0.remove("shop/package.json");
    fails(&mapped.push_mapping(&text));
    // Where the machine is busy, a second may be over before the memory is used up.
    let expected = [
        "takes longer than 1 s",
        "needs more than 64 MiB, or calls itself too deeply",
        "fails here: mine",
    ];
    let mut missing = expected.to_vec();
    for _ in 0..10 {
        let result = fails(&mapped.0.nightly().input("mapping", PATH));
        assert!(result.commands("error").len() >= 5);
        missing.retain(|expected| !result.log.contains(expected));
        if missing.is_empty() {
            break;
        }
    }
    assert_eq!(missing, [""; 0]);
    mapped.0.assert_holds("cart-sound=cart/package.json");
}
