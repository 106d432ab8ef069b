//! What people write instead: one request for each entity, with curl.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use port_gitops_sandbox::Sandbox;

use crate::scene::Scene;
use crate::{Cost, Result};

/// A single curl that sends one after the other, on one connection.
pub(crate) fn one_by_one(scene: &Scene) -> Result<Cost> {
    measure(scene, |folder, count| {
        let requests = (0..count).map(|number| {
            let body = folder.join(number.to_string());
            let (url, header) = (url(scene), headers(scene).join("\"\nheader = \""));
            format!(
                "url = \"{url}\"\nheader = \"{header}\"\ndata = \"@{}\"\noutput = \"/dev/null\"\n",
                body.display()
            )
        });
        let requests: Vec<_> = requests.collect();
        let file = folder.join("requests");
        fs::write(&file, requests.join("next\n"))?;
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--fail", "--config"]);
        command.arg(file);
        Ok(command)
    })
}

/// Eight processes at a time, each of which sends one.
pub(crate) fn eight_at_a_time(scene: &Scene) -> Result<Cost> {
    measure(scene, |folder, count| {
        let names: Vec<_> = (0..count).map(|number| number.to_string()).collect();
        fs::write(folder.join("names"), names.join("\n"))?;
        let mut command = Command::new("xargs");
        command
            .current_dir(folder)
            .args(["--arg-file", "names", "-P", "8", "-I", "{}"])
            .args(["curl", "--silent", "--show-error", "--fail"])
            .args(["--output", "/dev/null", "--data", "@{}"]);
        for header in headers(scene) {
            command.args(["--header", &header]);
        }
        command.arg(url(scene));
        Ok(command)
    })
}

fn measure(scene: &Scene, command: impl Fn(&Path, usize) -> Result<Command>) -> Result<Cost> {
    let folder = tempfile::tempdir()?;
    let bodies = scene.bodies();
    for (number, body) in bodies.iter().enumerate() {
        fs::write(folder.path().join(number.to_string()), body.to_string())?;
    }
    let mut command = command(folder.path(), bodies.len())?;
    scene.go_far_away();
    let started = Instant::now();
    let status = command.status()?;
    let elapsed = started.elapsed();
    let written = scene.port.entities().len();
    if !status.success() || written != bodies.len() {
        return Err(format!("{command:?}: {status}, {written} entities").into());
    }
    Ok(Cost {
        elapsed,
        ..scene.cost()
    })
}

fn url(scene: &Scene) -> String {
    let base = scene.port.url();
    format!("{base}/v1/blueprints/service/entities?upsert=true&merge=true")
}

fn headers(scene: &Scene) -> [String; 2] {
    [
        format!("authorization: Bearer {}", scene.port.access_token()),
        "content-type: application/json".to_owned(),
    ]
}
