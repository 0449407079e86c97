//! The CSV reader against what a warehouse writes, against the reference parser, and against damage.

use crate::source::Rows;
use crate::source::error::Problem;
use crate::source::tally::{Reason, Tally};
use crate::source::testing::{Trickle, id, mutations};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fmt::Write;

fn read_in_steps(text: &[u8], step: usize) -> Result<Rows, Problem> {
    let mut tally = Tally::default();
    super::read(Trickle::new(text, step), "contactid", &mut tally)?.ok_or(Problem::Empty)?;
    Ok(tally.finish(0, Vec::new()))
}

fn read(text: &str) -> Result<Rows, Problem> {
    read_in_steps(text.as_bytes(), 8 << 10)
}

/// Returns line and reason of every rejected row.
fn rejected(rows: &Rows) -> Vec<(u64, Reason)> {
    rows.rejected.rows.iter().map(|row| (row.line, row.reason)).collect()
}

#[test]
fn the_column_is_found_anywhere_and_under_every_delimiter() {
    let (one, two) = (id(1), id(2));
    for delimiter in [",", "\t", "|", ";", "\u{1}"] {
        for end in ["\n", "\r\n"] {
            for last in ["", end] {
                let lines = [
                    ["name", "\"ContactId\"", "note"].join(delimiter),
                    ["a", &one, &format!("\"x{delimiter}{end}\"\"y\"\"\"")].join(delimiter),
                    ["b", &format!("\"{two}\""), ""].join(delimiter),
                    ["c", &one, "d"].join(delimiter),
                ];
                let rows = read(&(lines.join(end) + last)).unwrap();
                assert_eq!(
                    (rows.rows, rows.contacts.len(), rows.duplicates),
                    (3, 2, 1),
                    "{delimiter:?} {end:?}"
                );
            }
        }
    }
}

#[test]
fn rejected_rows_are_told_with_line_and_reason() {
    let text = format!(
        "note,contactid\n\"two\nlines\",{}\nx,\n\ny\nz,hello\n\"a\n\n\",NULL\nw,00000000-0000-0000-0000-000000000000",
        id(1)
    );
    let rows = read(&text).unwrap();
    assert_eq!(
        rejected(&rows),
        [
            (4, Reason::Empty),
            (6, Reason::ShortRow),
            (7, Reason::NotAGuid),
            (8, Reason::Empty),
            (11, Reason::NilGuid)
        ]
    );
    assert_eq!(rows.rejected.rows[2].cell, "hello");
    assert_eq!((rows.rows, rows.contacts.len(), rows.rejected.count), (6, 1, 5));
}

#[test]
fn in_a_file_of_one_column_an_empty_line_is_a_row_except_at_the_end() {
    let rows = read(&format!("contactid\n{}\n\n\"\"\n\r\n{}\n\n\n", id(1), id(2))).unwrap();
    assert_eq!(
        rejected(&rows),
        [(3, Reason::Empty), (4, Reason::Empty), (5, Reason::Empty)]
    );
    assert_eq!((rows.rows, rows.contacts.len()), (5, 2));
}

#[test]
fn a_header_without_rows_is_an_empty_result_and_no_header_is_none() {
    assert_eq!(read("contactid").unwrap().rows, 0);
    assert_eq!(read("\r\n\nname,contactid\n").unwrap().rows, 0);
    assert!(matches!(read(""), Err(Problem::Empty)));
    assert!(matches!(read("\n\r\n\n"), Err(Problem::Empty)));
    assert!(matches!(
        read(&format!("{},x\n{},y\n", id(1), id(2))),
        Err(Problem::NoHeader)
    ));
}

#[test]
fn quotes_inside_unquoted_fields_are_plain_characters() {
    let rows = read(&format!(
        "size,contactid,note\n5\" pipe,{},a\nx,{},7\"\ny,{},\"z\"\n",
        id(1),
        id(2),
        id(3)
    ))
    .unwrap();
    assert_eq!((rows.rows, rows.contacts.len()), (3, 3));
}

#[test]
fn quotes_with_a_backslash_are_read_as_spark_writes_them() {
    let text = format!(
        "note,contactid\n\"say \\\"hi\\\", you\",{}\n\"ends with \\\"\",{}\n\"\\\"b\n\",{}\nC:\\,{}\n\"C:\\\",{}\n",
        id(1),
        id(2),
        id(3),
        id(4),
        id(5)
    );
    let rows = read(&text).unwrap();
    assert_eq!((rows.rows, rows.contacts.len()), (5, 5), "{:?}", rows.rejected.rows);
}

#[test]
fn a_quote_that_would_swallow_rows_is_refused() {
    for (text, line) in [
        (
            format!("note,contactid\na,{}\n\"open,{}\nb,{}\n", id(1), id(2), id(3)),
            3,
        ),
        (format!("note,contactid\n\"open,{}\n\"b\",{}\n", id(1), id(2)), 2),
    ] {
        let problem = read(&text).unwrap_err();
        assert!(
            matches!(problem, Problem::Quotes { line: found } if found == line),
            "{problem}"
        );
    }
}

#[test]
fn a_stray_quote_within_one_line_costs_no_other_row() {
    let rows = read(&format!("note,contactid\n\"a\" b,{}\nc,{}\n", id(1), id(2))).unwrap();
    assert_eq!((rows.rows, rows.contacts.len()), (2, 2));
}

#[test]
fn a_record_of_absurd_length_is_refused_with_its_line() {
    let long = "x".repeat(1_100_000);
    for text in [
        format!("contactid,n\n{},a\n{},{long}\n", id(1), id(2)),
        format!("contactid,n\n{},a\n{},\"{long}\n", id(1), id(2)),
    ] {
        assert!(
            matches!(read(&text), Err(Problem::LongRecord { line: 3, .. })),
            "{:?}",
            read(&text)
        );
    }
    assert!(matches!(read(&long), Err(Problem::LongRecord { line: 1, .. })));
    let fitting = format!("contactid,n\n{},\"{}\"\n{},a", id(1), &long[..1_000_000], id(2));
    assert_eq!(read(&fitting).unwrap().contacts.len(), 2);
}

#[test]
fn a_nul_byte_is_refused_with_its_line() {
    assert!(matches!(
        read(&format!("contactid\n{}\n\0\0\0", id(1))),
        Err(Problem::Nul { line: 3 })
    ));
    assert!(matches!(read(&"\0".repeat(200_000)), Err(Problem::Nul { line: 1 })));
}

#[test]
fn files_put_one_after_the_other_keep_their_rows() {
    let rows = read(&format!("contactid\n{}\n\u{feff}contactid\n\u{feff}{}\n", id(1), id(2))).unwrap();
    assert_eq!((rows.rows, rows.contacts.len(), rows.rejected.count), (3, 2, 1));
}

#[test]
fn many_windows_count_every_line() {
    let mut text = "n,contactid\n".to_owned();
    for number in 0..20_000 {
        let cell = if number % 1_000 == 999 {
            "bad".to_owned()
        } else {
            id(number)
        };
        write!(text, "\"line\n{number}\",{cell}\n").unwrap();
    }
    let rows = read(&text).unwrap();
    let expected: Vec<_> = (0..20)
        .map(|bad| (2 + 2 * (bad * 1_000 + 999), Reason::NotAGuid))
        .collect();
    assert_eq!(rejected(&rows), expected);
    assert_eq!((rows.rows, rows.contacts.len()), (20_000, 19_980));
}

/// What the reference parser, with the `csv` crate's own buffering, finds in the column.
fn reference(text: &[u8]) -> (u64, BTreeSet<[u8; 16]>, u64) {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .terminator(csv::Terminator::Any(b'\n'))
        .from_reader(text);
    let is_id = |name: &[u8]| name.trim_ascii().eq_ignore_ascii_case(b"contactid");
    let index = reader.byte_headers().unwrap().iter().position(is_id).unwrap();
    let (mut rows, mut contacts, mut rejected) = (0, BTreeSet::new(), 0);
    for record in reader.into_byte_records() {
        let record = record.unwrap();
        // Without its carriage return this is an empty line.
        if record.len() == 1 && record[0].iter().all(|byte| *byte == b'\r') && text.contains(&b'\r') {
            continue;
        }
        rows += 1;
        match record.get(index).and_then(crate::contact::ContactId::parse) {
            Some(id) => drop(contacts.insert(id.as_bytes())),
            None => rejected += 1,
        }
    }
    (rows, contacts, rejected)
}

/// A cell as some writer would write it: plain, quoted, with stray quotes, or with a line end inside its quotes.
fn cell() -> impl Strategy<Value = String> {
    let text = "[a-c,\"\n\r é\\\\]{0,6}";
    prop_oneof![
        4 => (0_u64..20).prop_map(id),
        2 => "[a-c é]{0,5}",
        2 => text.prop_map(|text| format!("\"{}\"", text.replace('"', "\"\""))),
        1 => (0_u64..20).prop_map(|number| format!("\"{{{}}}\"", id(number))),
        1 => "[a-c]{1,2}\"[a-c\"]{0,3}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn rows_are_those_of_the_reference_parser(
        rows in prop::collection::vec(prop::collection::vec(cell(), 2..5), 0..12),
        crlf in any::<bool>(),
        last in any::<bool>(),
        step in prop_oneof![Just(1_usize), Just(7), Just(4096)],
    ) {
        let end = if crlf { "\r\n" } else { "\n" };
        let mut text = ["name,contactid,other".to_owned()].into_iter()
            .chain(rows.iter().map(|row| row.join(",")))
            .collect::<Vec<_>>()
            .join(end);
        if last { text += end; }
        let found = read_in_steps(text.as_bytes(), step).unwrap();
        let (expected_rows, contacts, rejected) = reference(text.as_bytes());
        let ids: BTreeSet<_> = found.contacts.as_slice().iter().map(|id| id.as_bytes()).collect();
        prop_assert_eq!((found.rows, found.rejected.count), (expected_rows, rejected), "{:?}", text);
        prop_assert_eq!(ids, contacts);
        prop_assert_eq!(found.rows, found.contacts.len() as u64 + found.duplicates + found.rejected.count);
    }

    #[test]
    fn any_bytes_end_in_rows_or_a_problem(bytes in prop::collection::vec(any::<u8>(), 0..300), step in 1_usize..9) {
        let text = [b"contactid,x\n", bytes.as_slice()].concat();
        if let Ok(rows) = read_in_steps(&text, step) {
            prop_assert_eq!(rows.rows, rows.contacts.len() as u64 + rows.duplicates + rows.rejected.count);
        }
    }
}

#[test]
fn mutated_files_end_in_rows_or_a_problem() {
    let seed = format!(
        "name,contactid\r\n\"a, \"\"b\"\"\n\",{}\r\n5\",{}\n\"\\\"\",{}\n,\n\n",
        id(1),
        id(2),
        id(3)
    );
    for mutant in mutations(seed.as_bytes(), 1_000) {
        let whole = read_in_steps(&mutant, 4096);
        let trickled = read_in_steps(&mutant, 1);
        assert_eq!(
            format!("{whole:?}"),
            format!("{trickled:?}"),
            "{:?}",
            String::from_utf8_lossy(&mutant)
        );
        if let Ok(rows) = whole {
            assert_eq!(
                rows.rows,
                rows.contacts.len() as u64 + rows.duplicates + rows.rejected.count
            );
        }
    }
}
