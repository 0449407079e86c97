//! The app in this process with the sandbox around it, and the verbs in which the tests are told.

use crate::leaks;
use crate::run::Run;
use crate::sentences;
use sandbox::dataverse::SegmentView;
use sandbox::{BUCKET, DESTINATION_SECRET, Sandbox};
use segment_loader::App;
use segment_loader::config::Variables;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::Duration;
use uuid::Uuid;

/// The segment that most tests load.
pub(crate) const SEGMENT: &str = "Summer Sale";
/// The longest that Lambda lets a function run.
pub(crate) const FIFTEEN_MINUTES: Duration = Duration::from_mins(15);

/// A sandbox and the app that works in it.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) app: App,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::in_sandbox(Sandbox::start().await, &[])
    }

    pub(crate) fn in_sandbox(sandbox: Sandbox, variables: &[(&str, &str)]) -> Self {
        leaks::watch();
        let app = Self::app(&sandbox, variables);
        Self { sandbox, app }
    }

    /// Builds another app for the same sandbox, as another Lambda environment would be.
    pub(crate) fn app(sandbox: &Sandbox, variables: &[(&str, &str)]) -> App {
        let sandboxed = sandbox.environment();
        let lookup = |name: &str| {
            let own = variables
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned());
            own.or_else(|| {
                sandboxed
                    .iter()
                    .find(|(key, _)| key == name)
                    .map(|(_, value)| value.clone())
            })
        };
        App::new(Variables::read(lookup).unwrap(), &sandbox.aws_config()).unwrap()
    }

    /// Changes fields of the destination secret.
    pub(crate) fn destination(&self, changes: &Value) {
        self.sandbox.secrets.merge(DESTINATION_SECRET, changes);
    }

    /// Drops a file for [`SEGMENT`] and returns its key.
    pub(crate) fn drop_file(&self, name: &str, content: impl Into<Vec<u8>>) -> String {
        let key = format!("incoming/{SEGMENT}/{name}");
        self.sandbox.s3.put(BUCKET, &key, content.into());
        // The next file is a second younger: S3's `LastModified` knows whole seconds.
        self.sandbox.s3.clock().advance(Duration::from_secs(1));
        key
    }

    /// Drops a CSV file of these contacts for [`SEGMENT`] and returns its key.
    pub(crate) fn drop_contacts(&self, name: &str, contacts: &[Uuid]) -> String {
        self.drop_file(name, csv(contacts))
    }

    /// Delivers S3's event about a key, and returns the answer.
    pub(crate) async fn deliver(&self, key: &str) -> Value {
        let event = self.sandbox.s3.notification(BUCKET, key);
        self.invoke(event).await.unwrap()
    }

    /// Delivers S3's event about a key, and returns its own run.
    pub(crate) async fn run(&self, key: &str) -> Run {
        Run::first(&self.deliver(key).await)
    }

    /// Drops contacts, delivers the event and returns the file's own run.
    pub(crate) async fn load(&self, name: &str, contacts: &[Uuid]) -> Run {
        let key = self.drop_contacts(name, contacts);
        self.run(&key).await
    }

    /// Loads a key directly, with more fields, and returns its run.
    pub(crate) async fn load_directly(&self, key: &str, fields: &Value) -> Run {
        let mut command = json!({"action": "load", "key": key});
        command
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        Run::first(&self.invoke(command).await.unwrap())
    }

    pub(crate) async fn invoke(&self, event: Value) -> Result<Value, segment_loader::Error> {
        self.invoke_for(event, FIFTEEN_MINUTES).await
    }

    /// Invokes with so much time until the deadline.
    pub(crate) async fn invoke_for(&self, event: Value, time: Duration) -> Result<Value, segment_loader::Error> {
        let answer = Box::pin(self.app.handle(event, time)).await;
        match &answer {
            Ok(answer) => {
                leaks::assert_tells_nothing("the answer", &answer.to_string());
                assert_reads_as_text(answer);
                sentences::assert_true(&self.sandbox, answer);
            }
            Err(error) => leaks::assert_tells_nothing("the error", &format!("{error} {error:?}")),
        }
        answer
    }

    pub(crate) fn segment(&self) -> SegmentView {
        self.sandbox.dataverse.segment(SEGMENT)
    }

    /// Returns the members that journeys see, sorted.
    pub(crate) fn published(&self) -> Vec<Uuid> {
        self.segment().published.unwrap_or_default()
    }

    /// Reads the head of [`SEGMENT`].
    pub(crate) fn head(&self) -> Value {
        let heads = self.sandbox.s3.keys(BUCKET, "_state/segments/");
        let heads: Vec<_> = heads
            .iter()
            .filter_map(|key| self.sandbox.s3.get_json(BUCKET, key))
            .collect();
        heads
            .into_iter()
            .find(|head| head["segment_name"] == SEGMENT)
            .unwrap_or_default()
    }
}

impl Drop for World {
    /// Looks at everything that the test has left: log, heads and receipts.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        leaks::assert_none_was_logged();
        assert_objects_tell_nothing(&self.sandbox);
    }
}

/// Fails the test where a head or a receipt shows what nobody may see; only rejected rows are copies of the input.
pub(crate) fn assert_objects_tell_nothing(sandbox: &Sandbox) {
    for key in sandbox.s3.keys(BUCKET, "_state/") {
        let content = sandbox.s3.get(BUCKET, &key).unwrap_or_default();
        if !key.starts_with("_state/rejected/") {
            leaks::assert_tells_nothing(&key, &String::from_utf8_lossy(&content));
        }
    }
}

/// Fails the test where a sentence for people has a gap in it, as a line of the code that was broken badly leaves one.
fn assert_reads_as_text(answer: &Value) {
    let runs = answer["runs"].as_array().into_iter().flatten();
    let sentences = runs.flat_map(|run| run["warnings"].as_array().into_iter().flatten().chain([&run["reason"]]));
    for sentence in sentences.filter_map(Value::as_str) {
        assert!(!sentence.contains("  "), "there is a gap in: {sentence}");
    }
}

/// Numbers contacts: the same number is the same contact; ascending and far apart.
pub(crate) fn contacts(numbers: impl IntoIterator<Item = u32>) -> Vec<Uuid> {
    numbers.into_iter().map(contact).collect()
}

pub(crate) fn contact(number: u32) -> Uuid {
    // Wraps for the largest numbers only, which the leak watcher meets in digits that are nobody's id.
    Uuid::from_u128((u128::from(number) + 1).wrapping_mul(0x0000_0001_0000_4000_8000_0000_0000_0001))
}

/// Writes contacts as a CSV file.
pub(crate) fn csv(contacts: &[Uuid]) -> Vec<u8> {
    let mut text = String::with_capacity(12 + contacts.len() * 37);
    text.push_str("contactid\n");
    for contact in contacts {
        let _ = writeln!(text, "{contact}");
    }
    text.into_bytes()
}
