//! What no public source says about the services: one switch for each, off at first.
//!
//! A test turns one on with `turn_on` of its sandbox. For a whole run of the test suite, the
//! environment variable [`VARIABLE`] names those that every sandbox starts with, such as
//! `PORT_GITOPS_SANDBOX=search-lags,merge-is-deep`.

use std::collections::BTreeSet;
use std::env;
use std::io;
use std::str::FromStr;

/// The environment variable that names the switches to start with, separated by commas.
pub const VARIABLE: &str = "PORT_GITOPS_SANDBOX";

macro_rules! switches {
    ($($(#[doc = $text:literal])+ $variant:ident = $name:literal;)+) => {
        /// A behaviour that a service may or may not have.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Switch {
            $($(#[doc = $text])+ $variant,)+
        }

        impl Switch {
            /// Every switch.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name in the environment variable.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

switches! {
    /// Port: searches and counts do not see what requests wrote since a client last logged in, so
    /// that no run finds what it wrote itself (see `PortSandbox::set_search_lag` for a lag that
    /// lasts longer); a GET by identifier does.
    SearchLags = "search-lags";
    /// Port: a string of more than 32 KiB anywhere in a property is refused with 422.
    LargeStringsRefused = "strings-over-32-kib-refused";
    /// Port: a property that is `null` in a merge keeps its value. Off: it is cleared.
    NullsIgnored = "nulls-ignored-under-merge";
    /// Port: a property that is `null` is stored as `null`. Off: it is cleared.
    NullsStored = "nulls-stored";
    /// Port: a merge goes into objects inside of properties. Off: it replaces them.
    MergeIsDeep = "merge-is-deep";
    /// Port: replacing an entity gives the properties that are left out their defaults. Off: only
    /// creating one does (and a required property always gets its default).
    DefaultsAppliedAnew = "defaults-applied-on-replace";
    /// Port: PATCH ignores a `null` for `title`, `icon` and `team`. Off: it clears them.
    PatchNullsIgnored = "patch-nulls-ignored";
    /// Port: the message of a 404 does not say what was not found.
    NotFoundIsVague = "not-found-is-vague";
    /// Port: `x-ratelimit-reset` is in seconds since 1970. Off: in seconds from now.
    ResetIsEpoch = "rate-limit-reset-is-epoch";
    /// Port: a single string for a relation to many is stored as a list of one. Off: it is
    /// refused with 422.
    SingleTargetForMany = "single-target-for-many";
    /// Port: a bulk deletion deletes what it can and answers with 200. Off: it fails as a whole.
    BulkDeletesPartly = "bulk-deletes-partly";
    /// Port: an unknown client ID is a 404. Off, and with a wrong secret: 401.
    UnknownClientIs404 = "unknown-client-is-404";
    /// Port: an unknown client ID is a 422. Off, and with a wrong secret: 401.
    UnknownClientIs422 = "unknown-client-is-422";
    /// GitHub: GraphQL does not show objects that no branch or tag reaches. Off: it does, as REST
    /// does.
    GraphQlHidesUnreachable = "graphql-hides-unreachable";
}

impl FromStr for Switch {
    type Err = io::Error;

    fn from_str(name: &str) -> io::Result<Self> {
        let all = Self::ALL.iter().copied();
        all.clone().find(|one| one.name() == name).ok_or_else(|| {
            let names: Vec<_> = all.map(Self::name).collect();
            let names = names.join(", ");
            io::Error::other(format!(
                "{VARIABLE}: no switch is called {name:?}, but these are: {names}"
            ))
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
        let switches = names.filter(|name| !name.is_empty()).map(Switch::from_str);
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
        let error = "search-lag".parse::<Switch>();
        let error = error.map_err(|error| error.to_string());
        assert!(error.is_err_and(|text| text.contains("search-lags, strings")));
    }
}
