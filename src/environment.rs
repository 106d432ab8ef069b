//! What the runner hands to the program: environment variables, read once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::git::RepoName;

/// The process's environment variables, and its program.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    program: Option<PathBuf>,
}

impl Environment {
    /// The variables given; a later one of the same name wins.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            variables: variables.into_iter().collect(),
            program: None,
        }
    }

    /// The same for a process that can start its own program again.
    pub fn with_program(self, program: PathBuf) -> Self {
        Self {
            program: Some(program),
            ..self
        }
    }

    /// The process's own program, if it can be started again.
    pub fn program(&self) -> Option<&Path> {
        self.program.as_deref()
    }

    /// The trimmed value of a variable; empty counts as unset.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// The trimmed value of an action's input; empty counts as unset.
    ///
    /// The runner passes `client-id` as `INPUT_CLIENT-ID`; some shells drop such names, so
    /// `INPUT_CLIENT_ID` is read too.
    pub fn input(&self, name: &str) -> Option<&str> {
        let name = name.to_ascii_uppercase();
        self.variable(&format!("INPUT_{name}"))
            .or_else(|| self.variable(&format!("INPUT_{}", name.replace('-', "_"))))
    }

    /// The names of all inputs that have a value, as `action.yml` spells names.
    pub fn input_names(&self) -> impl Iterator<Item = String> {
        self.variables
            .iter()
            .filter(|(_, value)| !value.trim().is_empty())
            .filter_map(|(name, _)| name.strip_prefix("INPUT_"))
            .map(|name| name.to_ascii_lowercase().replace('_', "-"))
    }
}

/// What the runner says of the run itself: its [default variables][docs].
///
/// [docs]: https://docs.github.com/en/actions/reference/workflows-and-actions/variables
#[derive(Debug, Clone)]
pub struct Runner {
    /// The repository that the run belongs to.
    pub repository: RepoName,
    /// The number that stays the repository's when it is renamed or transferred.
    pub repository_id: Option<u64>,
    /// GitHub's website, without a `/` at its end.
    pub server_url: String,
    /// The workflow's file in its repository, without the revision.
    pub workflow: Option<String>,
    /// This run's id.
    pub run_id: Option<String>,
    /// The documentation of the version of this action that runs; `None` where the runner does not say
    /// which that is, as for an action in the repository itself.
    pub documentation_url: Option<String>,
    /// The file that takes outputs.
    pub output_file: Option<PathBuf>,
    /// The file that takes the job summary.
    pub summary_file: Option<PathBuf>,
    /// Where the workflow's files are.
    pub workspace: Option<PathBuf>,
}

impl Runner {
    /// Reads the variables.
    ///
    /// # Errors
    /// If `GITHUB_REPOSITORY` is not `owner/name`.
    pub fn from_environment(environment: &Environment) -> Result<Self, MissingRepository> {
        let file = |name| environment.variable(name).map(PathBuf::from);
        let repository = environment
            .variable("GITHUB_REPOSITORY")
            .unwrap_or_default();
        let server_url = environment
            .variable("GITHUB_SERVER_URL")
            .unwrap_or("https://github.com");
        Ok(Self {
            repository: RepoName::parse(repository)
                .ok_or_else(|| MissingRepository(repository.to_owned()))?,
            repository_id: environment
                .variable("GITHUB_REPOSITORY_ID")
                .and_then(|id| id.parse().ok()),
            server_url: server_url.trim_end_matches('/').to_owned(),
            workflow: environment
                .variable("GITHUB_WORKFLOW_REF")
                .and_then(|workflow| workflow.split('@').next())
                .map(str::to_owned),
            run_id: environment.variable("GITHUB_RUN_ID").map(str::to_owned),
            documentation_url: documentation_url(environment, server_url),
            output_file: file("GITHUB_OUTPUT"),
            summary_file: file("GITHUB_STEP_SUMMARY"),
            workspace: file("GITHUB_WORKSPACE"),
        })
    }

    /// The host of GitHub's website.
    pub fn host(&self) -> &str {
        let host = self.server_url.split("://").last().unwrap_or_default();
        host.split('/').next().unwrap_or_default()
    }

    /// The page that shows this run.
    pub fn run_url(&self) -> Option<String> {
        let run_id = self.run_id.as_deref()?;
        Some(format!(
            "{}/{}/actions/runs/{run_id}",
            self.server_url, self.repository
        ))
    }
}

/// [GITHUB_ACTION_REPOSITORY and GITHUB_ACTION_REF][docs] say where the action's own files are.
///
/// [docs]: https://docs.github.com/en/actions/reference/workflows-and-actions/variables
fn documentation_url(environment: &Environment, server_url: &str) -> Option<String> {
    let action = environment.variable("GITHUB_ACTION_REPOSITORY")?;
    let version = environment.variable("GITHUB_ACTION_REF")?;
    let server_url = server_url.trim_end_matches('/');
    Some(format!("{server_url}/{action}/blob/{version}/docs"))
}

/// The runner did not say which repository this is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "GITHUB_REPOSITORY is `{0}`, not `owner/name`: run this as a step of a GitHub Actions workflow, \
     or see `port-gitops --help` for what it does elsewhere"
)]
pub struct MissingRepository(String);

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::new(
            variables
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned())),
        )
    }

    #[test]
    fn inputs_are_found_with_hyphens_and_with_underscores() {
        let inputs = environment(&[("INPUT_CLIENT-ID", " a\n"), ("INPUT_RUN_ID", "b")]);
        assert_eq!(inputs.input("client-id"), Some("a"));
        assert_eq!(inputs.input("run-id"), Some("b"));
        assert_eq!(
            inputs.input_names().collect::<Vec<_>>(),
            ["client-id", "run-id"]
        );
    }

    #[test]
    fn empty_is_unset() {
        let inputs = environment(&[("INPUT_OWNER", "  "), ("INPUT_CLIENT-ID", "")]);
        assert_eq!(inputs.input("owner"), None);
        assert_eq!(inputs.input_names().count(), 0);
    }
}
