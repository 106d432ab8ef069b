//! A repository behind a sandbox, and the room that reads it.

use port_gitops::git::{CommitSha, RepoName};
use port_gitops::github::{Access, BlobContent, Diff, Repository, Side, WantedFile};
use port_gitops::http::proxy::Proxies;
use port_gitops::http::{Client, Settings, Timeouts};
use port_gitops::inputs::GitHubUrls;
use port_gitops::source::RepoPath;
use port_gitops_contract::{Extent, check_github};
use port_gitops_sandbox::github::Edition;
use port_gitops_sandbox::{GitHubSandbox, ObjectFormat, ObjectId, Sandbox, TestRepository};
use secrecy::SecretString;

pub(crate) struct World {
    pub(crate) git: TestRepository,
    pub(crate) github: GitHubSandbox,
    pub(crate) room: Repository,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::of(TestRepository::new().unwrap(), Edition::Cloud)
    }

    pub(crate) fn sha256() -> Self {
        let git = TestRepository::create("main", ObjectFormat::Sha256).unwrap();
        Self::of(git, Edition::Cloud)
    }

    pub(crate) fn of(git: TestRepository, edition: Edition) -> Self {
        let github = GitHubSandbox::start_edition(edition, &git).unwrap();
        let room = open(&github, GitHubSandbox::FULL_NAME);
        Self { git, github, room }
    }

    /// The same repository, read anew: nothing is known of it yet.
    pub(crate) fn reopen(&mut self, name: &str) {
        self.room = open(&self.github, name);
    }

    /// Commits what is staged.
    pub(crate) fn commit(&self, message: &str) -> CommitSha {
        sha(&self.git.commit(message).unwrap())
    }

    /// How many requests were sent since this was last asked.
    pub(crate) fn cost(&self) -> usize {
        let cost = self.github.journal().len();
        self.github.clear_journal();
        cost
    }

    /// What head has at each path of a diff.
    pub(crate) async fn heads(&self, diff: &Diff, head: &CommitSha) -> Vec<BlobContent> {
        let wanted: Vec<_> = diff
            .files
            .iter()
            .map(|file| wanted(head, file.path.as_str(), file.head.clone()))
            .collect();
        self.room.contents(&wanted, None).await.unwrap()
    }
}

/// Every request and answer of every test is one that GitHub's specifications allow.
impl Drop for World {
    fn drop(&mut self) {
        check_github(&self.github, Extent::Both);
    }
}

fn open(github: &GitHubSandbox, name: &str) -> Repository {
    let settings = Settings {
        owner: name,
        ca_certificates: None,
        certificate_file: None,
        proxies: Proxies::default(),
        timeouts: Timeouts::default(),
    };
    let urls = GitHubUrls {
        rest: github.url().parse().unwrap(),
        graphql: github.graphql_url().parse().unwrap(),
    };
    let access = Access {
        client: Client::new(settings).unwrap(),
        urls: &urls,
        token: &SecretString::from(GitHubSandbox::TOKEN),
        owner: name,
    };
    Repository::open(access, RepoName::parse(name).unwrap()).unwrap()
}

pub(crate) fn sha(id: &ObjectId) -> CommitSha {
    CommitSha::parse(id).unwrap()
}

pub(crate) fn wanted(commit: &CommitSha, path: &str, side: Side) -> WantedFile {
    WantedFile {
        commit: commit.clone(),
        path: RepoPath::new(path),
        side,
    }
}

pub(crate) fn paths(diff: &Diff) -> Vec<&str> {
    diff.files.iter().map(|file| file.path.as_str()).collect()
}

pub(crate) fn text(text: &str) -> BlobContent {
    BlobContent::Text(text.to_owned())
}
