//! What of a remote text may be shown: no id, no address, nothing that stands in quotes, nothing that cannot be seen.
//!
//! Ids are found by their pattern, never by words: whatever they are joined to, and however they are written.

use super::escapes;
use crate::domain::ContactId;

/// The longest quotation: what a person reads at a glance.
const LONGEST_LINE: usize = 300;
/// So many digits joined by hyphens alone are (a piece of) an id: the first two groups of one, and more than a date has.
const DIGITS_OF_A_PIECE: usize = 12;
/// The digits of a whole id, whatever stands between its groups.
const DIGITS_OF_AN_ID: usize = 32;
/// The most characters between two groups of an id that is written apart.
const LONGEST_GAP: usize = 3;
/// The longest word that is a name: relations of two tables have about 50 characters, tokens hundreds.
const LONGEST_NAME: usize = 64;

/// Returns the text as it looks: escapes of URLs, of HTML and of JSON decoded, what only looks like an ASCII character replaced by it, and what
/// is not seen (escape sequences, controls, marks of direction, joiners) left out.
pub(super) fn plain(text: &str) -> String {
    let decoded = escapes::decoded(text);
    let mut plain = String::with_capacity(decoded.len());
    let mut rest = decoded.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' | '\u{9b}' => skip_escape_sequence(c, &mut rest),
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => plain.push('\n'),
            c if c.is_control() => plain.push(' '),
            c if is_unseen(c) => {}
            '\u{fe6b}' => plain.push('@'),
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => plain.push('-'),
            // The full-width forms stand in the order of ASCII.
            '\u{ff01}'..='\u{ff5e}' => plain.extend(char::from_u32(u32::from(c) - 0xfee0)),
            c => plain.push(c),
        }
    }
    plain
}

/// Leaves out of a [`plain`] text what may be personal, but nothing because of its quotes.
pub(super) fn without_ids(plain: &str) -> String {
    let mut text = without_addresses(plain);
    // Whole ids as they are usually written come first, so that nothing beside them is taken for a part of them.
    for (is_joining, longest_gap, least) in [
        (is_hyphen as fn(char) -> bool, 1, DIGITS_OF_AN_ID),
        (is_gap, LONGEST_GAP, DIGITS_OF_AN_ID),
        (is_hyphen, 1, DIGITS_OF_A_PIECE),
    ] {
        text = replaced(&text, &groups(&text, is_joining, longest_gap, least), "<guid>");
    }
    without_long_words(&text)
}

/// Replaces what stands in quotes, unless it is known to be no data; an apostrophe inside a word opens and closes none, a quote
/// that is never closed hides the rest.
pub(super) fn without_quoted(text: &str, is_known: impl Fn(&str) -> bool) -> String {
    let mut clean = String::new();
    let mut previous = ' ';
    let mut open: Option<(char, String)> = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match &mut open {
            Some((quote, quoted)) => {
                let is_inside_a_word = c == '\'' && rest.peek().is_some_and(|next| next.is_alphanumeric());
                if c != *quote || is_inside_a_word {
                    quoted.push(c);
                } else {
                    clean.push_str(if is_known(quoted) { quoted } else { "<value>" });
                    open = None;
                }
            }
            None => match closing_quote(c, previous) {
                Some(quote) => open = Some((quote, String::new())),
                None => clean.push(c),
            },
        }
        previous = c;
    }
    if open.is_some() {
        clean.push_str("<value>");
    }
    clean
}

/// Returns what ends a quotation that this character begins, if it begins one.
fn closing_quote(c: char, previous: char) -> Option<char> {
    match c {
        '"' | '`' => Some(c),
        '\'' if !previous.is_alphanumeric() => Some(c),
        '\u{201c}' | '\u{201e}' => Some('\u{201d}'),
        '\u{2018}' | '\u{201a}' => Some('\u{2019}'),
        '\u{ab}' => Some('\u{bb}'),
        _ => None,
    }
}

/// Returns the first line that says something, cut to what a person reads at a glance.
pub(super) fn first_line(text: &str) -> String {
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let words: Vec<_> = line.split_whitespace().collect();
    words.join(" ").chars().take(LONGEST_LINE).collect()
}

/// Returns every id that a [`plain`] text may name, to compare with those that are known: a letter before an id that may
/// be a digit, too, makes more than one.
pub(super) fn ids(plain: &str) -> Vec<ContactId> {
    let mut ids = Vec::new();
    for (start, end) in groups(plain, is_gap, LONGEST_GAP, DIGITS_OF_AN_ID) {
        let digits: Vec<u8> = plain[start..end].bytes().filter(u8::is_ascii_hexdigit).collect();
        ids.extend(digits.windows(DIGITS_OF_AN_ID).filter_map(ContactId::parse));
    }
    ids
}

/// Finds groups of hexadecimal digits with at most `longest_gap` joining characters between them and `least` digits in all.
fn groups(text: &str, is_joining: fn(char) -> bool, longest_gap: usize, least: usize) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let (mut start, mut end, mut digits, mut gap) = (0, 0, 0, 0);
    let mut finish = |start, end, digits| {
        if digits >= least {
            found.push((start, end));
        }
    };
    for (position, c) in text.char_indices() {
        if c.is_ascii_hexdigit() {
            if digits == 0 {
                start = position;
            }
            (end, digits, gap) = (position + 1, digits + 1, 0);
        } else if digits > 0 {
            gap += 1;
            if gap > longest_gap || !is_joining(c) {
                finish(start, end, digits);
                digits = 0;
            }
        }
    }
    finish(start, end, digits);
    found
}

fn is_hyphen(c: char) -> bool {
    c == '-'
}

fn is_gap(c: char) -> bool {
    !c.is_alphanumeric()
}

fn replaced(text: &str, ranges: &[(usize, usize)], by: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut after = 0;
    for (start, end) in ranges {
        clean.push_str(&text[after..*start]);
        clean.push_str(by);
        after = *end;
    }
    clean.push_str(&text[after..]);
    clean
}

/// Replaces what stands around an `@`, as in an e-mail address: also a name in quotes, and a host in brackets.
fn without_addresses(text: &str) -> String {
    let ends = |c: char| c.is_whitespace() || "<>()[]{},;:\"'`=|".contains(c);
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        let unquoted = before.strip_suffix('"');
        let start = match unquoted {
            Some(quoted) => quoted.rfind('"').unwrap_or(at),
            None => before
                .rfind(ends)
                .map_or(0, |end| end + before[end..].chars().next().map_or(1, char::len_utf8)),
        };
        let host = match after.strip_prefix('[') {
            Some(literal) => literal.find(']').map_or(after.len(), |end| end + 2),
            None => after.find(ends).unwrap_or(after.len()),
        };
        if start == at || host == 0 {
            clean.push_str(&rest[..=at]);
            rest = after;
        } else {
            clean.push_str(&rest[..start]);
            clean.push_str("<address>");
            rest = &after[host..];
        }
    }
    clean.push_str(rest);
    clean
}

/// Replaces words that are too long for a name, such as tokens, and those that end as Base64 of an id does.
fn without_long_words(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+_=-".contains(c);
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let word = &rest[..end];
        let is_encoded_id = word.len() >= 22 && word.ends_with("==");
        clean.push_str(if word.len() > LONGEST_NAME || is_encoded_id {
            "<value>"
        } else {
            word
        });
        let next = rest[end..].find(is_part).map_or(rest.len(), |next| end + next);
        clean.push_str(&rest[end..next]);
        rest = &rest[next..];
    }
    clean
}

/// Skips the rest of a terminal's escape sequence: `ESC [ 3 1 m`, or `ESC ]` up to its bell.
fn skip_escape_sequence(first: char, rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    let kind = if first == '\u{9b}' { Some('[') } else { rest.next() };
    match kind {
        Some('[') => {
            while rest.next_if(|c| matches!(c, ' '..='?')).is_some() {}
            rest.next_if(|c| matches!(c, '@'..='~'));
        }
        Some(']') => while rest.next_if(|c| !matches!(c, '\u{7}' | '\u{1b}' | '\n')).is_some() {},
        _ => {}
    }
}

fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    const ID: &str = "8f2a1c34-5b6d-4e7f-8a9b-0c1d2e3f4a5b";

    fn shown(text: &str) -> String {
        first_line(&without_quoted(&without_ids(&plain(text)), |quoted| {
            quoted == "msdynmkt_source"
        }))
    }

    #[test]
    fn names_that_are_no_data_are_shown_in_quotes_and_all_else_is_not() {
        let told = shown("No property 'msdynmkt_source' on 'Ann', nor \"msdynmkt_source\" of 'msdynmkt_source");
        assert_eq!(
            told,
            "No property msdynmkt_source on <value>, nor msdynmkt_source of <value>"
        );
    }

    #[test]
    fn ids_are_found_whatever_they_are_joined_to() {
        let simple = ID.replace('-', "");
        let full_width: String = ID
            .chars()
            .map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap())
            .collect();
        for (text, expected) in [
            (format!("Row contact-{ID} is locked."), "Row contact-<guid> is locked."),
            (format!("Key {ID}-{ID} exists"), "Key <guid> exists"),
            (format!("Record id{ID} is read-only"), "Record i<guid> is read-only"),
            (format!("x_{ID}_y"), "x_<guid>_y"),
            (format!("{simple}{simple}"), "<guid>"),
            (format!("Id={{{}}}", simple.to_uppercase()), "Id={<guid>}"),
            (format!("contacts%28{ID}%29 %7B{ID}%7D"), "contacts(<guid>) {<guid>}"),
            (format!("a%257B{}%257D", ID.replace('-', "%2D")), "a{<guid>}"),
            (ID.replace('-', "\u{200b}-\u{2060}"), "<guid>"),
            (ID.replace('-', "\u{2011}"), "<guid>"),
            (full_width, "<guid>"),
            (ID.replace('-', " "), "<guid>"),
            (ID.replace('-', " - "), "<guid>"),
            (ID.replace('-', ":"), "<guid>"),
            (ID.replace('-', "&#45;"), "<guid>"),
            (ID.replace('-', "&hyphen;"), "<guid>"),
            (ID.replace('8', "&#56;"), "<guid>"),
            (ID.replace('-', "\\u002d"), "<guid>"),
            (ID.replace('-', "%26%2345%3B"), "<guid>"),
            (ID.replacen('-', "-\r\n", 1), "<guid>"),
            (format!("cut off: {}", &ID[..20]), "cut off: <guid>"),
            (format!("\u{1b}[31m{}\u{1b}[0m{}", &ID[..9], &ID[9..]), "<guid>"),
            ("token ajgcNFttTn+KmwwdLj9KWw== of it".to_owned(), "token <value> of it"),
        ] {
            assert_eq!(shown(&text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_id_stays_readable() {
        for text in [
            "Number of requests exceeded the limit of 6000 over time window of 300 seconds.",
            "exceeded limit of 1,200,000 milliseconds on 2026-11-23 06:00:00Z, code -2147204783 or 0x80040265",
            "is missing prvReadmsdynmkt_segmentdefinition privilege on OTC=10943 for the entity",
            "Resource not found at https://socktown.crm4.dynamics.com/api/data/v9.2/msdynmkt_segmentdefinitions",
            "The deadbeef face added a decade; it isn't 100 % dead",
        ] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn quoted_values_addresses_and_tokens_are_hidden() {
        for (text, expected) in [
            ("the name 'Ann O'Neil' is known", "the name <value> is known"),
            (
                "the name 'Ann O''Neil' isn't \"known\" here",
                "the name <value><value> isn't <value> here",
            ),
            ("never closed 'Ann", "never closed <value>"),
            (
                "\u{201e}Ann\u{201d} \u{ab}Bob\u{bb} \u{2018}Eve\u{2019}",
                "<value> <value> <value>",
            ),
            (
                "mail ann.o@socks.example, or <bob@x.example>",
                "mail <address>, or <<address>>",
            ),
            ("mail ann%40socks.example now", "mail <address> now"),
            ("mail ann%2540socks.example now", "mail <address> now"),
            ("mail leaky&#64;x.example now", "mail <address> now"),
            ("mail leaky&#x40;x.example now", "mail <address> now"),
            ("mail leaky&#X0040;x&period;example now", "mail <address> now"),
            ("mail leaky&amp;#64;x.example now", "mail <address> now"),
            ("mail leaky&commat;x.example now", "mail <address> now"),
            ("mail leaky\\u0040x.example now", "mail <address> now"),
            (
                "mail leaky\u{ff20}x.example or leaky\u{fe6b}x.example",
                "mail <address> or <address>",
            ),
            ("mail x@[10.0.0.1] now", "mail <address> now"),
            ("mail x@[IPv6:2001:db8::1], or y@[never", "mail <address>, or <address>"),
            ("mail \"Ann O'Neil\"@x.example now", "mail <address> now"),
            ("mail &quot;ann b&quot;@x.example now", "mail <address> now"),
            (
                "R&D and C:\\users stay & so does &; or &#; or \\u00",
                "R&D and C:\\users stay & so does &; or &#; or \\u00",
            ),
            ("no address: @odata.count, a @ b", "no address: @odata.count, a @ b"),
        ] {
            assert_eq!(shown(text), expected);
        }
        assert_eq!(shown(&format!("Bearer {}", "aZ9_".repeat(40))), "Bearer <value>");
    }

    #[test]
    fn one_line_is_shown_without_anything_that_is_not_seen() {
        for (text, expected) in [
            ("\r\n \r\nfirst  line \r\nsecond", "first line"),
            ("one\u{2028}two", "one"),
            ("a\u{0}b\u{7}c", "a b c"),
            ("\u{1b}]0;title\u{7}text \u{9b}1mbold\u{1b}[0m", "text bold"),
            ("\u{202e}reversed\u{202c}", "reversed"),
            ("", ""),
        ] {
            assert_eq!(
                shown(text).split_whitespace().collect::<Vec<_>>().join(" "),
                expected,
                "{text:?}"
            );
        }
        assert_eq!(shown(&"é".repeat(1_000)).chars().count(), 300);
    }

    #[test]
    fn an_id_is_read_whatever_it_is_joined_to() {
        let id = ContactId::parse(ID.as_bytes()).unwrap();
        for text in [
            format!("id{ID}"),
            format!("contact-{ID}-{ID}"),
            format!("{{{ID}}}"),
            ID.replace('-', " "),
        ] {
            assert!(ids(&text).contains(&id), "{text}");
        }
        assert!(ids("no id 12345678-1234").is_empty());
    }

    proptest! {
        #[test]
        fn no_id_survives_between_any_texts(number: u128, before in ".{0,20}", after in ".{0,20}", style in 0_usize..4) {
            let id = Uuid::from_u128(number);
            let written = match style {
                0 => id.to_string(),
                1 => id.simple().to_string().to_uppercase(),
                2 => id.braced().to_string(),
                _ => id.hyphenated().to_string().replace('-', "%2d"),
            };
            let shown = shown(&format!("{before}{written}{after}")).to_lowercase();
            let digits: String = shown.chars().filter(char::is_ascii_hexdigit).collect();
            prop_assert!(!digits.contains(&id.simple().to_string()), "{}", shown);
        }
    }
}
