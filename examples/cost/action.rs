//! The action on a push.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use port_gitops_sandbox::Step;

use crate::scene::Scene;
use crate::{Cost, Result};

/// Runs the action on a scene's push, and then on nothing else.
pub(crate) fn run(binary: &Path, scene: &Scene) -> Result<Cost> {
    let first = scene.first_step()?.run(binary)?;
    if first.status != 0 {
        return Err(format!("the first run failed:\n{}", first.log).into());
    }
    let step = scene.step_of_change()?;
    let measured = measure(binary, &step)?;
    Ok(Cost {
        elapsed: measured.elapsed,
        peak_memory: measured.peak_memory,
        ..scene.cost()
    })
}

/// Runs a step, which must succeed; what it asked for is not counted here.
pub(crate) fn measure(binary: &Path, step: &Step) -> Result<Cost> {
    let started = Instant::now();
    let mut child = step.command(binary).spawn()?;
    // Nobody waits for a pipe that is full.
    let mut pipe = child.stdout.take().ok_or("no standard output")?;
    let reader = thread::spawn(move || {
        let mut log = String::new();
        pipe.read_to_string(&mut log).map(|_| log)
    });
    let (status, peak_memory) = watch(&mut child)?;
    let elapsed = started.elapsed();
    let log = reader.join().map_err(|_| "the log cannot be read")??;
    if !status.success() {
        return Err(format!("the run failed:\n{log}").into());
    }
    Ok(Cost {
        elapsed,
        peak_memory,
        ..Cost::default()
    })
}

/// Waits for a process, and asks Linux now and then for the most memory that it had so far.
fn watch(child: &mut Child) -> Result<(ExitStatus, Option<u64>)> {
    let file = format!("/proc/{}/status", child.id());
    let mut peak = None;
    loop {
        let now = fs::read_to_string(&file).ok();
        peak = now.as_deref().and_then(high_water_mark).max(peak);
        if let Some(status) = child.try_wait()? {
            return Ok((status, peak));
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// `VmHWM:     12345 kB`
fn high_water_mark(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
