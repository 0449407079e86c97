//! Delimited text with a header: the id column of every row.
//!
//! A record ends with a line feed, with or without a carriage return before it. In a file of one column an empty line
//! is a row without an id, except at the end of the file; in a file of several columns it is no row.
//!
//! In most records the id can be found without a parser; all others are read by one.

mod careful;
mod header;
mod lines;
mod quotes;

use crate::source::problem::Problem;
use crate::source::tally::{Reason, Tally};
use crate::source::window::Window;
use careful::CarefulParser;
use header::Header;
use memchr::{memchr, memchr_iter, memmem};
use quotes::{Quotes, judge};
use std::cmp::Ordering;
use std::io::Read;

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
        let consumed = rows.read(window.text(), window.at_end(), tally)?;
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

    /// Reads the records that are complete in a text and returns how many bytes they are.
    fn read(&mut self, text: &[u8], at_end: bool, tally: &mut Tally) -> Result<usize, Problem> {
        let mut done = 0;
        loop {
            let start = self.skip_blank_lines(text, done);
            if let Some(lines) = lines::first(&text[start..], self.delimiter)
                && let Some(id) = lines::id_of(lines.text, self.delimiter, self.index)
            {
                self.count_blank_lines(tally);
                tally.contact(id)?;
                self.line += lines.count;
                done = start + lines.text.len() + 1;
                continue;
            }
            match self.parse(text, start, at_end, tally)? {
                Some(end) => done = end,
                None => return Ok(start),
            }
        }
    }

    /// Parses one record and returns where it ends; nothing where more text is needed.
    fn parse(&mut self, text: &[u8], start: usize, at_end: bool, tally: &mut Tally) -> Result<Option<usize>, Problem> {
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
    /// Only a row of too few or too many fields is suspect, since `C:\` may stand at the end of any field, and only if it
    /// is not by quotes that its writer marks delimiters.
    fn check_escapes(&self, record: &[u8], fields: usize) -> Result<(), Problem> {
        let is_cut = match fields.cmp(&self.columns) {
            Ordering::Less => record.ends_with(b"\\"),
            Ordering::Equal => false,
            Ordering::Greater => {
                let is_quoted =
                    || memchr(b'"', record).is_some() && judge(record, self.delimiter, None) == Quotes::Clean;
                memmem::find(record, &[b'\\', self.delimiter]).is_some() && !is_quoted()
            }
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

#[cfg(test)]
mod tests;
