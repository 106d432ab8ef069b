//! The entity files of a commit, and what they declare.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::branch;
use crate::history::Selection;

/// How many texts there are that properties can name.
pub(crate) const TEXTS: u8 = 2;

/// A file that may hold entities.
pub(crate) type File = u8;
/// An entity's number.
pub(crate) type Name = u8;

/// How an entity is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// It may have a title, and which of two properties are there.
    Sound { title: Option<u8>, p: bool, q: bool },
    /// Its property `q` is this text, which may be missing.
    OfText(u8),
    /// Its text is a mistake.
    Mistaken,
    /// Its blueprint does not allow it.
    Forbidden,
    /// Its blueprint does not allow it until [`crate::history::Event::Allow`].
    Awaited,
}

/// What is done to files in a commit.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Edit {
    Set(File, Name, Form),
    Drop(File, Name),
    Move(File, File, Name),
    Rename(File, File),
    Delete(File),
    Break(File),
    Fix(File),
    Text(u8, Option<u8>),
}

/// The files of a commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    files: BTreeMap<File, Content>,
    texts: BTreeMap<u8, u8>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Content {
    entities: BTreeMap<Name, Form>,
    is_broken: bool,
}

/// What the blueprint and the inputs allow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) selection: Selection,
    /// Whether the blueprint allows what is [`Form::Awaited`].
    pub(crate) allows_more: bool,
}

impl Tree {
    pub(crate) fn edit(&mut self, edit: Edit) {
        match edit {
            Edit::Set(file, name, form) => drop(self.file(file).insert(name, form)),
            Edit::Drop(file, name) => drop(self.file(file).remove(&name)),
            Edit::Move(from, to, name) => {
                if let Some(form) = self.file(from).remove(&name) {
                    self.file(to).insert(name, form);
                }
            }
            Edit::Rename(from, to) => {
                if let Some(content) = self.files.remove(&from) {
                    self.files.insert(to, content);
                }
            }
            Edit::Delete(file) => drop(self.files.remove(&file)),
            Edit::Break(file) => self.files.entry(file).or_default().is_broken = true,
            Edit::Fix(file) => self.files.entry(file).or_default().is_broken = false,
            Edit::Text(which, Some(content)) => drop(self.texts.insert(which, content)),
            Edit::Text(which, None) => drop(self.texts.remove(&which)),
        }
        self.files
            .retain(|_, content| content.is_broken || !content.entities.is_empty());
    }

    fn file(&mut self, file: File) -> &mut BTreeMap<Name, Form> {
        &mut self.files.entry(file).or_default().entities
    }

    /// Takes out what is wrong, and what `others` declare.
    pub(crate) fn fix(&mut self, others: &BTreeSet<Name>, terms: Terms) {
        let texts = self.texts.clone();
        let mut seen = others.clone();
        for content in self.files.values_mut() {
            content.is_broken = false;
            content
                .entities
                .retain(|name, form| value(form, &texts, terms).is_some() && !seen.contains(name));
            seen.extend(content.entities.keys().copied());
        }
        self.files.retain(|_, content| !content.entities.is_empty());
    }

    fn selected(&self, selection: Selection) -> impl Iterator<Item = &Content> {
        let files = self.files.iter();
        let files = files.filter(move |(file, _)| selection.has(**file));
        files.map(|(_, content)| content)
    }

    /// What is declared, as it should be or not.
    pub(crate) fn mentioned(&self, selection: Selection) -> BTreeSet<Name> {
        let contents = self.selected(selection);
        contents
            .flat_map(|content| content.entities.keys().copied())
            .collect()
    }

    /// Whether there is a document that cannot be read, and may declare anything.
    pub(crate) fn has_broken_file(&self, selection: Selection) -> bool {
        self.selected(selection).any(|content| content.is_broken)
    }

    /// What may be written: of two declarations of one entity, one may have a mistake.
    pub(crate) fn writable(&self, terms: Terms) -> BTreeSet<Name> {
        let contents = self.selected(terms.selection);
        let all = contents.flat_map(|content| &content.entities);
        let sound = all.filter(|(_, form)| value(form, &self.texts, terms).is_some());
        sound.map(|(name, _)| *name).collect()
    }

    /// What is declared as it should be, and as what; and whether that is all.
    pub(crate) fn sound(&self, terms: Terms) -> (BTreeMap<Name, Value>, bool) {
        let mut sound = BTreeMap::new();
        let mut twice = BTreeSet::new();
        let mut is_all = true;
        for content in self.selected(terms.selection) {
            is_all &= !content.is_broken;
            for (name, form) in &content.entities {
                let value = value(form, &self.texts, terms);
                is_all &= value.is_some();
                if sound.insert(*name, value).is_some() {
                    twice.insert(*name);
                }
            }
        }
        is_all &= twice.is_empty();
        let sound = sound
            .into_iter()
            .filter(|(name, _)| !twice.contains(name))
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        (sound, is_all)
    }
}

impl branch::Content for Tree {
    fn files(&self) -> BTreeMap<String, String> {
        let file = |(file, content): (&File, &Content)| {
            let mut texts: Vec<_> = content.entities.iter().map(text).collect();
            if content.is_broken {
                texts.insert(0, "title: [\n".to_owned());
            }
            (format!("{file}/port.yml"), texts.join("---\n"))
        };
        let text = |(which, content): (&u8, &u8)| (path_of(*which), format!("text {content}"));
        let mut files: BTreeMap<_, _> = self.files.iter().map(file).collect();
        files.extend(self.texts.iter().map(text));
        files
    }
}

fn path_of(text: u8) -> String {
    format!("texts/{text}.md")
}

fn text((name, form): (&Name, &Form)) -> String {
    let more = match form {
        Form::Sound { title, p, q } => {
            let number = title.unwrap_or_default();
            let title = title.map(|title| format!("title: t{title}\n"));
            let property = |name: &str, is_there: bool| match is_there {
                true => format!("{name}: {name}{number}, "),
                false => String::new(),
            };
            let (p, q) = (property("p", *p), property("q", *q));
            format!("{}properties: {{{p}{q}}}\n", title.unwrap_or_default())
        }
        Form::OfText(which) => format!("properties: {{q: 'file://{}'}}\n", path_of(*which)),
        Form::Mistaken => "title: 5\n".to_owned(),
        Form::Awaited => "title: t\nproperties: {r: r}\n".to_owned(),
        Form::Forbidden => "title: t\nproperties: {p: 5}\n".to_owned(),
    };
    format!("identifier: e{name}\nblueprint: thing\n{more}")
}

/// What Port holds of an entity that is declared so; nothing if it is no sound declaration.
fn value(form: &Form, texts: &BTreeMap<u8, u8>, terms: Terms) -> Option<Value> {
    let mut value = Map::new();
    match form {
        Form::Sound { title, p, q } => {
            let number = title.unwrap_or_default();
            if let Some(title) = title {
                value.insert("title".to_owned(), json!(format!("t{title}")));
            }
            for (name, is_there) in [("p", p), ("q", q)] {
                if *is_there {
                    value.insert(name.to_owned(), json!(format!("{name}{number}")));
                }
            }
        }
        Form::OfText(which) => {
            let text = texts.get(which)?;
            value.insert("q".to_owned(), json!(format!("text {text}")));
        }
        Form::Awaited if terms.allows_more => {
            value.insert("title".to_owned(), json!("t"));
            value.insert("r".to_owned(), json!("r"));
        }
        Form::Awaited | Form::Mistaken | Form::Forbidden => return None,
    }
    Some(value.into())
}
