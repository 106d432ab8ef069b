//! What the GitHub API asks of a repository.

use std::sync::Arc;

use super::objects::CatFile;
use super::{Commit, GitError, Mode, Object, ObjectId, Store, TestRepository};

/// One entry of a tree and everything below it.
#[derive(Clone, Debug)]
pub(crate) struct ListedEntry {
    pub(crate) mode: Mode,
    pub(crate) id: ObjectId,
    /// The bytes of a blob; `None` for anything else.
    pub(crate) size: Option<u64>,
    /// Relative to the tree that was listed.
    pub(crate) path: String,
}

/// What a tree holds.
pub(crate) type Listing = Arc<Vec<ListedEntry>>;

impl TestRepository {
    /// The object that a revision expression names.
    pub(crate) fn object(&self, expression: &str) -> Result<Option<Object>, GitError> {
        let expression = self.0.share.expression(expression);
        let mut process = self.0.store.objects.lock();
        let reader = match process.as_mut() {
            Some(reader) => reader,
            None => process.insert(CatFile::start(&self.0.store.git)?),
        };
        let answer = reader.read(&expression);
        if answer.is_err() {
            *process = None;
        }
        Ok(answer?.filter(|object| self.0.share.has(object)))
    }

    /// The object with this full id.
    pub(crate) fn object_by_id(&self, id: &str) -> Result<Option<Object>, GitError> {
        if self.is_full_id(id) {
            self.object(id)
        } else {
            Ok(None)
        }
    }

    pub(crate) fn is_full_id(&self, text: &str) -> bool {
        text.len() == 2 * self.0.store.format.byte_length()
            && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    }

    /// The commit that a revision expression names.
    pub(crate) fn commit_at(&self, expression: &str) -> Result<Option<Commit>, GitError> {
        let object = self.object(&format!("{expression}^{{commit}}"))?;
        Ok(object.as_ref().and_then(Commit::parse))
    }

    /// The commit that a name in a URL stands for: a full id or a branch.
    pub(crate) fn named_commit(&self, name: &str) -> Result<Option<Commit>, GitError> {
        if !is_plain_name(name) {
            return Ok(None);
        }
        match self.commit_at(&format!("refs/heads/{name}"))? {
            None if self.is_full_id(name) => self.commit_at(name),
            commit => Ok(commit),
        }
    }

    /// The object that a full reference name such as `refs/heads/main` points to.
    pub(crate) fn reference(&self, name: &str) -> Result<Option<Object>, GitError> {
        if is_plain_name(name) && name.starts_with("refs/") {
            self.object(name)
        } else {
            Ok(None)
        }
    }

    /// Whether a branch or a tag leads to the object with this full id.
    pub(crate) fn is_reachable(&self, id: &str) -> Result<bool, GitError> {
        let glob = format!("--glob={}*", self.0.share.reference("refs/"));
        let all = self.0.store.git.run(&["rev-list", &glob, "--objects"])?;
        Ok(all.lines().any(|line| line.starts_with(id)))
    }

    /// What lies at a path below a tree or commit; symbolic links are not followed.
    pub(crate) fn entry_at(&self, tree: &str, path: &str) -> Result<Option<ListedEntry>, GitError> {
        let Some(tree) = self.object(&format!("{tree}^{{tree}}"))? else {
            return Ok(None);
        };
        let entries = self.list_recursively(&tree.id)?;
        Ok(entries.iter().find(|entry| entry.path == path).cloned())
    }

    /// A tree and all below it, in Git's order, the trees themselves included. The list is kept.
    pub(crate) fn list_recursively(&self, tree: &ObjectId) -> Result<Listing, GitError> {
        let Store { git, listings, .. } = &*self.0.store;
        if let Some(listing) = listings.lock().get(tree) {
            return Ok(Arc::clone(listing));
        }
        let output = git.run(&["ls-tree", "-r", "-t", "-l", "-z", tree])?;
        let entries = output
            .split_terminator('\0')
            .map(|line| listed(line).ok_or_else(|| GitError::Unexpected(line.to_owned())));
        let listing: Listing = Arc::new(entries.collect::<Result<_, _>>()?);
        listings.lock().insert(tree.clone(), Arc::clone(&listing));
        Ok(listing)
    }
}

fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('-')
        && !name.contains(['^', '~', ':', '\\', '*', '?', '[', ' '])
        && !name.contains("..")
        && !name.contains("@{")
}

/// `<mode> SP <type> SP <object> SP+ <size> TAB <path>`
fn listed(line: &str) -> Option<ListedEntry> {
    let (head, path) = line.split_once('\t')?;
    let mut words = head.split_ascii_whitespace();
    let mode = words.next()?.parse().ok()?;
    let id = words.nth(1)?;
    Some(ListedEntry {
        mode,
        id: ObjectId(id.to_owned()),
        size: words.next()?.parse().ok(),
        path: path.to_owned(),
    })
}
