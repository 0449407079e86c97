//! Unpacks pages: to the size that their header gives, which was checked, and never further.

use crate::source::parquet::corrupt;
use crate::source::problem::Problem;
use flate2::bufread::MultiGzDecoder;
use std::io::Read;
use zstd::bulk::Decompressor;

/// The compressions of pages that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    None,
    Snappy,
    Gzip,
    Zstd,
}

impl Codec {
    /// Knows a compression by its number in the format.
    pub(super) fn of(number: i32) -> Result<Self, Problem> {
        let other = match number {
            0 => return Ok(Self::None),
            1 => return Ok(Self::Snappy),
            2 => return Ok(Self::Gzip),
            6 => return Ok(Self::Zstd),
            3 => "LZO".to_owned(),
            4 => "BROTLI".to_owned(),
            5 => "LZ4".to_owned(),
            7 => "LZ4_RAW".to_owned(),
            number => format!("an unknown codec (number {number})"),
        };
        Err(Problem::Codec { codec: other })
    }
}

impl Codec {
    /// Returns the most bytes that so many can unpack to: a header that says more is damaged.
    pub(super) const fn most(self, packed: u64) -> u64 {
        let ratio = match self {
            Self::None => 1,
            // 64 bytes from the three of a copy.
            Self::Snappy => 22,
            // 258 bytes from the two bits of a match, of which the first takes more.
            Self::Gzip => 1_032,
            // A block of 128 KiB from the four bytes that repeat one.
            Self::Zstd => 32 << 10,
        };
        packed.saturating_mul(ratio)
    }
}

/// Unpacks the pages of one file.
#[derive(Default)]
pub(super) struct Unpacker {
    zstd: Option<Decompressor<'static>>,
}

impl Unpacker {
    /// Unpacks exactly `size` bytes and puts them behind those that are there.
    pub(super) fn unpack(
        &mut self,
        codec: Codec,
        packed: &[u8],
        size: usize,
        bytes: &mut Vec<u8>,
    ) -> Result<(), Problem> {
        // A page without any value but NULLs may be nothing at all instead of nothing in that compression.
        if size == 0 {
            return Ok(());
        }
        let start = bytes.len();
        match codec {
            Codec::None => bytes.extend_from_slice(packed),
            Codec::Snappy => {
                if snap::raw::decompress_len(packed).ok() != Some(size) {
                    return Err(corrupt());
                }
                bytes.resize(start + size, 0);
                let unpacked = snap::raw::Decoder::new().decompress(packed, &mut bytes[start..]);
                unpacked.map_err(|_| corrupt())?;
            }
            Codec::Gzip => {
                bytes.reserve(size);
                // One byte more than there should be: only at its end is the checksum compared.
                let mut unpacked = MultiGzDecoder::new(packed).take(size as u64 + 1);
                unpacked.read_to_end(bytes).map_err(|_| corrupt())?;
            }
            Codec::Zstd => {
                let decoder = match &mut self.zstd {
                    Some(decoder) => decoder,
                    none => none.insert(Decompressor::new()?),
                };
                bytes.resize(start + size, 0);
                let unpacked = decoder.decompress_to_buffer(packed, &mut bytes[start..]);
                bytes.truncate(start + unpacked.map_err(|_| corrupt())?);
            }
        }
        if bytes.len() == start + size {
            Ok(())
        } else {
            Err(corrupt())
        }
    }
}
