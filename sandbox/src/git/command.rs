//! The `git` program, cut off from the user's configuration.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use super::GitError;

/// Where `git` is. A name that is looked up in a changed environment would make the standard library
/// fork, and copying the page tables of a large test process takes longer than Git.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&path).map(|folder| folder.join("git"));
    found
        .find(|program| program.is_file())
        .unwrap_or_else(|| PathBuf::from("git"))
});

pub(super) struct Git {
    directory: PathBuf,
}

impl Git {
    pub(super) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&*PROGRAM);
        command
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("GIT_DIR", &self.directory)
            .env("HOME", &self.directory)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .args([
                "-c",
                "core.quotePath=false",
                "-c",
                "core.hooksPath=/dev/null",
            ])
            .args(["-c", "commit.gpgSign=false", "-c", "gc.auto=0"])
            // What a test makes need not outlive the machine.
            .args(["-c", "core.fsync=none", "-c", "fastimport.unpackLimit=1"])
            .args(arguments)
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// What the command prints; an error if it fails.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<String, GitError> {
        let output = self.command(arguments).output()?;
        text(arguments, output)
    }

    /// Feeds the command's input first and reads its output, which must be short, afterwards.
    pub(super) fn run_with(&self, arguments: &[&str], input: &[u8]) -> Result<String, GitError> {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take();
        let written = stdin.map_or(Ok(()), |mut stdin| stdin.write_all(input));
        // A command that fails stops reading: its own words say more than the broken pipe.
        let output = text(arguments, child.wait_with_output()?)?;
        written?;
        Ok(output)
    }
}

fn text(arguments: &[&str], output: Output) -> Result<String, GitError> {
    if !output.status.success() {
        return Err(GitError::Failed {
            command: arguments.join(" "),
            stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
