//! What reading counts: contacts, repeated ids, and rows without one.

use crate::domain::{Collector, ContactId};
use crate::source::problem::Problem;
use crate::source::rejected::{Reason, Rejected};
use crate::source::remark::Remark;
use crate::source::stop::Stop;
use crate::source::{Begun, Rows};

/// The most ids that memory is planned for: 320 MiB, ten times what a segment can hold.
const MAX_CONTACTS: usize = 20_000_000;

/// How much memory a page of a Parquet file and its dictionary may take at most: 128 MiB, where pages of 1 MiB are usual.
pub(crate) const PAGE_MEMORY: u64 = 128 << 20;

/// How many rows of a result may be told by less bytes than it takes to tell rows from each other: a column of one value,
/// or of none, takes hardly any. Five times the ids that are read; counting them takes seconds.
const MOST_UNTOLD_ROWS: u64 = 5 * MAX_CONTACTS as u64;

/// Counts rows while the parts of a result are read one after the other.
pub(crate) struct Tally {
    collector: Collector,
    rows: u64,
    rejected: Rejected,
    part: usize,
    stop: Stop,
    begun: Begun,
    page_memory: u64,
    /// Rows that no bytes stand for.
    untold: u64,
    /// The first of what a person should know of the rows.
    remark: Option<Remark>,
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
            begun: Begun::default(),
            page_memory: PAGE_MEMORY,
            untold: 0,
            remark: None,
        }
    }

    /// Lets the pages of Parquet files take so many bytes of memory.
    pub(crate) const fn with_page_memory(mut self, page_memory: u64) -> Self {
        self.page_memory = page_memory;
        self
    }

    /// Tells when enough has been parsed for other work to begin.
    pub(crate) fn telling(self, begun: Begun) -> Self {
        Self { begun, ..self }
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

    /// Returns how many rows were counted so far.
    pub(crate) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Takes note that all rows of so many bytes more have been counted.
    pub(crate) fn parsed(&mut self, bytes: usize) {
        self.begun.parsed(bytes);
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

    /// Takes the cell of one row.
    pub(crate) fn cell(&mut self, cell: &[u8], line: u64) -> Result<(), Problem> {
        if let Some(id) = ContactId::parse(cell) {
            return self.contact(id);
        }
        self.reject(Reason::of(cell), cell, line);
        Ok(())
    }

    /// Takes the id of one row.
    #[inline]
    pub(crate) fn contact(&mut self, id: ContactId) -> Result<(), Problem> {
        self.rows += 1;
        let taken = self.collector.push(id);
        taken.map_err(|too_many| Problem::TooMany { limit: too_many.limit })
    }

    /// Counts a row without a valid id.
    pub(crate) fn reject(&mut self, reason: Reason, cell: &[u8], line: u64) {
        self.rows += 1;
        self.rejected.note(self.part, line, reason, cell);
    }

    /// Counts a row with another number of fields than there are columns: nobody knows which of them is the id.
    pub(crate) fn misfit(&mut self, fields: usize, columns: usize, line: u64) {
        self.rejected.note_shape(fields, columns);
        self.reject(Reason::WrongFields, b"", line);
    }

    /// Takes note of what a person should know of the rows; once is enough, however many parts there are.
    pub(crate) fn remark(&mut self, remark: Remark) {
        self.remark.get_or_insert(remark);
    }

    /// Goes on with the part of this number, from 0.
    pub(crate) fn start_part(&mut self, part: usize) {
        self.part = part;
    }

    /// Returns all that was read.
    pub(crate) fn finish(self, warnings: Vec<Remark>) -> Rows {
        let (contacts, duplicates) = self.collector.finish();
        Rows {
            contacts,
            rows: self.rows,
            duplicates,
            rejected: self.rejected,
            warnings: warnings.into_iter().chain(self.remark).collect(),
        }
    }
}
