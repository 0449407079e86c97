//! Reads the fields of a secret one by one, because `serde`'s own messages quote the values they dislike.

use super::{BusinessUnit, Error};
use crate::domain::SegmentName;
use crate::text::{json, near, shown};
use chrono::NaiveDate;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::ops::RangeInclusive;

/// The longest name of a column in characters (`BigQuery`'s; all other warehouses have shorter ones).
const LONGEST_COLUMN: usize = 300;

/// The fields of one secret, or of an object inside it.
///
/// Null counts as absent everywhere, blank text too; surrounding blanks and line breaks of pasted text are dropped.
pub(super) struct Fields<'a> {
    secret: &'a str,
    /// Where the object lies in the secret: empty, or `credential.`.
    path: &'static str,
    object: Map<String, Value>,
}

impl<'a> Fields<'a> {
    /// Reads the text of a secret and refuses fields outside `known`.
    pub(super) fn parse(secret: &'a str, text: &str, known: &[&str]) -> Result<Self, Error> {
        match json::parse(text) {
            Ok(Value::Object(object)) => Self::of(secret, "", object, known),
            Ok(_) => Err(Error::NotAnObject { secret: secret.into() }),
            Err(problem) => Err(Error::NotJson {
                secret: secret.into(),
                problem,
            }),
        }
    }

    /// Takes an object found inside a secret, at `path`.
    pub(super) fn of(
        secret: &'a str,
        path: &'static str,
        object: Map<String, Value>,
        known: &[&str],
    ) -> Result<Self, Error> {
        let is_unknown = |key: &String| !known.contains(&key.as_str());
        let Some(place) = object.keys().position(is_unknown) else {
            return Ok(Self { secret, path, object });
        };
        // One that comes near a known name is a typing error; any other may be a secret in the place of a name.
        let near = object.keys().filter(|key| is_unknown(key)).find_map(|key| {
            let meant = known.iter().find(|meant| near::comes_near(key, meant))?;
            Some(format!(
                "the unknown field {}, which comes near `{path}{meant}`",
                shown::word(&format!("{path}{key}"))
            ))
        });
        let which = near.unwrap_or_else(|| {
            let owner = path.trim_end_matches('.');
            let inside = if owner.is_empty() {
                String::new()
            } else {
                format!(" in `{owner}`")
            };
            format!("an unknown field{inside} (number {} of {})", place + 1, object.len())
        });
        Err(Error::Unknown {
            secret: secret.into(),
            which,
            known: known.join(", "),
        })
    }

    /// Returns the value as it stands.
    pub(super) fn value(&self, field: &str) -> Option<&Value> {
        self.object.get(field).filter(|value| !value.is_null())
    }

    /// Reads text.
    pub(super) fn text(&self, field: &str) -> Result<Option<&str>, Error> {
        match self.value(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
            Some(_) => Err(self.invalid(field, "text in quotes")),
        }
    }

    /// Reads the header of a column; receipts tell it, so that it must not be a secret that was pasted there.
    pub(super) fn column(&self, field: &str, default: &str) -> Result<String, Error> {
        let is_of_a_secret = |c: char| c.is_control() || "~{}\"".contains(c);
        let column = self.text(field)?.unwrap_or(default);
        if column.chars().count() > LONGEST_COLUMN || column.contains(is_of_a_secret) {
            return Err(self.invalid(field, "the header of a column, such as `contactid`"));
        }
        Ok(column.into())
    }

    /// Reads a segment's name.
    pub(super) fn segment_name(&self, field: &str) -> Result<Option<SegmentName>, Error> {
        let name = self.text(field)?.map(SegmentName::parse).transpose();
        name.map_err(|expected| self.invalid(field, expected))
    }

    /// Reads a business unit's id or name.
    pub(super) fn business_unit(&self, field: &str) -> Result<Option<BusinessUnit>, Error> {
        let Some(text) = self.text(field)? else {
            return Ok(None);
        };
        let unit = BusinessUnit::parse(text);
        let unit = unit.ok_or_else(|| self.invalid(field, "the GUID or the name of a business unit"))?;
        Ok(Some(unit))
    }

    /// Reads text that must be there.
    pub(super) fn required_text(&self, field: &str, advice: &'static str) -> Result<&str, Error> {
        self.text(field)?.ok_or_else(|| self.missing(field, advice))
    }

    /// Reads one of a few words.
    pub(super) fn choice<T: Copy>(&self, field: &str, choices: &[(&str, T)], default: T) -> Result<T, Error> {
        let Some(text) = self.text(field)? else {
            return Ok(default);
        };
        let choice = choices.iter().find(|(name, _)| *name == text);
        let choice = choice.ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|(name, _)| format!("`{name}`")).collect();
            self.invalid(field, names.join(" or "))
        })?;
        Ok(choice.1)
    }

    /// Reads a number, with or without a fraction.
    pub(super) fn number(&self, field: &str, range: RangeInclusive<f64>, default: f64) -> Result<f64, Error> {
        Ok(self.optional_number(field, range)?.unwrap_or(default))
    }

    /// Reads a number that need not be there.
    pub(super) fn optional_number(&self, field: &str, range: RangeInclusive<f64>) -> Result<Option<f64>, Error> {
        let Some(value) = self.value(field) else {
            return Ok(None);
        };
        match value.as_f64().filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None if range.end().is_infinite() => Err(self.invalid(field, format!("a number from {}", range.start()))),
            None => Err(self.invalid(field, format!("a number from {} to {}", range.start(), range.end()))),
        }
    }

    /// Reads a whole number.
    pub(super) fn whole_number(&self, field: &str, range: RangeInclusive<u32>, default: u32) -> Result<u32, Error> {
        let Some(value) = self.value(field) else {
            return Ok(default);
        };
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        match number.filter(|number| range.contains(number)) {
            Some(number) => Ok(number),
            None => Err(self.invalid(
                field,
                format!("a whole number from {} to {}", range.start(), range.end()),
            )),
        }
    }

    /// Reads a calendar date.
    pub(super) fn date(&self, field: &str) -> Result<Option<NaiveDate>, Error> {
        let Some(text) = self.text(field)? else {
            return Ok(None);
        };
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
        // The format also takes numbers of less or more digits.
        match date.filter(|date| date.to_string() == text) {
            Some(date) => Ok(Some(date)),
            None => Err(self.invalid(field, "a date such as 2026-11-23")),
        }
    }

    /// Returns the secret's name or ARN.
    pub(super) fn secret(&self) -> &'a str {
        self.secret
    }

    /// Says that a required field is not there.
    pub(super) fn missing(&self, field: &str, advice: &'static str) -> Error {
        Error::Missing {
            secret: self.secret.into(),
            field: format!("{}{field}", self.path),
            advice,
        }
    }

    /// Says what a field must be.
    pub(super) fn invalid(&self, field: &str, expected: impl Into<Cow<'static, str>>) -> Error {
        Error::Invalid {
            secret: self.secret.into(),
            field: format!("{}{field}", self.path),
            expected: expected.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KNOWN: [&str; 3] = ["client_secret", "client_id", "name"];

    fn problem(text: &str) -> String {
        let error = Fields::parse("socktown/x", text, &KNOWN).err().unwrap();
        assert_eq!(error.error_type(), "InvalidSecret");
        let (shown, debug) = (error.to_string(), format!("{error:?}"));
        assert!(shown.contains("`socktown/x`"), "{shown}");
        assert!(!shown.contains("leak") && !debug.contains("leak"), "{shown} {debug}");
        shown
    }

    #[test]
    fn a_date_has_four_digits_two_and_two() {
        let date = |text: &str| {
            let object = Map::from_iter([("name".to_owned(), text.into())]);
            let fields = Fields::of("socktown/x", "", object, &KNOWN).unwrap();
            fields.date("name").ok().flatten().map(|date| date.to_string())
        };
        for text in ["1970-01-01", "2024-02-29", "2026-11-23", "2099-12-31"] {
            assert_eq!(date(text).as_deref(), Some(text));
        }
        for text in [
            "2026-02-30",
            "2025-02-29",
            "2026-13-01",
            "2026-1-01",
            "20261-1-01",
            "12026-11-3",
            "+026-11-23",
            "23.11.2026",
            "2026-11-23Z",
            "20261123",
            "2026-11-2a",
            "----------",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn text_that_is_no_object_is_told_by_its_place_alone() {
        for (text, expected) in [
            ("", "is empty"),
            ("\u{feff}", "is empty"),
            ("leak", "is not valid JSON (line 1, column 1)"),
            ("{\"name\":\"leak\",}", "is not valid JSON (line 1, column 16)"),
            (
                "{\"name\":\"leak\"\n\"client_id\":1}",
                "is not valid JSON (line 2, column 1)",
            ),
            ("{'name':'leak'}", "is not valid JSON (line 1, column 2)"),
            ("{\"name\":\"\\ud800leak\"}", "is not valid JSON (line 1"),
            (
                "{\"name\":\"leak\",\"name\":\"leak\"}",
                "a key stands twice in one object (line 1, column 29)",
            ),
            ("\"leak\"", "must hold a JSON object"),
            ("\"{\\\"name\\\":\\\"leak\\\"}\"", "must hold a JSON object"),
            ("[\"leak\"]", "must hold a JSON object"),
            ("12", "must hold a JSON object"),
            ("null", "must hold a JSON object"),
        ] {
            let shown = problem(text);
            assert!(shown.contains(expected), "{text}: {shown}");
        }
        assert!(problem(&"[".repeat(60_000)).contains("nested too deep"));
        assert!(problem(&format!("{{\"name\":\"{}", "leak".repeat(16_000))).contains("line 1, column"));
    }

    #[test]
    fn a_byte_order_mark_is_no_fault() {
        assert!(Fields::parse("s", "\u{feff}{\"name\":\"n\"}", &KNOWN).is_ok());
    }

    #[test]
    fn an_unknown_key_is_shown_only_where_it_comes_near_a_known_one() {
        for (key, expected) in [
            (
                "clientSecret",
                "unknown field \"clientSecret\", which comes near `client_secret`",
            ),
            ("client-sercet", "unknown field \"client-sercet\", which comes near"),
            ("Name", "unknown field \"Name\", which comes near `name`"),
            (
                "leak8Q~leak.leak-leak_leakleakleakleak",
                "an unknown field (number 2 of 2)",
            ),
            ("leak", "an unknown field (number 2 of 2)"),
            ("", "an unknown field (number 2 of 2)"),
            ("\u{0}leak\n", "an unknown field (number 2 of 2)"),
        ] {
            let secret = serde_json::json!({"name": "n", key: "leak"}).to_string();
            let shown = problem(&secret);
            assert!(shown.contains(expected), "{key}: {shown}");
            assert!(
                shown.contains("known fields are client_secret, client_id, name"),
                "{shown}"
            );
        }
        // The one that comes near is told, wherever it stands.
        let shown = problem("{\"leakleakleak\":1,\"client id\":\"leak\"}");
        assert!(shown.contains("\"client id\", which comes near `client_id`"), "{shown}");
    }

    #[test]
    fn a_key_inside_an_object_is_told_with_the_object() {
        let object = |text| serde_json::from_str(text).unwrap();
        let error = |text| {
            Fields::of("s", "credential.", object(text), &KNOWN)
                .err()
                .unwrap()
                .to_string()
        };
        assert!(error("{\"clientid\":1}").contains("\"credential.clientid\", which comes near `credential.client_id`"));
        assert!(error("{\"leakleakleak\":1}").contains("an unknown field in `credential` (number 1 of 1)"));
    }

    proptest! {
        #[test]
        fn nothing_of_what_stands_in_a_secret_is_in_a_message(value in "[A-Za-z0-9~._-]{34,40}", shape in 0..6) {
            let text = match shape {
                0 => value.clone(),
                1 => format!("\"{value}\""),
                2 => format!("{{\"{value}\":1}}"),
                3 => format!("{{\"name\":{value}}}"),
                4 => format!("{{\"name\":\"{value}"),
                _ => format!("{{\"{value}\":\"{value}\",\"{value}\":2}}"),
            };
            if let Err(error) = Fields::parse("s", &text, &KNOWN) {
                let told = format!("{error} {error:?}");
                prop_assert!(!told.contains(&value[..8]), "{told}");
            }
        }
    }
}
