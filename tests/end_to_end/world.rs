//! A small organisation: a repository on GitHub, a catalog in Port.

use std::path::Path;
use std::process::{Child, Command};

use port_gitops_contract::{Extent, check_github, check_port};
use port_gitops_sandbox::github::Edition;
use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET, Failure, blueprints};
use port_gitops_sandbox::{
    Answer, Exchange, Fault, GitHubSandbox, Matcher, ObjectId, PortSandbox, Sandbox, Step,
    StepResult, Switch, TestRepository,
};
use serde_json::{Value, json};

/// What Git holds of a file that Git LFS keeps: <https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>.
pub(crate) const LFS_POINTER: &str = "\
version https://git-lfs.github.com/spec/v1
oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
size 12345
";

pub(crate) struct World {
    pub(crate) repository: TestRepository,
    pub(crate) github: GitHubSandbox,
    pub(crate) port: PortSandbox,
}

pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_port-gitops"))
}

impl World {
    /// Lets Port clear what a write sends as `null`, whatever the environment's switches say: for tests
    /// of what is cleared when.
    pub(crate) fn let_nulls_clear(&self) {
        for switch in [
            Switch::NullsIgnored,
            Switch::NullsStored,
            Switch::PatchNullsIgnored,
        ] {
            self.port.turn_off(switch);
        }
    }

    /// An empty catalog with two blueprints, and a repository with one commit and no entities, which
    /// a run with the inputs of [`Self::step`] has applied.
    pub(crate) fn new() -> Self {
        let world = Self::fresh();
        let head = world.repository.head().unwrap();
        let zero = world.repository.zero_id();
        let event = world.github.push_event("main", &zero, &head).unwrap();
        succeed(&world.step("push", &event));
        world.github.clear_journal();
        world.port.clear_journal();
        world
    }

    /// The same before any run.
    pub(crate) fn fresh() -> Self {
        Self::on(Edition::Cloud)
    }

    /// The same on an edition of GitHub.
    pub(crate) fn on(edition: Edition) -> Self {
        let repository = TestRepository::new().unwrap();
        repository
            .write("README.md", "# The shop\n")
            .commit("Begin")
            .unwrap();
        let github = GitHubSandbox::start_edition(edition, &repository).unwrap();
        let port = PortSandbox::start().unwrap();
        port.add_blueprint(blueprints::domain());
        port.add_blueprint(blueprints::microservice());
        Self {
            repository,
            github,
            port,
        }
    }

    /// A world in which a push has just added the entity `domain/a`, and the step of that push.
    pub(crate) fn with_change(self) -> (Self, Step) {
        self.repository
            .write("port.yml", "identifier: a\nblueprint: domain\n");
        let step = self.push("Add an entity");
        (self, step)
    }

    /// Commits what is staged and gives the commits before and after.
    pub(crate) fn commit(&self, message: &str) -> (ObjectId, ObjectId) {
        let before = self.repository.head().unwrap();
        (before, self.repository.commit(message).unwrap())
    }

    /// Stages a file that declares an entity of the blueprint `domain`.
    pub(crate) fn write_domain(&self, path: &str, name: &str, title: &str) {
        let text = format!("identifier: {name}\nblueprint: domain\ntitle: {title}\n");
        self.repository.write(path, &text);
    }

    /// The step of a push that moved the branch `main` from `before` to where it is now.
    pub(crate) fn pushed(&self, before: &ObjectId) -> Step {
        let after = self.repository.head().unwrap();
        let event = self.github.push_event("main", before, &after).unwrap();
        self.step("push", &event)
    }

    /// Commits what is staged and gives the step that the push triggers.
    pub(crate) fn push(&self, message: &str) -> Step {
        let (before, after) = self.commit(message);
        let event = self.github.push_event("main", &before, &after).unwrap();
        self.step("push", &event)
    }

    pub(crate) fn step(&self, event: &str, payload: &Value) -> Step {
        Step::new(&self.github, event, payload)
            .unwrap()
            .input("client-id", CLIENT_ID)
            .input("client-secret", CLIENT_SECRET)
            .input("base-url", self.port.url())
            .variable("PORT_GITOPS_PATIENCE", "0")
    }

    /// Lets GitHub answer once as a copy of it does that does not know `commit` yet.
    pub(crate) fn forget_for_a_moment(&self, commit: &str) {
        let unknown = Answer::json(404, &json!({"message": "Not Found", "status": "404"}));
        for path in [
            "*/compare/*".to_owned(),
            format!("*/git/trees/{commit}"),
            format!("*/git/commits/{commit}"),
        ] {
            let fault = Fault::answer(unknown.clone()).on("GET", &path);
            self.github.inject(fault);
        }
    }

    /// Lets Port refuse a domain so many times.
    pub(crate) fn refuse(&self, name: &str, times: usize) {
        let failure = Failure::new(422, "invalid_request", "Not today");
        self.port.refuse("domain", name, failure, times);
    }

    /// The requests that wrote to Port, as `METHOD path`.
    pub(crate) fn port_writes(&self) -> Vec<String> {
        let is_write = |exchange: &Exchange| {
            let is_asked = exchange.query_value("validation_only") == Some("true");
            let is_read = exchange.method == "GET" || exchange.path.ends_with("/search");
            !is_read && !is_asked && !is_about_state(exchange)
        };
        self.port_requests_that(is_write)
    }

    /// The requests to Port except for tokens and the state, as `METHOD path`.
    pub(crate) fn port_requests(&self) -> Vec<String> {
        self.port_requests_that(|exchange| !is_about_state(exchange))
    }

    /// The requests that saved the state.
    pub(crate) fn saves(&self) -> Vec<Exchange> {
        let saves = self.port.requests(&Matcher::any()).into_iter();
        saves
            .filter(|one| one.method == "POST" && one.path.ends_with("/gitops_source/entities"))
            .collect()
    }

    /// The state of the repository's default branch, as Port holds it.
    pub(crate) fn state(&self) -> Option<Value> {
        self.port.entity("gitops_source", STATE)
    }

    /// A property of that state.
    pub(crate) fn state_property(&self, name: &str) -> Value {
        let state = self.state().expect("there is a state");
        state["properties"][name].clone()
    }

    /// The entities in Port, but for states.
    pub(crate) fn entities(&self) -> Vec<(String, String, Value)> {
        let entities = self.port.entities().into_iter();
        entities
            .filter(|(blueprint, ..)| blueprint != "gitops_source")
            .collect()
    }

    fn port_requests_that(&self, is_counted: impl Fn(&Exchange) -> bool) -> Vec<String> {
        self.port
            .requests(&Matcher::any())
            .iter()
            .filter(|exchange| !exchange.path.ends_with("/access_token"))
            .filter(|exchange| is_counted(exchange))
            .map(|exchange| format!("{} {}", exchange.method, exchange.path))
            .collect()
    }

    pub(crate) fn title(&self, blueprint: &str, identifier: &str) -> Option<String> {
        let entity = self.port.entity(blueprint, identifier)?;
        Some(entity["title"].as_str().unwrap_or_default().to_owned())
    }
}

/// What the state of the sandbox's repository is called.
pub(crate) const STATE: &str = "github.com/1296269";

fn is_about_state(exchange: &Exchange) -> bool {
    let is_creation = exchange.method == "POST" && exchange.path == "/v1/blueprints";
    is_creation || exchange.path.contains("/gitops_source")
}

/// Every test is a contract test: what it made the action send, and what it was answered, has to be
/// what the services' specifications say.
impl Drop for World {
    fn drop(&mut self) {
        check_port(&self.port, Extent::Both);
        check_github(&self.github, Extent::Both);
    }
}

pub(crate) fn run(step: &Step) -> StepResult {
    let result = step.run(binary()).unwrap();
    assert_eq!(result.errors, "", "nothing belongs on standard error");
    assert!(
        !shown_beside_masks(&result, CLIENT_SECRET),
        "the secret is shown:\n{}",
        result.log
    );
    result
}

/// Looks often at what GitHub may not know yet, so that the test does not last.
pub(crate) fn patient(step: Step) -> Step {
    step.variable("PORT_GITOPS_PATIENCE", "0.3")
}

/// Runs a step that must succeed.
pub(crate) fn succeed(step: &Step) -> StepResult {
    let result = run(step);
    assert_eq!(result.status, 0, "{}", result.log);
    assert_eq!(result.output("outcome"), "success");
    result
}

/// Runs a step that cannot go on and must say so once, in words that hold all of `needles`.
pub(crate) fn cannot_go_on(step: &Step, needles: &[&str]) -> StepResult {
    let result = run(step);
    assert_eq!(result.status, 2, "{}", result.log);
    assert_eq!(result.output("outcome"), "failure");
    let errors = result.commands("error");
    assert_eq!(errors.len(), 1, "{}", result.log);
    for needle in needles {
        assert!(
            errors[0].data.contains(needle),
            "`{needle}` is not in: {}",
            errors[0].data
        );
    }
    assert!(!result.summary.is_empty());
    result
}

/// Whether `secret` is anywhere but in the commands that mask it.
pub(crate) fn shown_beside_masks(result: &StepResult, secret: &str) -> bool {
    let log = result
        .log
        .lines()
        .filter(|line| !line.starts_with("::add-mask::"));
    let outputs = result.outputs.values().map(String::as_str);
    log.chain(outputs)
        .chain([result.summary.as_str()])
        .any(|text| text.contains(secret))
}

/// Sends a signal, such as `-INT`, to a process.
pub(crate) fn send(signal: &str, process: &Child) {
    let id = process.id().to_string();
    let status = Command::new("kill").args([signal, &id]).status().unwrap();
    assert!(status.success());
}
