//! Delimited text with a header: the id column of every row, at the speed of a vectorised parser.
//!
//! A record ends with a line feed, with or without a carriage return before it. In a file of one column an empty line
//! is a row without an id, except at the end of the file; in a file of several columns it is no row.

mod careful;
mod header;
mod quotes;

use crate::source::error::Problem;
use crate::source::tally::{Reason, Tally};
use crate::source::window::{Lines, Window};
use careful::CarefulParser;
use header::Header;
use quotes::{Quotes, judge};
use simd_csv::ZeroCopyReaderBuilder;
use std::io::Read;

/// Reads all rows of a text and returns its columns; nothing where there is no text at all.
pub(crate) fn read<R: Read>(input: R, column: &str, tally: &mut Tally) -> Result<Option<Vec<String>>, Problem> {
    let mut window = Window::new(input);
    let Some(header) = Header::read(&mut window, column)? else {
        return Ok(None);
    };
    let mut rows = Rows::new(&header);
    loop {
        let consumed = rows.read(&mut window, tally)?;
        window.consume(consumed);
        if window.at_end() {
            return Ok(Some(header.names));
        }
        window.fill()?;
    }
}

/// Reads the rows of one window after the other.
struct Rows {
    delimiter: u8,
    index: usize,
    one_column: bool,
    careful: CarefulParser,
    blank: Option<BlankLines>,
}

/// Empty lines that are rows if another row follows.
struct BlankLines {
    first: u64,
    count: u64,
}

impl Rows {
    fn new(header: &Header) -> Self {
        Self {
            delimiter: header.delimiter,
            index: header.index,
            one_column: header.names.len() == 1,
            careful: CarefulParser::new(header.delimiter),
            blank: None,
        }
    }

    /// Reads the records that are complete in the window and returns how many bytes they are.
    fn read<R: Read>(&mut self, window: &mut Window<R>, tally: &mut Tally) -> Result<usize, Problem> {
        let (at_end, is_widest) = (window.at_end(), window.is_widest());
        let (text, lines) = window.text();
        let (mut done, stop) = self.read_clean(text, at_end, lines, tally)?;
        let must_go_on = match stop {
            Stop::Unclean => true,
            Stop::Incomplete => done == 0 && is_widest,
        };
        if must_go_on {
            done = self.read_carefully(text, done, at_end, lines, tally)?;
        }
        Ok(done)
    }

    /// Reads records as long as their quotes are clean, and returns where it stopped and why.
    fn read_clean(
        &mut self,
        text: &[u8],
        at_end: bool,
        lines: &mut Lines,
        tally: &mut Tally,
    ) -> Result<(usize, Stop), Problem> {
        let mut parser = ZeroCopyReaderBuilder::with_capacity(text.len())
            .delimiter(self.delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(text);
        let mut done = 0;
        loop {
            let start = self.skip_blank_lines(text, done, lines);
            // The parser is flexible and reads from memory: it has nothing to fail at.
            let Ok(Some(record)) = parser.read_byte_record() else {
                return Ok((start, Stop::Incomplete));
            };
            let end = start + record.as_slice().len();
            let next = end + line_end(&text[end..]);
            // Only the end of the file proves that a record which ends with the window is complete.
            if next == text.len() && !at_end {
                return Ok((start, Stop::Incomplete));
            }
            if judge(record.as_slice(), self.delimiter, None) != Quotes::Clean {
                return Ok((start, Stop::Unclean));
            }
            self.count_blank_lines(tally);
            match record.unquote(self.index) {
                Some(cell) => tally.cell(cell, || lines.number(text, start))?,
                None => tally.reject(Reason::ShortRow, b"", lines.number(text, start)),
            }
            done = next;
        }
    }

    /// Reads the rest of a window, record by record, as the reference parser does.
    fn read_carefully(
        &mut self,
        text: &[u8],
        mut done: usize,
        at_end: bool,
        lines: &mut Lines,
        tally: &mut Tally,
    ) -> Result<usize, Problem> {
        loop {
            let start = self.skip_blank_lines(text, done, lines);
            let Some(record) = self
                .careful
                .read(&text[start..], at_end, || lines.number(text, start))?
            else {
                return Ok(start);
            };
            done = start + record.length;
            self.count_blank_lines(tally);
            match self.careful.field(self.index) {
                Some(cell) => tally.cell(cell, || lines.number(text, start))?,
                None => tally.reject(Reason::ShortRow, b"", lines.number(text, start)),
            }
        }
    }

    /// Returns where the next record starts.
    fn skip_blank_lines(&mut self, text: &[u8], from: usize, lines: &mut Lines) -> usize {
        let mut at = from;
        // The fast parser drops a byte order mark before the first record it sees, and the careful one before each.
        if at == 0 && text.starts_with(b"\xef\xbb\xbf") {
            at = 3;
        }
        while let Some(byte @ (b'\n' | b'\r')) = text.get(at) {
            if *byte == b'\n' && self.one_column {
                let first = lines.number(text, from);
                self.blank.get_or_insert(BlankLines { first, count: 0 }).count += 1;
            }
            at += 1;
        }
        at
    }

    /// Counts the empty lines before a record as rows without an id.
    fn count_blank_lines(&mut self, tally: &mut Tally) {
        if let Some(blank) = self.blank.take() {
            for line in blank.first..blank.first + blank.count {
                tally.reject(Reason::Empty, b"", line);
            }
        }
    }
}

/// Why the fast parser does not go on.
enum Stop {
    Incomplete,
    Unclean,
}

/// Returns the length of the line end at the start of the text.
fn line_end(text: &[u8]) -> usize {
    match text {
        [b'\n', ..] => 1,
        [b'\r', b'\n', ..] => 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
