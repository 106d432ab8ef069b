//! Where in a repository a file is.

use std::fs;
use std::path::{Path, PathBuf};

use crate::catalog::mapping::Surroundings;

/// Whether `folder` is a working tree's root. One of several has a file `.git` where a clone has a folder.
pub(crate) fn is_repository(folder: &Path) -> bool {
    folder.join(".git").exists()
}

/// The nearest folder above `path` that is a repository; without one the current folder, `here`, or else
/// the file's own. Both are absolute and without symbolic links.
pub(crate) fn root_of(path: &Path, here: &Path) -> PathBuf {
    let repository = path.ancestors().find(|folder| is_repository(folder));
    match repository {
        Some(root) => root.to_owned(),
        None if path.starts_with(here) => here.to_owned(),
        None if path.is_dir() => path.to_owned(),
        None => path.parent().unwrap_or(path).to_owned(),
    }
}

/// What a mapping's expressions see of the repository at `root`: its names as in the URL of the remote
/// `origin`, or else the folder's; the branch that is checked out.
pub(crate) fn surroundings(root: &Path) -> Surroundings {
    let git = git_folder(root);
    let common = match fs::read_to_string(git.join("commondir")) {
        Ok(folder) => git.join(folder.trim()),
        Err(_) => git.clone(),
    };
    let text = |file: PathBuf| fs::read_to_string(file).unwrap_or_default();
    let branch_in = |head: &str, prefix: &str| {
        let name = head.trim().strip_prefix("ref: ")?.strip_prefix(prefix)?;
        Some(name.to_owned())
    };
    let remote = common.join("refs/remotes/origin/HEAD");
    let default_branch = branch_in(&text(remote), "refs/remotes/origin/");
    let branch = branch_in(&text(git.join("HEAD")), "refs/heads/");
    let default_branch = default_branch.unwrap_or_else(|| "main".to_owned());
    let folder = root
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let named = origin(&text(common.join("config"))).and_then(|url| names(&url));
    let (organization, repository) =
        named.unwrap_or_else(|| (String::new(), folder.unwrap_or_default()));
    Surroundings {
        organization,
        repository,
        branch: branch.unwrap_or_else(|| default_branch.clone()),
        default_branch,
    }
}

/// Where Git keeps what belongs to a working tree: one of several has a file that says so.
fn git_folder(root: &Path) -> PathBuf {
    let path = root.join(".git");
    let named = fs::read_to_string(&path).ok();
    let named = named
        .as_deref()
        .and_then(|text| text.trim().strip_prefix("gitdir: "));
    named.map_or(path.clone(), |folder| root.join(folder))
}

/// The URL of the remote `origin` in [Git's configuration][docs].
///
/// [docs]: https://git-scm.com/docs/git-config#_syntax
fn origin(config: &str) -> Option<String> {
    let mut lines = config.lines().map(str::trim);
    lines.by_ref().find(|line| *line == "[remote \"origin\"]")?;
    let mut lines = lines.take_while(|line| !line.starts_with('['));
    let url = lines.find_map(|line| line.strip_prefix("url")?.trim_start().strip_prefix('='))?;
    Some(url.trim().to_owned())
}

/// The account and the repository in a URL, such as `git@github.com:acme/shop.git`.
fn names(url: &str) -> Option<(String, String)> {
    let path = url.trim_end_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let mut parts = path.rsplit(['/', ':']);
    let (name, owner) = (parts.next()?, parts.next()?);
    (!name.is_empty() && !owner.is_empty()).then(|| (owner.to_owned(), name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_names_the_repository() {
        for url in [
            "git@github.com:acme/shop.git",
            "https://github.com/acme/shop",
            "ssh://git@host:22/acme/shop.git/",
        ] {
            let config = format!("[core]\n\tbare = false\n[remote \"origin\"]\n\turl = {url}\n");
            let named = origin(&config).and_then(|url| names(&url));
            assert_eq!(named, Some(("acme".to_owned(), "shop".to_owned())), "{url}");
        }
        assert_eq!(origin("[remote \"other\"]\nurl = a/b\n"), None);
    }
}
