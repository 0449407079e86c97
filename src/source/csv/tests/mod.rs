//! The CSV reader against what a warehouse writes, against the reference parser, and against damage.

use crate::source::problem::Problem;
use crate::source::rejected::Reason;
use crate::source::tally::Tally;
use crate::source::testing::{Trickle, id};
use crate::source::window::Window;
use crate::source::{Rows, corpus};
use std::collections::BTreeSet;
use std::fmt::Write;

mod header;
mod line_ends;
mod readings;
mod reference;
mod shape;

/// Reads a text through windows that begin with so many bytes, filled a few bytes at a time.
fn read_through(window: usize, text: &[u8]) -> Result<Rows, Problem> {
    let mut tally = Tally::default();
    let window = Window::of_size(Trickle::new(text, 5), window);
    super::read_window(window, "contactid", &mut tally)?.ok_or(Problem::Empty)?;
    Ok(tally.finish(Vec::new()))
}

fn read(text: &str) -> Result<Rows, Problem> {
    read_through(128 << 10, text.as_bytes())
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
            (6, Reason::WrongFields),
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
        (format!("contactid,note\n{},a\n{},\"cut her", id(1), id(2)), 3),
        (format!("contactid,note\n{},a\n{},\"cut here\n", id(1), id(2)), 3),
    ] {
        let problem = read(&text).unwrap_err();
        assert!(
            matches!(problem, Problem::Quotes { line: found } if found == line),
            "{problem}"
        );
    }
}

#[test]
fn rows_cut_by_escaped_delimiters_and_line_ends_are_refused() {
    for text in [
        format!("note|contactid\na|{}\nx\\|y|{}\n", id(1), id(2)),
        format!("note|contactid\na|{}\nx\\\ny|{}\n", id(1), id(2)),
        format!("contactid|note\n{}|a\n{}|5\" \\\\\\| x\n", id(1), id(2)),
    ] {
        let problem = read(&text).unwrap_err();
        assert!(matches!(problem, Problem::Escapes { line: 3 }), "{text}: {problem}");
    }
    let rows = read(&format!("path|contactid|note\nC:\\|{}|a\nb|{}|D:\\\n", id(1), id(2))).unwrap();
    assert_eq!((rows.rows, rows.contacts.len()), (2, 2));
}

#[test]
fn files_of_different_columns_put_one_after_the_other_are_refused_with_the_line_of_the_second_header() {
    for header in [
        "account,contactid",
        "ContactId,account",
        "\u{feff}\" contactid \",account",
        "contactid",
        "note,account,contactid",
    ] {
        let text = format!("note,contactid,account\na,{},{}\n{header}\n", id(1), id(7));
        let same_place = header == "account,contactid";
        match read(&text) {
            Ok(rows) if same_place => assert_eq!((rows.contacts.len(), rows.rejected.count), (1, 1)),
            Err(Problem::SecondHeader { line: 3 }) if !same_place => {}
            other => panic!("{header}: {:?}", other.map(|rows| rows.rows)),
        }
    }
    let cell = read(&format!("note,contactid\ncontactid,{}\n", id(1))).unwrap();
    assert_eq!(cell.contacts.len(), 1, "the name may stand in any row that has an id");
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
    let rows = read(&format!(
        "\u{feff}note,contactid\n\u{feff}\"a, b\",{}\n\u{feff}c,{}\n",
        id(1),
        id(2)
    ))
    .unwrap();
    assert_eq!((rows.rows, rows.contacts.len()), (2, 2));
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

fn ids(rows: &Rows) -> BTreeSet<[u8; 16]> {
    rows.contacts.as_slice().iter().map(|id| id.as_bytes()).collect()
}

#[test]
fn it_does_not_matter_where_a_window_ends() {
    let text = format!(
        "note,contactid\r\n\"a, \"\"b\"\"\n\",{}\r\n5\" pipe,{}\n\n\"\\\"\",\"{{{}}}\"\n,\r\nx\n\"two\nlines\",nothing\nlast,{}",
        id(1),
        id(2),
        id(3),
        id(4)
    );
    let whole = read(&text).unwrap();
    assert_eq!((whole.rows, whole.contacts.len(), whole.rejected.count), (7, 4, 3));
    for window in 1..=text.len() + 1 {
        let found = read_through(window, text.as_bytes()).unwrap();
        assert_eq!(ids(&found), ids(&whole), "{window}");
        assert_eq!(rejected(&found), rejected(&whole), "{window}");
    }
}

#[test]
fn the_corpus_ends_in_rows_or_a_problem_wherever_a_window_ends() {
    corpus::check("csv", |bytes| {
        let whole = read_through(4096, bytes);
        let narrow = read_through(1, bytes);
        match (&whole, &narrow) {
            (Ok(whole), Ok(narrow)) => assert_eq!(format!("{whole:?}"), format!("{narrow:?}")),
            // Of several problems it depends on the window which one is met first.
            _ => assert_eq!(whole.is_ok(), narrow.is_ok(), "{whole:?} {narrow:?}"),
        }
        corpus::ending(&whole)
    });
}
