//! JSON Lines: one object a line, the id under a key that is matched without regard to case.

use crate::source::columns;
use crate::source::problem::Problem;
use crate::source::tally::{Reason, Tally};
use crate::source::window::Window;
use memchr::memchr;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::io::Read;

/// Reads all rows of a text; an empty line is no row.
///
/// Writers leave out the keys of NULL values, so an object without the id is a row without one; only where no object
/// has the key at all is the column missing.
pub(crate) fn read<R: Read>(input: R, column: &str, tally: &mut Tally) -> Result<(), Problem> {
    read_window(Window::new(input), column, tally)
}

fn read_window<R: Read>(mut window: Window<R>, column: &str, tally: &mut Tally) -> Result<(), Problem> {
    let mut seen = Seen::default();
    let mut number = 1;
    loop {
        window.fill(number)?;
        let (text, at_end) = (window.text(), window.at_end());
        let mut done = 0;
        while let Some(length) = line_length(&text[done..], at_end) {
            let line = &text[done..done + length];
            if !line.trim_ascii().is_empty() {
                let cell = parse(line, column).map_err(|_| Problem::Json { line: number })?;
                seen.note(&cell, line);
                cell.count(tally, number)?;
            }
            done += length;
            number += 1;
        }
        window.consume(done);
        if at_end {
            return seen.check(column);
        }
    }
}

/// Returns the length of the first line, its end included; nothing where more text is needed.
fn line_length(text: &[u8], at_end: bool) -> Option<usize> {
    let line = memchr(b'\n', text).map(|offset| offset + 1);
    line.or_else(|| (at_end && !text.is_empty()).then_some(text.len()))
}

/// Whether any object has the id, and what the first one has instead.
#[derive(Default)]
struct Seen {
    column: bool,
    first: Option<Vec<String>>,
}

impl Seen {
    fn note(&mut self, cell: &Cell<'_>, line: &[u8]) {
        self.column |= !matches!(cell, Cell::Missing);
        if !self.column && self.first.is_none() {
            let keys: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(line).unwrap_or_default();
            self.first = Some(keys.into_iter().map(|(key, _)| key).collect());
        }
    }

    fn check(self, column: &str) -> Result<(), Problem> {
        match self.first {
            Some(names) if !self.column => columns::find(&names, column).map(drop),
            _ => Ok(()),
        }
    }
}

/// What one object holds for the column.
enum Cell<'a> {
    Missing,
    Null,
    Text(Cow<'a, str>),
    Other,
}

impl Cell<'_> {
    fn count(&self, tally: &mut Tally, line: u64) -> Result<(), Problem> {
        match self {
            Self::Text(text) => return tally.cell(text.as_bytes(), line),
            Self::Missing | Self::Null => tally.reject(Reason::Empty, b"", line),
            Self::Other => tally.reject(Reason::NotAGuid, b"(no string)", line),
        }
        Ok(())
    }
}

fn parse<'a>(line: &'a [u8], column: &str) -> serde_json::Result<Cell<'a>> {
    let mut deserializer = serde_json::Deserializer::from_slice(line);
    let cell = Row { column }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(cell)
}

/// Takes the id out of an object and skips all else without storing it.
struct Row<'c> {
    column: &'c str,
}

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = Cell<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cell<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = Cell<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Cell<'de>, A::Error> {
        let mut cell = Cell::Missing;
        while let Some(is_column) = object.next_key_seed(Key { column: self.column })? {
            if is_column {
                cell = object.next_value_seed(Value)?;
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(cell)
    }
}

/// Tells whether a key is that of the id.
struct Key<'c> {
    column: &'c str,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_bytes<E: Error>(self, key: &[u8]) -> Result<bool, E> {
        Ok(std::str::from_utf8(key).is_ok_and(|key| columns::is_named(key, self.column)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Rows;
    use crate::source::corpus;
    use crate::source::testing::{Trickle, id};

    /// Reads a text through windows that begin with so many bytes, filled a few bytes at a time.
    fn read_through(window: usize, text: &[u8]) -> Result<Rows, Problem> {
        let mut tally = Tally::default();
        read_window(Window::of_size(Trickle::new(text, 5), window), "contactid", &mut tally)?;
        Ok(tally.finish(0, Vec::new()))
    }

    fn read_text(text: &[u8]) -> Result<Rows, Problem> {
        read_through(128 << 10, text)
    }

    #[test]
    fn the_id_is_taken_from_any_place_wherever_a_window_ends() {
        let text = format!(
            "{{\"contactid\":\"{}\",\"a\":[{{\"contactid\":1}}]}}\r\n\n {{\"n\":\"M\u{fc}ller\",\"ContactId\":\"{{{}}}\"}}\n{{\"CONTACTID\":\"\\u0038{}\"}}",
            id(1),
            id(2),
            &id(1)[1..]
        );
        for window in 1..=text.len() + 1 {
            let rows = read_through(window, text.as_bytes()).unwrap();
            assert_eq!((rows.rows, rows.contacts.len(), rows.duplicates), (3, 2, 1), "{window}");
        }
    }

    #[test]
    fn rows_without_an_id_are_told_with_their_lines() {
        let text = format!(
            "{{\"contactid\":null}}\n{{}}\n\n{{\"contactid\":7}}\n{{\"contactid\":[\"{}\"]}}\n{{\"contactid\":\"x\"}}\n",
            id(1)
        );
        let rows = read_text(text.as_bytes()).unwrap();
        let found: Vec<_> = rows.rejected.rows.iter().map(|row| (row.line, row.reason)).collect();
        let expected = [
            (1, Reason::Empty),
            (2, Reason::Empty),
            (4, Reason::NotAGuid),
            (5, Reason::NotAGuid),
            (6, Reason::NotAGuid),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn bytes_that_are_no_utf_8_may_stand_in_other_fields() {
        let text = [b"{\"name\":\"M\xfcller\",\"contactid\":\"", id(1).as_bytes(), b"\"}"].concat();
        assert_eq!(read_text(&text).unwrap().contacts.len(), 1);
    }

    #[test]
    fn what_is_no_object_is_refused_with_its_line() {
        for (text, line) in [
            ("{}\n[1]\n", 2),
            ("{}\n{} {}\n", 2),
            ("{\"contactid\":\"x", 1),
            ("{\n}\n", 1),
        ] {
            let problem = read_text(text.as_bytes()).unwrap_err();
            assert!(
                matches!(problem, Problem::Json { line: found } if found == line),
                "{text}: {problem}"
            );
        }
        let long = format!("{{\"contactid\":\"{}\"}}", "x".repeat(1 << 20));
        assert!(matches!(
            read_text(long.as_bytes()),
            Err(Problem::LongRecord { line: 1, .. })
        ));
    }

    #[test]
    fn a_file_where_no_object_has_the_key_lacks_the_column() {
        let message = read_text(b"{\"a\":1,\"b\":2}\n{}\n").unwrap_err().to_string();
        assert!(message.contains("the file has \"a\", \"b\""), "{message}");
    }

    #[test]
    fn the_corpus_ends_in_rows_or_a_problem_wherever_a_window_ends() {
        corpus::check("json_lines", |bytes| {
            let (whole, narrow) = (read_text(bytes), read_through(1, bytes));
            match (&whole, &narrow) {
                (Ok(whole), Ok(narrow)) => assert_eq!(format!("{whole:?}"), format!("{narrow:?}")),
                _ => assert_eq!(whole.is_ok(), narrow.is_ok(), "{whole:?} {narrow:?}"),
            }
            corpus::ending(&whole)
        });
    }
}
