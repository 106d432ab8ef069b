//! The only way to standard output, where the runner reads both text and [commands][docs].
//!
//! Text never becomes a command: whatever comes from files, from Port or from GitHub goes through
//! [`Log::line`].
//!
//! [docs]: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// Invisible, and enough to keep the runner from reading a command.
const BREAK: char = '\u{200b}';

/// A handle to the job's log. Clones write to the same one.
#[derive(Clone)]
pub struct Log(Arc<Mutex<Box<dyn Write + Send>>>);

impl fmt::Debug for Log {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Log")
    }
}

/// A command for the runner.
#[derive(Debug, Clone)]
pub struct WorkflowCommand<'a> {
    /// `error`, `group`, …
    pub name: &'static str,
    /// Names and values; those without a value are left out.
    pub properties: Vec<(&'static str, String)>,
    /// What follows the second `::`.
    pub data: &'a str,
}

impl<'a> WorkflowCommand<'a> {
    /// A command without properties.
    pub fn new(name: &'static str, data: &'a str) -> Self {
        Self {
            name,
            properties: Vec::new(),
            data,
        }
    }
}

impl fmt::Display for WorkflowCommand<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "::{}", self.name)?;
        for (index, (name, value)) in self.properties.iter().enumerate() {
            let separator = if index == 0 { ' ' } else { ',' };
            write!(formatter, "{separator}{name}={}", escape_property(value))?;
        }
        write!(formatter, "::{}", escape_data(self.data))
    }
}

fn escape_data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}

impl Log {
    /// A log that is written to `out`.
    pub fn new(out: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Box::new(out))))
    }

    /// Writes text, of one line or several, in which control characters are shown and nothing is a
    /// command.
    pub fn line(&self, text: impl AsRef<str>) {
        self.rendered(&visible(text.as_ref()));
    }

    /// Writes text whose colours are our own and in which nothing is a command.
    pub fn rendered(&self, text: &str) {
        for line in text.split(['\n', '\r']) {
            self.write(&without_command(line));
        }
    }

    /// Writes a command.
    pub fn command(&self, command: &WorkflowCommand<'_>) {
        self.write(&command.to_string());
    }

    /// Keeps `secret` out of all that the job prints from here on.
    pub fn mask(&self, secret: &str) {
        self.command(&WorkflowCommand::new("add-mask", secret));
    }

    /// Writes what `body` writes as a group that can be folded.
    pub fn group<T>(&self, title: &str, body: impl FnOnce() -> T) -> T {
        self.command(&WorkflowCommand::new("group", &visible(title)));
        let result = body();
        self.command(&WorkflowCommand::new("endgroup", ""));
        result
    }

    fn write(&self, line: &str) {
        let mut out = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A log that nobody reads any more is no reason to leave entities half-written.
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

/// Shows control characters, which could move the cursor or hide text, as their code.
pub fn visible(text: &str) -> Cow<'_, str> {
    let is_hidden = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
    };
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) {
            // Writing to a string cannot fail.
            let _ = write!(shown, "\\u{{{:x}}}", character as u32);
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// The runner trims blanks before it looks for `::`, and finds `##[` anywhere.
fn without_command(line: &str) -> Cow<'_, str> {
    let trimmed = line.trim_start();
    let mut line = Cow::Borrowed(line);
    if trimmed.starts_with("::") {
        let blanks = line.len() - trimmed.len();
        line = format!("{}:{BREAK}{}", &line[..blanks], &trimmed[1..]).into();
    }
    if line.contains("##[") {
        line = line.replace("##[", &format!("##{BREAK}[")).into();
    }
    line
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What `write` writes to a log.
    pub(crate) fn logged(write: impl FnOnce(&Log)) -> String {
        let out = Shared::default();
        write(&Log::new(out.clone()));
        let bytes = out.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::logged;
    use super::*;

    #[test]
    fn text_is_never_a_command() {
        for text in [
            "::error::x",
            "  ::set-output name=a::b",
            "a\n::error::x",
            "a\r::error::x",
            "\u{85}::error::x",
            "\u{2003}::stop-commands::x",
            "x ##[error]y",
            "::##[error]",
            "####[error]",
        ] {
            for write in [Log::line, |log: &Log, text: &str| log.rendered(text)] {
                for line in logged(|log| write(log, text)).split(['\n', '\r']) {
                    assert!(!line.trim_start().starts_with("::"), "{line:?}");
                    assert!(!line.contains("##["), "{line:?}");
                }
            }
        }
    }

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(logged(|log| log.line("a\u{1b}[31mb")), "a\\u{1b}[31mb\n");
    }

    #[test]
    fn commands_are_escaped_as_the_toolkit_does() {
        let command = WorkflowCommand {
            name: "error",
            properties: vec![("file", "a,b:c%\r\n".to_owned()), ("line", "1".to_owned())],
            data: "100%\r\n::x",
        };
        assert_eq!(
            logged(|log| log.command(&command)),
            "::error file=a%2Cb%3Ac%25%0D%0A,line=1::100%25%0D%0A::x\n"
        );
    }
}
