//! Whether the quotes of a file leave any doubt which rows it has.
//!
//! Two quotes that stand lines apart enclose a text of several lines, or they were never meant to enclose anything and
//! the lines between them are rows. A quote behind a backslash ends a value, or it is part of it. Where both make rows,
//! believing the one loses contacts and believing the other lets in whoever stands in somebody's text.

use crate::domain::ContactId;
use crate::source::csv::Shape;
use crate::source::csv::careful::{CarefulParser, ESCAPED, Record, is_one_line};
use crate::source::csv::lines::{self, Lines};
use crate::source::csv::quotes::Quotes;
use crate::source::problem::Problem;
use memchr::memmem;

/// What the records of a file have shown so far.
pub(super) struct Doubts {
    shape: Shape,
    /// The line in which the first record starts that could be read in another way.
    first: Option<u64>,
    /// A record that can be read in no other way has a doubled quote in a quoted value.
    doubles: bool,
    /// A quote stood where the standard has none, or a backslash made it part of a value.
    strays: bool,
}

impl Doubts {
    pub(super) const fn new(shape: Shape) -> Self {
        Self {
            shape,
            first: None,
            doubles: false,
            strays: false,
        }
    }

    /// Looks at a record for which no parser was needed.
    #[inline]
    pub(super) fn see_lines(&mut self, lines: &Lines, written: &[u8], line: u64) {
        self.strays |= lines.has_literal;
        if lines.count == 1 {
            self.doubles |= lines.has_doubled;
        } else {
            self.see_several(written, Some(lines.id), lines.has_doubled, line);
        }
    }

    /// Looks at the record that was parsed last.
    pub(super) fn see(&mut self, written: &[u8], record: Record, parsed: &CarefulParser, line: u64) {
        let is_standard = record.escape.is_none() && record.quotes == Quotes::Clean;
        self.strays |= !is_standard;
        if record.has_rival {
            self.first.get_or_insert(line);
        }
        let is_certain = is_standard && record.fits && memmem::find(written, ESCAPED).is_none();
        let has_doubled = is_certain && parsed.fields().any(|field| field.contains(&b'"'));
        if is_one_line(written) {
            self.doubles |= has_doubled;
        } else {
            let id = parsed.field(self.shape.index).and_then(ContactId::parse);
            self.see_several(written, id, has_doubled, line);
        }
    }

    /// Looks at a record of several lines.
    ///
    /// Stray quotes stand in rows: where its first or its last line is none, its quotes were meant to enclose something.
    fn see_several(&mut self, written: &[u8], id: Option<ContactId>, has_doubled: bool, line: u64) {
        let written = written.strip_suffix(b"\n").unwrap_or(written);
        let cells = || written.split(|byte| *byte == b'\n').map(|line| self.id_cell(line));
        let hides_row = cells()
            .flatten()
            .filter_map(ContactId::parse)
            .any(|other| Some(other) != id);
        let is_meant = has_doubled && [cells().next(), cells().next_back()].contains(&Some(None));
        if hides_row {
            self.first.get_or_insert(line);
        }
        self.doubles |= is_meant;
    }

    /// Refuses a file with a record that could be read in another way, unless its other records show that whoever wrote
    /// it doubles quotes and never lets one stray.
    pub(super) const fn settle(&self) -> Result<(), Problem> {
        match self.first {
            Some(line) if self.strays || !self.doubles => Err(Problem::TwoReadings { line }),
            _ => Ok(()),
        }
    }

    /// Returns what stands in the id column of a line that is a row if quotes are taken for plain characters.
    fn id_cell<'a>(&self, line: &'a [u8]) -> Option<&'a [u8]> {
        let Shape {
            delimiter,
            columns,
            index,
        } = self.shape;
        if lines::count(delimiter, line) + 1 < columns {
            return None;
        }
        let mut fields = line.split(|byte| *byte == delimiter);
        let cell = fields.nth(index)?;
        let mut behind = fields.skip(columns - index - 1);
        behind.all(|field| field.trim_ascii().is_empty()).then_some(cell)
    }
}
