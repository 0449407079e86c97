//! The bytes of a Parquet file as its crate asks for them, out of parts that are read from their beginning on.

use crate::source::content::Content;
use bytes::buf::Reader;
use bytes::{Buf, Bytes, BytesMut};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};
use std::io::Read;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// How much is read for the header of a page; its largest fields are the column's smallest and largest value.
const LONGEST_PAGE_HEADER: usize = 64 << 10;

/// A file whose footer is read, each piece of it as a part of its own.
pub(super) struct Footer<C>(pub(super) Arc<C>);

impl<C: Content> Length for Footer<C> {
    fn len(&self) -> u64 {
        self.0.size()
    }
}

impl<C: Content> ChunkReader for Footer<C> {
    type T = C::Part;

    fn get_read(&self, start: u64) -> ParquetResult<C::Part> {
        Ok(self.0.part(start..self.len())?)
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let mut bytes = Vec::with_capacity(length);
        let end = start + length as u64;
        if end > self.len() {
            return Err(too_short());
        }
        self.0.part(start..end)?.read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }
}

/// The pages of one column chunk: page for page, first the header and then the data, never back.
pub(super) struct Pages<R> {
    size: u64,
    chunk: Mutex<Chunk<R>>,
}

struct Chunk<R> {
    input: R,
    /// Where in the file the bytes lie that come next, and where the chunk ends.
    range: Range<u64>,
    /// Bytes that were read for a header.
    ahead: Bytes,
    /// What one page after the other is read into.
    memory: BytesMut,
}

impl<R: Read> Pages<R> {
    pub(super) fn of<C: Content<Part = R>>(file: &C, range: Range<u64>) -> ParquetResult<Self> {
        let chunk = Chunk {
            input: file.part(range.clone())?,
            range,
            ahead: Bytes::new(),
            memory: BytesMut::new(),
        };
        Ok(Self {
            size: file.size(),
            chunk: Mutex::new(chunk),
        })
    }
}

impl<R: Read> Chunk<R> {
    /// Lets go of what lies before an offset.
    fn go_to(&mut self, start: u64) -> ParquetResult<()> {
        let skipped = start.checked_sub(self.range.start).ok_or_else(too_short)?;
        let held = self.ahead.len().min(usize::try_from(skipped)?);
        self.ahead.advance(held);
        self.range.start += held as u64;
        self.take(usize::try_from(skipped)? - held, &mut BytesMut::new())
            .map(drop)
    }

    /// Takes bytes, fewer only at the end of the chunk; `memory` is used for them if nobody holds what it held before.
    fn take(&mut self, length: usize, memory: &mut BytesMut) -> ParquetResult<Bytes> {
        let missing = usize::try_from(self.range.end.saturating_sub(self.range.start))?;
        let length = length.min(missing);
        let held = self.ahead.split_to(length.min(self.ahead.len()));
        self.range.start += length as u64;
        memory.reserve(length);
        memory.extend_from_slice(&held);
        memory.resize(length, 0);
        self.input.read_exact(&mut memory[held.len()..])?;
        Ok(memory.split().freeze())
    }
}

impl<R> Length for Pages<R> {
    fn len(&self) -> u64 {
        self.size
    }
}

impl<R: Read + Send> ChunkReader for Pages<R> {
    type T = Reader<Bytes>;

    fn get_read(&self, start: u64) -> ParquetResult<Reader<Bytes>> {
        let mut chunk = self.chunk.lock().unwrap_or_else(PoisonError::into_inner);
        chunk.go_to(start)?;
        chunk.ahead = chunk.take(LONGEST_PAGE_HEADER, &mut BytesMut::new())?;
        chunk.range.start = start;
        Ok(chunk.ahead.clone().reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let mut chunk = self.chunk.lock().unwrap_or_else(PoisonError::into_inner);
        chunk.go_to(start)?;
        let mut memory = std::mem::take(&mut chunk.memory);
        let bytes = chunk.take(length, &mut memory)?;
        chunk.memory = memory;
        if bytes.len() < length {
            return Err(too_short());
        }
        Ok(bytes)
    }
}

fn too_short() -> ParquetError {
    ParquetError::EOF("a page lies outside of its column".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_the_bytes_of_the_file_wherever_they_begin_and_end() {
        let file: Bytes = (0..700_000_u32).map(|number| (number % 251) as u8).collect();
        let pages = Pages::of(&file, 1_000..690_000).unwrap();
        for (header, data, length) in [
            (1_000, 1_020, 300_000),
            (301_020, 301_040, 500),
            (301_540, 301_540, 0),
            (301_600, 301_600, 388_400),
        ] {
            let mut found = [0; 20];
            pages.get_read(header as u64).unwrap().read_exact(&mut found).unwrap();
            assert_eq!(found, file[header..header + 20]);
            assert_eq!(pages.get_bytes(data as u64, length).unwrap(), file[data..data + length]);
        }
        assert!(pages.get_bytes(690_000, 1).is_err(), "beyond the column");
        assert!(pages.get_bytes(1_000, 1).is_err(), "back");
    }
}
