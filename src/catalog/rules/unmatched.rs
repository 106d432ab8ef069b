//! Lines of the input `files` that match no file, with a guess at what was meant.

use std::collections::{BTreeMap, BTreeSet};

use globset::GlobBuilder;

use super::{DEFAULT_FILES, Effect, FileRules, GlobRule, WORKFLOWS};
use crate::catalog::entity::nearest;
use crate::text::RepoPath;

/// A line that selects no file of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnmatchedRule {
    /// The line in the input, from 1.
    pub line: usize,
    /// The rule, without a comment and without `./` at its start.
    pub rule: String,
    /// What was probably meant: a sentence without a full stop. It may show text of the rule and
    /// names of folders and files.
    pub hint: Option<String>,
}

/// The lines of `rules` that would select a file and match none of `paths`, which are all files of
/// a tree.
///
/// Lines with `!` are not listed, nor are the lines of [`DEFAULT_FILES`]: no repository has files
/// for all of them.
pub fn unmatched<'p>(
    rules: &FileRules,
    paths: impl IntoIterator<Item = &'p RepoPath>,
) -> Vec<UnmatchedRule> {
    let paths: Vec<&str> = paths.into_iter().map(RepoPath::as_str).collect();
    let is_default = |rule: &GlobRule| DEFAULT_FILES.lines().any(|line| line == rule.to_string());
    let selects = |rule: &GlobRule| {
        let mut entity_files = paths.iter().filter(|path| !path.starts_with(WORKFLOWS));
        entity_files.any(|path| rule.glob.is_match(path))
    };
    let unmatched: Vec<&GlobRule> = rules
        .0
        .iter()
        .filter(|rule| rule.effect == Effect::Include && !is_default(rule) && !selects(rule))
        .collect();
    if unmatched.is_empty() {
        return Vec::new();
    }
    let tree = NamesByFolder::new(&paths);
    let unmatched = unmatched.into_iter().map(|rule| UnmatchedRule {
        line: rule.line,
        rule: rule.to_string(),
        hint: hint(rule, &tree),
    });
    unmatched.collect()
}

fn hint(rule: &GlobRule, tree: &NamesByFolder<'_>) -> Option<String> {
    let glob = rule.glob.glob().glob();
    if tree.paths.iter().any(|path| rule.glob.is_match(path)) {
        return Some(format!("files in `{WORKFLOWS}` never hold entities"));
    }
    notation(glob).or_else(|| {
        let folder = glob.trim_end_matches('/');
        if tree.has_folder(folder) {
            return Some(format!(
                "`{folder}` is a folder: write `{folder}/**` for all files in it"
            ));
        }
        let meant = match glob.ends_with('/') {
            true => format!("{folder}/**"),
            false => glob.to_owned(),
        };
        misspelt(&meant, tree).or_else(|| other_shape(&meant, tree))
    })
}

/// Whether a line is written as other tools want it.
pub(super) fn notation(glob: &str) -> Option<String> {
    if has_comma(glob) {
        return Some("a line holds one glob: write each on a line of its own".to_owned());
    }
    let is_quote = |character| character == '"' || character == '\'';
    let reason = if glob.starts_with("- ") {
        "the input is plain text with one glob a line, not a YAML list"
    } else if glob.starts_with(is_quote) || glob.ends_with(is_quote) {
        "quotes count as part of the glob"
    } else if glob.contains("->") {
        "`=>` comes before the blueprint"
    } else if glob.contains('\\') {
        "`/` is the separator"
    } else {
        return None;
    };
    let plain = glob.trim_start_matches("- ").replace(is_quote, "");
    let plain = plain.replace('\\', "/").replace("->", "=>");
    let plain = plain.trim().trim_start_matches("./");
    Some(format!("{reason}: write `{plain}`"))
}

/// Whether there is a comma outside of braces.
fn has_comma(glob: &str) -> bool {
    let mut depth = 0_usize;
    glob.chars().any(|character| {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    })
}

/// Looks for the first name in a glob that the tree does not have.
fn misspelt(glob: &str, tree: &NamesByFolder<'_>) -> Option<String> {
    let parts: Vec<&str> = glob.split('/').collect();
    // Where a name has to lie; `None` after a wildcard.
    let mut parent = Some(String::new());
    for (index, part) in parts.iter().enumerate() {
        if part.contains(['*', '?', '[', '{', '\\']) {
            parent = None;
            continue;
        }
        let (kind, names) = match index + 1 == parts.len() {
            true => ("file", tree.files(parent.as_deref())),
            false => ("folder", tree.folders(parent.as_deref())),
        };
        if !names.contains(part) {
            let same = names
                .iter()
                .find(|name| name.to_lowercase() == part.to_lowercase());
            let near = same.copied().or_else(|| nearest(part, names));
            return near.map_or_else(
                || (kind == "folder").then(|| format!("there is no folder `{part}`")),
                |near| {
                    let mut meant = parts.clone();
                    meant[index] = near;
                    let meant = meant.join("/");
                    Some(format!(
                        "there is no {kind} `{part}`: did you mean `{meant}`?"
                    ))
                },
            );
        }
        parent = parent.map(|parent| join(&parent, part));
    }
    None
}

/// Looks for a glob of a slightly different shape that matches a file.
fn other_shape(glob: &str, tree: &NamesByFolder<'_>) -> Option<String> {
    let matches = |glob: &str| {
        let built = GlobBuilder::new(glob).literal_separator(true).build();
        let matcher = built.ok().map(|glob| glob.compile_matcher());
        matcher.is_some_and(|glob| tree.paths.iter().any(|path| glob.is_match(path)))
    };
    let (folder, name) = glob.rsplit_once('/').unwrap_or(("", glob));
    let deeper = join(folder, &format!("**/{name}"));
    if name.contains('*') && matches(&deeper) {
        return Some(format!("`*` does not go into folders: write `{deeper}`"));
    }
    let other = match glob.rsplit_once('.')? {
        (stem, "yml") => format!("{stem}.yaml"),
        (stem, "yaml") => format!("{stem}.yml"),
        _ => return None,
    };
    matches(&other).then(|| format!("did you mean `{other}`?"))
}

fn join(folder: &str, name: &str) -> String {
    match folder {
        "" => name.to_owned(),
        _ => format!("{folder}/{name}"),
    }
}

/// The names in a tree, by the folder that they are in; the root is the empty one.
struct NamesByFolder<'p> {
    paths: &'p [&'p str],
    folders: BTreeMap<&'p str, BTreeSet<&'p str>>,
    files: BTreeMap<&'p str, BTreeSet<&'p str>>,
}

impl<'p> NamesByFolder<'p> {
    fn new(paths: &'p [&'p str]) -> Self {
        let mut tree = Self {
            paths,
            folders: BTreeMap::new(),
            files: BTreeMap::new(),
        };
        for path in paths {
            let (mut folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            tree.files.entry(folder).or_default().insert(name);
            while !folder.is_empty() {
                let (parent, name) = folder.rsplit_once('/').unwrap_or(("", folder));
                if !tree.folders.entry(parent).or_default().insert(name) {
                    break;
                }
                folder = parent;
            }
        }
        tree
    }

    fn has_folder(&self, path: &str) -> bool {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.folders
            .get(parent)
            .is_some_and(|names| names.contains(name))
    }

    fn folders(&self, parent: Option<&str>) -> BTreeSet<&'p str> {
        names(&self.folders, parent)
    }

    fn files(&self, parent: Option<&str>) -> BTreeSet<&'p str> {
        names(&self.files, parent)
    }
}

/// The names in one folder, or in all of them.
fn names<'p>(
    by_folder: &BTreeMap<&'p str, BTreeSet<&'p str>>,
    parent: Option<&str>,
) -> BTreeSet<&'p str> {
    match parent {
        Some(parent) => by_folder.get(parent).cloned().unwrap_or_default(),
        None => by_folder.values().flatten().copied().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: [&str; 6] = [
        "README.md",
        "services/shop/port.yml",
        "services/shop/deep/cart.entity.yaml",
        "domains/orders.yml",
        "Teams/blue.json",
        ".github/workflows/port.yml",
    ];

    /// What is said of each line that matches nothing; nothing where there is no hint.
    fn hints(rules: &str) -> Vec<(usize, String)> {
        let rules = FileRules::parse(rules).unwrap();
        let paths = TREE.map(RepoPath::new);
        let unmatched = unmatched(&rules, &paths).into_iter();
        unmatched
            .map(|rule| (rule.line, rule.hint.unwrap_or_default()))
            .collect()
    }

    #[test]
    fn each_slip_gets_a_hint() {
        for (rule, expected) in [
            (
                "services/",
                "`services` is a folder: write `services/**` for all files in it",
            ),
            (
                "services/shop",
                "`services/shop` is a folder: write `services/shop/**` for all files in it",
            ),
            (
                "./services",
                "`services` is a folder: write `services/**` for all files in it",
            ),
            (
                "service/",
                "there is no folder `service`: did you mean `services/**`?",
            ),
            (
                "service/**/*.yml",
                "there is no folder `service`: did you mean `services/**/*.yml`?",
            ),
            (
                "services/shpo/*.yml",
                "there is no folder `shpo`: did you mean `services/shop/*.yml`?",
            ),
            (
                "**/shpo/*.yml",
                "there is no folder `shpo`: did you mean `**/shop/*.yml`?",
            ),
            (
                "SERVICES/**",
                "there is no folder `SERVICES`: did you mean `services/**`?",
            ),
            (
                "teams/*.json => _team",
                "there is no folder `teams`: did you mean `Teams/*.json`?",
            ),
            ("catalogue/**", "there is no folder `catalogue`"),
            (
                "services/shop/prot.yml",
                "there is no file `prot.yml`: did you mean `services/shop/port.yml`?",
            ),
            (
                "services/**,domains/**",
                "a line holds one glob: write each on a line of its own",
            ),
            (
                "services/**, domains/**",
                "a line holds one glob: write each on a line of its own",
            ),
            (
                "\"services/**\"",
                "quotes count as part of the glob: write `services/**`",
            ),
            (
                "'services/**' => service",
                "quotes count as part of the glob: write `services/**`",
            ),
            (
                "- services/**",
                "the input is plain text with one glob a line, not a YAML list: write `services/**`",
            ),
            (
                "- 'services/**'",
                "the input is plain text with one glob a line, not a YAML list: write `services/**`",
            ),
            (
                "services\\**\\*.yml",
                "`/` is the separator: write `services/**/*.yml`",
            ),
            (
                ".\\services\\**",
                "`/` is the separator: write `services/**`",
            ),
            (
                "services/** -> service",
                "`=>` comes before the blueprint: write `services/** => service`",
            ),
            (
                "services/*.yml",
                "`*` does not go into folders: write `services/**/*.yml`",
            ),
            (
                "*.entity.yaml",
                "`*` does not go into folders: write `**/*.entity.yaml`",
            ),
            ("domains/*.yaml", "did you mean `domains/*.yml`?"),
            (
                ".github/workflows/*.yml",
                "files in `.github/workflows/` never hold entities",
            ),
            ("services/**/*.toml", ""),
        ] {
            assert_eq!(hints(rule), [(1, expected.to_owned())], "{rule}");
        }
    }

    #[test]
    fn only_lines_that_should_match_are_listed() {
        let rules =
            format!("# all\n{DEFAULT_FILES}\n!vendor/**\nservices/**\n{{nowhere,domains}}/*");
        assert_eq!(hints(&rules), []);
        assert_eq!(hints("\nservices/**\n\nnowhere/**")[0].0, 4);
    }

    #[test]
    fn the_rule_is_shown_as_it_counts() {
        let rules = FileRules::parse("./nowhere/** => service # the services").unwrap();
        let unmatched = unmatched(&rules, []);
        assert_eq!(unmatched[0].rule, "nowhere/** => service");
    }
}
