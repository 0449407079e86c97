//! One JSON object: the id in it, and nothing else that it holds.

use crate::source::columns;
use crate::source::problem::Problem;
use crate::source::rejected::Reason;
use crate::source::tally::Tally;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// The key that is looked for, and what the objects have shown of it so far.
pub(super) struct Wanted<'c> {
    pub(super) column: &'c str,
    /// As it is written.
    spelling: Option<String>,
    /// It stands in one object twice, or is written in two ways.
    pub(super) is_repeated: bool,
    /// The keys of the first object; nothing before it is read.
    first: Option<Vec<String>>,
}

impl<'c> Wanted<'c> {
    /// Looks for the key of a column.
    pub(super) const fn named(column: &'c str) -> Self {
        Self {
            column,
            spelling: None,
            is_repeated: false,
            first: None,
        }
    }

    /// Returns whether a key is the wanted one.
    fn is(&mut self, key: &[u8]) -> bool {
        let Some(key) = std::str::from_utf8(key)
            .ok()
            .filter(|key| columns::is_named(key, self.column))
        else {
            return false;
        };
        match &self.spelling {
            Some(spelling) => self.is_repeated |= spelling != key,
            None => self.spelling = Some(key.to_owned()),
        }
        true
    }

    /// Refuses a file of which no object has the key.
    pub(super) fn check(self) -> Result<(), Problem> {
        match self.first {
            Some(keys) if self.spelling.is_none() => Err(Problem::MissingKey {
                column: columns::wanted(self.column),
                keys: columns::describe(&keys, "key", self.column),
            }),
            _ => Ok(()),
        }
    }
}

/// What one object holds for the column.
pub(super) enum Cell<'a> {
    Missing,
    Null,
    Text(Cow<'a, str>),
    Other,
}

impl Cell<'_> {
    /// Counts the row.
    pub(super) fn count(&self, tally: &mut Tally, line: u64) -> Result<(), Problem> {
        match self {
            Self::Text(text) => return tally.cell(text.as_bytes(), line),
            Self::Missing | Self::Null => tally.reject(Reason::Empty, b"", line),
            Self::Other => tally.reject(Reason::NotAGuid, b"(no string)", line),
        }
        Ok(())
    }
}

/// Reads the object of one line.
pub(super) fn parse<'a>(line: &'a [u8], wanted: &mut Wanted<'_>) -> serde_json::Result<Cell<'a>> {
    let keys = wanted.first.is_none().then(Vec::new);
    let mut row = Row { wanted, keys };
    let mut deserializer = serde_json::Deserializer::from_slice(line);
    let cell = deserializer.deserialize_map(&mut row)?;
    deserializer.end()?;
    if let Some(keys) = row.keys {
        wanted.first = Some(keys);
    }
    Ok(cell)
}

/// Takes the id out of an object and skips all else without storing it.
struct Row<'r, 'c> {
    wanted: &'r mut Wanted<'c>,
    /// The keys, where they are of interest.
    keys: Option<Vec<String>>,
}

impl<'de> Visitor<'de> for &mut Row<'_, '_> {
    type Value = Cell<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Cell<'de>, A::Error> {
        let mut cell = Cell::Missing;
        while let Some(is_column) = object.next_key_seed(Key { row: self })? {
            if is_column {
                self.wanted.is_repeated |= !matches!(cell, Cell::Missing);
                cell = object.next_value_seed(Value)?;
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(cell)
    }
}

/// Returns whether a key is that of the id.
struct Key<'k, 'r, 'c> {
    row: &'k mut Row<'r, 'c>,
}

impl<'de> DeserializeSeed<'de> for Key<'_, '_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl Visitor<'_> for Key<'_, '_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_bytes<E: Error>(self, key: &[u8]) -> Result<bool, E> {
        if let Some(keys) = &mut self.row.keys {
            keys.push(String::from_utf8_lossy(key).into_owned());
        }
        Ok(self.row.wanted.is(key))
    }
}

/// Takes a value of any type; only text can be an id.
struct Value;

impl<'de> DeserializeSeed<'de> for Value {
    type Value = Cell<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cell<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = Cell<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Cell<'de>, E> {
        Ok(Cell::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Cell<'de>, E> {
        Ok(Cell::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E: Error>(self) -> Result<Cell<'de>, E> {
        Ok(Cell::Null)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Cell<'de>, E> {
        Ok(Cell::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Cell<'de>, E> {
        Ok(Cell::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Cell<'de>, E> {
        Ok(Cell::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Cell<'de>, E> {
        Ok(Cell::Other)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Cell<'de>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Cell::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Cell<'de>, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Cell::Other)
    }
}
