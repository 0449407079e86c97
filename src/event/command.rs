//! Direct commands, which are strict: whoever writes them should hear of a typing error.

use super::{Error, Request};
use crate::domain::{Mode, SegmentName};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::num::NonZeroUsize;

/// A direct load: the command to load one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadCommand {
    /// The bucket, unless it is the configured one.
    pub bucket: Option<String>,
    /// The key as it is, without any encoding.
    pub key: String,
    /// The segment's name, before all other places.
    pub segment_name: Option<SegmentName>,
    /// The mode, unless it is the destination's.
    pub mode: Option<Mode>,
    /// Whether nothing is to be written.
    pub dry_run: bool,
    /// How many contacts go to the test segment instead.
    pub sample: Option<NonZeroUsize>,
    /// The run id that a refusal printed.
    pub approve: Option<String>,
}

/// The question for the last runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryCommand {
    /// Only the runs of this segment.
    pub segment_name: Option<SegmentName>,
    /// How many runs, the newest first.
    pub limit: usize,
    /// Only what a person looks for first.
    pub brief: bool,
}

impl HistoryCommand {
    /// How many runs are told where the command does not say.
    pub const LIMIT: usize = 20;
    /// How many runs are told at most: an answer of Lambda holds 6 MB, and a receipt takes 3 KB.
    pub const MAX_LIMIT: usize = 200;
}

/// The longest key that S3 takes, in bytes.
const LONGEST_KEY: usize = 1_024;
/// The longest name of a bucket in bytes: 63 characters, or the ARN of an access point.
const LONGEST_BUCKET: usize = 255;

/// Reads a command; the caller has seen its `action`.
pub(super) fn parse(event: &Value) -> Result<Request, Error> {
    let known = "text: `load`, `sweep`, `status`, `history`, `forget`, `test_connection` or `verify_environment`";
    let action = event["action"].as_str().ok_or_else(|| invalid("", "action", known))?;
    match action {
        "load" => load(&Arguments::of(
            "load",
            event,
            &["bucket", "key", "segment_name", "mode", "dry_run", "sample", "approve"],
        )?),
        "sweep" => sweep(&Arguments::of("sweep", event, &["now"])?),
        "status" => Ok(Request::Status(
            Arguments::of("status", event, &["segment_name"])?.segment_name("segment_name")?,
        )),
        "history" => history(&Arguments::of("history", event, &["segment_name", "limit", "brief"])?),
        "forget" => forget(&Arguments::of("forget", event, &["segment_name"])?),
        "test_connection" => Arguments::of("test_connection", event, &[]).map(|_| Request::TestConnection),
        "verify_environment" => {
            let keep = Arguments::of("verify_environment", event, &["keep"])?.flag("keep")?;
            Ok(Request::VerifyEnvironment { keep })
        }
        _ => Err(Error::UnknownAction { action: action.into() }),
    }
}

/// How an address begins, as S3's console and reports of runs have it.
const ADDRESS: &str = "s3://";

fn load(arguments: &Arguments<'_>) -> Result<Request, Error> {
    let key = arguments.text_up_to("key", LONGEST_KEY)?;
    let key = key.ok_or_else(|| invalid("load", "key", "the key of the object to load"))?;
    if key.starts_with(ADDRESS) {
        let expected = "the key alone, without s3:// and the bucket, which is a field of its own: `bucket`";
        return Err(invalid("load", "key", expected));
    }
    let bucket = arguments.text_up_to("bucket", LONGEST_BUCKET)?;
    if bucket.as_ref().is_some_and(|bucket| bucket.starts_with(ADDRESS)) {
        return Err(invalid(
            "load",
            "bucket",
            "the bucket's name alone, without s3:// and a key",
        ));
    }
    Ok(Request::Load(LoadCommand {
        bucket,
        key,
        segment_name: arguments.segment_name("segment_name")?,
        mode: arguments.mode("mode")?,
        dry_run: arguments.flag("dry_run")?,
        sample: arguments.count("sample")?,
        approve: arguments.text("approve")?,
    }))
}

fn sweep(arguments: &Arguments<'_>) -> Result<Request, Error> {
    let now = arguments.flag("now")?;
    Ok(Request::Sweep { now })
}

fn forget(arguments: &Arguments<'_>) -> Result<Request, Error> {
    let segment_name = arguments.segment_name("segment_name")?;
    let needed = || invalid("forget", "segment_name", "the name of the segment to forget");
    segment_name.map(Request::Forget).ok_or_else(needed)
}

fn history(arguments: &Arguments<'_>) -> Result<Request, Error> {
    let limit = arguments
        .count("limit")?
        .map_or(HistoryCommand::LIMIT, NonZeroUsize::get);
    if limit > HistoryCommand::MAX_LIMIT {
        let expected = format!("a whole number from 1 to {}", HistoryCommand::MAX_LIMIT);
        return Err(invalid("history", "limit", expected));
    }
    Ok(Request::History(HistoryCommand {
        segment_name: arguments.segment_name("segment_name")?,
        limit,
        brief: arguments.flag("brief")?,
    }))
}

/// The fields of one command beside its `action`; null counts as absent.
struct Arguments<'a> {
    action: &'static str,
    fields: &'a Map<String, Value>,
}

impl<'a> Arguments<'a> {
    fn of(action: &'static str, event: &'a Value, known: &[&str]) -> Result<Self, Error> {
        let fields = event.as_object().ok_or_else(|| Error::unknown(event))?;
        match fields
            .keys()
            .find(|key| *key != "action" && !known.contains(&key.as_str()))
        {
            Some(field) => Err(Error::UnknownField {
                action,
                field: field.clone(),
                known: [&["action"], known].concat().join(", "),
            }),
            None => Ok(Self { action, fields }),
        }
    }

    fn value(&self, field: &str) -> Option<&Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }

    fn text(&self, field: &'static str) -> Result<Option<String>, Error> {
        match self.value(field) {
            None => Ok(None),
            Some(Value::String(text)) if !text.trim().is_empty() => Ok(Some(text.clone())),
            Some(_) => Err(invalid(self.action, field, "text that is not empty")),
        }
    }

    fn text_up_to(&self, field: &'static str, longest: usize) -> Result<Option<String>, Error> {
        match self.text(field)? {
            Some(text) if text.len() > longest => Err(invalid(
                self.action,
                field,
                format!("text of at most {longest} bytes, as S3 takes it"),
            )),
            text => Ok(text),
        }
    }

    fn segment_name(&self, field: &'static str) -> Result<Option<SegmentName>, Error> {
        let name = self.text(field)?.map(|text| SegmentName::parse(&text)).transpose();
        name.map_err(|expected| invalid(self.action, field, expected))
    }

    fn flag(&self, field: &'static str) -> Result<bool, Error> {
        match self.value(field) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(invalid(self.action, field, "true or false, without quotes")),
        }
    }

    fn count(&self, field: &'static str) -> Result<Option<NonZeroUsize>, Error> {
        let Some(value) = self.value(field) else {
            return Ok(None);
        };
        let count = value.as_u64().and_then(|count| usize::try_from(count).ok());
        match count.and_then(NonZeroUsize::new) {
            Some(count) => Ok(Some(count)),
            None => Err(invalid(self.action, field, "a whole number from 1 up, without quotes")),
        }
    }

    fn mode(&self, field: &'static str) -> Result<Option<Mode>, Error> {
        let Some(text) = self.text(field)? else {
            return Ok(None);
        };
        match Mode::NAMES.iter().find(|(name, _)| *name == text) {
            Some((_, mode)) => Ok(Some(*mode)),
            None => Err(invalid(
                self.action,
                field,
                Mode::NAMES.map(|(name, _)| format!("`{name}`")).join(" or "),
            )),
        }
    }
}

fn invalid(action: &'static str, field: &'static str, expected: impl Into<Cow<'static, str>>) -> Error {
    Error::Field {
        action,
        field,
        expected: expected.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_load_needs_no_more_than_a_key() {
        let Ok(Request::Load(command)) = parse(&json!({"action": "load", "key": "incoming/a+b%20.csv"})) else {
            panic!("a load");
        };
        let expected = LoadCommand {
            bucket: None,
            key: "incoming/a+b%20.csv".into(),
            segment_name: None,
            mode: None,
            dry_run: false,
            sample: None,
            approve: None,
        };
        assert_eq!(command, expected);
    }

    #[test]
    fn an_address_is_neither_key_nor_bucket() {
        for (command, expected) in [
            (
                json!({"action": "load", "key": "s3://results/incoming/a.csv"}),
                "`key` must be the key alone, without s3://",
            ),
            (
                json!({"action": "load", "key": "k", "bucket": "s3://results"}),
                "`bucket` must be the bucket's name alone",
            ),
        ] {
            let error = parse(&command).unwrap_err().to_string();
            assert!(error.contains(expected), "{command}: {error}");
        }
    }

    #[test]
    fn every_typing_error_is_told_with_the_field() {
        for (command, expected) in [
            (json!({"action": "load"}), "`key` must be the key"),
            (json!({"action": "load", "key": ""}), "`key` must be text"),
            (json!({"action": "load", "key": ["a"]}), "`key` must be text"),
            (
                json!({"action": "load", "key": "k".repeat(1_025)}),
                "`key` must be text of at most 1024 bytes",
            ),
            (
                json!({"action": "load", "key": "k", "bucket": "b".repeat(256)}),
                "`bucket` must be text of at most 255 bytes",
            ),
            (
                json!({"action": "load", "key": "k", "bucket": ""}),
                "`bucket` must be text",
            ),
            (
                json!({"action": "load", "key": "k", "segment_name": " "}),
                "`segment_name` must be text",
            ),
            (
                json!({"action": "load", "key": "k", "segment_name": "n".repeat(101)}),
                "`segment_name` must be a segment name of 1 to 100 characters",
            ),
            (
                json!({"action": "history", "segment_name": "a\u{7}b"}),
                "`segment_name` must be a segment name of 1 to 100 characters",
            ),
            (
                json!({"action": "load", "key": "k", "mode": "Replace"}),
                "`mode` must be `replace` or `append` or `remove`",
            ),
            (
                json!({"action": "load", "key": "k", "dry_run": "true"}),
                "`dry_run` must be true or false",
            ),
            (
                json!({"action": "load", "key": "k", "sample": 0}),
                "`sample` must be a whole number",
            ),
            (
                json!({"action": "load", "key": "k", "sample": 1.5}),
                "`sample` must be a whole number",
            ),
            (
                json!({"action": "load", "key": "k", "sample": "5"}),
                "`sample` must be a whole number",
            ),
            (
                json!({"action": "load", "key": "k", "approve": 1}),
                "`approve` must be text",
            ),
            (
                json!({"action": "load", "key": "k", "dryrun": true}),
                "unknown field \"dryrun\"; known fields are action, bucket, key",
            ),
        ] {
            assert_is_told(&command, expected);
        }
    }

    #[test]
    fn an_action_that_does_not_exist_or_a_field_that_it_does_not_have_is_told() {
        for (command, expected) in [
            (
                json!({"action": "sweep", "key": "k"}),
                "`sweep` has the unknown field \"key\"; known fields are action",
            ),
            (
                json!({"action": "test_connection", "x": 1}),
                "`test_connection` has the unknown field \"x\"",
            ),
            (
                json!({"action": "verify_environment", "keep": "yes"}),
                "`keep` must be true or false",
            ),
            (
                json!({"action": "delete"}),
                "\"delete\" does not exist; actions are `load`, `sweep`, `status`, `history`, `forget`, `test_connection` and \
                 `verify_environment`",
            ),
            (
                json!({"action": "history", "limit": 201}),
                "`limit` must be a whole number from 1 to 200",
            ),
            (
                json!({"action": "history", "limit": 0}),
                "`limit` must be a whole number",
            ),
            (json!({"action": 7}), "`action` must be text"),
        ] {
            assert_is_told(&command, expected);
        }
    }

    #[test]
    fn the_segment_to_forget_is_named() {
        for name in [json!(null), json!(" "), json!(7), json!("n".repeat(101))] {
            let command = json!({"action": "forget", "segment_name": name});
            assert_is_told(&command, "`segment_name` must be");
        }
        assert_is_told(&json!({"action": "forget", "segment": "Summer Sale"}), "segment");
    }

    fn assert_is_told(command: &Value, expected: &str) {
        let error = parse(command).unwrap_err();
        assert!(error.to_string().contains(expected), "{command}: {error}");
        assert_eq!(error.error_type(), "InvalidCommand");
    }

    #[test]
    fn null_counts_as_absent() {
        let command = json!({"action": "load", "key": "k", "mode": null, "sample": null, "dry_run": null});
        assert!(matches!(
            parse(&command),
            Ok(Request::Load(LoadCommand {
                mode: None,
                sample: None,
                dry_run: false,
                ..
            }))
        ));
    }
}
