//! Records that need no parser to find the id in them.

use crate::contact::ContactId;
use crate::source::csv::quotes::{Quotes, judge};
use memchr::{memchr, memchr_iter, memchr2};

/// A record that is told by its quotes alone.
pub(super) struct Lines<'a> {
    /// Without the line feed at its end.
    pub(super) text: &'a [u8],
    /// How many lines it takes up.
    pub(super) count: u64,
}

/// Returns the record at the beginning of a text; nothing where only a parser can tell.
///
/// By RFC 4180 the first line feed behind an even number of quotes ends a record. Where it is not in the first line, a
/// stray quote could have swallowed rows: then each quote has to enclose a field or be doubled inside of one.
pub(super) fn first(text: &[u8], delimiter: u8) -> Option<Lines<'_>> {
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
    let text = &text[..end];
    let is_certain = count == 1 || {
        let record = text.strip_suffix(b"\r").unwrap_or(text);
        judge(record, delimiter, None) == Quotes::Clean
    };
    is_certain.then_some(Lines { text, count })
}

/// Returns the id in a field of a record; nothing where only a parser can tell.
///
/// The fields up to the id are as they seem if each of their quotes encloses a field or is doubled inside of one.
pub(super) fn id_of(record: &[u8], delimiter: u8, index: usize) -> Option<ContactId> {
    let mut rest = record;
    for _ in 0..index {
        rest = split_field(rest, delimiter)?.1?;
    }
    ContactId::parse(split_field(rest, delimiter)?.0)
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
        [] | [b'\r'] => Some((&quoted[..end], None)),
        [next, rest @ ..] if *next == delimiter => Some((&quoted[..end], Some(rest))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::testing::id;

    fn find(text: &str) -> Option<(Option<ContactId>, u64)> {
        let record = first(text.as_bytes(), b',')?;
        Some((id_of(record.text, b',', 2), record.count))
    }

    #[test]
    fn the_id_is_found_behind_fields_of_any_kind() {
        let expected = ContactId::parse(id(1).as_bytes());
        for (record, lines) in [
            (format!("a,b,{}", id(1)), 1),
            (format!("a,b,{}\r", id(1)), 1),
            (format!(",,\"{}\"\r", id(1)), 1),
            (format!("\"a, \"\"b\"\"\",\"\",\"{{{}}}\",\"c,d\"", id(1)), 1),
            (format!("\"\"\"\",b,{},5\" by 7\"", id(1)), 1),
            (format!("\"a\n\r\n\",b,{},\"c\n\"", id(1)), 4),
        ] {
            assert_eq!(find(&format!("{record}\nnext\n")), Some((expected, lines)), "{record}");
        }
    }

    #[test]
    fn what_only_a_parser_can_tell_is_left_to_it() {
        for record in [
            "a,b".to_owned(),
            "a,b,nothing".to_owned(),
            format!("5\" by 7\",b,{}", id(1)),
            format!("\"a\"b,c,{}", id(1)),
            format!("\"a \\\"b\\\"\",c,{}", id(1)),
        ] {
            assert_eq!(find(&format!("{record}\n")), Some((None, 1)), "{record}");
        }
        for text in [
            format!("a,b,{}", id(1)),
            format!("a,b,{},\"goes on\nand on", id(1)),
            format!("a,b,{},5\"\na,b,{},7\"\n", id(1), id(2)),
        ] {
            assert_eq!(find(&text), None, "{text}");
        }
    }
}
