//! Port's pages of entities → files. While one page becomes files, on all cores, Port makes the next one.

use std::io::{self, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::spawn_blocking;

use super::Error;
use super::arguments::{ExportArguments, Writing};
use super::collect::{Collection, Planned, Spool};
use super::entity_text::{ExportContext, Expressed, TargetFile};
use super::folder::{ExportFolder, Placed};
use super::notes::{Notes, shown};
use super::template::{PathTemplate, Suffix};
use crate::catalog::blueprint::Blueprints;
use crate::catalog::difference::Field;
use crate::catalog::entity::{BlueprintId, Identifier};
use crate::catalog::live::LiveEntity;
use crate::catalog::rules::FileRules;
use crate::cli::blueprints::Described;
use crate::cli::repository::root_of;
use crate::inputs::Inputs;
use crate::port::{EntityListing, EntityPage, Port};
use crate::text::{RepoPath, counted};

/// How often a long export says how far it is.
const EVERY: Duration = Duration::from_secs(5);

/// Reads entities and makes their files.
pub(super) struct Fetcher<'p> {
    port: &'p Port,
    /// In the order of the export.
    blueprints: Vec<BlueprintId>,
    work: Arc<Work>,
}

/// What a page becomes texts with, on a thread of its own.
struct Work {
    context: ExportContext,
    files: FileRules,
    template: PathTemplate,
    /// The folder of the export, from the root of its repository: empty, or with a `/` at the end.
    prefix: String,
    /// Where files are written while others are read, if each is for one entity.
    folder: Option<Arc<ExportFolder>>,
}

/// Where an entity's text is and what it leaves out, or why there is none.
type ExportedEntity = (Identifier, Result<(Placed, Vec<(Field, String)>), String>);

impl<'p> Fetcher<'p> {
    pub(super) fn new(
        port: &'p Port,
        inputs: &Inputs,
        arguments: &ExportArguments,
        folder: &Arc<ExportFolder>,
        blueprints: Vec<Described>,
    ) -> Self {
        let template = &arguments.template;
        let mut known = Blueprints::default();
        let mut order = Vec::new();
        for described in blueprints {
            order.push(described.id.clone());
            known.known.insert(described.id, described.blueprint);
        }
        let work = Work {
            context: ExportContext {
                blueprints: known,
                writable: inputs.blueprints.clone(),
                format: template.format(),
            },
            files: inputs.files.clone(),
            template: template.clone(),
            prefix: prefix(folder.path()),
            folder: (arguments.writing != Writing::DryRun && template.names_identifiers())
                .then(|| Arc::clone(folder)),
        };
        Self {
            port,
            blueprints: order,
            work: Arc::new(work),
        }
    }

    /// Reads everything, and writes the files that can be written at once.
    ///
    /// # Errors
    /// If Port does not give it all, no rule selects a file, or one cannot be written.
    pub(super) async fn fetch(
        &self,
        query: Option<Value>,
        notes: &mut Notes,
        mut spool: Option<&mut Spool>,
    ) -> Result<Collection, Error> {
        let mut collection = Collection::default();
        let mut progress = ExportProgress::new();
        for id in &self.blueprints {
            let Some(shape) = self.work.context.blueprints.known.get(id) else {
                continue;
            };
            notes.add_blueprint(id, shape);
            collection.begin(id.as_str());
            let listing = EntityListing::new(id.clone(), shape, query.clone());
            let mut page = Some(self.page(id, &listing, None).await?);
            while let Some(EntityPage { entities, next }) = page.take() {
                let texts = express(&self.work, id, entities);
                let following = async {
                    match &next {
                        Some(next) => self.page(id, &listing, Some(next)).await.map(Some),
                        None => Ok(None),
                    }
                };
                let (texts, following) = futures::join!(texts, following);
                add(texts?, id, &mut collection, notes, spool.as_deref_mut())?;
                progress.report(collection.len(), id);
                page = following?;
            }
        }
        Ok(collection)
    }

    async fn page(
        &self,
        id: &BlueprintId,
        listing: &EntityListing,
        from: Option<&str>,
    ) -> Result<EntityPage, Error> {
        let page = self.port.page(listing, from).await;
        page.map_err(|error| Error::Entities {
            blueprint: id.to_string(),
            error: Box::new(error),
        })
    }

    /// Makes sure that files with longer names are still read as the plain ones would be.
    ///
    /// # Errors
    /// If no rule, or another one, selects them.
    pub(super) fn check_selection(&self, files: &[Planned]) -> Result<(), Error> {
        for file in files.iter().filter(|file| file.suffix == Suffix::Digest) {
            let target = self.work.target_file(file.path.clone())?;
            let is_default = target
                .default_blueprint
                .is_some_and(|id| id.as_str() != file.blueprint);
            if is_default {
                return Err(Error::Unselected {
                    path: shown(&file.path),
                });
            }
        }
        Ok(())
    }
}

/// Makes the texts of a page, in its order, with a thread for each core.
async fn express(
    work: &Arc<Work>,
    id: &BlueprintId,
    mut entities: Vec<(Identifier, LiveEntity)>,
) -> Result<Vec<ExportedEntity>, Error> {
    let cores = available_parallelism().map_or(1, NonZero::get);
    let share = entities.len().div_ceil(cores).max(1);
    let mut threads = Vec::new();
    while !entities.is_empty() {
        let later = entities.split_off(share.min(entities.len()));
        let (work, id) = (Arc::clone(work), id.clone());
        let part = std::mem::replace(&mut entities, later);
        threads.push(spawn_blocking(move || work.express(&id, part)));
    }
    let mut outcomes = Vec::new();
    for thread in threads {
        outcomes.extend(thread.await.map_err(|_| Error::Interrupted)??);
    }
    Ok(outcomes)
}

fn add(
    texts: Vec<ExportedEntity>,
    id: &BlueprintId,
    collection: &mut Collection,
    notes: &mut Notes,
    mut spool: Option<&mut Spool>,
) -> Result<(), Error> {
    for (identifier, text) in texts {
        match text {
            Ok((placed, left_out)) => {
                for (field, why) in &left_out {
                    notes.add_field(id, &identifier, field, why);
                }
                collection.add(identifier.as_str().to_owned(), placed, spool.as_deref_mut())?;
            }
            Err(why) => notes.add_entity(id, &identifier, &why),
        }
    }
    Ok(())
}

impl Work {
    fn express(
        &self,
        blueprint: &BlueprintId,
        entities: Vec<(Identifier, LiveEntity)>,
    ) -> Result<Vec<ExportedEntity>, Error> {
        let express = |(identifier, live): (Identifier, LiveEntity)| {
            let path = self
                .template
                .path(blueprint.as_str(), identifier.as_str(), Suffix::None);
            let target = self.target_file(path.clone())?;
            let expressed = self.context.express(blueprint, &identifier, &live, &target);
            let entity = match (expressed, &self.folder) {
                (Ok(Expressed { text, left_out }), Some(folder)) => {
                    Ok((folder.place(path, text)?, left_out))
                }
                (Ok(Expressed { text, left_out }), None) => Ok((Placed::Waiting(text), left_out)),
                (Err(why), _) => Err(why),
            };
            Ok((identifier, entity))
        };
        entities.into_iter().map(express).collect()
    }

    /// Where a file of the export is in its repository.
    fn target_file(&self, path: String) -> Result<TargetFile, Error> {
        let path = RepoPath::new(format!("{}{path}", self.prefix));
        match self.files.select(&path) {
            Some(selected) => Ok(TargetFile {
                default_blueprint: selected.blueprint.cloned(),
                path,
            }),
            None => Err(Error::Unselected {
                path: shown(path.as_str()),
            }),
        }
    }
}

/// Where in its repository `folder` is or would be.
fn prefix(folder: &Path) -> String {
    let Ok(here) = Path::new(".").canonicalize() else {
        return String::new();
    };
    let whole = absolute(&here.join(folder));
    let root = root_of(&whole, &here);
    let below = whole.strip_prefix(&root).unwrap_or(&whole);
    let names = below
        .components()
        .map(|name| name.as_os_str().to_string_lossy());
    names.map(|name| format!("{name}/")).collect()
}

/// The path without symbolic links, as far as it is there.
fn absolute(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => absolute(parent).join(name),
        _ => path.to_owned(),
    }
}

/// How far an export is, for whoever waits for it.
struct ExportProgress {
    said: Instant,
}

impl ExportProgress {
    fn new() -> Self {
        Self {
            said: Instant::now(),
        }
    }

    fn report(&mut self, entities: usize, blueprint: &BlueprintId) {
        if self.said.elapsed() >= EVERY {
            self.said = Instant::now();
            let line = shown(&format!(
                "{}, now of `{blueprint}` …",
                counted(entities, "entity", "entities")
            ));
            // If standard error is closed, nobody reads this.
            let _ = writeln!(io::stderr(), "{line}");
        }
    }
}
