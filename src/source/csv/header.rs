//! The first record: which delimiter, which columns, which of them holds the ids.

use crate::contact::ContactId;
use crate::source::columns;
use crate::source::csv::careful::CarefulParser;
use crate::source::problem::Problem;
use crate::source::window::Window;
use memchr::memchr_iter;
use std::io::Read;

/// The delimiters that warehouses write: comma, tab, pipe (Redshift), semicolon (Excel), Ctrl-A (Hive, Athena).
const DELIMITERS: [u8; 5] = [b',', b'\t', b'|', b';', 0x01];

/// The header of a file.
pub(super) struct Header {
    pub(super) delimiter: u8,
    /// The columns, trimmed.
    pub(super) names: Vec<String>,
    /// Which of them holds the ids.
    pub(super) index: usize,
    /// Number of the line after it, from 1.
    pub(super) next_line: u64,
}

impl Header {
    /// Reads the header off the window; nothing where there is no text.
    pub(super) fn read<R: Read>(window: &mut Window<R>, column: &str) -> Result<Option<Self>, Problem> {
        let mut line = 1;
        loop {
            window.fill(line)?;
            let (text, at_end) = (window.text(), window.at_end());
            let blank = text.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
            let text = &text[blank..];
            if text.is_empty() && at_end {
                return Ok(None);
            }
            line += count_lines(&window.text()[..blank]);
            if let Some(candidates) = candidates(text, at_end, line)? {
                let (header, index) = choose(candidates, column)?;
                let next_line = line + count_lines(&text[..header.length]);
                window.consume(blank + header.length);
                return Ok(Some(Self {
                    delimiter: header.delimiter,
                    names: header.names,
                    index,
                    next_line,
                }));
            }
            window.consume(blank);
        }
    }
}

fn count_lines(text: &[u8]) -> u64 {
    memchr_iter(b'\n', text).count() as u64
}

/// The header as one delimiter would have it.
struct Candidate {
    delimiter: u8,
    length: usize,
    names: Vec<String>,
}

/// Reads the header with each delimiter; nothing where more text is needed.
fn candidates(text: &[u8], at_end: bool, line: u64) -> Result<Option<Vec<Candidate>>, Problem> {
    let mut candidates = Vec::new();
    let mut problem = None;
    for delimiter in DELIMITERS {
        let mut parser = CarefulParser::new(delimiter);
        match parser.read(text, at_end, line) {
            Ok(Some(record)) => {
                let names = parser
                    .fields()
                    .map(|field| String::from_utf8_lossy(field).trim().to_owned())
                    .collect();
                candidates.push(Candidate {
                    delimiter,
                    length: record.length,
                    names,
                });
            }
            Ok(None) => return Ok(None),
            // With a delimiter that is not the file's own, quotes may seem broken.
            Err(found) => problem = problem.or(Some(found)),
        }
    }
    match problem {
        Some(problem) if candidates.is_empty() => Err(problem),
        _ => Ok(Some(candidates)),
    }
}

/// Takes the delimiter that finds the id column, or else the one that finds most columns; with the id column's index.
fn choose(candidates: Vec<Candidate>, column: &str) -> Result<(Candidate, usize), Problem> {
    let rank = |candidate: &Candidate| {
        let is_there = candidate.names.iter().any(|name| columns::is_named(name, column));
        (is_there, candidate.names.len())
    };
    // The first of equals: of several delimiters that cut nothing it is the comma.
    let best = candidates.into_iter().rev().max_by_key(rank);
    let Some(best) = best else {
        return Err(Problem::Empty);
    };
    let is_id = |name: &String| ContactId::parse(name.as_bytes()).is_some();
    match columns::find(&best.names, column) {
        Ok(index) => Ok((best, index)),
        Err(_) if best.names.iter().any(is_id) => Err(Problem::NoHeader),
        Err(problem) => Err(problem),
    }
}
