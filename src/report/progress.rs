//! What happens on the way, as the other modules report it through `tracing`.

use std::fmt::{Debug, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

use super::log::{Log, WorkflowCommand};

/// Writes this program's own events to the log: warnings and information as lines, the rest for
/// those who turn on [debug logging][docs].
///
/// [docs]: https://docs.github.com/en/actions/how-tos/monitor-workflows/enable-debug-logging
struct Progress {
    log: Log,
    reader: Audience,
}

/// Who reads what happens on the way.
enum Audience {
    /// A job's log.
    Job,
    /// Somebody at a terminal, for whom messages are put into other words.
    Terminal(fn(&str) -> String),
}

/// A subscriber that writes to a job's `log`.
pub fn subscriber(log: &Log) -> impl Subscriber + Send + Sync + use<> {
    Registry::default().with(Progress {
        log: log.clone(),
        reader: Audience::Job,
    })
}

/// A subscriber that writes warnings and information to a terminal's `log`, in the words that `words`
/// makes of a message.
pub fn on_terminal(log: Log, words: fn(&str) -> String) -> impl Subscriber + Send + Sync {
    Registry::default().with(Progress {
        log,
        reader: Audience::Terminal(words),
    })
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Progress {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        if !event
            .metadata()
            .target()
            .starts_with(env!("CARGO_CRATE_NAME"))
        {
            return;
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        let is_detail = *event.metadata().level() > Level::INFO;
        match (is_detail, &self.reader) {
            (false, Audience::Job) => self.log.line(message.0),
            (false, Audience::Terminal(words)) => self.log.line(words(&message.0)),
            (true, Audience::Job) => self.log.command(&WorkflowCommand::new("debug", &message.0)),
            (true, Audience::Terminal(_)) => {}
        }
    }
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            // Writing to a string cannot fail.
            let _ = write!(self.0, "{value:?}");
        }
    }
}
