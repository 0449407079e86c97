//! Rows that hold no contact, and why.

use std::collections::BTreeMap;
use std::fmt;

/// How many rejected rows are kept for people to look at; all of them are counted.
const KEPT_ROWS: usize = 10_000;

/// How many bytes of a rejected cell are kept: enough to see what it is, and 1 MB for all of them.
const KEPT_BYTES: usize = 100;

/// Why a row counts for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The cell is empty, or an unloaded NULL.
    Empty,
    /// The cell holds something else than a GUID.
    NotAGuid,
    /// The cell holds the GUID of zeros.
    NilGuid,
    /// The row has not as many fields as the header has columns.
    WrongFields,
}

impl Reason {
    /// Returns the reason in words, as reports and the CSV of rejected rows show it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotAGuid => "not a GUID",
            Self::NilGuid => "nil GUID",
            Self::WrongFields => "wrong number of fields",
        }
    }

    /// Says what is wrong with a cell that is no id.
    pub(super) fn of(cell: &[u8]) -> Self {
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

/// One row that holds no contact.
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

/// All rows that hold no contact: every one counted, the first ones kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejected {
    /// How many there are.
    pub count: u64,
    /// How many there are for each reason.
    pub by_reason: BTreeMap<Reason, u64>,
    /// The first 10,000 of them.
    pub rows: Vec<RejectedRow>,
    /// The numbers of fields of those that have a wrong one.
    pub shape: Option<Shape>,
}

/// How many fields rows have, and how many they should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Columns of the header.
    pub columns: usize,
    /// The smallest number of fields.
    pub fewest: usize,
    /// The largest number of fields.
    pub most: usize,
}

impl Rejected {
    /// Counts a row.
    pub(super) fn note(&mut self, part: usize, line: u64, reason: Reason, cell: &[u8]) {
        self.count += 1;
        *self.by_reason.entry(reason).or_default() += 1;
        if self.rows.len() < KEPT_ROWS {
            let cell = &cell[..cell.len().min(KEPT_BYTES)];
            self.rows.push(RejectedRow {
                part,
                line,
                reason,
                cell: String::from_utf8_lossy(cell).into_owned(),
            });
        }
    }

    /// Notes the number of fields of a row that has a wrong one.
    pub(super) fn note_shape(&mut self, fields: usize, columns: usize) {
        let first = Shape {
            columns,
            fewest: fields,
            most: fields,
        };
        let shape = self.shape.get_or_insert(first);
        shape.fewest = shape.fewest.min(fields);
        shape.most = shape.most.max(fields);
    }
}
