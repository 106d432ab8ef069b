//! The entities of an export: their texts on disk, and in memory what is needed to give them files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::entity_text::joined;
use super::folder::{ExportFolder, Placed};
use super::template::{PathTemplate, Suffix};
use crate::cli::files::{self, Unwritten};
use crate::document;

/// Texts that wait for their files, in a file without a name: it is gone when the process ends, however
/// that is.
#[derive(Debug)]
pub(super) struct Spool {
    folder: PathBuf,
    file: BufWriter<File>,
    length: u64,
}

/// Where in the spool a text is.
#[derive(Debug, Clone, Copy)]
struct SpoolRange {
    start: u64,
    length: usize,
}

/// Where the text of an entity is.
#[derive(Debug, Clone)]
enum EntityText {
    /// In the file of this path.
    Written(String),
    /// In the spool.
    Spooled(SpoolRange),
}

/// One entity of the export.
#[derive(Debug)]
struct CollectedEntity {
    /// Its index in [`Collection::blueprints`].
    blueprint: usize,
    identifier: String,
    text: EntityText,
}

/// Everything that is exported.
#[derive(Debug, Default)]
pub(super) struct Collection {
    blueprints: Vec<String>,
    entries: Vec<CollectedEntity>,
}

/// A file that is to be written.
#[derive(Debug)]
pub(super) struct Planned {
    /// Relative to the folder of the export.
    pub(super) path: String,
    /// The blueprint of its first entity.
    pub(super) blueprint: String,
    /// Whether its name says more than the template does.
    pub(super) suffix: Suffix,
    texts: Vec<EntityText>,
    form: Form,
}

/// Whether a file is for one entity or for however many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    One,
    Many,
}

/// Why entities cannot be given files.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unplanned {
    #[error(
        "`{one}` and `{other}` would have the same file, {path}; put {{blueprint}} into --path, or export one blueprint alone"
    )]
    Collision {
        one: String,
        other: String,
        path: String,
    },
    #[error(
        "{path} would be larger than 1 MiB, the most that an entity file may be; put {{identifier}} or {{blueprint}} into --path, such as `{{blueprint}}/{{identifier}}.entity.yml`"
    )]
    TooLarge { path: String },
}

impl Spool {
    /// An empty one in `folder`, which shows that files can be written there.
    ///
    /// # Errors
    /// If none can.
    pub(super) fn new(folder: &Path) -> Result<Self, Unwritten> {
        Ok(Self {
            folder: folder.to_owned(),
            file: BufWriter::new(files::nameless(folder)?),
            length: 0,
        })
    }

    fn add(&mut self, text: &str) -> Result<SpoolRange, Unwritten> {
        let span = SpoolRange {
            start: self.length,
            length: text.len(),
        };
        let written = self.file.write_all(text.as_bytes());
        written.map_err(|error| Unwritten::new(&self.folder, error))?;
        self.length += text.len() as u64;
        Ok(span)
    }

    fn read(&mut self, span: SpoolRange) -> Result<String, Unwritten> {
        let mut read = || {
            self.file.flush()?;
            let mut text = vec![0; span.length];
            self.file.get_ref().read_exact_at(&mut text, span.start)?;
            String::from_utf8(text).map_err(io::Error::other)
        };
        read().map_err(|error| Unwritten::new(&self.folder, error))
    }
}

impl Collection {
    /// The same with another blueprint, whose entities come next.
    pub(super) fn begin(&mut self, blueprint: &str) {
        self.blueprints.push(blueprint.to_owned());
    }

    /// How many entities there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds an entity of the blueprint that was begun last; without a spool, a text that waits is dropped.
    ///
    /// # Errors
    /// If the disk is full.
    pub(super) fn add(
        &mut self,
        identifier: String,
        placed: Placed,
        spool: Option<&mut Spool>,
    ) -> Result<(), Unwritten> {
        let text = match (placed, spool) {
            (Placed::File(path), _) => EntityText::Written(path),
            (Placed::Waiting(text), Some(spool)) => EntityText::Spooled(spool.add(&text)?),
            (Placed::Waiting(text), None) => EntityText::Spooled(SpoolRange {
                start: 0,
                length: text.len(),
            }),
        };
        self.entries.push(CollectedEntity {
            blueprint: self.blueprints.len().saturating_sub(1),
            identifier,
            text,
        });
        Ok(())
    }

    /// The files, in the order of their paths. Names that differ in case only get a digest.
    ///
    /// # Errors
    /// If two entities cannot have different files, or a file would be too large to be read.
    pub(super) fn files(mut self, template: &PathTemplate) -> Result<Vec<Planned>, Unplanned> {
        // What changes while pages are read can be on two of them: the later one is newer.
        let mut at: BTreeMap<(usize, &str), usize> = BTreeMap::new();
        for (index, entry) in self.entries.iter().enumerate() {
            at.insert((entry.blueprint, &entry.identifier), index);
        }
        let kept: BTreeSet<usize> = at.into_values().collect();
        let mut index = 0;
        self.entries.retain(|_| {
            index += 1;
            kept.contains(&(index - 1))
        });
        self.entries.sort_by(|one, other| {
            let key = |entry: &CollectedEntity| entry.blueprint;
            (key(one), &one.identifier).cmp(&(key(other), &other.identifier))
        });
        let mut files = self.by_path(template)?;
        files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(files)
    }

    fn by_path(&self, template: &PathTemplate) -> Result<Vec<Planned>, Unplanned> {
        let path = |entry: &CollectedEntity, suffix| {
            template.path(&self.blueprints[entry.blueprint], &entry.identifier, suffix)
        };
        let mut spellings: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for entry in &self.entries {
            let path = path(entry, Suffix::None);
            spellings
                .entry(path.to_lowercase())
                .or_default()
                .insert(path);
        }
        let mut files: BTreeMap<String, (Suffix, Vec<&CollectedEntity>)> = BTreeMap::new();
        for entry in &self.entries {
            let plain = path(entry, Suffix::None);
            let is_alone = spellings
                .get(&plain.to_lowercase())
                .is_none_or(|spellings| spellings.len() == 1);
            let (suffix, path) = match is_alone {
                true => (Suffix::None, plain),
                false => (Suffix::Digest, path(entry, Suffix::Digest)),
            };
            let file = files.entry(path).or_insert((suffix, Vec::new()));
            file.1.push(entry);
        }
        let form = match template.names_identifiers() {
            true => Form::One,
            false => Form::Many,
        };
        let files = files.into_iter();
        files
            .map(|(path, (suffix, entries))| self.planned(path, suffix, &entries, form))
            .collect()
    }

    fn planned(
        &self,
        path: String,
        suffix: Suffix,
        entries: &[&CollectedEntity],
        form: Form,
    ) -> Result<Planned, Unplanned> {
        let name = |entry: &CollectedEntity| {
            format!("{}/{}", self.blueprints[entry.blueprint], entry.identifier)
        };
        if let ([one, other, ..], Form::One) = (entries, form) {
            return Err(Unplanned::Collision {
                one: name(one),
                other: name(other),
                path,
            });
        }
        let texts: Vec<_> = entries.iter().map(|entry| entry.text.clone()).collect();
        if texts.iter().map(EntityText::length).sum::<usize>() > document::MAX_BYTES {
            return Err(Unplanned::TooLarge { path });
        }
        let blueprint = entries
            .first()
            .map(|entry| self.blueprints[entry.blueprint].clone());
        Ok(Planned {
            path,
            blueprint: blueprint.unwrap_or_default(),
            suffix,
            texts,
            form,
        })
    }
}

impl EntityText {
    /// In bytes; 0 for a text in a file of its own, which is not too large for one.
    fn length(&self) -> usize {
        match self {
            Self::Written(_) => 0,
            Self::Spooled(range) => range.length,
        }
    }
}

impl Planned {
    /// Whether the file is in the folder already, and complete.
    pub(super) fn is_written(&self) -> bool {
        self.written_to() == Some(&self.path)
    }

    /// The path that it was written to first, if it needs another name.
    pub(super) fn former_path(&self) -> Option<&String> {
        self.written_to().filter(|path| **path != self.path)
    }

    fn written_to(&self) -> Option<&String> {
        match self.texts.as_slice() {
            [EntityText::Written(path)] => Some(path),
            _ => None,
        }
    }

    /// What goes into the file.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub(super) fn text(
        &self,
        spool: &mut Spool,
        folder: &ExportFolder,
    ) -> Result<String, Unwritten> {
        let texts = self.texts.iter().map(|text| match text {
            EntityText::Spooled(range) => spool.read(*range),
            EntityText::Written(path) => {
                let path = folder.path().join(path);
                fs::read_to_string(&path).map_err(|error| Unwritten::new(&path, error))
            }
        });
        let texts: Result<Vec<_>, _> = texts.collect();
        let format = document::FileFormat::of_path(&self.path);
        Ok(joined(&texts?, format, self.is_list()))
    }

    /// Whether it is for however many entities there are.
    pub(super) fn is_list(&self) -> bool {
        self.form == Form::Many
    }

    /// How many entities it holds.
    pub(super) fn entities(&self) -> usize {
        self.texts.len()
    }
}
