//! What came from outside, as a sentence shows it: on one line, and not all of it where it is long.

use std::borrow::Cow;
use std::fmt::Write as _;

/// How many characters of a name or a word a sentence shows: enough to recognise it.
const WORD: usize = 100;

/// How many characters of a key a sentence shows: S3 takes 1,024 bytes, and all of them may be needed to find the object.
const KEY: usize = 1_024;

/// Shows a word in quotes, cut where it is long.
pub(crate) fn word(text: &str) -> String {
    format!("\"{}\"", clipped(text, WORD))
}

/// Shows words in quotes, as many as make a line of a sentence, and says how many more there are.
pub(crate) fn words<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let (mut shown, mut more) = (String::new(), 0);
    for text in texts {
        let quoted = word(text);
        if shown.is_empty() {
            shown = quoted;
        } else if more == 0 && shown.chars().count() + quoted.chars().count() <= WORD {
            shown.push_str(", ");
            shown.push_str(&quoted);
        } else {
            more += 1;
        }
    }
    if more > 0 {
        let _ = write!(shown, " and {more} more");
    }
    shown
}

/// Writes a number with commas between its thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Shows the key of an object.
pub(crate) fn key(text: &str) -> Cow<'_, str> {
    clipped(text, KEY)
}

/// Escapes what would break a line or hide in it, and cuts after so many characters.
fn clipped(text: &str, longest: usize) -> Cow<'_, str> {
    let end = text.char_indices().nth(longest).map(|(end, _)| end);
    let start = &text[..end.unwrap_or(text.len())];
    if end.is_none() && !start.contains(is_invisible) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(start.len());
    for c in start.chars() {
        if is_invisible(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    if end.is_some() {
        shown.push_str("...");
    }
    Cow::Owned(shown)
}

/// Returns whether a character breaks a line, or changes how the characters around it are shown.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_word_is_shown_on_one_line_and_cut() {
        for (text, expected) in [
            ("load", "\"load\""),
            ("Café 🧦", "\"Café 🧦\""),
            ("a\r\nb\u{0}\u{1b}[31m", "\"a\\r\\nb\\u{0}\\u{1b}[31m\""),
            ("a\u{202e}b\u{2028}", "\"a\\u{202e}b\\u{2028}\""),
        ] {
            assert_eq!(word(text), expected);
        }
        assert_eq!(word(&"é".repeat(100)), format!("\"{}\"", "é".repeat(100)));
        assert_eq!(word(&"é".repeat(101)), format!("\"{}...\"", "é".repeat(100)));
    }

    #[test]
    fn words_are_shown_until_a_line_is_full() {
        assert_eq!(words(["a", "b"]), "\"a\", \"b\"");
        assert_eq!(words([]), "");
        let long = "x".repeat(60);
        assert_eq!(words([&*long, &long, "b"]), format!("\"{long}\" and 2 more"));
    }

    #[test]
    fn thousands_are_set_apart() {
        for (number, expected) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), expected);
        }
    }

    #[test]
    fn the_longest_key_of_s3_is_shown_whole() {
        let longest = "k".repeat(1_024);
        assert_eq!(key(&longest), longest);
        assert_eq!(key(&"k".repeat(700_000)).len(), 1_027);
        assert_eq!(key("a\nb"), "a\\nb");
    }

    proptest! {
        #[test]
        fn whatever_is_shown_is_one_short_line(text in any::<String>()) {
            for shown in [word(&text), key(&text).into_owned()] {
                prop_assert!(!shown.contains(char::is_control), "{shown:?}");
                prop_assert_eq!(shown.lines().count(), usize::from(!shown.is_empty()));
            }
        }
    }
}
