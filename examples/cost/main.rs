//! What a run costs: requests, bytes, time, the processor's time, peak memory, and how they grow.
//!
//! `benches/cost` builds what is released and starts this with it. Both APIs run on this machine,
//! and answer each request after a while: 50 ms for Port, 20 ms for GitHub. Beside the action, the
//! same entities are sent by curl, one request each: one after the other on one connection, and by
//! eight processes at a time. What is printed is a page in Markdown.

mod action;
mod by_hand;
mod drift;
mod export;
mod fleet;
mod mapped;
mod scene;

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fleet::Fleet;
use scene::{Change, Scene};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How many entities are sent by hand too, and by the action beside them.
const BY_HAND: usize = 200;

/// What something cost.
#[derive(Debug, Default)]
struct Cost {
    github_requests: usize,
    port_requests: usize,
    /// Bodies to and from both APIs.
    bytes: usize,
    elapsed: Duration,
    /// What the process itself used, where that was watched.
    usage: Option<Usage>,
}

/// What a process used.
#[derive(Debug, Default)]
struct Usage {
    /// How long it kept a processor busy: the rest of the time is spent waiting.
    processor: Option<Duration>,
    /// The most memory that was in use, in KiB.
    peak_memory: Option<u64>,
}

fn main() -> Result<()> {
    let binary = std::env::args_os().nth(1).ok_or("which program?")?;
    let binary = PathBuf::from(binary);
    let mut out = io::stdout().lock();

    // A second argument chooses one part.
    match std::env::args().nth(2).as_deref() {
        Some("nightly") => return nightly(&binary, &mut out),
        Some("fleet") => return fleets(&binary, &mut out),
        Some("export") => return exports(&binary, &mut out),
        _ => {}
    }
    nightly(&binary, &mut out)?;
    fleets(&binary, &mut out)?;

    writeln!(out, "\n## How it grows\n")?;
    header(&mut out, "A push that …")?;
    for change in Change::ALL {
        let scene = Scene::new(change)?;
        row(&mut out, change.words(), &action::run(&binary, &scene)?)?;
    }

    exports(&binary, &mut out)?;

    writeln!(out, "\n## Beside a request for each entity\n")?;
    header(&mut out, &format!("{BY_HAND} new entities"))?;
    let created = Change::Created {
        entities: BY_HAND,
        files: BY_HAND,
    };
    let scene = Scene::new(created)?;
    row(&mut out, "port-gitops", &action::run(&binary, &scene)?)?;
    let scene = Scene::new(created)?;
    row(
        &mut out,
        "curl, one connection",
        &by_hand::one_by_one(&scene)?,
    )?;
    let scene = Scene::new(created)?;
    row(
        &mut out,
        "xargs -P 8 curl",
        &by_hand::eight_at_a_time(&scene)?,
    )?;
    Ok(())
}

fn nightly(binary: &Path, out: &mut impl Write) -> Result<()> {
    writeln!(out, "## All of Git against all of Port\n")?;
    header(out, "A nightly run that …")?;
    row(out, drift::WORDS, &drift::run(binary)?)?;
    row(out, mapped::WORDS, &mapped::run(binary)?)?;
    Ok(())
}

fn fleets(binary: &Path, out: &mut impl Write) -> Result<()> {
    writeln!(out, "\n## One run over many repositories\n")?;
    header(out, "A run that …")?;
    for fleet in Fleet::ALL {
        row(out, fleet.words(), &fleet::run(binary, fleet)?)?;
    }
    Ok(())
}

fn exports(binary: &Path, out: &mut impl Write) -> Result<()> {
    writeln!(out, "\n## From Port to Git\n")?;
    header(out, "An export that …")?;
    for (target, words) in export::TARGETS {
        row(out, words, &export::run(binary, target)?)?;
    }
    Ok(())
}

fn header(out: &mut impl Write, first: &str) -> io::Result<()> {
    writeln!(
        out,
        "| {first} | GitHub | Port | KiB sent and received | seconds | of these busy | peak MiB |"
    )?;
    writeln!(out, "| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
}

fn row(out: &mut impl Write, name: &str, cost: &Cost) -> io::Result<()> {
    let unknown = || "–".to_owned();
    let usage = cost.usage.as_ref();
    let memory = usage.and_then(|usage| usage.peak_memory);
    let memory = memory.map_or_else(unknown, |kib| format!("{:.1}", kib as f64 / 1024.0));
    let busy = usage.and_then(|usage| usage.processor);
    let busy = busy.map_or_else(unknown, |busy| format!("{:.2}", busy.as_secs_f64()));
    writeln!(
        out,
        "| {name} | {} | {} | {} | {:.2} | {busy} | {memory} |",
        cost.github_requests,
        cost.port_requests,
        cost.bytes / 1024,
        cost.elapsed.as_secs_f64(),
    )
}
