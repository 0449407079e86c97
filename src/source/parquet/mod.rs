//! Parquet: the id column alone, of which no other bytes are fetched.

mod pages;

use crate::contact::ContactId;
use crate::source::columns;
use crate::source::compression::{ALWAYS_ACCEPTED, LARGEST_RATIO};
use crate::source::content::Content;
use crate::source::problem::Problem;
use crate::source::tally::{Reason, Tally};
use pages::{Footer, Pages};
use parquet::basic::Compression as Codec;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::data_type::{DataType, FixedLenByteArray};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::{ChunkReader, SerializedPageReader};
use std::io;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What a Parquet file begins and ends with.
const MAGIC: &[u8] = b"PAR1";

/// How many rows are taken out of a page at once: so few that they stay in the cache closest to the processor.
const BATCH: usize = 256;

/// Tells whether a file begins like Parquet.
pub(crate) fn is_parquet(start: &[u8]) -> bool {
    start.starts_with(MAGIC)
}

/// Reads all rows of a file and returns its columns.
pub(crate) fn read<C: Content>(file: &Arc<C>, column: &str, tally: &mut Tally) -> Result<Vec<String>, Problem> {
    // The decoders of the parquet crate panic at some damage. Nothing that they touch is used after an error.
    catch_unwind(AssertUnwindSafe(|| read_row_groups(file, column, tally))).unwrap_or_else(|_| Err(corrupt()))
}

fn read_row_groups<C: Content>(file: &Arc<C>, column: &str, tally: &mut Tally) -> Result<Vec<String>, Problem> {
    let footer = Footer(Arc::clone(file));
    let tail = file.size().saturating_sub(MAGIC.len() as u64);
    if footer.get_bytes(tail, MAGIC.len()).map_err(explain)? != MAGIC {
        return Err(Problem::Truncated { format: "Parquet" });
    }
    let metadata = ParquetMetaDataReader::new()
        .parse_and_finish(&footer)
        .map_err(explain)?;
    let names = column_names(&metadata);
    let index = leaf_of(&metadata, columns::find(&names, column)?, column)?;
    let mut first_row = 1;
    for group in metadata.row_groups() {
        tally.go_on()?;
        let chunk = Chunk {
            metadata: group.column(index),
            rows: group.num_rows(),
            first_row,
        };
        first_row += chunk.read(file, column, tally)?;
    }
    Ok(names)
}

/// Returns the names of the columns as a query knows them: nested fields do not count.
fn column_names(metadata: &ParquetMetaData) -> Vec<String> {
    let fields = metadata.file_metadata().schema_descr().root_schema().get_fields();
    fields.iter().map(|field| field.name().trim().to_owned()).collect()
}

/// Returns which of the stored columns holds the values of a field.
fn leaf_of(metadata: &ParquetMetaData, field: usize, column: &str) -> Result<usize, Problem> {
    let schema = metadata.file_metadata().schema_descr();
    let is_flat =
        |leaf: &usize| schema.column(*leaf).path().parts().len() == 1 && schema.column(*leaf).max_rep_level() == 0;
    let mut leaves = (0..schema.num_columns()).filter(|leaf| schema.get_column_root_idx(*leaf) == field);
    let nested = || Problem::ColumnType {
        column: column.to_owned(),
        found: "list or structure".to_owned(),
    };
    leaves.next().filter(is_flat).ok_or_else(nested)
}

/// The values of the column in one row group.
struct Chunk<'a> {
    metadata: &'a ColumnChunkMetaData,
    rows: i64,
    first_row: u64,
}

impl Chunk<'_> {
    /// Reads the chunk and returns how many rows it has.
    fn read<C: Content>(&self, file: &Arc<C>, column: &str, tally: &mut Tally) -> Result<u64, Problem> {
        let range = self.check(file.size())?;
        let rows = usize::try_from(self.rows).map_err(|_| corrupt())?;
        let pages = Arc::new(Pages::of(file.as_ref(), range).map_err(explain)?);
        let pages = SerializedPageReader::new(pages, self.metadata, rows, None).map_err(explain)?;
        let read = match get_column_reader(self.metadata.column_descr_ptr().clone(), Box::new(pages)) {
            ColumnReader::ByteArrayColumnReader(reader) => {
                self.read_values(reader, tally, |tally, value, row| tally.cell(value.data(), row))
            }
            ColumnReader::FixedLenByteArrayColumnReader(reader) => self.read_values(reader, tally, fixed_length),
            _ => Err(Problem::ColumnType {
                column: column.to_owned(),
                found: self.metadata.column_type().to_string(),
            }),
        }?;
        if read == rows { Ok(read as u64) } else { Err(corrupt()) }
    }

    /// Refuses what cannot be read, or not in the memory there is; returns where the chunk lies.
    fn check(&self, size: u64) -> Result<Range<u64>, Problem> {
        let codec = self.metadata.compression();
        if !matches!(
            codec,
            Codec::UNCOMPRESSED | Codec::SNAPPY | Codec::GZIP(_) | Codec::ZSTD(_)
        ) {
            return Err(Problem::Codec {
                codec: codec.to_string(),
            });
        }
        let start = self
            .metadata
            .dictionary_page_offset()
            .unwrap_or(self.metadata.data_page_offset());
        let sizes = [
            start,
            self.metadata.compressed_size(),
            self.metadata.uncompressed_size(),
        ];
        let [Ok(start), Ok(packed), Ok(unpacked)] = sizes.map(u64::try_from) else {
            return Err(corrupt());
        };
        if unpacked > ALWAYS_ACCEPTED.max(packed.saturating_mul(LARGEST_RATIO)) {
            return Err(Problem::Bomb {
                limit_mib: ALWAYS_ACCEPTED >> 20,
                ratio: LARGEST_RATIO,
            });
        }
        match start.checked_add(packed) {
            Some(end) if end <= size => Ok(start..end),
            _ => Err(Problem::Truncated { format: "Parquet" }),
        }
    }

    /// Counts the values, row by row, and returns how many rows there were.
    fn read_values<T: DataType>(
        &self,
        mut reader: ColumnReaderImpl<T>,
        tally: &mut Tally,
        count: impl Fn(&mut Tally, &T::T, u64) -> Result<(), Problem>,
    ) -> Result<usize, Problem> {
        let present = self.metadata.column_descr().max_def_level();
        let (mut levels, mut values, mut rows) = (Vec::new(), Vec::new(), 0);
        loop {
            tally.go_on()?;
            levels.clear();
            values.clear();
            let (records, _, _) = reader
                .read_records(BATCH, Some(&mut levels), None, &mut values)
                .map_err(explain)?;
            if records == 0 {
                return Ok(rows);
            }
            let mut values = values.iter();
            for number in 0..records {
                let row = self.first_row + (rows + number) as u64;
                // A column without NULLs has no levels.
                let value = if levels.get(number).is_none_or(|level| *level == present) {
                    values.next()
                } else {
                    None
                };
                match value {
                    Some(value) => count(tally, value, row)?,
                    None => tally.reject(Reason::Empty, b"", row),
                }
            }
            rows += records;
        }
    }
}

/// Takes 16 bytes as a UUID in its standard byte order, and any other length as text.
fn fixed_length(tally: &mut Tally, value: &FixedLenByteArray, row: u64) -> Result<(), Problem> {
    let Ok(bytes) = <[u8; 16]>::try_from(value.data()) else {
        return tally.cell(value.data(), row);
    };
    if let Some(id) = ContactId::from_bytes(bytes) {
        return tally.contact(id);
    }
    tally.reject(Reason::NilGuid, b"", row);
    Ok(())
}

/// Says what the Parquet reader's errors mean for the file.
pub(crate) fn explain(error: ParquetError) -> Problem {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => Problem::from(*error),
            Err(_) => corrupt(),
        },
        ParquetError::EOF(_) | ParquetError::NeedMoreData(_) | ParquetError::NeedMoreDataRange(_) => {
            Problem::Truncated { format: "Parquet" }
        }
        _ => corrupt(),
    }
}

fn corrupt() -> Problem {
    Problem::Corrupt { format: "Parquet" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Rows;
    use crate::source::corpus;
    use bytes::Bytes;

    fn read_bytes(bytes: Vec<u8>) -> Result<Rows, Problem> {
        let mut tally = Tally::default();
        read(&Arc::new(Bytes::from(bytes)), "contactid", &mut tally)?;
        Ok(tally.finish(0, Vec::new()))
    }

    fn fixture(name: &str) -> Vec<u8> {
        std::fs::read(format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    #[test]
    fn rejected_rows_are_told_with_their_numbers_over_all_row_groups() {
        let rows = read_bytes(fixture("bigquery_zstd.parquet")).unwrap();
        let found: Vec<_> = rows.rejected.rows.iter().map(|row| (row.line, row.reason)).collect();
        assert_eq!(found, [(7, Reason::Empty), (8, Reason::NotAGuid)]);
    }

    #[test]
    fn a_file_cut_anywhere_is_truncated() {
        let whole = fixture("spark_snappy.parquet");
        for end in (MAGIC.len()..whole.len()).step_by(7) {
            let problem = read_bytes(whole[..end].to_vec()).unwrap_err();
            assert!(matches!(problem, Problem::Truncated { .. }), "cut at {end}: {problem}");
        }
    }

    #[test]
    fn the_corpus_ends_in_rows_or_a_problem() {
        corpus::check("parquet", |bytes| corpus::ending(&read_bytes(bytes.to_vec())));
    }
}
