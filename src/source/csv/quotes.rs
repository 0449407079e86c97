//! Whether the quotes of a record are what the parser takes them for, and what lies outside of them.

use memchr::{memchr, memchr2};
use std::ops::Range;

/// How the quotes of one record stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotes {
    /// Every quote encloses a whole field or is doubled inside one: each parser reads the record alike.
    Clean,
    /// Some quotes stand inside fields that are not quoted, such as `5" pipe`: they are plain characters.
    Literal,
    /// A quoted field goes on after its closing quote.
    Broken,
    /// A quoted field has no end.
    Open,
}

impl Quotes {
    /// Returns whether a parser of the standard finds the fields that the writer meant.
    pub(super) const fn is_readable(self) -> bool {
        matches!(self, Self::Clean | Self::Literal)
    }
}

/// Judges the quotes of a record without its line end; `escape` is a character that may stand before an inner quote
/// instead of a second quote.
pub(super) fn classify(record: &[u8], delimiter: u8, escape: Option<u8>) -> Quotes {
    walk(record, delimiter, escape, |_| {})
}

/// Finds the first carriage return outside of quoted fields in a record without its line end.
pub(super) fn stray_return(record: &[u8], delimiter: u8, escape: Option<u8>) -> Option<usize> {
    let mut found = None;
    walk(record, delimiter, escape, |plain| {
        let from = plain.start;
        found = found.or_else(|| memchr(b'\r', &record[plain]).map(|offset| from + offset));
    });
    found
}

/// Walks through a record as a parser of the standard does, and shows each piece that no quotes enclose.
fn walk(record: &[u8], delimiter: u8, escape: Option<u8>, mut outside: impl FnMut(Range<usize>)) -> Quotes {
    let mut quotes = Quotes::Clean;
    let (mut plain, mut at) = (0, 0);
    while let Some(offset) = memchr(b'"', &record[at..]) {
        let quote = at + offset;
        at = quote + 1;
        if quote > 0 && record[quote - 1] != delimiter {
            // A field that is broken stays so, whatever else is in the record.
            if quotes == Quotes::Clean {
                quotes = Quotes::Literal;
            }
            continue;
        }
        outside(plain..quote);
        let Some(close) = closing(record, at, escape) else {
            return Quotes::Open;
        };
        at = close + 1;
        plain = at;
        if record.get(at).is_some_and(|next| *next != delimiter) {
            quotes = Quotes::Broken;
        }
    }
    outside(plain..record.len());
    quotes
}

/// Returns where the quoted field ends whose text begins at `from`.
fn closing(record: &[u8], mut from: usize, escape: Option<u8>) -> Option<usize> {
    loop {
        let rest = record.get(from..)?;
        let offset = match escape {
            Some(escape) => memchr2(b'"', escape, rest)?,
            None => memchr(b'"', rest)?,
        };
        let found = from + offset;
        let is_inner = record[found] != b'"' || record.get(found + 1) == Some(&b'"');
        if !is_inner {
            return Some(found);
        }
        from = found + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_classified_as_a_reader_of_the_standard_would() {
        for (record, expected) in [
            ("a,b", Quotes::Clean),
            (r#""a","b""#, Quotes::Clean),
            (r#""a, ""b""","c""#, Quotes::Clean),
            (r#""","""""#, Quotes::Clean),
            ("\"two\nlines\",x", Quotes::Clean),
            (r#"5" pipe,x"#, Quotes::Literal),
            (r#"x,a"b,"c,d""#, Quotes::Literal),
            (r#""a"b,c"#, Quotes::Broken),
            (r#""say \"hi\"",x"#, Quotes::Broken),
            (r#"x,"open"#, Quotes::Open),
            (r#"""#, Quotes::Open),
            (r#"""""#, Quotes::Open),
        ] {
            assert_eq!(classify(record.as_bytes(), b',', None), expected, "{record}");
        }
    }

    #[test]
    fn a_backslash_may_stand_before_an_inner_quote() {
        for (record, expected) in [
            (r#""say \"hi\"",x"#, Quotes::Clean),
            (r#""\"","\\",x"#, Quotes::Clean),
            (r#""ends with \""#, Quotes::Open),
            (r#""\"#, Quotes::Open),
        ] {
            assert_eq!(classify(record.as_bytes(), b',', Some(b'\\')), expected, "{record}");
        }
    }

    #[test]
    fn a_carriage_return_is_a_stray_one_outside_of_quotes_only() {
        for (record, expected) in [
            ("a,b", None),
            ("\"a\r\",b", None),
            ("a,\r", Some(2)),
            ("\"a\r\",b\rc", Some(6)),
            ("\"a\"\r\"b\r\"", Some(3)),
            ("5\"\r,\"\r", Some(2)),
        ] {
            assert_eq!(stray_return(record.as_bytes(), b',', None), expected, "{record:?}");
        }
    }
}
