//! A repository that is about to be pushed, and a catalog.

use std::time::Duration;

use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET};
use port_gitops_sandbox::{Exchange, GitHubSandbox, PortSandbox, Sandbox, Step, TestRepository};
use serde_json::{Map, Value, json};

use crate::{Cost, Result};

/// How long Port takes for an answer.
pub(crate) const PORT_LATENCY: Duration = Duration::from_millis(50);
/// How long GitHub takes for one.
const GITHUB_LATENCY: Duration = Duration::from_millis(20);
const PROPERTIES: usize = 10;
/// The size of the repository that a change comes to.
const BEFORE: usize = 50;

/// What [`Change::Many`] changes.
const MANY: usize = 2000;
const MANY_FILES: usize = 100;
const BLUEPRINTS: usize = 4;

/// What a push changes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    /// A file that holds no entities.
    Elsewhere,
    /// The form of every entity file, and no entity.
    Form,
    /// One entity of those that are there.
    One,
    /// All of 2,000 entities in 100 files, of four blueprints.
    Many,
    /// New entities, evenly spread over new files.
    Created { entities: usize, files: usize },
    /// The same, and nothing was ever applied: the first run compares all there is.
    First { entities: usize, files: usize },
}

impl Change {
    pub(crate) const ALL: [Self; 11] = [
        Self::Elsewhere,
        Self::Form,
        Self::One,
        Self::Many,
        created(10, 10),
        created(100, 100),
        created(1000, 1000),
        created(1000, 10),
        created(5000, 50),
        first(1000, 10),
        first(5000, 50),
    ];

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Elsewhere => "changes no entity file",
            Self::Form => "reformats 50 entity files",
            Self::One => "changes 1 entity of 50",
            Self::Many => "changes 2,000 entities in 100 files, of 4 blueprints",
            Self::Created { entities, files } => match (entities, files) {
                (10, _) => "adds 10 entities in 10 files",
                (100, _) => "adds 100 entities in 100 files",
                (1000, 1000) => "adds 1,000 entities in 1,000 files",
                (1000, _) => "adds 1,000 entities in 10 files",
                (5000, _) => "adds 5,000 entities in 50 files",
                _ => "adds entities",
            },
            Self::First { entities, .. } => match entities {
                1000 => "is the first, of 1,000 entities in 10 files, and leaves a report file",
                5000 => "is the first, of 5,000 entities in 50 files, and leaves a report file",
                _ => "is the first ever",
            },
        }
    }
}

const fn created(entities: usize, files: usize) -> Change {
    Change::Created { entities, files }
}

const fn first(entities: usize, files: usize) -> Change {
    Change::First { entities, files }
}

/// A push, not made yet.
pub(crate) struct Scene {
    repository: TestRepository,
    github: GitHubSandbox,
    pub(crate) port: PortSandbox,
    change: Change,
}

impl Scene {
    /// A repository of 50 entities in as many files.
    pub(crate) fn new(change: Change) -> Result<Self> {
        let repository = TestRepository::new()?;
        for number in 0..BEFORE {
            let text = entity(&format!("old-{number}")).to_string();
            repository.write(&format!("old/{number}/entity.json"), &text);
        }
        repository.write("README.md", "# The services\n");
        if let Change::Many = change {
            write_many(&repository, "as it was");
        }
        repository.commit("Begin")?;
        let github = GitHubSandbox::start(&repository)?;
        let port = PortSandbox::start()?;
        port.set_rate_limit(1_000_000, Duration::from_secs(300));
        port.add_blueprint(blueprint("service"));
        for number in 0..BLUEPRINTS {
            port.add_blueprint(blueprint(&format!("service{number}")));
        }
        Ok(Self {
            repository,
            github,
            port,
            change,
        })
    }

    /// The step of a first push, which is not measured: what was there before is applied.
    pub(crate) fn first_step(&self) -> Result<Step> {
        let (none, head) = (self.repository.zero_id(), self.repository.head()?);
        let event = self.github.push_event("main", &none, &head)?;
        self.step(&event)
    }

    /// The step of the push that is measured. From here on both APIs are as far away as they are.
    pub(crate) fn step_of_change(&self) -> Result<Step> {
        match self.change {
            Change::Elsewhere => {
                self.repository.write("README.md", "# Our services\n");
            }
            Change::Form => {
                for number in 0..BEFORE {
                    let text = format!("{:#}", entity(&format!("old-{number}")));
                    self.repository
                        .write(&format!("old/{number}/entity.json"), &text);
                }
            }
            Change::One => {
                let mut changed = entity("old-7");
                changed["title"] = json!("Another title");
                self.repository
                    .write("old/7/entity.json", &changed.to_string());
            }
            Change::Many => write_many(&self.repository, "as it is"),
            Change::Created { .. } | Change::First { .. } => self.write_new(),
        }
        let before = self.repository.head()?;
        let after = self.repository.commit("Change")?;
        let event = self.github.push_event("main", &before, &after)?;
        self.go_far_away();
        self.step(&event)
    }

    fn write_new(&self) {
        for (number, entities) in self.files() {
            let text = Value::Array(entities).to_string();
            self.repository
                .write(&format!("new/{number}/entity.json"), &text);
        }
    }

    /// Whether an earlier run has applied what was there before.
    pub(crate) fn has_past(&self) -> bool {
        !matches!(self.change, Change::First { .. })
    }

    /// New entities by file.
    fn files(&self) -> Vec<(usize, Vec<Value>)> {
        let (Change::Created { entities, files } | Change::First { entities, files }) = self.change
        else {
            return Vec::new();
        };
        let each = entities.div_ceil(files);
        let numbers: Vec<_> = (0..entities).collect();
        let entities = |numbers: &[usize]| {
            let new = numbers
                .iter()
                .map(|number| entity(&format!("new-{number}")));
            new.collect()
        };
        numbers.chunks(each).map(entities).enumerate().collect()
    }

    /// New entities as bodies of requests.
    pub(crate) fn bodies(&self) -> Vec<Value> {
        let files = self.files().into_iter();
        let mut bodies: Vec<_> = files.flat_map(|(_, entities)| entities).collect();
        for body in &mut bodies {
            if let Some(members) = body.as_object_mut() {
                members.remove("blueprint");
            }
        }
        bodies
    }

    /// Forgets what was asked so far, and answers late from here on.
    pub(crate) fn go_far_away(&self) {
        go_far_away(&self.github, &self.port);
    }

    /// What was asked since then.
    pub(crate) fn cost(&self) -> Cost {
        cost(&self.github, &self.port)
    }

    fn step(&self, event: &Value) -> Result<Step> {
        let step = Step::new(&self.github, "push", event)?
            .input("client-id", CLIENT_ID)
            .input("client-secret", CLIENT_SECRET)
            .input("base-url", self.port.url());
        let step = match self.change {
            Change::First { .. } => step.input("report-file", "report.json"),
            _ => step,
        };
        Ok(step)
    }
}

/// Forgets what was asked so far, and lets both answer late from here on.
pub(crate) fn go_far_away(github: &GitHubSandbox, port: &PortSandbox) {
    port.clear_journal();
    github.clear_journal();
    port.set_latency(PORT_LATENCY);
    github.set_latency(GITHUB_LATENCY);
}

/// What was asked since then.
pub(crate) fn cost(github: &GitHubSandbox, port: &PortSandbox) -> Cost {
    let (github, port) = (github.journal(), port.journal());
    Cost {
        github_requests: github.len(),
        port_requests: port.len(),
        bytes: github.iter().chain(&port).map(exchanged).sum(),
        ..Cost::default()
    }
}

/// The bytes of a request's body and of its answer's.
pub(crate) fn exchanged(exchange: &Exchange) -> usize {
    let answer = exchange.answer.as_ref();
    exchange.body.len() + answer.map_or(0, |answer| answer.body.len())
}

fn names() -> impl Iterator<Item = String> {
    (0..PROPERTIES).map(|number| format!("property{number}"))
}

/// Entities of every blueprint in each file.
fn write_many(repository: &TestRepository, title: &str) {
    for file in 0..MANY_FILES {
        let each = MANY / MANY_FILES;
        let numbers = file * each..(file + 1) * each;
        let entities = numbers.map(|number| {
            let mut entity = entity(&format!("many-{number}"));
            entity["blueprint"] = json!(format!("service{}", number % BLUEPRINTS));
            entity["title"] = json!(title);
            entity
        });
        let text = Value::from_iter(entities).to_string();
        repository.write(&format!("many/{file}/entity.json"), &text);
    }
}

pub(crate) fn blueprint(identifier: &str) -> Value {
    let properties: Map<_, _> = names()
        .map(|name| (name, json!({"type": "string"})))
        .collect();
    json!({
        "identifier": identifier,
        "title": "Service",
        "schema": {"properties": properties, "required": []},
        "relations": {},
    })
}

pub(crate) fn entity(identifier: &str) -> Value {
    let properties: Map<_, _> = names()
        .map(|name| (name, json!("a value that is neither long nor short")))
        .collect();
    json!({
        "identifier": identifier,
        "blueprint": "service",
        "title": identifier,
        "properties": properties,
    })
}
