//! Contents that several callers want at the same time, in common queries.
//!
//! The callers need not know of each other: whoever finds nothing waiting lets the others add what they
//! want, and sends it for all.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::{StreamExt, stream};
use tokio::sync::oneshot;

use super::Error;
use super::api::Api;
use super::batch::{self, BatchedContent, ContentRequest};
use super::files::CONCURRENT_REQUESTS;
use crate::git::RepoName;
use crate::http::retry::Reserve;

/// Files in one query.
const FILES_A_QUERY: usize = 100;
/// How much content one query requests, in bytes, as far as sizes are known: GitHub gives up on
/// what takes it more than ten seconds.
const BYTES_A_QUERY: u64 = 2 * 1024 * 1024;
/// How often the others are let go first. Whoever wants something at the same time wants it by then.
const YIELDS: usize = 3;

/// What is wanted of one repository, and how many bytes each is where that is known.
pub(super) type SizedRequests = Vec<(ContentRequest, u64)>;

/// What became of one content.
#[derive(Debug, Clone)]
pub(super) enum LoadedContent {
    Answered(BatchedContent),
    /// GraphQL is of no use for it.
    WithoutGraphQl,
    Failed(Error),
}

/// Collects what is wanted.
#[derive(Debug, Default)]
pub(super) struct Loader {
    /// As long as there is one, somebody is about to send them.
    jobs: Mutex<Vec<QueuedRepository>>,
    /// One round of queries at a time, so that what comes meanwhile is collected too.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct QueuedRepository {
    name: RepoName,
    wanted: SizedRequests,
    answer: oneshot::Sender<Vec<LoadedContent>>,
}

/// One content of a round.
struct QueuedContent<'j> {
    job: usize,
    name: &'j RepoName,
    content: &'j ContentRequest,
    size: u64,
    /// Its index in what the job wants.
    at: usize,
}

/// Lets the others collect anew if the one who would have sent for them is dropped.
struct Collecting<'l>(&'l Loader);

impl Drop for Collecting<'_> {
    fn drop(&mut self) {
        self.0.jobs().clear();
    }
}

impl Loader {
    /// What became of each content, in the order of `wanted`. It waits for those who want something at
    /// the same time, if their futures are polled beside this one.
    pub(super) async fn load(
        &self,
        api: &Api,
        name: &RepoName,
        wanted: SizedRequests,
    ) -> Vec<LoadedContent> {
        if wanted.is_empty() {
            return Vec::new();
        }
        loop {
            let (answer, answered) = oneshot::channel();
            let is_first = self.add(QueuedRepository {
                name: name.clone(),
                wanted: wanted.clone(),
                answer,
            });
            if is_first {
                self.send(api).await;
            }
            // Who sent for this one may have been dropped before the answer came.
            if let Ok(loaded) = answered.await {
                return loaded;
            }
        }
    }

    /// Whether nobody is about to send yet.
    fn add(&self, job: QueuedRepository) -> bool {
        let mut jobs = self.jobs();
        jobs.push(job);
        jobs.len() == 1
    }

    fn jobs(&self) -> MutexGuard<'_, Vec<QueuedRepository>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(&self, api: &Api) {
        let collecting = Collecting(self);
        for _ in 0..YIELDS {
            tokio::task::yield_now().await;
        }
        let _turn = self.turn.lock().await;
        let jobs = std::mem::take(&mut *self.jobs());
        // Whoever comes from now on sends in the next round.
        std::mem::forget(collecting);
        let loaded = round(api, &jobs).await;
        for (job, loaded) in jobs.into_iter().zip(loaded) {
            // Whoever does not want it any more is gone.
            let _ = job.answer.send(loaded);
        }
    }
}

/// What became of each content that the jobs want.
async fn round(api: &Api, jobs: &[QueuedRepository]) -> Vec<Vec<LoadedContent>> {
    let items = jobs.iter().enumerate().flat_map(|(index, job)| {
        let wanted = job.wanted.iter().enumerate();
        wanted.map(move |(at, (content, size))| QueuedContent {
            job: index,
            name: &job.name,
            content,
            size: *size,
            at,
        })
    });
    let items: Vec<_> = items.collect();
    let mut loaded: Vec<Vec<_>> = jobs
        .iter()
        .map(|job| vec![None; job.wanted.len()])
        .collect();
    let mut failure = None;
    let mut batches = stream::iter(batches(&items))
        .map(|batch| load_in_parts(api, batch))
        .buffered(CONCURRENT_REQUESTS);
    while let Some(batch) = batches.next().await {
        match batch {
            Ok(batch) => {
                for (item, one) in batch {
                    loaded[item.job][item.at] = Some(one);
                }
            }
            // What fails a whole query would fail the others too.
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
    }
    let missing = || Error::GraphQl("an answer is missing".to_owned());
    let failed = || LoadedContent::Failed(failure.clone().unwrap_or_else(missing));
    let of_job = |loaded: Vec<Option<LoadedContent>>| {
        let loaded = loaded.into_iter();
        loaded.map(|one| one.unwrap_or_else(failed)).collect()
    };
    loaded.into_iter().map(of_job).collect()
}

/// Cuts a list where a query would request too many files, or for too many bytes.
fn batches<'i, 'j>(mut items: &'i [QueuedContent<'j>]) -> Vec<&'i [QueuedContent<'j>]> {
    let mut batches = Vec::new();
    while !items.is_empty() {
        let mut bytes = 0;
        let fits = |item: &&QueuedContent<'_>| {
            bytes += item.size;
            bytes <= BYTES_A_QUERY
        };
        let count = items.iter().take(FILES_A_QUERY).take_while(fits).count();
        let (batch, others) = items.split_at(count.max(1));
        batches.push(batch);
        items = others;
    }
    batches
}

type Outcomes<'i, 'j> = Vec<(&'i QueuedContent<'j>, LoadedContent)>;

/// Requests half as much again, as long as GitHub says that it is too much. Where a single file is too
/// much, GraphQL is of no use for its repository just now; where the endpoint refuses, for none.
async fn load_in_parts<'i, 'j>(
    api: &Api,
    batch: &'i [QueuedContent<'j>],
) -> Result<Outcomes<'i, 'j>, Error> {
    let mut outcomes = Vec::with_capacity(batch.len());
    let mut parts = VecDeque::from([batch.iter().collect::<Vec<_>>()]);
    while let Some(mut part) = parts.pop_front() {
        let useless: Option<&RepoName> = match load_at_once(api, &part).await {
            Ok(loaded) => {
                outcomes.extend(loaded);
                continue;
            }
            Err(Error::QueryTooHeavy(_)) if part.len() > 1 => {
                let second = part.split_off(part.len() / 2);
                parts.push_front(second);
                parts.push_front(part);
                continue;
            }
            Err(Error::QueryTooHeavy(_)) => part.first().map(|item| item.name),
            Err(Error::Forbidden { .. }) => None,
            Err(error) => return Err(error),
        };
        parts.push_front(part);
        for part in &mut parts {
            part.retain(|item| {
                let is_left = useless.is_some_and(|name| item.name != name);
                if !is_left {
                    outcomes.push((*item, LoadedContent::WithoutGraphQl));
                }
                is_left
            });
        }
        parts.retain(|part| !part.is_empty());
    }
    Ok(outcomes)
}

async fn load_at_once<'i, 'j>(
    api: &Api,
    items: &[&'i QueuedContent<'j>],
) -> Result<Outcomes<'i, 'j>, Error> {
    let mut groups: Vec<(&RepoName, Vec<&'i QueuedContent<'j>>)> = Vec::new();
    for item in items {
        match groups.iter_mut().find(|(name, _)| *name == item.name) {
            Some((_, group)) => group.push(item),
            None => groups.push((item.name, vec![item])),
        }
    }
    let requests = groups.iter().map(|(name, items)| batch::RepositoryRequest {
        name,
        contents: items.iter().map(|item| item.content).collect(),
    });
    let requests: Vec<_> = requests.collect();
    let (query, variables) = batch::query(&requests);
    let (mut data, errors) = api.graphql(&query, &variables, Reserve::Keep).await?;
    let mut outcomes = Vec::with_capacity(items.len());
    for (index, ((_, items), request)) in groups.into_iter().zip(&requests).enumerate() {
        let loaded = match batch::answers(index, request, &mut data, &errors) {
            Ok(answers) => answers.into_iter().map(LoadedContent::Answered).collect(),
            // It may be a commit that no branch and no tag reaches, which GraphQL need not show. What is
            // refused here is refused there too, in words that say more.
            Err(Error::NoSuchCommit { .. } | Error::Forbidden { .. }) => {
                vec![LoadedContent::WithoutGraphQl; items.len()]
            }
            Err(error) => vec![LoadedContent::Failed(error); items.len()],
        };
        outcomes.extend(items.into_iter().zip(loaded));
    }
    Ok(outcomes)
}
