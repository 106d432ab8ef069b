//! A branch, whose commits hold what is told as data.

use std::collections::BTreeMap;

use port_gitops_sandbox::{ObjectId, TestRepository};
use proptest::prelude::*;

/// What a push builds on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Base {
    /// The tip.
    Tip,
    /// A commit before it, by a force-push: the work since then is dropped.
    Back(u8),
    /// The tip, with the files of its parent.
    Revert,
    /// The tip's parent, by a force-push that keeps the tip's files: an amend.
    Amend,
    /// Nothing new: the branch is put back to a commit before the tip.
    Reset(u8),
}

/// What a commit holds.
pub(crate) trait Content: Clone + Default {
    /// Paths and texts.
    fn files(&self) -> BTreeMap<String, String>;
}

#[derive(Default)]
pub(crate) struct Branch<T> {
    /// Its history, oldest first, with the files of each commit.
    pub(crate) line: Vec<(ObjectId, T)>,
    /// Before and after of every push.
    pub(crate) pushes: Vec<(ObjectId, ObjectId)>,
}

/// What a push did: what the branch pointed to before and after, and the same for people.
pub(crate) struct Pushed {
    pub(crate) before: ObjectId,
    pub(crate) after: ObjectId,
    pub(crate) told: String,
}

impl<T: Content> Branch<T> {
    pub(crate) fn tip(&self) -> T {
        let tip = self.line.last();
        tip.map(|(_, tree)| tree.clone()).unwrap_or_default()
    }

    /// Moves the branch. The number is not that of any other push.
    pub(crate) fn push(
        &mut self,
        repository: &TestRepository,
        base: Base,
        number: usize,
        edit: impl FnOnce(&mut T),
    ) -> Pushed {
        let mut tree = self.tip();
        let before = self.line.last().map(|(commit, _)| commit.clone());
        let before = before.unwrap_or_else(|| repository.zero_id());
        let last = self.line.len().saturating_sub(1);
        let back = match base {
            Base::Tip | Base::Revert => 0,
            Base::Back(back) | Base::Reset(back) => last.min(back.into()),
            Base::Amend => last.min(1),
        };
        if back > 0 {
            self.line.truncate(last + 1 - back);
            let (commit, older) = self.line.last().unwrap();
            repository.reset_hard(commit).unwrap();
            if !matches!(base, Base::Amend) {
                tree = older.clone();
            }
            if matches!(base, Base::Reset(_)) {
                let after = commit.clone();
                let told = format!("reset {} to {}", short(&before), short(&after));
                return self.pushed(before, after, told);
            }
        }
        if matches!(base, Base::Revert) && last > 0 {
            tree = self.line[last - 1].1.clone();
        }
        edit(&mut tree);
        let parent = self.line.last();
        let there = parent.map_or_else(BTreeMap::new, |(_, tree)| tree.files());
        let parent = parent.map_or("nothing".to_owned(), |(commit, _)| short(commit));
        let wanted = tree.files();
        for path in there.keys().filter(|path| !wanted.contains_key(*path)) {
            repository.remove(path);
        }
        for (path, text) in &wanted {
            if there.get(path) != Some(text) {
                repository.write(path, text);
            }
        }
        repository.write("README.md", &number.to_string());
        let after = repository.commit("Change").unwrap();
        self.line.push((after.clone(), tree));
        let told = format!("push {} on {parent}: {wanted:?}", short(&after));
        self.pushed(before, after, told)
    }

    fn pushed(&mut self, before: ObjectId, after: ObjectId, told: String) -> Pushed {
        self.pushes.push((before.clone(), after.clone()));
        Pushed {
            before,
            after,
            told,
        }
    }
}

fn short(commit: &ObjectId) -> String {
    commit.chars().take(7).collect()
}

pub(crate) fn base() -> impl Strategy<Value = Base> {
    prop_oneof![
        6 => Just(Base::Tip),
        2 => Just(Base::Revert),
        1 => (1..4_u8).prop_map(Base::Back),
        1 => Just(Base::Amend),
        1 => (1..4_u8).prop_map(Base::Reset),
    ]
}
