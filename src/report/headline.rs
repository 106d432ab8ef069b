//! The result of a run in a few words, and what follows from it.

use super::causes::by_cause;
use super::console::label;
use super::{Drift, Ending, Report, State};
use crate::diagnostic::{Code, Severity};
use crate::event::Mode;
use crate::text::counted;

/// What is said of entities in the heading, in this order.
const CHANGES: [State; 4] = [
    State::Created,
    State::Adopted,
    State::Updated,
    State::Deleted,
];

/// `1 to create, 2 to update, 1 problem to fix`.
pub(super) fn result(report: &Report) -> String {
    let counts = report.counts();
    let states = CHANGES.iter().chain([&State::NotWritten, &State::Unknown]);
    let mut parts: Vec<_> = states
        .filter_map(|state| Some((state, counts.get(state)?)))
        .map(|(&state, count)| format!("{count} {}", label(state, report.run.mode)))
        .collect();
    let problems = problems(report);
    if problems > 0 {
        parts.push(counted(problems, "problem to fix", "problems to fix"));
    }
    let result = match parts.is_empty() {
        true => "no changes".to_owned(),
        false => parts.join(", "),
    };
    match &report.ending {
        Ending::Complete => result,
        Ending::Interrupted => format!("cancelled; {result}"),
        Ending::Stopped(_) => format!("stopped; {result}"),
    }
}

/// The first line of the summary and of the comment.
pub(super) fn heading(report: &Report) -> String {
    format!("Port catalog: {}", result(report))
}

/// How many errors there are to fix; what many entities share counts once, and what only waits for
/// another entity does not.
fn problems(report: &Report) -> usize {
    let errors = report.diagnostics_of(Severity::Error);
    by_cause(errors.filter(|error| error.code != Code::Blocked)).len()
}

/// Sentences in Markdown on what the result means and what happens next.
pub(super) fn meaning(report: &Report) -> Vec<String> {
    let mut sentences: Vec<_> = drift(report).into_iter().map(str::to_owned).collect();
    match report.run.mode {
        Mode::Plan => sentences.push(plan(report).to_owned()),
        Mode::Apply => sentences.extend(apply(report)),
    }
    sentences
}

fn drift(report: &Report) -> Option<&'static str> {
    Some(match (report.drift?, report.run.mode) {
        (Drift::Found, Mode::Plan) => "Port differs from what Git declares.",
        (Drift::Found, Mode::Apply) => "Port differed from what Git declares.",
        (Drift::None, _) => "Port is as Git declares.",
    })
}

fn plan(report: &Report) -> &'static str {
    let (is_pull, has_changes) = (report.run.pull_request.is_some(), changes(report) > 0);
    match (is_pull, has_changes, problems(report) > 0) {
        (true, true, false) => "Merging applies this.",
        (true, true, true) => "Merging applies this, except for what is listed as a problem.",
        (true, false, false) => "Merging changes nothing in Port.",
        (true, false, true) => "Merging changes nothing in Port until this is fixed.",
        (false, ..) => "This is a plan: nothing was written.",
    }
}

fn changes(report: &Report) -> usize {
    let counts = report.counts();
    CHANGES.iter().filter_map(|state| counts.get(state)).sum()
}

fn apply(report: &Report) -> Vec<String> {
    let head = &report.run.head;
    let commit = format!("[`{}`]({})", head.short(), report.run.commit_link());
    let written = changes(report);
    let is_left = |state: State| !matches!(state, State::Unchanged | State::Removed);
    let states = report.entities.iter().map(|entity| entity.state);
    let concerned = states.filter(|&state| is_left(state)).count();
    let is_complete = report.ending == Ending::Complete && written == concerned;
    if is_complete {
        return vec![match written {
            0 => format!("Nothing had to be written for {commit}."),
            _ => format!("Applied {commit}."),
        }];
    }
    let done = match written {
        0 => format!("Nothing was written for {commit}."),
        _ => format!(
            "Applied {commit} in part: {written} of {} are in Port.",
            counted(concerned, "change", "changes")
        ),
    };
    let next = match problems(report) > 0 {
        true => "Fix what is listed below; the next push or a re-run applies the rest.",
        false => "The next push or a re-run applies the rest.",
    };
    vec![done, next.to_owned()]
}
