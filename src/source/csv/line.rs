//! Lines that need no parser to find the id in them.

use crate::contact::ContactId;
use memchr::{memchr, memchr_iter, memchr2};

/// Returns the id in a field of a line, without its line feed; nothing where only a parser can tell.
///
/// By RFC 4180 a line with an even number of quotes ends its record, and the fields up to the id are as they seem if each
/// of their quotes encloses a field or is doubled inside of one.
pub(super) fn id_of(line: &[u8], delimiter: u8, index: usize) -> Option<ContactId> {
    if memchr_iter(b'"', line).count() % 2 == 1 {
        return None;
    }
    let mut rest = line;
    for _ in 0..index {
        rest = split_field(rest, delimiter)?.1?;
    }
    ContactId::parse(split_field(rest, delimiter)?.0)
}

/// Splits a line into what its first field holds and what follows the delimiter, nothing at the end of the line.
fn split_field(line: &[u8], delimiter: u8) -> Option<(&[u8], Option<&[u8]>)> {
    let Some(quoted) = line.strip_prefix(b"\"") else {
        return match memchr2(delimiter, b'"', line) {
            Some(end) if line[end] == delimiter => Some((&line[..end], Some(&line[end + 1..]))),
            Some(_) => None,
            None => Some((line, None)),
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

    #[test]
    fn the_id_is_found_behind_fields_of_any_kind() {
        let expected = ContactId::parse(id(1).as_bytes());
        for line in [
            format!("a,b,{}", id(1)),
            format!("a,b,{}\r", id(1)),
            format!(",,\"{}\"\r", id(1)),
            format!("\"a, \"\"b\"\"\",\"\",\"{{{}}}\",\"c,d\"", id(1)),
            format!("\"\"\"\",b,{},5\" by 7\"", id(1)),
        ] {
            assert_eq!(id_of(line.as_bytes(), b',', 2), expected, "{line}");
        }
    }

    #[test]
    fn what_only_a_parser_can_tell_is_left_to_it() {
        for line in [
            "a,b".to_owned(),
            "a,b,nothing".to_owned(),
            format!("a,b,{},\"goes on", id(1)),
            format!("5\" by 7\",b,{}", id(1)),
            format!("\"a\"b,c,{}", id(1)),
            format!("\"a \\\"b\\\"\",c,{}", id(1)),
        ] {
            assert_eq!(id_of(line.as_bytes(), b',', 2), None, "{line}");
        }
    }
}
