//! The first record: which delimiter, which columns, which of them holds the ids.

use crate::source::columns::{self, holds_guid, holds_line_separator};
use crate::source::csv::careful::CarefulParser;
use crate::source::csv::quotes::stray_return;
use crate::source::csv::{Shape, blank_line, count_lines};
use crate::source::problem::Problem;
use crate::source::text::BYTE_ORDER_MARK;
use crate::source::window::{LineEnds, Window};
use memchr::memchr;
use std::io::Read;

/// The delimiters that warehouses write: comma, tab, pipe (Redshift), semicolon (Excel), Ctrl-A (Hive, Athena).
const DELIMITERS: [u8; 5] = [b',', b'\t', b'|', b';', 0x01];

/// The longest header in bytes that is believed to be all that a file holds: a thousand names of thirty characters, when
/// tables of SQL Server end at 1,024 columns.
const LONGEST_EMPTY: usize = 32 << 10;

/// The header of a file.
pub(super) struct Header {
    pub(super) shape: Shape,
    /// The columns, trimmed.
    pub(super) names: Vec<String>,
    /// Number of the line after it, from 1.
    pub(super) next_line: u64,
    /// Whether all of them are quoted.
    pub(super) is_quoted: bool,
    /// Its bytes, line end included.
    length: usize,
}

impl Header {
    /// Refuses a header without rows that may be the whole file: its lines end as no lines do that are read here.
    pub(super) fn check_no_rows(&self) -> Result<(), Problem> {
        if self.length > LONGEST_EMPTY || self.names.iter().any(|name| holds_line_separator(name)) {
            return Err(Problem::OnlyLine);
        }
        Ok(())
    }

    /// Reads the header off the window; `None` if there is no text.
    pub(super) fn read<R: Read>(window: &mut Window<R>, column: &str) -> Result<Option<Self>, Problem> {
        let mut line = 1;
        window.open(first_line_end)?;
        loop {
            let (text, at_end, ends) = (window.text(), window.at_end(), window.line_ends());
            let before = before_header(text, at_end, ends);
            line += count_lines(&text[..before]);
            let text = &text[before..];
            if text.is_empty() && at_end {
                return Ok(None);
            }
            if let Some(divisions) = divisions(text, at_end, line)? {
                let header = choose(divisions, column).ok_or(Problem::Empty)?;
                let written = ends.strip(&text[..header.length]);
                if let Some(offset) = stray_return(written, header.delimiter, None).filter(|_| ends.has_returns) {
                    return Err(ends.mixed(line + count_lines(&written[..offset])));
                }
                let shape = Shape {
                    delimiter: header.delimiter,
                    columns: header.names.len(),
                    fields: header.fields,
                    index: index_of(&header.names, written, column)?,
                };
                let next_line = line + count_lines(&text[..header.length]);
                let is_quoted = written.split(|byte| *byte == header.delimiter).all(is_quoted);
                window.consume(before + header.length);
                return Ok(Some(Self {
                    shape,
                    names: header.names,
                    next_line,
                    is_quoted,
                    length: header.length,
                }));
            }
            window.consume(before);
            window.fill(line)?;
        }
    }
}

/// Finds the first character that ends a line: what stands in quotes ends none.
///
/// Nobody knows the delimiter yet, so each of them may stand before a quote.
fn first_line_end(text: &[u8]) -> Option<usize> {
    let mut is_start = true;
    let mut at = 0;
    loop {
        match *text.get(at)? {
            b'\n' | b'\r' => return Some(at),
            b'"' if is_start => {
                // A doubled quote begins the quoted text anew, which is as good.
                at += 1 + memchr(b'"', &text[at + 1..])?;
                is_start = text.get(at + 1) == Some(&b'"');
            }
            byte => is_start = DELIMITERS.contains(&byte),
        }
        at += 1;
    }
}

/// Returns how many bytes stand before the header: empty lines, and byte order marks.
fn before_header(text: &[u8], at_end: bool, ends: LineEnds) -> usize {
    let mut rest = text;
    loop {
        rest = match blank_line(rest, at_end, ends) {
            Some(length) => &rest[length..],
            None => match rest.strip_prefix(BYTE_ORDER_MARK) {
                Some(rest) => rest,
                None => return text.len() - rest.len(),
            },
        };
    }
}

/// The header as one delimiter divides it.
struct Division {
    delimiter: u8,
    length: usize,
    fields: usize,
    /// The columns; those without a name at the end are none.
    names: Vec<String>,
}

/// Divides the header by each delimiter; `None` if more text is needed.
fn divisions(text: &[u8], at_end: bool, line: u64) -> Result<Option<Vec<Division>>, Problem> {
    let mut divisions = Vec::new();
    let mut problem = None;
    for delimiter in DELIMITERS {
        let mut parser = CarefulParser::new(delimiter, None);
        match parser.read(text, at_end, line) {
            Ok(Some(record)) => {
                let mut names: Vec<_> = parser
                    .fields()
                    .map(|field| String::from_utf8_lossy(field).trim().to_owned())
                    .collect();
                // What ends every line with a delimiter has no column behind it.
                while names.pop_if(|name| name.is_empty()).is_some() {}
                divisions.push(Division {
                    delimiter,
                    length: record.length,
                    fields: parser.count(),
                    names,
                });
            }
            Ok(None) => return Ok(None),
            // With a delimiter that is not the file's own, quotes may seem broken.
            Err(found) => problem = problem.or(Some(found)),
        }
    }
    match problem {
        Some(problem) if divisions.is_empty() => Err(problem),
        _ => Ok(Some(divisions)),
    }
}

/// Takes the delimiter that finds the id column, or else the one that finds most columns.
fn choose(divisions: Vec<Division>, column: &str) -> Option<Division> {
    let rank = |division: &Division| {
        let is_there = division.names.iter().any(|name| columns::is_named(name, column));
        (is_there, division.fields)
    };
    // The first of equals: of several delimiters that cut nothing it is the comma.
    divisions.into_iter().rev().max_by_key(rank)
}

/// Returns whether a name, as it is written, is in quotes.
fn is_quoted(name: &[u8]) -> bool {
    matches!(name.trim_ascii(), [b'"', .., b'"'])
}

/// Finds the id column; a header that holds an id is none, or the rows stand in it.
///
/// A file whose lines end with what ends no line here is its first line alone: it has no rows, and is not empty.
fn index_of(names: &[String], header: &[u8], column: &str) -> Result<usize, Problem> {
    let found = columns::find(names, column);
    if !holds_guid(header) {
        return found;
    }
    match found {
        Err(Problem::MissingColumn { .. }) if !names_column(names, column) => Err(Problem::NoHeader),
        _ => Err(Problem::IdsInHeader),
    }
}

/// Returns whether a name begins with that of the id column, whatever it goes on with.
fn names_column(names: &[String], column: &str) -> bool {
    let column = column.trim().to_lowercase();
    names.iter().any(|name| name.to_lowercase().starts_with(&column))
}
