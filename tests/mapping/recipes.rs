//! The recipes of docs/mapping.md, on files as those tools write them.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use port_gitops::catalog::declare::{EntityFile, FileContent, declare};
use port_gitops::catalog::mapping::jq::Program;
use port_gitops::catalog::mapping::{self, MappedFile, Mapping, Surroundings};
use port_gitops::catalog::rules::BlueprintRules;
use port_gitops::text::{RepoPath, SourceFile};
use serde_json::{Value, json};

const DOCUMENT: &str = include_str!("../../docs/mapping.md");

/// The mapping below a heading.
fn recipe(heading: &str) -> Mapping {
    let section = DOCUMENT.split_once(&format!("\n{heading}\n")).unwrap().1;
    let block = section.split_once("```yaml mapping.yml\n").unwrap().1;
    let text = block.split_once("```\n").unwrap().0;
    let mapping = mapping::parse(&SourceFile::new(RepoPath::new("mapping.yml"), text));
    assert!(
        mapping.diagnostics.is_empty(),
        "{heading}: {:#?}",
        mapping.diagnostics
    );
    mapping
}

/// The entities that a recipe makes of a file, as `blueprint/identifier` and what is sent.
fn entities(mapping: &Mapping, path: &str, text: &str) -> Vec<(String, Value)> {
    let surroundings = Surroundings {
        organization: "acme".to_owned(),
        repository: "shop".to_owned(),
        default_branch: "main".to_owned(),
        branch: "main".to_owned(),
    };
    let path = RepoPath::new(path);
    assert!(mapping.selects(&path, "shop"), "{path}");
    let filters: Vec<_> = mapping.filters().iter().map(String::as_str).collect();
    let program = Program::compile(&filters).unwrap();
    let source = SourceFile::new(path.clone(), text);
    let file = MappedFile::open(mapping, &source, &path, &surroundings).unwrap();
    let file = EntityFile {
        content: FileContent::Mapped(Arc::new(file.map_here(&program))),
        default_blueprint: None,
    };
    let declared = declare(&[file], &BlueprintRules::parse("*").unwrap());
    assert!(
        declared.diagnostics.is_empty(),
        "{:#?}",
        declared.diagnostics
    );
    let entities = declared.valid.iter().map(|one| &one.entity);
    entities
        .map(|entity| {
            (
                entity.key().to_string(),
                serde_json::to_value(entity).unwrap(),
            )
        })
        .collect()
}

#[test]
fn every_recipe_works_as_it_stands() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mapping/files");
    let expected: Value = serde_json::from_str(include_str!("files/expected.json")).unwrap();
    for (heading, path) in [
        ("## The format", "package.json"),
        ("### npm", "web/package.json"),
        ("### Cargo", "crates/core/Cargo.toml"),
        ("### Helm", "charts/shop/Chart.yaml"),
        ("### Backstage", "catalog-info.yaml"),
        ("### CODEOWNERS", ".github/CODEOWNERS"),
        ("### OpsLevel", "opslevel.yml"),
        ("### Cortex", "cortex.yaml"),
    ] {
        let name = path.rsplit('/').next().unwrap();
        let text = fs::read_to_string(folder.join(name)).unwrap();
        let found = entities(&recipe(heading), path, &text);
        let found: Value = found
            .into_iter()
            .map(|(key, sent)| json!([key, sent]))
            .collect();
        assert_eq!(found, expected[heading], "{heading}:\n{found:#}");
    }
}
