//! Percent-decoding that never fails and never loses anything.

use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// Decodes `%XX` escapes; a malformed escape stays as it is, and so does a whole text whose bytes would be no UTF-8.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8().unwrap_or(Cow::Borrowed(text))
}

/// Decodes the form encoding of keys: a plus is a space, then escapes are bytes.
pub(crate) fn decode_form(text: &str) -> String {
    decode(&text.replace('+', " ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_utf8_are_decoded_and_all_others_stay() {
        for (text, expected) in [
            ("", ""),
            ("plain + text", "plain + text"),
            ("caf%C3%A9", "café"),
            ("caf%c3%a9", "café"),
            ("%2525", "%25"),
            ("100%", "100%"),
            ("100%2", "100%2"),
            ("%zz%41", "%zzA"),
            ("%%41", "%A"),
            ("%e9", "%e9"),
            ("%41%ff%42", "%41%ff%42"),
            ("%F0%9F%A7%A6!", "🧦!"),
            ("🧦%F0%9F", "🧦%F0%9F"),
        ] {
            assert_eq!(decode(text), expected, "{text}");
        }
    }
}
