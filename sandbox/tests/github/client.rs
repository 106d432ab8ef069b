//! A sandbox with a client for it.

use crate::support;
use port_gitops_contract::{Extent, check_github};
use port_gitops_sandbox::github::Edition;
use port_gitops_sandbox::{GitHubSandbox, Sandbox, TestRepository};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, redirect};
use serde_json::{Value, json};

pub(crate) struct World {
    pub(crate) repository: TestRepository,
    pub(crate) github: GitHubSandbox,
    client: Client,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The body of an answer that is a success.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert!(
            (200..300).contains(&self.status),
            "{} {}",
            self.status,
            self.text
        );
        self.json()
    }

    /// Checks an error's status and body, and gives its message.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text);
        let body = self.json();
        assert_eq!(body["status"], status.to_string());
        assert!(
            body["documentation_url"]
                .as_str()
                .unwrap()
                .starts_with("https://docs.github.com")
        );
        body["message"].as_str().unwrap().to_owned()
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::of(TestRepository::new().unwrap(), Edition::Cloud)
    }

    pub(crate) fn of(repository: TestRepository, edition: Edition) -> Self {
        let github = GitHubSandbox::start_edition(edition, &repository).unwrap();
        let client = support::http()
            .user_agent("sandbox-tests")
            .redirect(redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            repository,
            github,
            client,
        }
    }

    pub(crate) fn request(&self, method: Method, url: &str) -> RequestBuilder {
        self.client
            .request(method, url)
            .bearer_auth(GitHubSandbox::TOKEN)
    }

    pub(crate) fn bare(&self) -> &Client {
        &self.client
    }

    /// A GET below `/repos/octo-org/catalog`.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        send(self.request(Method::GET, &self.url(path))).await
    }

    pub(crate) async fn get_as(&self, path: &str, accept: &str) -> Reply {
        send(
            self.request(Method::GET, &self.url(path))
                .header("accept", accept),
        )
        .await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Value) -> Reply {
        send(self.request(method, &self.url(path)).json(&body)).await
    }

    pub(crate) async fn graphql(&self, query: &str, variables: Value) -> Value {
        let body = json!({"query": query, "variables": variables});
        let request = self
            .request(Method::POST, &self.github.graphql_url())
            .json(&body);
        send(request).await.ok()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/repos/octo-org/catalog{path}", self.github.url())
    }
}

/// Every answer of every test has to be one that GitHub's specifications allow.
impl Drop for World {
    fn drop(&mut self) {
        check_github(&self.github, Extent::Answers);
    }
}

pub(crate) async fn send(request: RequestBuilder) -> Reply {
    let response = request.send().await.unwrap();
    Reply {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text: response.text().await.unwrap(),
    }
}
