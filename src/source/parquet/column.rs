//! What the footer says of one column in one row group.

use crate::source::parquet::codec::Codec;
use crate::source::parquet::schema::Schema;
use crate::source::parquet::thrift::{Fault, Kind, Thrift};
use crate::source::parquet::{MAGIC, corrupt};
use crate::source::problem::Problem;
use std::ops::Range;

/// How many bytes between two chunks are fetched and passed over, where S3 would be asked again: 512 KiB.
///
/// At the 85 to 90 MB/s that AWS counts on for one connection they take 6 ms, another answer's first byte 100 to 200 ms.
const NEAR: u64 = 512 << 10;

/// The values of the id column in one row group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) range: Range<u64>,
    pub(super) rows: u64,
    pub(super) codec: Codec,
}

impl Chunk {
    /// Returns how many bytes there are.
    pub(super) const fn packed(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// Returns whether the next one lies so near behind this one that both are fetched at once.
    pub(super) fn is_near(&self, next: &Self) -> bool {
        next.range
            .start
            .checked_sub(self.range.end)
            .is_some_and(|gap| gap <= NEAR)
    }
}

/// What the footer says; a number that cannot be counts as not said.
#[derive(Default)]
pub(super) struct Column<'a> {
    lies_elsewhere: bool,
    is_encrypted: bool,
    physical: Option<i32>,
    /// The only name of its path; `None` if the path is longer.
    name: Option<&'a [u8]>,
    has_path: bool,
    codec: Option<i32>,
    values: Option<u64>,
    packed: Option<u64>,
    data: Option<u64>,
    dictionary: Option<u64>,
    /// Two indexes and a filter, which lie behind the values of all columns.
    beside: [Place; 3],
}

/// Where something lies: its offset and its length.
#[derive(Clone, Copy, Default)]
struct Place(Option<u64>, Option<u64>);

impl Place {
    /// Returns where it ends; of some things writers say only where they begin.
    fn end(self) -> Option<u64> {
        self.0?.checked_add(self.1.unwrap_or_default())
    }
}

impl<'a> Column<'a> {
    /// Reads one of a row group's columns and passes over the others.
    pub(super) fn find(thrift: &mut Thrift<'a>, schema: &Schema<'_>) -> Result<Self, Problem> {
        let (count, kind) = thrift.list()?;
        if count != schema.leaves || kind != Kind::Struct {
            return Err(corrupt());
        }
        for _ in 0..schema.leaf {
            thrift.skip(kind)?;
        }
        let column = Self::read(thrift)?;
        for _ in schema.leaf + 1..count {
            thrift.skip(kind)?;
        }
        Ok(column)
    }

    pub(super) fn read(thrift: &mut Thrift<'a>) -> Result<Self, Fault> {
        let (mut column, mut last) = (Self::default(), 0);
        while let Some((id, kind)) = thrift.field(&mut last)? {
            match (id, kind) {
                (1, Kind::Binary) => column.lies_elsewhere = !thrift.binary()?.is_empty(),
                (3, Kind::Struct) => column.read_metadata(thrift)?,
                (4, Kind::Int) => column.beside[0].0 = thrift.number().ok(),
                (5, Kind::Int) => column.beside[0].1 = thrift.number().ok(),
                (6, Kind::Int) => column.beside[1].0 = thrift.number().ok(),
                (7, Kind::Int) => column.beside[1].1 = thrift.number().ok(),
                _ => {
                    column.is_encrypted |= matches!(id, 8 | 9);
                    thrift.skip(kind)?;
                }
            }
        }
        Ok(column)
    }

    fn read_metadata(&mut self, thrift: &mut Thrift<'a>) -> Result<(), Fault> {
        let mut last = 0;
        while let Some((id, kind)) = thrift.field(&mut last)? {
            match (id, kind) {
                (1, Kind::Int) => self.physical = thrift.number().ok(),
                (3, Kind::List) => {
                    let (count, kind) = thrift.list()?;
                    self.has_path = true;
                    for _ in 0..count {
                        match kind {
                            Kind::Binary => self.name = Some(thrift.binary()?).filter(|_| count == 1),
                            kind => thrift.skip(kind)?,
                        }
                    }
                }
                (4, Kind::Int) => self.codec = thrift.number().ok(),
                (5, Kind::Int) => self.values = thrift.number().ok(),
                (7, Kind::Int) => self.packed = thrift.number().ok(),
                (9, Kind::Int) => self.data = thrift.number().ok(),
                (11, Kind::Int) => self.dictionary = thrift.number().ok(),
                (14, Kind::Int) => self.beside[2].0 = thrift.number().ok(),
                (15, Kind::Int) => self.beside[2].1 = thrift.number().ok(),
                _ => thrift.skip(kind)?,
            }
        }
        Ok(())
    }

    /// Returns whether there are values, of which their place is true.
    pub(super) fn has_values(&self) -> bool {
        self.values != Some(0)
    }

    /// Returns where the values lie.
    pub(super) fn place(&self) -> Option<Range<u64>> {
        let data = self.data?;
        // Some writers have 0 for no dictionary, some only the place of the data for both.
        let start = self.dictionary.filter(|at| *at > 0).map_or(data, |at| at.min(data));
        Some(start..start.checked_add(self.packed?)?)
    }

    /// Returns where values, indexes and filter end, as far as that is before the footer.
    pub(super) fn ends(&self, end: u64) -> impl Iterator<Item = u64> + use<> {
        let others = self.beside.map(Place::end);
        let ends = [self.place().map(|place| place.end)].into_iter().chain(others);
        ends.flatten().filter(move |at| *at <= end)
    }

    /// Refuses what cannot be read; returns where the values lie.
    pub(super) fn chunk(&self, schema: &Schema<'_>, column: &str, rows: u64, end: u64) -> Result<Chunk, Problem> {
        let column = || column.to_owned();
        if self.lies_elsewhere {
            return Err(Problem::OtherFile { column: column() });
        }
        if self.is_encrypted {
            return Err(Problem::EncryptedColumn { column: column() });
        }
        // A writer that counts other things than it has written may have taken another column's numbers, too.
        let is_the_column = self.physical == Some(schema.physical)
            && (!self.has_path || self.name == Some(schema.name))
            && self.values == Some(rows);
        let is_inside = |place: &Range<u64>| place.start >= MAGIC.len() as u64 && place.end <= end;
        let range = self.place().filter(is_inside).filter(|_| is_the_column);
        Ok(Chunk {
            range: range.ok_or_else(corrupt)?,
            rows,
            codec: Codec::of(self.codec.ok_or_else(corrupt)?)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_follows_within_reach_is_near() {
        let chunk = |range| Chunk {
            range,
            rows: 1,
            codec: Codec::None,
        };
        let one = chunk(1_000..2_000);
        for (next, is_near) in [
            (2_000..3_000, true),
            (2_000 + NEAR..u64::MAX, true),
            (2_001 + NEAR..u64::MAX, false),
            (4..1_000, false),
        ] {
            assert_eq!(one.is_near(&chunk(next.clone())), is_near, "{next:?}");
        }
    }
}
