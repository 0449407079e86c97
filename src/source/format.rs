//! Which format a file is in, by its first bytes; and reading it.

use crate::source::compression::{Compression, Unpacked};
use crate::source::csv;
use crate::source::error::Problem;
use crate::source::tally::Tally;
use crate::source::text::{Text, peek};
use parquet::file::reader::ChunkReader;

/// How many first bytes are looked at.
const LOOKED_AT: usize = 512;

/// What reading one file found, beside its rows.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The columns; nothing where the file is empty or its format has none.
    pub(crate) columns: Option<Vec<String>>,
    /// Sentences for the report.
    pub(crate) warnings: Vec<String>,
}

/// Reads all rows of one file; `key` is its name, which counts less than its content.
pub(crate) fn read<C: ChunkReader>(file: &C, key: &str, column: &str, tally: &mut Tally) -> Result<Found, Problem> {
    let input = file.get_read(0).map_err(|error| Problem::Parquet {
        what: error.to_string(),
    })?;
    let (start, input) = peek(input, LOOKED_AT)?;
    let compression = Compression::of(&start);
    let warnings = misnamed(key, compression, &start)?;
    let unpacked = Unpacked::new(input, compression, file.len())?;
    let (start, unpacked) = peek(unpacked, LOOKED_AT)?;
    if let Some(what) = unreadable(&start) {
        return Err(Problem::Unrecognised { what });
    }
    let columns = csv::read(Text::new(unpacked)?, column, tally)?;
    Ok(Found { columns, warnings })
}

/// Warns of a name that promises another compression than the content has.
fn misnamed(key: &str, compression: Compression, start: &[u8]) -> Result<Vec<String>, Problem> {
    match Compression::named(key) {
        Some((named, _)) if named == compression => Ok(Vec::new()),
        Some((named, ending)) if compression == Compression::None && !is_text(start) => Err(Problem::NotAsNamed {
            extension: ending.to_owned(),
            expected: named.name(),
        }),
        Some((_, ending)) => Ok(vec![format!(
            "the name ends in .{ending}, but the content is {}; it was read as that",
            compression.name()
        )]),
        None => Ok(Vec::new()),
    }
}

/// Tells whether the first bytes may be text: UTF-16 with its mark, or no control characters beyond those of tables.
fn is_text(start: &[u8]) -> bool {
    let is_plain = |byte: &u8| !matches!(byte, 0 | 2..=8 | 14..=31 | 127);
    start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") || start.iter().all(is_plain)
}

/// Recognises content that is certainly no result.
fn unreadable(start: &[u8]) -> Option<&'static str> {
    match start {
        [b'P', b'K', 3, 4, ..] => Some("a ZIP archive or an Excel workbook"),
        _ => None,
    }
}
