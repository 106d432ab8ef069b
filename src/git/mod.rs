//! Git's own terms, as types that cannot be mixed up.

pub mod checkout;

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whether this is the whole id of an object: SHA-1 or SHA-256.
fn is_full_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether `text` is not a file's content but a Git LFS [pointer] to it, as Git itself holds it.
///
/// [pointer]: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
pub fn is_lfs_pointer(text: &str) -> bool {
    // The second is the name of a version before the first release.
    const VERSIONS: [&str; 2] = [
        "version https://git-lfs.github.com/spec/",
        "version https://hawser.github.com/spec/",
    ];
    const LONGEST: usize = 1024;
    let has_line = |key: &str| text.lines().any(|line| line.starts_with(key));
    text.len() < LONGEST
        && VERSIONS.iter().any(|version| text.starts_with(version))
        && has_line("oid ")
        && has_line("size ")
}

/// Bytes in hexadecimal digits, as Git writes ids.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A text is not the whole id of an object.
#[derive(Debug, thiserror::Error)]
#[error("an object's id has 40 or 64 hexadecimal digits")]
pub struct IncompleteId;

/// A commit's id: 40 hexadecimal digits, or 64 in a SHA-256 repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct CommitSha(String);

impl CommitSha {
    /// Takes a full id; anything else is `None`, an abbreviated id too.
    pub fn parse(text: &str) -> Option<Self> {
        is_full_id(text).then(|| Self(text.to_ascii_lowercase()))
    }

    /// Whether this is the id of all zeros by which events say "no commit".
    pub fn is_zero(&self) -> bool {
        self.0.bytes().all(|byte| byte == b'0')
    }

    /// The full id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first seven digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..7]
    }
}

impl TryFrom<String> for CommitSha {
    type Error = IncompleteId;

    fn try_from(text: String) -> Result<Self, IncompleteId> {
        Self::parse(&text).ok_or(IncompleteId)
    }
}

impl fmt::Display for CommitSha {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The id of a file's content: 40 hexadecimal digits, or 64 in a SHA-256 repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct BlobId(String);

impl BlobId {
    /// Takes a full id; anything else is `None`, an abbreviated id too.
    pub fn parse(text: &str) -> Option<Self> {
        is_full_id(text).then(|| Self(text.to_ascii_lowercase()))
    }

    /// The full id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for BlobId {
    type Error = IncompleteId;

    fn try_from(text: String) -> Result<Self, IncompleteId> {
        Self::parse(&text).ok_or(IncompleteId)
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What a tree says that an entry is, folders apart. See [the modes of a tree][docs].
///
/// [docs]: https://docs.github.com/en/rest/git/trees#create-a-tree
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileMode {
    /// A file: 100644, and what very old versions of Git wrote for it.
    Regular,
    /// A file that can be executed: 100755.
    Executable,
    /// A symbolic link, whose content is where it points to: 120000.
    Symlink,
    /// A commit of another repository: 160000.
    Submodule,
}

impl FileMode {
    /// The meaning of a mode's number; `None` for a folder and for what Git does not know.
    pub fn from_bits(bits: u32) -> Option<Self> {
        match bits & 0o170_000 {
            0o100_000 if bits & 0o100 == 0 => Some(Self::Regular),
            0o100_000 => Some(Self::Executable),
            0o120_000 => Some(Self::Symlink),
            0o160_000 => Some(Self::Submodule),
            _ => None,
        }
    }

    /// The same for a number in octal digits.
    pub fn parse(octal: &str) -> Option<Self> {
        Self::from_bits(u32::from_str_radix(octal, 8).ok()?)
    }
}

/// A branch's name, without `refs/heads/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchName(String);

impl BranchName {
    /// The branch that a full ref names; `None` for tags and everything else.
    pub fn from_ref(full_ref: &str) -> Option<Self> {
        full_ref.strip_prefix("refs/heads/").map(Self::new)
    }

    /// The branch named `name`.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A repository's full name: `owner/name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoName {
    owner: String,
    name: String,
}

impl RepoName {
    /// Takes `owner/name`, both of letters, digits, `-`, `_` and `.` as GitHub allows them;
    /// anything else is `None`.
    pub fn parse(full_name: &str) -> Option<Self> {
        let (owner, name) = full_name.split_once('/')?;
        let is_plain = |part: &str| {
            !matches!(part, "" | "." | "..")
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        (is_plain(owner) && is_plain(name)).then(|| Self {
            owner: owner.to_owned(),
            name: name.to_owned(),
        })
    }

    /// The user or organisation.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The repository's own name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for RepoName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.owner, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_full_commit_ids_parse() {
        let sha = CommitSha::parse(&"aB".repeat(20)).unwrap();
        assert_eq!(sha.short(), "abababa");
        assert!(CommitSha::parse(&"0".repeat(64)).unwrap().is_zero());
        for bad in ["", "main", "abc123", &"g".repeat(40), &"a".repeat(41)] {
            assert_eq!(CommitSha::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn modes_are_known_by_their_kind() {
        let modes = ["100644", "100664", "100755", "120000", "160000"].map(FileMode::parse);
        let known = [
            FileMode::Regular,
            FileMode::Regular,
            FileMode::Executable,
            FileMode::Symlink,
            FileMode::Submodule,
        ];
        assert_eq!(modes, known.map(Some));
        assert_eq!(["040000", "", "x"].map(FileMode::parse), [None; 3]);
    }

    #[test]
    fn only_branches_are_branches() {
        assert_eq!(
            BranchName::from_ref("refs/heads/a/b").unwrap().as_str(),
            "a/b"
        );
        assert_eq!(BranchName::from_ref("refs/tags/v1"), None);
    }

    #[test]
    fn repository_names_hold_nothing_that_needs_escaping() {
        assert_eq!(
            RepoName::parse("octo-org/.github").unwrap().name(),
            ".github"
        );
        for bad in ["", "octo", "octo/", "/x", "a/b/c", "a/b c", "a/..", "a/b?c"] {
            assert_eq!(RepoName::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_pointer_is_no_content() {
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
        assert!(is_lfs_pointer(pointer));
        let extended = "version https://git-lfs.github.com/spec/v1\next-0-x sha256:1\noid sha256:4d7a\nsize 1\n";
        assert!(is_lfs_pointer(extended));
        assert!(is_lfs_pointer(&pointer.replace('\n', "\r\n")));
        for text in [
            "",
            "version https://git-lfs.github.com/spec/v1\n",
            &format!("# {pointer}"),
            &format!("{pointer}{}", "x".repeat(1024)),
        ] {
            assert!(!is_lfs_pointer(text), "{text}");
        }
    }
}
