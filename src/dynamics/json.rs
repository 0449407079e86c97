//! The JSON of an answer: nothing in it is taken for what it is not.

use super::call::Odd;
use crate::text::json::Unique;
use serde::de::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

/// Reads a value in which no field stands twice, so that it does not matter which one counts.
pub(super) fn value(text: &[u8]) -> Result<Value, Odd> {
    let Unique(value) = parsed(text, "the same field stands in it twice")?;
    Ok(value)
}

/// Reads JSON; the parser's own message is dropped, since it may quote the text.
///
/// Broken JSON is a broken answer; whole JSON of another shape is described by `otherwise`.
pub(super) fn parsed<T: for<'de> Deserialize<'de>>(text: &[u8], otherwise: &str) -> Result<T, Odd> {
    // Some .NET writers begin with a byte order mark.
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    serde_json::from_slice(text).map_err(|error| {
        if error.is_data() {
            return Odd::Unexpected(otherwise.to_owned());
        }
        Odd::Unreadable(match text.trim_ascii_start().first() {
            None => "an empty answer".to_owned(),
            Some(b'<') => "a web page instead of an answer, perhaps of a proxy in between".to_owned(),
            Some(_) => format!(
                "an answer that cannot be read (line {}, column {})",
                error.line(),
                error.column()
            ),
        })
    })
}

/// A row or another object of an answer; what is read of it is there and of its type, or an error names the field.
#[derive(Clone)]
pub(super) struct Row(Map<String, Value>);

impl Row {
    /// Takes an object.
    pub(super) fn of(value: Value) -> Result<Self, Odd> {
        match value {
            Value::Object(fields) => Ok(Self(fields)),
            _ => Err(Odd::Unexpected("it is no JSON object".to_owned())),
        }
    }

    /// Takes the rows of a list out of its envelope.
    pub(super) fn take_rows(&mut self, field: &str) -> Result<Vec<Self>, Odd> {
        match self.0.remove(field) {
            Some(Value::Array(rows)) => rows.into_iter().map(Self::of).collect(),
            value => Err(Self::odd(field, value.as_ref(), "list")),
        }
    }

    /// Returns a text that must be there.
    pub(super) fn text(&self, field: &str) -> Result<&str, Odd> {
        self.read(field, "text", Value::as_str)
    }

    /// Returns a text that may be null, but not missing.
    pub(super) fn text_or_null(&self, field: &str) -> Result<Option<&str>, Odd> {
        self.read_or_null(field, "text", Value::as_str)
    }

    /// Returns a GUID that must be there; nil is none.
    pub(super) fn guid(&self, field: &str) -> Result<Uuid, Odd> {
        self.read(field, "GUID", |value| {
            Uuid::try_parse(value.as_str()?.trim()).ok().filter(|id| !id.is_nil())
        })
    }

    /// Returns a whole number that must be there.
    pub(super) fn number(&self, field: &str) -> Result<i64, Odd> {
        self.read(field, "whole number", Value::as_i64)
    }

    /// Returns a count that may be null, but not missing.
    pub(super) fn count_or_null(&self, field: &str) -> Result<Option<u64>, Odd> {
        self.read_or_null(field, "count", Value::as_u64)
    }

    /// Returns a count that must be there, as a number or as text: some writers of JSON have text only.
    pub(super) fn count_or_digits(&self, field: &str) -> Result<u64, Odd> {
        self.read(field, "count", |value| match value {
            Value::String(digits) => digits.parse().ok(),
            value => value.as_u64(),
        })
    }

    /// Returns a flag that may be null, but not missing.
    pub(super) fn flag_or_null(&self, field: &str) -> Result<Option<bool>, Odd> {
        self.read_or_null(field, "true or false", Value::as_bool)
    }

    /// Returns whether the field is there, null or not.
    pub(super) fn has(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }

    fn read<'a, T>(&'a self, field: &str, kind: &str, read: impl Fn(&'a Value) -> Option<T>) -> Result<T, Odd> {
        let value = self.0.get(field);
        value.and_then(read).ok_or_else(|| Self::odd(field, value, kind))
    }

    fn read_or_null<'a, T>(
        &'a self,
        field: &str,
        kind: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Odd> {
        match self.0.get(field) {
            Some(Value::Null) => Ok(None),
            _ => self.read(field, kind, read).map(Some),
        }
    }

    /// Names the field, never its value.
    fn odd(field: &str, value: Option<&Value>, kind: &str) -> Odd {
        Odd::Unexpected(match value {
            None => format!("`{field}` is missing"),
            Some(Value::Null) => format!("`{field}` is null"),
            Some(_) => format!("`{field}` is no {kind}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn said(odd: Odd) -> String {
        match odd {
            Odd::Unreadable(reason) => format!("unreadable: {reason}"),
            Odd::Unexpected(what) => what,
        }
    }

    #[test]
    fn what_is_missing_null_or_of_another_type_is_named_and_never_quoted() {
        let row =
            Row::of(json!({"null": null, "text": "secret", "number": -7, "huge": 1e30, "nil": "00000000-0000-0000-0000-000000000000"})).unwrap();
        for (read, expected) in [
            (row.text("none").map(drop), "`none` is missing"),
            (row.text("null").map(drop), "`null` is null"),
            (row.text("number").map(drop), "`number` is no text"),
            (row.text_or_null("none").map(drop), "`none` is missing"),
            (row.guid("text").map(drop), "`text` is no GUID"),
            (row.guid("nil").map(drop), "`nil` is no GUID"),
            (row.number("text").map(drop), "`text` is no whole number"),
            (row.number("huge").map(drop), "`huge` is no whole number"),
            (row.count_or_null("number").map(drop), "`number` is no count"),
            (row.count_or_null("huge").map(drop), "`huge` is no count"),
            (row.count_or_null("text").map(drop), "`text` is no count"),
            (row.flag_or_null("text").map(drop), "`text` is no true or false"),
        ] {
            assert_eq!(read.map_err(said), Err(expected.to_owned()));
        }
        assert!(matches!(row.text_or_null("null"), Ok(None)) && matches!(row.count_or_null("null"), Ok(None)));
        for (envelope, expected) in [
            (json!({}), "`value` is missing"),
            (json!({"value": {}}), "`value` is no list"),
            (json!({"value": [7]}), "it is no JSON object"),
        ] {
            let rows = Row::of(envelope).unwrap().take_rows("value").map(|rows| rows.len());
            assert_eq!(rows.map_err(said), Err(expected.to_owned()));
        }
    }

    #[test]
    fn a_broken_answer_is_told_from_one_of_another_shape() {
        for (text, expected) in [
            ("", "unreadable: an empty answer"),
            (
                " <html>secret",
                "unreadable: a web page instead of an answer, perhaps of a proxy in between",
            ),
            (
                "{\"a\":",
                "unreadable: an answer that cannot be read (line 1, column 5)",
            ),
            (
                "\u{1f}\u{8b}",
                "unreadable: an answer that cannot be read (line 1, column 1)",
            ),
            ("{\"a\":1,\"b\":2,\"a\":1}", "the same field stands in it twice"),
            ("{\"x\":[{\"a\":1,\"\\u0061\":2}]}", "the same field stands in it twice"),
        ] {
            assert_eq!(value(text.as_bytes()).map_err(said), Err(expected.to_owned()), "{text}");
        }
        assert_eq!(value(b"\xEF\xBB\xBF{}").map_err(said), Ok(json!({})));
    }

    proptest! {
        #[test]
        fn whatever_is_unambiguous_is_read_as_it_is(pairs in proptest::collection::btree_map(".{0,5}", any::<i64>(), 0..5), text: String) {
            let expected = json!({"pairs": pairs, "list": [text, null, true, 1.5]});
            prop_assert_eq!(value(expected.to_string().as_bytes()).map_err(said), Ok(expected));
        }
    }
}
