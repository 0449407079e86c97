//! Nothing that the function says shows a contact, a secret or a token: everything logged in this process is looked at.
//!
//! The contacts of tests, the client secrets and the tokens of the sandbox are recognisable by themselves, so that a line
//! can be judged where it is written.

use crate::sandbox::entra;
use crate::world::contact;
use std::fmt::{self, Write as _};
use std::sync::{Mutex, Once, PoisonError};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};
use uuid::Uuid;

/// The lines that showed something, of all tests so far.
static LEAKS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Has every line that is logged from now on looked at, whatever test it comes from.
pub(crate) fn watch() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        tracing::subscriber::set_global_default(Watch).expect("no test installs another subscriber");
    });
}

/// Fails the test where anything logged so far shows what nobody may see.
pub(crate) fn assert_none_was_logged() {
    let leaks = LEAKS.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(leaks.is_empty(), "a log line shows a contact or a secret: {leaks:#?}");
}

/// Fails the test where a text shows what nobody may see.
pub(crate) fn assert_tells_nothing(what: &str, text: &str) {
    if let Some(found) = leak(text) {
        panic!("{what} shows {found}: {text}");
    }
}

/// Names what a text must not show, if it shows any.
fn leak(text: &str) -> Option<&'static str> {
    let secrets = ["Sandbox~Secret", "Sandbox%7ESecret", crate::sandbox::SECRET_KEY];
    if secrets.iter().any(|secret| text.contains(secret)) {
        return Some("a secret");
    }
    if text.contains(entra::TOKEN) {
        return Some("a token");
    }
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    let mut guids = words.filter_map(|word| Uuid::try_parse(word).ok());
    guids.any(is_contact_of_a_test).then_some("a contact")
}

/// Recognises [`contact`]s, whose lowest bits are their number and one, and those of the client's own tests, which begin
/// and end with their number.
fn is_contact_of_a_test(id: Uuid) -> bool {
    let bits = id.as_u128();
    let number = u32::try_from(bits & u128::from(u32::MAX)).unwrap_or_default();
    let is_from_the_client = bits >> 80 == bits & 0xFFFF_FFFF_FFFF && (bits >> 48) & 0xFFFF_FFFF == 0x4000_8000;
    (number > 0 && contact(number - 1) == id) || is_from_the_client
}

/// Looks at what the function itself logs, at every level, and at what its libraries say in production.
struct Watch;

impl Subscriber for Watch {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("segment_loader") || *metadata.level() <= Level::INFO
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        look(attributes.metadata(), |line| attributes.record(line));
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        look(event.metadata(), |line| event.record(line));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

fn look(metadata: &Metadata<'_>, record: impl FnOnce(&mut Line)) {
    let mut line = Line(format!("{} {}", metadata.level(), metadata.target()));
    record(&mut line);
    if leak(&line.0).is_some() {
        LEAKS.lock().unwrap_or_else(PoisonError::into_inner).push(line.0);
    }
}

/// An event with all its fields, in one line.
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.0, " {field}={value}");
    }
}

#[test]
fn a_planted_leak_is_found() {
    let id = contact(41);
    for planted in [
        format!("member {id} stays"),
        format!("member {{{}}} stays", id.simple().to_string().to_uppercase()),
        format!("client_secret={}", entra::CLIENT_SECRET),
        format!("Bearer {}0123", entra::TOKEN),
    ] {
        assert!(leak(&planted).is_some(), "{planted}");
    }
    assert_eq!(
        leak(&format!("segment {} of run 0123456789abcdef", Uuid::new_v4())),
        None
    );
}
