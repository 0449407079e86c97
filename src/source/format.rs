//! Which format a file is in, by its first bytes; and reading it.

use crate::source::compression::{Compression, Unpacked};
use crate::source::content::Content;
use crate::source::parts::{Misfit, looks_like_manifest};
use crate::source::problem::Problem;
use crate::source::tally::Tally;
use crate::source::text::{Text, peek};
use crate::source::{csv, json_lines, magic, parquet};
use std::sync::Arc;

/// How many first bytes are looked at.
const LOOKED_AT: usize = 512;

/// What names of Parquet files end in.
const PARQUET_ENDINGS: [&str; 2] = ["parquet", "pq"];

/// What names of text files end in.
const TEXT_ENDINGS: [&str; 6] = ["csv", "tsv", "txt", "json", "jsonl", "ndjson"];

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
    if magic::is_parquet(&start) {
        drop(input);
        let warnings = misnamed(key, None);
        return Ok(Found {
            columns: Some(parquet::read(file, column, tally)?),
            warnings,
        });
    }
    let unpacked = Unpacked::new(input, compression, file.size())?;
    let (start, unpacked) = peek(tally.stop().watch(unpacked), LOOKED_AT)?;
    check(&start, compression, key)?;
    let warnings = misnamed(key, Some(compression));
    let text = Text::new(unpacked)?;
    let (start, text) = peek(text, LOOKED_AT)?;
    if looks_like_manifest(key, &start) {
        return Err(Misfit::IsManifest.into());
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

/// Warns of a name that promises something else than compressed text, or none where the content is Parquet.
fn misnamed(key: &str, content: Option<Compression>) -> Vec<String> {
    let ending = key.rsplit_once('.').map_or("", |(_, ending)| ending);
    let is = |endings: &[&str]| endings.iter().any(|known| ending.eq_ignore_ascii_case(known));
    let is_misleading = match (content, Compression::named(key)) {
        (Some(compression), Some((named, _))) => named != compression,
        (Some(_), None) => is(&PARQUET_ENDINGS),
        (None, Some(_)) => true,
        (None, None) => is(&TEXT_ENDINGS),
    };
    let name = content.map_or("Parquet", Compression::name);
    let warning = || format!("the name ends in .{ending}, but the content is {name}; it was read as that");
    is_misleading.then(warning).into_iter().collect()
}

/// Refuses content, by its unpacked first bytes, that is certainly no result.
fn check(start: &[u8], compression: Compression, key: &str) -> Result<(), Problem> {
    let what = match magic::name(start) {
        Some(what) => what,
        None if Compression::of(start) != Compression::None => "compressed twice",
        None if magic::is_binary(start) => match Compression::named(key) {
            Some((named, ending)) if compression == Compression::None => {
                return Err(Problem::NotAsNamed {
                    extension: ending.to_owned(),
                    expected: named.name(),
                });
            }
            _ => "no text",
        },
        None => return Ok(()),
    };
    Err(Problem::Unrecognised { what })
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
