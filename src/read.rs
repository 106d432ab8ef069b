//! What a run reads: entity files from GitHub, blueprints from Port.

use std::collections::BTreeSet;

use crate::catalog::blueprint::Blueprints;
use crate::catalog::change::Change;
use crate::catalog::declare::{Declarations, EntityFile, FileContent, Unreadable, declare};
use crate::error::Error;
use crate::event::Run;
use crate::github::{BlobContent, Diff, Repository, Wanted};
use crate::inputs::Inputs;
use crate::port::Port;
use crate::source::{RepoPath, Source};

/// Reads the changed entity files: what base declares, and what head declares.
pub(crate) async fn declarations(
    repository: &Repository,
    run: &Run,
    inputs: &Inputs,
) -> Result<(Declarations, Declarations), Error> {
    let Diff { base, paths } = repository.diff(&run.base, &run.head).await?;
    let changed = paths.len();
    let files: Vec<_> = paths
        .into_iter()
        .filter(|path| inputs.files.select(path).is_some())
        .collect();
    tracing::info!("{} of {changed} changed files hold entities", files.len());
    let wanted = Wanted {
        base: base.as_ref(),
        head: &run.head,
        paths: &files,
    };
    let contents = repository.contents(wanted).await?;
    let (base, head): (Vec<_>, Vec<_>) = contents.into_iter().unzip();
    let declared = |contents| declare(&entity_files(&files, contents, inputs), &inputs.blueprints);
    Ok((declared(base), declared(head)))
}

/// The blueprints of what is to be written; none if Port is not asked.
pub(crate) async fn blueprints(
    port: Option<&Port>,
    changes: &[Change],
) -> Result<Blueprints, Error> {
    let written = changes.iter().filter_map(Change::written);
    let blueprints: BTreeSet<_> = written
        .map(|declaration| declaration.entity.blueprint.clone())
        .collect();
    match port {
        Some(port) if !blueprints.is_empty() => Ok(port.blueprints(blueprints).await?),
        _ => Ok(Blueprints::default()),
    }
}

fn entity_files(
    paths: &[RepoPath],
    contents: Vec<BlobContent>,
    inputs: &Inputs,
) -> Vec<EntityFile> {
    let file = |(path, content): (&RepoPath, BlobContent)| {
        let unreadable = |reason| FileContent::Unreadable(path.clone(), reason);
        let content = match content {
            BlobContent::Absent => return None,
            BlobContent::Text(text) => FileContent::Text(Source::new(path.clone(), text)),
            BlobContent::Binary => unreadable(Unreadable::Binary),
            BlobContent::TooLarge => unreadable(Unreadable::TooLarge),
            BlobContent::Symlink => unreadable(Unreadable::Symlink),
        };
        let by_rule = inputs
            .files
            .select(path)
            .and_then(|selected| selected.blueprint);
        let default_blueprint = by_rule.or(inputs.blueprint.as_ref()).cloned();
        Some(EntityFile {
            content,
            default_blueprint,
        })
    };
    paths.iter().zip(contents).filter_map(file).collect()
}
