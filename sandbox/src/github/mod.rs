//! GitHub's API over a real Git repository.

mod call;
mod comments;
mod compare;
mod event;
mod graphql;
mod hosted;
mod listing;
mod model;
mod objects;
mod rate;
mod refusal;
mod request;
mod route;
mod state;
mod timestamp;

use std::io;
use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Method, Uri};

pub use self::event::PullRequest;
use self::graphql::GitHubSchema;
pub use self::hosted::Attribute;
use self::hosted::{Hosted, Meant, Repositories};
pub use self::rate::{Resource, Throttle};
use self::refusal::{Outcome, Refusal};
use self::request::Request;
use self::route::Api;
pub use self::state::{Access, Comment, Edition, Permission};
use self::state::{Settings, Shared};
use crate::git::TestRepository;
use crate::journal::Answer;
use crate::server::{Sandbox, Server};
use crate::switch::{Switch, Switches};

/// GitHub's API on loopback for one repository.
///
/// What it shows of the repository is what the Git repository's references say at that moment, so
/// a commit is a push. Comments are kept in memory. It stops when it is dropped.
///
/// If not told otherwise, the repository is `octo-org/catalog`, the token [`Self::TOKEN`], and
/// everything is permitted.
#[derive(Debug)]
pub struct GitHubSandbox {
    server: Server,
    shared: Arc<Shared>,
    repository: TestRepository,
}

impl GitHubSandbox {
    /// The token that clients need if no other is set.
    pub const TOKEN: &str = "ghs_sandbox";
    /// The repository's name if no other is set.
    pub const FULL_NAME: &str = "octo-org/catalog";

    /// Serves a repository with the addresses of `api.github.com`.
    ///
    /// # Errors
    ///
    /// No port can be bound, the thread cannot be started, or the environment names a [`Switch`]
    /// that there is not.
    pub fn start(repository: &TestRepository) -> io::Result<Self> {
        Self::start_on("127.0.0.1:0", Edition::Cloud, repository)
    }

    /// Serves it with the addresses of an edition of GitHub, on an address such as that of a bridge, for
    /// clients in containers.
    ///
    /// # Errors
    ///
    /// The address cannot be bound, the thread cannot be started, or the environment names a [`Switch`]
    /// that there is not.
    pub fn start_on(
        address: impl ToSocketAddrs,
        edition: Edition,
        repository: &TestRepository,
    ) -> io::Result<Self> {
        let settings = Settings {
            repositories: Repositories::new(Hosted {
                id: model::REPOSITORY_ID,
                full_name: Self::FULL_NAME.to_owned(),
                former_names: Vec::new(),
                git: repository.clone(),
                attributes: Vec::new(),
            }),
            token: Self::TOKEN.to_owned(),
            switches: Switches::from_environment()?,
            contents: Access::Write,
            pull_requests: Access::Write,
            tree_limit: 100_000,
        };
        let shared = Arc::new(Shared::new(edition, settings));
        let app = App {
            shared: Arc::clone(&shared),
            schema: graphql::schema(),
        };
        let router = Router::new().fallback(handle).with_state(app);
        let server = Server::start(address, router)?;
        Ok(Self {
            server,
            shared,
            repository: repository.clone(),
        })
    }

    /// The address of the GraphQL API.
    pub fn graphql_url(&self) -> String {
        match self.shared.edition {
            Edition::Cloud => format!("{}/graphql", self.server.url()),
            Edition::EnterpriseServer => format!("{}/api/graphql", self.server.url()),
        }
    }

    /// The Git repository that is shown.
    pub fn repository(&self) -> &TestRepository {
        &self.repository
    }

    /// The repository's name: `owner/name`.
    pub fn full_name(&self) -> String {
        let settings = self.shared.settings.lock();
        settings.repositories.first().full_name.clone()
    }

    /// The number that stays the repository's when it is renamed.
    pub fn repository_id(&self) -> u64 {
        model::REPOSITORY_ID
    }

    /// Gives the repository another name: `owner/name`. The one before is unknown from now on.
    pub fn set_full_name(&self, name: &str) {
        let mut settings = self.shared.settings.lock();
        name.clone_into(&mut settings.repositories.change_first().full_name);
    }

    /// Answers a name that the repository had before with a redirect.
    pub fn set_former_name(&self, name: &str) {
        let mut settings = self.shared.settings.lock();
        let former_names = &mut settings.repositories.change_first().former_names;
        former_names.push(name.to_owned());
    }

    /// Shows another repository beside the first one, and gives its number. From then on the budgets are
    /// those of an app's installation.
    pub fn add_repository(&self, full_name: &str, repository: &TestRepository) -> u64 {
        let mut settings = self.shared.settings.lock();
        let mut records = self.shared.records.lock();
        records.last_repository += 1;
        let id = model::REPOSITORY_ID + records.last_repository;
        settings.repositories.add(Hosted {
            id,
            full_name: full_name.to_owned(),
            former_names: Vec::new(),
            git: repository.clone(),
            attributes: Vec::new(),
        });
        let count = settings.repositories.all().len();
        self.shared.limits.lock().set_installation(count);
        id
    }

    /// The number of the repository that is called so, or was before.
    pub fn id_of(&self, full_name: &str) -> Option<u64> {
        match self.shared.settings.lock().repositories.named(full_name) {
            Meant::Present(hosted) | Meant::Former(hosted) => Some(hosted.id),
            Meant::Nobody => None,
        }
    }

    /// Gives a repository an attribute.
    pub fn mark(&self, full_name: &str, attribute: Attribute) {
        let mut settings = self.shared.settings.lock();
        if let Some(hosted) = settings.repositories.change(full_name) {
            hosted.attributes.push(attribute);
        }
    }

    /// Gives a repository another name. Its former one is answered with a redirect.
    pub fn rename(&self, full_name: &str, new_name: &str) {
        let mut settings = self.shared.settings.lock();
        if let Some(hosted) = settings.repositories.change(full_name) {
            let former_name = std::mem::replace(&mut hosted.full_name, new_name.to_owned());
            hosted.former_names.push(former_name);
        }
    }

    /// Deletes a repository: nobody finds it any more. The first one has to stay.
    pub fn delete(&self, full_name: &str) {
        let mut settings = self.shared.settings.lock();
        settings.repositories.remove(full_name);
    }

    /// Takes the token for so many requests more, and answers all that follow with 401.
    pub fn end_token_after(&self, requests: usize) {
        self.shared.limits.lock().end_token_after(requests);
    }

    /// Takes another token from now on.
    pub fn set_token(&self, token: &str) {
        self.shared.settings.lock().token = token.to_owned();
    }

    /// Grants or takes away what the token may do.
    pub fn set_permission(&self, permission: Permission, access: Access) {
        let mut settings = self.shared.settings.lock();
        match permission {
            Permission::Contents => settings.contents = access,
            Permission::PullRequests => settings.pull_requests = access,
        }
    }

    /// Behaves in this way from now on.
    pub fn turn_on(&self, switch: Switch) {
        self.shared.settings.lock().switches.turn_on(switch);
    }

    /// Does not behave in this way from now on, also if the environment said so.
    pub fn turn_off(&self, switch: Switch) {
        self.shared.settings.lock().switches.turn_off(switch);
    }

    /// Answers recursive trees with more entries than this as truncated. GitHub's limit is 100,000.
    pub fn set_tree_limit(&self, entries: usize) {
        self.shared.settings.lock().tree_limit = entries;
    }

    /// Leaves this many requests (of 1,000) in a budget until it is renewed, in whole seconds.
    pub fn set_budget(&self, resource: Resource, remaining: u64, reset_in: Duration) {
        self.shared.limits.lock().set(resource, remaining, reset_in);
    }

    /// Answers the next requests so; the client's budget is not touched.
    pub fn throttle(&self, throttle: Throttle, times: usize) {
        self.shared.limits.lock().throttle(throttle, times);
    }

    /// The comments of an issue or pull request, oldest first.
    pub fn comments(&self, issue: u64) -> Vec<Comment> {
        let records = self.shared.records.lock();
        records.comments_of(issue).cloned().collect()
    }

    /// Adds a comment of another author and gives its id.
    pub fn add_comment(&self, issue: u64, author: &str, body: &str) -> u64 {
        let mut records = self.shared.records.lock();
        let id = records.next();
        let (author, body) = (author.to_owned(), body.to_owned());
        records.comments.push(Comment {
            id,
            issue,
            author,
            body,
        });
        id
    }
}

impl Sandbox for GitHubSandbox {
    fn server(&self) -> &Server {
        &self.server
    }

    /// The base of the REST API.
    fn url(&self) -> String {
        match self.shared.edition {
            Edition::Cloud => self.server.url(),
            Edition::EnterpriseServer => format!("{}/api/v3", self.server.url()),
        }
    }
}

#[derive(Clone)]
struct App {
    shared: Arc<Shared>,
    schema: GitHubSchema,
}

async fn handle(
    extract::State(app): extract::State<App>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let answer = match Request::new(method, &uri, headers, body) {
        Ok(request) => app.answer(&request).await,
        Err(refusal) => Err(refusal),
    };
    response(answer.unwrap_or_else(|Refusal(answer)| answer))
}

impl App {
    async fn answer(&self, request: &Request) -> Outcome {
        let api = Api::of(self.shared.edition, request).ok_or_else(Refusal::not_found)?;
        let answer = match (route::gate(&self.shared, &api, request), &api) {
            (Err(refusal), _) => Err(refusal),
            (Ok(()), Api::Graphql) => graphql::answer(&self.schema, &self.shared, request).await,
            (Ok(()), Api::Rest(path)) => route::rest(&self.shared, request, path),
        };
        let answer = answer.unwrap_or_else(|Refusal(answer)| answer);
        let reading = self.shared.limits.lock().reading(api.resource());
        Ok(reading.mark(answer))
    }
}

fn response(answer: Answer) -> Response {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    response
        .body(Body::from(answer.body))
        .unwrap_or_else(|error| {
            let mut response = Response::new(Body::from(error.to_string()));
            *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
            response
        })
}
