//! A nightly run: all of a large repository against all of Port.

use std::fs;
use std::path::Path;
use std::time::Duration;

use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET};
use port_gitops_sandbox::{GitHubSandbox, PortSandbox, Sandbox, Step, TestRepository};
use serde_json::{Value, json};

use crate::scene::{self, blueprint, entity};
use crate::{Cost, Result, action};

const ENTITIES: usize = 10_000;
const FILES: usize = 2_000;
/// How many somebody changed in Port.
const CHANGED: usize = 12;

pub(crate) const WORDS: &str =
    "compares 10,000 entities of 2,000 files, in a checkout, and corrects 12";

/// Runs the action, which finds what is as it should be and what somebody changed.
pub(crate) fn run(binary: &Path) -> Result<Cost> {
    let repository = TestRepository::new()?;
    let each = ENTITIES / FILES;
    for file in 0..FILES {
        let numbers = file * each..(file + 1) * each;
        let entities: Value = numbers.map(|number| entity(&name(number))).collect();
        repository.write(&format!("{file}/entity.json"), &entities.to_string());
    }
    let head = repository.commit("Describe everything")?;
    let github = GitHubSandbox::start(&repository)?;
    let port = PortSandbox::start()?;
    port.set_rate_limit(1_000_000, Duration::from_secs(300));
    port.add_blueprint(blueprint("service"));
    for number in 0..ENTITIES {
        let mut held = entity(&name(number));
        if number % (ENTITIES / CHANGED + 1) == 0 {
            held["properties"]["property3"] = json!("changed by hand");
        }
        if let Some(members) = held.as_object_mut() {
            members.remove("blueprint");
        }
        port.put_entity("service", held, "somebody")
            .map_err(|failure| format!("{failure:?}"))?;
    }

    let event = github.workflow_dispatch_event("main")?;
    let step = Step::new(&github, "schedule", &event)?
        .input("client-id", CLIENT_ID)
        .input("client-secret", CLIENT_SECRET)
        .input("base-url", port.url())
        .variable("GITHUB_REF", "refs/heads/main")
        .variable("GITHUB_SHA", head.as_str());
    repository.export("HEAD", &step.workspace())?;
    fs::create_dir_all(step.workspace().join(".git"))?;
    scene::go_far_away(&github, &port);
    let measured = action::measure(binary, &step)?;
    let corrected = port.entity("service", &name(0));
    let value = corrected.map(|entity| entity["properties"]["property3"].clone());
    if value == Some(json!("changed by hand")) {
        return Err("nothing was corrected".into());
    }
    Ok(Cost {
        elapsed: measured.elapsed,
        usage: measured.usage,
        ..scene::cost(&github, &port)
    })
}

fn name(number: usize) -> String {
    format!("service-{number}")
}
