//! A change in a form that fits a screen: short values side by side, long texts line by line, objects
//! key by key.

use std::collections::BTreeSet;

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::redact::{REDACTED, Shown, ShownDifference};
use crate::catalog::difference::{Field, is_same};
use crate::text::counted;

/// Longer values are cut to this many characters.
const WIDTH: usize = 80;
/// What two long values have in common is cut too, but for so many characters beside what differs.
const LEAD: usize = 16;
/// Of objects no more keys than these are shown.
const KEYS: usize = 20;
/// Of a text's difference no more lines than these are shown.
const LINES: usize = 24;
/// Unchanged lines around changed ones.
const CONTEXT: usize = 1;
/// Longer texts are not compared line by line: at worst that takes time by the square.
const COMPARED: usize = 2000;

/// A change, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Delta {
    /// One value for another.
    Value(ValueChange),
    /// Parts of an object, by their paths below it.
    Keys(Vec<(String, ValueChange)>),
    /// A text of several lines.
    Text(Vec<DiffLine>),
    /// One value for another, and neither is shown.
    Hidden,
}

/// What was and what will be; `None` is nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ValueChange {
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
}

/// A line of a text's difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DiffLine {
    Kept(String),
    Removed(String),
    Added(String),
    /// So many unchanged lines are left out here.
    Skipped(usize),
    /// So many lines more are not shown.
    CutOff(usize),
}

/// What stands in place of both values of [`Delta::Hidden`].
pub(super) fn hidden() -> String {
    format!("changed {REDACTED}")
}

/// `… 1 unchanged line`, `… 2 unchanged lines`.
pub(super) fn skipped(count: usize) -> String {
    format!("… {}", counted(count, "unchanged line", "unchanged lines"))
}

/// `… 1 more line`, `… 2 more lines`.
pub(super) fn cut_off(count: usize) -> String {
    format!("… {}", counted(count, "more line", "more lines"))
}

/// What is shown of a change.
pub(super) fn of(change: &ShownDifference) -> Delta {
    if let (Some(Shown::Redacted), Some(Shown::Redacted)) = (&change.from, &change.to) {
        return Delta::Hidden;
    }
    let (from, to) = (value(&change.from), value(&change.to));
    let detailed = match (from, to) {
        (Some(Value::Object(_)), Some(Value::Object(_))) => keys_delta(from, to),
        (Some(Value::Array(from)), Some(Value::Array(to))) => items_delta(&change.field, from, to),
        _ => text_delta(as_text(from), as_text(to)),
    };
    detailed.unwrap_or_else(|| Delta::Value(step(&change.from, &change.to)))
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

fn step(from: &Option<Shown>, to: &Option<Shown>) -> ValueChange {
    if let (Some(from), Some(to)) = (value(from), value(to)) {
        return both(from, to);
    }
    let show = |shown: &Shown| match shown {
        Shown::Value(value) => short(value),
        Shown::Redacted => REDACTED.to_owned(),
    };
    ValueChange {
        from: from.as_ref().map(show),
        to: to.as_ref().map(show),
    }
}

/// One value for another. Cut at their ends alone, two long ones could look the same.
fn both(from: &Value, to: &Value) -> ValueChange {
    let texts = (from.to_string(), to.to_string());
    let start = difference(&texts.0, &texts.1);
    let end = common_end(&texts.0, &texts.1);
    let cut = |text: &str, value: &Value| {
        let end = text.chars().count().saturating_sub(end);
        cut_between(text, start, end, |characters| length(value, characters))
    };
    ValueChange {
        from: Some(cut(&texts.0, from)),
        to: Some(cut(&texts.1, to)),
    }
}

/// A value on one line, cut where it is long.
fn short(value: &Value) -> String {
    cut(&value.to_string(), 0, |characters| {
        length(value, characters)
    })
}

/// How long a value is that takes `characters` when it is written.
fn length(value: &Value, characters: usize) -> String {
    match value {
        Value::String(text) => format!("{} characters", text.chars().count()),
        Value::Array(items) => format!("{} items, {characters} characters", items.len()),
        Value::Object(map) => format!("{} keys, {characters} characters", map.len()),
        _ => format!("{characters} characters"),
    }
}

/// Where two texts are to be shown from, in characters: a little before they differ.
fn difference(one: &str, other: &str) -> usize {
    let same = one.chars().zip(other.chars());
    let same = same.take_while(|(one, other)| one == other).count();
    same.saturating_sub(LEAD)
}

/// How many characters at the end of both need not be shown: those that are the same, but for a few.
fn common_end(one: &str, other: &str) -> usize {
    let same = one.chars().rev().zip(other.chars().rev());
    let same = same.take_while(|(one, other)| one == other).count();
    same.saturating_sub(LEAD)
}

/// A text, or where it is long the part of it between two characters, if that is short, or what
/// [`cut`] shows.
fn cut_between(
    text: &str,
    start: usize,
    end: usize,
    length: impl FnOnce(usize) -> String,
) -> String {
    let characters = text.chars().count();
    let wide = end.saturating_sub(start);
    if characters <= WIDTH || wide == 0 || wide > WIDTH {
        return cut(text, start, length);
    }
    let part: String = text.chars().skip(start).take(wide).collect();
    let before = if start > 0 { "…" } else { "" };
    let after = if end < characters { "…" } else { "" };
    format!("{before}{part}{after} ({})", length(characters))
}

/// A text, or where it is long the part of it that begins with the character `start`, or earlier if
/// all from there on can be shown, and how long the whole is.
fn cut(text: &str, start: usize, length: impl FnOnce(usize) -> String) -> String {
    let characters = text.chars().count();
    if characters <= WIDTH {
        return text.to_owned();
    }
    let start = start.min(characters - WIDTH);
    let part: String = text.chars().skip(start).take(WIDTH).collect();
    let before = if start > 0 { "…" } else { "" };
    let after = if start + WIDTH < characters {
        "…"
    } else {
        ""
    };
    format!("{before}{part}{after} ({})", length(characters))
}

fn keys_delta(from: Option<&Value>, to: Option<&Value>) -> Option<Delta> {
    let mut keys = Vec::new();
    compare_keys(from?, to?, "", &mut keys);
    let more = keys.len().saturating_sub(KEYS);
    keys.truncate(KEYS);
    if more > 0 {
        let nothing = ValueChange {
            from: None,
            to: None,
        };
        keys.push((format!("… and {more} more"), nothing));
    }
    (!keys.is_empty()).then_some(Delta::Keys(keys))
}

/// Which items of a long list come and go; of a short one it can be seen. Teams and the targets of a
/// relation have no order, so nothing stands around them.
fn items_delta(field: &Field, from: &[Value], to: &[Value]) -> Option<Delta> {
    let items = |items: &[Value]| items.iter().map(Value::to_string).collect::<Vec<_>>();
    let (before, after) = (items(from), items(to));
    let is_short = |items: &[String]| {
        let characters = items.iter().map(|item| item.chars().count() + 1);
        characters.sum::<usize>() < WIDTH
    };
    if is_short(&before) && is_short(&after) {
        return None;
    }
    if matches!(field, Field::Team | Field::Relation(_)) {
        return set_delta(&before, &after);
    }
    let before: Vec<_> = before.iter().map(String::as_str).collect();
    let after: Vec<_> = after.iter().map(String::as_str).collect();
    lines_delta(&before, &after)
}

fn set_delta(before: &[String], after: &[String]) -> Option<Delta> {
    let missing = |from: &[String], other: &[String]| {
        let other: BTreeSet<_> = other.iter().collect();
        let gone = from.iter().filter(|item| !other.contains(item));
        gone.cloned().collect::<Vec<_>>()
    };
    let removed = missing(before, after).into_iter().map(DiffLine::Removed);
    let added = missing(after, before).into_iter().map(DiffLine::Added);
    shown(removed.chain(added).collect())
}

fn compare_keys(from: &Value, to: &Value, path: &str, keys: &mut Vec<(String, ValueChange)>) {
    let (Value::Object(before), Value::Object(after)) = (from, to) else {
        if !is_same(from, to) {
            keys.push((path.to_owned(), both(from, to)));
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
                keys.push((path, ValueChange { from, to }));
            }
        }
    }
}

/// What differs in texts of which one at least has several lines.
fn text_delta(from: Option<&str>, to: Option<&str>) -> Option<Delta> {
    let (from, to) = (from?, to?);
    if !from.contains('\n') && !to.contains('\n') {
        return None;
    }
    let before: Vec<_> = from.lines().collect();
    let after: Vec<_> = to.lines().collect();
    lines_delta(&before, &after)
}

/// The lines that differ, with some around them; `None` if there are too many to compare, or if it is
/// only the last line's end that differs.
fn lines_delta(before: &[&str], after: &[&str]) -> Option<Delta> {
    if before.len() > COMPARED || after.len() > COMPARED {
        return None;
    }
    shown(with_context(diff(before, after)))
}

fn shown(lines: Vec<DiffLine>) -> Option<Delta> {
    let mut lines = shortened(lines);
    if lines.len() > LINES {
        let more = lines.len() - LINES;
        lines.truncate(LINES);
        lines.push(DiffLine::CutOff(more));
    }
    (!lines.is_empty()).then_some(Delta::Text(lines))
}

fn diff(before: &[&str], after: &[&str]) -> Vec<DiffLine> {
    let changes = TextDiff::from_slices(before, after);
    let line = |change: similar::Change<&str>| {
        let text = change.value().to_owned();
        match change.tag() {
            ChangeTag::Equal => DiffLine::Kept(text),
            ChangeTag::Delete => DiffLine::Removed(text),
            ChangeTag::Insert => DiffLine::Added(text),
        }
    };
    changes.iter_all_changes().map(line).collect()
}

/// Leaves out unchanged lines that are far from changed ones.
fn with_context(lines: Vec<DiffLine>) -> Vec<DiffLine> {
    let is_change = |line: &DiffLine| matches!(line, DiffLine::Removed(_) | DiffLine::Added(_));
    let changed: Vec<_> = (0..lines.len())
        .filter(|&at| is_change(&lines[at]))
        .collect();
    let is_near = |at: usize| changed.iter().any(|change| change.abs_diff(at) <= CONTEXT);
    let (mut shown, mut skipped) = (Vec::new(), 0);
    for (at, line) in lines.into_iter().enumerate() {
        if is_near(at) {
            if skipped > 0 {
                shown.push(DiffLine::Skipped(std::mem::take(&mut skipped)));
            }
            shown.push(line);
        } else {
            skipped += 1;
        }
    }
    if skipped > 0 && !shown.is_empty() {
        shown.push(DiffLine::Skipped(skipped));
    }
    shown
}

/// Cuts long lines; one that takes another's place is shown from where they differ.
fn shortened(mut lines: Vec<DiffLine>) -> Vec<DiffLine> {
    let starts: Vec<_> = (0..lines.len()).map(|at| start_of(&lines, at)).collect();
    let length = |characters| format!("{characters} characters");
    for (line, start) in lines.iter_mut().zip(starts) {
        if let DiffLine::Kept(text) | DiffLine::Removed(text) | DiffLine::Added(text) = line {
            *text = cut(text, start, length);
        }
    }
    lines
}

/// Where the line at `at` is to be shown from. The first of some lines that are added takes the place
/// of the first of those that are removed just before, and so on.
fn start_of(lines: &[DiffLine], at: usize) -> usize {
    let run = |at: usize, is_of_run: fn(&DiffLine) -> bool| {
        let before = lines[..at].iter().rev();
        before.take_while(|line| is_of_run(line)).count()
    };
    let is_removed = |line: &DiffLine| matches!(line, DiffLine::Removed(_));
    let is_added = |line: &DiffLine| matches!(line, DiffLine::Added(_));
    let counterpart = match &lines[at] {
        DiffLine::Removed(_) => {
            let removed = lines[at..].iter().take_while(|line| is_removed(line));
            at + removed.count() + run(at, is_removed)
        }
        DiffLine::Added(_) => {
            let added = run(at, is_added);
            let removed = run(at - added, is_removed);
            if added >= removed {
                return 0;
            }
            at - removed
        }
        DiffLine::Kept(_) | DiffLine::Skipped(_) | DiffLine::CutOff(_) => return 0,
    };
    match (&lines[at], lines.get(counterpart)) {
        (DiffLine::Removed(one), Some(DiffLine::Added(other)))
        | (DiffLine::Added(one), Some(DiffLine::Removed(other))) => difference(one, other),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
