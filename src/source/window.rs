//! The piece of a text that is in memory: it slides over the file and knows its line numbers.

use crate::source::error::Problem;
use memchr::{memchr, memchr_iter};
use std::io::{self, Read};

/// The window in bytes while records are short: small enough for the cache of one core.
const SMALLEST: usize = 128 << 10;

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
    lines: Lines,
}

/// Numbers the lines of a window, counting each line feed once.
#[derive(Default)]
pub(crate) struct Lines {
    before: u64,
    counted: usize,
}

impl Lines {
    /// Returns the number of the line, from 1, of a place in the text of the window; places must not go backwards.
    pub(crate) fn number(&mut self, text: &[u8], offset: usize) -> u64 {
        if offset > self.counted {
            self.before += memchr_iter(b'\n', &text[self.counted..offset]).count() as u64;
            self.counted = offset;
        }
        self.before + 1
    }
}

impl<R: Read> Window<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input,
            buffer: vec![0; SMALLEST],
            start: 0,
            end: 0,
            at_end: false,
            lines: Lines::default(),
        }
    }

    /// Returns the text that is in memory and not yet consumed, and the numbers of its lines.
    pub(crate) fn text(&mut self) -> (&[u8], &mut Lines) {
        (&self.buffer[self.start..self.end], &mut self.lines)
    }

    /// Tells whether the text reaches to the end of the file.
    pub(crate) const fn at_end(&self) -> bool {
        self.at_end
    }

    /// Tells whether there is no longer text to be had for the record at its beginning.
    pub(crate) const fn is_widest(&self) -> bool {
        self.at_end || self.end - self.start >= LONGEST_RECORD
    }

    /// Lets go of the first bytes of the text.
    pub(crate) fn consume(&mut self, count: usize) {
        self.lines.number(&self.buffer[self.start..self.end], count);
        self.lines.counted -= count;
        self.start += count;
    }

    /// Reads on until the window is full, and makes it wider where one record fills it.
    pub(crate) fn fill(&mut self) -> Result<(), Problem> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.buffer.len() {
            if self.end >= LONGEST_RECORD {
                return Err(Problem::LongRecord {
                    line: self.lines.before + 1,
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
                line: self.lines.number(&self.buffer[..self.end], new + offset),
            }),
            None => Ok(()),
        }
    }
}
