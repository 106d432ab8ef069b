//! What a run reads: entity files from GitHub, blueprints from Port.

use std::collections::BTreeSet;

use crate::catalog::blueprint::Blueprints;
use crate::catalog::change::Change;
use crate::catalog::declare::{Declarations, EntityFile, FileContent, Unreadable, declare};
use crate::error::Error;
use crate::event::{Base, Run};
use crate::git::CommitSha;
use crate::github::{self, BlobContent, Diff, Repository, WantedFile};
use crate::inputs::Inputs;
use crate::port::Port;
use crate::source::{RepoPath, Source};

/// Reads the changed entity files: what base declares, and what head declares.
pub(crate) async fn declarations(
    repository: &Repository,
    run: &Run,
    inputs: &Inputs,
) -> Result<(Declarations, Declarations), Error> {
    let Diff {
        base, files: all, ..
    } = differences(repository, run).await?;
    let changed = all.len();
    let (mut files, mut wanted) = (Vec::new(), Vec::new());
    for file in all {
        if inputs.files.select(&file.path).is_none() {
            continue;
        }
        let side = |commit: &CommitSha, side| WantedFile {
            commit: commit.clone(),
            path: file.path.clone(),
            side,
        };
        wanted.push(side(base.as_ref().unwrap_or(&run.head), file.base));
        wanted.push(side(&run.head, file.head));
        files.push(file.path);
    }
    tracing::info!("{} of {changed} changed files hold entities", files.len());
    let mut contents = repository.contents(&wanted, None).await?.into_iter();
    let (mut base, mut head) = (Vec::new(), Vec::new());
    while let (Some(before), Some(after)) = (contents.next(), contents.next()) {
        base.push(before);
        head.push(after);
    }
    let declared = |contents| declare(&entity_files(&files, contents, inputs), &inputs.blueprints);
    Ok((declared(base), declared(head)))
}

async fn differences(repository: &Repository, run: &Run) -> Result<Diff, github::Error> {
    let found = match &run.base {
        Base::Nothing => return repository.all_of(&run.head).await,
        Base::Commit(base) => repository.diff(base, &run.head).await,
        Base::MergeBaseWith(other) => repository.diff_from_merge_base(other, &run.head).await,
    };
    match found {
        Err(github::Error::NoSuchCommit { commit }) if commit != run.head.as_str() => {
            tracing::info!(
                "there is no base `{commit}` to compare with: all entity files count as new"
            );
            repository.all_of(&run.head).await
        }
        found => found,
    }
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
