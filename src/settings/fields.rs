//! Reads the fields of a secret one by one, because `serde`'s own messages quote the values they dislike.

use super::{Date, Error};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::ops::RangeInclusive;

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
        match serde_json::from_str(text) {
            Ok(Value::Object(object)) => Self::of(secret, "", object, known),
            Ok(_) => Err(Error::NotAnObject { secret: secret.into() }),
            Err(error) => Err(Error::NotJson {
                secret: secret.into(),
                line: error.line(),
                column: error.column(),
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
        match object.keys().find(|key| !known.contains(&key.as_str())) {
            Some(field) => Err(Error::Unknown {
                secret: secret.into(),
                field: format!("{path}{field}"),
                known: known.join(", "),
            }),
            None => Ok(Self { secret, path, object }),
        }
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

    /// Reads text that must be there.
    pub(super) fn required_text(&self, field: &str, advice: &'static str) -> Result<&str, Error> {
        self.text(field)?.ok_or_else(|| self.missing(field, advice))
    }

    /// Reads one of a few words.
    pub(super) fn choice<T: Copy>(&self, field: &str, choices: &[(&str, T)]) -> Result<Option<T>, Error> {
        let Some(text) = self.text(field)? else {
            return Ok(None);
        };
        let choice = choices.iter().find(|(name, _)| *name == text);
        let choice = choice.ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|(name, _)| format!("`{name}`")).collect();
            self.invalid(field, names.join(" or "))
        })?;
        Ok(Some(choice.1))
    }

    /// Reads a number, with or without a fraction.
    pub(super) fn number(&self, field: &str, range: RangeInclusive<f64>) -> Result<Option<f64>, Error> {
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
    pub(super) fn whole_number(&self, field: &str, range: RangeInclusive<u32>) -> Result<Option<u32>, Error> {
        let Some(value) = self.value(field) else {
            return Ok(None);
        };
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        match number.filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(self.invalid(
                field,
                format!("a whole number from {} to {}", range.start(), range.end()),
            )),
        }
    }

    /// Reads a calendar date.
    pub(super) fn date(&self, field: &str) -> Result<Option<Date>, Error> {
        let Some(text) = self.text(field)? else {
            return Ok(None);
        };
        match Date::parse(text) {
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
