//! An export of a large blueprint.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET};
use port_gitops_sandbox::{PortSandbox, Sandbox};

use crate::scene::{PORT_LATENCY, blueprint, entity, exchanged};
use crate::{Cost, Result, action};

const ENTITIES: usize = 25_000;

pub(crate) const WORDS: &str = "writes 25,000 entities to 25,000 files";

/// Exports everything into an empty folder.
pub(crate) fn run(binary: &Path) -> Result<Cost> {
    let port = PortSandbox::start()?;
    port.set_rate_limit(1_000_000, Duration::from_secs(300));
    port.add_blueprint(blueprint("service"));
    for number in 0..ENTITIES {
        let mut entity = entity(&format!("service-{number}"));
        if let Some(members) = entity.as_object_mut() {
            members.remove("blueprint");
        }
        let put = port.put_entity("service", entity, "somebody");
        put.map_err(|failure| format!("{failure:?}"))?;
    }
    port.clear_journal();
    port.set_latency(PORT_LATENCY);
    let folder = tempfile::tempdir()?;
    let mut command = Command::new(binary);
    command
        .args(["export", "catalog"])
        .current_dir(folder.path())
        .env("PORT_CLIENT_ID", CLIENT_ID)
        .env("PORT_CLIENT_SECRET", CLIENT_SECRET)
        .env("PORT_BASE_URL", port.url())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let measured = action::measure_command(command)?;
    let journal = port.journal();
    Ok(Cost {
        port_requests: journal.len(),
        bytes: journal.iter().map(exchanged).sum(),
        ..measured
    })
}
