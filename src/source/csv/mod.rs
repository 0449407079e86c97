//! Delimited text with a header: the id column of every row, at the speed of a vectorised parser.
//!
//! A record ends with a line feed, with or without a carriage return before it. In a file of one column an empty line
//! is a row without an id, except at the end of the file; in a file of several columns it is no row.
//!
//! The fast parser reads every file of RFC 4180 right, but takes any quote for one that encloses: `5" pipe` would swallow
//! what follows. So it is taken at its word only for a record that stands on one line, has as many fields as the header
//! and a valid id in its place, which no swallowed text gives by accident. Of every other record the quotes are looked at
//! first, and where one of them encloses nothing, the reference parser reads it.

mod careful;
mod header;
mod quotes;

use crate::contact::ContactId;
use crate::source::error::Problem;
use crate::source::tally::{Reason, Tally};
use crate::source::window::Window;
use careful::CarefulParser;
use header::Header;
use memchr::{memchr, memchr_iter, memmem};
use quotes::{Quotes, judge};
use simd_csv::ZeroCopyReaderBuilder;
use std::cmp::Ordering;
use std::io::Read;

/// What may stand before the first record of a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads all rows of a text and returns its columns; nothing where there is no text at all.
pub(crate) fn read<R: Read>(input: R, column: &str, tally: &mut Tally) -> Result<Option<Vec<String>>, Problem> {
    read_window(Window::new(input), column, tally)
}

fn read_window<R: Read>(
    mut window: Window<R>,
    column: &str,
    tally: &mut Tally,
) -> Result<Option<Vec<String>>, Problem> {
    let Some(header) = Header::read(&mut window, column)? else {
        return Ok(None);
    };
    let mut rows = Rows::new(&header);
    loop {
        let consumed = rows.read(&window, tally)?;
        window.consume(consumed);
        if window.at_end() {
            return Ok(Some(header.names));
        }
        window.fill(rows.line)?;
    }
}

/// Reads the rows of one window after the other.
struct Rows {
    delimiter: u8,
    columns: usize,
    index: usize,
    careful: CarefulParser,
    /// Number of the line, from 1, that is read next.
    line: u64,
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
            columns: header.names.len(),
            index: header.index,
            careful: CarefulParser::new(header.delimiter),
            line: header.next_line,
            blank: None,
        }
    }

    /// Reads the records that are complete in the window and returns how many bytes they are.
    fn read<R: Read>(&mut self, window: &Window<R>, tally: &mut Tally) -> Result<usize, Problem> {
        let (text, at_end) = (window.text(), window.at_end());
        let mut done = 0;
        loop {
            let stop;
            (done, stop) = self.read_fast(text, done, at_end, tally)?;
            let waits = matches!(stop, Stop::Incomplete) && (done > 0 || !window.is_widest());
            if waits {
                return Ok(done);
            }
            match self.read_carefully(text, done, at_end, tally)? {
                Some(next) => done = next,
                None => return Ok(done),
            }
        }
    }

    /// Reads records as long as the fast parser can be trusted, and returns where it stopped and why.
    fn read_fast(
        &mut self,
        text: &[u8],
        from: usize,
        at_end: bool,
        tally: &mut Tally,
    ) -> Result<(usize, Stop), Problem> {
        // Files put one after the other leave byte order marks, and the parser drops one before its first record.
        let mut done = from;
        while text[done..].starts_with(BYTE_ORDER_MARK) {
            done += BYTE_ORDER_MARK.len();
        }
        let mut parser = ZeroCopyReaderBuilder::new()
            .delimiter(self.delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(&text[done..]);
        loop {
            let start = self.skip_blank_lines(text, done);
            // The parser is flexible and reads from memory: it has nothing to fail at.
            let Ok(Some(record)) = parser.read_byte_record() else {
                return Ok((start, Stop::Incomplete));
            };
            let end = start + record.as_slice().len();
            done = end + line_end(&text[end..]);
            // Only the end of the file proves that a record which ends with the window is complete.
            if done == text.len() && !at_end {
                return Ok((start, Stop::Incomplete));
            }
            let cell = record.unquote(self.index);
            // A file that was cut ends in a record that seems to be one.
            if done < text.len()
                && record.len() == self.columns
                && let Some(id) = cell.and_then(ContactId::parse)
                && memchr(b'\n', record.as_slice()).is_none()
            {
                self.count_blank_lines(tally);
                tally.contact(id)?;
                self.line += 1;
                continue;
            }
            if judge(record.as_slice(), self.delimiter, None) == Quotes::Clean {
                if memchr(b'"', record.as_slice()).is_none() {
                    self.check_escapes(record.as_slice(), record.len())?;
                }
                self.count_blank_lines(tally);
                tally.field(cell, self.line)?;
                self.pass(&text[start..done]);
            } else {
                return Ok((start, Stop::Unclean));
            }
        }
    }

    /// Reads one record as the reference parser does and returns where it ends; nothing where more text is needed.
    fn read_carefully(
        &mut self,
        text: &[u8],
        start: usize,
        at_end: bool,
        tally: &mut Tally,
    ) -> Result<Option<usize>, Problem> {
        let Some(record) = self.careful.read(&text[start..], at_end, self.line)? else {
            return Ok(None);
        };
        let end = start + record.length;
        self.check_escapes(text[start..end].trim_ascii_end(), self.careful.fields().count())?;
        self.count_blank_lines(tally);
        tally.field(self.careful.field(self.index), self.line)?;
        self.pass(&text[start..end]);
        Ok(Some(end))
    }

    /// Refuses what is left of a row whose delimiters or line ends were escaped with a backslash.
    ///
    /// Only a row of too few or too many fields is suspect: `C:\` may stand at the end of any field.
    fn check_escapes(&self, record: &[u8], fields: usize) -> Result<(), Problem> {
        let is_cut = match fields.cmp(&self.columns) {
            Ordering::Less => record.ends_with(b"\\"),
            Ordering::Equal => false,
            Ordering::Greater => memmem::find(record, &[b'\\', self.delimiter]).is_some(),
        };
        if is_cut {
            return Err(Problem::Escapes { line: self.line });
        }
        Ok(())
    }

    /// Counts the lines of a record.
    fn pass(&mut self, record: &[u8]) {
        self.line += memchr_iter(b'\n', record).count() as u64;
    }

    /// Returns where the next record starts.
    fn skip_blank_lines(&mut self, text: &[u8], from: usize) -> usize {
        let mut at = from;
        while let Some(byte @ (b'\n' | b'\r')) = text.get(at) {
            if *byte == b'\n' {
                if self.columns == 1 {
                    let first = self.line;
                    self.blank.get_or_insert(BlankLines { first, count: 0 }).count += 1;
                }
                self.line += 1;
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
