//! JSON Lines: one object a line, the id under a key that is matched without regard to case.

mod object;

use crate::source::problem::Problem;
use crate::source::tally::Tally;
use crate::source::text::BYTE_ORDER_MARK;
use crate::source::window::{LONGEST_RECORD, LineEnds, Window};
use memchr::{memchr, memchr2};
use object::Wanted;
use std::io::Read;

/// Reads all rows of a text; an empty line is no row.
///
/// Writers leave out the keys of NULL values, so an object without the id is a row without one; only where no object
/// has the key at all is the column missing. For the same reason two spellings of the key are two columns, even where no
/// object has both: the one that is there would stand for the other one, which is NULL.
pub(crate) fn read<R: Read>(input: R, column: &str, tally: &mut Tally) -> Result<(), Problem> {
    read_window(Window::new(input), column, tally)
}

fn read_window<R: Read>(mut window: Window<R>, column: &str, tally: &mut Tally) -> Result<(), Problem> {
    let mut wanted = Wanted::named(column);
    let mut number = 1;
    window.open(|text| memchr2(b'\n', b'\r', text))?;
    loop {
        let (text, at_end, ends) = (window.text(), window.at_end(), window.line_ends());
        let mut done = 0;
        while let Some(length) = line_length(&text[done..], at_end) {
            read_line(ends.strip(&text[done..done + length]), number, ends, &mut wanted, tally)?;
            done += length;
            number += 1;
        }
        let rest = &text[done..];
        if rest.len() >= LONGEST_RECORD && memchr(b'\r', rest).is_some() {
            return Err(ends.mixed(number));
        }
        window.consume(done);
        tally.parsed(done);
        if at_end {
            return wanted.check();
        }
        window.fill(number)?;
    }
}

fn read_line(
    line: &[u8],
    number: u64,
    ends: LineEnds,
    wanted: &mut Wanted<'_>,
    tally: &mut Tally,
) -> Result<(), Problem> {
    let has_other_end = || ends.has_returns && memchr(b'\r', line).is_some();
    if ends.are_returns && has_other_end() {
        return Err(ends.mixed(number));
    }
    let object = bare(line);
    if object.is_empty() {
        return Ok(());
    }
    let Ok(cell) = object::parse(object, wanted) else {
        // A carriage return is a blank to JSON, unless it stands between two objects.
        return Err(if has_other_end() {
            ends.mixed(number)
        } else {
            Problem::Json { line: number }
        });
    };
    if wanted.is_repeated {
        return Err(Problem::RepeatedKey {
            column: wanted.column.to_owned(),
            line: number,
        });
    }
    cell.count(tally, number)
}

/// Returns the length of the first line, its end included; `None` if more text is needed.
fn line_length(text: &[u8], at_end: bool) -> Option<usize> {
    let line = memchr(b'\n', text).map(|offset| offset + 1);
    line.or_else(|| (at_end && !text.is_empty()).then_some(text.len()))
}

/// Returns a line without the blanks around it, and without the byte order mark of a file that was put behind another.
fn bare(line: &[u8]) -> &[u8] {
    let mut line = line.trim_ascii();
    while let Some(rest) = line.strip_prefix(BYTE_ORDER_MARK) {
        line = rest.trim_ascii_start();
    }
    line
}

#[cfg(test)]
mod tests;
