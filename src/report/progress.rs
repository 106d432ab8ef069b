//! What happens on the way, as the rooms below tell it through `tracing`.

use std::fmt::{Debug, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

use super::log::{Command, Log};

/// Writes this program's own events to the log: warnings and information as lines, the rest for
/// those who turn on [debug logging][docs].
///
/// [docs]: https://docs.github.com/en/actions/how-tos/monitor-workflows/enable-debug-logging
struct Progress(Log);

/// A subscriber that writes to `log`.
pub fn subscriber(log: &Log) -> impl Subscriber + Send + Sync + use<> {
    Registry::default().with(Progress(log.clone()))
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
        match *event.metadata().level() {
            Level::ERROR | Level::WARN | Level::INFO => self.0.line(message.0),
            Level::DEBUG | Level::TRACE => self.0.command(&Command::new("debug", &message.0)),
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
