//! Which files hold entities, which blueprints may be written, and which repositories a run is about: lists
//! of globs in which later lines win.

mod repositories;
mod unmatched;

use std::fmt;

use globset::{Glob, GlobBuilder, GlobMatcher};

use super::entity::{BlueprintId, InvalidName};
use crate::text::RepoPath;

pub use repositories::RepositoryRules;
pub use unmatched::{UnmatchedRule, unmatched};

/// Where a repository keeps its entities when nothing else is said.
pub const DEFAULT_FILES: &str =
    "**/port.{yml,yaml,json}\n**/entity.{json,yml,yaml}\n**/*.entity.{json,yml,yaml}";

/// Where GitHub looks for workflows.
const WORKFLOWS: &str = ".github/workflows/";

/// Every blueprint but Port's own, which carry users' and teams' permissions.
pub const DEFAULT_BLUEPRINTS: &str = "*\n!_*";

/// Whether a matching rule lets something in or keeps it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Include,
    Exclude,
}

#[derive(Debug, Clone)]
struct GlobRule {
    /// Line in the input, from 1.
    line: usize,
    glob: GlobMatcher,
    effect: Effect,
    blueprint: Option<BlueprintId>,
}

/// Which files hold entities: the input `files`.
#[derive(Debug, Clone)]
pub struct FileRules(Vec<GlobRule>);

/// What a rule says of a file that it includes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected<'a> {
    /// The blueprint after `=>`.
    pub blueprint: Option<&'a BlueprintId>,
}

/// Which blueprints may be written: the input `blueprints`.
#[derive(Debug, Clone)]
pub struct BlueprintRules(Vec<GlobRule>);

/// Which properties' values are never shown: the input `redact`. None, by default.
#[derive(Debug, Clone, Default)]
pub struct PropertyRules(Vec<GlobRule>);

/// Why a list of rules is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRules {
    /// A line is no glob.
    #[error("line {line}: `{glob}` is not a glob: {reason}")]
    Glob {
        /// Line in the input, from 1.
        line: usize,
        /// What was given.
        glob: String,
        /// What the glob parser says.
        reason: String,
    },
    /// A line can match no repository.
    #[error("line {line}: `{glob}` is not a rule for repositories; {hint}")]
    Repository {
        /// Line in the input, from 1.
        line: usize,
        /// What was given.
        glob: String,
        /// What to write instead: a sentence without a full stop.
        hint: String,
    },
    /// A `=>` is not followed by a blueprint's identifier.
    #[error("line {line}: what follows `=>` is not a valid blueprint name: {reason}")]
    Blueprint {
        /// Line in the input, from 1.
        line: usize,
        /// What is wrong with it.
        reason: InvalidName,
    },
    /// A `!` rule has a `=>`.
    #[error("line {line}: a `!` line excludes files, so `=>` has no meaning on it")]
    ExcludedBlueprint {
        /// Line in the input, from 1.
        line: usize,
    },
    /// Nothing can match.
    #[error("no line includes anything (lines with `!` only take away)")]
    NothingIncluded,
}

impl fmt::Display for GlobRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.effect == Effect::Exclude {
            formatter.write_str("!")?;
        }
        formatter.write_str(self.glob.glob().glob())?;
        match &self.blueprint {
            Some(blueprint) => write!(formatter, " => {blueprint}"),
            None => Ok(()),
        }
    }
}

/// Writes one rule a line, without comments: equal rules are equal texts.
fn write_rules(rules: &[GlobRule], formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    rules
        .iter()
        .try_for_each(|rule| writeln!(formatter, "{rule}"))
}

impl fmt::Display for FileRules {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_rules(&self.0, formatter)
    }
}

impl fmt::Display for BlueprintRules {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_rules(&self.0, formatter)
    }
}

/// What a `*` may stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Star {
    WithinSegment,
    Anything,
}

impl FileRules {
    /// Reads one rule a line: `[!]GLOB [=> BLUEPRINT]`; `#` at the start of a line or after a
    /// blank begins a comment.
    ///
    /// # Errors
    /// Every line that is no rule.
    pub fn parse(text: &str) -> Result<Self, Vec<InvalidRules>> {
        parse_rules(text, |line, rule| {
            let (glob, blueprint) = match rule.split_once("=>") {
                Some((glob, blueprint)) => (glob.trim(), Some(blueprint.trim())),
                None => (rule, None),
            };
            let mut rule = parse_rule(line, glob, Star::WithinSegment)?;
            if let Some(blueprint) = blueprint {
                if rule.effect == Effect::Exclude {
                    return Err(InvalidRules::ExcludedBlueprint { line });
                }
                let blueprint = BlueprintId::parse(blueprint)
                    .map_err(|reason| InvalidRules::Blueprint { line, reason })?;
                rule.blueprint = Some(blueprint);
            }
            Ok(rule)
        })
        .map(Self)
    }

    /// Whether these are the rules that count where nothing else is said.
    pub fn are_default(&self) -> bool {
        Self::parse(DEFAULT_FILES).is_ok_and(|rules| rules.to_string() == self.to_string())
    }

    /// What the last matching rule says of `path`; `None` if it excludes it or none matches.
    ///
    /// Workflows hold no entities whatever the rules say: one that is called `port.yml`, after what it
    /// starts, would match the usual ones.
    pub fn select(&self, path: &RepoPath) -> Option<Selected<'_>> {
        if path.as_str().starts_with(WORKFLOWS) {
            return None;
        }
        let rule = last_match(&self.0, path.as_str())?;
        (rule.effect == Effect::Include).then_some(Selected {
            blueprint: rule.blueprint.as_ref(),
        })
    }
}

impl BlueprintRules {
    /// Reads one rule a line: `[!]GLOB`, where `*` matches anything.
    ///
    /// # Errors
    /// Every line that is no rule.
    pub fn parse(text: &str) -> Result<Self, Vec<InvalidRules>> {
        parse_rules(text, |line, rule| parse_rule(line, rule, Star::Anything)).map(Self)
    }

    /// The same without `blueprint`, whatever the rules say of it.
    pub fn without(mut self, blueprint: &BlueprintId) -> Self {
        if let Ok(glob) = Glob::new(&globset::escape(blueprint.as_str())) {
            self.0.push(GlobRule {
                glob: glob.compile_matcher(),
                effect: Effect::Exclude,
                blueprint: None,
                line: 0,
            });
        }
        self
    }

    /// Whether entities of `blueprint` may be written; never those that Port computes.
    pub fn allow(&self, blueprint: &BlueprintId) -> bool {
        let rule = last_match(&self.0, blueprint.as_str());
        !blueprint.is_computed() && rule.is_some_and(|rule| rule.effect == Effect::Include)
    }
}

impl PropertyRules {
    /// Reads one rule a line: `[!]GLOB`, where `*` matches anything and case does not count.
    ///
    /// # Errors
    /// Every line that is no rule.
    pub fn parse(text: &str) -> Result<Self, Vec<InvalidRules>> {
        parse_rules(text, |line, rule| {
            parse_rule(line, &rule.to_lowercase(), Star::Anything)
        })
        .map(Self)
    }

    /// Whether the property called `name` is one of them.
    pub fn is_match(&self, name: &str) -> bool {
        let rule = last_match(&self.0, &name.to_lowercase());
        rule.is_some_and(|rule| rule.effect == Effect::Include)
    }

    /// Whether no property is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn last_match<'a>(rules: &'a [GlobRule], name: &str) -> Option<&'a GlobRule> {
    rules.iter().rev().find(|rule| rule.glob.is_match(name))
}

fn parse_rules(
    text: &str,
    parse: impl Fn(usize, &str) -> Result<GlobRule, InvalidRules>,
) -> Result<Vec<GlobRule>, Vec<InvalidRules>> {
    let mut rules = Vec::new();
    let mut errors = Vec::new();
    for (index, line) in text.lines().enumerate() {
        match without_comment(line) {
            "" => {}
            rule => match parse(index + 1, rule) {
                Ok(rule) => rules.push(rule),
                Err(error) => errors.push(error),
            },
        }
    }
    if errors.is_empty() && !rules.iter().any(|rule| rule.effect == Effect::Include) {
        errors.push(InvalidRules::NothingIncluded);
    }
    if errors.is_empty() {
        Ok(rules)
    } else {
        Err(errors)
    }
}

/// A `#` inside a word belongs to a file's name.
fn without_comment(line: &str) -> &str {
    let comment = line.char_indices().find(|&(at, character)| {
        character == '#'
            && line[..at]
                .chars()
                .next_back()
                .is_none_or(char::is_whitespace)
    });
    comment.map_or(line, |(at, _)| &line[..at]).trim()
}

fn parse_rule(line: usize, text: &str, star: Star) -> Result<GlobRule, InvalidRules> {
    let (effect, glob) = match text.strip_prefix('!') {
        Some(glob) => (Effect::Exclude, glob.trim()),
        None => (Effect::Include, text),
    };
    let invalid = |reason: String| InvalidRules::Glob {
        line,
        glob: glob.to_owned(),
        reason,
    };
    if glob.is_empty() {
        return Err(invalid("it is empty".to_owned()));
    }
    // People write `./services/**` and `/services/**`; paths in Git have neither at their start.
    let rooted = glob
        .strip_prefix("./")
        .or_else(|| glob.strip_prefix('/'))
        .unwrap_or(glob);
    let glob = GlobBuilder::new(rooted)
        .literal_separator(star == Star::WithinSegment)
        .empty_alternates(true)
        .build()
        .map_err(|error| invalid(error.kind().to_string()))?;
    Ok(GlobRule {
        line,
        glob: glob.compile_matcher(),
        effect,
        blueprint: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(rules: &str, path: &str) -> Option<Option<String>> {
        let rules = FileRules::parse(rules).unwrap();
        let selected = rules.select(&RepoPath::new(path))?;
        Some(
            selected
                .blueprint
                .map(|blueprint| blueprint.as_str().to_owned()),
        )
    }

    #[test]
    fn the_default_finds_entity_files_at_any_depth() {
        let found = |path| selected(DEFAULT_FILES, path).is_some();
        for path in [
            "port.yml",
            "a/b/port.yaml",
            ".github/port.json",
            "x/entity.json",
        ] {
            assert!(found(path), "{path}");
        }
        assert!(found("catalog/billing.entity.yml"));
        for path in [
            "support.yml",
            "port.yml.bak",
            "a/port/x.yml",
            "Port.yml",
            "entity.toml",
        ] {
            assert!(!found(path), "{path}");
        }
    }

    #[test]
    fn no_rule_makes_a_workflow_an_entity_file() {
        for rules in [DEFAULT_FILES, "**", ".github/workflows/port.yml"] {
            assert!(selected(rules, ".github/workflows/port.yml").is_none());
        }
        assert!(selected(DEFAULT_FILES, ".github/port.yml").is_some());
    }

    #[test]
    fn later_lines_win() {
        let rules = "**/port.yml\n!vendor/**\nvendor/ours/port.yml";
        assert!(selected(rules, "a/port.yml").is_some());
        assert!(selected(rules, "vendor/theirs/port.yml").is_none());
        assert!(selected(rules, "vendor/ours/port.yml").is_some());
    }

    #[test]
    fn a_rule_can_name_the_blueprint() {
        let rules = "**/*.yml => service\ndomains/* => domain # the teams' domains\nplain/*.yml";
        assert_eq!(selected(rules, "a/x.yml"), Some(Some("service".to_owned())));
        assert_eq!(
            selected(rules, "domains/x.yml"),
            Some(Some("domain".to_owned()))
        );
        assert_eq!(selected(rules, "plain/x.yml"), Some(None));
    }

    #[test]
    fn a_star_stays_within_its_segment() {
        assert!(selected("services/*/port.yml", "services/a/port.yml").is_some());
        assert!(selected("services/*/port.yml", "services/a/b/port.yml").is_none());
        assert!(selected("services/**/port.yml", "services/port.yml").is_some());
        assert!(selected("./services/[ab].yml", "services/b.yml").is_some());
    }

    #[test]
    fn comments_begin_at_a_blank() {
        assert!(selected("# all\nc#/port.yml # the C# part", "c#/port.yml").is_some());
    }

    #[test]
    fn every_bad_line_is_reported() {
        let errors = FileRules::parse("a[\n**/x.yml => no blueprint\n!y => z\n!").unwrap_err();
        let messages: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(messages.len(), 4, "{messages:#?}");
        assert!(
            messages[0].starts_with("line 1: `a[` is not a glob: "),
            "{}",
            messages[0]
        );
        assert!(messages[1].starts_with("line 2: "), "{}", messages[1]);
        assert_eq!(
            FileRules::parse("!x").unwrap_err(),
            [InvalidRules::NothingIncluded]
        );
    }

    #[test]
    fn ports_own_blueprints_must_be_named() {
        let blueprint = |name| BlueprintId::parse(name).unwrap();
        let rules = BlueprintRules::parse(DEFAULT_BLUEPRINTS).unwrap();
        assert!(rules.allow(&blueprint("service")));
        assert!(rules.allow(&blueprint("a/b")));
        assert!(!rules.allow(&blueprint("_user")));
        let rules = BlueprintRules::parse("*\n!_*\n_team").unwrap();
        assert!(rules.allow(&blueprint("_team")));
        assert!(!rules.allow(&blueprint("_user")));
        let all = BlueprintRules::parse("*\n_rule*").unwrap();
        assert!(all.allow(&blueprint("_rule")));
        assert!(!all.allow(&blueprint("_rule_result")), "Port computes them");
    }

    #[test]
    fn properties_are_matched_by_name() {
        let rules = PropertyRules::parse("*token*\n!tokens_used\npassWord").unwrap();
        for (name, is_match) in [
            ("api_token", true),
            ("apiToken", true),
            ("PASSWORD", true),
            ("tokens_used", false),
            ("url", false),
        ] {
            assert_eq!(rules.is_match(name), is_match, "{name}");
        }
        assert!(!PropertyRules::default().is_match("password"));
    }
}
