//! The footer of a Parquet file: where the values of the id column lie. Of other columns nothing has to be understood.

use crate::source::content::Content;
use crate::source::parquet::codec::Codec;
use crate::source::parquet::schema::Schema;
use crate::source::parquet::thrift::{Kind, Thrift};
use crate::source::parquet::{MAGIC, corrupt};
use crate::source::problem::Problem;
use std::io::Read;
use std::ops::Range;

/// What stands at a file's end: the length of the footer in four bytes, and the magic.
const TAIL: usize = 8;

/// How many row groups are read: as many as the format can number.
const MOST_GROUPS: usize = i16::MAX as usize;

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
}

/// Reads the bytes of the footer, and returns where they begin.
pub(super) fn fetch<C: Content>(file: &C, memory: u64) -> Result<(Vec<u8>, u64), Problem> {
    let size = file.size();
    let tail_at = size.checked_sub(TAIL as u64).filter(|at| *at >= MAGIC.len() as u64);
    let tail_at = tail_at.ok_or(Problem::Truncated { format: "Parquet" })?;
    let mut tail = [0; TAIL];
    file.part(tail_at..size)?.read_exact(&mut tail)?;
    let [a, b, c, d, magic @ ..] = tail;
    match &magic {
        b"PARE" => {
            return Err(Problem::Unrecognised {
                what: "encrypted Parquet",
            });
        }
        magic if magic == MAGIC => {}
        _ => return Err(Problem::Truncated { format: "Parquet" }),
    }
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    let start = tail_at.checked_sub(length).filter(|at| *at >= MAGIC.len() as u64);
    let start = start.ok_or_else(corrupt)?;
    if length > memory {
        return Err(Problem::LargeFooter {
            limit: usize::try_from(memory >> 20).unwrap_or(usize::MAX),
            what: "MiB",
        });
    }
    let mut footer = Vec::with_capacity(usize::try_from(length).map_err(|_| corrupt())?);
    file.part(start..tail_at)?.read_to_end(&mut footer)?;
    Ok((footer, start))
}

/// Where the parts of the footer lie that are needed.
#[derive(Default)]
pub(super) struct Footer<'a> {
    schema: Option<Thrift<'a>>,
    groups: Option<Thrift<'a>>,
    rows: Option<u64>,
}

impl<'a> Footer<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Problem> {
        let (mut thrift, mut footer, mut last) = (Thrift::new(bytes), Self::default(), 0);
        while let Some((id, kind)) = thrift.field(&mut last)? {
            match (id, kind) {
                (2, Kind::List) => footer.schema = Some(thrift),
                (3, Kind::Int) => {
                    footer.rows = Some(thrift.number()?);
                    continue;
                }
                (4, Kind::List) => footer.groups = Some(thrift),
                _ => {}
            }
            thrift.skip(kind)?;
        }
        Ok(footer)
    }

    pub(super) fn schema(&self, column: &str) -> Result<Schema<'a>, Problem> {
        Schema::read(self.schema.ok_or_else(corrupt)?, column)
    }

    /// Finds the values of the id column, and checks that they lie before the footer and no two of them in one place.
    pub(super) fn chunks(&self, schema: &Schema<'_>, column: &str, end: u64) -> Result<Vec<Chunk>, Problem> {
        let mut thrift = self.groups.ok_or_else(corrupt)?;
        let (count, kind) = thrift.list()?;
        if count > MOST_GROUPS {
            return Err(Problem::LargeFooter {
                limit: MOST_GROUPS,
                what: "row groups",
            });
        }
        let (mut chunks, mut rows) = (Vec::new(), 0_u64);
        for _ in 0..count {
            if kind != Kind::Struct {
                return Err(corrupt());
            }
            let group = Group::read(&mut thrift, schema)?;
            rows = rows.checked_add(group.rows).ok_or_else(corrupt)?;
            // Writers are free in what they say of values that there are none of.
            if group.rows > 0 {
                chunks.push(group.column.chunk(schema, column, group.rows, end)?);
            }
        }
        let mut ranges: Vec<_> = chunks.iter().map(|chunk| &chunk.range).collect();
        ranges.sort_unstable_by_key(|range| range.start);
        let are_apart = ranges.windows(2).all(|pair| pair[0].end <= pair[1].start);
        if self.rows == Some(rows) && are_apart {
            Ok(chunks)
        } else {
            Err(corrupt())
        }
    }
}

/// What the footer says of one row group.
struct Group<'a> {
    rows: u64,
    column: Column<'a>,
}

impl<'a> Group<'a> {
    fn read(thrift: &mut Thrift<'a>, schema: &Schema<'_>) -> Result<Self, Problem> {
        let (mut rows, mut column, mut last) = (None, None, 0);
        while let Some((id, kind)) = thrift.field(&mut last)? {
            match (id, kind) {
                (1, Kind::List) => column = Some(Column::find(thrift, schema)?),
                (3, Kind::Int) => rows = Some(thrift.number()?),
                _ => thrift.skip(kind)?,
            }
        }
        Ok(Self {
            rows: rows.ok_or_else(corrupt)?,
            column: column.ok_or_else(corrupt)?,
        })
    }
}

/// What the footer says of the id column in one row group.
#[derive(Default)]
struct Column<'a> {
    lies_elsewhere: bool,
    is_encrypted: bool,
    physical: Option<i32>,
    /// The only name of its path; none where the path is longer.
    name: Option<&'a [u8]>,
    has_path: bool,
    codec: Option<i32>,
    values: Option<u64>,
    packed: Option<u64>,
    data: Option<u64>,
    dictionary: Option<u64>,
}

impl<'a> Column<'a> {
    /// Reads one of a row group's columns and passes over the others.
    fn find(thrift: &mut Thrift<'a>, schema: &Schema<'_>) -> Result<Self, Problem> {
        let (count, kind) = thrift.list()?;
        if count != schema.leaves || kind != Kind::Struct {
            return Err(corrupt());
        }
        for _ in 0..schema.leaf {
            thrift.skip(kind)?;
        }
        let mut column = Self::default();
        column.read(thrift)?;
        for _ in schema.leaf + 1..count {
            thrift.skip(kind)?;
        }
        Ok(column)
    }

    fn read(&mut self, thrift: &mut Thrift<'a>) -> Result<(), Problem> {
        let mut last = 0;
        while let Some((id, kind)) = thrift.field(&mut last)? {
            match (id, kind) {
                (1, Kind::Binary) => self.lies_elsewhere = !thrift.binary()?.is_empty(),
                (3, Kind::Struct) => self.read_metadata(thrift)?,
                _ => {
                    self.is_encrypted |= matches!(id, 8 | 9);
                    thrift.skip(kind)?;
                }
            }
        }
        Ok(())
    }

    fn read_metadata(&mut self, thrift: &mut Thrift<'a>) -> Result<(), Problem> {
        let mut last = 0;
        while let Some((id, kind)) = thrift.field(&mut last)? {
            match (id, kind) {
                (1, Kind::Int) => self.physical = Some(thrift.number()?),
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
                (4, Kind::Int) => self.codec = Some(thrift.number()?),
                (5, Kind::Int) => self.values = Some(thrift.number()?),
                (7, Kind::Int) => self.packed = Some(thrift.number()?),
                (9, Kind::Int) => self.data = Some(thrift.number()?),
                (11, Kind::Int) => self.dictionary = thrift.number().ok(),
                _ => thrift.skip(kind)?,
            }
        }
        Ok(())
    }

    /// Refuses what cannot be read; returns where the values lie.
    fn chunk(&self, schema: &Schema<'_>, column: &str, rows: u64, end: u64) -> Result<Chunk, Problem> {
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
        let data = self.data.filter(|_| is_the_column).ok_or_else(corrupt)?;
        // Some writers have 0 for no dictionary, some only the place of the data for both.
        let start = self.dictionary.filter(|at| *at > 0).map_or(data, |at| at.min(data));
        let packed = self.packed.ok_or_else(corrupt)?;
        match start.checked_add(packed) {
            Some(chunk_end) if start >= MAGIC.len() as u64 && chunk_end <= end => Ok(Chunk {
                range: start..chunk_end,
                rows,
                codec: Codec::of(self.codec.ok_or_else(corrupt)?)?,
            }),
            _ => Err(corrupt()),
        }
    }
}
