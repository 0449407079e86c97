//! What reading counts: contacts, repeated ids, and rows without one.

use crate::contact::{Collector, ContactId};
use crate::source::Rows;
use crate::source::problem::Problem;
use crate::source::stop::Stop;
use std::collections::BTreeMap;
use std::fmt;

/// The most ids that memory is planned for: 320 MiB, ten times what a segment can hold.
const MAX_CONTACTS: usize = 20_000_000;

/// How many rejected rows are kept for people to look at; all of them are counted.
const KEPT_ROWS: usize = 10_000;

/// How many bytes of a rejected cell are kept: enough to see what it is, and 1 MB for all of them.
const KEPT_BYTES: usize = 100;

/// How much memory a page of a Parquet file and its dictionary may take at most: 128 MiB, where pages of 1 MiB are usual.
pub(crate) const PAGE_MEMORY: u64 = 128 << 20;

/// How many rows of a result may be told by less bytes than it takes to tell rows from each other: a column of one value,
/// or of none, takes hardly any. Five times the ids that are read; counting them takes seconds.
const MOST_UNTOLD_ROWS: u64 = 5 * MAX_CONTACTS as u64;

/// Why a row holds no contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The cell is empty, or an unloaded NULL.
    Empty,
    /// The cell holds something else than a GUID.
    NotAGuid,
    /// The cell holds the GUID of zeros.
    NilGuid,
    /// The row ends before the id column.
    ShortRow,
}

impl Reason {
    /// Returns the reason in words, as reports and the CSV of rejected rows show it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotAGuid => "not a GUID",
            Self::NilGuid => "nil GUID",
            Self::ShortRow => "short row",
        }
    }

    fn of(cell: &[u8]) -> Self {
        let cell = cell.trim_ascii();
        // What Redshift, PostgreSQL, Hive and hand-written exports put for NULL.
        if cell.is_empty() || cell.eq_ignore_ascii_case(b"null") || cell == b"\\N" {
            return Self::Empty;
        }
        let is_zeros = |cell: &[u8]| cell.iter().all(|byte| matches!(byte, b'0' | b'-' | b'{' | b'}'));
        if matches!(cell.len(), 32 | 36 | 38) && is_zeros(cell) {
            Self::NilGuid
        } else {
            Self::NotAGuid
        }
    }
}

/// One row without a valid contact id.
#[derive(Clone, PartialEq, Eq)]
pub struct RejectedRow {
    /// Which of the parts, from 0.
    pub part: usize,
    /// Line in that file, from 1; for Parquet the row, from 1.
    pub line: u64,
    /// Why the row counts for nothing.
    pub reason: Reason,
    /// The beginning of the offending cell.
    pub cell: String,
}

impl fmt::Debug for RejectedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "RejectedRow(part {}, line {}, {})",
            self.part,
            self.line,
            self.reason.as_str()
        )
    }
}

/// All rows without a valid contact id: every one counted, the first ones kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejected {
    /// How many there are.
    pub count: u64,
    /// How many there are for each reason.
    pub by_reason: BTreeMap<Reason, u64>,
    /// The first 10,000 of them.
    pub rows: Vec<RejectedRow>,
}

/// Counts rows while the parts of a result are read one after the other.
pub(crate) struct Tally {
    collector: Collector,
    rows: u64,
    rejected: Rejected,
    part: usize,
    stop: Stop,
    page_memory: u64,
    /// Rows that no bytes stand for.
    untold: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Self::until(Stop::default())
    }
}

impl Tally {
    /// Counts until reading is to stop.
    pub(crate) fn until(stop: Stop) -> Self {
        Self {
            collector: Collector::up_to(MAX_CONTACTS),
            rows: 0,
            rejected: Rejected::default(),
            part: 0,
            stop,
            page_memory: PAGE_MEMORY,
            untold: 0,
        }
    }

    /// Lets the pages of Parquet files take so many bytes of memory.
    pub(crate) const fn with_page_memory(mut self, page_memory: u64) -> Self {
        self.page_memory = page_memory;
        self
    }

    pub(crate) const fn page_memory(&self) -> u64 {
        self.page_memory
    }

    /// Returns when reading is to stop.
    pub(crate) const fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Returns an error where reading is to stop: to be asked before every batch of rows.
    pub(crate) fn go_on(&self) -> Result<(), Problem> {
        self.stop.check().map_err(Problem::Io)
    }

    /// Refuses a file that says it has many more rows than its bytes can tell from each other.
    pub(crate) fn expect_rows(&mut self, rows: u64, told: u64) -> Result<(), Problem> {
        self.untold = self.untold.saturating_add(rows.saturating_sub(told));
        if self.untold > MOST_UNTOLD_ROWS {
            return Err(Problem::UntoldRows {
                limit: MOST_UNTOLD_ROWS,
            });
        }
        Ok(())
    }

    /// Takes the field of one row, none where the row ends before it.
    pub(crate) fn field(&mut self, field: Option<&[u8]>, line: u64) -> Result<(), Problem> {
        if let Some(cell) = field {
            return self.cell(cell, line);
        }
        self.reject(Reason::ShortRow, b"", line);
        Ok(())
    }

    /// Takes the cell of one row.
    pub(crate) fn cell(&mut self, cell: &[u8], line: u64) -> Result<(), Problem> {
        match ContactId::parse(cell) {
            Some(id) => self.contact(id),
            None => self.unusual_cell(cell, line),
        }
    }

    #[cold]
    fn unusual_cell(&mut self, cell: &[u8], line: u64) -> Result<(), Problem> {
        // Files put one after the other leave a byte order mark in the middle.
        if let Some(id) = cell.strip_prefix(b"\xef\xbb\xbf").and_then(ContactId::parse) {
            return self.contact(id);
        }
        self.reject(Reason::of(cell), cell, line);
        Ok(())
    }

    /// Takes the id of one row.
    pub(crate) fn contact(&mut self, id: ContactId) -> Result<(), Problem> {
        self.rows += 1;
        let taken = self.collector.push(id);
        taken.map_err(|too_many| Problem::TooMany { limit: too_many.limit })
    }

    /// Counts a row without a valid id.
    pub(crate) fn reject(&mut self, reason: Reason, cell: &[u8], line: u64) {
        self.rows += 1;
        self.rejected.count += 1;
        *self.rejected.by_reason.entry(reason).or_default() += 1;
        if self.rejected.rows.len() < KEPT_ROWS {
            let cell = &cell[..cell.len().min(KEPT_BYTES)];
            let cell = String::from_utf8_lossy(cell).into_owned();
            self.rejected.rows.push(RejectedRow {
                part: self.part,
                line,
                reason,
                cell,
            });
        }
    }

    /// Goes on with the part of this number, from 0.
    pub(crate) fn start_part(&mut self, part: usize) {
        self.part = part;
    }

    /// Returns all that was read.
    pub(crate) fn finish(self, bytes: u64, warnings: Vec<String>) -> Rows {
        let (contacts, duplicates) = self.collector.finish();
        Rows {
            contacts,
            rows: self.rows,
            duplicates,
            rejected: self.rejected,
            bytes,
            warnings,
        }
    }
}
