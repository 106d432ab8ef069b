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
    "compares 10,000 entities of 2,000 files, in a checkout, and fixes 12";

/// Runs the action, which has applied the repository before, and finds what was changed in Port since.
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
    let each_number = 0..ENTITIES;
    for number in each_number.clone() {
        put(&port, entity(&name(number)))?;
    }
    let event = github.workflow_dispatch_event("main")?;
    let step = || -> Result<Step> {
        let step = Step::new(&github, "schedule", &event)?
            .input("client-id", CLIENT_ID)
            .input("client-secret", CLIENT_SECRET)
            .input("base-url", port.url())
            .variable("GITHUB_REF", "refs/heads/main")
            .variable("GITHUB_SHA", head.as_str());
        repository.export("HEAD", &step.workspace())?;
        fs::create_dir_all(step.workspace().join(".git"))?;
        Ok(step)
    };
    action::measure(binary, &step()?)?;
    for number in each_number.step_by(ENTITIES / CHANGED + 1) {
        let mut held = entity(&name(number));
        held["properties"]["property3"] = json!("changed by hand");
        put(&port, held)?;
    }
    github.clear_journal();
    port.clear_journal();
    scene::go_far_away(&github, &port);
    let measured = action::measure(binary, &step()?)?;
    let fixed = port.entity("service", &name(0));
    let value = fixed.map(|entity| entity["properties"]["property3"].clone());
    if value == Some(json!("changed by hand")) {
        return Err("nothing was fixed".into());
    }
    Ok(Cost {
        elapsed: measured.elapsed,
        usage: measured.usage,
        ..scene::cost(&github, &port)
    })
}

fn put(port: &PortSandbox, mut entity: Value) -> Result<()> {
    if let Some(members) = entity.as_object_mut() {
        members.remove("blueprint");
    }
    let put = port.put_entity("service", entity);
    Ok(put.map_err(|failure| format!("{failure:?}"))?)
}

fn name(number: usize) -> String {
    format!("service-{number}")
}
