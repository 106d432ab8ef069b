//! Revisions as GitHub lists them, also those that it does not list at once.
//!
//! [A recursive listing][docs] holds up to 100,000 entries and 7 MB, else it is cut short and says
//! so. Then a folder is listed by itself, and of the folders in it only those are looked into that
//! differ, each recursively again.
//!
//! [docs]: https://docs.github.com/en/rest/git/trees#get-a-tree

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use tokio::sync::OnceCell;

use super::{ChangedFile, Error, Repository, Side};
use crate::git::{BlobId, CommitSha, FileMode};
use crate::http::stale_answers::Look;
use crate::text::RepoPath;

/// Folders that are compared at the same time; each takes up to two requests at once.
const CONCURRENT_FOLDERS: usize = 4;

/// What a revision has at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeFile {
    /// What it is.
    pub mode: FileMode,
    /// Its content; for a submodule a commit of the other repository.
    pub blob: BlobId,
}

impl From<&TreeFile> for Side {
    fn from(file: &TreeFile) -> Self {
        Self::File {
            mode: Some(file.mode),
            blob: file.blob.clone(),
        }
    }
}

/// Every file of a revision.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    files: BTreeMap<RepoPath, TreeFile>,
}

impl Tree {
    /// The file at a path.
    pub fn get(&self, path: &RepoPath) -> Option<&TreeFile> {
        self.files.get(path)
    }

    /// All files, by path.
    pub fn iter(&self) -> impl Iterator<Item = (&RepoPath, &TreeFile)> {
        self.files.iter()
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

/// How much of a tree is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Depth {
    /// Its own entries.
    Folder,
    /// All that is below it.
    Whole,
}

/// The entries of a tree, paths relative to it.
#[derive(Debug, Default)]
struct TreeListing {
    files: Vec<(String, TreeFile)>,
    /// Folders with their trees; none in a whole listing, which holds their files.
    folders: Vec<(String, String)>,
    is_cut_short: bool,
}

/// A commit or tree, and how far below it.
type ListingKey = (String, Depth);

/// What was listed in this run: ids name what never changes, so nothing is requested twice.
#[derive(Debug, Default)]
pub(super) struct Listings {
    cells: Mutex<HashMap<ListingKey, Arc<OnceCell<Arc<TreeListing>>>>>,
    sizes: Mutex<HashMap<BlobId, u64>>,
}

/// Sizes below this are not kept.
const NOTABLE_SIZE: u64 = 16 * 1024;

impl Listings {
    fn cell(&self, key: ListingKey) -> Arc<OnceCell<Arc<TreeListing>>> {
        Arc::clone(lock(&self.cells).entry(key).or_default())
    }

    /// A blob's size in bytes, if it is known and worth a thought.
    pub(super) fn size(&self, blob: &BlobId) -> Option<u64> {
        lock(&self.sizes).get(blob).copied()
    }
}

/// Nothing is left half-done under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The ids, SHA-1 and SHA-256, of the tree without entries. Git knows it without storing it.
const EMPTY_TREES: [&str; 2] = [
    "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
];

/// A commit, as far as its tree goes.
#[derive(Deserialize)]
struct CommitTree {
    tree: TreeId,
}

#[derive(Deserialize)]
struct TreeId {
    sha: String,
}

#[derive(Deserialize)]
struct TreeAnswer {
    tree: Vec<ListedEntry>,
    truncated: bool,
}

#[derive(Deserialize)]
struct ListedEntry {
    path: String,
    mode: String,
    #[serde(rename = "type")]
    kind: String,
    sha: String,
    size: Option<u64>,
}

/// A folder at one or both of two revisions, named by its tree; the root is named by its commit.
#[derive(Debug, Default)]
struct ComparedFolder {
    /// With a slash at its end, unless it is the root.
    prefix: String,
    base: Option<String>,
    head: Option<String>,
}

/// What comparing a folder gave.
#[derive(Default)]
struct Compared {
    files: Vec<ChangedFile>,
    /// Folders that differ and were not looked into.
    below: Vec<ComparedFolder>,
}

impl Repository {
    /// Every file of a revision. See [the page][docs].
    ///
    /// [docs]: https://docs.github.com/en/rest/git/trees#get-a-tree
    ///
    /// # Errors
    /// [`Error::NoSuchCommit`] if the commit is not there; others if GitHub does not answer or does
    /// not let the token read.
    pub async fn tree(&self, commit: &CommitSha) -> Result<Tree, Error> {
        let listing = async || match self.compare_trees(None, Some(commit)).await {
            Err(error @ Error::NoSuchCommit { .. }) => Look::Stale(Err(error)),
            listed => Look::Good(listed),
        };
        let files = self.patience.look(commit.as_str(), listing).await?;
        let file = |file: ChangedFile| match file.head {
            Side::File {
                mode: Some(mode),
                blob,
            } => Some((file.path, TreeFile { mode, blob })),
            _ => None,
        };
        let files = files.into_iter().filter_map(file).collect();
        Ok(Tree { files })
    }

    /// Every path at which two revisions differ, by path; all of a revision's where the other is
    /// `None`.
    pub(super) async fn compare_trees(
        &self,
        base: Option<&CommitSha>,
        head: Option<&CommitSha>,
    ) -> Result<Vec<ChangedFile>, Error> {
        let root = |commit: &CommitSha| commit.to_string();
        let mut folders = vec![ComparedFolder {
            prefix: String::new(),
            base: base.map(root),
            head: head.map(root),
        }];
        let mut files = Vec::new();
        while !folders.is_empty() {
            let compared: Vec<Compared> = stream::iter(folders)
                .map(|folder| self.compare_folder(folder))
                .buffer_unordered(CONCURRENT_FOLDERS)
                .try_collect()
                .await?;
            folders = Vec::new();
            for compared in compared {
                files.extend(compared.files);
                folders.extend(compared.below);
            }
        }
        files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(files)
    }

    async fn compare_folder(&self, folder: ComparedFolder) -> Result<Compared, Error> {
        let sides = (folder.base.as_deref(), folder.head.as_deref());
        let (base, head) = self.list_both(sides, Depth::Whole).await?;
        if !base.is_cut_short && !head.is_cut_short {
            return Ok(folder.compare(&base, &head));
        }
        let (base, head) = self.list_both(sides, Depth::Folder).await?;
        if base.is_cut_short || head.is_cut_short {
            return Err(Error::FolderTooLarge(folder.prefix));
        }
        Ok(folder.compare(&base, &head))
    }

    async fn list_both(
        &self,
        (base, head): (Option<&str>, Option<&str>),
        depth: Depth,
    ) -> Result<(Arc<TreeListing>, Arc<TreeListing>), Error> {
        futures::try_join!(self.list(base, depth), self.list(head, depth))
    }

    async fn list(&self, tree: Option<&str>, depth: Depth) -> Result<Arc<TreeListing>, Error> {
        let Some(tree) = tree else {
            return Ok(Arc::default());
        };
        let cell = self.listings.cell((tree.to_owned(), depth));
        let listing = cell
            .get_or_try_init(|| self.fetch_tree(tree, depth))
            .await?;
        Ok(Arc::clone(listing))
    }

    async fn fetch_tree(&self, tree: &str, depth: Depth) -> Result<Arc<TreeListing>, Error> {
        // Any value at all makes a listing recursive, so a folder's has no parameter.
        let query = match depth {
            Depth::Folder => "",
            Depth::Whole => "?recursive=1",
        };
        let answer: TreeAnswer = match self.get(&format!("/git/trees/{tree}{query}")).await {
            Ok(answer) => answer,
            Err(Error::NotFound { .. }) if self.is_empty_commit(tree).await? => {
                return Ok(Arc::default());
            }
            Err(error) => return Err(error.about_commit(tree)),
        };
        let notable = answer.tree.iter().filter_map(|entry| {
            let size = entry.size.filter(|size| *size >= NOTABLE_SIZE)?;
            Some((BlobId::parse(&entry.sha)?, size))
        });
        lock(&self.listings.sizes).extend(notable);
        TreeListing::new(answer, depth).map(Arc::new)
    }

    /// Whether there is such a commit and it holds no files: of its tree GitHub says 404, as of a
    /// commit that is not there. See [the page][docs].
    ///
    /// [docs]: https://docs.github.com/en/rest/git/commits#get-a-commit-object
    async fn is_empty_commit(&self, commit: &str) -> Result<bool, Error> {
        match self.get(&format!("/git/commits/{commit}")).await {
            Ok(CommitTree { tree }) => Ok(EMPTY_TREES.contains(&tree.sha.as_str())),
            Err(error) => match error.about_commit(commit) {
                Error::NoSuchCommit { .. } => Ok(false),
                error => Err(error),
            },
        }
    }
}

impl TreeListing {
    fn new(answer: TreeAnswer, depth: Depth) -> Result<Self, Error> {
        let mut listing = Self {
            is_cut_short: answer.truncated,
            ..Self::default()
        };
        if answer.truncated {
            return Ok(listing);
        }
        for entry in answer.tree {
            if entry.kind != "tree" {
                listing.files.push(entry.file()?);
            } else if depth == Depth::Folder {
                listing.folders.push((entry.path, entry.sha));
            }
        }
        Ok(listing)
    }
}

impl ListedEntry {
    fn file(self) -> Result<(String, TreeFile), Error> {
        let mode = FileMode::parse(&self.mode).unwrap_or(FileMode::Regular);
        match BlobId::parse(&self.sha) {
            Some(blob) => Ok((self.path, TreeFile { mode, blob })),
            None => Err(Error::UnknownForm {
                path: "a tree".to_owned(),
                reason: format!("`{}` is not an object's id", self.sha),
            }),
        }
    }
}

impl ComparedFolder {
    fn compare(&self, base: &TreeListing, head: &TreeListing) -> Compared {
        let files = differing(&base.files, &head.files);
        let folders = differing(&base.folders, &head.folders);
        let tree = |side: Option<&String>| side.cloned();
        Compared {
            files: files
                .map(|(path, base, head)| ChangedFile {
                    path: RepoPath::new(format!("{}{path}", self.prefix)),
                    base: side(base),
                    head: side(head),
                })
                .collect(),
            below: folders
                .map(|(name, base, head)| Self {
                    prefix: format!("{}{name}/", self.prefix),
                    base: tree(base),
                    head: tree(head),
                })
                .collect(),
        }
    }
}

fn side(file: Option<&TreeFile>) -> Side {
    file.map_or(Side::Absent, |TreeFile { mode, blob }| Side::File {
        mode: Some(*mode),
        blob: blob.clone(),
    })
}

/// The names whose values differ, with both values.
fn differing<'a, T: PartialEq>(
    base: &'a [(String, T)],
    head: &'a [(String, T)],
) -> impl Iterator<Item = (&'a str, Option<&'a T>, Option<&'a T>)> {
    let mut both: BTreeMap<&str, (Option<&T>, Option<&T>)> = BTreeMap::new();
    for (name, value) in base {
        both.entry(name).or_default().0 = Some(value);
    }
    for (name, value) in head {
        both.entry(name).or_default().1 = Some(value);
    }
    both.into_iter()
        .filter(|(_, (base, head))| base != head)
        .map(|(name, (base, head))| (name, base, head))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(entries: &[(&str, &str, &str, char)], depth: Depth) -> TreeListing {
        let entry = |(path, mode, kind, digit): &(&str, &str, &str, char)| ListedEntry {
            path: (*path).to_owned(),
            mode: (*mode).to_owned(),
            kind: (*kind).to_owned(),
            sha: digit.to_string().repeat(40),
            size: None,
        };
        let tree = entries.iter().map(entry).collect();
        let truncated = false;
        TreeListing::new(TreeAnswer { tree, truncated }, depth).unwrap()
    }

    #[test]
    fn modes_contents_and_kinds_make_a_difference() {
        let base = [
            ("same", "100644", "blob", '1'),
            ("content", "100644", "blob", '1'),
            ("mode", "100644", "blob", '1'),
            ("kind", "100644", "blob", '1'),
            ("case.yml", "100644", "blob", '1'),
            ("gone", "160000", "commit", '1'),
            ("folder", "040000", "tree", '1'),
            ("equal", "040000", "tree", '1'),
            ("becomes", "040000", "tree", '1'),
        ];
        let head = [
            ("same", "100644", "blob", '1'),
            ("content", "100644", "blob", '2'),
            ("mode", "100755", "blob", '1'),
            ("kind", "120000", "blob", '1'),
            ("Case.yml", "100644", "blob", '1'),
            ("folder", "040000", "tree", '2'),
            ("equal", "040000", "tree", '1'),
            ("becomes", "100644", "blob", '3'),
        ];
        let folder = ComparedFolder {
            prefix: "x/".to_owned(),
            ..ComparedFolder::default()
        };
        let compared = folder.compare(
            &listing(&base, Depth::Folder),
            &listing(&head, Depth::Folder),
        );
        let paths: Vec<_> = compared
            .files
            .iter()
            .map(|file| file.path.as_str())
            .collect();
        let expected = [
            "Case.yml", "becomes", "case.yml", "content", "gone", "kind", "mode",
        ];
        assert_eq!(paths, expected.map(|name| format!("x/{name}")));
        assert_eq!(compared.files[1].base, Side::Absent);
        let below: Vec<_> = compared
            .below
            .iter()
            .map(|folder| {
                (
                    folder.prefix.as_str(),
                    folder.base.is_some(),
                    folder.head.is_some(),
                )
            })
            .collect();
        assert_eq!(
            below,
            [("x/becomes/", true, false), ("x/folder/", true, true)]
        );
    }
}
