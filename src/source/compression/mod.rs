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

    /// Returns whether a stream may begin with so few bytes.
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
mod tests;
