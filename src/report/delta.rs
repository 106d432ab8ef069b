//! A change in a form that fits a screen: short values side by side, long texts line by line, objects
//! key by key.

use std::collections::BTreeSet;

use serde_json::Value;

use super::redact::{Change, REDACTED, Shown};

/// Longer values are cut to this many characters.
const WIDTH: usize = 80;
/// Of objects no more keys than these are shown.
const KEYS: usize = 20;
/// Of a text's difference no more lines than these are shown.
const LINES: usize = 24;
/// Unchanged lines around changed ones.
const CONTEXT: usize = 1;
/// Longer texts are not compared line by line, which takes time and room by the square.
const COMPARED: usize = 400;

/// What stands for no value.
pub(super) const NOTHING: &str = "–";

/// A change, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Delta {
    /// One value for another.
    Value(Step),
    /// Parts of an object, by their paths below it.
    Keys(Vec<(String, Step)>),
    /// A text of several lines.
    Text(Vec<Line>),
}

/// What was and what will be; `None` is nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
}

/// A line of a text's difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    Kept(String),
    Removed(String),
    Added(String),
    /// So many lines are left out here.
    Skipped(usize),
}

/// `… 1 line`, `… 2 lines`.
pub(super) fn skipped(count: usize) -> String {
    match count {
        1 => "… 1 line".to_owned(),
        count => format!("… {count} lines"),
    }
}

/// What is shown of a change.
pub(super) fn of(change: &Change) -> Delta {
    let (from, to) = (value(&change.from), value(&change.to));
    if let (Some(from @ Value::Object(_)), Some(to @ Value::Object(_))) = (from, to) {
        let mut keys = Vec::new();
        compare_keys(from, to, "", &mut keys);
        let more = keys.len().saturating_sub(KEYS);
        keys.truncate(KEYS);
        if more > 0 {
            let nothing = Step {
                from: None,
                to: None,
            };
            keys.push((format!("… and {more} more"), nothing));
        }
        return Delta::Keys(keys);
    }
    match (as_text(from), as_text(to)) {
        (Some(from), Some(to)) if from.contains('\n') || to.contains('\n') => {
            text_delta(from, to).unwrap_or_else(|| Delta::Value(step(&change.from, &change.to)))
        }
        _ => Delta::Value(step(&change.from, &change.to)),
    }
}

fn value(shown: &Option<Shown>) -> Option<&Value> {
    match shown {
        Some(Shown::Value(value)) => Some(value),
        Some(Shown::Redacted) | None => None,
    }
}

/// A text, or the empty one for nothing.
fn as_text(value: Option<&Value>) -> Option<&str> {
    match value {
        None => Some(""),
        Some(value) => value.as_str(),
    }
}

fn step(from: &Option<Shown>, to: &Option<Shown>) -> Step {
    let show = |shown: &Shown| match shown {
        Shown::Value(value) => short(value),
        Shown::Redacted => REDACTED.to_owned(),
    };
    Step {
        from: from.as_ref().map(show),
        to: to.as_ref().map(show),
    }
}

/// A value on one line, cut where it is long.
fn short(value: &Value) -> String {
    let text = value.to_string();
    let characters = text.chars().count();
    if characters <= WIDTH {
        return text;
    }
    let length = match value {
        Value::String(text) => format!("{} characters", text.chars().count()),
        Value::Array(items) => format!("{} items, {characters} characters", items.len()),
        Value::Object(map) => format!("{} keys, {characters} characters", map.len()),
        _ => format!("{characters} characters"),
    };
    let start: String = text.chars().take(WIDTH).collect();
    format!("{start}… ({length})")
}

fn compare_keys(from: &Value, to: &Value, path: &str, keys: &mut Vec<(String, Step)>) {
    let (Value::Object(before), Value::Object(after)) = (from, to) else {
        if from != to {
            let show = |value: &Value| Some(short(value));
            let (from, to) = (show(from), show(to));
            keys.push((path.to_owned(), Step { from, to }));
        }
        return;
    };
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    for name in names {
        let path = format!("{path}.{name}");
        match (before.get(name), after.get(name)) {
            (Some(from), Some(to)) => compare_keys(from, to, &path, keys),
            (from, to) => {
                let (from, to) = (from.map(short), to.map(short));
                keys.push((path, Step { from, to }));
            }
        }
    }
}

/// The lines that differ, with some around them; `None` if there are too many to compare.
fn text_delta(from: &str, to: &str) -> Option<Delta> {
    let before: Vec<_> = from.lines().collect();
    let after: Vec<_> = to.lines().collect();
    if before.len() > COMPARED || after.len() > COMPARED {
        return None;
    }
    let mut lines = shortened(with_context(diff(&before, &after)));
    if lines.is_empty() {
        // Only the last line's end differs.
        return None;
    }
    if lines.len() > LINES {
        let more = lines.len() - LINES;
        lines.truncate(LINES);
        lines.push(Line::Skipped(more));
    }
    Some(Delta::Text(lines))
}

/// The longest common subsequence leaves the fewest lines to show.
fn diff(before: &[&str], after: &[&str]) -> Vec<Line> {
    let (rows, columns) = (before.len(), after.len());
    let mut common = vec![vec![0_u16; columns + 1]; rows + 1];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            common[row][column] = if before[row] == after[column] {
                common[row + 1][column + 1] + 1
            } else {
                common[row + 1][column].max(common[row][column + 1])
            };
        }
    }
    let (mut row, mut column, mut lines) = (0, 0, Vec::new());
    while row < rows || column < columns {
        if row < rows && column < columns && before[row] == after[column] {
            lines.push(Line::Kept(before[row].to_owned()));
            (row, column) = (row + 1, column + 1);
        } else if row < rows
            && (column == columns || common[row + 1][column] >= common[row][column + 1])
        {
            lines.push(Line::Removed(before[row].to_owned()));
            row += 1;
        } else {
            lines.push(Line::Added(after[column].to_owned()));
            column += 1;
        }
    }
    lines
}

/// Leaves out unchanged lines that are far from changed ones.
fn with_context(lines: Vec<Line>) -> Vec<Line> {
    let is_change = |line: &Line| matches!(line, Line::Removed(_) | Line::Added(_));
    let changed: Vec<_> = (0..lines.len())
        .filter(|&at| is_change(&lines[at]))
        .collect();
    let is_near = |at: usize| changed.iter().any(|change| change.abs_diff(at) <= CONTEXT);
    let (mut shown, mut skipped) = (Vec::new(), 0);
    for (at, line) in lines.into_iter().enumerate() {
        if is_near(at) {
            if skipped > 0 {
                shown.push(Line::Skipped(std::mem::take(&mut skipped)));
            }
            shown.push(line);
        } else {
            skipped += 1;
        }
    }
    if skipped > 0 && !shown.is_empty() {
        shown.push(Line::Skipped(skipped));
    }
    shown
}

fn shortened(lines: Vec<Line>) -> Vec<Line> {
    let cut = |text: String| match text.chars().count() {
        0..=WIDTH => text,
        characters => {
            let start: String = text.chars().take(WIDTH).collect();
            format!("{start}… ({characters} characters)")
        }
    };
    let shorten = |line| match line {
        Line::Kept(text) => Line::Kept(cut(text)),
        Line::Removed(text) => Line::Removed(cut(text)),
        Line::Added(text) => Line::Added(cut(text)),
        Line::Skipped(count) => Line::Skipped(count),
    };
    lines.into_iter().map(shorten).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalog::live::Field;

    fn delta(from: Option<Value>, to: Option<Value>) -> Delta {
        of(&Change {
            field: Field::Property("p".to_owned()),
            from: from.map(Shown::Value),
            to: to.map(Shown::Value),
        })
    }

    fn step(from: Option<&str>, to: Option<&str>) -> Step {
        Step {
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
        }
    }

    #[test]
    fn short_values_stand_side_by_side() {
        let expected = Delta::Value(step(Some("1"), Some("\"x\"")));
        assert_eq!(delta(Some(json!(1)), Some(json!("x"))), expected);
        assert_eq!(
            delta(None, Some(json!([1]))),
            Delta::Value(step(None, Some("[1]")))
        );
    }

    #[test]
    fn long_values_are_cut_with_their_length() {
        let Delta::Value(Step { to: Some(to), .. }) = delta(None, Some(json!("ä".repeat(300))))
        else {
            panic!("it is a value");
        };
        assert!(to.ends_with("ä… (300 characters)"), "{to}");
        assert_eq!(
            to.chars().filter(|letter| *letter == 'ä').count(),
            WIDTH - 1
        );
    }

    #[test]
    fn objects_are_compared_by_key() {
        let from = json!({"a": {"x": 1, "y": 2}, "b": [1], "c": 1});
        let to = json!({"a": {"x": 1, "y": 3}, "b": [1], "d": null});
        let expected = Delta::Keys(vec![
            (".a.y".to_owned(), step(Some("2"), Some("3"))),
            (".c".to_owned(), step(Some("1"), None)),
            (".d".to_owned(), step(None, Some("null"))),
        ]);
        assert_eq!(delta(Some(from), Some(to)), expected);
    }

    #[test]
    fn texts_are_compared_by_line() {
        let from = "one\ntwo\nthree\nfour\nfive\n";
        let to = "one\ntwo\n3\nfour\nfive\nsix\n";
        let expected = Delta::Text(vec![
            Line::Skipped(1),
            Line::Kept("two".to_owned()),
            Line::Removed("three".to_owned()),
            Line::Added("3".to_owned()),
            Line::Kept("four".to_owned()),
            Line::Kept("five".to_owned()),
            Line::Added("six".to_owned()),
        ]);
        assert_eq!(delta(Some(json!(from)), Some(json!(to))), expected);
    }

    #[test]
    fn endless_texts_are_not_compared() {
        let long = "line\n".repeat(COMPARED + 1);
        assert!(matches!(
            delta(Some(json!("a\nb")), Some(json!(long))),
            Delta::Value(_)
        ));
        let Delta::Text(lines) = delta(None, Some(json!("line\n".repeat(100)))) else {
            panic!("it is compared");
        };
        assert_eq!(lines.len(), LINES + 1);
        assert_eq!(lines.last(), Some(&Line::Skipped(100 - LINES)));
    }
}
