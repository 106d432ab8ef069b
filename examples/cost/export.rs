//! An export of a large blueprint.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET};
use port_gitops_sandbox::{PortSandbox, Sandbox};

use crate::scene::{PORT_LATENCY, blueprint, entity, exchanged};
use crate::{Cost, Result, action};

const ENTITIES: usize = 25_000;

/// Where files go, and what the export does there. On a disk, the system may take longer than the program:
/// for five minutes, ext4 looks for inodes among those of files that were deleted beside, say by an
/// earlier measurement.
pub(crate) const TARGETS: [(&str, &str); 2] = [
    ("/var/tmp", "writes 25,000 entities to 25,000 files"),
    ("/dev/shm", "does so in memory"),
];

/// Exports everything into an empty folder in `target`.
pub(crate) fn run(binary: &Path, target: &str) -> Result<Cost> {
    let port = PortSandbox::start()?;
    port.set_rate_limit(1_000_000, Duration::from_secs(300));
    port.add_blueprint(blueprint("service"));
    for number in 0..ENTITIES {
        let mut entity = entity(&format!("service-{number}"));
        if let Some(members) = entity.as_object_mut() {
            members.remove("blueprint");
        }
        let put = port.put_entity("service", entity);
        put.map_err(|failure| format!("{failure:?}"))?;
    }
    port.clear_journal();
    port.set_latency(PORT_LATENCY);
    let folder = tempfile::tempdir_in(target)?;
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
