//! Percent-decoding that never fails and never loses anything.

/// Decodes `%XX` escapes of UTF-8; an escape that is malformed or makes no UTF-8 stays as it is.
pub(crate) fn decode(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('%') {
        decoded.push_str(&rest[..start]);
        rest = &rest[start..];
        let run = run_of_escapes(rest);
        if run.is_empty() {
            decoded.push('%');
            rest = &rest[1..];
        } else {
            let (escapes, after) = rest.split_at(run.len() * ESCAPE_LENGTH);
            push_utf8(&mut decoded, &run, escapes);
            rest = after;
        }
    }
    decoded.push_str(rest);
    decoded
}

/// Decodes the form encoding of keys: a plus is a space, then escapes are bytes.
pub(crate) fn decode_form(text: &str) -> String {
    decode(&text.replace('+', " "))
}

/// A percent sign and two hexadecimal digits.
const ESCAPE_LENGTH: usize = 3;

/// Returns the bytes of the escapes that the text begins with.
fn run_of_escapes(text: &str) -> Vec<u8> {
    let escapes = text.as_bytes().chunks_exact(ESCAPE_LENGTH);
    escapes.map_while(byte_of_escape).collect()
}

fn byte_of_escape(escape: &[u8]) -> Option<u8> {
    let [b'%', high, low] = *escape else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// Adds what of the bytes is UTF-8, and for the others their escapes as they were written.
fn push_utf8(decoded: &mut String, bytes: &[u8], escapes: &str) {
    let mut position = 0;
    for chunk in bytes.utf8_chunks() {
        decoded.push_str(chunk.valid());
        position += chunk.valid().len();
        let end = position + chunk.invalid().len();
        decoded.push_str(&escapes[position * ESCAPE_LENGTH..end * ESCAPE_LENGTH]);
        position = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fmt::Write;

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
            ("%C3é", "%C3é"),
            ("%41%ff%42", "A%ffB"),
            ("%F0%9F%A7%A6!", "🧦!"),
            ("🧦%F0%9F", "🧦%F0%9F"),
        ] {
            assert_eq!(decode(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_encoded_is_decoded(text in "\\PC{0,40}") {
            let mut encoded = String::new();
            for byte in text.bytes() {
                write!(encoded, "%{byte:02X}").unwrap();
            }
            prop_assert_eq!(decode(&encoded), text);
        }

        #[test]
        fn text_without_escapes_stays(text in "[^%]{0,40}") {
            prop_assert_eq!(decode(&text), text);
        }
    }
}
