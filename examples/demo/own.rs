//! Somebody's own entity files.

use std::io::{self, Write};
use std::path::PathBuf;

use port_gitops::catalog::declare::{FileContent, declare};
use port_gitops::catalog::entity::BlueprintId;
use port_gitops::catalog::reference::Referenced;
use port_gitops::catalog::rules::{BlueprintRules, DEFAULT_FILES, FileRules};
use port_gitops::cli::check::tree::{EntityFiles, ShownPaths, WorkingTree};

use crate::infer;
use crate::stage::{Result, Stage, heading};

const USAGE: &str = "the demo takes nothing, or PATH [--files RULES] [--blueprint NAME]";

/// Which files, and what the action is told of them.
#[derive(Default)]
pub(crate) struct Own {
    path: PathBuf,
    files: Option<String>,
    blueprint: Option<String>,
}

impl Own {
    /// `None` without arguments.
    pub(crate) fn from_arguments(
        mut arguments: impl Iterator<Item = String>,
    ) -> Result<Option<Self>> {
        let path = match arguments.next() {
            None => return Ok(None),
            Some(option) if option.starts_with('-') => return Err(USAGE.into()),
            Some(path) => path,
        };
        let mut own = Self {
            path: path.into(),
            ..Self::default()
        };
        while let Some(name) = arguments.next() {
            let value = arguments.next();
            match (name.as_str(), value) {
                ("--files", Some(value)) => own.files = Some(value),
                ("--blueprint", Some(value)) => own.blueprint = Some(value),
                _ => return Err(USAGE.into()),
            }
        }
        Ok(Some(own))
    }

    pub(crate) async fn play(&self) -> Result<()> {
        let found = self.read()?;
        // All blueprints are the demo's own here, so all may be written.
        let declared = declare(&found.files, &BlueprintRules::parse("*").map_err(listed)?);
        let blueprints = infer::blueprints(&declared.valid);
        show_blueprints(&blueprints)?;

        let mut stage = Stage::new(blueprints)?;
        for declaration in &declared.valid {
            for (path, content) in found.named_by(declaration) {
                if let Referenced::Text(text) = content {
                    stage.repository.write(path.as_str(), &text);
                }
            }
        }
        for file in &found.files {
            match &file.content {
                FileContent::Text(source) => {
                    let path = source.path();
                    stage.repository.write(path.as_str(), source.text());
                }
                // The demo has no mapping.
                FileContent::Mapped(_) => {}
                FileContent::Unreadable(path, _) => {
                    writeln!(
                        io::stdout(),
                        "left out: {path}, which `port-gitops check` explains"
                    )?;
                }
            }
        }
        // What the relations point to may be declared elsewhere.
        let mut inputs = vec![
            ("blueprints", "*"),
            ("create-missing-related-entities", "true"),
        ];
        inputs.extend(self.files.as_deref().map(|files| ("files", files)));
        inputs.extend(self.blueprint.as_deref().map(|name| ("blueprint", name)));
        let message = format!("Everything below {}", self.path.display());
        stage.push(&message, &inputs).await?;
        stage.show_catalog()
    }

    /// The entity files, with paths as the repository has them.
    fn read(&self) -> Result<EntityFiles> {
        let rules = FileRules::parse(self.files.as_deref().unwrap_or(DEFAULT_FILES));
        let rules = rules.map_err(listed)?;
        let blueprint = self.blueprint.as_deref().map(BlueprintId::parse);
        let blueprint = blueprint.transpose()?;
        let tree = WorkingTree::new(&rules, blueprint.as_ref(), ShownPaths::FromRoot)?;
        let found = tree.entity_files(std::slice::from_ref(&self.path))?;
        if found.files.is_empty() {
            let path = self.path.display();
            let rules = rules.to_string().trim_end().replace('\n', ", ");
            let advice = "add a port.yml, or name other files with --files";
            return Err(format!("no file below {path} is one of {rules}: {advice}").into());
        }
        Ok(found)
    }
}

fn listed(errors: Vec<impl ToString>) -> String {
    let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
    errors.join("; ")
}

fn show_blueprints(blueprints: &[serde_json::Value]) -> Result<()> {
    let mut out = io::stdout().lock();
    write!(out, "{}", heading("Blueprints, as the files need them"))?;
    for blueprint in blueprints {
        let names = |members: &serde_json::Value| match members.as_object() {
            Some(members) => members.keys().cloned().collect::<Vec<_>>().join(", "),
            None => String::new(),
        };
        let identifier = blueprint["identifier"].as_str().unwrap_or_default();
        let properties = names(&blueprint["schema"]["properties"]);
        let relations = names(&blueprint["relations"]);
        writeln!(
            out,
            "{identifier:14} properties: {properties}; relations: {relations}"
        )?;
    }
    Ok(())
}
