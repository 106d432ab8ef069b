//! Environment → inputs; every mistake is collected before any is reported.

use std::net::IpAddr;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use secrecy::SecretString;
use url::{Host, Url};

use super::{
    CommentInput, Credentials, FleetSelection, GitHubUrls, InputError, Inputs, Merge,
    MissingTargets, ModeInput, NAMES, Prune, ScopeInput, Shard, StateBlueprint,
};
use crate::catalog::entity::{BlueprintId, nearest};
use crate::catalog::rules::{
    BlueprintRules, DEFAULT_BLUEPRINTS, DEFAULT_FILES, FileRules, InvalidRules, PropertyRules,
    RepositoryRules,
};
use crate::environment::Environment;
use crate::text::RepoPath;

const PORT_API: &str = "https://api.port.io";
/// A mistake should not empty a catalog.
const DEFAULT_MAX_DELETES: usize = 10;
/// The blueprint of states.
pub(crate) const DEFAULT_STATE_BLUEPRINT: &str = "gitops_source";
const GITHUB_API: &str = "https://api.github.com";

/// Inputs, or all of them that hold something else than is allowed; and what is odd about them without
/// being wrong.
pub(super) type ParsedInputs = (Result<Inputs, Vec<InputError>>, Vec<String>);

/// Reads every input.
pub fn parse(environment: &Environment) -> ParsedInputs {
    let mut reader = InputReader {
        environment,
        errors: Vec::new(),
        warnings: unknown_inputs(environment),
    };
    let inputs = reader.inputs();
    let parsed = match inputs {
        Some(inputs) if reader.errors.is_empty() => Ok(inputs),
        _ => Err(reader.errors),
    };
    (parsed, reader.warnings)
}

fn unknown_inputs(environment: &Environment) -> Vec<String> {
    environment
        .input_names()
        .filter(|name| !NAMES.contains(&name.as_str()))
        .map(|name| match nearest(&name, NAMES) {
            Some(known) => {
                format!(
                    "the action has no input `{name}`, so it has no effect; did you mean `{known}`?"
                )
            }
            None => format!("the action has no input `{name}`, so it has no effect"),
        })
        .collect()
}

struct InputReader<'a> {
    environment: &'a Environment,
    errors: Vec<InputError>,
    warnings: Vec<String>,
}

impl<'a> InputReader<'a> {
    fn inputs(&mut self) -> Option<Inputs> {
        // Every input is read before any failure counts.
        let credentials = self.credentials();
        let base_url = self.base_url();
        let github = self.github_urls();
        let github_token = self.github_token();
        let files = self.rules("files", DEFAULT_FILES, FileRules::parse);
        let mapping = self.mapping();
        let blueprint = self.blueprint();
        let blueprints = self.rules("blueprints", DEFAULT_BLUEPRINTS, BlueprintRules::parse);
        let redact = match self.get("redact") {
            Some(_) => self.rules("redact", "", PropertyRules::parse),
            None => Some(PropertyRules::default()),
        };
        let owner = self.owner();
        let report_file = self.report_file();
        let mode = self.one_of("mode", MODES);
        let scope = self.one_of("scope", SCOPES);
        let prune = self.flag("prune", [Prune::Delete, Prune::Keep], Prune::Keep);
        let state_blueprint = self.state_blueprint(prune);
        let max_deletes = self.max_deletes();
        let comment = self.flag(
            "comment",
            [CommentInput::Keep, CommentInput::None],
            CommentInput::None,
        );
        let fleet = self.fleet(comment);
        let merge = self.flag("merge", [Merge::Merge, Merge::Replace], Merge::Merge);
        let missing_targets = self.flag(
            "create-missing-related-entities",
            [MissingTargets::Create, MissingTargets::Reject],
            MissingTargets::Reject,
        );
        // Entity files never write the state, also where none is kept.
        let default_state = BlueprintId::parse(DEFAULT_STATE_BLUEPRINT).ok();
        let reserved = match &state_blueprint {
            Some(StateBlueprint::Kept(blueprint)) => Some(blueprint),
            Some(StateBlueprint::None) | None => default_state.as_ref(),
        };
        let blueprints = match reserved {
            Some(reserved) => blueprints.map(|rules| rules.without(reserved)),
            None => blueprints,
        };
        Some(Inputs {
            mode: mode?,
            scope: scope?,
            prune,
            max_deletes: max_deletes?,
            comment,
            redact: redact?,
            merge,
            missing_targets,
            credentials,
            base_url: base_url?,
            github: github?,
            github_token: github_token?,
            ca_certificates: self.get("ca-certificates").map(str::to_owned),
            files: files?,
            mapping,
            blueprint,
            blueprints: blueprints?,
            owner,
            state_blueprint: state_blueprint?,
            fleet,
            run_id: self.get("run-id").map(str::to_owned),
            report_file,
        })
    }

    fn get(&self, input: &'static str) -> Option<&'a str> {
        self.environment.input(input)
    }

    fn error(&mut self, input: &'static str, problem: impl Into<String>) {
        self.errors.push(InputError {
            input,
            problem: problem.into(),
        });
    }

    fn credentials(&mut self) -> Option<Credentials> {
        match (self.get("client-id"), self.get("client-secret")) {
            (Some(client_id), Some(client_secret)) => Some(Credentials {
                client_id: client_id.to_owned(),
                client_secret: SecretString::from(client_secret),
            }),
            (None, None) => None,
            (Some(_), None) => {
                self.error(
                    "client-secret",
                    "is missing or empty although `client-id` is given: set both or neither",
                );
                None
            }
            (None, Some(_)) => {
                self.error(
                    "client-id",
                    "is missing or empty although `client-secret` is given: set both or neither",
                );
                None
            }
        }
    }

    fn github_token(&mut self) -> Option<SecretString> {
        match self.get("github-token") {
            None => {
                self.error(
                    "github-token",
                    "is empty: in a workflow, leave it out to use the workflow's own token; elsewhere, set it",
                );
                None
            }
            Some(token) if !token.bytes().all(|byte| byte.is_ascii_graphic()) => {
                self.error(
                    "github-token",
                    "holds characters that no token has (spaces or line breaks?)",
                );
                None
            }
            Some(token) => Some(SecretString::from(token)),
        }
    }

    /// Port's API, without the `/v1` that its documentation's examples end in: each request adds it.
    fn base_url(&mut self) -> Option<Url> {
        let given = self.get("base-url").unwrap_or(PORT_API);
        let mut url = self.url("base-url", given)?;
        let path = url.path().trim_end_matches('/');
        if let Some(path) = path.strip_suffix("/v1").map(str::to_owned) {
            url.set_path(&path);
            let plain = url.as_str().trim_end_matches('/');
            self.warnings.push(format!(
                "the input `base-url` is used without `/v1`, which each request adds: write `{plain}`"
            ));
        }
        Some(url)
    }

    fn github_urls(&mut self) -> Option<GitHubUrls> {
        const INPUT: &str = "github-api-url";
        if let Some(given) = self.get(INPUT) {
            let rest = self.url(INPUT, given)?;
            let graphql = graphql_beside(&rest);
            return Some(GitHubUrls { rest, graphql });
        }
        let rest = self
            .environment
            .variable("GITHUB_API_URL")
            .unwrap_or(GITHUB_API);
        let rest = self.url(INPUT, rest)?;
        let graphql = match self.environment.variable("GITHUB_GRAPHQL_URL") {
            Some(graphql) => self.url(INPUT, graphql)?,
            None => graphql_beside(&rest),
        };
        Some(GitHubUrls { rest, graphql })
    }

    /// A URL that secrets may be sent to.
    fn url(&mut self, input: &'static str, given: &str) -> Option<Url> {
        match check_url(given) {
            Ok(url) => Some(url),
            Err(problem) => {
                self.error(input, problem);
                None
            }
        }
    }

    fn blueprint(&mut self) -> Option<BlueprintId> {
        let given = self.get("blueprint")?;
        BlueprintId::parse(given)
            .map_err(|reason| {
                self.error(
                    "blueprint",
                    format!("`{given}` is not a valid blueprint name: {reason}"),
                )
            })
            .ok()
    }

    fn rules<T>(
        &mut self,
        input: &'static str,
        default: &str,
        parse: impl Fn(&str) -> Result<T, Vec<InvalidRules>>,
    ) -> Option<T> {
        let errors = match parse(self.get(input).unwrap_or(default)) {
            Ok(rules) => return Some(rules),
            Err(errors) => errors,
        };
        for error in errors {
            self.error(input, error.to_string());
        }
        None
    }

    fn one_of<T: Copy>(&mut self, input: &'static str, values: &[(&str, T)]) -> Option<T> {
        let given = self.get(input).unwrap_or("auto").to_ascii_lowercase();
        let value = values
            .iter()
            .find(|(name, _)| *name == given)
            .map(|&(_, value)| value);
        if value.is_none() {
            let names: Vec<_> = values.iter().map(|(name, _)| format!("`{name}`")).collect();
            self.error(
                input,
                format!("`{given}` is not allowed; use one of {}", names.join(", ")),
            );
        }
        value
    }

    fn flag<T>(&mut self, input: &'static str, [yes, no]: [T; 2], default: T) -> T {
        match self.get(input).map(str::to_ascii_lowercase).as_deref() {
            None => default,
            Some("true") => yes,
            Some("false") => no,
            Some(given) => {
                self.error(
                    input,
                    format!("`{given}` is not allowed; use `true` or `false`"),
                );
                default
            }
        }
    }

    fn owner(&mut self) -> Option<String> {
        let owner = self.get("owner")?;
        if !owner.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            self.error(
                "owner",
                format!("`{owner}` is not allowed: use printable ASCII characters"),
            );
        }
        Some(owner.to_owned())
    }

    fn state_blueprint(&mut self, prune: Prune) -> Option<StateBlueprint> {
        const INPUT: &str = "state-blueprint";
        let given = self.get(INPUT).unwrap_or(DEFAULT_STATE_BLUEPRINT);
        if given.eq_ignore_ascii_case("none") {
            if prune == Prune::Delete {
                let problem = "is `none`, and `prune: true` needs the state: without it nobody knows what may be deleted; leave out one of the two";
                self.error(INPUT, problem);
            }
            return Some(StateBlueprint::None);
        }
        match BlueprintId::parse(given) {
            Ok(blueprint) => Some(StateBlueprint::Kept(blueprint)),
            Err(reason) => {
                self.error(
                    INPUT,
                    format!("`{given}` is not a valid blueprint name: {reason}"),
                );
                None
            }
        }
    }

    fn fleet(&mut self, comment: CommentInput) -> Option<FleetSelection> {
        if self.get("repositories").is_none() {
            if self.get("shard").is_some() {
                let problem =
                    "is given without `repositories`, and is a part of those: set that too";
                self.error("shard", problem);
            }
            return None;
        }
        let repositories = self.rules("repositories", "", RepositoryRules::parse);
        let shard = self.shard();
        if comment == CommentInput::Keep {
            let problem = "the input `comment` has no effect with `repositories`: such a run is about no pull request";
            self.warnings.push(problem.to_owned());
        }
        Some(FleetSelection {
            repositories: repositories?,
            shard: shard?,
        })
    }

    fn shard(&mut self) -> Option<Shard> {
        let Some(given) = self.get("shard") else {
            return Some(Shard::default());
        };
        Shard::parse(given)
            .map_err(|error| self.error("shard", error.to_string()))
            .ok()
    }

    fn max_deletes(&mut self) -> Option<usize> {
        let Some(given) = self.get("max-deletes") else {
            return Some(DEFAULT_MAX_DELETES);
        };
        let count = given.parse().ok();
        if count.is_none() {
            self.error(
                "max-deletes",
                format!("`{given}` is not allowed: it must be a whole number, 0 or more"),
            );
        }
        count
    }

    fn mapping(&mut self) -> Option<RepoPath> {
        let given = self.get("mapping")?;
        let path = given.strip_prefix("./").unwrap_or(given);
        let is_inside = |part: &str| !["", ".", ".."].contains(&part);
        if !path.split('/').all(is_inside) {
            let problem = format!("`{given}` must be a file's path, from the repository's root");
            self.error("mapping", problem);
        }
        Some(RepoPath::new(path))
    }

    fn report_file(&mut self) -> Option<PathBuf> {
        let path = Path::new(self.get("report-file")?);
        let stays_inside = path
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !stays_inside {
            self.error(
                "report-file",
                format!("`{}` must be a path below the workspace", path.display()),
            );
        }
        Some(path.to_owned())
    }
}

const MODES: &[(&str, ModeInput)] = &[
    ("auto", ModeInput::Auto),
    ("plan", ModeInput::Plan),
    ("apply", ModeInput::Apply),
];

const SCOPES: &[(&str, ScopeInput)] = &[
    ("auto", ScopeInput::Auto),
    ("changed", ScopeInput::Changed),
    ("all", ScopeInput::All),
];

fn check_url(given: &str) -> Result<Url, String> {
    let url = Url::parse(given).map_err(|reason| {
        format!("`{given}` is not a URL ({reason}); it must look like `https://host`")
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or password".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("`{given}` must not have a `?` or a `#`"));
    }
    match url.scheme() {
        "https" => {}
        "http" if is_near(&url) => {}
        "http" => {
            return Err(format!(
                "`{given}` would send secrets in the clear: use `https://`"
            ));
        }
        _ => return Err(format!("`{given}` must begin with `https://`")),
    }
    let trimmed = url.as_str().trim_end_matches('/');
    Url::from_str(trimmed).map_err(|reason| reason.to_string())
}

/// Whether the host is this machine or one on a private network.
fn is_near(url: &Url) -> bool {
    let ip = match url.host() {
        Some(Host::Domain(name)) => return name == "localhost",
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip),
        None => return false,
    };
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local(),
    }
}

/// GitHub Enterprise Server has its REST API at `…/api/v3` and GraphQL at `…/api/graphql`;
/// github.com and GitHub Enterprise Cloud have it at `…/graphql`.
fn graphql_beside(rest: &Url) -> Url {
    let mut graphql = rest.clone();
    let path = rest.path().trim_end_matches('/');
    let base = path
        .strip_suffix("/v3")
        .filter(|base| base.ends_with("/api"))
        .unwrap_or(path);
    graphql.set_path(&format!("{base}/graphql"));
    graphql
}

#[cfg(test)]
mod tests;
