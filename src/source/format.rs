//! Which format a file is in, by its first bytes; and reading it.

use crate::source::compression::{Compression, Unpacked};
use crate::source::content::Content;
use crate::source::parts::{Objection, looks_like_manifest};
use crate::source::problem::Problem;
use crate::source::tally::Tally;
use crate::source::text::{Text, peek};
use crate::source::{csv, json_lines, parquet};
use std::sync::Arc;

/// How many first bytes are looked at.
const LOOKED_AT: usize = 512;

/// What reading one file found, beside its rows.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The columns, none for JSON Lines; nothing where the file holds nothing, not even a header.
    pub(crate) columns: Option<Vec<String>>,
    /// Sentences for the report.
    pub(crate) warnings: Vec<String>,
}

/// Reads all rows of one file; `key` is its name, which counts less than its content.
pub(crate) fn read<C: Content>(file: &Arc<C>, key: &str, column: &str, tally: &mut Tally) -> Result<Found, Problem> {
    let (start, input) = peek(file.part(0..file.size())?, LOOKED_AT)?;
    let compression = Compression::of(&start);
    let warnings = misnamed(key, compression, &start)?;
    if parquet::is_parquet(&start) && !is_text(&start) {
        drop(input);
        return Ok(Found {
            columns: Some(parquet::read(file, column, tally)?),
            warnings,
        });
    }
    let unpacked = Unpacked::new(input, compression, file.size())?;
    let (start, unpacked) = peek(tally.stop().watch(unpacked), LOOKED_AT)?;
    if let Some(what) = unreadable(&start) {
        return Err(Problem::Unrecognised { what });
    }
    let text = Text::new(unpacked)?;
    let (start, text) = peek(text, LOOKED_AT)?;
    if looks_like_manifest(&start) {
        return Err(Objection::IsManifest.into());
    }
    let columns = match start.trim_ascii_start() {
        [b'{', rest @ ..] if is_json_object(rest) => {
            json_lines::read(text, column, tally)?;
            Some(Vec::new())
        }
        [b'[', rest @ ..] => match rest.trim_ascii_start() {
            [b'{', ..] => return Err(Problem::Unrecognised { what: "a JSON array" }),
            // A header in brackets, as SQL Server quotes names, has a letter here.
            [b'"' | b'[' | b']' | b'-' | b'0'..=b'9', ..] => {
                return Err(Problem::Unrecognised {
                    what: "JSON arrays instead of objects, one a line",
                });
            }
            _ => csv::read(text, column, tally)?,
        },
        _ => csv::read(text, column, tally)?,
    };
    Ok(Found { columns, warnings })
}

/// Tells what follows a brace in JSON from a header in braces.
fn is_json_object(rest: &[u8]) -> bool {
    matches!(rest.trim_ascii_start(), [b'"' | b'}', ..])
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

/// Recognises content that is certainly no result, packed or not.
fn unreadable(start: &[u8]) -> Option<&'static str> {
    match start {
        [b'P', b'K', 3, 4, ..] => Some("a ZIP archive or an Excel workbook"),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => Some("an old Excel workbook"),
        [b'%', b'P', b'D', b'F', ..] => Some("a PDF"),
        [b'O', b'R', b'C', ..] if !is_text(start) => Some("ORC"),
        [b'O', b'b', b'j', 1, ..] => Some("Avro"),
        [b'P', b'A', b'R', b'E', ..] => Some("encrypted Parquet"),
        [b'P', b'A', b'R', b'1', ..] if !is_text(start) => {
            Some("Parquet in another compression, which hides its footer")
        }
        [0x04, 0x22, 0x4d, 0x18, ..] => Some("LZ4"),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => Some("XZ"),
        [0xff, 0x06, 0, 0, b's', b'N', ..] => Some("framed Snappy"),
        _ if Compression::of(start) != Compression::None => Some("compressed twice"),
        _ if start.trim_ascii_start().starts_with(b"<") => Some("XML or HTML"),
        // Zero bytes are reported with their line: the file may be text that was damaged.
        _ if !is_text(start) && !start.contains(&0) => Some("no text"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::corpus;

    /// Whatever the first bytes look like.
    #[test]
    fn the_corpus_of_every_format_ends_in_rows_or_a_problem() {
        corpus::check("format", |bytes| {
            let mut tally = Tally::default();
            let file = Arc::new(bytes::Bytes::copy_from_slice(bytes));
            match read(&file, "result.csv.gz", "contactid", &mut tally) {
                Ok(found) => {
                    let rows = tally.finish(0, found.warnings);
                    format!("{} {}", rows.warnings.len(), corpus::ending(&Ok(rows)))
                }
                Err(problem) => corpus::ending(&Err(problem)),
            }
        });
    }
}
