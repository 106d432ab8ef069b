//! Contents of many files, at any revisions, in few requests.

use std::collections::HashMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;

use super::batch::{self, Answered, Ask};
use super::{Error, Repository, Side, Tree, TreeFile};
use crate::document::MAX_BYTES;
use crate::git::checkout::Checkout;
use crate::git::{BlobId, CommitSha, FileMode};
use crate::text::RepoPath;

/// Files in one query.
const FILES_A_QUERY: usize = 100;
/// How much content one query requests, in bytes, as far as sizes are known: GitHub gives up on
/// what takes it more than ten seconds.
const BYTES_A_QUERY: u64 = 2 * 1024 * 1024;
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
pub struct Content {
    /// The id; `None` where there is no file.
    pub blob: Option<BlobId>,
    /// What is in the file.
    pub content: BlobContent,
}

impl Content {
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
enum Place {
    Here(Content),
    /// From GitHub: the index of the request.
    Asked(usize),
}

#[derive(Deserialize)]
struct RawBlob {
    content: String,
}

impl Repository {
    /// Reads every wanted file, in the order given: from the checkout where that holds the very
    /// blob, else up to 100 a request from GitHub. What is known to be absent, a link or too large
    /// costs nothing.
    ///
    /// # Errors
    /// [`Error::NoSuchCommit`] if a revision is gone; others if GitHub does not answer or does not
    /// let the token read.
    pub async fn contents(
        &self,
        wanted: &[WantedFile],
        checkout: Option<&Checkout>,
    ) -> Result<Vec<Content>, Error> {
        let (mut asks, mut numbers) = (Vec::new(), HashMap::new());
        let mut ask = |file: &WantedFile| {
            let ask = Ask::for_file(file);
            *numbers.entry(ask.clone()).or_insert_with(|| {
                asks.push(ask);
                asks.len() - 1
            })
        };
        let place = |file| match self.without_request(file, checkout) {
            Some(content) => Place::Here(content),
            None => Place::Asked(ask(file)),
        };
        let places: Vec<_> = wanted.iter().map(place).collect();
        let contents = self.ask_all(&asks).await?;
        let content = |place| match place {
            Place::Here(content) => content,
            // One content can be wanted at several paths.
            Place::Asked(number) => contents[number].clone(),
        };
        Ok(places.into_iter().map(content).collect())
    }

    fn without_request(&self, file: &WantedFile, checkout: Option<&Checkout>) -> Option<Content> {
        let (mode, blob) = match &file.side {
            Side::Absent => return Some(Content::absent()),
            Side::Unknown => return None,
            Side::File { mode, blob } => (*mode, blob),
        };
        match mode {
            Some(FileMode::Symlink) => {
                return Some(Content::of(blob.clone(), BlobContent::Symlink));
            }
            Some(FileMode::Submodule) => return Some(Content::absent()),
            Some(FileMode::Regular | FileMode::Executable) | None => {}
        }
        let size = self
            .listings
            .size(blob)
            .and_then(|size| usize::try_from(size).ok());
        if size.is_some_and(|size| size > MAX_BYTES) {
            return Some(Content::of(blob.clone(), BlobContent::TooLarge));
        }
        let bytes = checkout?.read(&file.path, blob)?;
        Some(Content::of(blob.clone(), BlobContent::of(bytes)))
    }

    /// The contents, in the order of the questions.
    async fn ask_all(&self, asks: &[Ask]) -> Result<Vec<Content>, Error> {
        let short: Vec<Ask> = asks
            .iter()
            .filter(|ask| !self.is_long(ask))
            .cloned()
            .collect();
        let answered: Vec<Vec<Answered>> = stream::iter(self.batches(&short))
            .map(|batch| self.ask_in_parts(batch))
            .buffered(CONCURRENT_REQUESTS)
            .try_collect()
            .await?;
        let mut answered = answered.into_iter().flatten();
        let in_order = asks.iter().filter_map(|ask| match ask {
            Ask::Blob(blob) if self.is_long(ask) => Some(Answered::Elsewhere(blob.clone())),
            _ => answered.next(),
        });
        let in_order: Vec<_> = in_order.collect();
        stream::iter(in_order)
            .map(async |answered| match answered {
                Answered::Content(content) => Ok(content),
                Answered::Elsewhere(blob) => self.raw_blob(&blob).await,
            })
            .buffered(CONCURRENT_REQUESTS)
            .try_collect()
            .await
    }

    fn size(&self, ask: &Ask) -> u64 {
        let blob = ask.blob();
        blob.and_then(|blob| self.listings.size(blob)).unwrap_or(0)
    }

    /// Whether GraphQL is known to cut the text.
    fn is_long(&self, ask: &Ask) -> bool {
        self.size(ask) > TEXT_LIMIT
    }

    /// Cuts a list where a query would request too many files, or for too many bytes.
    fn batches<'a>(&self, mut asks: &'a [Ask]) -> Vec<&'a [Ask]> {
        let mut batches = Vec::new();
        while !asks.is_empty() {
            let mut bytes = 0;
            let fits = |ask: &&Ask| {
                bytes += self.size(ask);
                bytes <= BYTES_A_QUERY
            };
            let count = asks.iter().take(FILES_A_QUERY).take_while(fits).count();
            let (batch, rest) = asks.split_at(count.max(1));
            batches.push(batch);
            asks = rest;
        }
        batches
    }

    /// Requests half as much again, as long as GitHub says that it is too much. Where a single file is
    /// too much, GraphQL is of no use just now, and the others are requested without it; also where it
    /// does not show a commit, which need not be gone: it may be one that no branch and no tag reaches.
    async fn ask_in_parts(&self, asks: &[Ask]) -> Result<Vec<Answered>, Error> {
        let mut answered = Vec::with_capacity(asks.len());
        let mut parts = vec![asks];
        while let Some(part) = parts.pop() {
            match self.ask(part).await {
                Ok(answers) => answered.extend(answers),
                Err(Error::QueryTooHeavy(_)) if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                Err(
                    error @ (Error::QueryTooHeavy(_)
                    | Error::Forbidden { .. }
                    | Error::NoSuchCommit { .. }),
                ) => {
                    let rest = &asks[answered.len()..];
                    tracing::debug!("without GraphQL ({error}): {} files", rest.len());
                    answered.extend(self.find_in_trees(rest).await?);
                    parts.clear();
                }
                Err(error) => return Err(error),
            }
        }
        Ok(answered)
    }

    async fn ask(&self, asks: &[Ask]) -> Result<Vec<Answered>, Error> {
        let (query, variables) = batch::question(&self.name, asks);
        let data = self.api.graphql(&query, &variables).await?;
        batch::answers(asks, data)
    }

    /// Finds blobs where GraphQL cannot be had: by the listing of the whole revision.
    async fn find_in_trees(&self, asks: &[Ask]) -> Result<Vec<Answered>, Error> {
        let mut trees: HashMap<&CommitSha, Tree> = HashMap::new();
        let mut answered = Vec::with_capacity(asks.len());
        for ask in asks {
            answered.push(match ask {
                Ask::Blob(blob) => Answered::Elsewhere(blob.clone()),
                Ask::Path(commit, path, listed) => {
                    if !trees.contains_key(commit) {
                        trees.insert(commit, self.tree(commit).await?);
                    }
                    match trees.get(commit).and_then(|tree| tree.get(path)) {
                        Some(TreeFile { mode, blob }) => {
                            Answered::of_entry(Some(*mode), blob.clone())
                        }
                        None => Answered::of_nothing(listed),
                    }
                }
            });
        }
        Ok(answered)
    }

    /// Reads [a blob][docs] byte by byte, by its id: the route that takes a path follows symbolic
    /// links.
    ///
    /// [docs]: https://docs.github.com/en/rest/git/blobs#get-a-blob
    async fn raw_blob(&self, blob: &BlobId) -> Result<Content, Error> {
        let path = format!("/git/blobs/{blob}");
        let RawBlob { content } = match self.get(&path).await {
            Ok(raw) => raw,
            Err(Error::NotFound { .. }) => return Ok(Content::missing()),
            Err(error) => return Err(error),
        };
        let base64: String = content.split_ascii_whitespace().collect();
        let bytes = BASE64_STANDARD
            .decode(base64)
            .map_err(|reason| Error::UnknownForm {
                path,
                reason: reason.to_string(),
            })?;
        Ok(Content::of(blob.clone(), BlobContent::of(bytes)))
    }
}
