//! Contents of many files, at any revisions, in few requests.

use std::collections::HashMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;

use super::batch::{BatchedContent, ContentRequest};
use super::loader::LoadedContent;
use super::{Error, Repository, Side, Tree, TreeFile};
use crate::document::MAX_BYTES;
use crate::git::checkout::Checkout;
use crate::git::{BlobId, CommitSha, FileMode};
use crate::text::RepoPath;

/// Longer text is cut in GraphQL, in bytes.
const TEXT_LIMIT: u64 = 512_000;
/// Requests under way at the same time.
pub(super) const CONCURRENT_REQUESTS: usize = 4;

/// A file whose content is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedFile {
    /// The revision.
    pub commit: CommitSha,
    /// Where it lies.
    pub path: RepoPath,
    /// What is known of it.
    pub side: Side,
}

/// What a revision has at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlobContent {
    /// No file: nothing at all, a folder, or a submodule.
    Absent,
    /// UTF-8 text.
    Text(String),
    /// Bytes that are not UTF-8.
    Binary,
    /// More than [`MAX_BYTES`]; it was not read.
    TooLarge,
    /// A symbolic link, which is not followed.
    Symlink,
    /// A blob that GitHub does not have: only a replaced commit held it, or it is not known yet.
    Missing,
}

/// A file's content, and the id by which Git knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitFile {
    /// The id; `None` where there is no file.
    pub blob: Option<BlobId>,
    /// What is in the file.
    pub content: BlobContent,
}

impl GitFile {
    pub(super) fn of(blob: BlobId, content: BlobContent) -> Self {
        Self {
            blob: Some(blob),
            content,
        }
    }

    fn missing() -> Self {
        Self {
            blob: None,
            content: BlobContent::Missing,
        }
    }

    pub(super) fn absent() -> Self {
        Self {
            blob: None,
            content: BlobContent::Absent,
        }
    }
}

impl BlobContent {
    fn of(bytes: Vec<u8>) -> Self {
        if bytes.len() > MAX_BYTES {
            return Self::TooLarge;
        }
        String::from_utf8(bytes).map_or(Self::Binary, Self::Text)
    }
}

/// Where an answer comes from.
enum ContentOrigin {
    Here(GitFile),
    /// From GitHub: the index of the request.
    Requested(usize),
}

#[derive(Deserialize)]
struct RawBlob {
    content: String,
}

impl Repository {
    /// Reads every wanted file, in the order given: from the checkout where that holds the same
    /// blob, else up to 100 a request from GitHub. What is known to be absent, a link or too large
    /// costs nothing. Calls whose futures are polled together (`join_all`) share requests, also those of
    /// other repositories of the same [`GitHub`](super::GitHub).
    ///
    /// # Errors
    /// [`Error::NoSuchCommit`] if a revision is gone; others if GitHub does not answer or does not
    /// let the token read.
    pub async fn contents(
        &self,
        wanted: &[WantedFile],
        checkout: Option<&Checkout>,
    ) -> Result<Vec<GitFile>, Error> {
        let (mut requests, mut numbers) = (Vec::new(), HashMap::new());
        let mut number_of = |file: &WantedFile| {
            let request = ContentRequest::for_file(file);
            *numbers.entry(request.clone()).or_insert_with(|| {
                requests.push(request);
                requests.len() - 1
            })
        };
        let origin = |file| match self.without_request(file, checkout) {
            Some(content) => ContentOrigin::Here(content),
            None => ContentOrigin::Requested(number_of(file)),
        };
        let origins: Vec<_> = wanted.iter().map(origin).collect();
        let contents = self.fetch_all(&requests).await?;
        let content = |origin| match origin {
            ContentOrigin::Here(content) => content,
            // One content can be wanted at several paths.
            ContentOrigin::Requested(number) => contents[number].clone(),
        };
        Ok(origins.into_iter().map(content).collect())
    }

    fn without_request(&self, file: &WantedFile, checkout: Option<&Checkout>) -> Option<GitFile> {
        let (mode, blob) = match &file.side {
            Side::Absent => return Some(GitFile::absent()),
            Side::Unknown => return None,
            Side::File { mode, blob } => (*mode, blob),
        };
        match mode {
            Some(FileMode::Symlink) => {
                return Some(GitFile::of(blob.clone(), BlobContent::Symlink));
            }
            Some(FileMode::Submodule) => return Some(GitFile::absent()),
            Some(FileMode::Regular | FileMode::Executable) | None => {}
        }
        let size = self
            .listings
            .size(blob)
            .and_then(|size| usize::try_from(size).ok());
        if size.is_some_and(|size| size > MAX_BYTES) {
            return Some(GitFile::of(blob.clone(), BlobContent::TooLarge));
        }
        let bytes = checkout?.read(&file.path, blob)?;
        Some(GitFile::of(blob.clone(), BlobContent::of(bytes)))
    }

    /// The contents, in the order of the requests.
    async fn fetch_all(&self, requests: &[ContentRequest]) -> Result<Vec<GitFile>, Error> {
        let short = requests.iter().filter(|request| !self.is_long(request));
        let wanted = short
            .map(|request| (request.clone(), self.size(request)))
            .collect();
        let loaded = self.loader.load(&self.api, &self.name, wanted).await;
        let mut loaded = loaded.into_iter();
        let mut trees = HashMap::new();
        let mut in_order = Vec::with_capacity(requests.len());
        for request in requests {
            in_order.push(match request {
                ContentRequest::Blob(blob) if self.is_long(request) => {
                    BatchedContent::Elsewhere(blob.clone())
                }
                _ => match loaded.next() {
                    Some(LoadedContent::Answered(answered)) => answered,
                    Some(LoadedContent::Failed(error)) => return Err(error),
                    Some(LoadedContent::WithoutGraphQl) | None => {
                        self.find_in_trees(request, &mut trees).await?
                    }
                },
            });
        }
        stream::iter(in_order)
            .map(async |answered| match answered {
                BatchedContent::Content(content) => Ok(content),
                BatchedContent::Elsewhere(blob) => self.raw_blob(&blob).await,
            })
            .buffered(CONCURRENT_REQUESTS)
            .try_collect()
            .await
    }

    fn size(&self, request: &ContentRequest) -> u64 {
        let blob = request.blob();
        blob.and_then(|blob| self.listings.size(blob)).unwrap_or(0)
    }

    /// Whether GraphQL is known to cut the text.
    fn is_long(&self, request: &ContentRequest) -> bool {
        self.size(request) > TEXT_LIMIT
    }

    /// Finds a blob where GraphQL cannot be had: by the listing of the whole revision.
    async fn find_in_trees(
        &self,
        request: &ContentRequest,
        trees: &mut HashMap<CommitSha, Tree>,
    ) -> Result<BatchedContent, Error> {
        let (commit, path, listed) = match request {
            ContentRequest::Blob(blob) => return Ok(BatchedContent::Elsewhere(blob.clone())),
            ContentRequest::Path(commit, path, listed) => (commit, path, listed),
        };
        if !trees.contains_key(commit) {
            trees.insert(commit.clone(), self.tree(commit).await?);
        }
        Ok(match trees.get(commit).and_then(|tree| tree.get(path)) {
            Some(TreeFile { mode, blob }) => BatchedContent::of_entry(Some(*mode), blob.clone()),
            None => BatchedContent::of_nothing(listed),
        })
    }

    /// Reads [a blob][docs] byte by byte, by its id: the route that takes a path follows symbolic
    /// links.
    ///
    /// [docs]: https://docs.github.com/en/rest/git/blobs#get-a-blob
    async fn raw_blob(&self, blob: &BlobId) -> Result<GitFile, Error> {
        let path = format!("/git/blobs/{blob}");
        let RawBlob { content } = match self.get(&path).await {
            Ok(raw) => raw,
            Err(Error::NotFound { .. }) => return Ok(GitFile::missing()),
            Err(error) => return Err(error),
        };
        let base64: String = content.split_ascii_whitespace().collect();
        let bytes = BASE64_STANDARD
            .decode(base64)
            .map_err(|reason| Error::UnknownForm {
                path,
                reason: reason.to_string(),
            })?;
        Ok(GitFile::of(blob.clone(), BlobContent::of(bytes)))
    }
}
