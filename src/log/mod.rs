//! The log: one JSON object a line, which Lambda takes as it is and `CloudWatch` can ask by field.
//!
//! The lines of metrics are none of these: see `report::metrics`.

use chrono::{SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use std::fmt;
use std::io::{self, Write};
use std::str::FromStr as _;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::{LookupSpan, Registry, Scope};

/// The field that holds a run's report as JSON: it is an object in the line, too, so that its parts can be asked for.
const RUN: &str = "run";

/// What Lambda reads of a line, and where it comes from: no field may take such a name.
const OWN: [&str; 3] = ["timestamp", "level", "target"];

/// Says from which level on this program logs, by the name that Lambda or a person gave it; `INFO` where nobody did.
///
/// Lambda has one level more than there are here: `FATAL`, of which nothing is below an error.
pub fn level(name: Option<&str>) -> LevelFilter {
    match name {
        Some(name) if name.eq_ignore_ascii_case("FATAL") => LevelFilter::ERROR,
        Some(name) => Level::from_str(name).map_or(LevelFilter::INFO, LevelFilter::from_level),
        None => LevelFilter::INFO,
    }
}

/// Has everything that happens from now on logged to the standard output, panics too.
#[expect(
    clippy::disallowed_methods,
    reason = "what is wrong with the rest of the environment has to be logged as well"
)]
pub fn start() {
    let names = ["AWS_LAMBDA_LOG_LEVEL", "RUST_LOG"];
    let name = names.into_iter().find_map(|name| std::env::var(name).ok());
    let subscriber = subscriber(level(name.as_deref()), io::stdout);
    // Whoever calls `run` twice keeps the first.
    let _ = tracing::subscriber::set_global_default(subscriber);
    std::panic::set_hook(Box::new(|panic| {
        // Where it happened, and not its words, which may quote what was being read.
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "the program panicked");
    }));
}

/// Makes what writes the log, a line at once.
pub fn subscriber<W>(
    level: LevelFilter,
    writer: impl Fn() -> W + Send + Sync + 'static,
) -> impl Subscriber + Send + Sync
where
    W: Write + 'static,
{
    Registry::default().with(Lines { level, writer })
}

/// Writes each event as a line.
struct Lines<F> {
    level: LevelFilter,
    writer: F,
}

/// The fields of a span, kept until it closes.
struct Fields(Map<String, Value>);

impl<F> Lines<F> {
    /// Libraries say no more than `INFO`, whatever the level: below it they show headers and bodies, and with them
    /// secrets, tokens and contacts.
    fn level_of(&self, metadata: &Metadata<'_>) -> LevelFilter {
        if metadata.target().starts_with(env!("CARGO_CRATE_NAME")) {
            self.level
        } else {
            self.level.min(LevelFilter::INFO)
        }
    }
}

impl<S, F, W> Layer<S> for Lines<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    F: Fn() -> W + 'static,
    W: Write + 'static,
{
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= self.level_of(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields(Map::new());
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            record.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let mut line = Fields(Map::new());
        line.0.insert("timestamp".to_owned(), now());
        line.0.insert("level".to_owned(), json!(metadata.level().as_str()));
        let mut own = Fields(Map::new());
        event.record(&mut own);
        let message = own.0.get("message").cloned();
        line.0.extend(message.map(|message| ("message".to_owned(), message)));
        // What is inside says more than what is around it.
        for span in context.event_scope(event).into_iter().flat_map(Scope::from_root) {
            if let Some(Fields(fields)) = span.extensions().get() {
                line.0.extend(fields.clone());
            }
        }
        line.0.extend(own.0);
        line.0.insert("target".to_owned(), json!(metadata.target()));
        // A line that cannot be written is lost; nothing depends on it.
        let _ = (self.writer)().write_all(format!("{}\n", Value::Object(line.0)).as_bytes());
    }
}

fn now() -> Value {
    json!(Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true))
}

impl Fields {
    fn insert(&mut self, field: &Field, value: Value) {
        if !OWN.contains(&field.name()) {
            self.0.insert(field.name().to_owned(), value);
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        let object = (field.name() == RUN).then(|| serde_json::from_str(value).ok());
        self.insert(field, object.flatten().map_or_else(|| json!(value), Value::Object));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, json!(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, json!(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, json!(value));
    }

    /// Durations in milliseconds are such numbers.
    fn record_u128(&mut self, field: &Field, value: u128) {
        let number = u64::try_from(value);
        self.insert(
            field,
            number.map_or_else(|_| json!(value.to_string()), |number| json!(number)),
        );
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, json!(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.insert(field, json!(format!("{value:?}")));
    }
}

#[cfg(test)]
mod tests;
