//! A repository after a sandbox, and the room that reads it.

use port_gitops::environment::Environment;
use port_gitops::git::checkout::Checkout;
use port_gitops::git::{CommitSha, RepoName};
use port_gitops::github::{
    Access, BlobContent, Diff, GitHub, Repository, Side, WantedFile, WhenExhausted,
};
use port_gitops::http::proxy::Proxies;
use port_gitops::http::stale_answers::Patience;
use port_gitops::http::{Client, Settings, Timeouts};
use port_gitops::inputs::GitHubUrls;
use port_gitops::text::RepoPath;
use port_gitops_contract::{Extent, check_github};
use port_gitops_sandbox::github::Edition;
use port_gitops_sandbox::{
    Answer, Fault, GitHubSandbox, ObjectFormat, ObjectId, Sandbox, TestRepository,
};
use secrecy::SecretString;
use serde_json::json;

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
        let github = GitHubSandbox::start_on("127.0.0.1:0", edition, &git).unwrap();
        let room = open(&github, GitHubSandbox::FULL_NAME);
        Self { git, github, room }
    }

    /// The same repository, read anew: nothing is known of it yet.
    pub(crate) fn reopen(&mut self, name: &str) {
        self.room = open(&self.github, name);
    }

    /// Lets something go wrong with requests to GitHub.
    pub(crate) fn inject(&self, fault: Fault) {
        self.github.inject(fault);
    }

    /// Stages files, each of which holds `text` and its number.
    pub(crate) fn write_many(&self, count: usize, text: &str) {
        for n in 0..count {
            let path = format!("d{}/f{n:05}.yml", n % 7);
            self.git.write(&path, &format!("{text} {n}\n"));
        }
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

    /// What `head` changed since its history left that of `base`.
    pub(crate) async fn diff(&self, base: &CommitSha, head: &CommitSha) -> Diff {
        let diff = self.room.diff_from_merge_base(base.as_str(), head).await;
        diff.unwrap()
    }

    /// The same, found in trees: GitHub gives up on the first page of the comparison.
    pub(crate) async fn diff_of_trees(&self, base: &CommitSha, head: &CommitSha) -> Diff {
        self.github.inject(too_long());
        self.diff(base, head).await
    }

    /// What is wanted to read all of `commit`.
    pub(crate) async fn all_of(&self, commit: &CommitSha) -> Vec<WantedFile> {
        let tree = self.room.tree(commit).await.unwrap();
        let files = tree.iter();
        files
            .map(|(path, file)| wanted(commit, path.as_str(), Side::from(file)))
            .collect()
    }

    /// What is in files.
    pub(crate) async fn read(&self, files: &[WantedFile]) -> Vec<BlobContent> {
        self.read_beside(files, None).await
    }

    /// What is in files, where some of them may be in a checkout.
    pub(crate) async fn read_beside(
        &self,
        files: &[WantedFile],
        checkout: Option<&Checkout>,
    ) -> Vec<BlobContent> {
        let contents = self.room.contents(files, checkout).await.unwrap();
        contents.into_iter().map(|one| one.content).collect()
    }

    /// What head has at each path of a diff.
    pub(crate) async fn heads(&self, diff: &Diff, head: &CommitSha) -> Vec<BlobContent> {
        let files = diff.files.iter();
        let wanted: Vec<_> = files
            .map(|file| wanted(head, file.path.as_str(), file.head.clone()))
            .collect();
        self.read(&wanted).await
    }
}

/// What GitHub answers about what it does not have.
pub(crate) fn not_found() -> Answer {
    Answer::json(404, &json!({"message": "Not Found", "status": "404"}))
}

/// A commit that no repository has.
pub(crate) fn gone() -> CommitSha {
    CommitSha::parse(&"1".repeat(40)).unwrap()
}

/// A comparison that takes GitHub too long.
pub(crate) fn too_long() -> Fault {
    let body = json!({"message": "Server Error: Sorry, this diff is taking too long to generate."});
    Fault::answer(Answer::json(422, &body)).on("GET", "*/compare/*")
}

/// Every request and answer of every test is one that GitHub's specifications allow.
impl Drop for World {
    fn drop(&mut self) {
        check_github(&self.github, Extent::Both);
    }
}

fn open(github: &GitHubSandbox, name: &str) -> Repository {
    connect(github, GitHubSandbox::TOKEN).repository(RepoName::parse(name).unwrap())
}

pub(crate) fn connect(github: &GitHubSandbox, token: &str) -> GitHub {
    connect_for(github, token, WhenExhausted::Wait)
}

pub(crate) fn connect_for(
    github: &GitHubSandbox,
    token: &str,
    when_exhausted: WhenExhausted,
) -> GitHub {
    let owner = &github.full_name();
    let settings = Settings {
        owner,
        ca_certificates: None,
        certificate_file: None,
        proxies: Proxies::default(),
        timeouts: Timeouts::default(),
    };
    let urls = GitHubUrls {
        rest: github.url().parse().unwrap(),
        graphql: github.graphql_url().parse().unwrap(),
    };
    // The looks that a test waits for take a tenth of a second together.
    let patience = ("PORT_GITOPS_PATIENCE".to_owned(), "0.1".to_owned());
    let access = Access {
        patience: Patience::read(&Environment::new([patience])).unwrap(),
        client: Client::new(settings).unwrap(),
        urls: &urls,
        token: &SecretString::from(token),
        owner,
        when_exhausted,
    };
    GitHub::open(access).unwrap()
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
