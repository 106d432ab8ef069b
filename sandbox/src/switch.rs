//! What no public source says about the services: one switch for each, off at first.
//!
//! A test turns one on with `turn_on` of its sandbox. For a whole run of the test suite, the
//! environment variable [`VARIABLE`] names those that every sandbox starts with, such as
//! `PORT_GITOPS_SANDBOX=search-lags,merge-is-deep`.

use std::collections::BTreeSet;
use std::env;
use std::io;

use strum::{EnumString, VariantArray, VariantNames};

/// The environment variable that names the switches to start with, separated by commas.
pub const VARIABLE: &str = "PORT_GITOPS_SANDBOX";

/// A behaviour that a service may or may not have. Its name in the variable is in kebab case, unless `serialize` gives
/// another one.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumString, VariantArray, VariantNames,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Switch {
    /// Port: searches and counts do not see what requests wrote since a client last logged in, so
    /// that no run finds what it wrote itself (see `PortSandbox::set_search_lag` for a lag that
    /// lasts longer); a GET by identifier does.
    SearchLags,
    /// Port: a string of more than 32 KiB anywhere in a property is refused with 422.
    #[strum(serialize = "strings-over-32-kib-refused")]
    LargeStringsRefused,
    /// Port: a property that is `null` in a merge keeps its value. Off: it is cleared.
    #[strum(serialize = "nulls-ignored-under-merge")]
    NullsIgnored,
    /// Port: a property that is `null` is stored as `null`. Off: it is cleared.
    NullsStored,
    /// Port: a merge goes into objects inside of properties. Off: it replaces them.
    MergeIsDeep,
    /// Port: replacing an entity gives the properties that are left out their defaults. Off: only
    /// creating one does (and a required property always gets its default).
    #[strum(serialize = "defaults-applied-on-replace")]
    DefaultsAppliedAnew,
    /// Port: PATCH ignores a `null` for `title`, `icon` and `team`. Off: it clears them.
    PatchNullsIgnored,
    /// Port: the message of a 404 does not say what was not found.
    NotFoundIsVague,
    /// Port: `x-ratelimit-reset` is in seconds since 1970. Off: in seconds from now.
    #[strum(serialize = "rate-limit-reset-is-epoch")]
    ResetIsEpoch,
    /// Port: a single string for a relation to many is stored as a list of one. Off: it is
    /// refused with 422.
    SingleTargetForMany,
    /// Port: a bulk deletion deletes what it can and answers with 200. Off: it fails as a whole.
    BulkDeletesPartly,
    /// Port: an unknown client ID is a 404. Off, and with a wrong secret: 401.
    #[strum(serialize = "unknown-client-is-404")]
    UnknownClientIs404,
    /// Port: an unknown client ID is a 422. Off, and with a wrong secret: 401.
    #[strum(serialize = "unknown-client-is-422")]
    UnknownClientIs422,
    /// GitHub: GraphQL does not show objects that no branch or tag reaches. Off: it does, as REST
    /// does.
    #[strum(serialize = "graphql-hides-unreachable")]
    GraphQlHidesUnreachable,
}

impl Switch {
    /// Every switch.
    pub const ALL: &[Self] = <Self as VariantArray>::VARIANTS;

    fn named(name: &str) -> io::Result<Self> {
        name.parse().map_err(|_| {
            let names = <Self as VariantNames>::VARIANTS.join(", ");
            let text = format!("no switch is called {name:?}, but these are: {names}");
            io::Error::other(format!("{VARIABLE}: {text}"))
        })
    }
}

/// The switches of one sandbox that are on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Switches(BTreeSet<Switch>);

impl Switches {
    /// Those that the environment names.
    ///
    /// # Errors
    ///
    /// It names one that there is not.
    pub(crate) fn from_environment() -> io::Result<Self> {
        let names = env::var(VARIABLE).unwrap_or_default();
        let names = names.split(',').map(str::trim);
        let switches = names.filter(|name| !name.is_empty()).map(Switch::named);
        switches.collect::<io::Result<_>>().map(Self)
    }

    pub(crate) fn is_on(&self, switch: Switch) -> bool {
        self.0.contains(&switch)
    }

    pub(crate) fn turn_on(&mut self, switch: Switch) {
        self.0.insert(switch);
    }

    pub(crate) fn turn_off(&mut self, switch: Switch) {
        self.0.remove(&switch);
    }
}

#[cfg(test)]
mod tests {
    use super::Switch;

    #[test]
    fn a_name_that_is_none_is_refused() {
        let error = Switch::named("search-lag");
        let error = error.map_err(|error| error.to_string());
        assert!(error.is_err_and(|text| text.contains("search-lags, strings")));
    }
}
