//! Text as UTF-8 without a byte order mark, whatever it was written as.

use crate::source::problem::Problem;
use encoding_rs::{Decoder, UTF_16BE, UTF_16LE};
use memchr::memmem;
use std::io::{self, Cursor, Read};
use uuid::Uuid;

/// What begins a text in UTF-8, and stands in its middle where files were put one after the other.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Bytes decoded at once.
const BUFFER: usize = 16 << 10;

/// What a byte order mark of UTF-16 is in the other order: no character.
const SWAPPED_MARK: &[u8] = "\u{fffe}".as_bytes();

/// How long an id with its hyphens is. Without them it could be a row of kana.
const ID: usize = 36;

/// A stream whose first bytes were looked at and put back.
pub(crate) type Peeked<R> = io::Chain<Cursor<Vec<u8>>, R>;

/// Reads up to `count` first bytes and returns them with a stream that still holds them.
pub(crate) fn peek<R: Read>(mut input: R, count: usize) -> io::Result<(Vec<u8>, Peeked<R>)> {
    let mut start = Vec::new();
    input.by_ref().take(count as u64).read_to_end(&mut start)?;
    Ok((start.clone(), Cursor::new(start).chain(input)))
}

/// Reads text: UTF-16 with a byte order mark is decoded, a mark of UTF-8 is dropped, everything else passes unchanged.
///
/// Bytes that are no UTF-8 are no error: they may stand in any column but that of the ids.
pub(crate) enum Text<R> {
    Bytes(Peeked<R>),
    Utf16(Box<Utf16<R>>),
}

impl<R: Read> Text<R> {
    pub(crate) fn new(input: R) -> io::Result<Self> {
        let (start, mut input) = peek(input, 3)?;
        let (encoding, mark) = match start.as_slice() {
            [0xff, 0xfe, ..] => (Some(UTF_16LE), 2),
            [0xfe, 0xff, ..] => (Some(UTF_16BE), 2),
            [0xef, 0xbb, 0xbf] => (None, 3),
            _ => (None, 0),
        };
        io::copy(&mut input.by_ref().take(mark), &mut io::sink())?;
        Ok(match encoding {
            None => Self::Bytes(input),
            Some(encoding) => Self::Utf16(Box::new(Utf16 {
                input,
                decoder: encoding.new_decoder_without_bom_handling(),
                encoded: vec![0; BUFFER],
                decoded: Cursor::default(),
                recent: Vec::new(),
                upper: usize::from(encoding == UTF_16LE),
                finished: false,
            })),
        })
    }
}

impl<R: Read> Read for Text<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Bytes(input) => input.read(buffer),
            Self::Utf16(input) => input.read(buffer),
        }
    }
}

/// Decodes UTF-16; what is none becomes the replacement character, but half a character at the end is a cut file.
///
/// Text in other bytes behind it would be one row of nonsense, however many there are: it is known by an id in plain
/// letters, or by the mark that it begins with.
pub(crate) struct Utf16<R> {
    input: Peeked<R>,
    decoder: Decoder,
    encoded: Vec<u8>,
    decoded: Cursor<Vec<u8>>,
    /// The last bytes before those, as they were.
    recent: Vec<u8>,
    /// Which of two bytes is the upper half of a character.
    upper: usize,
    finished: bool,
}

impl<R: Read> Utf16<R> {
    fn decode_more(&mut self) -> io::Result<()> {
        let count = self.input.read(&mut self.encoded)?;
        self.finished = count == 0;
        let mut decoded = std::mem::take(&mut self.decoded).into_inner();
        // A length that does not fit `usize` cannot come from a buffer of 16 KiB.
        decoded.resize(self.decoder.max_utf8_buffer_length(count).unwrap_or(4 * BUFFER), 0);
        let encoded = &self.encoded[..count];
        let (_, _, written, is_cut) = self.decoder.decode_to_utf8(encoded, &mut decoded, self.finished);
        if self.finished && is_cut {
            return Err(Problem::HalfCharacter.into());
        }
        decoded.truncate(written);
        self.recent.extend_from_slice(encoded);
        // Where the letters of an id never stand in UTF-16 of this order: side by side, or in the upper half.
        let upper: Vec<u8> = self.recent.iter().skip(self.upper).step_by(2).copied().collect();
        let is_other = [&self.recent, &upper].into_iter().any(|bytes| holds_id(bytes));
        if is_other || memmem::find(&decoded, SWAPPED_MARK).is_some() {
            return Err(Problem::OtherEncoding.into());
        }
        // An even number, so that the halves stay what they are.
        let old = self.recent.len().saturating_sub(2 * ID) / 2 * 2;
        self.recent.drain(..old);
        self.decoded = Cursor::new(decoded);
        Ok(())
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.decoded.read(buffer)?;
            if count > 0 || self.finished || buffer.is_empty() {
                return Ok(count);
            }
            self.decode_more()?;
        }
    }
}

fn holds_id(bytes: &[u8]) -> bool {
    bytes
        .windows(ID)
        .any(|text| text[8] == b'-' && Uuid::try_parse_ascii(text).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::testing::{Trickle, id};

    fn decoded(bytes: &[u8], step: usize) -> Vec<u8> {
        let mut text = Vec::new();
        Text::new(Trickle::new(bytes, step))
            .unwrap()
            .read_to_end(&mut text)
            .unwrap();
        text
    }

    #[test]
    fn every_byte_order_mark_is_understood_and_dropped_in_chunks_of_any_size() {
        let expected = "contactid,Grüße,😀\r\n1,2,3\n".as_bytes();
        let little: Vec<u8> = "\u{feff}contactid,Grüße,😀\r\n1,2,3\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let big: Vec<u8> = "\u{feff}contactid,Grüße,😀\r\n1,2,3\n"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        let marked = [b"\xef\xbb\xbf", expected].concat();
        for step in [1, 2, 3, 7, 4096] {
            assert_eq!(decoded(&little, step), expected);
            assert_eq!(decoded(&big, step), expected);
            assert_eq!(decoded(&marked, step), expected);
            assert_eq!(decoded(expected, step), expected);
        }
    }

    #[test]
    fn latin_1_bytes_and_tiny_files_pass_unchanged() {
        for bytes in [&b"id,M\xfcller"[..], b"", b"a", b"\xef\xbb", b"\xff"] {
            assert_eq!(decoded(bytes, 1), bytes);
        }
    }

    #[test]
    fn half_a_utf_16_character_at_the_end_is_a_cut_file_and_elsewhere_replaced() {
        let text = "\u{feff}a,😀\r\n";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for whole in [little, big] {
            for step in [1, 2, 3, 4096] {
                for end in 2..=whole.len() {
                    let mut decoded = Vec::new();
                    let outcome = Text::new(Trickle::new(&whole[..end], step))
                        .unwrap()
                        .read_to_end(&mut decoded);
                    // Behind the first half of the emoji, too.
                    let is_cut = end % 2 == 1 || end == 8;
                    assert_eq!(outcome.is_err(), is_cut, "{end}");
                    if let Err(error) = outcome {
                        assert!(matches!(Problem::from(error), Problem::HalfCharacter));
                    }
                }
            }
        }
        assert_eq!(decoded(b"\xff\xfe\x3d\xd8b\0", 1), "\u{fffd}b".as_bytes());
    }

    #[test]
    fn text_in_another_encoding_behind_utf_16_is_no_row_of_it() {
        let text = format!("contactid,Grüße,日本\n{},2,3\n", id(1));
        let little: Vec<u8> = format!("\u{feff}{text}")
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let big: Vec<u8> = format!("\u{feff}{text}")
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        let bare = &format!("x\n{}", id(2)).into_bytes();
        let kana: Vec<u8> = format!("\u{feff}{}\n", "あ".repeat(99))
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let read = |pieces: &[&[u8]], step| {
            let bytes = pieces.concat();
            Text::new(Trickle::new(&bytes, step))
                .unwrap()
                .read_to_end(&mut Vec::new())
        };
        for step in [1, 2, 7, 4096] {
            for pieces in [
                [&little[..], text.as_bytes()],
                [&big, text.as_bytes()],
                [&little, bare],
                [&big, bare],
                [&little, &big],
                [&big, &little],
                // Without the mark.
                [&little, &big[2..]],
                [&big, &little[2..]],
            ] {
                let error = read(&pieces, step).unwrap_err();
                assert!(matches!(Problem::from(error), Problem::OtherEncoding));
            }
            // Two line ends of one byte, as in a file that was written to its end.
            let error = read(&[&little, b"\n", &little, b"\n"], step).unwrap_err();
            assert!(matches!(Problem::from(error), Problem::OtherEncoding));
            for pieces in [
                [&little[..], &little],
                [&big, &big],
                [&little, b"\n\0"],
                [&little, &kana],
            ] {
                read(&pieces, step).unwrap();
            }
        }
    }
}
