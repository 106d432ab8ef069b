//! Parts of answers that more than one route needs.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::hosted::{Attribute, Hosted};
use super::timestamp;
use crate::git::{ChangeKind, Commit, FileChange, Signature};

/// The number of the repository that the sandbox is started with. Others have the numbers that follow.
pub(super) const REPOSITORY_ID: u64 = 1_296_269;
/// Who acts with `GITHUB_TOKEN`.
pub(super) const BOT: &str = "github-actions[bot]";

const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/');

/// Where the repository is to be found.
#[derive(Clone, Debug)]
pub(super) struct Links {
    /// The base of the REST API.
    pub(super) api: String,
    /// The base of the website.
    pub(super) web: String,
    pub(super) full_name: String,
}

impl Links {
    /// An address of the API; `rest` begins with a slash or is empty.
    pub(super) fn api(&self, rest: &str) -> String {
        format!("{}/repos/{}{rest}", self.api, self.full_name)
    }

    /// An address of the website; `rest` begins with a slash or is empty.
    pub(super) fn web(&self, rest: &str) -> String {
        format!("{}/{}{rest}", self.web, self.full_name)
    }

    /// The `simple-user` schema.
    pub(super) fn user(&self, login: &str) -> Value {
        let name = login.trim_end_matches("[bot]");
        let is_bot = name != login;
        let api = format!(
            "{}/users/{}",
            self.api,
            login.replace('[', "%5B").replace(']', "%5D")
        );
        let id = 1_000 + login.bytes().map(u64::from).sum::<u64>();
        let mut user = json!({
            "login": login,
            "id": id,
            "node_id": format!("U_{id}"),
            "avatar_url": format!("{}/avatars/u/{id}", self.web),
            "gravatar_id": "",
            "url": api,
            "html_url": format!("{}/{}{name}", self.web, if is_bot { "apps/" } else { "" }),
            "type": if is_bot { "Bot" } else { "User" },
            "site_admin": false,
        });
        add_urls(&mut user, &api, USER_PARTS, USER_URLS);
        user
    }

    /// The `minimal-repository` schema, which `full-repository` and events build on.
    pub(super) fn repository(&self, hosted: &Hosted) -> Value {
        let mut repository = json!({
            "id": hosted.id,
            "node_id": hosted.node_id(),
            "name": hosted.name(),
            "full_name": self.full_name,
            "owner": self.user(hosted.owner()),
            "private": false,
            "html_url": self.web(""),
            "description": null,
            "fork": hosted.is(Attribute::Fork),
        });
        add_urls(
            &mut repository,
            &self.api(""),
            REPOSITORY_PARTS,
            REPOSITORY_URLS,
        );
        repository
    }

    /// The `full-repository` schema.
    pub(super) fn full_repository(&self, hosted: &Hosted, default_branch: &str) -> Value {
        let mut repository = self.listed_repository(hosted, default_branch);
        for key in ["network_count", "subscribers_count"] {
            repository[key] = json!(0);
        }
        repository
    }

    /// The `repository` schema.
    pub(super) fn listed_repository(&self, hosted: &Hosted, default_branch: &str) -> Value {
        let mut repository = self.repository(hosted);
        let made = timestamp::iso(timestamp::of_record(0));
        for (keys, value) in [
            (COUNTS, json!(0)),
            ("homepage language license mirror_url", Value::Null),
            ("has_pages has_wiki has_discussions", json!(false)),
            ("has_issues has_projects has_downloads", json!(true)),
            ("created_at updated_at pushed_at", json!(made)),
        ] {
            for key in keys.split_whitespace() {
                repository[key] = value.clone();
            }
        }
        repository["archived"] = json!(hosted.is(Attribute::Archived));
        repository["disabled"] = json!(hosted.is(Attribute::Disabled));
        let clone = self.web(".git");
        repository["clone_url"] = json!(clone);
        repository["git_url"] = json!(clone.replacen("https:", "git:", 1));
        repository["ssh_url"] = json!(format!("git@github.com:{}.git", self.full_name));
        repository["svn_url"] = json!(self.web(""));
        repository["default_branch"] = json!(default_branch);
        repository["visibility"] = json!("public");
        repository
    }

    /// The `commit` schema.
    pub(super) fn commit(&self, commit: &Commit) -> Value {
        let sha = &commit.id;
        json!({
            "sha": sha.as_str(),
            "node_id": format!("C_{sha}"),
            "url": self.api(&format!("/commits/{sha}")),
            "html_url": self.web(&format!("/commit/{sha}")),
            "comments_url": self.api(&format!("/commits/{sha}/comments")),
            "commit": {
                "url": self.api(&format!("/git/commits/{sha}")),
                "author": person(&commit.author),
                "committer": person(&commit.committer),
                "message": commit.message,
                "comment_count": 0,
                "tree": self.tree_link(commit),
                "verification": unsigned(),
            },
            "author": null,
            "committer": null,
            "parents": self.parents(commit, "commits"),
        })
    }

    /// The `git-commit` schema.
    pub(super) fn git_commit(&self, commit: &Commit) -> Value {
        let sha = &commit.id;
        json!({
            "sha": sha.as_str(),
            "node_id": format!("C_{sha}"),
            "url": self.api(&format!("/git/commits/{sha}")),
            "html_url": self.web(&format!("/commit/{sha}")),
            "author": person(&commit.author),
            "committer": person(&commit.committer),
            "tree": self.tree_link(commit),
            "message": commit.message,
            "parents": self.parents(commit, "git/commits"),
            "verification": unsigned(),
        })
    }

    /// The `diff-entry` schema, as seen from the commit `head`.
    pub(super) fn file(&self, change: &FileChange, head: &str) -> Value {
        let path = escaped(&change.path);
        let mut file = json!({
            "sha": change.blob.as_str(),
            "filename": change.path,
            "status": status(&change.kind),
            "additions": change.additions,
            "deletions": change.deletions,
            "changes": change.additions + change.deletions,
            "blob_url": self.web(&format!("/blob/{head}/{path}")),
            "raw_url": self.web(&format!("/raw/{head}/{path}")),
            "contents_url": self.api(&format!("/contents/{path}?ref={head}")),
        });
        if let ChangeKind::Renamed { from } = &change.kind {
            file["previous_filename"] = json!(from);
        }
        file
    }

    fn tree_link(&self, commit: &Commit) -> Value {
        let sha = &commit.tree;
        json!({"sha": sha.as_str(), "url": self.api(&format!("/git/trees/{sha}"))})
    }

    fn parents(&self, commit: &Commit, place: &str) -> Value {
        commit
            .parents
            .iter()
            .map(|sha| {
                json!({
                    "sha": sha.as_str(),
                    "url": self.api(&format!("/{place}/{sha}")),
                    "html_url": self.web(&format!("/commit/{sha}")),
                })
            })
            .collect()
    }
}

fn add_urls(value: &mut Value, base: &str, parts: &str, others: &[(&str, &str)]) {
    for part in parts.split_whitespace() {
        value[format!("{part}_url")] = json!(format!("{base}/{part}"));
    }
    for (key, rest) in others {
        value[*key] = json!(format!("{base}{rest}"));
    }
}

/// A path as a part of an address; slashes stay.
pub(super) fn escaped(path: &str) -> String {
    utf8_percent_encode(path, PATH).to_string()
}

fn status(kind: &ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Added => "added",
        ChangeKind::Removed => "removed",
        ChangeKind::Modified => "modified",
        ChangeKind::Changed => "changed",
        ChangeKind::Renamed { .. } => "renamed",
    }
}

fn person(signature: &Signature) -> Value {
    json!({
        "name": signature.name,
        "email": signature.email,
        "date": timestamp::iso(signature.seconds),
    })
}

fn unsigned() -> Value {
    json!({
        "verified": false,
        "reason": "unsigned",
        "signature": null,
        "payload": null,
        "verified_at": null,
    })
}

/// A user's addresses whose keys are their last parts, and then the others.
const USER_PARTS: &str = "followers received_events repos subscriptions";
const USER_URLS: &[(&str, &str)] = &[
    ("events_url", "/events{/privacy}"),
    ("following_url", "/following{/other_user}"),
    ("gists_url", "/gists{/gist_id}"),
    ("organizations_url", "/orgs"),
    ("starred_url", "/starred{/owner}{/repo}"),
];

const COUNTS: &str = "forks forks_count open_issues open_issues_count size stargazers_count \
                      watchers watchers_count";

/// The same of a repository.
const REPOSITORY_PARTS: &str = "contributors deployments downloads events forks hooks languages merges \
                                stargazers subscribers subscription tags teams";
const REPOSITORY_URLS: &[(&str, &str)] = &[
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("milestones_url", "/milestones{/number}"),
    (
        "notifications_url",
        "/notifications{?since,all,participating}",
    ),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("statuses_url", "/statuses/{sha}"),
    ("trees_url", "/git/trees{/sha}"),
    ("url", ""),
];
