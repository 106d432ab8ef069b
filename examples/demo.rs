//! A small organisation's repository, pushed commit by commit, without any account.
//!
//! A Port API and a GitHub API run on this machine; the action runs on each push as GitHub would
//! run it. Start it with `cargo run --example demo`.

use std::error::Error;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use port_gitops::environment::Environment;
use port_gitops::shutdown::shutdown;
use port_gitops::{Exit, run};
use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET, blueprints};
use port_gitops_sandbox::{GitHubSandbox, PortSandbox, Sandbox, Step, StepResult, TestRepository};
use serde_json::Value;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut organisation = Organisation::new()?;

    organisation.repository.write("domains.port.yml", DOMAINS);
    organisation.repository.write("billing/port.yml", BILLING);
    organisation.repository.write("shop/entity.json", SHOP);
    organisation.push("Describe the shop").await?;

    organisation.repository.write(
        "shop/entity.json",
        &SHOP.replace("\"Shop\"", "\"Web Shop\""),
    );
    organisation
        .repository
        .write("billing/port.yml", &BILLING.replace("team: [", "team:   ["));
    organisation
        .push("Rename the shop, and tidy the billing file")
        .await?;

    organisation
        .repository
        .write("mail/port.yml", MAIL_WITH_MISTAKES);
    organisation.repository.write("search/port.yml", SEARCH);
    organisation.push("Add mail and search").await?;

    organisation.repository.write("mail/port.yml", MAIL);
    organisation.push("Mend the mail service's file").await?;

    organisation.show_catalog()
}

const FILES: &str = "
**/port.yml
**/entity.json => microservice   # these name no blueprint themselves
*.port.yml     => domain
";

const DOMAINS: &str = "\
- identifier: sales
  title: Sales
- identifier: messaging
  title: Messaging
";

const BILLING: &str = "\
identifier: billing
blueprint: microservice
title: Billing
team: [payments]
properties:
  language: Rust
relations:
  domain: sales
";

const SHOP: &str = r#"{
  "identifier": "shop",
  "title": "Shop",
  "properties": {"url": "https://github.com/octo-org/shop", "language": "Go"},
  "relations": {"domain": "sales", "dependsOn": ["billing"]}
}
"#;

const MAIL_WITH_MISTAKES: &str = "\
identifier: mail service
blueprint: microservice
titel: Mail
relations:
  domain: 7
";

const MAIL: &str = "\
identifier: mail-service
blueprint: microservice
title: Mail
relations:
  domain: messaging
";

const SEARCH: &str = "\
identifier: search
blueprint: microservice
title: Search
properties:
  language: COBOL
---
identifier: suggestions
blueprint: microservice
title: Suggestions
properties:
  language: Rust
";

/// A repository on GitHub and a catalog in Port.
struct Organisation {
    repository: TestRepository,
    github: GitHubSandbox,
    port: PortSandbox,
    pushed: String,
}

impl Organisation {
    fn new() -> Result<Self> {
        let repository = TestRepository::new()?;
        let github = GitHubSandbox::start(&repository)?;
        let port = PortSandbox::start()?;
        port.add_blueprint(blueprints::domain());
        port.add_blueprint(blueprints::microservice());
        let pushed = repository.zero_id().to_string();
        Ok(Self {
            repository,
            github,
            port,
            pushed,
        })
    }

    /// Commits what is staged, pushes it, and shows what the action makes of it.
    async fn push(&mut self, message: &str) -> Result<()> {
        let commit = self.repository.commit(message)?.to_string();
        let event = self.github.push_event("main", &self.pushed, &commit)?;
        self.pushed = commit;
        let step = Step::new(&self.github, "push", &event)?
            .input("client-id", CLIENT_ID)
            .input("client-secret", CLIENT_SECRET)
            .input("base-url", self.port.url())
            .input("files", FILES);
        let result = run_action(&step).await?;
        show(message, &result)
    }

    fn show_catalog(&self) -> Result<()> {
        let mut out = io::stdout().lock();
        write!(out, "{}", heading("The catalog in Port"))?;
        let row = |out: &mut dyn Write, cells: [&str; 4]| {
            let [blueprint, identifier, title, rest] = cells;
            writeln!(out, "{blueprint:14} {identifier:14} {title:12} {rest}")
        };
        row(
            &mut out,
            [
                "BLUEPRINT",
                "IDENTIFIER",
                "TITLE",
                "PROPERTIES AND RELATIONS",
            ],
        )?;
        for (blueprint, identifier, entity) in self.port.entities() {
            let title = entity["title"].as_str().unwrap_or_default();
            let rest = [&entity["properties"], &entity["relations"]]
                .map(shortened)
                .join(" ");
            row(&mut out, [&blueprint, &identifier, title, &rest])?;
        }
        Ok(())
    }
}

/// Only what is set.
fn shortened(values: &Value) -> String {
    let is_set =
        |value: &&Value| !value.is_null() && value.as_array().is_none_or(|a| !a.is_empty());
    let set = values
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| is_set(value));
    set.map(|(name, value)| format!("{name}={value}"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs the action in this process, with the environment that the runner would give it.
async fn run_action(step: &Step) -> Result<StepResult> {
    let log = Shared::default();
    let environment = Environment::new(step.variables().clone());
    let (_trigger, shutdown) = shutdown();
    let status = match run(environment, log.clone(), shutdown).await {
        Exit::Success => 0,
        Exit::Failure => 1,
        Exit::CannotGoOn => 2,
        Exit::Interrupted => 130,
    };
    Ok(step.result(status, log.text(), String::new())?)
}

fn show(message: &str, result: &StepResult) -> Result<()> {
    let mut out = io::stdout().lock();
    write!(out, "{}", heading(&format!("git push: {message}")))?;
    for line in result.shown().lines().filter(|line| !is_annotation(line)) {
        match line.strip_prefix("::group::") {
            Some(title) => writeln!(out, "▼ {title}")?,
            None if line.starts_with("::endgroup::") => {}
            None => writeln!(out, "{line}")?,
        }
    }
    for level in ["error", "warning", "notice"] {
        for annotation in result.commands(level) {
            let (file, line) = (annotation.property("file"), annotation.property("line"));
            let (title, text) = (annotation.property("title"), &annotation.data);
            writeln!(out, "  annotation on {file} line {line}: {title}: {text}")?;
        }
    }
    writeln!(
        out,
        "  exit status {}, outcome={}",
        result.status,
        result.output("outcome")
    )?;
    writeln!(out, "\n  The job's summary:")?;
    for line in result.summary.lines().filter(|line| !line.is_empty()) {
        writeln!(out, "  │ {line}")?;
    }
    Ok(())
}

fn is_annotation(line: &str) -> bool {
    ["::error ", "::warning ", "::notice "]
        .iter()
        .any(|command| line.starts_with(command))
}

fn heading(text: &str) -> String {
    format!(
        "\n━━━ {text} {}\n",
        "━".repeat(70_usize.saturating_sub(text.chars().count()))
    )
}

/// Keeps what is written, for whoever has a clone.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
