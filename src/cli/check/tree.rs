//! A working tree's files.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use ignore::{DirEntry, WalkBuilder};

use super::mapped::WorkingTreeMapping;
use crate::catalog::declare::{Declaration, Declarations, EntityFile, FileContent, UnreadableFile};
use crate::catalog::entity::{BlueprintId, nearest};
use crate::catalog::reference::{self, Referenced};
use crate::catalog::rules::FileRules;
use crate::cli::repository::{is_repository, root_of};
use crate::document;
use crate::text::{RepoPath, SourceFile};

/// How paths are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShownPaths {
    /// As the repository has them.
    FromRoot,
    /// As somebody at a terminal would type them.
    FromHere,
}

/// A file or folder that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {error}", path.display())]
pub struct Unread {
    path: PathBuf,
    error: io::Error,
}

impl Unread {
    pub(super) fn new(path: &Path, error: impl Into<io::Error>) -> Self {
        Self {
            path: path.to_owned(),
            error: error.into(),
        }
    }
}

/// Where in its repository an entity file is.
#[derive(Debug, Clone)]
struct FileLocation {
    root: PathBuf,
    path: RepoPath,
    declared_by: DeclaredBy,
}

/// What says which entities are in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeclaredBy {
    /// The file itself.
    Entities,
    /// The mapping.
    Mapping,
    /// Both, which is an error.
    Both,
}

/// The entity files of a working tree.
#[derive(Debug, Default)]
pub struct EntityFiles {
    /// What is in them.
    pub files: Vec<EntityFile>,
    /// By the path that is shown.
    locations: BTreeMap<RepoPath, FileLocation>,
}

/// What of a working tree holds entities.
#[derive(Debug)]
pub struct WorkingTree<'a> {
    rules: &'a FileRules,
    /// The blueprint of entities that name none and whose file's rule names none.
    blueprint: Option<&'a BlueprintId>,
    mapping: Option<&'a WorkingTreeMapping>,
    shown: ShownPaths,
    /// The current folder, without symbolic links.
    here: PathBuf,
    /// By where they are, so that none is there twice.
    files: BTreeMap<PathBuf, EntityFile>,
    locations: BTreeMap<RepoPath, FileLocation>,
}

impl<'a> WorkingTree<'a> {
    /// Nothing yet; `rules` and `blueprint` are the action's inputs `files` and `blueprint`.
    ///
    /// # Errors
    /// If there is no current folder.
    pub fn new(
        rules: &'a FileRules,
        blueprint: Option<&'a BlueprintId>,
        shown: ShownPaths,
    ) -> Result<Self, Unread> {
        let here = Path::new(".");
        let here = here
            .canonicalize()
            .map_err(|error| Unread::new(here, error))?;
        Ok(Self {
            rules,
            blueprint,
            mapping: None,
            shown,
            here,
            files: BTreeMap::new(),
            locations: BTreeMap::new(),
        })
    }

    /// The same with the files that a mapping selects.
    pub(super) fn with_mapping(self, mapping: Option<&'a WorkingTreeMapping>) -> Self {
        Self { mapping, ..self }
    }

    /// The entity files at and below `paths`, or below the current folder if there are none.
    ///
    /// # Errors
    /// If a path is not there or cannot be read.
    pub fn entity_files(mut self, paths: &[PathBuf]) -> Result<EntityFiles, Unread> {
        let here = [PathBuf::from(".")];
        let paths = if paths.is_empty() { &here } else { paths };
        for path in paths {
            let kind = fs::symlink_metadata(path).map_err(|error| Unread::new(path, error))?;
            if kind.is_dir() {
                self.add_folder(path)?;
            } else {
                let file = real_path(path).map_err(|error| Unread::new(path, error))?;
                let root = root_of(&file, &self.here);
                self.add_file(&file, &root)?;
            }
        }
        Ok(EntityFiles {
            files: self.files.into_values().collect(),
            locations: self.locations,
        })
    }

    fn add_folder(&mut self, folder: &Path) -> Result<(), Unread> {
        let folder = folder
            .canonicalize()
            .map_err(|error| Unread::new(folder, error))?;
        let root = root_of(&folder, &self.here);
        let walk = WalkBuilder::new(&folder)
            .hidden(false)
            .ignore(false)
            .require_git(false)
            .filter_entry(is_of_this_repository)
            .build();
        for entry in walk {
            let entry = entry.map_err(|error| {
                let path = path_of(&error).unwrap_or(&folder).to_owned();
                match error.io_error() {
                    Some(io) => Unread::new(&path, io.kind()),
                    None => Unread::new(&path, io::Error::other(error)),
                }
            })?;
            if entry.file_type().is_some_and(|kind| !kind.is_dir()) {
                self.add_file(entry.path(), &root)?;
            }
        }
        Ok(())
    }

    /// Adds a file, if it is one that holds entities.
    fn add_file(&mut self, file: &Path, root: &Path) -> Result<(), Unread> {
        let path = RepoPath::new(slashed(file.strip_prefix(root).unwrap_or(file)));
        let mapping = self.mapping;
        if mapping.is_some_and(|mapping| mapping.is_itself(file)) {
            return Ok(());
        }
        let selected = self.rules.select(&path);
        let is_mapped = mapping.is_some_and(|mapping| mapping.selects(&path));
        let declared_by = match (&selected, is_mapped) {
            (None, false) => return Ok(()),
            (Some(_), false) => DeclaredBy::Entities,
            (None, true) => DeclaredBy::Mapping,
            (Some(_), true) => DeclaredBy::Both,
        };
        let by_rule = selected.and_then(|selected| selected.blueprint);
        let default_blueprint = by_rule.or(self.blueprint);
        let shown = match self.shown {
            ShownPaths::FromRoot => path.clone(),
            ShownPaths::FromHere => RepoPath::new(relative(file, &self.here)),
        };
        let location = FileLocation {
            root: root.to_owned(),
            path,
            declared_by,
        };
        self.locations.insert(shown.clone(), location);
        let content = read(file, shown).map_err(|error| Unread::new(file, error))?;
        let entity_file = EntityFile {
            content,
            default_blueprint: default_blueprint.cloned(),
        };
        self.files.insert(file.to_owned(), entity_file);
        Ok(())
    }
}

impl EntityFiles {
    /// What says which entities are in the file that is shown as `shown`, and where in its repository that is.
    pub(super) fn location(&self, shown: &RepoPath) -> Option<(DeclaredBy, &RepoPath)> {
        let location = self.locations.get(shown)?;
        Some((location.declared_by, &location.path))
    }

    /// Replaces the names of files in properties by their texts, as the working tree
    /// has them.
    pub fn resolve(&self, declared: &mut Declarations) {
        reference::resolve_all(declared, |declaration| {
            let shown = declaration.source.path();
            let at = self
                .locations
                .get(shown)
                .map_or(shown, |location| &location.path);
            (at.clone(), self.named_by(declaration))
        });
    }

    /// What is at each path that the properties of `declaration` name.
    pub fn named_by(&self, declaration: &Declaration) -> BTreeMap<RepoPath, Referenced> {
        let Some(FileLocation { root, path, .. }) = self.locations.get(declaration.source.path())
        else {
            return BTreeMap::new();
        };
        let named = reference::references(declaration, path).into_iter();
        named
            .map(|one| {
                let content = referenced(root, &one.path);
                (one.path, content)
            })
            .collect()
    }
}

/// The file or folder that an error is about.
fn path_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            path_of(err)
        }
        _ => None,
    }
}

/// What Git would have at a path, if the working tree were committed.
fn referenced(root: &Path, path: &RepoPath) -> Referenced {
    let mut current = root.to_owned();
    let mut names = path.as_str().split('/').peekable();
    while let Some(name) = names.next() {
        current.push(name);
        let Ok(found) = fs::symlink_metadata(&current) else {
            return match names.peek() {
                None => near(&current).map_or(Referenced::Absent, Referenced::Near),
                Some(_) => Referenced::Absent,
            };
        };
        match (found.is_symlink(), found.is_dir(), names.peek()) {
            // Git keeps the link itself, not what it leads to.
            (true, _, Some(_)) => return Referenced::Absent,
            (true, _, None) => return Referenced::Symlink,
            (_, true, None) => return Referenced::Folder,
            (_, false, None) if found.len() > reference::MAX_BYTES as u64 => {
                return Referenced::TooLarge;
            }
            _ => {}
        }
    }
    match fs::read(&current).map(String::from_utf8) {
        Ok(Ok(text)) => Referenced::Text(text),
        Ok(Err(_)) => Referenced::Binary,
        Err(_) => Referenced::Absent,
    }
}

/// The name of a file beside `path` that is nearly its name.
fn near(path: &Path) -> Option<String> {
    let entries = fs::read_dir(path.parent()?).ok()?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let names: Vec<_> = names.collect();
    let name = path.file_name()?.to_str()?;
    let mut alike = names.iter().map(String::as_str);
    let same = alike.find(|one| one.eq_ignore_ascii_case(name));
    let near = same.or_else(|| nearest(name, names.iter().map(String::as_str)));
    near.map(str::to_owned)
}

/// GitHub keeps no files of submodules, and Git none of its own.
fn is_of_this_repository(entry: &DirEntry) -> bool {
    let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
    let is_other = is_folder && entry.depth() > 0 && is_repository(entry.path());
    entry.file_name() != ".git" && !is_other
}

/// The path without symbolic links, but for the file itself.
pub(super) fn real_path(file: &Path) -> io::Result<PathBuf> {
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let name = file.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    Ok(folder.canonicalize()?.join(name))
}

pub(super) fn read(file: &Path, path: RepoPath) -> io::Result<FileContent> {
    let kind = fs::symlink_metadata(file)?;
    if kind.is_symlink() {
        return Ok(FileContent::Unreadable(path, UnreadableFile::Symlink));
    }
    if kind.len() > document::MAX_BYTES as u64 {
        return Ok(FileContent::Unreadable(path, UnreadableFile::TooLarge));
    }
    Ok(match String::from_utf8(fs::read(file)?) {
        Ok(text) => FileContent::Text(SourceFile::new(path, text)),
        Err(_) => FileContent::Unreadable(path, UnreadableFile::Binary),
    })
}

/// The way from the folder `here` to `file`; both are absolute.
pub(super) fn relative(file: &Path, here: &Path) -> String {
    let common = here
        .ancestors()
        .find(|folder| file.starts_with(folder))
        .unwrap_or(here);
    let up = here.components().count() - common.components().count();
    let down = file.strip_prefix(common).unwrap_or(file);
    "../".repeat(up) + &slashed(down)
}

pub(super) fn slashed(path: &Path) -> String {
    let parts = path.components().filter_map(|part| match part {
        Component::RootDir => None,
        part => Some(part.as_os_str().to_string_lossy()),
    });
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_a_file_is_short() {
        for (file, here, expected) in [
            ("/a/b/port.yml", "/a/b", "port.yml"),
            ("/a/b/port.yml", "/a", "b/port.yml"),
            ("/a/port.yml", "/a/b/c", "../../port.yml"),
            ("/a/x/port.yml", "/a/b", "../x/port.yml"),
        ] {
            assert_eq!(relative(Path::new(file), Path::new(here)), expected);
        }
    }
}
