//! What was applied, kept as commit statuses.
//!
//! GitHub keeps every status that was ever set, [at most 1,000][limit] of one context on one commit;
//! what counts is the newest.
//!
//! [limit]: https://docs.github.com/en/rest/commits/statuses#create-a-commit-status

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::api::OnTimeout;
use super::{Error, Repository};
use crate::git::{BranchName, CommitSha};

/// GitHub takes no longer descriptions, in characters.
const LONGEST_DESCRIPTION: usize = 140;
/// The most commits that GitHub gives at once.
const COMMITS_A_PAGE: usize = 100;
/// How many it is asked for when these took it too long.
const COMMITS_A_SMALL_PAGE: usize = 25;
/// The most statuses that GitHub lists at once.
const STATUSES_A_PAGE: usize = 100;

/// How a status stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusState {
    /// Begun, and not known to have ended.
    #[serde(alias = "PENDING", alias = "EXPECTED")]
    Pending,
    /// All is as it should be.
    #[serde(alias = "SUCCESS")]
    Success,
    /// Something is not.
    #[serde(alias = "FAILURE")]
    Failure,
    /// It could not be found out.
    #[serde(alias = "ERROR")]
    Error,
}

/// A status as it is on a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedStatus {
    /// How it stands.
    pub state: StatusState,
    /// Its text; empty if it has none.
    pub description: String,
    /// When it was set: RFC 3339, in UTC, as GitHub writes it.
    pub created_at: String,
}

/// A status and what tells it from all others, which only REST says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedStatus {
    /// GitHub's number for it.
    pub id: u64,
    /// The status.
    pub status: RecordedStatus,
    /// The run that it leads to.
    pub target_url: Option<String>,
}

impl ListedStatus {
    /// Whether it is this very status, or what became of setting it once more because the answer was
    /// lost.
    pub fn is_same_word(&self, other: &Self) -> bool {
        let words = |listed: &Self| {
            let status = &listed.status;
            let url = listed.target_url.clone()?;
            Some((status.state, status.description.clone(), url))
        };
        self.id == other.id || words(self).is_some() && words(self) == words(other)
    }
}

/// A status to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewStatus<'a> {
    /// How it stands.
    pub state: StatusState,
    /// What tells it from others on the same commit.
    pub context: &'a str,
    /// A text for people; what is longer than GitHub's 140 characters is cut.
    pub description: &'a str,
    /// Where there is more to read.
    pub target_url: Option<&'a str>,
}

/// A commit in some history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The commit.
    pub commit: CommitSha,
    /// Its newest status of the context that was asked for.
    pub status: Option<RecordedStatus>,
}

/// Where a history goes on; GitHub's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(String);

/// A part of a history, newest first: 100 commits, or fewer where GitHub finds that too much.
///
/// The order is that of `git log`: by date, and with merges the commits of several lines are mixed.
/// No commit stands before its children unless their dates say so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryPage {
    /// The commits.
    pub entries: Vec<HistoryEntry>,
    /// Where the older ones are, if there are any.
    pub older: Option<Cursor>,
}

/// Which history is asked for.
#[derive(Debug, Clone, Copy)]
pub struct HistoryQuery<'a> {
    /// The branch whose tip is wanted.
    pub branch: &'a BranchName,
    /// Whose history is wanted.
    pub head: &'a CommitSha,
    /// Whose history is wanted beside it.
    pub before: Option<&'a CommitSha>,
    /// The context of the statuses.
    pub context: &'a str,
}

/// The newest commits up to head, with what is recorded on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The branch's tip; `None` if there is no such branch.
    pub tip: Option<CommitSha>,
    /// Head and what came before it.
    pub head: HistoryPage,
    /// The other commit and what came before it; empty if none was asked for or it is gone.
    pub before: Vec<HistoryEntry>,
}

#[derive(Deserialize)]
struct Answer {
    repository: AnsweredRepository,
}

#[derive(Deserialize)]
struct AnsweredRepository {
    branch: Option<Reference>,
    head: Option<AnsweredCommit>,
    before: Option<AnsweredCommit>,
}

#[derive(Deserialize)]
struct Reference {
    target: Option<Object>,
}

#[derive(Deserialize)]
struct Object {
    oid: String,
}

/// Empty for an object that is no commit.
#[derive(Deserialize)]
struct AnsweredCommit {
    history: Option<Connection>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Connection {
    nodes: Option<Vec<Option<Node>>>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Node {
    oid: String,
    status: Option<Contexts>,
}

#[derive(Deserialize)]
struct Contexts {
    context: Option<AnsweredStatus>,
}

#[derive(Deserialize)]
struct AnsweredStatus {
    state: StatusState,
    description: Option<String>,
    /// `created_at` in REST, `createdAt` in GraphQL.
    #[serde(alias = "createdAt")]
    created_at: String,
}

/// A status as REST has it.
#[derive(Deserialize)]
struct NumberedStatus {
    id: u64,
    context: String,
    target_url: Option<String>,
    #[serde(flatten)]
    status: AnsweredStatus,
}

impl Repository {
    /// Asks, in one request, for the branch's tip, for the 100 newest commits up to head and, if
    /// wanted, up to another commit, each with its newest status. See [`Commit.history`][docs].
    /// Where GitHub does not manage that, it is asked for 25.
    ///
    /// [docs]: https://docs.github.com/en/graphql/reference/objects#commit
    ///
    /// # Errors
    /// [`Error::NoSuchCommit`] if head is not there; [`Error::Forbidden`] if the token may not read
    /// statuses, or GraphQL is not allowed; others if GitHub does not answer.
    pub async fn history(&self, ask: HistoryQuery<'_>) -> Result<History, Error> {
        let HistoryQuery {
            branch,
            head,
            before,
            context,
        } = ask;
        let mut variables = json!({
            "owner": self.name.owner(),
            "name": self.name.name(),
            "branch": format!("refs/heads/{branch}"),
            "head": head.as_str(),
            "context": context,
        });
        let (mut parameter, mut selection) = ("", "");
        if let Some(before) = before {
            variables["before"] = json!(before.as_str());
            parameter = ", $before: GitObjectID!";
            selection = "before: object(oid: $before) { ...past }";
        }
        let query = format!(
            "query($owner: String!, $name: String!, $branch: String!, $head: GitObjectID!, \
             $context: String!, $first: Int!{parameter}) {{ repository(owner: $owner, name: $name) {{ \
             branch: ref(qualifiedName: $branch) {{ target {{ oid }} }} \
             head: object(oid: $head) {{ ...past }} {selection} }} }} \
             fragment past on Commit {{ history(first: $first) {{ {CONNECTION} }} }}"
        );
        let answer = self.ask_history(&query, variables).await?;
        let tip = answer.branch.and_then(|branch| branch.target);
        Ok(History {
            tip: tip.map(|tip| commit(&tip.oid)).transpose()?,
            head: page(answer.head)?.ok_or_else(|| gone(head))?,
            before: page(answer.before)?.map_or_else(Vec::new, |page| page.entries),
        })
    }

    /// Asks for the next 100 commits of head's history.
    ///
    /// # Errors
    /// As [`Self::history`].
    pub async fn older(
        &self,
        head: &CommitSha,
        context: &str,
        cursor: &Cursor,
    ) -> Result<HistoryPage, Error> {
        let variables = json!({
            "owner": self.name.owner(),
            "name": self.name.name(),
            "head": head.as_str(),
            "context": context,
            "cursor": cursor.0,
        });
        let query = format!(
            "query($owner: String!, $name: String!, $head: GitObjectID!, $context: String!, \
             $first: Int!, $cursor: String!) {{ repository(owner: $owner, name: $name) {{ \
             head: object(oid: $head) {{ ...past }} }} }} \
             fragment past on Commit {{ history(first: $first, after: $cursor) {{ {CONNECTION} }} }}"
        );
        let answer = self.ask_history(&query, variables).await?;
        page(answer.head)?.ok_or_else(|| gone(head))
    }

    async fn ask_history(
        &self,
        query: &str,
        mut variables: serde_json::Value,
    ) -> Result<AnsweredRepository, Error> {
        variables["first"] = json!(COMMITS_A_PAGE);
        let data = match self.api.graphql(query, &variables, OnTimeout::Report).await {
            Err(Error::QueryTooHeavy(_)) => {
                variables["first"] = json!(COMMITS_A_SMALL_PAGE);
                self.api
                    .graphql(query, &variables, OnTimeout::TryAgain)
                    .await?
            }
            result => result?,
        };
        let answer: Answer = serde_json::from_value(data).map_err(|reason| unknown(&reason))?;
        Ok(answer.repository)
    }

    /// Reads all statuses of one context on a commit, newest first. See [the list of statuses][docs].
    ///
    /// [docs]: https://docs.github.com/en/rest/commits/statuses#list-commit-statuses-for-a-reference
    ///
    /// # Errors
    /// [`Error::NoSuchCommit`] if the commit is not there; [`Error::Forbidden`] if the token may not
    /// read statuses; others if GitHub does not answer.
    pub async fn statuses(
        &self,
        commit: &CommitSha,
        context: &str,
    ) -> Result<Vec<ListedStatus>, Error> {
        self.statuses_until(commit, context, |_| false).await
    }

    /// Reads the statuses that are newer than one that is known, or all of them where none is.
    ///
    /// # Errors
    /// As [`Self::statuses`].
    pub async fn statuses_since(
        &self,
        commit: &CommitSha,
        context: &str,
        known: Option<&RecordedStatus>,
    ) -> Result<Vec<ListedStatus>, Error> {
        let is_known = |listed: &ListedStatus| Some(&listed.status) == known;
        let mut found = self.statuses_until(commit, context, is_known).await?;
        if let Some(place) = found.iter().position(is_known) {
            found.truncate(place);
        }
        Ok(found)
    }

    /// Reads page after page until one has a status that `is_last`.
    async fn statuses_until(
        &self,
        commit: &CommitSha,
        context: &str,
        is_last: impl Fn(&ListedStatus) -> bool,
    ) -> Result<Vec<ListedStatus>, Error> {
        let mut found = Vec::new();
        for number in 1.. {
            let path =
                format!("/commits/{commit}/statuses?per_page={STATUSES_A_PAGE}&page={number}");
            let page: Vec<NumberedStatus> = self
                .get(&path)
                .await
                .map_err(|error| error.about_commit(commit.as_str()))?;
            let is_last_page = page.len() < STATUSES_A_PAGE;
            // GitHub compares contexts without regard to case.
            let of_context = page
                .into_iter()
                .filter(|listed| listed.context.eq_ignore_ascii_case(context));
            found.extend(of_context.map(ListedStatus::from));
            if is_last_page || found.iter().any(&is_last) {
                break;
            }
        }
        Ok(found)
    }

    /// Sets a status and gives it as GitHub then has it. See [the page][docs].
    ///
    /// [docs]: https://docs.github.com/en/rest/commits/statuses#create-a-commit-status
    ///
    /// # Errors
    /// [`Error::NoSuchCommit`] if the commit is not there; [`Error::Forbidden`] if the token may not
    /// write statuses; [`Error::StatusesFull`] if it has too many already; others if GitHub does not
    /// answer or does not take it.
    pub async fn set_status(
        &self,
        commit: &CommitSha,
        status: &NewStatus<'_>,
    ) -> Result<ListedStatus, Error> {
        let mut body = json!({
            "state": status.state,
            "context": status.context,
            "description": shortened(status.description),
        });
        if let Some(url) = status.target_url {
            body["target_url"] = json!(url);
        }
        let path = format!("/statuses/{commit}");
        let set: Result<NumberedStatus, Error> = self.post(&path, &body).await;
        match set {
            Ok(status) => Ok(status.into()),
            // Of a commit GitHub says 422: a 404 hides the repository from who may not write to it.
            Err(Error::NotFound { path, message }) => Err(Error::Forbidden { path, message }),
            Err(Error::Refused { message, .. }) if message.starts_with("No commit found") => {
                Err(gone(commit))
            }
            Err(Error::Refused { message, .. })
                if message.contains("maximum number of statuses") =>
            {
                Err(Error::StatusesFull {
                    commit: commit.to_string(),
                })
            }
            Err(error) => Err(error),
        }
    }
}

const CONNECTION: &str = "pageInfo { hasNextPage endCursor } \
     nodes { oid status { context(name: $context) { state description createdAt } } }";

impl From<AnsweredStatus> for RecordedStatus {
    fn from(answered: AnsweredStatus) -> Self {
        Self {
            state: answered.state,
            description: answered.description.unwrap_or_default(),
            created_at: answered.created_at,
        }
    }
}

impl From<NumberedStatus> for ListedStatus {
    fn from(numbered: NumberedStatus) -> Self {
        Self {
            id: numbered.id,
            status: numbered.status.into(),
            target_url: numbered.target_url,
        }
    }
}

/// `None` where there is no such commit.
fn page(answered: Option<AnsweredCommit>) -> Result<Option<HistoryPage>, Error> {
    let Some(AnsweredCommit {
        history: Some(history),
    }) = answered
    else {
        return Ok(None);
    };
    let entry = |node: Node| {
        let status = node.status.and_then(|status| status.context);
        Ok(HistoryEntry {
            commit: commit(&node.oid)?,
            status: status.map(RecordedStatus::from),
        })
    };
    let nodes = history.nodes.unwrap_or_default().into_iter().flatten();
    let PageInfo {
        has_next_page,
        end_cursor,
    } = history.page_info;
    Ok(Some(HistoryPage {
        entries: nodes.map(entry).collect::<Result<_, Error>>()?,
        older: end_cursor.filter(|_| has_next_page).map(Cursor),
    }))
}

fn commit(sha: &str) -> Result<CommitSha, Error> {
    CommitSha::parse(sha).ok_or_else(|| unknown(&format!("`{sha}` is not a commit's id")))
}

fn unknown(reason: &dyn std::fmt::Display) -> Error {
    Error::UnknownForm {
        path: "a question about the record".to_owned(),
        reason: reason.to_string(),
    }
}

fn gone(commit: &CommitSha) -> Error {
    Error::NoSuchCommit {
        commit: commit.to_string(),
    }
}

fn shortened(description: &str) -> String {
    match description.char_indices().nth(LONGEST_DESCRIPTION) {
        None => description.to_owned(),
        Some(_) => {
            let kept = description.chars().take(LONGEST_DESCRIPTION - 1);
            kept.chain(['…']).collect()
        }
    }
}

#[cfg(test)]
mod tests;
