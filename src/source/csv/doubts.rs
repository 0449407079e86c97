//! Whether the quotes of a file leave any doubt which rows it has.
//!
//! Two quotes that stand lines apart enclose a text of several lines, or they were never meant to enclose anything and
//! the lines between them are rows. A quote behind a backslash ends a value, or it is part of it. Where both make rows,
//! believing the one loses contacts and believing the other lets in whoever stands in somebody's text. What stands in a text
//! proves nothing of how a file is written, as its writer may know what is asked for; only the header is nobody's text.

use crate::domain::ContactId;
use crate::source::csv::Shape;
use crate::source::csv::careful::{CarefulParser, ESCAPED, Record, is_one_line};
use crate::source::csv::lines::{self, Lines};
use crate::source::csv::quotes::Quotes;
use crate::source::problem::Problem;
use memchr::{memchr_iter, memmem};

/// What the records of a file have shown so far.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Doubts {
    shape: Shape,
    /// The names of the header are quoted: the file's writer quotes, and doubts whether it does are none.
    has_quoted_header: bool,
    /// The line in which the first record starts that could be read in another way.
    first: Option<u64>,
    /// The line in which the first record starts of which a line could be a row of its own.
    hiding: Option<u64>,
    /// A record that can be read in no other way has a doubled quote in a quoted value.
    doubles: bool,
    /// A record that can be read in no other way has a delimiter in a quoted value: its quotes are no plain characters.
    encloses: bool,
    /// A quote stood where the standard has none, or a backslash made it part of a value.
    strays: bool,
    /// The line in which the first record starts with a quote behind a backslash in a quoted value.
    escaped: Option<u64>,
    /// The line in which a record starts with one outside of quoted values: another before it may have ended none.
    escaped_stray: Option<u64>,
    /// How many fields the first record has that fits.
    width: Option<usize>,
    /// The line in which the first record starts that fits with another number of fields.
    uneven: Option<u64>,
}

impl Doubts {
    pub(super) const fn new(shape: Shape, has_quoted_header: bool) -> Self {
        Self {
            shape,
            has_quoted_header,
            first: None,
            hiding: None,
            doubles: false,
            encloses: false,
            strays: false,
            escaped: None,
            escaped_stray: None,
            width: None,
            uneven: None,
        }
    }

    /// Looks at a record for which no parser was needed.
    #[inline]
    pub(super) fn see_lines(&mut self, lines: &Lines, written: &[u8], line: u64) {
        self.see_width(lines.fields, line);
        self.strays |= lines.has_literal;
        if lines.has_literal && memmem::find(written, ESCAPED).is_some() {
            self.escaped_stray = Some(line);
        }
        if lines.count == 1 {
            self.doubles |= lines.has_doubled;
            self.encloses =
                self.encloses || lines.has_quoted && lines::count(self.shape.delimiter, written) >= lines.fields;
        } else {
            self.see_several(written, Some(lines.id), lines.has_doubled, line);
        }
    }

    /// Looks at the record that was parsed last.
    pub(super) fn see(&mut self, written: &[u8], record: Record, parsed: &CarefulParser, line: u64) {
        let is_standard = record.escape.is_none() && record.quotes == Quotes::Clean;
        self.strays |= !is_standard;
        if record.fits {
            self.see_width(parsed.count(), line);
        }
        // Whoever escapes quotes leaves none outside of quotes: where one stands, another closed nothing and rows went on.
        let may_swallow = record.escape.is_some() && record.quotes == Quotes::Literal && !is_one_line(written);
        let has_escaped = memmem::find(written, ESCAPED).is_some();
        if has_escaped {
            self.escaped.get_or_insert(line);
            self.escaped_stray = self.escaped_stray.or((record.quotes != Quotes::Clean).then_some(line));
        }
        // A quote that seems to end a value behind a backslash may be part of it: what lacks is what would follow.
        let may_go_on = has_escaped && parsed.count() < self.shape.columns;
        if record.has_rival || may_swallow || may_go_on {
            self.first.get_or_insert(line);
        }
        let is_certain = is_standard && record.fits && !has_escaped;
        let holds = |byte: u8| is_certain && parsed.fields().any(|field| field.contains(&byte));
        let has_doubled = holds(b'"');
        if is_one_line(written) {
            self.doubles |= has_doubled;
            self.encloses = self.encloses || holds(self.shape.delimiter);
        } else {
            let id = parsed.field(self.shape.index).and_then(ContactId::parse);
            self.see_several(written, id, has_doubled, line);
        }
    }

    #[inline]
    fn see_width(&mut self, fields: usize, line: u64) {
        if *self.width.get_or_insert(fields) != fields {
            self.uneven.get_or_insert(line);
        }
    }

    /// Looks at a record of several lines.
    ///
    /// Stray quotes stand in rows: where its first or its last line is none, its quotes were meant to enclose something.
    fn see_several(&mut self, written: &[u8], id: Option<ContactId>, has_doubled: bool, line: u64) {
        let written = written.strip_suffix(b"\n").unwrap_or(written);
        let mut start = 0;
        let mut cells = memchr_iter(b'\n', written).chain([written.len()]).map(|end| {
            let line = &written[start..end];
            start = end + 1;
            self.id_cell(line)
        });
        let is_other = |cell: Option<&[u8]>| cell.and_then(ContactId::parse).is_some_and(|other| Some(other) != id);
        let first = cells.next().flatten();
        let (mut last, mut hides_row) = (first, is_other(first));
        for cell in cells {
            hides_row |= is_other(cell);
            last = cell;
        }
        let is_meant = has_doubled && (first.is_none() || last.is_none());
        if hides_row {
            self.hiding.get_or_insert(line);
        }
        self.doubles |= is_meant;
        self.encloses |= is_meant;
    }

    /// Refuses a file with a record that could be read in another way, unless its other records show that whoever wrote
    /// it encloses delimiters in quotes, doubles those inside, and never lets one stray; where rows may be lost in a text, the
    /// header has to show that texts are quoted at all.
    pub(super) fn settle(&self) -> Result<(), Problem> {
        let is_standard = self.doubles && self.encloses && !self.strays;
        let hiding = self.hiding.filter(|_| !is_standard || !self.has_quoted_header);
        let first = self.first.filter(|_| !is_standard);
        let escaped = self.escaped.filter(|_| self.escaped_stray.is_some());
        match hiding.or(first).or(escaped) {
            Some(line) => Err(Problem::TwoReadings { line }),
            None => Ok(()),
        }
    }

    /// Returns the line of the first record that has another number of empty fields behind the last column than those before
    /// it, where a text before the id may hold a delimiter: then another cell was taken for the id.
    pub(super) fn uneven(&self) -> Option<u64> {
        self.uneven.filter(|_| self.shape.index > 0)
    }

    /// Returns what stands in the id column of a line that is a row if quotes are taken for plain characters.
    fn id_cell<'a>(&self, line: &'a [u8]) -> Option<&'a [u8]> {
        let Shape {
            delimiter,
            columns,
            index,
            ..
        } = self.shape;
        let mut ends = memchr_iter(delimiter, line).chain([line.len()]);
        let start = match index.checked_sub(1) {
            Some(before) => ends.nth(before)? + 1,
            None => 0,
        };
        let end = ends.next()?;
        let last = match (columns - index).checked_sub(2) {
            Some(between) => ends.nth(between)?,
            None => end,
        };
        let is_blank = |byte: &u8| *byte == delimiter || byte.is_ascii_whitespace();
        line[last..].iter().all(is_blank).then(|| &line[start..end])
    }
}
