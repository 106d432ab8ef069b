//! Which repositories a run is about: the input `repositories`.

use std::fmt;

use super::unmatched::{UnmatchedRule, notation};
use super::{
    Effect, GlobRule, InvalidRules, Star, last_match, parse_rule, parse_rules, write_rules,
};
use crate::catalog::entity::nearest;
use crate::git::RepoName;

/// Globs of `owner/name`; later lines win. Case does not count, as on GitHub.
#[derive(Debug, Clone)]
pub struct RepositoryRules(Vec<GlobRule>);

impl RepositoryRules {
    /// Reads one rule a line: `[!]GLOB`, where `*` stays within the owner or the name; `#` at the start of a
    /// line or after a blank begins a comment.
    ///
    /// # Errors
    /// Every line that is no rule, with what to write instead.
    pub fn parse(text: &str) -> Result<Self, Vec<InvalidRules>> {
        parse_rules(text, |line, rule| {
            if let Some(hint) = mistake(rule) {
                let glob = rule.to_owned();
                return Err(InvalidRules::Repository { line, glob, hint });
            }
            parse_rule(line, &rule.to_lowercase(), Star::WithinSegment)
        })
        .map(Self)
    }

    /// Whether the run is about `repository`.
    pub fn selects(&self, repository: &RepoName) -> bool {
        let rule = last_match(&self.0, &repository.to_string().to_lowercase());
        rule.is_some_and(|rule| rule.effect == Effect::Include)
    }

    /// The lines without `!` that match none of `repositories`, which are all that the token may read.
    pub fn unmatched(&self, repositories: &[RepoName]) -> Vec<UnmatchedRule> {
        let names: Vec<String> = repositories.iter().map(ToString::to_string).collect();
        let matches = |rule: &GlobRule| {
            let mut names = names.iter().map(|name| name.to_lowercase());
            names.any(|name| rule.glob.is_match(name))
        };
        let included = self.0.iter().filter(|rule| rule.effect == Effect::Include);
        let unmatched = included.filter(|rule| !matches(rule));
        let unmatched = unmatched.map(|rule| UnmatchedRule {
            line: rule.line,
            rule: rule.to_string(),
            hint: nearest(&rule.to_string(), names.iter().map(String::as_str))
                .map(|name| format!("did you mean `{name}`?")),
        });
        unmatched.collect()
    }
}

/// One rule a line, without comments and in lower case.
impl fmt::Display for RepositoryRules {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_rules(&self.0, formatter)
    }
}

/// What to write instead of a rule that can match no repository: a sentence without a full stop.
fn mistake(rule: &str) -> Option<String> {
    let (effect, glob) = match rule.strip_prefix('!') {
        Some(glob) => ("!", glob.trim()),
        None => ("", rule),
    };
    if glob.is_empty() {
        return None;
    }
    let write = |glob: &str| format!("write `{effect}{glob}`");
    if let Some((glob, _)) = glob.split_once("=>").or_else(|| glob.split_once("->")) {
        let instead = write(glob.trim());
        return Some(format!("a repository has no blueprint: {instead}"));
    }
    if let Some(path) = path_of_url(glob) {
        return Some(format!("it is a URL: {}", write(&path)));
    }
    if let Some(hint) = notation(glob) {
        return Some(hint);
    }
    if glob.split_whitespace().count() > 1 {
        return Some("a line holds one glob: write each on a line of its own".to_owned());
    }
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_./*?[]{}!^,".contains(c);
    if let Some(character) = glob.chars().find(|&c| !is_allowed(c)) {
        return Some(format!(
            "no owner or repository has `{character}` in its name"
        ));
    }
    match glob.split('/').collect::<Vec<_>>()[..] {
        [only] if only.contains(|c| c != '*') => Some(format!(
            "a rule is OWNER/NAME: {} for all of an owner's repositories",
            write(&format!("{only}/*"))
        )),
        [_] => Some(format!("a rule is OWNER/NAME: {}", write("*/*"))),
        [owner, name] if owner.is_empty() || name.is_empty() => Some(format!(
            "a rule is OWNER/NAME: {} for all of an owner's repositories",
            write(&format!("{}/*", [owner, name].concat()))
        )),
        [_, _] => glob
            .strip_suffix(".git")
            .map(|name| format!("`.git` is no part of a repository's name: {}", write(name))),
        _ if glob.contains('{') => None,
        _ => Some("a rule is OWNER/NAME, with one `/`".to_owned()),
    }
}

/// `owner/name` of a repository's URL, whichever way Git and GitHub write it.
fn path_of_url(text: &str) -> Option<String> {
    let path = match text.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => match text.strip_prefix("git@") {
            Some(rest) => rest.split_once(':')?.1,
            None => text.strip_prefix("github.com/")?,
        },
    };
    let path = path.trim_end_matches('/').trim_end_matches(".git");
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let owner = parts.next().unwrap_or("OWNER");
    let name = parts.next().unwrap_or("*");
    Some(format!("{owner}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(name: &str) -> RepoName {
        RepoName::parse(name).unwrap()
    }

    #[test]
    fn later_lines_win_and_case_does_not_count() {
        let rules = "octo-org/*\n!octo-org/*-Archive # old\nocto-org/the-archive\n*/{shop,cart}\n";
        let rules = RepositoryRules::parse(rules).unwrap();
        for (name, is_selected) in [
            ("octo-org/billing", true),
            ("Octo-Org/Billing", true),
            ("octo-org/.github", true),
            ("octo-org/old-archive", false),
            ("octo-org/OLD-ARCHIVE", false),
            ("octo-org/The-Archive", true),
            ("other/billing", false),
            ("other/shop", true),
            ("octo-org-2/billing", false),
        ] {
            assert_eq!(rules.selects(&repository(name)), is_selected, "{name}");
        }
        let shown = "octo-org/*\n!octo-org/*-archive\nocto-org/the-archive\n*/{shop,cart}\n";
        assert_eq!(rules.to_string(), shown);
    }

    #[test]
    fn a_mistake_says_what_to_write() {
        for (rule, hint) in [
            ("octo-org", "write `octo-org/*` for all of an owner's"),
            ("octo-org/", "write `octo-org/*` for all of an owner's"),
            ("*", "write `*/*`"),
            ("!**", "write `!*/*`"),
            (
                "https://github.com/octo/shop",
                "it is a URL: write `octo/shop`",
            ),
            ("!https://github.com/octo/shop.git", "write `!octo/shop`"),
            ("https://github.com/octo", "write `octo/*`"),
            ("https://github.com", "write `OWNER/*`"),
            ("git@github.com:octo/shop.git", "write `octo/shop`"),
            ("github.com/octo/shop", "write `octo/shop`"),
            ("octo/shop.git", "write `octo/shop`"),
            ("octo/a, octo/b", "write each on a line of its own"),
            ("octo/a octo/b", "write each on a line of its own"),
            ("\"octo/shop\"", "write `octo/shop`"),
            ("- octo/shop", "not a YAML list: write `octo/shop`"),
            ("octo\\shop", "write `octo/shop`"),
            ("octo/shop => service", "no blueprint: write `octo/shop`"),
            ("octo/shöp", "has `ö` in its name"),
            ("octo/team/shop", "OWNER/NAME, with one `/`"),
            ("octo/[", "not a glob"),
        ] {
            let errors = RepositoryRules::parse(&format!("a/b\n{rule}")).unwrap_err();
            let [error] = &errors[..] else {
                panic!("{rule}: {errors:?}");
            };
            let error = error.to_string();
            assert!(error.starts_with("line 2: "), "{error}");
            assert!(error.contains(hint), "{rule}: {error}");
        }
        let nothing = RepositoryRules::parse("# none\n!octo/*").unwrap_err();
        assert_eq!(nothing, [InvalidRules::NothingIncluded]);
    }

    #[test]
    fn a_line_that_matches_no_repository_gets_a_hint() {
        let rules = RepositoryRules::parse("octo/shops\nocto/*\n!octo/x\nelse/*").unwrap();
        let found = rules.unmatched(&["octo/shop", "Octo/cart"].map(repository));
        let found = found.iter().map(|rule| (rule.line, rule.hint.as_deref()));
        let expected = [(1, Some("did you mean `octo/shop`?")), (4, None)];
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
}
