//! Which format a file is in, by its first bytes; and reading it.

use crate::source::compression::{Compression, Unpacked};
use crate::source::content::Content;
use crate::source::parts::{Misfit, looks_like_manifest};
use crate::source::problem::Problem;
use crate::source::remark::Remark;
use crate::source::tally::Tally;
use crate::source::text::{Text, peek};
use crate::source::{csv, json_lines, magic, parquet};
use std::io::Read;
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
    /// The columns, none for JSON Lines; `None` if the file holds nothing, not even a header.
    pub(crate) columns: Option<Vec<String>>,
    /// What a person should know of the file.
    pub(crate) warnings: Vec<Remark>,
}

/// Reads all rows of one file; `key` is its name, which counts less than its content.
pub(crate) fn read<C: Content>(file: &Arc<C>, key: &str, column: &str, tally: &mut Tally) -> Result<Found, Problem> {
    let (start, input) = peek(file.part(0..file.size())?, LOOKED_AT)?;
    let ends_as_parquet = || parquet::ends_a_file(file.as_ref());
    if magic::is_parquet(&start, ends_as_parquet) {
        drop(input);
        let warnings = misnamed(key, None);
        return Ok(Found {
            columns: Some(parquet::read(file, column, tally)?),
            warnings,
        });
    }
    match read_text(&start, input, file.size(), key, column, tally) {
        // What text it is not is no help where it is none.
        Err(problem) if !matches!(problem, Problem::Io(_)) && ends_as_parquet() => Err(Problem::OnlyFooter),
        outcome => outcome,
    }
}

/// Reads all rows of text, packed or not, whose first bytes and their rest these are.
fn read_text<R: Read + Send>(
    start: &[u8],
    input: R,
    size: u64,
    key: &str,
    column: &str,
    tally: &mut Tally,
) -> Result<Found, Problem> {
    let compression = Compression::of(start);
    let unpacked = Unpacked::new(input, compression, size)?;
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

/// Returns what a name ends in, behind its last point.
fn ending(key: &str) -> &str {
    key.rsplit_once('.').map_or("", |(_, ending)| ending)
}

fn is_one_of(endings: &[&str], ending: &str) -> bool {
    endings.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// Warns of a name that promises something else than compressed text, or none where the content is Parquet.
fn misnamed(key: &str, content: Option<Compression>) -> Vec<Remark> {
    let ending = ending(key);
    let is_misleading = match (content, Compression::named(key)) {
        (Some(compression), Some((named, _))) => named != compression,
        (Some(_), None) => is_one_of(&PARQUET_ENDINGS, ending),
        (None, Some(_)) => true,
        (None, None) => is_one_of(&TEXT_ENDINGS, ending),
    };
    let remark = || Remark::Misnamed {
        ending: ending.to_owned(),
        content: content.map_or("Parquet", Compression::name),
    };
    is_misleading.then(remark).into_iter().collect()
}

/// Refuses content, by its unpacked first bytes, that is certainly no result.
fn check(start: &[u8], compression: Compression, key: &str) -> Result<(), Problem> {
    let what = match magic::name(start) {
        Some(what) => what,
        None if Compression::of(start) != Compression::None => "compressed twice",
        None if compression == Compression::None
            && is_one_of(&PARQUET_ENDINGS, ending(key))
            && magic::holds_zeros(start) =>
        {
            return Err(not_as_named(ending(key), "Parquet"));
        }
        None if magic::is_binary(start) => match Compression::named(key) {
            Some((named, ending)) if compression == Compression::None => {
                return Err(not_as_named(ending, named.name()));
            }
            _ => "no text",
        },
        None => return Ok(()),
    };
    Err(Problem::Unrecognised { what })
}

fn not_as_named(extension: &str, expected: &'static str) -> Problem {
    Problem::NotAsNamed {
        extension: extension.to_owned(),
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::corpus;
    use crate::source::testing::id;

    /// Whatever the first bytes look like.
    #[test]
    fn the_corpus_of_every_format_ends_in_rows_or_a_problem() {
        corpus::check("format", |bytes| {
            let mut tally = Tally::default();
            let file = Arc::new(bytes::Bytes::copy_from_slice(bytes));
            match read(&file, "result.csv.gz", "contactid", &mut tally) {
                Ok(found) => {
                    let rows = tally.finish(found.warnings);
                    format!("{} {}", rows.warnings.len(), corpus::ending(&Ok(rows)))
                }
                Err(problem) => corpus::ending(&Err(problem)),
            }
        });
    }

    fn problem(bytes: Vec<u8>, key: &str) -> String {
        let file = Arc::new(bytes::Bytes::from(bytes));
        read(&file, key, "contactid", &mut Tally::default())
            .unwrap_err()
            .to_string()
    }

    fn parquet() -> Vec<u8> {
        std::fs::read(format!(
            "{}/tests/fixtures/spark_snappy.parquet",
            env!("CARGO_MANIFEST_DIR")
        ))
        .unwrap()
    }

    #[test]
    fn parquet_whose_beginning_is_damaged_is_never_told_as_text_that_it_is_not() {
        for start in [
            b"QAR1".as_slice(),
            b"\0\0\0\0",
            b"\x1f\x8b\x08\0",
            b"\xff\xfe",
            b"{\"a\"",
            b"[1",
            b"name,",
            b"a\nb\n",
        ] {
            for key in ["x.parquet", "x", "x.csv"] {
                let mut damaged = parquet();
                damaged.splice(..start.len().min(8), start.iter().copied());
                let problem = problem(damaged, key);
                assert!(
                    problem.starts_with("the content ends as Parquet does, but does not begin so"),
                    "{key}, {start:?}: {problem}"
                );
            }
        }
    }

    /// The first bytes of a column are usually those of a structure; nothing has to be understood of other columns.
    #[test]
    fn parquet_that_begins_and_ends_so_is_read_whatever_its_first_column_holds() {
        let mut bytes = parquet();
        bytes[4..20].copy_from_slice(b",no control byte");
        let mut tally = Tally::default();
        read(&Arc::new(bytes::Bytes::from(bytes)), "x", "contactid", &mut tally).unwrap();
        assert_eq!(tally.finish(Vec::new()).contacts.len(), 5);
    }

    #[test]
    fn text_with_parquet_behind_it_is_told_as_both() {
        let csv = format!("contactid\n{}\n", id(1)).into_bytes();
        let problem = problem([csv, parquet()].concat(), "x.csv");
        assert!(problem.contains("or something was written before it"), "{problem}");
    }

    #[test]
    fn parquet_that_is_damaged_at_both_ends_is_known_by_its_name() {
        let mut damaged = parquet();
        damaged[0] = b'Q';
        damaged.pop();
        assert!(
            problem(damaged, "x.PARQUET")
                .starts_with("the name ends in .PARQUET, but the content is neither Parquet nor")
        );
    }

    #[test]
    fn text_that_ends_in_the_letters_of_parquet_or_has_its_name_is_told_as_text() {
        for key in ["x.csv", "x.parquet"] {
            let problem = problem(format!("id,name\n{},PAR1", id(1)).into_bytes(), key);
            assert!(problem.starts_with("there is no column"), "{problem}");
        }
        let utf_16: Vec<u8> = "\u{feff}id,name\n1,2\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert!(problem(utf_16, "x.parquet").starts_with("there is no column"));
    }
}
