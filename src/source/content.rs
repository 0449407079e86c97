//! Where the bytes of a file come from.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Take};
use std::ops::Range;

/// A file that does not change while it is read, one part at a time.
pub(crate) trait Content: Send + Sync + 'static {
    /// Reads one part from its beginning to its end.
    type Part: Read + Send;

    /// Returns the number of bytes.
    fn size(&self) -> u64;

    /// Starts to read a part; what lies beyond it is not fetched.
    fn part(&self, range: Range<u64>) -> io::Result<Self::Part>;
}

impl Content for File {
    type Part = Take<Self>;

    fn size(&self) -> u64 {
        self.metadata().map_or(0, |metadata| metadata.len())
    }

    fn part(&self, range: Range<u64>) -> io::Result<Take<Self>> {
        let mut file = self.try_clone()?;
        file.seek(SeekFrom::Start(range.start))?;
        Ok(file.take(range.end - range.start))
    }
}

#[cfg(test)]
impl Content for bytes::Bytes {
    type Part = bytes::buf::Reader<Self>;

    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn part(&self, range: Range<u64>) -> io::Result<bytes::buf::Reader<Self>> {
        let place = |offset| usize::try_from(offset).map_err(io::Error::other);
        Ok(bytes::Buf::reader(self.slice(place(range.start)?..place(range.end)?)))
    }
}
