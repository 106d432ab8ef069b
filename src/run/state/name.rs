//! What a source is called in Port.

use std::fmt;
use std::fmt::Write as _;

use crate::git::BranchName;

/// The identifier of a source's state: `github.com/123`, then `/branch/NAME` unless it is the default
/// branch, then `/owner/NAME` if that input is set. A rename of the repository changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SourceName(String);

/// What a source's name is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SourceParts<'p> {
    /// GitHub's host.
    pub(crate) host: &'p str,
    /// The repository's id, which a rename keeps.
    pub(crate) repository_id: u64,
    /// The branch, unless it is the default one.
    pub(crate) branch: Option<&'p BranchName>,
    /// The input `owner`.
    pub(crate) owner: Option<&'p str>,
}

/// What the name of a fleet run's own entity is made of.
#[derive(Debug, Clone)]
pub(crate) struct FleetParts<'p> {
    /// GitHub's host.
    pub(crate) host: &'p str,
    /// The id of the repository whose workflow it is.
    pub(crate) home_id: u64,
    /// The input `owner`.
    pub(crate) owner: Option<&'p str>,
    /// The input `shard`, unless it is the whole.
    pub(crate) shard: Option<String>,
}

impl SourceName {
    pub(crate) fn new(parts: SourceParts<'_>) -> Self {
        let mut name = Self(format!("{}/{}", escape(parts.host), parts.repository_id));
        name.add("branch", parts.branch.map(BranchName::as_str));
        name.add("owner", parts.owner);
        name
    }

    /// The identifier of a fleet run's own entity: `github.com/fleet/123`, then `/owner/NAME` and
    /// `/shard/2=2F8` where they apply.
    pub(crate) fn of_fleet(parts: &FleetParts<'_>) -> Self {
        let mut name = Self(format!("{}/fleet/{}", escape(parts.host), parts.home_id));
        name.add("owner", parts.owner);
        name.add("shard", parts.shard.as_deref());
        name
    }

    fn add(&mut self, kind: &str, part: Option<&str>) {
        if let Some(part) = part {
            self.0 = format!("{}/{kind}/{}", self.0, escape(part));
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Escapes each byte that a part of the name cannot hold as `=XX`.
fn escape(part: &str) -> String {
    let mut escaped = String::new();
    for byte in part.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b':' => {
                escaped.push(char::from(byte));
            }
            // Writing to a string cannot fail.
            _ => drop(write!(escaped, "={byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_branches_owners_and_shards_apart() {
        for (branch, owner, expected) in [
            (None, None, "github.com/12"),
            (Some("a/b"), None, "github.com/12/branch/a=2Fb"),
            (None, Some("=%"), "github.com/12/owner/=3D=25"),
            (
                Some("x"),
                Some("o w é"),
                "github.com/12/branch/x/owner/o=20w=20=C3=A9",
            ),
            // Not the owner `y` on the branch `x`.
            (
                Some("x/owner/y"),
                None,
                "github.com/12/branch/x=2Fowner=2Fy",
            ),
        ] {
            let branch = branch.map(BranchName::new);
            let name = SourceName::new(SourceParts {
                host: "github.com",
                repository_id: 12,
                branch: branch.as_ref(),
                owner,
            });
            assert_eq!((name.as_str(), &*name.to_string()), (expected, expected));
        }
        for (owner, shard, expected) in [
            (None, None, "ghe.corp:8443/fleet/12"),
            (Some("x"), None, "ghe.corp:8443/fleet/12/owner/x"),
            (None, Some("2/8"), "ghe.corp:8443/fleet/12/shard/2=2F8"),
        ] {
            let name = SourceName::of_fleet(&FleetParts {
                host: "ghe.corp:8443",
                home_id: 12,
                owner,
                shard: shard.map(str::to_owned),
            });
            assert_eq!(name.as_str(), expected);
        }
    }
}
