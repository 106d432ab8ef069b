//! The action on a push.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use port_gitops_sandbox::Step;

use crate::scene::Scene;
use crate::{Cost, Result, Usage};

/// Runs the action on a scene's push, and then on nothing else.
pub(crate) fn run(binary: &Path, scene: &Scene) -> Result<Cost> {
    if scene.has_past() {
        let first = scene.first_step()?.run(binary)?;
        if first.status != 0 {
            return Err(format!("the first run failed:\n{}", first.log).into());
        }
    }
    let step = scene.step_of_change()?;
    let measured = measure(binary, &step)?;
    Ok(Cost {
        elapsed: measured.elapsed,
        usage: measured.usage,
        ..scene.cost()
    })
}

/// Runs a step, which must succeed; its requests are not counted here.
pub(crate) fn measure(binary: &Path, step: &Step) -> Result<Cost> {
    measure_command(step.command(binary))
}

/// Runs a command whose output is piped, and which must succeed.
pub(crate) fn measure_command(mut command: Command) -> Result<Cost> {
    let started = Instant::now();
    let mut child = command.spawn()?;
    // Nobody waits for a pipe that is full.
    let mut pipe = child.stdout.take().ok_or("no standard output")?;
    let reader = thread::spawn(move || {
        let mut log = String::new();
        pipe.read_to_string(&mut log).map(|_| log)
    });
    let (status, usage) = watch(&mut child)?;
    let elapsed = started.elapsed();
    let log = reader.join().map_err(|_| "the log cannot be read")??;
    if !status.success() {
        return Err(format!("the run failed:\n{log}").into());
    }
    Ok(Cost {
        elapsed,
        usage: Some(usage),
        ..Cost::default()
    })
}

/// Waits for a process, and asks Linux now and then what it used so far.
fn watch(child: &mut Child) -> Result<(ExitStatus, Usage)> {
    let folder = PathBuf::from(format!("/proc/{}", child.id()));
    let mut usage = Usage::default();
    loop {
        let read = |name| fs::read_to_string(folder.join(name)).unwrap_or_default();
        let peak_memory = high_water_mark(&read("status"));
        usage.peak_memory = peak_memory.max(usage.peak_memory);
        usage.processor = processor_time(&read("stat")).max(usage.processor);
        if let Some(status) = child.try_wait()? {
            return Ok((status, usage));
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// The 14th and the 15th field are what the process and the system on its behalf took, in [ticks of
/// a hundredth of a second][docs]. What stands before is a name in parentheses, and a letter.
///
/// [docs]: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
fn processor_time(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some(Duration::from_millis(10 * (ticks()? + ticks()?)))
}

/// `VmHWM:     12345 kB`
fn high_water_mark(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
