//! Whether the quotes of a record are what the parser takes them for.

use memchr::{memchr, memchr2};

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
    /// Tells whether a parser of the standard finds the fields that the writer meant.
    pub(super) const fn is_readable(self) -> bool {
        matches!(self, Self::Clean | Self::Literal)
    }
}

/// Judges the quotes of a record without its line end; `escape` is a character that may stand before an inner quote
/// instead of a second quote.
pub(super) fn judge(record: &[u8], delimiter: u8, escape: Option<u8>) -> Quotes {
    let mut judgement = Quotes::Clean;
    let mut at = 0;
    while let Some(offset) = memchr(b'"', &record[at..]) {
        let quote = at + offset;
        if quote > 0 && record[quote - 1] != delimiter {
            judgement = Quotes::Literal;
            at = quote + 1;
            continue;
        }
        let Some(close) = closing(record, quote + 1, escape) else {
            return Quotes::Open;
        };
        match record.get(close + 1) {
            None => return judgement,
            Some(next) if *next == delimiter => at = close + 1,
            Some(_) => return Quotes::Broken,
        }
    }
    judgement
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
    fn quotes_are_judged_as_a_reader_of_the_standard_would() {
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
            assert_eq!(judge(record.as_bytes(), b',', None), expected, "{record}");
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
            assert_eq!(judge(record.as_bytes(), b',', Some(b'\\')), expected, "{record}");
        }
    }
}
