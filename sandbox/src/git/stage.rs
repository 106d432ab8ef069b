//! What is staged, kept as commands for [`git fast-import`](https://git-scm.com/docs/git-fast-import): one process
//! a commit, whatever the number of files.

use super::{Mode, TestRepository};

/// Staging. Nothing is checked before the commit; changes apply in the order in which they came.
impl TestRepository {
    /// Stages a text file, new or changed.
    pub fn write(&self, path: &str, text: &str) -> &Self {
        self.write_bytes(path, text.as_bytes())
    }

    /// Stages a file of any bytes, at a path of any bytes.
    pub fn write_bytes(&self, path: impl AsRef<[u8]>, bytes: &[u8]) -> &Self {
        self.stage_content(Mode::File, path.as_ref(), bytes)
    }

    /// Stages a text file that can be executed.
    pub fn write_executable(&self, path: &str, text: &str) -> &Self {
        self.stage_content(Mode::Executable, path.as_bytes(), text.as_bytes())
    }

    /// Stages a symbolic link.
    pub fn symlink(&self, path: &str, target: &str) -> &Self {
        self.stage_content(Mode::Symlink, path.as_bytes(), target.as_bytes())
    }

    /// Stages a submodule at a commit of another repository (a full id).
    pub fn submodule(&self, path: &str, commit: &str) -> &Self {
        let change = format!("M {} {commit} ", Mode::Submodule.octal());
        self.stage(&[change.as_bytes(), &quote(path.as_bytes())])
    }

    /// Stages the removal of a file or of a whole folder.
    pub fn remove(&self, path: &str) -> &Self {
        // Git ignores the deletion of a missing path, and fails when one is moved.
        self.rename(path, ".removed").stage(&[b"D .removed"])
    }

    /// Stages the move of a file or of a whole folder.
    pub fn rename(&self, from: &str, to: &str) -> &Self {
        let [from, to] = [from, to].map(|path| quote(path.as_bytes()));
        self.stage(&[b"R ", &from, b" ", &to])
    }

    fn stage_content(&self, mode: Mode, path: &[u8], bytes: &[u8]) -> &Self {
        let change = format!("M {} inline ", mode.octal());
        let data = format!("\ndata {}\n", bytes.len());
        self.stage(&[change.as_bytes(), &quote(path), data.as_bytes(), bytes])
    }

    fn stage(&self, command: &[&[u8]]) -> &Self {
        let staged = &mut self.builder().staged;
        staged.extend(command.concat());
        staged.push(b'\n');
        self
    }
}

fn quote(path: &[u8]) -> Vec<u8> {
    let escaped = path.iter().flat_map(|byte| match byte {
        b'\n' => vec![b'\\', b'n'],
        b'\\' | b'"' => vec![b'\\', *byte],
        _ => vec![*byte],
    });
    [b'"'].into_iter().chain(escaped).chain([b'"']).collect()
}
