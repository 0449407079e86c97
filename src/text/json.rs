//! JSON from outside: what is wrong with it is told by its place alone, and no key stands twice in one object.

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Tells why text is no JSON that counts; nothing of the text is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is nothing but blanks.
    #[error("empty")]
    Empty,
    /// The bytes are no text.
    #[error("not UTF-8")]
    NotUtf8,
    /// The text breaks JSON's rules.
    #[error("not valid JSON (line {line}, column {column})")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// Lists or objects lie in each other more than 127 deep.
    #[error("nested too deep (line {line}, column {column})")]
    TooDeep {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// One key stands twice in one object, and only one of the two could count.
    #[error("ambiguous, since a key stands twice in one object (line {line}, column {column})")]
    Repeated {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
}

/// What `serde_json` says of nesting; it has no other way to tell.
const TOO_DEEP: &str = "recursion limit exceeded";
/// What [`Unique`] says of a key that stands there twice.
const REPEATED: &str = "a key stands there twice";

/// Reads JSON, with or without a byte order mark.
pub(crate) fn parse(text: &str) -> Result<Value, Error> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(Error::Empty);
    }
    let parsed = serde_json::from_str::<Unique>(text);
    parsed.map(|Unique(value)| value).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let words = error.to_string();
        if words.starts_with(TOO_DEEP) {
            Error::TooDeep { line, column }
        } else if words.starts_with(REPEATED) {
            Error::Repeated { line, column }
        } else {
            Error::Syntax { line, column }
        }
    })
}

/// A value in none of whose objects a key stands twice; to be read wherever it must not matter which of two counts.
pub(crate) struct Unique(pub(crate) Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Self)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Unique(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some((key, Unique(value))) = object.next_entry::<String, Unique>()? {
            if fields.insert(key, value).is_some() {
                return Err(A::Error::custom(REPEATED));
            }
        }
        Ok(Value::Object(fields))
    }
}

/// Writes JSON that people paste between single quotes into a shell: an apostrophe in it would end them, so it is escaped.
pub(crate) fn to_paste(json: &Value) -> String {
    // In JSON an apostrophe stands inside of texts only, and there this escape is the same character.
    json.to_string().replace('\'', "\\u0027")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_wrong_is_told_by_its_place() {
        let (line, column) = (1, 2);
        for (text, expected) in [
            ("", Error::Empty),
            (" \n", Error::Empty),
            ("\u{feff}", Error::Empty),
            ("{]", Error::Syntax { line, column }),
            ("{\"a\":1,}", Error::Syntax { line: 1, column: 8 }),
            ("\"\\ud800\"", Error::Syntax { line: 1, column: 8 }),
            ("1e999", Error::Syntax { line: 1, column: 5 }),
            ("{\"a\":{\"b\":1,\n\"b\":2}}", Error::Repeated { line: 2, column: 6 }),
            ("{} {}", Error::Syntax { line: 1, column: 4 }),
        ] {
            assert_eq!(parse(text), Err(expected), "{text}");
        }
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&deep(127)).is_ok());
        for depth in [128, 100_000] {
            assert!(matches!(parse(&deep(depth)), Err(Error::TooDeep { .. })), "{depth}");
        }
        assert_eq!(parse("\u{feff}{}"), Ok(Value::Object(Map::new())));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1000..1000).prop_map(|quarters| Value::from(f64::from(quarters) / 4.0)),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map(".{0,4}", inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_reads_what_serde_json_writes(value in any_json()) {
            prop_assert_eq!(parse(&value.to_string()), Ok(value));
        }

        #[test]
        fn what_is_to_be_pasted_is_the_same_json_and_ends_no_quotes(value in any_json(), text in "['\\\\ a\"]{0,12}") {
            let value = Value::from(vec![value, text.into()]);
            let pasted = to_paste(&value);
            prop_assert!(!pasted.contains('\''));
            prop_assert_eq!(parse(&pasted), Ok(value));
        }

        #[test]
        fn it_takes_no_text_that_serde_json_does_not_take(text in "[\\[\\]{}\",:a0-9.eE\\\\u -]{0,24}") {
            if parse(&text).is_ok() {
                prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
            }
        }
    }
}
