//! The report as the job's summary page, in GitHub's Markdown.
//!
//! [Adding a job summary](https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#adding-a-job-summary)

use std::io::{self, Write};

use super::console::label;
use super::{Ending, EntityReport, Report, State};
use crate::diagnostic::Severity;
use crate::event::Mode;

/// GitHub drops a summary of more than 1 MiB as a whole.
const MAX_BYTES: usize = 1000 * 1024;
/// More entities than these are folded.
const UNFOLDED: usize = 10;

/// Writes the page. What would make it too large is left out, and the page says so.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(report: &Report, out: impl Write) -> io::Result<()> {
    let mut page = Page {
        out,
        left: MAX_BYTES,
        omitted: 0,
    };
    page.heading(report)?;
    page.counts(report)?;
    page.problems(report)?;
    page.entities(report)?;
    page.notices(report)?;
    page.footer(report)
}

/// Writes the page of a run that could not begin.
///
/// # Errors
/// If `out` cannot be written.
pub fn write_failure(problems: &[String], mut out: impl Write) -> io::Result<()> {
    writeln!(out, "## port-gitops: failure\n\n> [!CAUTION]")?;
    for problem in problems {
        writeln!(out, "> - {}", escape(problem))?;
    }
    Ok(())
}

struct Page<W> {
    out: W,
    left: usize,
    omitted: usize,
}

impl<W: Write> Page<W> {
    /// Writes a line if there is room for it; lines of a table and the like may be left out.
    fn line(&mut self, line: &str) -> io::Result<()> {
        if line.len() + 1 > self.left {
            self.omitted += 1;
            return Ok(());
        }
        self.left -= line.len() + 1;
        writeln!(self.out, "{line}")
    }

    fn heading(&mut self, report: &Report) -> io::Result<()> {
        let what = match report.run.mode {
            Mode::Plan => "plan",
            Mode::Apply => "apply",
        };
        self.line(&format!(
            "## port-gitops: {what}, {}",
            report.outcome().as_str()
        ))?;
        self.line("")?;
        if let Ending::Stopped(reason) = &report.ending {
            self.line(&format!("> [!CAUTION]\n> {}", escape(reason)))?;
            self.line("")?;
        }
        Ok(())
    }

    fn counts(&mut self, report: &Report) -> io::Result<()> {
        let counts = report.counts();
        if counts.is_empty() {
            return self.line("No entity changed.");
        }
        let row = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
        let mode = report.run.mode;
        self.line(&row(counts
            .keys()
            .map(|&state| label(state, mode).to_owned())
            .collect()))?;
        self.line(&row(counts.keys().map(|_| "---:".to_owned()).collect()))?;
        self.line(&row(counts.values().map(ToString::to_string).collect()))
    }

    fn problems(&mut self, report: &Report) -> io::Result<()> {
        if report.diagnostics.is_empty() {
            return Ok(());
        }
        self.line("\n### Problems\n")?;
        self.line("| | Problem | Where |")?;
        self.line("| --- | --- | --- |")?;
        for severity in [Severity::Error, Severity::Warning, Severity::Notice] {
            for diagnostic in report.diagnostics_of(severity) {
                let help = diagnostic
                    .help
                    .as_deref()
                    .map(|help| format!("<br>{}", escape(help)));
                self.line(&format!(
                    "| {} `{}` | {}{} | [{}]({}) |",
                    mark(severity),
                    diagnostic.code,
                    escape(&diagnostic.message),
                    help.unwrap_or_default(),
                    escape(&diagnostic.location().to_string()),
                    report.link(diagnostic.location()),
                ))?;
            }
        }
        Ok(())
    }

    fn entities(&mut self, report: &Report) -> io::Result<()> {
        for &state in report.counts().keys() {
            let entities: Vec<_> = report
                .entities
                .iter()
                .filter(|entity| entity.state == state)
                .collect();
            self.entities_of(state, &entities, report)?;
        }
        Ok(())
    }

    fn entities_of(
        &mut self,
        state: State,
        entities: &[&EntityReport],
        report: &Report,
    ) -> io::Result<()> {
        let is_folded = entities.len() > UNFOLDED || state == State::Unchanged;
        let open = if is_folded { "" } else { " open" };
        let title = capitalised(label(state, report.run.mode));
        self.line(&format!(
            "\n<details{open}><summary>{title}: {}</summary>\n",
            entities.len()
        ))?;
        for entity in entities {
            let name = escape(&entity.name());
            // What head no longer declares has no line there to link to.
            match entity.location.as_ref().filter(|_| state != State::Removed) {
                Some(location) => self.line(&format!("- [{name}]({})", report.link(location)))?,
                None => self.line(&format!("- {name}"))?,
            }
        }
        self.line("\n</details>")
    }

    fn notices(&mut self, report: &Report) -> io::Result<()> {
        for notice in &report.notices {
            self.line(&format!("\n{}", escape(notice)))?;
        }
        Ok(())
    }

    fn footer(&mut self, report: &Report) -> io::Result<()> {
        let head = &report.run.head;
        let commit = format!(
            "{}/{}/commit/{head}",
            report.run.server_url, report.run.repository
        );
        // This has room even on a full page: the budget is that much below GitHub's limit.
        self.left += 1024;
        if self.omitted > 0 {
            self.line(&format!(
                "\n… and {} more lines, which GitHub would not show.",
                self.omitted
            ))?;
        }
        self.line(&format!(
            "\n<sub>[`{}`]({commit}) · {}</sub>",
            head.short(),
            report.cost.words()
        ))
    }
}

fn mark(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "❌",
        Severity::Warning => "⚠️",
        Severity::Notice => "ℹ️",
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters
        .next()
        .map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + characters.as_str()
}

/// Any text as Markdown that shows just that text, except that pairs of backticks, by which our own
/// words mark code, do so here too.
fn escape(text: &str) -> String {
    let segments: Vec<_> = text.split('`').collect();
    let is_paired = segments.len() % 2 == 1;
    let mut escaped = String::with_capacity(text.len());
    for (index, segment) in segments.iter().enumerate() {
        match index {
            0 => {}
            _ if !is_paired => escaped.push_str("&#96;"),
            _ if index % 2 == 1 => escaped.push_str("<code>"),
            _ => escaped.push_str("</code>"),
        }
        escape_plain(segment, &mut escaped);
    }
    escaped
}

/// An entity is never read as HTML or Markdown. A mention is made of the finished page's text, so it
/// needs something between the `@` and the name.
fn escape_plain(text: &str, escaped: &mut String) {
    for character in text.chars() {
        match character {
            '@' => escaped.push_str("@&#8203;"),
            '\n' => escaped.push_str("<br>"),
            '.' | ',' | ':' | ';' | '/' | '-' | '(' | ')' | '=' | '?' | '\'' | '"' | '%' | '+' => {
                escaped.push(character);
            }
            character if character.is_ascii_punctuation() => {
                escaped.push_str(&format!("&#{};", character as u32));
            }
            character if character.is_control() => escaped.push(' '),
            character => escaped.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_shown_and_not_obeyed() {
        assert_eq!(escape("<b>|*x*\n"), "&#60;b&#62;&#124;&#42;x&#42;<br>");
        assert_eq!(escape("@octocat"), "@&#8203;octocat");
        assert_eq!(escape("[a](http://x)"), "&#91;a&#93;(http://x)");
    }

    #[test]
    fn pairs_of_backticks_are_code() {
        assert_eq!(escape("add `a_b` here"), "add <code>a&#95;b</code> here");
        assert_eq!(escape("a ` b"), "a &#96; b");
    }
}
