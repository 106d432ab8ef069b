//! One GraphQL query for the contents of many files of one or more repositories, and its answer.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::GraphQlError;
use super::{BlobContent, Error, GitFile, Side, WantedFile};
use crate::document::MAX_BYTES;
use crate::git::{BlobId, CommitSha, FileMode, RepoName};
use crate::text::RepoPath;

/// What GitHub listed at a path before: `None` where nobody knows.
pub(super) type ListedBlob = Option<BlobId>;

/// What is requested for one content.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum ContentRequest {
    /// A file's content, which is known not to be a link's.
    Blob(BlobId),
    /// Whatever is at a path.
    Path(CommitSha, RepoPath, ListedBlob),
}

impl ContentRequest {
    pub(super) fn for_file(file: &WantedFile) -> Self {
        match &file.side {
            Side::File {
                mode: Some(_),
                blob,
            } => Self::Blob(blob.clone()),
            Side::File { mode: None, blob } => {
                Self::Path(file.commit.clone(), file.path.clone(), Some(blob.clone()))
            }
            Side::Absent | Side::Unknown => {
                Self::Path(file.commit.clone(), file.path.clone(), None)
            }
        }
    }

    pub(super) fn blob(&self) -> Option<&BlobId> {
        match self {
            Self::Blob(blob) => Some(blob),
            Self::Path(..) => None,
        }
    }
}

/// What is known of one content after a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BatchedContent {
    Content(GitFile),
    /// The answer could not hold it as it is: it has to be read by itself.
    Elsewhere(BlobId),
}

impl BatchedContent {
    /// What to do about the entry of a tree, of which no content is at hand.
    pub(super) fn of_entry(mode: Option<FileMode>, blob: BlobId) -> Self {
        match mode {
            None | Some(FileMode::Submodule) => Self::Content(GitFile::absent()),
            Some(FileMode::Symlink) => Self::Content(GitFile::of(blob, BlobContent::Symlink)),
            Some(FileMode::Regular | FileMode::Executable) => Self::Elsewhere(blob),
        }
    }

    /// What to do about a path at which nothing was found. What was listed there is there all the
    /// same: a path that is not UTF-8 is listed in other letters than its own.
    pub(super) fn of_nothing(listed: &ListedBlob) -> Self {
        match listed {
            Some(blob) => Self::Elsewhere(blob.clone()),
            None => Self::Content(GitFile::absent()),
        }
    }
}

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

const BLOB: &str = " fragment blob on Blob { text isTruncated byteSize }";
const ENTRY: &str = " fragment entry on TreeEntry { mode oid object { ...blob } }";

/// What is requested of one repository.
pub(super) struct RepositoryRequest<'a> {
    pub(super) name: &'a RepoName,
    pub(super) contents: Vec<&'a ContentRequest>,
}

/// A query as it grows. Names, paths and ids are variables only: a path can hold anything.
#[derive(Default)]
struct GraphQlQuery {
    parameters: Vec<String>,
    variables: Map<String, Value>,
    selection: String,
}

impl GraphQlQuery {
    fn add(&mut self, name: String, kind: &str, value: &str) {
        self.parameters.push(format!("${name}: {kind}!"));
        self.variables.insert(name, json!(value));
    }

    /// Adds a repository under the alias of its number.
    fn add_repository(&mut self, number: usize, request: &RepositoryRequest<'_>) {
        self.add(format!("o{number}"), "String", request.name.owner());
        self.add(format!("n{number}"), "String", request.name.name());
        // Writing to a string cannot fail.
        let _ = write!(
            self.selection,
            " {}: repository(owner: $o{number}, name: $n{number}) {{",
            alias(number)
        );
        for (at, commit) in request.commits().into_iter().enumerate() {
            let variable = format!("c{number}_{at}");
            let _ = write!(
                self.selection,
                " c{at}: object(oid: ${variable}) {{ ... on Commit {{"
            );
            self.add(variable, "GitObjectID", commit.as_str());
            for (index, content) in request.contents.iter().enumerate() {
                if let ContentRequest::Path(of, path, _) = content
                    && of == commit
                {
                    let variable = format!("p{number}_{index}");
                    let _ = write!(
                        self.selection,
                        " f{index}: file(path: ${variable}) {{ ...entry }}"
                    );
                    self.add(variable, "String", path.as_str());
                }
            }
            self.selection.push_str(" } }");
        }
        for (index, content) in request.contents.iter().enumerate() {
            if let ContentRequest::Blob(blob) = content {
                let variable = format!("b{number}_{index}");
                let _ = write!(
                    self.selection,
                    " f{index}: object(oid: ${variable}) {{ ...blob }}"
                );
                self.add(variable, "GitObjectID", blob.as_str());
            }
        }
        self.selection.push_str(" }");
    }
}

fn alias(number: usize) -> String {
    format!("r{number}")
}

/// The query for all of the requests, and its variables.
pub(super) fn query(requests: &[RepositoryRequest<'_>]) -> (String, Value) {
    let mut query = GraphQlQuery::default();
    for (number, request) in requests.iter().enumerate() {
        query.add_repository(number, request);
    }
    let is_path = |content: &&ContentRequest| matches!(content, ContentRequest::Path(..));
    let has_paths = |request: &RepositoryRequest<'_>| request.contents.iter().any(is_path);
    // A fragment that nothing uses makes the query invalid.
    let entry = match requests.iter().any(has_paths) {
        true => ENTRY,
        false => "",
    };
    let (parameters, selection) = (query.parameters.join(", "), query.selection);
    let text = format!("query({parameters}) {{{selection} }}{entry}{BLOB}");
    (text, Value::Object(query.variables))
}

impl RepositoryRequest<'_> {
    /// The commits in which paths are looked up, each once.
    fn commits(&self) -> Vec<&CommitSha> {
        let mut commits: Vec<&CommitSha> = Vec::new();
        for content in &self.contents {
            match content {
                ContentRequest::Path(commit, ..) if !commits.contains(&commit) => {
                    commits.push(commit)
                }
                _ => {}
            }
        }
        commits
    }
}

/// The answers to the request of this number, in the order of what it requests.
pub(super) fn answers(
    number: usize,
    request: &RepositoryRequest<'_>,
    data: &mut Value,
    errors: &[GraphQlError],
) -> Result<Vec<BatchedContent>, Error> {
    let alias = alias(number);
    let is_its = |error: &&GraphQlError| error.is_below(&[alias.as_str().into()]);
    let mut its = errors.iter().filter(is_its);
    if let Some(error) = its.find(|error| !error.is_about_a_gap()) {
        return Err(error.clone().into_error());
    }
    let commits = request.commits();
    let mut repository = data[&alias].take();
    let missing = commits
        .iter()
        .enumerate()
        .find(|(at, _)| repository[format!("c{at}")].is_null());
    if let Some((_, commit)) = missing {
        return Err(Error::NoSuchCommit {
            commit: commit.to_string(),
        });
    }
    let answer = |(index, content): (usize, &&ContentRequest)| {
        let field = format!("f{index}");
        match content {
            ContentRequest::Blob(blob) => {
                let object: Option<Blob> = read(repository[field].take())?;
                Ok(object.map_or_else(
                    || BatchedContent::Elsewhere(blob.clone()),
                    |it| it.answer(blob),
                ))
            }
            ContentRequest::Path(commit, _, listed) => {
                let at = commits.iter().position(|one| one == &commit);
                let commit = format!("c{}", at.unwrap_or_default());
                entry(read(repository[commit][field].take())?, listed)
            }
        }
    };
    request.contents.iter().enumerate().map(answer).collect()
}

fn entry(entry: Option<TreeEntry>, listed: &ListedBlob) -> Result<BatchedContent, Error> {
    let Some(TreeEntry { mode, oid, object }) = entry else {
        return Ok(BatchedContent::of_nothing(listed));
    };
    let blob =
        BlobId::parse(&oid).ok_or_else(|| unknown(&format!("`{oid}` is not an object's id")))?;
    let answered = BatchedContent::of_entry(FileMode::from_bits(mode), blob);
    Ok(match (answered, object) {
        (BatchedContent::Elsewhere(blob), Some(object)) => object.answer(&blob),
        (answered, _) => answered,
    })
}

impl Blob {
    fn answer(self, blob: &BlobId) -> BatchedContent {
        match (self.text, self.byte_size) {
            (_, Some(size)) if size > MAX_BYTES => {
                BatchedContent::Content(GitFile::of(blob.clone(), BlobContent::TooLarge))
            }
            (Some(text), Some(size))
                if self.is_truncated != Some(true) && is_exact(&text, size) =>
            {
                BatchedContent::Content(GitFile::of(blob.clone(), BlobContent::Text(text)))
            }
            _ => BatchedContent::Elsewhere(blob.clone()),
        }
    }
}

/// Bytes that are not UTF-8 are replaced on their way, and text may be converted.
fn is_exact(text: &str, byte_size: usize) -> bool {
    text.len() == byte_size && !text.contains(char::REPLACEMENT_CHARACTER)
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, Error> {
    serde_json::from_value(value).map_err(|reason| unknown(&reason))
}

fn unknown(reason: &dyn std::fmt::Display) -> Error {
    Error::UnknownForm {
        path: "a query for files".to_owned(),
        reason: reason.to_string(),
    }
}
