//! The CSV reader against the `csv` crate, which knows nothing of it.

use super::{ids, read_through};
use crate::domain::ContactId;
use crate::source::problem::Problem;
use crate::source::rejected::Reason;
use crate::source::testing::id;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// What the `csv` crate, with its own buffering, finds in a file.
#[derive(Debug, Default, PartialEq)]
struct Reference {
    rows: u64,
    contacts: BTreeSet<[u8; 16]>,
    wrong_fields: u64,
    other_rejected: u64,
}

/// A record without the carriage return of its line end and without the blank fields behind so many.
fn trimmed(record: &csv::ByteRecord, columns: usize) -> Vec<Vec<u8>> {
    let mut fields: Vec<_> = record.iter().map(<[u8]>::to_vec).collect();
    if let Some(last) = fields.last_mut() {
        last.truncate(last.len() - last.iter().rev().take_while(|byte| **byte == b'\r').count());
    }
    while fields.len() > columns && fields.last().is_some_and(|field| field.trim_ascii().is_empty()) {
        fields.pop();
    }
    fields
}

/// Reads a file as RFC 4180 has it, or as if quotes were plain characters.
fn reference(text: &[u8], quoting: bool) -> Reference {
    let mut reader = csv::ReaderBuilder::new()
        .quoting(quoting)
        .flexible(true)
        .has_headers(false)
        .terminator(csv::Terminator::Any(b'\n'))
        .from_reader(text);
    let mut records = reader.byte_records().map(Result::unwrap);
    let first = records.next().unwrap();
    let header = trimmed(&first, 0);
    let is_id = |name: &Vec<u8>| name.trim_ascii().eq_ignore_ascii_case(b"contactid");
    let index = header.iter().position(is_id).unwrap();
    let mut found = Reference::default();
    for record in records {
        let fields = trimmed(&record, header.len());
        // Without its carriage return this is an empty line.
        if fields.len() == 1 && fields[0].is_empty() && record[0].ends_with(b"\r") {
            continue;
        }
        found.rows += 1;
        let more = record.len().saturating_sub(header.len());
        let is_id = |field: &[u8]| ContactId::parse(field).is_some();
        // A delimiter in a text, or a row's name, would have moved the id.
        let is_moved = record.len() != first.len() && record.iter().skip(index + 1).take(more).any(is_id);
        match ContactId::parse(fields.get(index).map_or(b"", Vec::as_slice)) {
            _ if fields.len() != header.len() || is_moved => found.wrong_fields += 1,
            Some(id) => drop(found.contacts.insert(id.as_bytes())),
            None => found.other_rejected += 1,
        }
    }
    found
}

/// A cell as a writer of RFC 4180 would write it: plain or quoted, with a line end or quotes inside.
///
/// None has a backslash before a quote: that is how Spark writes, whom the `csv` crate does not read.
fn cell() -> impl Strategy<Value = String> {
    let text = "[a-c,\"\n\r é\\\\]{0,6}".prop_filter("Spark", |text| !format!("{text}\"").contains("\\\""));
    prop_oneof![
        4 => (0_u64..20).prop_map(id),
        2 => "[a-c é]{0,5}",
        1 => Just(String::new()),
        2 => text.prop_map(|text| format!("\"{}\"", text.replace('"', "\"\""))),
        1 => (0_u64..20).prop_map(|number| format!("\"{{{}}}\"", id(number))),
    ]
}

/// A file of such cells, whose rows have as many as the header, or just any number, or empty ones behind the last.
fn file() -> impl Strategy<Value = String> {
    let end = prop_oneof![3 => Just(""), 1 => Just(","), 1 => Just(",,")];
    let row = |cells| (prop::collection::vec(cell(), cells), end.clone());
    let rows = prop_oneof![
        prop::collection::vec(row(3..4), 0..12),
        prop::collection::vec(row(2..6), 0..12),
    ];
    let line_end = prop_oneof![Just("\n"), Just("\r\n"), Just("\r\r\n")];
    (end.clone(), rows, line_end, any::<bool>()).prop_map(|(header_end, rows, line_end, last)| {
        let lines: Vec<_> = [format!("name,contactid,other{header_end}")]
            .into_iter()
            .chain(rows.iter().map(|(row, end)| row.join(",") + end))
            .collect();
        lines.join(line_end) + if last { line_end } else { "" }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn rows_are_those_of_the_reference_parser(text in file(), window in prop_oneof![1_usize..80, Just(4096)]) {
        let standard = reference(text.as_bytes(), true);
        let found = match read_through(window, text.as_bytes()) {
            Ok(found) => found,
            Err(problem) => {
                prop_assert!(matches!(problem, Problem::TwoReadings { .. }), "{:?}: {}", text, problem);
                prop_assert_ne!(reference(text.as_bytes(), false), standard, "{:?}", text);
                return Ok(());
            }
        };
        let wrong_fields = found.rejected.by_reason.get(&Reason::WrongFields).copied().unwrap_or_default();
        let as_reference = Reference {
            rows: found.rows,
            contacts: ids(&found),
            wrong_fields,
            other_rejected: found.rejected.count - wrong_fields,
        };
        prop_assert_eq!(as_reference, standard, "{:?}", text);
        prop_assert_eq!(found.rows, found.contacts.len() as u64 + found.duplicates + found.rejected.count);
    }

    /// The same file with carriage returns for line ends, and the other way round, holds the same rows in the same lines.
    #[test]
    fn it_does_not_matter_which_character_ends_the_lines(text in file(), window in prop_oneof![1_usize..80, Just(4096)]) {
        let text = text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace('\r', "x");
        let swapped: Vec<_> = text.bytes().map(|byte| if byte == b'\n' { b'\r' } else { byte }).collect();
        let (found, expected) = (read_through(window, &swapped), read_through(window, text.as_bytes()));
        prop_assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{:?}", text);
        prop_assert_eq!(found.ok().as_ref().map(ids), expected.ok().as_ref().map(ids));
    }

    /// Quotes that enclose nothing, as writers leave them that quote nothing or only what holds a delimiter.
    #[test]
    fn stray_quotes_cost_no_row_but_their_own(
        rows in prop::collection::vec((prop_oneof![cell(), "[a-c]{1,2}\"[a-c\"]{0,3}"], prop_oneof!["[a-c]{0,2}", "[a-c]\"[a-c]?"]), 1..12),
        window in prop_oneof![1_usize..80, Just(4096)],
    ) {
        let lines = rows.iter().enumerate().map(|(number, (before, after))| format!("{before},{},{after}\n", id(number as u64)));
        let text = format!("name,contactid,other\n{}", lines.collect::<String>());
        let found = read_through(window, text.as_bytes()).unwrap();
        prop_assert_eq!((found.rows, found.contacts.len()), (rows.len() as u64, rows.len()), "{:?}", text);
    }

    #[test]
    fn any_bytes_end_in_rows_or_a_problem(bytes in prop::collection::vec(any::<u8>(), 0..300), window in 1_usize..80) {
        let text = [b"contactid,x\n", bytes.as_slice()].concat();
        if let Ok(rows) = read_through(window, &text) {
            prop_assert_eq!(rows.rows, rows.contacts.len() as u64 + rows.duplicates + rows.rejected.count);
        }
    }
}
