//! Both APIs as a process, to play with the action by hand or from a script.
//!
//! ```console
//! $ cargo run -p port-gitops-sandbox --example serve -- --address 172.17.0.1 --folder play
//! {
//!   "control": "http://172.17.0.1:40001",
//!   "event": "/home/me/play/event.json",
//!   "github": {"repository": "octo-org/catalog", "token": "ghs_sandbox", "url": "http://…"},
//!   "port": {"clientId": "…", "clientSecret": "…", "url": "http://…"}
//! }
//! ```
//!
//! `--address` is the address that all three servers listen on (loopback, if it is not given; a
//! container reaches the host at the bridge's address). `--folder` is where the event goes (the
//! current folder, if it is not given). The repository has one push already, and the event is that
//! push's. [`control`] tells what can be asked of the third server. SIGINT or SIGTERM ends it.

mod control;
mod world;

use std::error::Error;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;

use lexopt::{Arg, ValueExt};
use port_gitops_sandbox::Server;
use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET};
use port_gitops_sandbox::{GitHubSandbox, Sandbox};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use world::{Push, World};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (mut address, mut folder) = (IpAddr::from(Ipv4Addr::LOCALHOST), PathBuf::from("."));
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Long("address") => address = arguments.value()?.parse()?,
            Arg::Long("folder") => folder = arguments.value()?.into(),
            other => return Err(other.unexpected().into()),
        }
    }
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let world = Arc::new(World::new(address, &folder)?);
    world.push(&Push::first())?;
    let control = Server::start((address, 0), control::router(Arc::clone(&world)))?;

    let addresses = json!({
        "control": control.url(),
        "event": world.event_file,
        "github": {
            "repository": world.github.full_name(),
            "token": GitHubSandbox::TOKEN,
            "url": world.github.url(),
        },
        "port": {
            "clientId": CLIENT_ID,
            "clientSecret": CLIENT_SECRET,
            "url": world.port.url(),
        },
    });
    writeln!(io::stdout(), "{addresses:#}")?;

    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
