//! All files of a large repository that a mapping reads, in a checkout.

use std::fs;
use std::path::Path;
use std::time::Duration;

use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET};
use port_gitops_sandbox::{GitHubSandbox, PortSandbox, Sandbox, Step, TestRepository};
use serde_json::{Value, json};

use crate::scene;
use crate::{Cost, Result, action};

const FILES: usize = 10_000;
/// Of each file, in bytes.
const LENGTH: usize = 2 * 1024;

pub(crate) const WORDS: &str = "plans 10,000 entities of 10,000 mapped `package.json` files";

const MAPPING: &str = r#"
resources:
  - kind: file
    selector:
      query: 'true'
      files:
        - path: '**/package.json'
    port:
      entity:
        mappings:
          identifier: .content.name | ltrimstr("@") | gsub("/"; "-")
          title: .content.name
          blueprint: '"package"'
          properties:
            version: .content.version
            license: .content.license // "unknown"
            scripts: .content.scripts // {} | keys
"#;

/// Plans a repository of which Port holds nothing yet.
pub(crate) fn run(binary: &Path) -> Result<Cost> {
    let repository = TestRepository::new()?;
    repository.write("port-mapping.yml", MAPPING);
    for number in 0..FILES {
        repository.write(&format!("packages/{number}/package.json"), &package(number));
    }
    let head = repository.commit("Add everything")?;
    let github = GitHubSandbox::start(&repository)?;
    let port = PortSandbox::start()?;
    port.set_rate_limit(1_000_000, Duration::from_secs(300));
    port.add_blueprint(json!({"identifier": "package", "schema": {"properties": {
        "version": {"type": "string"},
        "license": {"type": "string"},
        "scripts": {"type": "array", "items": {"type": "string"}},
    }}}));
    let event = github.workflow_dispatch_event("main")?;
    let step = Step::new(&github, "schedule", &event)?
        .input("client-id", CLIENT_ID)
        .input("client-secret", CLIENT_SECRET)
        .input("base-url", port.url())
        .input("mapping", "port-mapping.yml")
        .input("mode", "plan")
        .variable("GITHUB_REF", "refs/heads/main")
        .variable("GITHUB_SHA", head.as_str());
    repository.export("HEAD", &step.workspace())?;
    fs::create_dir_all(step.workspace().join(".git"))?;
    scene::go_far_away(&github, &port);
    let measured = action::measure(binary, &step)?;
    Ok(Cost {
        elapsed: measured.elapsed,
        usage: measured.usage,
        ..scene::cost(&github, &port)
    })
}

fn package(number: usize) -> String {
    let mut package = json!({
        "name": format!("@octo/package-{number}"),
        "version": format!("1.{number}.0"),
        "license": "MIT",
        "scripts": {"build": "tsc", "lint": "eslint .", "test": "node --test"},
    });
    let mut dependencies = serde_json::Map::new();
    while package.to_string().len() < LENGTH {
        let name = format!("dependency-{}", dependencies.len());
        dependencies.insert(name, "^1.2.3".into());
        package["dependencies"] = Value::Object(dependencies.clone());
    }
    format!("{package:#}\n")
}
