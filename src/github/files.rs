//! Contents of many files, at two revisions, in few requests.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures::StreamExt;
use futures::stream;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Error, Repository};
use crate::document::MAX_BYTES;
use crate::git::CommitSha;
use crate::source::RepoPath;

/// Files in one request, each at up to two revisions.
const FILES_A_REQUEST: usize = 50;
/// Requests under way at the same time.
const CONCURRENT_REQUESTS: usize = 4;

const SYMLINK: u32 = 0o120_000;

/// Which contents are wanted: each path at head and, if there is one, at base.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// The older revision.
    pub base: Option<&'a CommitSha>,
    /// The newer revision.
    pub head: &'a CommitSha,
    /// The files.
    pub paths: &'a [RepoPath],
}

/// What a revision has at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlobContent {
    /// No file: nothing at all, a directory, or a submodule.
    Absent,
    /// UTF-8 text.
    Text(String),
    /// Bytes that are not UTF-8.
    Binary,
    /// More than [`MAX_BYTES`]; it was not read.
    TooLarge,
    /// A symbolic link, which is not followed.
    Symlink,
}

/// The contents of one path at both revisions.
pub type BaseAndHead = (BlobContent, BlobContent);

#[derive(Deserialize)]
struct TreeEntry {
    mode: u32,
    oid: String,
    object: Option<Blob>,
}

/// Empty for objects that are no blobs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Blob {
    text: Option<String>,
    is_truncated: Option<bool>,
    byte_size: Option<usize>,
}

#[derive(Deserialize)]
struct RawBlob {
    content: String,
}

impl Repository {
    /// Reads every wanted file at both revisions.
    ///
    /// # Errors
    /// If GitHub does not answer or does not let the token read.
    pub async fn contents(&self, wanted: Wanted<'_>) -> Result<Vec<BaseAndHead>, Error> {
        let batches: Vec<_> = stream::iter(wanted.paths.chunks(FILES_A_REQUEST))
            .map(|paths| {
                self.batch(Wanted {
                    paths,
                    ..wanted.clone()
                })
            })
            .buffered(CONCURRENT_REQUESTS)
            .collect()
            .await;
        let batches: Vec<_> = batches.into_iter().collect::<Result<_, _>>()?;
        Ok(batches.into_iter().flatten().collect())
    }

    async fn batch(&self, wanted: Wanted<'_>) -> Result<Vec<BaseAndHead>, Error> {
        let variables = variables(&self.name, &wanted);
        let mut answer = self.api.graphql(&query(&wanted), &variables).await?;
        let head = revision(&mut answer, "head")?;
        let mut head = head.ok_or_else(|| gone(wanted.head))?;
        let mut base = revision(&mut answer, "base")?.unwrap_or_default();
        let mut contents = Vec::with_capacity(wanted.paths.len());
        for index in 0..wanted.paths.len() {
            let alias = alias(index);
            let before = self.content(base.remove(&alias).flatten()).await?;
            let after = self.content(head.remove(&alias).flatten()).await?;
            contents.push((before, after));
        }
        Ok(contents)
    }

    async fn content(&self, entry: Option<TreeEntry>) -> Result<BlobContent, Error> {
        let Some(TreeEntry { mode, oid, object }) = entry else {
            return Ok(BlobContent::Absent);
        };
        if mode == SYMLINK {
            return Ok(BlobContent::Symlink);
        }
        let Some(Blob {
            text,
            is_truncated,
            byte_size: Some(byte_size),
        }) = object
        else {
            return Ok(BlobContent::Absent);
        };
        match text {
            _ if byte_size > MAX_BYTES => Ok(BlobContent::TooLarge),
            Some(text) if is_truncated != Some(true) && is_exact(&text, byte_size) => {
                Ok(BlobContent::Text(text))
            }
            _ => self.raw_blob(&oid).await,
        }
    }

    /// Reads a blob byte by byte, by its id: the route that takes a path follows symbolic links.
    async fn raw_blob(&self, oid: &str) -> Result<BlobContent, Error> {
        let path = format!("/git/blobs/{oid}");
        let RawBlob { content } = self.get(&path).await?;
        let base64: String = content.split_ascii_whitespace().collect();
        let bytes = BASE64_STANDARD
            .decode(base64)
            .map_err(|reason| Error::UnknownForm {
                path,
                reason: reason.to_string(),
            })?;
        Ok(String::from_utf8(bytes).map_or(BlobContent::Binary, BlobContent::Text))
    }
}

/// Bytes that are not UTF-8 are replaced on their way, and text may be converted.
fn is_exact(text: &str, byte_size: usize) -> bool {
    text.len() == byte_size && !text.contains(char::REPLACEMENT_CHARACTER)
}

/// The entries of one side of the answer; `None` where the commit is not there.
fn revision(
    answer: &mut Value,
    side: &str,
) -> Result<Option<BTreeMap<String, Option<TreeEntry>>>, Error> {
    serde_json::from_value(answer["repository"][side].take()).map_err(|reason| Error::UnknownForm {
        path: "a query for files".to_owned(),
        reason: reason.to_string(),
    })
}

fn gone(commit: &CommitSha) -> Error {
    Error::NotFound {
        path: format!("commit {commit}"),
        message: "it may have been replaced by a force-push".to_owned(),
    }
}

fn alias(index: usize) -> String {
    format!("f{index}")
}

/// The query names files by variables only: a path can hold anything.
fn query(wanted: &Wanted<'_>) -> String {
    let mut parameters = "$owner: String!, $name: String!, $head: GitObjectID!".to_owned();
    let mut files = String::new();
    for index in 0..wanted.paths.len() {
        // Writing to a string cannot fail.
        let _ = write!(parameters, ", $p{index}: String!");
        let _ = write!(
            files,
            " {}: file(path: $p{index}) {{ ...entry }}",
            alias(index)
        );
    }
    let mut sides = "head: object(oid: $head) { ...files }".to_owned();
    if wanted.base.is_some() {
        parameters.push_str(", $base: GitObjectID!");
        sides.push_str(" base: object(oid: $base) { ...files }");
    }
    format!(
        "query({parameters}) {{ repository(owner: $owner, name: $name) {{ {sides} }} }} \
         fragment files on Commit {{{files} }} \
         fragment entry on TreeEntry {{ mode oid object {{ ... on Blob {{ text isTruncated byteSize }} }} }}"
    )
}

fn variables(name: &crate::git::RepoName, wanted: &Wanted<'_>) -> Value {
    let mut variables = json!({
        "owner": name.owner(),
        "name": name.name(),
        "head": wanted.head.as_str(),
    });
    if let Some(base) = wanted.base {
        variables["base"] = json!(base.as_str());
    }
    for (index, path) in wanted.paths.iter().enumerate() {
        variables[format!("p{index}")] = json!(path.as_str());
    }
    variables
}
