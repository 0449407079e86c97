//! Records that need no parser to find the id in them.

use crate::contact::ContactId;
use crate::source::csv::Shape;
use crate::source::csv::quotes::{Quotes, count_fields, judge, stray_return};
use crate::source::window::LineEnds;
use memchr::{memchr, memchr_iter, memchr2, memmem};

/// A record that is told by its quotes alone.
pub(super) struct Lines<'a> {
    /// Without its line end.
    pub(super) text: &'a [u8],
    /// Its bytes, line end included.
    pub(super) length: usize,
    /// How many lines it takes up.
    pub(super) count: u64,
}

/// Returns the record at the beginning of a text; nothing where only a parser can tell.
///
/// By RFC 4180 the first line feed behind an even number of quotes ends a record. Where it is not in the first line, a
/// stray quote could have swallowed rows: then each quote has to enclose a field or be doubled inside of one, and none
/// stands behind a backslash.
pub(super) fn first(text: &[u8], delimiter: u8, ends: LineEnds) -> Option<Lines<'_>> {
    let count_quotes = |line| memchr_iter(b'"', line).count();
    let mut end = memchr(b'\n', text)?;
    let mut quotes = count_quotes(&text[..end]);
    let mut count = 1;
    while quotes % 2 == 1 {
        let next = end + 1;
        end = next + memchr(b'\n', &text[next..])?;
        quotes += count_quotes(&text[next..end]);
        count += 1;
    }
    let text = ends.strip(&text[..=end]);
    let is_certain = if count == 1 {
        !ends.has_returns || memchr(b'\r', text).is_none()
    } else {
        judge(text, delimiter, None) == Quotes::Clean
            && memmem::find(text, br#"\""#).is_none()
            && (!ends.has_returns || stray_return(text, delimiter, None).is_none())
    };
    is_certain.then_some(Lines {
        text,
        length: end + 1,
        count,
    })
}

/// Returns the id in a record of the wanted shape; nothing where only a parser can tell.
///
/// The fields up to the id are as they seem if each of their quotes encloses a field or is doubled inside of one.
pub(super) fn id_of(record: &[u8], shape: Shape) -> Option<ContactId> {
    let mut rest = record;
    for _ in 0..shape.index {
        rest = split_field(rest, shape.delimiter)?.1?;
    }
    let (cell, rest) = split_field(rest, shape.delimiter)?;
    let id = ContactId::parse(cell)?;
    let behind = match rest {
        Some(rest) => count_fields(rest, shape.delimiter)?,
        None => 0,
    };
    let more = (shape.index + 1 + behind).checked_sub(shape.columns)?;
    // As many delimiters at the end are as many empty fields.
    let are_empty = || {
        record[record.len() - more..]
            .iter()
            .all(|byte| *byte == shape.delimiter)
    };
    (more == 0 || are_empty()).then_some(id)
}

/// Splits a record into what its first field holds and what follows the delimiter, nothing at the end of the record.
fn split_field(record: &[u8], delimiter: u8) -> Option<(&[u8], Option<&[u8]>)> {
    let Some(quoted) = record.strip_prefix(b"\"") else {
        return match memchr2(delimiter, b'"', record) {
            Some(end) if record[end] == delimiter => Some((&record[..end], Some(&record[end + 1..]))),
            Some(_) => None,
            None => Some((record, None)),
        };
    };
    let mut end = memchr(b'"', quoted)?;
    while quoted.get(end + 1) == Some(&b'"') {
        end += 2 + memchr(b'"', &quoted[end + 2..])?;
    }
    match &quoted[end + 1..] {
        [] => Some((&quoted[..end], None)),
        [next, rest @ ..] if *next == delimiter => Some((&quoted[..end], Some(rest))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::testing::id;

    fn find(text: &str) -> Option<(Option<ContactId>, u64)> {
        let ends = LineEnds {
            has_returns: text.contains('\r'),
            ..LineEnds::default()
        };
        let record = first(text.as_bytes(), b',', ends)?;
        let columns = if text.contains("four") { 4 } else { 3 };
        let shape = Shape {
            delimiter: b',',
            columns,
            index: 2,
        };
        Some((id_of(record.text, shape), record.count))
    }

    #[test]
    fn the_id_is_found_behind_fields_of_any_kind() {
        let expected = ContactId::parse(id(1).as_bytes());
        for (record, lines) in [
            (format!("a,b,{}", id(1)), 1),
            (format!("a,b,{}\r", id(1)), 1),
            (format!(",,\"{}\"\r", id(1)), 1),
            (format!("\"four, \"\"b\"\"\",\"\",\"{{{}}}\",\"c,d\"", id(1)), 1),
            (format!("a,b,{},,", id(1)), 1),
            (format!("a,b,{}\r\r", id(1)), 1),
            (format!("\"\"\"\",four,{},5\" by 7\"", id(1)), 1),
            (format!("\"four\n\r\n\",b,{},\"c\n\"", id(1)), 4),
            (format!("four,b,{},\"c,\"\"d\"\",\",,", id(1)), 1),
        ] {
            assert_eq!(find(&format!("{record}\nnext\n")), Some((expected, lines)), "{record}");
        }
    }

    #[test]
    fn what_only_a_parser_can_tell_is_left_to_it() {
        for record in [
            "a,b".to_owned(),
            "a,b,nothing".to_owned(),
            format!("a,b,{},c", id(1)),
            format!("a,b,{},\"\"", id(1)),
            format!("four,b,{}", id(1)),
            format!("four,b,{},\"c\"d", id(1)),
            format!("four,b,{},c\\,d", id(1)),
            format!("5\" by 7\",b,{}", id(1)),
            format!("\"a\"b,c,{}", id(1)),
            format!("\"a \\\"b\\\"\",c,{}", id(1)),
        ] {
            assert_eq!(find(&format!("{record}\n")), Some((None, 1)), "{record}");
        }
        for text in [
            format!("a,b,{}", id(1)),
            format!("four,b,{},\"goes on\nand on", id(1)),
            format!("four,b,{},5\"\na,b,{},7\"\n", id(1), id(2)),
            format!("four,b,{},\"x\\\"\"\n\"\n", id(1)),
            format!("a\rb,b,{}\n", id(1)),
            format!("\"a\n\",\r,{}\n", id(1)),
        ] {
            assert_eq!(find(&text), None, "{text}");
        }
    }
}
