//! Every file of `tests/fixtures/` is read to the same known contacts, or refused with a sentence.

use crate::source::{Reason, Rows, read_file};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// What the good files hold: eight rows, of which one repeats a contact, one has none and one has no GUID.
const AS_IT_WAS: (u64, u64, u64) = (8, 1, 2);

/// What is wrong with each of the others, in the words that people read.
const REFUSALS: [(&str, &str); 29] = [
    ("athena_unload_without_header.txt.gz", "there is no header"),
    ("refused_array.json", "the content is a JSON array"),
    ("refused_binary.csv", "the content is no text"),
    (
        "refused_binary.csv.gz",
        "ends in .gz, but the content is neither gzip nor text",
    ),
    (
        "refused_backslash_escapes.txt",
        "line 4 is cut where a backslash stands before a delimiter or line end: unload with quoted values",
    ),
    ("refused_cut_line.jsonl", "line 8 is no JSON object"),
    ("refused_empty_in_gzip.csv.gz", "the object is empty"),
    ("refused_list.parquet", "is of Parquet type list or structure"),
    ("refused_lz4.parquet", "compressed with LZ4"),
    (
        "refused_missing_column.csv",
        "no column \"contactid\"; the file has 3 columns, and \"contact_no\" comes near",
    ),
    (
        "refused_missing_column.parquet",
        "no column \"contactid\"; the file has 3 columns, and \"contact_no\" comes near",
    ),
    (
        "refused_missing_key.jsonl",
        "no object has the key \"contactid\"; the first one has 3 keys",
    ),
    ("refused_no_header.csv", "there is no header"),
    ("refused_nul.csv", "line 4 holds a NUL byte"),
    ("refused_numbers.parquet", "is of Parquet type INT64"),
    ("refused_only_line_ends.csv", "the object is empty"),
    (
        "refused_open_quote.csv",
        "the quotes of the record that starts in line 11 do not match",
    ),
    ("refused_page_checksum.parquet", "the Parquet data is corrupt"),
    ("refused_truncated.csv.bz2", "the bzip2 data is truncated"),
    ("refused_truncated.csv.gz", "the gzip data is truncated"),
    ("refused_truncated.csv.zst", "the zstd data is truncated"),
    (
        "refused_truncated.parquet",
        "the Parquet data does not end as Parquet does",
    ),
    ("refused_twice.csv.gz", "the content is compressed twice"),
    ("refused_two_columns.csv", "there are 2 columns \"contactid\""),
    ("refused_utf16_without_mark.csv", "line 1 holds a NUL byte"),
    ("refused_web_page.html", "the content is XML or HTML"),
    (
        "refused_workbook.xlsx",
        "the content is a ZIP archive or an Excel workbook",
    ),
    ("refused_wrong_crc.csv.gz", "the gzip data is corrupt"),
    ("refused_zero_bytes.csv", "the object is empty"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn read(name: &str) -> Result<Rows, String> {
    read_file(File::open(folder().join(name)).unwrap(), name, "contactid").map_err(|problem| problem.to_string())
}

/// The names of all files but the description.
fn files() -> Vec<String> {
    let entries = fs::read_dir(folder()).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.retain(|name| name != "README.md");
    names.sort();
    names
}

#[test]
fn every_file_that_a_warehouse_writes_holds_the_same_contacts() {
    let expected: BTreeSet<_> = (1..=5_u8)
        .map(|last| {
            [
                0x8f, 0x2a, 0x1c, 0x34, 0x5b, 0x6d, 0x4e, 0x7f, 0x8a, 0x9b, 0x0c, 0x1d, 0x2e, 0x3f, 0x4a, last,
            ]
        })
        .collect();
    let mut seen = 0;
    for name in files() {
        if REFUSALS.iter().any(|(refused, _)| *refused == name) {
            continue;
        }
        let rows = read(&name).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        let found: BTreeSet<_> = rows.contacts.as_slice().iter().map(|id| id.as_bytes()).collect();
        assert_eq!(found, expected, "{name}");
        let numbers = (rows.rows, rows.duplicates, rows.rejected.count);
        assert_eq!(numbers, AS_IT_WAS, "{name}: {:?}", rows.rejected.rows);
        assert!(rows.rejected.by_reason.contains_key(&Reason::Empty), "{name}");
        assert_eq!(
            rows.warnings.is_empty(),
            !name.contains("named_gz"),
            "{name}: {:?}",
            rows.warnings
        );
        seen += 1;
    }
    assert!(seen > 30, "{seen} files");
}

#[test]
fn every_other_file_is_refused_in_words() {
    for (name, expected) in REFUSALS {
        let problem = read(name).expect_err(name);
        assert!(problem.contains(expected), "{name}: {problem}");
    }
}
