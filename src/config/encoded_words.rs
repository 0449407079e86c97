//! Encoded words of RFC 2047, in which S3 hands out metadata that is no ASCII.

use encoding_rs::Encoding;

/// Tells that text holds an encoded word that cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Undecodable;

/// What an encoded word begins and ends with.
const OPENING: &str = "=?";
const CLOSING: &str = "?=";

/// One word as it is written: its charset, its encoding, and what is encoded.
struct Word<'a> {
    charset: &'a str,
    encoding: &'a str,
    text: &'a str,
}

/// Decodes all words of a text; blanks between two of them are part of the writing (RFC 2047, 6.2).
///
/// Words of one charset are decoded as one, since some writers cut a character in two.
pub(super) fn decode(text: &str) -> Result<String, Undecodable> {
    let (mut decoded, mut open) = (String::new(), None::<(&'static Encoding, Vec<u8>)>);
    let mut rest = text;
    while let Some((before, word, after)) = next_word(rest) {
        let charset = Encoding::for_label(word.charset.as_bytes()).ok_or(Undecodable)?;
        let bytes = word.bytes()?;
        match &mut open {
            Some((charset_before, so_far)) if before.trim().is_empty() && *charset_before == charset => {
                so_far.extend(bytes);
            }
            _ => {
                if open.is_none() || !before.trim().is_empty() {
                    decoded.push_str(&close(open.take())?);
                    decoded.push_str(before);
                }
                decoded.push_str(&close(open.replace((charset, bytes)))?);
            }
        }
        rest = after;
    }
    decoded.push_str(&close(open)?);
    decoded.push_str(rest);
    Ok(decoded)
}

/// Finds the first word, with what stands before and behind it.
fn next_word(text: &str) -> Option<(&str, Word<'_>, &str)> {
    let mut from = 0;
    while let Some(found) = text[from..].find(OPENING) {
        let start = from + found;
        if let Some((word, length)) = Word::at(&text[start..]) {
            return Some((&text[..start], word, &text[start + length..]));
        }
        from = start + OPENING.len();
    }
    None
}

impl<'a> Word<'a> {
    /// Reads the word that text begins with; what does not have the form of one stands for itself.
    fn at(text: &'a str) -> Option<(Self, usize)> {
        let (charset, rest) = text.strip_prefix(OPENING)?.split_once('?')?;
        let (encoding, rest) = rest.split_once('?')?;
        let (encoded, after) = rest.split_once(CLOSING)?;
        let is_token = |part: &str| !part.is_empty() && !part.contains(|c: char| c == '?' || c.is_whitespace());
        // A writer of Q may leave blanks as they are, against the RFC.
        if !is_token(charset) || !is_token(encoding) || encoded.contains('?') {
            return None;
        }
        // RFC 2231 allows a language behind the charset.
        let charset = charset.split('*').next().unwrap_or(charset);
        let word = Self {
            charset,
            encoding,
            text: encoded,
        };
        Some((word, text.len() - after.len()))
    }

    fn bytes(&self) -> Result<Vec<u8>, Undecodable> {
        if self.encoding.eq_ignore_ascii_case("b") {
            base64(self.text)
        } else if self.encoding.eq_ignore_ascii_case("q") {
            quoted_printable(self.text)
        } else {
            Err(Undecodable)
        }
    }
}

/// Decodes what the words so far hold.
fn close(open: Option<(&'static Encoding, Vec<u8>)>) -> Result<String, Undecodable> {
    let Some((charset, bytes)) = open else {
        return Ok(String::new());
    };
    let decoded = charset.decode_without_bom_handling_and_without_replacement(&bytes);
    decoded.map(Into::into).ok_or(Undecodable)
}

/// Decodes Q: `_` is a space, `=` and two hexadecimal digits a byte.
fn quoted_printable(text: &str) -> Result<Vec<u8>, Undecodable> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let decoded = match byte {
            b'_' => b' ',
            b'=' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit().ok_or(Undecodable)?, digit().ok_or(Undecodable)?);
                u8::try_from(high * 16 + low).map_err(|_| Undecodable)?
            }
            byte => byte,
        };
        bytes.push(decoded);
    }
    Ok(bytes)
}

/// Decodes base64 with or without its padding.
fn base64(text: &str) -> Result<Vec<u8>, Undecodable> {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    if padding > 2 || (padding > 0 && !text.len().is_multiple_of(4)) || digits.len() % 4 == 1 {
        return Err(Undecodable);
    }
    let (mut bits, mut held, mut bytes) = (0_u32, 0, Vec::with_capacity(digits.len() * 3 / 4));
    for digit in digits.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return Err(Undecodable),
        };
        (bits, held) = (bits << 6 | u32::from(value), held + 6);
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).map_err(|_| Undecodable)?);
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fmt::Write;

    #[test]
    fn words_are_decoded_and_all_else_stays() {
        for (text, expected) in [
            ("=?UTF-8?Q?Caf=C3=A9?=", "Café"),
            ("=?utf-8?q?caf=c3=a9_au_lait?=", "café au lait"),
            ("=?UTF-8?B?Q2Fmw6k=?=", "Café"),
            ("=?UTF-8?b?Q2Fmw6k?=", "Café"),
            ("=?UTF-8?Q?Sommer?= =?UTF-8?Q?aktion?=", "Sommeraktion"),
            ("=?UTF-8?Q?a?=\r\n =?UTF-8?B?Yg==?= c", "ab c"),
            ("=?UTF-8?Q?=C3?= =?UTF-8?Q?=A9?=", "é"),
            ("=?UTF-8?B?8J+n?= =?UTF-8?B?pg==?=", "🧦"),
            ("=?ISO-8859-1?Q?Gr=FC=DFe?= =?UTF-8?Q?_=F0=9F=A7=A6?=", "Grüße 🧦"),
            ("=?ISO-8859-1*de?Q?Gr=FC=DFe?=", "Grüße"),
            ("Sale =?UTF-8?Q?=E2=82=AC?= 5", "Sale € 5"),
            ("=?UTF-8?Q??=", ""),
            ("=?UTF-8?B??=", ""),
            ("=?UTF-8?Q?a b?=", "a b"),
            ("plain", "plain"),
            ("", ""),
            ("a =? b ?= c", "a =? b ?= c"),
            ("=?UTF-8?Q?a", "=?UTF-8?Q?a"),
            ("=? UTF-8?Q?a?=", "=? UTF-8?Q?a?="),
            ("1+1=?", "1+1=?"),
        ] {
            assert_eq!(decode(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_word_that_cannot_be_decoded_is_no_name() {
        for text in [
            "=?UTF-8?X?abc?=",
            "=?UTF-9?Q?abc?=",
            "=?UTF-8?Q?=C3?=",
            "=?UTF-8?Q?=C?=",
            "=?UTF-8?Q?=zz?=",
            "=?UTF-8?Q?=?=",
            "=?UTF-8?B?Q2F!?=",
            "=?UTF-8?B?Q?=",
            "=?UTF-8?B?Q===?=",
            "=?UTF-8?B?Q2=m?=",
            "ok =?UTF-8?B?/w==?=",
        ] {
            assert_eq!(decode(text), Err(Undecodable), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_encoded_byte_by_byte_is_decoded(text in "\\PC{0,40}", cut in 0_usize..160) {
            let mut words = "=?UTF-8?Q?".to_owned();
            for (place, byte) in text.bytes().enumerate() {
                write!(words, "={byte:02X}").unwrap();
                if place == cut {
                    words.push_str("?= =?utf-8?q?");
                }
            }
            words.push_str("?=");
            prop_assert_eq!(decode(&words), Ok(text));
        }

        #[test]
        fn nothing_panics(text in ".{0,60}", words in "(=\\?(utf-8|x)\\?[qb]\\?[=a-f0-9?]{0,8}\\?=| ){0,4}") {
            let _ = (decode(&text), decode(&words));
        }
    }
}
