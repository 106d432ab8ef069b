//! Findings in the [Static Analysis Results Interchange Format][sarif] 2.1.0, for code scanning.
//!
//! What GitHub reads of it: [SARIF support for code scanning][github].
//!
//! [sarif]: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
//! [github]: https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde_json::{Value, json};

use crate::diagnostic::{Code, Diagnostic, Label, Severity};
use crate::text::Location;

/// GitHub shows no more results than this of one upload.
const MAX_RESULTS: usize = 5000;

/// What a path of the repository is written with in a URI, beside letters and digits.
const PLAIN: &str = "-._~/";

/// Writes `diagnostics` to standard output, errors first where there are too many.
///
/// # Errors
/// If that is closed.
pub(super) fn write(diagnostics: &[Diagnostic]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &log(diagnostics))?;
    writeln!(out)
}

fn log(diagnostics: &[Diagnostic]) -> Value {
    let mut shown: Vec<_> = diagnostics.iter().collect();
    if shown.len() > MAX_RESULTS {
        shown.sort_by_key(|one| one.severity());
        shown.truncate(MAX_RESULTS);
    }
    let codes: BTreeSet<_> = shown.iter().map(|one| one.code).collect();
    let codes: Vec<_> = codes.into_iter().collect();
    let results = shown.iter().map(|one| result(one, &codes));
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "port-gitops",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": codes.iter().map(|code| rule(*code)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results.collect::<Vec<_>>(),
        }],
    })
}

fn rule(code: Code) -> Value {
    let description = code.description();
    json!({
        "id": code.as_str(),
        "shortDescription": {"text": description},
        "fullDescription": {"text": description},
        "help": {"text": format!("docs/diagnostics.md of port-gitops has an example of `{code}`, and what to do.")},
        "defaultConfiguration": {"level": level(code.severity())},
    })
}

fn result(diagnostic: &Diagnostic, codes: &[Code]) -> Value {
    let mut message = diagnostic.message.clone();
    if let Some(help) = &diagnostic.help {
        message.push_str("\nhelp: ");
        message.push_str(help);
    }
    let related = diagnostic.related.iter().enumerate();
    json!({
        "ruleId": diagnostic.code.as_str(),
        "ruleIndex": codes.iter().position(|code| *code == diagnostic.code),
        "level": level(diagnostic.severity()),
        "message": {"text": plain(&message)},
        "locations": [location(diagnostic.location())],
        "relatedLocations": related.map(|(id, label)| related_location(id, label)).collect::<Vec<_>>(),
    })
}

fn related_location(id: usize, label: &Label) -> Value {
    let mut related = location(&label.location);
    related["id"] = json!(id);
    if !label.text.is_empty() {
        related["message"] = json!({"text": plain(&label.text)});
    }
    related
}

fn location(location: &Location) -> Value {
    let (start, end) = (location.start(), location.end());
    json!({"physicalLocation": {
        "artifactLocation": {"uri": uri(location.path().as_str()), "uriBaseId": "%SRCROOT%"},
        "region": {
            "startLine": start.line,
            "startColumn": start.column,
            "endLine": end.line,
            "endColumn": end.column,
        },
    }})
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Notice => "note",
    }
}

/// A text in which nothing is a link: §3.11.6 of the format.
fn plain(text: &str) -> String {
    match text.contains("](") {
        true => text
            .replace('\\', "\\\\")
            .replace('[', "\\[")
            .replace(']', "\\]"),
        false => text.to_owned(),
    }
}

fn uri(path: &str) -> String {
    let escaped = path.bytes().map(|byte| match char::from(byte) {
        plain if plain.is_ascii_alphanumeric() || PLAIN.contains(plain) => plain.to_string(),
        _ => format!("%{byte:02X}"),
    });
    escaped.collect()
}

#[cfg(test)]
mod tests;
