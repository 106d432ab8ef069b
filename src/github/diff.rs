//! Two revisions → the paths at which they differ.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::{Error, Repository};
use crate::event::Base;
use crate::git::CommitSha;
use crate::source::RepoPath;

/// [Compare two commits][docs] lists no more files than this.
///
/// [docs]: https://docs.github.com/en/rest/commits/commits#compare-two-commits
const COMPARE_LIMIT: usize = 300;

/// Where two revisions differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// The commit that head is compared with; `None` where everything at head counts as new.
    pub base: Option<CommitSha>,
    /// Every path whose content differs, at whichever of the two revisions it is. Of a renamed
    /// file both paths.
    pub paths: BTreeSet<RepoPath>,
}

#[derive(Deserialize)]
struct Comparison {
    status: Relation,
    merge_base_commit: Commit,
    #[serde(default)]
    files: Vec<File>,
}

/// What base is to head in a comparison.
#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Relation {
    Ahead,
    Behind,
    Diverged,
    Identical,
}

#[derive(Deserialize)]
struct Commit {
    sha: String,
}

#[derive(Deserialize)]
struct File {
    filename: String,
    previous_filename: Option<String>,
}

#[derive(Deserialize)]
struct Tree {
    tree: Vec<Entry>,
    truncated: bool,
}

#[derive(Deserialize)]
struct Entry {
    path: String,
    mode: String,
    #[serde(rename = "type")]
    kind: String,
    sha: String,
}

impl Repository {
    /// Finds where `head` differs from `base`.
    ///
    /// Uses GitHub's comparison where that is exact, else both trees. A base that is gone, as after
    /// a force-push, or that has no history in common with head where that is needed, counts as no
    /// base at all.
    ///
    /// # Errors
    /// If GitHub does not answer, does not let the token read, or cuts a tree short.
    pub async fn diff(&self, base: &Base, head: &CommitSha) -> Result<Diff, Error> {
        let other = match base {
            Base::Nothing => return self.all_of(head).await,
            Base::Commit(base) => base.as_str(),
            Base::MergeBaseWith(other) => other,
        };
        let comparison = match self.compare(other, head).await {
            Ok(comparison) => comparison,
            Err(Error::NotFound { .. }) => {
                tracing::info!(
                    "there is no base `{other}` to compare with: all entity files count as new"
                );
                return self.all_of(head).await;
            }
            Err(error) => return Err(error),
        };
        // The comparison begins at the merge base, which is a pushed commit's `before` only if
        // head was built on it.
        let (base, is_exact) = match base {
            Base::Commit(base) => (base.clone(), comparison.is_from_base()),
            Base::MergeBaseWith(_) | Base::Nothing => (comparison.merge_base()?, true),
        };
        if is_exact && !comparison.is_cut_short() {
            Ok(Diff {
                base: Some(base),
                paths: comparison.paths(),
            })
        } else {
            self.between_trees(base, head).await
        }
    }

    async fn compare(&self, base: &str, head: &CommitSha) -> Result<Comparison, Error> {
        let base = utf8_percent_encode(base, NON_ALPHANUMERIC);
        // The files come with the first page, so one commit a page is enough.
        self.get(&format!("/compare/{base}...{head}?per_page=1"))
            .await
    }

    async fn between_trees(&self, base: CommitSha, head: &CommitSha) -> Result<Diff, Error> {
        let (before, after) = futures::try_join!(self.tree(&base), self.tree(head))?;
        let differs = |path: &String| before.get(path) != after.get(path);
        let paths = before
            .keys()
            .chain(after.keys())
            .filter(|path| differs(path));
        let paths = paths.map(|path| RepoPath::new(path.as_str())).collect();
        Ok(Diff {
            base: Some(base),
            paths,
        })
    }

    async fn all_of(&self, head: &CommitSha) -> Result<Diff, Error> {
        let paths = self
            .tree(head)
            .await?
            .into_keys()
            .map(RepoPath::new)
            .collect();
        Ok(Diff { base: None, paths })
    }

    /// Every file of a revision with its mode and blob.
    async fn tree(&self, commit: &CommitSha) -> Result<BTreeMap<String, (String, String)>, Error> {
        let Tree { tree, truncated } = self
            .get(&format!("/git/trees/{commit}?recursive=1"))
            .await?;
        if truncated {
            return Err(Error::NotSupportedYet(format!(
                "the tree of {} is too large for GitHub to list at once, which is not supported yet",
                commit.short()
            )));
        }
        let files = tree.into_iter().filter(|entry| entry.kind != "tree");
        Ok(files
            .map(|entry| (entry.path, (entry.mode, entry.sha)))
            .collect())
    }
}

impl Comparison {
    fn merge_base(&self) -> Result<CommitSha, Error> {
        let sha = &self.merge_base_commit.sha;
        CommitSha::parse(sha).ok_or_else(|| Error::UnknownForm {
            path: "a comparison".to_owned(),
            reason: format!("`{sha}` is not a commit's id"),
        })
    }

    fn is_from_base(&self) -> bool {
        matches!(self.status, Relation::Ahead | Relation::Identical)
    }

    fn is_cut_short(&self) -> bool {
        self.files.len() >= COMPARE_LIMIT
    }

    fn paths(self) -> BTreeSet<RepoPath> {
        self.files
            .into_iter()
            .flat_map(|file| [Some(file.filename), file.previous_filename])
            .flatten()
            .map(RepoPath::new)
            .collect()
    }
}
