//! The footer of a Parquet file: where the values of the id column lie. Of other columns nothing has to be understood.

use crate::source::content::Content;
use crate::source::parquet::column::{Chunk, Column};
use crate::source::parquet::schema::Schema;
use crate::source::parquet::thrift::{Kind, Thrift};
use crate::source::parquet::{MAGIC, corrupt};
use crate::source::problem::Problem;
use std::io::Read;

/// What stands at a file's end: the length of the footer in four bytes, and the magic.
const TAIL: usize = 8;

/// What stands there instead where the footer is encrypted.
const ENCRYPTED: &[u8] = b"PARE";

/// How many row groups are read: as many as the format can number.
const MOST_GROUPS: usize = i16::MAX as usize;

/// Returns whether a file ends as Parquet does: in a magic, and before it the length of a footer that there is room for.
pub(in crate::source) fn ends_a_file<C: Content>(file: &C) -> bool {
    let Ok(Some((length, magic))) = tail(file) else {
        return false;
    };
    [MAGIC, ENCRYPTED].contains(&magic.as_slice()) && footer_at(file.size(), length).is_some()
}

/// Reads the bytes of the footer, and returns where they begin.
pub(super) fn fetch<C: Content>(file: &C, memory: u64) -> Result<(Vec<u8>, u64), Problem> {
    let (length, magic) = tail(file)?.ok_or(Problem::NoFooter)?;
    if magic == *ENCRYPTED {
        return Err(Problem::Unrecognised {
            what: "encrypted Parquet",
        });
    }
    if magic != *MAGIC {
        return Err(Problem::NoFooter);
    }
    let start = footer_at(file.size(), length).ok_or_else(corrupt)?;
    if length > memory {
        return Err(Problem::LargeFooter {
            limit: usize::try_from(memory >> 20).unwrap_or(usize::MAX),
            what: "MiB",
        });
    }
    let mut footer = Vec::with_capacity(usize::try_from(length).map_err(|_| corrupt())?);
    file.part(start..start + length)?.read_to_end(&mut footer)?;
    Ok((footer, start))
}

/// Reads the length of the footer and the magic behind it; `None` if the file is too short for both and the magic at
/// its beginning.
fn tail<C: Content>(file: &C) -> Result<Option<(u64, [u8; 4])>, Problem> {
    let size = file.size();
    let Some(at) = size.checked_sub(TAIL as u64).filter(|at| *at >= MAGIC.len() as u64) else {
        return Ok(None);
    };
    let mut tail = [0; TAIL];
    file.part(at..size)?.read_exact(&mut tail)?;
    let [a, b, c, d, magic @ ..] = tail;
    Ok(Some((u64::from(u32::from_le_bytes([a, b, c, d])), magic)))
}

/// Returns where the footer begins, if it begins behind the magic of the beginning.
fn footer_at(size: u64, length: u64) -> Option<u64> {
    let start = size.checked_sub(TAIL as u64)?.checked_sub(length)?;
    (start >= MAGIC.len() as u64).then_some(start)
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
        let (mut chunks, mut rows) = (Vec::new(), 0_u64);
        self.each_group(|thrift| {
            let group = Group::read(thrift, schema)?;
            rows = rows.checked_add(group.rows).ok_or_else(corrupt)?;
            // Writers are free in what they say of values that there are none of.
            if group.rows > 0 {
                chunks.push(group.column.chunk(schema, column, group.rows, end)?);
            }
            Ok(())
        })?;
        let are_apart = by_place(&chunks)
            .windows(2)
            .all(|pair| pair[0].range.end <= pair[1].range.start);
        if self.rows == Some(rows) && are_apart {
            Ok(chunks)
        } else {
            Err(corrupt())
        }
    }

    /// Checks that no other column lies where the ids do, and returns where the last of all that the footer tells of ends.
    ///
    /// Of the others nothing else is checked: what cannot be understood of them is passed over.
    pub(super) fn check_others(&self, schema: &Schema<'_>, chunks: &[Chunk], end: u64) -> Result<u64, Problem> {
        let ids = by_place(chunks);
        let mut last = MAGIC.len() as u64;
        self.each_column(|leaf, column| {
            last = column.ends(end).fold(last, u64::max);
            let is_other = leaf != schema.leaf && column.has_values();
            match column.place().filter(|_| is_other) {
                Some(place) if !place.is_empty() && place.end <= end => {
                    let behind = ids.partition_point(|chunk| chunk.range.end <= place.start);
                    let shares = ids.get(behind).is_some_and(|chunk| chunk.range.start < place.end);
                    if shares { Err(corrupt()) } else { Ok(()) }
                }
                _ => Ok(()),
            }
        })?;
        Ok(last)
    }

    fn each_column(&self, mut see: impl FnMut(usize, &Column<'a>) -> Result<(), Problem>) -> Result<(), Problem> {
        self.each_group(|thrift| {
            let mut last = 0;
            while let Some((id, kind)) = thrift.field(&mut last)? {
                if (id, kind) != (1, Kind::List) {
                    thrift.skip(kind)?;
                    continue;
                }
                let (count, _) = thrift.list()?;
                for leaf in 0..count {
                    see(leaf, &Column::read(thrift)?)?;
                }
            }
            Ok(())
        })
    }

    fn each_group(&self, mut see: impl FnMut(&mut Thrift<'a>) -> Result<(), Problem>) -> Result<(), Problem> {
        let mut thrift = self.groups.ok_or_else(corrupt)?;
        let (count, kind) = thrift.list()?;
        if count > MOST_GROUPS {
            return Err(Problem::LargeFooter {
                limit: MOST_GROUPS,
                what: "row groups",
            });
        }
        for _ in 0..count {
            if kind != Kind::Struct {
                return Err(corrupt());
            }
            see(&mut thrift)?;
        }
        Ok(())
    }
}

fn by_place(chunks: &[Chunk]) -> Vec<&Chunk> {
    let mut chunks: Vec<_> = chunks.iter().collect();
    chunks.sort_unstable_by_key(|chunk| chunk.range.start);
    chunks
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
