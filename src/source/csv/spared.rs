//! Records of writers whose backslash spares a quote and means nothing else.
//!
//! R's `write.table` and PHP's `fputcsv` write a backslash as it is: where a text has one before a quote there are two before
//! it, and the quote is part of the value all the same. Whoever takes the first for an escape of the second ends the value
//! there, and reads what somebody wrote into a text as rows.

use crate::domain::ContactId;
use crate::source::csv::Shape;
use memchr::{memchr, memchr2};

/// What a text begins with for such a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spared {
    /// A record.
    Record {
        /// Its bytes, line end included.
        length: usize,
        /// How many fields it has.
        count: usize,
        /// How many of them it has up to the last one that is not blank.
        filled: usize,
        /// What stands where the id should be, if it is one.
        id: Option<ContactId>,
    },
    /// No record: a value goes on behind its closing quote.
    Nothing,
    /// Only more text can tell.
    Unfinished,
}

/// Reads the record at the start of a text; `at_end` says that the file ends with it.
pub(super) fn read(text: &[u8], delimiter: u8, shape: Option<Shape>, at_end: bool) -> Spared {
    let (mut start, mut count, mut filled, mut id) = (0, 0, 0, None);
    loop {
        let Some(enclosed) = enclosed(&text[start..]) else {
            return if at_end { Spared::Nothing } else { Spared::Unfinished };
        };
        let behind = &text[start + enclosed..];
        let more = match memchr2(delimiter, b'\n', behind) {
            Some(more) => more,
            None if at_end => behind.len(),
            None => return Spared::Unfinished,
        };
        if enclosed > 0 && behind[..more].iter().any(|byte| *byte != b'\r') {
            return Spared::Nothing;
        }
        let end = start + enclosed + more;
        let field = &text[start..end];
        if shape.is_some_and(|shape| shape.index == count) {
            let bare = field.trim_ascii();
            let inner = bare.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
            id = ContactId::parse(inner.unwrap_or(bare));
        }
        count += 1;
        if !field.trim_ascii().is_empty() {
            filled = count;
        }
        start = end + 1;
        if text.get(end) != Some(&delimiter) {
            let length = start.min(text.len());
            return Spared::Record {
                length,
                count,
                filled,
                id,
            };
        }
    }
}

/// Returns how many bytes of a text are in quotes from its beginning on, the quotes included; `None` if there is no end of
/// them.
fn enclosed(text: &[u8]) -> Option<usize> {
    if text.first() != Some(&b'"') {
        return Some(0);
    }
    let mut at = 1;
    loop {
        let quote = at + memchr(b'"', text.get(at..)?)?;
        at = quote + 1;
        if text[quote - 1] == b'\\' {
            continue;
        }
        if text.get(at) != Some(&b'"') {
            return Some(at);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_behind_any_number_of_backslashes_is_part_of_the_value() {
        let record = |length, count, filled| Spared::Record {
            length,
            count,
            filled,
            id: None,
        };
        for (text, expected) in [
            ("a,b\n", record(4, 2, 2)),
            ("a,b", record(3, 2, 2)),
            ("\"a, \"\"b\"\"\",,\r\nc", record(14, 3, 1)),
            ("\"x\\\"\ny,z\n\\\"\",b\nc", record(15, 2, 2)),
            ("\"x\\\\\"\ny\\\\\\\"z\"\r\nc", record(15, 1, 1)),
            ("a,\\\"b\"\nc", record(7, 2, 2)),
            ("\"C:\\\",\"b\"", Spared::Nothing),
            ("\"a\"b", Spared::Nothing),
            ("\"a\\\"", Spared::Nothing),
        ] {
            assert_eq!(read(text.as_bytes(), b',', None, true), expected, "{text:?}");
        }
        for text in ["a,b", "\"a\\\"\n", "\"a\"", "\""] {
            assert_eq!(read(text.as_bytes(), b',', None, false), Spared::Unfinished, "{text:?}");
        }
    }
}
