//! The repositories that the sandbox shows.

use std::sync::Arc;

use crate::git::TestRepository;

/// What is special about a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// Its owner made it read-only.
    Archived,
    /// GitHub has disabled it.
    Disabled,
    /// It is a fork of another one.
    Fork,
    /// It is listed, but what is in it is refused: an organisation can
    /// [restrict](https://docs.github.com/organizations/keeping-your-organization-secure/managing-security-settings-for-your-organization/managing-allowed-ip-addresses-for-your-organization)
    /// from which addresses it may be read.
    Refused,
}

/// A repository with its names.
#[derive(Clone, Debug)]
pub(super) struct Hosted {
    /// It stays when the repository is renamed.
    pub(super) id: u64,
    /// `owner/name`.
    pub(super) full_name: String,
    pub(super) former_names: Vec<String>,
    pub(super) git: TestRepository,
    pub(super) attributes: Vec<Attribute>,
}

impl Hosted {
    pub(super) fn node_id(&self) -> String {
        format!("R_{}", self.id)
    }

    pub(super) fn name(&self) -> &str {
        self.full_name.split_once('/').map_or("", |(_, name)| name)
    }

    pub(super) fn owner(&self) -> &str {
        self.full_name
            .split_once('/')
            .map_or(&self.full_name, |(owner, _)| owner)
    }

    pub(super) fn is(&self, attribute: Attribute) -> bool {
        self.attributes.contains(&attribute)
    }
}

/// Which repository a name means.
pub(super) enum Meant<'a> {
    /// The one that is called so.
    Present(&'a Arc<Hosted>),
    /// The one that was called so.
    Former(&'a Arc<Hosted>),
    Nobody,
}

/// All of them. The first is the one that the sandbox was started with. Clones are cheap.
#[derive(Clone, Debug)]
pub(super) struct Repositories(Arc<Vec<Arc<Hosted>>>);

impl Repositories {
    pub(super) fn new(first: Hosted) -> Self {
        Self(Arc::new(vec![Arc::new(first)]))
    }

    pub(super) fn first(&self) -> &Arc<Hosted> {
        &self.0[0]
    }

    pub(super) fn all(&self) -> &[Arc<Hosted>] {
        &self.0
    }

    pub(super) fn by_id(&self, id: &str) -> Option<&Arc<Hosted>> {
        let id: u64 = id.parse().ok()?;
        self.0.iter().find(|one| one.id == id)
    }

    pub(super) fn by_node_id(&self, id: &str) -> Option<&Arc<Hosted>> {
        self.by_id(id.strip_prefix("R_")?)
    }

    /// Names are compared without regard to case, as GitHub does.
    pub(super) fn named(&self, full_name: &str) -> Meant<'_> {
        let is_called = |name: &String| name.eq_ignore_ascii_case(full_name);
        if let Some(one) = self.0.iter().find(|one| is_called(&one.full_name)) {
            return Meant::Present(one);
        }
        let was_called = |one: &&Arc<Hosted>| one.former_names.iter().any(is_called);
        let former = self.0.iter().find(was_called);
        former.map_or(Meant::Nobody, Meant::Former)
    }

    pub(super) fn add(&mut self, one: Hosted) {
        Arc::make_mut(&mut self.0).push(Arc::new(one));
    }

    pub(super) fn remove(&mut self, full_name: &str) {
        Arc::make_mut(&mut self.0).retain(|one| one.full_name != full_name);
    }

    /// The repository that is called so now, to be changed.
    pub(super) fn change(&mut self, full_name: &str) -> Option<&mut Hosted> {
        let mut all = Arc::make_mut(&mut self.0).iter_mut();
        all.find(|one| one.full_name == full_name)
            .map(Arc::make_mut)
    }

    pub(super) fn change_first(&mut self) -> &mut Hosted {
        Arc::make_mut(&mut Arc::make_mut(&mut self.0)[0])
    }
}
