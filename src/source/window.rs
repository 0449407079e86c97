//! The piece of a text that is in memory: it slides over the file.

use crate::source::problem::Problem;
use memchr::{memchr, memchr_iter, memchr2};
use std::io::{self, Read};

/// The window in bytes while records are short: small enough for the cache of one core, and large enough for
/// decompressors, which carry their last 32 KiB over from one call to the next.
const SMALLEST: usize = 512 << 10;

/// The longest record in bytes, and so the largest window.
///
/// 100 columns of 10,000 characters each fit; a quote that is never closed does not swallow the file.
pub(crate) const LONGEST_RECORD: usize = 1 << 20;

/// How the lines of a text end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LineEnds {
    /// They end with a carriage return alone, as old programs for the Mac write them.
    ///
    /// In such a text the window swaps both characters, so that its readers have to know only one kind of line end; what
    /// they meet as a carriage return then was a line feed, which ends nothing there.
    pub(crate) are_returns: bool,
    /// The text read so far has carriage returns (as the readers see it).
    pub(crate) has_returns: bool,
}

impl LineEnds {
    /// Returns a line without the line feed at its end and the carriage returns before it: Windows writes one, and two
    /// where a program took the first for text.
    #[inline]
    pub(crate) fn strip(self, line: &[u8]) -> &[u8] {
        let Some(mut line) = line.strip_suffix(b"\n") else {
            // A single one at the very end of a file ends the last line.
            let is_end = !self.are_returns && !line.ends_with(b"\r\r");
            return line.strip_suffix(b"\r").filter(|_| is_end).unwrap_or(line);
        };
        while let Some(shorter) = line.strip_suffix(b"\r").filter(|_| !self.are_returns) {
            line = shorter;
        }
        line
    }

    /// Says that a line holds the other character where it would end a line.
    pub(crate) const fn mixed(self, line: u64) -> Problem {
        let (found, ends) = if self.are_returns {
            ("a line feed (LF)", "a carriage return (CR) alone")
        } else {
            ("a carriage return (CR)", "a line feed (LF)")
        };
        Problem::LineEnds { line, found, ends }
    }
}

/// A sliding window over text that refuses NUL bytes.
pub(crate) struct Window<R> {
    input: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    at_end: bool,
    ends: LineEnds,
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
            ends: LineEnds::default(),
        }
    }

    /// Returns the text that is in memory and not yet consumed.
    pub(crate) fn text(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Returns whether the text reaches to the end of the file.
    pub(crate) const fn at_end(&self) -> bool {
        self.at_end
    }

    /// Tells how the lines end.
    pub(crate) const fn line_ends(&self) -> LineEnds {
        self.ends
    }

    /// Lets go of the first bytes of the text.
    pub(crate) const fn consume(&mut self, count: usize) {
        self.start += count;
    }

    /// Reads the beginning of the file, as far as it takes to learn how its lines end.
    ///
    /// `first` finds the first character that ends a line: what stands in quotes ends none.
    pub(crate) fn open(&mut self, first: impl Fn(&[u8]) -> Option<usize>) -> Result<(), Problem> {
        loop {
            self.read_on(1)?;
            let text = self.text();
            let found = first(text).and_then(|offset| ends_with_return(&text[offset..], self.at_end));
            if found.is_some() || self.at_end || text.len() >= LONGEST_RECORD {
                self.ends.are_returns = found == Some(true);
                return self.look_at_new(0, 1);
            }
        }
    }

    /// Reads on until the window is full, and makes it wider where one record fills it.
    ///
    /// `line` is the number of the text's first line, for what is wrong with it.
    pub(crate) fn fill(&mut self, line: u64) -> Result<(), Problem> {
        let new = self.read_on(line)?;
        self.look_at_new(new, line)
    }

    /// Fills the window and returns where the new text begins.
    fn read_on(&mut self, line: u64) -> Result<usize, Problem> {
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
        Ok(new)
    }

    fn look_at_new(&mut self, new: usize, line: u64) -> Result<(), Problem> {
        if self.ends.are_returns {
            swap_line_ends(&mut self.buffer[new..self.end]);
        }
        let text = &self.buffer[new..self.end];
        // In most files there is neither.
        let nul = match memchr2(0, b'\r', text) {
            Some(offset) if text[offset] == b'\r' => {
                self.ends.has_returns = true;
                memchr(0, &text[offset..]).map(|further| offset + further)
            }
            found => found,
        };
        match nul {
            Some(offset) => Err(Problem::Nul {
                line: line + memchr_iter(b'\n', &self.buffer[..new + offset]).count() as u64,
            }),
            None => Ok(()),
        }
    }
}

/// Returns whether the first line ends with a carriage return alone; `None` if more text is needed.
fn ends_with_return(line_end: &[u8], at_end: bool) -> Option<bool> {
    match line_end.iter().position(|byte| *byte != b'\r') {
        Some(returns) => Some(returns > 0 && line_end[returns] != b'\n'),
        None => at_end.then_some(line_end.len() > 1),
    }
}

fn swap_line_ends(text: &mut [u8]) {
    for byte in text {
        *byte = match *byte {
            b'\r' => b'\n',
            b'\n' => b'\r',
            other => other,
        };
    }
}
