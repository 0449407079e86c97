//! Nothing that the function says shows a contact, a secret or a token: everything logged in this process is looked at.
//!
//! The contacts of tests, the client secrets and the tokens of the sandbox are recognisable by themselves, so that a line
//! can be judged where it is written.

use crate::world::contact;
use sandbox::certificate::Certificate;
use sandbox::entra;
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
        tracing::subscriber::set_global_default(Watch(&LEAKS)).expect("no test installs another subscriber");
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
    let secrets = ["Sandbox~Secret", "Sandbox%7ESecret", sandbox::SECRET_KEY];
    if secrets.iter().any(|secret| text.contains(secret)) {
        return Some("a secret");
    }
    // The keys of certificates are PKCS#8 or PKCS#1, and begin alike; two objects in base64 and a dot are a signed assertion.
    if ["PRIVATE KEY-----", "MIIE"].iter().any(|key| text.contains(key)) {
        return Some("a key");
    }
    if text.contains(entra::TOKEN) || text.contains(".eyJ") {
        return Some("a token");
    }
    names_a_contact(text).then_some("a contact")
}

/// Looks for 32 digits in a row, whatever they are joined to: letters and other ids beside them, up to three characters
/// that are neither letters nor digits between them, percent escapes and full-width forms.
fn names_a_contact(text: &str) -> bool {
    let text = ["%2d", "%2D", "%7b", "%7B", "%7d", "%7D"]
        .iter()
        .fold(text.to_owned(), |text, escape| text.replace(escape, "-"));
    let mut digits = String::new();
    let mut gap = 0;
    text.chars().map(narrow).any(|c| {
        if c.is_ascii_hexdigit() {
            digits.push(c);
            gap = 0;
            let id = digits.len().checked_sub(32).map(|start| &digits[start..]);
            return id
                .and_then(|id| Uuid::try_parse(id).ok())
                .is_some_and(is_contact_of_a_test);
        }
        gap += 1;
        if c.is_alphanumeric() || gap > 3 {
            digits.clear();
        }
        false
    })
}

/// Returns the ASCII character that a full-width one looks like.
fn narrow(c: char) -> char {
    let is_wide = ('\u{ff01}'..='\u{ff5e}').contains(&c);
    char::from_u32(u32::from(c).wrapping_sub(0xfee0))
        .filter(|_| is_wide)
        .unwrap_or(c)
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
struct Watch(&'static Mutex<Vec<String>>);

impl Subscriber for Watch {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("segment_loader") || *metadata.level() <= Level::INFO
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        self.look(attributes.metadata(), |line| attributes.record(line));
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        self.look(event.metadata(), |line| event.record(line));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

impl Watch {
    fn look(&self, metadata: &Metadata<'_>, record: impl FnOnce(&mut Line)) {
        let mut line = Line(format!("{} {}", metadata.level(), metadata.target()));
        record(&mut line);
        if leak(&line.0).is_some() {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line.0);
        }
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
    let wide: String = id
        .to_string()
        .chars()
        .map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap())
        .collect();
    for planted in [
        format!("row contact-{id} is locked"),
        format!("key {}-{id} exists", Uuid::new_v4()),
        format!("key {id}{}", Uuid::new_v4().simple()),
        format!("record id{id}x"),
        format!("record id{}", id.simple()),
        format!("contact_{id}_1"),
        format!("contacts(%7B{id}%7D)"),
        id.to_string().replace('-', "%2D"),
        id.to_string().replace('-', "\u{200b}-\u{200b}"),
        id.to_string().replace('-', " "),
        wide,
        format!("member {id} stays"),
        format!("member {{{}}} stays", id.simple().to_string().to_uppercase()),
        format!("client_secret={}", entra::CLIENT_SECRET),
        format!("Bearer {}0123", entra::TOKEN),
        Certificate::for_days(1).key,
        Certificate::for_days(1).key.lines().nth(1).unwrap().to_owned(),
        "client_assertion=eyJhbGciOiJQUzI1NiJ9.eyJhdWQiOiJ4In0.c2lnbmF0dXJl".to_owned(),
    ] {
        assert!(leak(&planted).is_some(), "{planted}");
    }
    assert_eq!(
        leak(&format!("segment {} of run 0123456789abcdef", Uuid::new_v4())),
        None
    );
}

#[test]
fn a_planted_log_line_is_seen_at_any_level() {
    static PLANTED: Mutex<Vec<String>> = Mutex::new(Vec::new());
    tracing::subscriber::with_default(Watch(&PLANTED), || {
        let id = contact(7);
        tracing::debug!(target: "segment_loader::reconcile", contact = %id, "planted");
        tracing::info!(target: "a_library", "planted for {id}");
        tracing::debug!(target: "a_library", %id, "not written in production");
        let _span = tracing::info_span!(target: "segment_loader::reconcile", "run", member = ?id).entered();
    });
    assert_eq!(PLANTED.lock().unwrap().len(), 3);
}
