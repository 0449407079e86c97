//! The piece of a text that is in memory: it slides over the file.

use crate::source::problem::Problem;
use memchr::{memchr, memchr_iter};
use std::io::{self, Read};

/// The window in bytes while records are short: small enough for the cache of one core, and large enough for
/// decompressors, which carry their last 32 KiB over from one call to the next.
const SMALLEST: usize = 512 << 10;

/// The longest record in bytes, and so the largest window.
///
/// 100 columns of 10,000 characters each fit; a quote that is never closed does not swallow the file.
pub(crate) const LONGEST_RECORD: usize = 1 << 20;

/// A sliding window over text that refuses NUL bytes.
pub(crate) struct Window<R> {
    input: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    at_end: bool,
}

impl<R: Read> Window<R> {
    pub(crate) fn new(input: R) -> Self {
        Self::of_size(input, SMALLEST)
    }

    /// Makes a window that begins with so many bytes; small ones show what happens at their borders.
    pub(crate) fn of_size(input: R, size: usize) -> Self {
        Self {
            input,
            buffer: vec![0; size],
            start: 0,
            end: 0,
            at_end: false,
        }
    }

    /// Returns the text that is in memory and not yet consumed.
    pub(crate) fn text(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Tells whether the text reaches to the end of the file.
    pub(crate) const fn at_end(&self) -> bool {
        self.at_end
    }

    /// Lets go of the first bytes of the text.
    pub(crate) const fn consume(&mut self, count: usize) {
        self.start += count;
    }

    /// Reads on until the window is full, and makes it wider where one record fills it.
    ///
    /// `line` is the number of the text's first line, for what is wrong with it.
    pub(crate) fn fill(&mut self, line: u64) -> Result<(), Problem> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.buffer.len() {
            if self.end >= LONGEST_RECORD {
                return Err(Problem::LongRecord {
                    line,
                    limit_kib: LONGEST_RECORD >> 10,
                });
            }
            self.buffer.resize(self.end * 2, 0);
        }
        let new = self.end;
        while self.end < self.buffer.len() && !self.at_end {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.at_end = true,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        match memchr(0, &self.buffer[new..self.end]) {
            Some(offset) => Err(Problem::Nul {
                line: line + memchr_iter(b'\n', &self.buffer[..new + offset]).count() as u64,
            }),
            None => Ok(()),
        }
    }
}
