//! Which files differ between two trees.

use super::{GitError, Mode, ObjectId, TestRepository};

/// What happened to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    Added,
    Removed,
    Modified,
    /// Only the mode or the type is another.
    Changed,
    Renamed {
        from: String,
    },
}

/// One changed file.
#[derive(Clone, Debug)]
pub(crate) struct FileChange {
    pub(crate) path: String,
    pub(crate) kind: ChangeKind,
    /// The blob after the change; the one before it where the file was removed.
    pub(crate) blob: ObjectId,
    /// Lines; 0 for binary files.
    pub(crate) additions: u64,
    /// Lines; 0 for binary files.
    pub(crate) deletions: u64,
}

impl TestRepository {
    /// The files that differ between two trees or commits, by path; renames are found as
    /// `git diff -M` finds them.
    pub(crate) fn changed_files(
        &self,
        base: &str,
        head: &str,
    ) -> Result<Vec<FileChange>, GitError> {
        let options = "diff-tree -r -M --raw --numstat --no-abbrev -z".split(' ');
        let arguments: Vec<_> = options.chain([base, head]).collect();
        let output = self.0.store.git.run(&arguments)?;
        parse(&output).ok_or_else(|| GitError::Unexpected("a broken diff".to_owned()))
    }
}

/// First all raw records, then all line counts, each ended by NUL, in the same order.
fn parse(output: &str) -> Option<Vec<FileChange>> {
    let mut fields = output.split_terminator('\0').peekable();
    let mut changes = Vec::new();
    while let Some(record) = fields.next_if(|field| field.starts_with(':')) {
        changes.push(raw_record(record, &mut fields)?);
    }
    for change in &mut changes {
        let mut counts = fields.next()?.splitn(3, '\t');
        change.additions = counts.next()?.parse().unwrap_or(0);
        change.deletions = counts.next()?.parse().unwrap_or(0);
        if let ChangeKind::Renamed { .. } = change.kind {
            fields.nth(1)?;
        }
    }
    Some(changes)
}

/// `:<mode> <mode> <blob> <blob> <status>`, then one path, or two for a rename.
fn raw_record<'a>(record: &str, fields: &mut impl Iterator<Item = &'a str>) -> Option<FileChange> {
    let mut words = record.trim_start_matches(':').split(' ');
    let (_, head_mode) = (words.next()?, words.next()?);
    let (base_blob, head_blob) = (words.next()?, words.next()?);
    let status = words.next()?;
    let path = fields.next()?;
    let (kind, path) = match status.chars().next()? {
        'A' => (ChangeKind::Added, path),
        'D' => (ChangeKind::Removed, path),
        'R' => (
            ChangeKind::Renamed {
                from: path.to_owned(),
            },
            fields.next()?,
        ),
        'M' if base_blob != head_blob => (ChangeKind::Modified, path),
        'M' | 'T' => (ChangeKind::Changed, path),
        _ => return None,
    };
    let blob = if head_mode.parse::<Mode>().is_ok() {
        head_blob
    } else {
        base_blob
    };
    Some(FileChange {
        path: path.to_owned(),
        kind,
        blob: ObjectId(blob.to_owned()),
        additions: 0,
        deletions: 0,
    })
}
