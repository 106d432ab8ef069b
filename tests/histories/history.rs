//! What can happen to a branch, as data.

use std::collections::BTreeMap;

use proptest::prelude::*;

/// How many files, entities and forms of each entity there are: few, so that they meet often.
const FILES: u8 = 3;
const ENTITIES: u8 = 4;

/// A file that may hold entities.
pub(crate) type File = u8;
/// An entity's number.
pub(crate) type Name = u8;

/// How an entity is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A title, and which of two properties are there.
    Sound { title: u8, p: bool, q: bool },
    /// Its text is a mistake.
    Mistaken,
    /// Its blueprint does not allow it.
    Forbidden,
    /// Its blueprint does not allow it until [`Event::Allow`].
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
    Mend(File),
}

/// Where a push builds on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ground {
    /// The tip.
    Tip,
    /// A commit before it, by a force-push: the work since then is dropped.
    Back(u8),
    /// The tip's parent, by a force-push that keeps the tip's files: an amend.
    Amend,
    /// Nothing new: the branch is put back to a commit before the tip.
    Reset(u8),
}

/// Which API a disturbance strikes, at which of its requests in that run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) api: Api,
    pub(crate) request: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    GitHub,
    Port,
}

/// What becomes of a run.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    /// Nothing disturbs it.
    Quiet,
    /// It never starts.
    Dropped,
    /// It ends without a word, after this request took effect.
    Killed(Moment),
    /// It is told to stop while this request is under way.
    Interrupted(Moment),
    /// This request is refused.
    Refused(Moment),
    /// Port refuses an entity.
    RefusedEntity(Name),
    /// Other things happen while this request is under way, and the run may be killed at a later one.
    Overlapped(Moment, Vec<Event>, Option<Moment>),
}

/// Something that happens.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Push(Ground, Vec<Edit>, Fate),
    /// An older push's run is started again.
    Rerun(u8, Fate),
    /// Somebody, or the clock, starts a run that compares everything with Port.
    FullRun(Fate),
    /// Somebody changes the blueprint, so that it allows what is [`Form::Awaited`].
    Allow,
}

/// What no record can make right is left out: nobody else writes to the entities, which Git could not
/// tell from what it wrote itself.
pub(crate) fn history() -> impl Strategy<Value = Vec<Event>> {
    let inner = prop::collection::vec(event(calm_fate().boxed()), 1..3);
    let death = prop_oneof![3 => Just(None), 1 => moment().prop_map(Some)];
    let fate = prop_oneof![
        6 => calm_fate(),
        2 => (moment(), inner, death)
            .prop_map(|(moment, events, death)| Fate::Overlapped(moment, events, death)),
    ];
    prop::collection::vec(event(fate.boxed()), 1..6)
}

fn event(fate: BoxedStrategy<Fate>) -> impl Strategy<Value = Event> {
    let edits = prop::collection::vec(edit(), 0..4);
    prop_oneof![
        9 => (ground(), edits, fate.clone()).prop_map(|(ground, edits, fate)| Event::Push(ground, edits, fate)),
        1 => (0..6_u8, fate.clone()).prop_map(|(which, fate)| Event::Rerun(which, fate)),
        1 => fate.prop_map(Event::FullRun),
        1 => Just(Event::Allow),
    ]
}

fn ground() -> impl Strategy<Value = Ground> {
    prop_oneof![
        6 => Just(Ground::Tip),
        1 => (1..4_u8).prop_map(Ground::Back),
        1 => Just(Ground::Amend),
        1 => (1..4_u8).prop_map(Ground::Reset),
    ]
}

fn edit() -> impl Strategy<Value = Edit> {
    let (file, name) = (0..FILES, 0..ENTITIES);
    prop_oneof![
        8 => (file.clone(), name.clone(), form()).prop_map(|(file, name, form)| Edit::Set(file, name, form)),
        4 => (file.clone(), name.clone()).prop_map(|(file, name)| Edit::Drop(file, name)),
        2 => (file.clone(), file.clone(), name).prop_map(|(from, to, name)| Edit::Move(from, to, name)),
        1 => (file.clone(), file.clone()).prop_map(|(from, to)| Edit::Rename(from, to)),
        1 => file.clone().prop_map(Edit::Delete),
        1 => file.clone().prop_map(Edit::Break),
        2 => file.prop_map(Edit::Mend),
    ]
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![
        10 => (0..2_u8, any::<bool>(), any::<bool>())
            .prop_map(|(title, p, q)| Form::Sound { title, p, q }),
        1 => Just(Form::Mistaken),
        1 => Just(Form::Forbidden),
        1 => Just(Form::Awaited),
    ]
}

fn calm_fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Quiet),
        2 => Just(Fate::Dropped),
        2 => moment().prop_map(Fate::Killed),
        1 => moment().prop_map(Fate::Interrupted),
        1 => moment().prop_map(Fate::Refused),
        1 => (0..ENTITIES).prop_map(Fate::RefusedEntity),
    ]
}

fn moment() -> impl Strategy<Value = Moment> {
    let api = prop_oneof![Just(Api::GitHub), Just(Api::Port)];
    (api, 0..9_u8).prop_map(|(api, request)| Moment { api, request })
}

/// The entity files of a commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tree(BTreeMap<File, Content>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Content {
    entities: BTreeMap<Name, Form>,
    is_broken: bool,
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
                if let Some(content) = self.0.remove(&from) {
                    self.0.insert(to, content);
                }
            }
            Edit::Delete(file) => drop(self.0.remove(&file)),
            Edit::Break(file) => self.0.entry(file).or_default().is_broken = true,
            Edit::Mend(file) => self.0.entry(file).or_default().is_broken = false,
        }
        self.0
            .retain(|_, content| content.is_broken || !content.entities.is_empty());
    }

    fn file(&mut self, file: File) -> &mut BTreeMap<Name, Form> {
        &mut self.0.entry(file).or_default().entities
    }

    /// The same without mistakes: each entity is declared once, as its blueprint allows by then.
    pub(crate) fn mended(mut self) -> Self {
        let mut seen = Vec::new();
        for content in self.0.values_mut() {
            content.is_broken = false;
            content
                .entities
                .retain(|_, form| matches!(form, Form::Sound { .. } | Form::Awaited));
            content.entities.retain(|name, _| !seen.contains(name));
            seen.extend(content.entities.keys().copied());
        }
        self.0.retain(|_, content| !content.entities.is_empty());
        self
    }

    /// Paths and texts.
    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        let file = |(file, content): (&File, &Content)| {
            let mut texts: Vec<_> = content.entities.iter().map(text).collect();
            if content.is_broken {
                texts.push("title: [\n".to_owned());
            }
            (format!("{file}/port.yml"), texts.join("---\n"))
        };
        self.0.iter().map(file).collect()
    }

    /// What is declared, if nothing is mistaken.
    pub(crate) fn declared(&self) -> BTreeMap<Name, Form> {
        let contents = self.0.values();
        let all = contents.flat_map(|content| &content.entities);
        all.map(|(name, form)| (*name, *form)).collect()
    }
}

fn text((name, form): (&Name, &Form)) -> String {
    let rest = match form {
        Form::Sound { title, p, q } => {
            let property = |name: &str, is_there: bool| {
                if is_there {
                    format!("{name}: {name}{title}, ")
                } else {
                    String::new()
                }
            };
            let (p, q) = (property("p", *p), property("q", *q));
            format!("title: t{title}\nproperties: {{{p}{q}}}\n")
        }
        Form::Mistaken => "title: 5\n".to_owned(),
        Form::Awaited => "title: t\nproperties: {r: r}\n".to_owned(),
        Form::Forbidden => "title: t\nproperties: {p: 5}\n".to_owned(),
    };
    format!("identifier: e{name}\nblueprint: thing\n{rest}")
}
