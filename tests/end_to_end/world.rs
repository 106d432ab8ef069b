//! A small organisation: a repository on GitHub, a catalog in Port.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command};

use port_gitops_contract::{Extent, check_github, check_port};
use port_gitops_sandbox::github::Edition;
use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET, Failure, blueprints};
use port_gitops_sandbox::{
    Answer, Exchange, Fault, GitHubSandbox, Matcher, ObjectId, PortSandbox, RunnerCommand, Sandbox,
    Step, StepResult, Switch, TestRepository,
};
use serde_json::{Value, json};

use crate::scenes::{code, is_shown};

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
        succeed(&world.first_push());
        world.clear_journals();
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
        let github = GitHubSandbox::start_on("127.0.0.1:0", edition, &repository).unwrap();
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
        let step = self.push_file("port.yml", &domain("a"));
        (self, step)
    }

    /// Commits what is staged and gives the commits before and after.
    pub(crate) fn commit(&self, message: &str) -> (ObjectId, ObjectId) {
        (self.head(), self.repository.commit(message).unwrap())
    }

    /// The commit at the tip of the branch that is checked out.
    pub(crate) fn head(&self) -> ObjectId {
        self.repository.head().unwrap()
    }

    /// Stages a file.
    pub(crate) fn write(&self, path: &str, text: &str) -> &Self {
        self.repository.write(path, text);
        self
    }

    /// Stages that a file goes.
    pub(crate) fn remove(&self, path: &str) -> &Self {
        self.repository.remove(path);
        self
    }

    /// Stages a file that declares an entity of the blueprint `domain`.
    pub(crate) fn write_domain(&self, path: &str, name: &str, title: &str) {
        self.write(path, &titled(name, title));
    }

    /// Stages domains as [`stage`] does, commits them, and gives the step that the push triggers.
    pub(crate) fn change(&self, domains: &str) -> Step {
        stage(&self.repository, domains);
        self.push(domains)
    }

    /// Makes sure of the titles of domains in Port, in the notation of [`stage`].
    #[track_caller]
    pub(crate) fn assert_holds(&self, domains: &str) {
        assert_holds(&self.port, domains);
    }

    /// Lets somebody else write an entity, as in Port's own pages.
    pub(crate) fn put(&self, blueprint: &str, entity: Value) {
        self.port.put_entity(blueprint, entity).unwrap();
    }

    /// The same of a domain with a title.
    pub(crate) fn put_domain(&self, name: &str, title: &str) {
        let entity = json!({"identifier": name, "title": title, "properties": {}, "relations": {}});
        self.put("domain", entity);
    }

    /// An entity in Port, which has to be there.
    pub(crate) fn entity(&self, blueprint: &str, identifier: &str) -> Value {
        let entity = self.port.entity(blueprint, identifier);
        entity.unwrap_or_else(|| panic!("there is no `{blueprint}/{identifier}`"))
    }

    /// Forgets what both services were sent so far.
    pub(crate) fn clear_journals(&self) {
        self.github.clear_journal();
        self.port.clear_journal();
    }

    /// Something that a colleague does to the repository, for a moment that the fault's conditions name.
    pub(crate) fn meanwhile(&self, act: impl Fn(&TestRepository) + Send + Sync + 'static) -> Fault {
        let repository = self.repository.clone();
        Fault::call(move || act(&repository))
    }

    /// The push of domains, as [`stage`] has them, at such a moment.
    pub(crate) fn change_meanwhile(&self, domains: &'static str) -> Fault {
        self.meanwhile(move |repository| commit(repository, domains))
    }

    /// The step of a push that moved the branch `main` from `before` to where it is now.
    pub(crate) fn pushed(&self, before: &ObjectId) -> Step {
        let event = self.github.push_event("main", before, &self.head());
        self.step("push", &event.unwrap())
    }

    /// The step of the push that made the branch `main`.
    pub(crate) fn first_push(&self) -> Step {
        self.pushed(&self.repository.zero_id())
    }

    /// Commits what is staged and gives the step that the push triggers.
    pub(crate) fn push(&self, message: &str) -> Step {
        let (before, _) = self.commit(message);
        self.pushed(&before)
    }

    pub(crate) fn step(&self, event: &str, payload: &Value) -> Step {
        connected(&self.github, &self.port, event, payload)
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

/// Stages domains, each in a file of its own: `a=Title` is the domain `a` in `a/port.yml`, and `x:a=Title` the
/// same in `x/port.yml`. With `a=-` the file goes.
pub(crate) fn stage(repository: &TestRepository, domains: &str) {
    for domain in domains.split(' ') {
        let (file, title) = domain.split_once('=').unwrap();
        let (folder, name) = file.split_once(':').unwrap_or((file, file));
        let path = format!("{folder}/port.yml");
        match title {
            "-" => repository.remove(&path),
            title => repository.write(&path, &titled(name, title)),
        };
    }
}

/// The same, and commits them.
pub(crate) fn commit(repository: &TestRepository, domains: &str) {
    stage(repository, domains);
    repository.commit(domains).unwrap();
}

/// Makes sure of the titles of domains in Port, in the same notation.
#[track_caller]
pub(crate) fn assert_holds(port: &PortSandbox, domains: &str) {
    let found = domains.split(' ').map(|domain| {
        let (name, _) = domain.split_once('=').unwrap();
        let title = port
            .entity("domain", name)
            .map(|entity| entity["title"].clone());
        let title = title.map(|title| title.as_str().unwrap_or_default().to_owned());
        format!("{name}={}", title.as_deref().unwrap_or("-"))
    });
    assert_eq!(found.collect::<Vec<_>>().join(" "), domains);
}

/// The step of an event, with the credentials of both services.
pub(crate) fn connected(
    github: &GitHubSandbox,
    port: &PortSandbox,
    event: &str,
    payload: &Value,
) -> Step {
    Step::new(github, event, payload)
        .unwrap()
        .input("client-id", CLIENT_ID)
        .input("client-secret", CLIENT_SECRET)
        .input("base-url", port.url())
        .variable("PORT_GITOPS_PATIENCE", "0")
}

/// A file that declares one domain.
pub(crate) fn domain(name: &str) -> String {
    format!("identifier: {name}\nblueprint: domain\n")
}

/// The same with a title.
pub(crate) fn titled(name: &str, title: &str) -> String {
    format!("{}title: {title}\n", domain(name))
}

/// A file that declares several domains, with titles where the notation of [`stage`] gives them.
pub(crate) fn domains(domains: &str) -> String {
    let list = domains
        .split(' ')
        .map(|domain| match domain.split_once('=') {
            Some((name, title)) => {
                format!("- {{identifier: {name}, blueprint: domain, title: {title}}}\n")
            }
            None => format!("- {{identifier: {domain}, blueprint: domain}}\n"),
        });
    list.collect()
}

pub(crate) fn pruning(step: Step) -> Step {
    step.input("prune", "true")
}

/// A step without Port's credentials.
pub(crate) fn offline(step: Step) -> Step {
    step.without("INPUT_CLIENT-ID")
        .without("INPUT_CLIENT-SECRET")
}

/// An address at which nobody listens.
pub(crate) fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// Errors as some of their properties and their code: `file:line code`.
pub(crate) fn errors_at(result: &StepResult, properties: &[&str]) -> Vec<String> {
    let place = |error: &&RunnerCommand| {
        let place: Vec<_> = properties.iter().map(|name| error.property(name)).collect();
        format!("{} {}", place.join(":"), code(error))
    };
    result.commands("error").iter().map(place).collect()
}

/// Errors as their line and their code.
pub(crate) fn errors(result: &StepResult) -> Vec<String> {
    errors_at(result, &["line"])
}

/// Runs a step. Its log is shown with a test that fails.
pub(crate) fn run(step: &Step) -> StepResult {
    shown(step.run(binary()).unwrap())
}

/// Shows what a run did to whoever reads why a test fails, and checks what holds of every run.
pub(crate) fn shown(result: StepResult) -> StepResult {
    println!("{}{}{}", result.log, result.errors, result.summary);
    assert_eq!(result.errors, "", "nothing belongs on standard error");
    let is_shown = shown_beside_masks(&result, CLIENT_SECRET);
    assert!(!is_shown, "the secret is shown");
    result
}

/// Looks often at what GitHub may not know yet, so that the test does not last.
pub(crate) fn patient(step: Step) -> Step {
    step.variable("PORT_GITOPS_PATIENCE", "0.3")
}

/// Runs a step that must succeed.
#[track_caller]
pub(crate) fn succeed(step: &Step) -> StepResult {
    let result = run(step);
    assert_eq!(result.status, 0);
    assert_eq!(result.output("outcome"), "success");
    result
}

/// Runs a step that must end with a problem that it is responsible for.
#[track_caller]
pub(crate) fn fails(step: &Step) -> StepResult {
    let result = run(step);
    assert_eq!((result.status, result.output("outcome")), (1, "failure"));
    result
}

/// Makes sure of several outputs, given as `created=1 deleted=0`.
#[track_caller]
pub(crate) fn assert_outputs(result: &StepResult, expected: &str) {
    let found = expected.split(' ').map(|output| {
        let (name, _) = output.split_once('=').unwrap();
        format!("{name}={}", result.output(name))
    });
    assert_eq!(found.collect::<Vec<_>>().join(" "), expected);
}

/// Makes sure that somebody who looks at the log, the outputs or the summary reads all of these.
#[track_caller]
pub(crate) fn assert_shows(result: &StepResult, needles: &[&str]) {
    for needle in needles {
        assert!(is_shown(result, needle), "`{needle}` is not shown");
    }
}

/// Runs a step that cannot go on and must say so once, in words that hold all of `needles`.
#[track_caller]
pub(crate) fn cannot_go_on(step: &Step, needles: &[&str]) -> StepResult {
    let result = run(step);
    assert_eq!(result.status, 2);
    assert_eq!(result.output("outcome"), "failure");
    let errors = result.commands("error");
    assert_eq!(errors.len(), 1);
    for needle in needles {
        assert!(errors[0].data.contains(needle), "`{needle}` is not said");
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
