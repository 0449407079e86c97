//! Compression, recognised by the first bytes of the content; the name only makes for better errors.

use crate::source::input::Input;
use crate::source::problem::Problem;
use std::io::{self, Read};

/// How much a file may unpack to whatever its size: 64 MiB.
pub(crate) const ALWAYS_ACCEPTED: u64 = 64 << 20;

/// How many times its size a file may unpack to beyond that.
///
/// Every new contact is 16 bytes that no codec can shrink. At 200 times a row would carry more than 3,000 constant
/// characters beside its id; gzip, the mildest bomb, reaches 1,030.
pub(crate) const LARGEST_RATIO: u64 = 200;

/// The largest zstd window, as a power of two: 8 MiB, what level 19 uses; the default of every warehouse needs 2 MiB.
///
/// The decoder holds the whole window in memory, and a frame may ask for 2 GiB.
const LARGEST_ZSTD_WINDOW: u32 = 23;

/// How many bytes tell where another stream begins: bzip2's are its signature and that of its first block.
const LONGEST_MAGIC: usize = 6;

/// The compressions that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
    Bzip2,
}

impl Compression {
    /// Recognises the compression by the first bytes.
    pub(crate) fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            // A file of several frames may begin with a skippable one.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, ..] | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, ..] => {
                Self::Bzip2
            }
            _ => Self::None,
        }
    }

    /// Returns the name that people know it by.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "text",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
        }
    }

    /// Tells whether a stream may begin with so few bytes.
    fn may_begin(self, start: &[u8]) -> bool {
        let magic: &[u8] = match self {
            Self::None => b"",
            Self::Gzip => b"\x1f\x8b",
            Self::Zstd => b"\x28\xb5\x2f\xfd",
            Self::Bzip2 => b"BZh",
        };
        magic.starts_with(start) || start.starts_with(magic)
    }

    /// Returns what the ending of a key stands for, with the ending.
    pub(crate) fn named(key: &str) -> Option<(Self, &str)> {
        let ending = key.rsplit_once('.')?.1;
        let compression = match ending.to_ascii_lowercase().as_str() {
            "gz" | "gzip" => Self::Gzip,
            "zst" | "zstd" => Self::Zstd,
            "bz2" | "bzip2" => Self::Bzip2,
            _ => return None,
        };
        Some((compression, ending))
    }
}

/// Reads the unpacked content: of several gzip members, zstd frames or bzip2 streams as of one.
///
/// Zero bytes behind a stream are padding, as tapes and block devices leave it; anything else there is refused. Its
/// errors carry a [`Problem`].
pub(crate) struct Unpacked<R: Read> {
    /// Nothing only while one stream follows another.
    stream: Option<Stream<R>>,
    compression: Compression,
    read: u64,
    limit: u64,
}

/// One gzip member, zstd frame or bzip2 stream, or what is not compressed.
enum Stream<R: Read> {
    None(Input<R>),
    Gzip(Box<flate2::bufread::GzDecoder<Input<R>>>),
    Zstd(zstd::Decoder<'static, Input<R>>),
    Bzip2(bzip2::bufread::BzDecoder<Input<R>>),
}

impl<R: Read> Stream<R> {
    fn begin(input: Input<R>, compression: Compression) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Self::None(input),
            Compression::Gzip => Self::Gzip(Box::new(flate2::bufread::GzDecoder::new(input))),
            Compression::Bzip2 => Self::Bzip2(bzip2::bufread::BzDecoder::new(input)),
            Compression::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(input)?.single_frame();
                decoder.window_log_max(LARGEST_ZSTD_WINDOW)?;
                Self::Zstd(decoder)
            }
        })
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::None(input) => input.read(buffer),
            Self::Gzip(input) => input.read(buffer),
            Self::Zstd(input) => input.read(buffer),
            Self::Bzip2(input) => input.read(buffer),
        }
    }

    /// Gives back what follows the stream.
    fn end(self) -> Input<R> {
        match self {
            Self::None(input) => input,
            Self::Gzip(input) => input.into_inner(),
            Self::Zstd(input) => input.finish(),
            Self::Bzip2(input) => input.into_inner(),
        }
    }
}

impl<R: Read> Unpacked<R> {
    /// Unpacks what comes from `input`, an object of `size` bytes.
    pub(crate) fn new(input: R, compression: Compression, size: u64) -> io::Result<Self> {
        let limit = match compression {
            Compression::None => u64::MAX,
            _ => ALWAYS_ACCEPTED.max(size.saturating_mul(LARGEST_RATIO)),
        };
        Ok(Self {
            stream: Some(Stream::begin(Input::new(input), compression)?),
            compression,
            read: 0,
            limit,
        })
    }

    /// Reads on, from one stream into the next one.
    fn read_on(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(stream) = &mut self.stream {
            let count = stream.read(buffer)?;
            if count > 0 || buffer.is_empty() || self.compression == Compression::None {
                return Ok(count);
            }
            self.stream = match self.stream.take().map(Stream::end) {
                Some(input) => self.next_stream(input)?,
                None => None,
            };
        }
        Ok(0)
    }

    /// Begins what follows a stream; nothing at the end of the file.
    fn next_stream(&self, mut input: Input<R>) -> io::Result<Option<Stream<R>>> {
        input.skip_zeros()?;
        let format = self.compression.name();
        let start = input.peek(LONGEST_MAGIC)?;
        if start.is_empty() {
            Ok(None)
        } else if Compression::of(start) == self.compression {
            Stream::begin(input, self.compression).map(Some)
        } else if start.len() < LONGEST_MAGIC && self.compression.may_begin(start) {
            Err(Problem::Truncated { format }.into())
        } else {
            Err(Problem::Behind { format }.into())
        }
    }

    fn explain(&self, error: io::Error) -> io::Error {
        let format = self.compression.name();
        let problem = match error.kind() {
            _ if self.compression == Compression::None || is_explained(&error) => return error,
            io::ErrorKind::ConnectionAborted => return error,
            io::ErrorKind::UnexpectedEof => Problem::Truncated { format },
            // The only way that libzstd tells it is this sentence.
            _ if error.to_string().contains("too much memory") => Problem::Window {
                limit_mib: 1 << (LARGEST_ZSTD_WINDOW - 20),
            },
            _ => Problem::Corrupt { format },
        };
        problem.into()
    }
}

fn is_explained(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(<dyn std::error::Error + Send + Sync>::is::<Problem>)
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.read_on(buffer).map_err(|error| self.explain(error))?;
        self.read += count as u64;
        if self.read > self.limit {
            return Err(Problem::Bomb {
                limit_mib: self.limit >> 20,
                ratio: LARGEST_RATIO,
            }
            .into());
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::corpus;
    use crate::source::testing::{Trickle, mutations};
    use std::io::Write;

    const COMPRESSIONS: [Compression; 3] = [Compression::Gzip, Compression::Zstd, Compression::Bzip2];

    fn pack(compression: Compression, bytes: &[u8]) -> Vec<u8> {
        match compression {
            Compression::None => bytes.to_vec(),
            Compression::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Zstd => {
                let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
                encoder.include_checksum(true).unwrap();
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Bzip2 => {
                let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
        }
    }

    fn unpack(compression: Compression, packed: &[u8], step: usize) -> Result<Vec<u8>, Problem> {
        let mut bytes = Vec::new();
        Unpacked::new(Trickle::new(packed, step), compression, packed.len() as u64)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn text() -> Vec<u8> {
        (0..200)
            .flat_map(|number| format!("line {number}\n").into_bytes())
            .collect()
    }

    #[test]
    fn several_streams_in_one_file_are_one_text_in_chunks_of_any_size() {
        for compression in COMPRESSIONS {
            let packed = [
                pack(compression, b"one\n"),
                pack(compression, b""),
                pack(compression, &text()),
            ]
            .concat();
            assert_eq!(Compression::of(&packed), compression);
            for step in [1, 7, 4096] {
                let expected = [b"one\n", text().as_slice()].concat();
                assert_eq!(
                    unpack(compression, &packed, step).unwrap(),
                    expected,
                    "{compression:?} {step}"
                );
            }
        }
    }

    #[test]
    fn a_file_cut_anywhere_is_truncated() {
        for compression in COMPRESSIONS {
            let packed = pack(compression, &text());
            for end in 4..packed.len() {
                let problem = unpack(compression, &packed[..end], 4096).unwrap_err();
                assert!(
                    matches!(problem, Problem::Truncated { .. }),
                    "{compression:?} cut at {end}: {problem}"
                );
            }
        }
    }

    #[test]
    fn a_damaged_file_gives_an_error_or_the_same_text() {
        for compression in COMPRESSIONS {
            let packed = pack(compression, &text());
            for mutant in mutations(&packed, 1_000) {
                if let Ok(bytes) = unpack(compression, &mutant, 4096) {
                    // A repeated stream or a changed header field, such as the time, changes no text.
                    assert!(bytes.is_empty() || bytes.starts_with(&text()), "{compression:?}");
                }
            }
        }
    }

    #[test]
    fn the_corpus_is_unpacked_or_refused_in_chunks_of_any_size() {
        for compression in COMPRESSIONS {
            corpus::check(compression.name(), |bytes| {
                let (whole, trickled) = (unpack(compression, bytes, 4096), unpack(compression, bytes, 1));
                match (whole, trickled) {
                    (Ok(whole), Ok(trickled)) => {
                        assert_eq!(whole, trickled);
                        format!("{}", whole.len().next_power_of_two())
                    }
                    (Err(problem), Err(trickled)) => {
                        let name = corpus::problem_name(&problem);
                        assert_eq!(name, corpus::problem_name(&trickled));
                        name
                    }
                    (whole, trickled) => panic!("{} {}", whole.is_ok(), trickled.is_ok()),
                }
            });
        }
    }

    #[test]
    fn zeros_behind_a_stream_are_padding_and_streams_may_follow_them() {
        for compression in COMPRESSIONS {
            let one = pack(compression, b"one\n");
            for zeros in [1, 9, 4096, 1 << 20] {
                let zeros = vec![0; zeros];
                for (packed, expected) in [
                    ([one.as_slice(), &zeros].concat(), "one\n"),
                    ([one.as_slice(), &zeros, &one].concat(), "one\none\n"),
                    ([one.as_slice(), &one, &zeros].concat(), "one\none\n"),
                ] {
                    for step in [1, 7, 1 << 19] {
                        if zeros.len() < 10_000 || step > 7 {
                            let bytes = unpack(compression, &packed, step).unwrap();
                            assert_eq!(bytes, expected.as_bytes(), "{compression:?} {step}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn other_bytes_behind_a_stream_are_named() {
        for compression in COMPRESSIONS {
            let one = pack(compression, b"one\n");
            for rest in [
                &b"\n"[..],
                b"\r\n",
                b"x",
                b"\0\0\n",
                b"contactid\n",
                b"PAR1PAR1",
                b"(BZ\x1f",
            ] {
                for step in [1, 4096] {
                    let problem = unpack(compression, &[&one, rest].concat(), step).unwrap_err();
                    assert!(
                        matches!(problem, Problem::Behind { format } if format == compression.name()),
                        "{compression:?} {rest:?}: {problem}"
                    );
                }
            }
            for cut in 1..one.len().min(10) {
                let problem = unpack(compression, &[&one, &one[..cut]].concat(), 4096).unwrap_err();
                assert!(
                    matches!(problem, Problem::Truncated { .. }),
                    "{compression:?} {cut}: {problem}"
                );
            }
        }
    }

    #[test]
    fn a_wrong_checksum_is_corrupt() {
        let mut packed = pack(Compression::Gzip, &text());
        let at = packed.len() - 6;
        packed[at] ^= 1;
        assert!(matches!(
            unpack(Compression::Gzip, &packed, 4096),
            Err(Problem::Corrupt { format: "gzip" })
        ));
    }

    #[test]
    fn a_bomb_is_refused_after_64_mib() {
        let bomb = pack(Compression::Zstd, &vec![b'x'; 80 << 20]);
        let mut unpacked = Unpacked::new(bomb.as_slice(), Compression::Zstd, bomb.len() as u64).unwrap();
        let error = io::copy(&mut unpacked, &mut io::sink()).unwrap_err();
        assert!(matches!(Problem::from(error), Problem::Bomb { limit_mib: 64, .. }));
    }

    #[test]
    fn a_zstd_window_beyond_the_plan_is_refused() {
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
        encoder.window_log(LARGEST_ZSTD_WINDOW + 1).unwrap();
        encoder.write_all(&vec![b'x'; 20 << 20]).unwrap();
        let packed = encoder.finish().unwrap();
        assert!(matches!(
            unpack(Compression::Zstd, &packed, 4096),
            Err(Problem::Window { limit_mib: 8 })
        ));
    }
}
