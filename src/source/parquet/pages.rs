//! The pages of a column chunk, from its beginning on: header, data, header, data.

use crate::source::parquet::codec::{Codec, Unpacker};
use crate::source::parquet::header::{Data, Header, Levels, Page};
use crate::source::parquet::thrift::Fault;
use crate::source::parquet::values::DELTA_BYTE_ARRAY;
use crate::source::parquet::{corrupt, pass_over};
use crate::source::problem::Problem;
use std::io::Read;

/// How much is read for the header of a page at first. Most are far shorter, but in some stand values of the column.
const HEADER: usize = 4 << 10;

/// The largest page whose memory is used for the next: twice 1 MiB, which is what most writers aim at, and as much again.
///
/// Of larger ones the memory of one would stay beside that of another.
const KEPT: usize = 4 << 20;

/// What reading one file may take.
#[derive(Debug)]
pub(super) struct Limits {
    /// Bytes of memory for a page and its dictionary.
    pub(super) memory: u64,
    /// How far the file's pages may still unpack.
    pub(super) unpacked: u64,
    /// The whole of that.
    pub(super) all_unpacked: u64,
}

/// Reads pages: their memory is used again for the next.
pub(super) struct Pages<R> {
    input: R,
    codec: Codec,
    /// Bytes of the chunk that have not been read.
    left: u64,
    /// Bytes that were read for a header, and how many of them have been used.
    ahead: Vec<u8>,
    used: usize,
}

/// Memory for one page after the other.
#[derive(Default)]
pub(super) struct Memory {
    packed: Vec<u8>,
    unpacked: Vec<u8>,
    unpacker: Unpacker,
}

impl<R: Read> Pages<R> {
    pub(super) const fn new(input: R, codec: Codec, length: u64) -> Self {
        Self {
            input,
            codec,
            left: length,
            ahead: Vec::new(),
            used: 0,
        }
    }

    /// Reads the header of the next page, nothing at the chunk's end, and makes sure that the page can be held beside
    /// a dictionary that takes `held` bytes, before anything is read or unpacked.
    pub(super) fn header(&mut self, held: u64, limits: &mut Limits) -> Result<Option<Header>, Problem> {
        let header = loop {
            let bytes = &self.ahead[self.used..];
            if bytes.is_empty() && self.left == 0 {
                return Ok(None);
            }
            match Header::read(bytes) {
                Ok((header, length)) => {
                    self.used += length;
                    break header;
                }
                Err(Fault::Cut) if self.left > 0 => self.read_ahead(limits)?,
                Err(_) => return Err(corrupt()),
            }
        };
        let behind = (self.ahead.len() - self.used) as u64 + self.left;
        if header.packed as u64 > behind || header.unpacked as u64 > self.codec.most(header.packed as u64) {
            return Err(corrupt());
        }
        let held = held.saturating_add(self.ahead.len() as u64);
        limits.check(held.saturating_add(self.memory(&header)))?;
        limits.unpack(header.unpacked)?;
        Ok(Some(header))
    }

    /// Reads as much again as was not enough for a header.
    fn read_ahead(&mut self, limits: &Limits) -> Result<(), Problem> {
        self.ahead.drain(..self.used);
        self.used = 0;
        let more = self.left.min(HEADER.max(self.ahead.len()) as u64);
        limits.check(self.ahead.len() as u64 + more)?;
        let taken = self.input.by_ref().take(more).read_to_end(&mut self.ahead)?;
        self.left -= more;
        if taken as u64 == more { Ok(()) } else { Err(corrupt()) }
    }

    /// Returns how much memory a page takes, packed and unpacked.
    pub(super) fn memory(&self, header: &Header) -> u64 {
        let (packed, unpacked) = (header.packed as u64, header.unpacked as u64);
        let copies = match (&header.page, self.codec) {
            (Page::Other, _) => return 0,
            // One value may be as long as the page, and is put together outside of it.
            (Page::Data(data), _) if data.encoding == DELTA_BYTE_ARRAY => 2,
            (_, Codec::None) => 0,
            _ => 1,
        };
        packed + copies * unpacked
    }

    /// Reads the data of the page whose header came last, and unpacks it.
    pub(super) fn data<'m>(&mut self, header: &Header, memory: &'m mut Memory) -> Result<&'m mut Vec<u8>, Problem> {
        if header.packed.saturating_add(header.unpacked) > KEPT {
            (memory.packed, memory.unpacked) = (Vec::new(), Vec::new());
        }
        self.fetch(header.packed, &mut memory.packed)?;
        let mut checksum = flate2::Crc::new();
        if let Some(expected) = header.checksum {
            checksum.update(&memory.packed);
            if checksum.sum() != expected {
                return Err(corrupt());
            }
        }
        let (unpacked_before, is_packed) = match &header.page {
            Page::Data(Data {
                levels:
                    Levels::Before {
                        length,
                        are_values_packed,
                        ..
                    },
                ..
            }) => (*length, *are_values_packed),
            _ => (0, true),
        };
        if self.codec == Codec::None || !is_packed {
            return if header.packed == header.unpacked {
                Ok(&mut memory.packed)
            } else {
                Err(corrupt())
            };
        }
        let (before, packed) = memory.packed.split_at_checked(unpacked_before).ok_or_else(corrupt)?;
        let size = header.unpacked.checked_sub(before.len()).ok_or_else(corrupt)?;
        memory.unpacked.clear();
        memory.unpacked.reserve_exact(header.unpacked);
        memory.unpacked.extend_from_slice(before);
        memory.unpacker.unpack(self.codec, packed, size, &mut memory.unpacked)?;
        Ok(&mut memory.unpacked)
    }

    /// Passes over the data of the page whose header came last.
    pub(super) fn skip(&mut self, header: &Header) -> Result<(), Problem> {
        let ahead = header.packed.min(self.ahead.len() - self.used);
        self.used += ahead;
        let more = (header.packed - ahead) as u64;
        self.left -= more;
        pass_over(&mut self.input, more)
    }

    /// Reads bytes that are known to be there: first those that were read for a header.
    fn fetch(&mut self, length: usize, bytes: &mut Vec<u8>) -> Result<(), Problem> {
        let ahead = length.min(self.ahead.len() - self.used);
        bytes.clear();
        bytes.reserve_exact(length);
        bytes.extend_from_slice(&self.ahead[self.used..][..ahead]);
        self.used += ahead;
        let more = (length - ahead) as u64;
        self.input.by_ref().take(more).read_to_end(bytes)?;
        self.left -= more;
        if bytes.len() == length { Ok(()) } else { Err(corrupt()) }
    }
}

impl Limits {
    /// Refuses what takes more memory than there is for it.
    pub(super) fn check(&self, needed: u64) -> Result<(), Problem> {
        if needed <= self.memory {
            return Ok(());
        }
        Err(Problem::LargePage {
            needed_mib: needed.div_ceil(1 << 20),
            limit_mib: self.memory >> 20,
        })
    }

    /// Counts how far a file has been unpacked, and refuses what no query result unpacks to.
    fn unpack(&mut self, bytes: usize) -> Result<(), Problem> {
        let left = self.unpacked.checked_sub(bytes as u64);
        self.unpacked = left.ok_or(Problem::Bomb {
            limit_mib: self.all_unpacked >> 20,
            ratio: crate::source::compression::LARGEST_RATIO,
        })?;
        Ok(())
    }
}
