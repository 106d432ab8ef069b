//! Lines of the input `files` that match no file.

use crate::catalog::rules::{FileRules, UnmatchedRule, unmatched};
use crate::github::Tip;

/// Says which lines of the input `files` match no file of the commit, where all of its files are
/// listed: sentences without a full stop.
pub(crate) fn unmatched_lines(files: &FileRules, tip: &Tip) -> Vec<String> {
    let Tip::Listed(tree) = tip else {
        return Vec::new();
    };
    let paths = tree.iter().map(|(path, _)| path);
    unmatched(files, paths).into_iter().map(sentence).collect()
}

fn sentence(unmatched: UnmatchedRule) -> String {
    let UnmatchedRule { line, rule, hint } = unmatched;
    let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("input `files`, line {line}: `{rule}` matches no file{hint}")
}
