//! Delimited text with a header: the id column of every row.
//!
//! A record ends as the header does: with a line feed, with or without carriage returns before it, or with a carriage
//! return alone. In a file of one column an empty line is a row without an id, except at the end of the file; in a file
//! of several columns it is no row.
//!
//! A row has as many fields as the header has columns, or it is rejected: nobody knows which of its fields is the id. Empty
//! fields behind the last column do not count, unless an id stands so many fields behind the column's: then something before
//! it may have moved the row's fields, a delimiter in a text or a row's name that the header does not name. Files
//! put one after the other repeat their header; where it names the id column in another place, the rest is no result.
//!
//! Where the quotes of a record can be read in two ways, the file has to show elsewhere which of them its writer has.
//!
//! In most records the id can be found without a parser; all others are read by one.

mod careful;
mod doubts;
mod header;
mod lines;
mod quotes;
mod spared;

use crate::domain::ContactId;
use crate::source::columns;
use crate::source::problem::Problem;
use crate::source::rejected::Reason;
use crate::source::remark::Remark;
use crate::source::tally::Tally;
use crate::source::text::BYTE_ORDER_MARK;
use crate::source::window::{LineEnds, Window};
use careful::{CarefulParser, Record};
use doubts::Doubts;
use header::Header;
use memchr::{memchr, memchr_iter, memmem};
use quotes::{Quotes, classify, stray_return};
use std::cmp::Ordering;
use std::io::Read;

/// Reads all rows of a text and returns its columns; `None` if there is no text at all.
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
    let before = tally.rows();
    let mut rows = Rows::new(&header, column);
    loop {
        let consumed = rows.read(window.text(), window.at_end(), window.line_ends(), tally)?;
        window.consume(consumed);
        tally.parsed(consumed);
        if window.at_end() {
            break;
        }
        window.fill(rows.line)?;
    }
    rows.doubts.settle()?;
    if let Some(line) = rows.doubts.uneven() {
        tally.remark(Remark::Uneven { line });
    }
    if tally.rows() == before {
        header.check_no_rows()?;
    }
    Ok(Some(header.names))
}

/// What every row of a file should look like.
#[derive(Clone, Copy)]
struct Shape {
    delimiter: u8,
    columns: usize,
    /// How many fields the header has, those without a name behind the last column included.
    fields: usize,
    /// Which of the columns holds the ids.
    index: usize,
}

/// Reads the rows of one window after the other.
struct Rows<'a> {
    column: &'a str,
    /// The columns of the header, trimmed.
    names: &'a [String],
    shape: Shape,
    careful: CarefulParser,
    doubts: Doubts,
    /// Number of the line, from 1, that is read next.
    line: u64,
    blank: Option<BlankLines>,
}

/// Empty lines that are rows if another row follows.
struct BlankLines {
    first: u64,
    count: u64,
}

impl<'a> Rows<'a> {
    fn new(header: &'a Header, column: &'a str) -> Self {
        Self {
            column,
            names: &header.names,
            shape: header.shape,
            careful: CarefulParser::new(header.shape.delimiter, Some(header.shape)),
            doubts: Doubts::new(header.shape, header.is_quoted),
            line: header.next_line,
            blank: None,
        }
    }

    /// Reads the records that are complete in a text and returns how many bytes they are.
    fn read(&mut self, text: &[u8], at_end: bool, ends: LineEnds, tally: &mut Tally) -> Result<usize, Problem> {
        let mut done = 0;
        loop {
            let start = self.skip_blank_lines(text, done, at_end, ends);
            if let Some(lines) = lines::read(&text[start..], self.shape, ends) {
                self.count_blank_lines(tally);
                tally.contact(lines.id)?;
                done = start + lines.length;
                self.doubts.see_lines(&lines, &text[start..done], self.line);
                self.line += lines.count;
                continue;
            }
            match self.parse(&text[start..], at_end, ends, tally)? {
                Some(length) => done = start + length,
                None => return Ok(start),
            }
        }
    }

    /// Parses one record and returns its length; `None` if more text is needed.
    fn parse(
        &mut self,
        text: &[u8],
        at_end: bool,
        ends: LineEnds,
        tally: &mut Tally,
    ) -> Result<Option<usize>, Problem> {
        let bare = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        let record = match self.careful.read(bare, at_end, self.line) {
            Ok(None) => return Ok(None),
            Ok(Some(record)) => record,
            Err(problem) => return Err(self.explain(problem, bare, ends)),
        };
        let written = ends.strip(&bare[..record.length]);
        if ends.has_returns {
            self.check_line_ends(written, record.escape, ends)?;
        }
        self.count_blank_lines(tally);
        self.count(written, record, tally)?;
        self.doubts.see(written, record, &self.careful, self.line);
        self.line += count_lines(&bare[..record.length]);
        Ok(Some(text.len() - bare.len() + record.length))
    }

    /// Counts a record that was parsed.
    fn count(&self, written: &[u8], record: Record, tally: &mut Tally) -> Result<(), Problem> {
        match self.careful.field(self.shape.index) {
            Some(cell) if record.fits => {
                if ContactId::parse(cell).is_none() {
                    self.check_no_header()?;
                    self.check_no_other_column(cell)?;
                }
                tally.cell(cell, self.line)
            }
            _ => {
                self.check_no_header()?;
                let fields = self.careful.count();
                self.check_escapes(written, fields)?;
                tally.misfit(fields, self.shape.columns, self.line);
                Ok(())
            }
        }
    }

    /// Refuses a header of other columns than the first: that of another file, whose ids stand elsewhere.
    fn check_no_header(&self) -> Result<(), Problem> {
        let names_the_column = |field: &[u8]| {
            let field = field.strip_prefix(BYTE_ORDER_MARK).unwrap_or(field);
            std::str::from_utf8(field).is_ok_and(|name| columns::is_named(name, self.column))
        };
        let mut fields = self.careful.fields().enumerate();
        match fields.find(|(_, field)| names_the_column(field)) {
            Some((index, _)) if index != self.shape.index => Err(Problem::SecondHeader { line: self.line }),
            _ => Ok(()),
        }
    }

    /// Refuses a row without any id that has another column's name where its id would be: the header of another file, which
    /// calls its own id column differently.
    fn check_no_other_column(&self, cell: &[u8]) -> Result<(), Problem> {
        let cell = cell.strip_prefix(BYTE_ORDER_MARK).unwrap_or(cell).trim_ascii();
        let mut others = self.names.iter().filter(|name| !name.is_empty());
        let is_header = others.any(|name| name.as_bytes().eq_ignore_ascii_case(cell))
            && !columns::is_named(std::str::from_utf8(cell).unwrap_or_default(), self.column)
            && self.careful.fields().all(|field| ContactId::parse(field).is_none());
        if is_header {
            return Err(Problem::SecondHeader { line: self.line });
        }
        Ok(())
    }

    /// Refuses a row in which the lines of others may hide, since they end with another character.
    fn check_line_ends(&self, record: &[u8], escape: Option<u8>, ends: LineEnds) -> Result<(), Problem> {
        match stray_return(record, self.shape.delimiter, escape) {
            Some(offset) => Err(ends.mixed(self.line + count_lines(&record[..offset]))),
            None => Ok(()),
        }
    }

    /// Says what is wrong with a text that no record can be read from: other line ends make it seem endless, too.
    fn explain(&self, problem: Problem, text: &[u8], ends: LineEnds) -> Problem {
        let line = memchr(b'\n', text).map_or(text, |end| &text[..=end]);
        let checked = self.check_line_ends(ends.strip(line), None, ends);
        checked.err().filter(|_| ends.has_returns).unwrap_or(problem)
    }

    /// Refuses what is left of a row whose delimiters or line ends were escaped with a backslash.
    ///
    /// Only a row of too few or too many fields is suspect, since `C:\` may stand at the end of any field, and only if it
    /// is not by quotes that its writer marks delimiters.
    fn check_escapes(&self, record: &[u8], fields: usize) -> Result<(), Problem> {
        let is_cut = match fields.cmp(&self.shape.columns) {
            Ordering::Less => record.trim_ascii_end().ends_with(b"\\"),
            Ordering::Equal => false,
            Ordering::Greater => {
                let delimiter = self.shape.delimiter;
                let is_quoted = || memchr(b'"', record).is_some() && classify(record, delimiter, None) == Quotes::Clean;
                memmem::find(record, &[b'\\', delimiter]).is_some() && !is_quoted()
            }
        };
        if is_cut {
            return Err(Problem::Escapes { line: self.line });
        }
        Ok(())
    }

    /// Returns where the next record starts.
    #[inline]
    fn skip_blank_lines(&mut self, text: &[u8], from: usize, at_end: bool, ends: LineEnds) -> usize {
        let mut at = from;
        while let Some(length) = blank_line(&text[at..], at_end, ends) {
            if self.shape.columns == 1 {
                let first = self.line;
                self.blank.get_or_insert(BlankLines { first, count: 0 }).count += 1;
            }
            self.line += 1;
            at += length;
        }
        at
    }

    /// Counts the empty lines before a record as rows without an id.
    #[inline]
    fn count_blank_lines(&mut self, tally: &mut Tally) {
        if let Some(blank) = self.blank.take() {
            for line in blank.first..blank.first + blank.count {
                tally.reject(Reason::Empty, b"", line);
            }
        }
    }
}

/// Returns the length of an empty line at the beginning of a text.
#[inline]
fn blank_line(text: &[u8], at_end: bool, ends: LineEnds) -> Option<usize> {
    if !matches!(text.first()?, b'\n' | b'\r') {
        return None;
    }
    let length = match memchr(b'\n', text) {
        Some(end) => end + 1,
        None if at_end => text.len(),
        None => return None,
    };
    ends.strip(&text[..length]).is_empty().then_some(length)
}

fn count_lines(text: &[u8]) -> u64 {
    memchr_iter(b'\n', text).count() as u64
}

#[cfg(test)]
mod tests;
