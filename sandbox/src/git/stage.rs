//! What is staged, kept as commands for [`git fast-import`](https://git-scm.com/docs/git-fast-import): one process
//! a commit, whatever the number of files.

use super::{Mode, TestRepository};

/// Staging. Nothing is checked before the commit; changes apply in the order in which they came.
impl TestRepository {
    /// Stages a text file, new or changed.
    pub fn write(&self, path: &str, text: &str) -> &Self {
        self.write_bytes(path, text.as_bytes())
    }

    /// Stages a file of any bytes.
    pub fn write_bytes(&self, path: &str, bytes: &[u8]) -> &Self {
        self.stage_content(Mode::File, path, bytes)
    }

    /// Stages a text file that can be executed.
    pub fn write_executable(&self, path: &str, text: &str) -> &Self {
        self.stage_content(Mode::Executable, path, text.as_bytes())
    }

    /// Stages a symbolic link.
    pub fn symlink(&self, path: &str, target: &str) -> &Self {
        self.stage_content(Mode::Symlink, path, target.as_bytes())
    }

    /// Stages a submodule at a commit of another repository (a full id).
    pub fn submodule(&self, path: &str, commit: &str) -> &Self {
        let mode = Mode::Submodule.octal();
        self.stage(format!("M {mode} {commit} {}", quote(path)))
    }

    /// Stages the removal of a file or of a whole folder.
    pub fn remove(&self, path: &str) -> &Self {
        // To delete what is not there is no mistake to Git, but to move it is.
        let moved = quote(".removed");
        self.stage(format!("R {} {moved}\nD {moved}", quote(path)))
    }

    /// Stages the move of a file or of a whole folder.
    pub fn rename(&self, from: &str, to: &str) -> &Self {
        self.stage(format!("R {} {}", quote(from), quote(to)))
    }

    fn stage_content(&self, mode: Mode, path: &str, bytes: &[u8]) -> &Self {
        let (mode, length) = (mode.octal(), bytes.len());
        let head = format!("M {mode} inline {}\ndata {length}\n", quote(path));
        self.stage([head.as_bytes(), bytes].concat())
    }

    fn stage(&self, command: impl AsRef<[u8]>) -> &Self {
        let staged = &mut self.builder().staged;
        staged.extend_from_slice(command.as_ref());
        staged.push(b'\n');
        self
    }
}

fn quote(path: &str) -> String {
    let escaped = path.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", escaped.replace('\n', "\\n"))
}
