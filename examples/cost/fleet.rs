//! One run over many repositories.

use std::path::Path;
use std::time::Duration;

use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET};
use port_gitops_sandbox::{GitHubSandbox, PortSandbox, Sandbox, Step, TestRepository};
use serde_json::Value;

use crate::scene::{self, blueprint, entity};
use crate::{Cost, Result, action};

const HOME: &str = "acme/platform";

/// What a run comes to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fleet {
    /// Nothing was ever applied.
    First,
    /// Everything was applied, and nothing has changed.
    Unchanged,
    /// One entity has changed in each of ten repositories.
    Changed,
}

impl Fleet {
    pub(crate) const ALL: [Self; 3] = [Self::Unchanged, Self::Changed, Self::First];

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::First => {
                "is the first, over 500 repositories with 2,000 entities of 2 blueprints"
            }
            Self::Unchanged => "finds nothing changed in 1,000 repositories",
            Self::Changed => "finds an entity changed in 10 of 1,000 repositories",
        }
    }

    /// How many repositories there are, and how many entities in each.
    fn size(self) -> (usize, usize) {
        match self {
            Self::First => (500, 4),
            Self::Unchanged | Self::Changed => (1000, 2),
        }
    }
}

struct Organisation {
    home: TestRepository,
    repositories: Vec<TestRepository>,
    github: GitHubSandbox,
    port: PortSandbox,
}

pub(crate) fn run(binary: &Path, fleet: Fleet) -> Result<Cost> {
    let (repositories, entities) = fleet.size();
    let organisation = Organisation::new(repositories, entities)?;
    if !matches!(fleet, Fleet::First) {
        action::measure(binary, &organisation.step()?)?;
    }
    if let Fleet::Changed = fleet {
        for number in (0..1000).step_by(100) {
            organisation.write(number, 1, "changed")?;
            organisation.repositories[number].commit("Change")?;
        }
    }
    let Organisation { github, port, .. } = &organisation;
    github.clear_journal();
    port.clear_journal();
    scene::go_far_away(github, port);
    let measured = action::measure(binary, &organisation.step()?)?;
    Ok(Cost {
        elapsed: measured.elapsed,
        usage: measured.usage,
        ..scene::cost(github, port)
    })
}

impl Organisation {
    /// So many repositories that declare so many entities each, of two blueprints in turn.
    fn new(count: usize, entities: usize) -> Result<Self> {
        let mut repositories = TestRepository::many(count + 1)?;
        for git in &repositories {
            git.write("README.md", "# A repository\n");
        }
        TestRepository::commit_all(&repositories, "Begin")?;
        let home = repositories.remove(0);
        let github = GitHubSandbox::start(&home)?;
        github.set_full_name(HOME);
        for (number, git) in repositories.iter().enumerate() {
            github.add_repository(&format!("acme/r{number}"), git);
        }
        let port = PortSandbox::start()?;
        port.set_rate_limit(1_000_000, Duration::from_secs(300));
        for name in ["service", "service1"] {
            port.add_blueprint(blueprint(name));
        }
        let organisation = Self {
            home,
            repositories,
            github,
            port,
        };
        for number in 0..count {
            organisation.write(number, entities, "new")?;
        }
        TestRepository::commit_all(&organisation.repositories, "Declare")?;
        Ok(organisation)
    }

    fn write(&self, number: usize, entities: usize, title: &str) -> Result<()> {
        for index in 0..entities {
            let mut entity: Value = entity(&format!("r{number}-{index}"));
            entity["title"] = title.into();
            if index % 2 == 1 {
                entity["blueprint"] = "service1".into();
            }
            let path = format!("{index}.entity.json");
            self.repositories[number].write(&path, &entity.to_string());
        }
        Ok(())
    }

    fn step(&self) -> Result<Step> {
        let event = self.github.workflow_dispatch_event("main")?;
        Ok(Step::new(&self.github, "schedule", &event)?
            .input("client-id", CLIENT_ID)
            .input("client-secret", CLIENT_SECRET)
            .input("base-url", self.port.url())
            .input("repositories", "acme/*")
            .variable("GITHUB_REF", "refs/heads/main")
            .variable("GITHUB_SHA", self.home.head()?.as_str()))
    }
}
