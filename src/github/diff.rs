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
    /// Uses GitHub's comparison where that is exact, else both trees. A base that is gone (as after
    /// a force-push) counts as no base at all.
    ///
    /// # Errors
    /// If GitHub does not answer, does not let the token read, or cuts a tree short.
    pub async fn diff(&self, base: &Base, head: &CommitSha) -> Result<Diff, Error> {
        match base {
            Base::Nothing => self.all_of(head).await,
            Base::Commit(base) => match self.compare(base.as_str(), head).await {
                Ok(comparison) => self.since_commit(base, head, comparison).await,
                Err(Error::NotFound { .. }) => {
                    tracing::info!(
                        "the base {} is gone; every entity file counts as new",
                        base.short()
                    );
                    self.all_of(head).await
                }
                Err(error) => Err(error),
            },
            Base::MergeBaseWith(other) => {
                let comparison = self.compare(other, head).await?;
                let merge_base = merge_base(&comparison)?;
                match comparison.is_cut_short() {
                    true => self.between_trees(merge_base, head).await,
                    false => Ok(Diff {
                        base: Some(merge_base),
                        paths: comparison.paths(),
                    }),
                }
            }
        }
    }

    async fn since_commit(
        &self,
        base: &CommitSha,
        head: &CommitSha,
        comparison: Comparison,
    ) -> Result<Diff, Error> {
        // The comparison begins at the merge base, which is `base` only if head was built on it.
        let is_exact = matches!(comparison.status, Relation::Ahead | Relation::Identical);
        if is_exact && !comparison.is_cut_short() {
            Ok(Diff {
                base: Some(base.clone()),
                paths: comparison.paths(),
            })
        } else {
            self.between_trees(base.clone(), head).await
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

fn merge_base(comparison: &Comparison) -> Result<CommitSha, Error> {
    let sha = &comparison.merge_base_commit.sha;
    CommitSha::parse(sha).ok_or_else(|| Error::UnknownForm {
        path: "a comparison".to_owned(),
        reason: format!("`{sha}` is not a commit's id"),
    })
}

impl Comparison {
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
