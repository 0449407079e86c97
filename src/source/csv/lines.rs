//! Records that need no parser to find the id in them.
//!
//! Calls of `memchr` are quick over long pieces and cost more than they save over short ones, of which most records
//! consist: those are looked at here, byte by byte or eight at a time.

use crate::domain::ContactId;
use crate::source::csv::Shape;
use crate::source::csv::quotes::stray_return;
use crate::source::window::LineEnds;
use memchr::{memchr, memchr_iter, memchr2, memchr3};

/// How many bytes a field most often has at most.
const SHORT_FIELD: usize = 16;

/// Below so many bytes it is quicker to count without `memchr`.
const SHORT_PIECE: usize = 128;

/// How a GUID is written most often: with hyphens, and nothing around it.
const GUID_LENGTH: usize = 36;

/// A record that was read.
pub(super) struct Lines {
    pub(super) id: ContactId,
    /// Its bytes, line end included.
    pub(super) length: usize,
    /// How many lines it takes up.
    pub(super) count: u64,
    /// How many fields it has.
    pub(super) fields: usize,
    /// Whether fields are quoted.
    pub(super) has_quoted: bool,
    /// Whether quotes stand inside of fields that are not quoted.
    pub(super) has_literal: bool,
    /// Whether quotes are doubled inside of quoted fields.
    pub(super) has_doubled: bool,
}

/// Reads the record of the wanted shape at the beginning of a text; `None` if only a parser can tell.
///
/// The fields up to the id are as they seem if each of their quotes encloses a field or is doubled inside of one; those
/// behind it, too, if other quotes stand inside of fields. Where a record is longer than a line, a stray quote could have
/// swallowed rows: then each of its quotes has to enclose a field. None in a quoted field stands behind a backslash.
#[inline]
pub(super) fn read(text: &[u8], shape: Shape, ends: LineEnds) -> Option<Lines> {
    let mut scan = Scan {
        text,
        delimiter: shape.delimiter,
        at: 0,
        lines: 1,
        has_quoted: false,
        has_literal: false,
        has_doubled: false,
    };
    for _ in 0..shape.index {
        scan.pass_field()?;
    }
    let id = scan.id()?;
    let fields = shape.index + 1 + scan.delimiters_to_the_end()?;
    let more = fields.checked_sub(shape.columns)?;
    // Fields too many may have moved the id.
    if more > 0 && fields != shape.fields {
        return None;
    }
    let is_certain = scan.lines == 1 || !scan.has_literal;
    let is_plain = more == 0 && !ends.has_returns || {
        let record = ends.strip(&text[..=scan.at]);
        // As many delimiters at the end are as many empty fields.
        let are_empty = record[record.len() - more..]
            .iter()
            .all(|byte| *byte == shape.delimiter);
        let has_stray = || memchr(b'\r', record).is_some() && stray_return(record, shape.delimiter, None).is_some();
        are_empty && !(ends.has_returns && has_stray())
    };
    (is_certain && is_plain).then_some(Lines {
        id,
        length: scan.at + 1,
        count: scan.lines,
        fields,
        has_quoted: scan.has_quoted,
        has_literal: scan.has_literal,
        has_doubled: scan.has_doubled,
    })
}

/// A place in a record.
struct Scan<'a> {
    text: &'a [u8],
    delimiter: u8,
    at: usize,
    lines: u64,
    has_quoted: bool,
    has_literal: bool,
    has_doubled: bool,
}

impl Scan<'_> {
    /// Passes a field and the delimiter behind it.
    #[inline]
    fn pass_field(&mut self) -> Option<()> {
        let start = self.text.get(self.at..)?;
        if start.first() == Some(&b'"') {
            self.pass_quoted()?;
        } else {
            self.at += plain_field(self.delimiter, start)?;
        }
        let is_delimiter = self.text.get(self.at) == Some(&self.delimiter);
        self.at += 1;
        is_delimiter.then_some(())
    }

    /// Passes a quoted field and returns what is in it, doubled quotes as they are; a quote behind a backslash may end it
    /// or not.
    #[inline]
    fn pass_quoted(&mut self) -> Option<&[u8]> {
        self.has_quoted = true;
        let start = self.at + 1;
        let mut end = start;
        loop {
            end += memchr2(b'"', b'\n', self.text.get(end..)?)?;
            if self.text[end] == b'\n' {
                self.lines += 1;
                end += 1;
            } else if self.text[end - 1] == b'\\' {
                return None;
            } else if self.text.get(end + 1) == Some(&b'"') {
                self.has_doubled = true;
                end += 2;
            } else {
                self.at = end + 1;
                return Some(&self.text[start..end]);
            }
        }
    }

    /// Passes the field of the id.
    #[inline]
    fn id(&mut self) -> Option<ContactId> {
        let start = self.text.get(self.at..)?;
        let delimiter = self.delimiter;
        let is_end = |byte: &u8| *byte == delimiter || matches!(byte, b'\r' | b'\n');
        if start.first() == Some(&b'"') {
            let id = ContactId::parse(self.pass_quoted()?)?;
            return self.text.get(self.at).is_some_and(is_end).then_some(id);
        }
        // In a GUID there is no delimiter that would have to be looked for.
        if start.get(GUID_LENGTH).is_some_and(is_end)
            && let Some(id) = ContactId::parse(&start[..GUID_LENGTH])
        {
            self.at += GUID_LENGTH;
            return Some(id);
        }
        let length = memchr3(self.delimiter, b'"', b'\n', start)?;
        self.at += length;
        ContactId::parse(&start[..length]).filter(|_| start[length] != b'"')
    }

    /// Goes on to the line feed at the end of the record and counts the delimiters on the way.
    #[inline]
    fn delimiters_to_the_end(&mut self) -> Option<usize> {
        let mut delimiters = 0;
        loop {
            let found = self.at + memchr2(b'"', b'\n', self.text.get(self.at..)?)?;
            delimiters += count(self.delimiter, &self.text[self.at..found]);
            self.at = found;
            if self.text[found] == b'\n' {
                return Some(delimiters);
            }
            if found == 0 || self.text[found - 1] != self.delimiter {
                self.has_literal = true;
                self.at += 1;
                continue;
            }
            self.pass_quoted()?;
            let next = *self.text.get(self.at)?;
            if next != self.delimiter && !matches!(next, b'\r' | b'\n') {
                return None;
            }
        }
    }
}

/// One in each of eight bytes.
const ONES: u64 = u64::from_le_bytes([1; 8]);

/// Returns where a field that is not quoted ends: at a delimiter or line feed, or at a quote that it should not have.
#[inline]
fn plain_field(delimiter: u8, text: &[u8]) -> Option<usize> {
    let ends = |word| first(delimiter, word) | first(b'"', word) | first(b'\n', word);
    let mut passed = 0;
    if let ([one, two, ..], _) = text.as_chunks() {
        match (ends(*one), ends(*two)) {
            (0, 0) => passed = SHORT_FIELD,
            (0, found) => return Some(8 + found.trailing_zeros() as usize / 8),
            (found, _) => return Some(found.trailing_zeros() as usize / 8),
        }
    }
    memchr3(delimiter, b'"', b'\n', &text[passed..]).map(|length| passed + length)
}

/// Sets the highest bit of the first of eight bytes that is the wanted one, and maybe those of bytes behind it.
#[inline]
fn first(byte: u8, word: [u8; 8]) -> u64 {
    // Only a byte that is zero then borrows, or one behind such a byte.
    let others = u64::from_le_bytes(word) ^ (ONES * u64::from(byte));
    others.wrapping_sub(ONES) & !others & (ONES << 7)
}

/// Counts a byte.
#[inline]
pub(super) fn count(byte: u8, text: &[u8]) -> usize {
    if text.len() >= SHORT_PIECE {
        return memchr_iter(byte, text).count();
    }
    let (words, rest) = text.as_chunks();
    let mut sums = 0_u64;
    for word in words {
        sums += each(byte, *word);
    }
    if let Some(last) = text.last_chunk() {
        // The rest is the end of the last eight bytes, of which the others have been counted.
        if !rest.is_empty() {
            sums += each(byte, *last) >> (64 - 8 * rest.len());
        }
    } else {
        for other in rest {
            sums += u64::from(*other == byte);
        }
    }
    // The eight sums of a short piece are added up in the highest byte.
    usize::try_from(sums.wrapping_mul(ONES) >> 56).unwrap_or_default()
}

/// Sets the lowest bit of each of eight bytes that is the wanted one.
#[inline]
const fn each(byte: u8, word: [u8; 8]) -> u64 {
    const LOW_BITS: u64 = ONES * 0x7f;
    // The highest bit of each byte is set where it is the wanted one, and no carry reaches another byte.
    let others = u64::from_le_bytes(word) ^ (ONES * byte as u64);
    !(((others & LOW_BITS) + LOW_BITS) | others | LOW_BITS) >> 7
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::testing::id;

    /// Reads a record of three columns, or of four where it says so, with the id in the third.
    fn find(text: &str) -> Option<(ContactId, usize, u64)> {
        let ends = LineEnds {
            has_returns: text.contains('\r'),
            ..LineEnds::default()
        };
        let columns = if text.contains("four") { 4 } else { 3 };
        let shape = Shape {
            delimiter: b',',
            columns,
            fields: columns + 2,
            index: 2,
        };
        read(text.as_bytes(), shape, ends).map(|lines| (lines.id, lines.length, lines.count))
    }

    #[test]
    fn the_id_is_found_behind_fields_of_any_kind() {
        let expected = ContactId::parse(id(1).as_bytes()).unwrap();
        for (record, lines) in [
            (format!("a,b,{}", id(1)), 1),
            (format!("a,b,{}\r", id(1)), 1),
            (format!(",,\"{}\"\r", id(1)), 1),
            (format!("\"four, \"\"b\"\"\",\"\",\"{{{}}}\",\"c,d\"", id(1)), 1),
            (format!("a,b,{},,", id(1)), 1),
            (format!("a,b,{}\r\r", id(1)), 1),
            (format!("a,four,{},\"c\"\r", id(1)), 1),
            (format!("four,b,{},5\"", id(1)), 1),
            (format!("a,{},{}", "b".repeat(100), id(1)), 1),
            (
                format!("four,b, {} ,{}", id(1).to_uppercase(), "c \"d\" e".repeat(20)),
                1,
            ),
            (format!("a,b,{}", id(1).replace('-', "")), 1),
            (format!("\"\"\"\",four,{},5\" by 7\"", id(1)), 1),
            (format!("\"four\n\r\n\",b,{},\"c\n\"", id(1)), 4),
            (format!("four,b,{},\"c,\"\"d\"\",\",,", id(1)), 1),
        ] {
            let found = (expected, record.len() + 1, lines);
            assert_eq!(find(&format!("{record}\nnext\n")), Some(found), "{record}");
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
            format!("\"C:\\\",c,{}", id(1)),
            format!("four,c,{},\"C:\\\"", id(1)),
        ] {
            assert_eq!(find(&format!("{record}\n")), None, "{record}");
        }
        for text in [
            format!("a,b,{}", id(1)),
            format!("four,b,{},\"goes on\nand on", id(1)),
            format!("four,b,{},5\",\"\n\"\n", id(1)),
            format!("a,b,\"{}\"x\n", id(1)),
            format!("a,b,{}\"\n", id(1)),
            format!("a\nb,c,{}\n", id(1)),
            format!("a,b,x{}\n", &id(1)[1..]),
            format!("four,b,{},\"x\\\"\"\n\"\n", id(1)),
            format!("a\rb,b,{}\n", id(1)),
            format!("\"a\n\",\r,{}\n", id(1)),
        ] {
            assert_eq!(find(&text), None, "{text}");
        }
    }

    #[test]
    fn bytes_are_counted_in_pieces_of_any_length() {
        for length in 0..200 {
            let text: Vec<u8> = (0..length)
                .map(|at| b",,,\x80\xac-,\0"[(at * at + length) % 8])
                .collect();
            let expected = text.split(|byte| *byte == b',').count() - 1;
            assert_eq!(count(b',', &text), expected, "{length}");
            assert_eq!(count(b',', &vec![b','; length]), length);
        }
    }
    #[test]
    fn a_plain_field_ends_wherever_something_ends_it() {
        for length in 0..40 {
            for end in [b',', b'"', b'\n'] {
                // Bytes that differ in one bit from those that are looked for, before the end and behind it.
                for other in [b'-', b'#', 0x0b, 0xac, 0xa2, 0x8a, b'a', 0, 0xff] {
                    let mut text = vec![other; 60];
                    assert_eq!(plain_field(b',', &text), None);
                    text[length] = end;
                    assert_eq!(plain_field(b',', &text), Some(length), "{end} {length} {other}");
                    assert_eq!(plain_field(b',', &text[..=length]), Some(length));
                }
            }
        }
    }
}
