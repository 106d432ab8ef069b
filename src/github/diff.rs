//! Two revisions → the paths at which they differ.

use std::collections::BTreeMap;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::StatusCode;
use serde::Deserialize;

use super::{Error, Repository};
use crate::git::{BlobId, CommitSha, FileMode};
use crate::http::stale_answers::Look;
use crate::text::RepoPath;

/// [Compare two commits][docs] lists no more files than this.
///
/// [docs]: https://docs.github.com/en/rest/commits/commits#compare-two-commits
const COMPARE_LIMIT: usize = 300;

/// What a revision has at a path, as far as it is known without another request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// No file. A folder is none.
    Absent,
    /// A file, a symbolic link or a submodule.
    File {
        /// Which of these; a comparison does not say.
        mode: Option<FileMode>,
        /// Its content; for a submodule a commit of the other repository.
        blob: BlobId,
    },
    /// Something, or nothing: it has to be looked up.
    Unknown,
}

/// A path at which two revisions differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedFile {
    /// The path. Of a renamed file both are listed.
    pub path: RepoPath,
    /// What base has there.
    pub base: Side,
    /// What head has there.
    pub head: Side,
}

/// What head is to base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ancestry {
    /// Base is in head's history.
    Ahead,
    /// Head is in base's history.
    Behind,
    /// They have an ancestor in common that is neither.
    Diverged,
    /// They are the same commit.
    Identical,
    /// They have no history in common.
    Unrelated,
}

/// What a revision changed since its history left that of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// Where the histories meet; `None` where everything counts as new.
    pub base: Option<CommitSha>,
    /// How head relates to the requested commit.
    pub relation: Ancestry,
    /// Every path at which head differs from the base, in order, each once.
    pub files: Vec<ChangedFile>,
}

#[derive(Deserialize)]
struct Comparison {
    status: Ancestry,
    merge_base_commit: MergeBase,
    /// Only on the first page.
    files: Option<Vec<File>>,
}

#[derive(Deserialize)]
struct MergeBase {
    sha: String,
}

#[derive(Deserialize)]
struct File {
    filename: String,
    previous_filename: Option<String>,
    /// A status that this version does not know counts as a change of unknown kind.
    status: String,
    /// Head's blob, or base's where the file is gone at head.
    sha: Option<String>,
}

/// Which page of a comparison is requested.
#[derive(Clone, Copy)]
enum ComparisonPage {
    /// With the files.
    First,
    /// Without them, which spares GitHub the work.
    Second,
}

/// What changed from one commit to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangedSince {
    /// The second came after the first, and these files differ.
    Files(Vec<ChangedFile>),
    /// The second came before the first.
    Behind,
    /// One comparison does not say it: the second's history does not hold the first, one of them is
    /// gone, or there are too many files.
    Unknown,
}

impl ChangedSince {
    /// The files that differ, if they are known.
    pub fn files(self) -> Option<Vec<ChangedFile>> {
        match self {
            Self::Files(files) => Some(files),
            Self::Behind | Self::Unknown => None,
        }
    }
}

impl Repository {
    /// The files that differ between `base` and `head`, as far as one comparison says that.
    ///
    /// # Errors
    /// If GitHub does not answer or does not let the token read.
    pub async fn changed_since(
        &self,
        base: &CommitSha,
        head: &CommitSha,
    ) -> Result<ChangedSince, Error> {
        if base == head {
            return Ok(ChangedSince::Files(Vec::new()));
        }
        match self.compare(base.as_str(), head).await {
            Ok(comparison) => Ok(match comparison.status {
                Ancestry::Ahead | Ancestry::Identical => match comparison.exact_files() {
                    Some(files) => ChangedSince::Files(files),
                    None => ChangedSince::Unknown,
                },
                Ancestry::Behind => ChangedSince::Behind,
                Ancestry::Diverged | Ancestry::Unrelated => ChangedSince::Unknown,
            }),
            Err(Error::NotFound { .. }) => Ok(ChangedSince::Unknown),
            Err(error) => Err(error),
        }
    }

    /// What `head` is to `base`; `None` where GitHub does not know one of them.
    ///
    /// # Errors
    /// If GitHub does not answer or does not let the token read.
    pub async fn relation(
        &self,
        base: &CommitSha,
        head: &CommitSha,
    ) -> Result<Option<Ancestry>, Error> {
        match self
            .compare_page(base.as_str(), head, ComparisonPage::Second)
            .await
        {
            Ok(comparison) => Ok(Some(comparison.status)),
            Err(error) if is_about_ancestors(&error) => Ok(Some(Ancestry::Unrelated)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Finds what `head` changed since its history left that of `other`, a branch or a commit. With
    /// no history in common everything at head is new.
    ///
    /// # Errors
    /// [`Error::NoSuchCommit`] if one of them is gone; others if GitHub does not answer or does not
    /// let the token read.
    pub async fn diff_from_merge_base(&self, other: &str, head: &CommitSha) -> Result<Diff, Error> {
        let comparing = async || {
            let compared = self.compare(other, head).await;
            match compared.as_ref().is_err_and(is_about_commits) {
                // The push that started the run may not be known yet.
                true => Look::Stale(compared),
                false => Look::Good(compared),
            }
        };
        let what = format!("{head}");
        let comparison = match self.patience.look(&what, comparing).await {
            Ok(comparison) => comparison,
            Err(error) if is_about_ancestors(&error) => return self.all_of(head).await,
            Err(error) => return Err(error.about_commit(head.as_str())),
        };
        let (base, relation) = (comparison.merge_base()?, comparison.status);
        let files = match comparison.exact_files() {
            Some(files) => files,
            None => self.compare_trees(Some(&base), Some(head)).await?,
        };
        Ok(Diff {
            base: Some(base),
            relation,
            files,
        })
    }

    /// Every file at `head`, as if all were new.
    async fn all_of(&self, head: &CommitSha) -> Result<Diff, Error> {
        Ok(Diff {
            base: None,
            relation: Ancestry::Unrelated,
            files: self.compare_trees(None, Some(head)).await?,
        })
    }

    /// Compares, without files where GitHub says that finding these takes it too long.
    async fn compare(&self, base: &str, head: &CommitSha) -> Result<Comparison, Error> {
        match self.compare_page(base, head, ComparisonPage::First).await {
            Err(Error::Refused { status, .. })
                if status.is_server_error() || status == StatusCode::UNPROCESSABLE_ENTITY =>
            {
                let comparison = self
                    .compare_page(base, head, ComparisonPage::Second)
                    .await?;
                // Files are on the first page only, so an empty list here would say nothing.
                Ok(Comparison {
                    files: None,
                    ..comparison
                })
            }
            result => result,
        }
    }

    async fn compare_page(
        &self,
        base: &str,
        head: &CommitSha,
        page: ComparisonPage,
    ) -> Result<Comparison, Error> {
        let base = utf8_percent_encode(base, NON_ALPHANUMERIC);
        // Pages are of commits, of which none is needed.
        let page = match page {
            ComparisonPage::First => "",
            ComparisonPage::Second => "&page=2",
        };
        self.get(&format!("/compare/{base}...{head}?per_page=1{page}"))
            .await
    }
}

/// GitHub answers 404 also where both commits are there, with another message.
fn is_about_ancestors(error: &Error) -> bool {
    matches!(error, Error::NotFound { message, .. } if message.starts_with("No common ancestor"))
}

/// Whether GitHub says that one of the commits is not there.
fn is_about_commits(error: &Error) -> bool {
    matches!(error, Error::NotFound { .. }) && !is_about_ancestors(error)
}

impl Comparison {
    fn merge_base(&self) -> Result<CommitSha, Error> {
        let sha = &self.merge_base_commit.sha;
        CommitSha::parse(sha).ok_or_else(|| Error::UnknownForm {
            path: "a comparison".to_owned(),
            reason: format!("`{sha}` is not a commit's id"),
        })
    }

    /// The differences between the merge base and head; `None` where the list is cut short, or
    /// holds a path that is no UTF-8 and so could not be looked up.
    fn exact_files(self) -> Option<Vec<ChangedFile>> {
        let files = self.files?;
        let is_exact = |file: &File| !file.filename.contains(char::REPLACEMENT_CHARACTER);
        (files.len() < COMPARE_LIMIT && files.iter().all(is_exact)).then(|| changed(files))
    }
}

/// A file that becomes a symbolic link may be listed twice, as removed and as added.
fn changed(files: Vec<File>) -> Vec<ChangedFile> {
    let mut paths: BTreeMap<RepoPath, (Side, Side)> = BTreeMap::new();
    let mut add = |path: String, base: Side, head: Side| {
        let sides = paths
            .entry(RepoPath::new(path))
            .or_insert((Side::Absent, Side::Absent));
        if base != Side::Absent {
            sides.0 = base;
        }
        if head != Side::Absent {
            sides.1 = head;
        }
    };
    for file in files {
        let listed = file.listed();
        match file.status.as_str() {
            "unchanged" => {}
            "added" | "copied" => add(file.filename, Side::Absent, listed),
            "removed" => add(file.filename, listed, Side::Absent),
            "renamed" => {
                add(file.filename, Side::Absent, listed);
                if let Some(previous) = file.previous_filename {
                    add(previous, Side::Unknown, Side::Absent);
                }
            }
            _ => add(file.filename, Side::Unknown, listed),
        }
    }
    let file = |(path, (base, head))| ChangedFile { path, base, head };
    paths.into_iter().map(file).collect()
}

impl File {
    fn listed(&self) -> Side {
        let blob = self.sha.as_deref().and_then(BlobId::parse);
        blob.map_or(Side::Unknown, |blob| Side::File { mode: None, blob })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(filename: &str, status: &str, digit: char) -> File {
        File {
            filename: filename.to_owned(),
            previous_filename: (status == "renamed").then(|| "old".to_owned()),
            status: status.to_owned(),
            sha: (digit != '-').then(|| digit.to_string().repeat(40)),
        }
    }

    fn known(digit: char) -> Side {
        Side::File {
            mode: None,
            blob: BlobId::parse(&digit.to_string().repeat(40)).unwrap(),
        }
    }

    #[test]
    fn every_status_says_what_is_known_of_both_sides() {
        let listed = [
            file("added", "added", '1'),
            file("changed", "changed", '2'),
            file("removed", "removed", '3'),
            file("renamed", "renamed", '4'),
            file("copied", "copied", '5'),
            file("same", "unchanged", '6'),
            file("strange", "a new word", '7'),
            file("null", "modified", '-'),
        ];
        let files = changed(listed.into());
        let files: Vec<_> = files
            .into_iter()
            .map(|file| (file.path.as_str().to_owned(), file.base, file.head))
            .collect();
        let row = |path: &str, base, head| (path.to_owned(), base, head);
        let expected = [
            row("added", Side::Absent, known('1')),
            row("changed", Side::Unknown, known('2')),
            row("copied", Side::Absent, known('5')),
            row("null", Side::Unknown, Side::Unknown),
            row("old", Side::Unknown, Side::Absent),
            row("removed", known('3'), Side::Absent),
            row("renamed", Side::Absent, known('4')),
            row("strange", Side::Unknown, known('7')),
        ];
        assert_eq!(files, expected);
    }

    #[test]
    fn a_path_listed_twice_is_one_change() {
        for order in [["removed", "added"], ["added", "removed"]] {
            let listed =
                order.map(|status| file("x", status, if status == "added" { '2' } else { '1' }));
            let files = changed(listed.into());
            assert_eq!(files.len(), 1);
            assert_eq!((&files[0].base, &files[0].head), (&known('1'), &known('2')));
        }
    }

    #[test]
    fn lists_that_may_not_be_whole_are_not_used() {
        let comparison = |files| Comparison {
            status: Ancestry::Ahead,
            merge_base_commit: MergeBase {
                sha: "1".repeat(40),
            },
            files,
        };
        let many = |count: usize| {
            (0..count)
                .map(|n| file(&n.to_string(), "added", '1'))
                .collect()
        };
        assert_eq!(
            comparison(Some(many(299))).exact_files().unwrap().len(),
            299
        );
        assert_eq!(comparison(Some(many(300))).exact_files(), None);
        assert_eq!(comparison(None).exact_files(), None);
        let lossy = file("caf\u{fffd}.yml", "added", '1');
        assert_eq!(comparison(Some(vec![lossy])).exact_files(), None);
    }
}
