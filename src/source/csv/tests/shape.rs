//! Rows have as many fields as the header has columns, or they are rejected.

use super::{read, read_through, rejected};
use crate::source::Shape;
use crate::source::problem::Problem;
use crate::source::rejected::Reason;
use crate::source::remark::Remark;
use crate::source::testing::id;

const ACCOUNT: &str = "acc00000-aaaa-4bbb-8ccc-000000000001";

/// Rows that only a parser can tell apart from others, and rows for which nobody needs one.
#[test]
fn a_row_with_another_number_of_fields_is_rejected_whatever_stands_where_the_id_would_be() {
    let contact = id(1);
    for row in [
        format!("Doe, John,{ACCOUNT},{contact},note"),
        format!("{ACCOUNT},{contact},note"),
        format!("n,{ACCOUNT},{contact}"),
        format!("n,{ACCOUNT},{contact},note,more"),
        format!("n,{ACCOUNT},{contact},note,,x"),
        format!("\"n\",{ACCOUNT},{contact},\"a, b\",\"c\""),
        format!("\"n, m\",{ACCOUNT},\"{contact}\""),
        format!("\"two\nlines\",o,{ACCOUNT},{contact},note"),
        format!("5\" pipe, black,{ACCOUNT},{contact},note"),
        format!("\"n\" m, o,{ACCOUNT},{contact},note"),
        contact.clone(),
        " ".to_owned(),
        ",,,,x".to_owned(),
    ] {
        let lines = row.lines().count() as u64;
        let text = format!("name,accountid,contactid,note\na,b,{},c\n{row}\nx,y,nothing,z", id(2));
        for window in [1, 4096] {
            let rows = read_through(window, text.as_bytes()).unwrap();
            assert_eq!(
                rejected(&rows),
                [(3, Reason::WrongFields), (3 + lines, Reason::NotAGuid)],
                "{row:?}"
            );
            assert_eq!(rows.rejected.rows[0].cell, "", "{row:?}");
            assert_eq!((rows.rows, rows.contacts.len()), (3, 1), "{row:?}");
        }
    }
}

#[test]
fn empty_fields_behind_the_last_column_are_no_fault_and_no_columns() {
    let (one, two) = (id(1), id(2));
    for (header, delimiter) in [
        ("name|contactid|", "|"),
        ("name,contactid,,,", ","),
        ("name;contactid", ";"),
    ] {
        for end in [
            "",
            delimiter,
            &delimiter.repeat(3),
            &format!("{delimiter} "),
            &format!("{delimiter}\"\""),
        ] {
            for line_end in ["\n", "\r\n"] {
                let rows = [&one, &two].map(|id| format!("n{delimiter}{id}{end}{line_end}"));
                let text = format!("{header}{line_end}{}", rows.concat());
                let rows = read(&text).unwrap();
                assert_eq!((rows.rows, rows.contacts.len()), (2, 2), "{text:?}");
            }
        }
    }
    let rows = read(&format!("name,contactid,\nn\nn,{one},x\n,{two}\n")).unwrap();
    assert_eq!(
        rejected(&rows),
        [(2, Reason::WrongFields), (3, Reason::WrongFields)],
        "the last of three names is none"
    );
}

/// A text with a delimiter that nobody quoted, and the names of rows that R writes and its header does not name.
#[test]
fn empty_fields_behind_the_last_column_excuse_no_row_whose_id_may_have_been_moved() {
    let (own, other) = (id(1), id(2));
    for row in [
        format!("Bob|{other}|{own}|"),
        format!("Bob|{other}|x|{own}||"),
        format!("Bob|{other}|{own}|x||"),
        format!("1|{other}|{own}| "),
        format!("\"1\"|\"{other}\"|\"{own}\"|\"\""),
        format!("Bob|{other}|{{{own}}}||||"),
    ] {
        for header in ["name|contactid|note", "name|contactid|note|"] {
            let is_wide_as_header = header.split('|').count() == row.split('|').count();
            let text = format!("{header}\nAnn|{}|a\n{row}\n", id(3));
            for window in [1, 4096] {
                let rows = read_through(window, text.as_bytes()).unwrap();
                let expected: &[_] = if is_wide_as_header {
                    &[]
                } else {
                    &[(3, Reason::WrongFields)]
                };
                assert_eq!(rejected(&rows), expected, "{text:?}");
                assert_eq!(rows.warnings.len(), usize::from(is_wide_as_header), "{text:?}");
            }
        }
    }
    let widest = format!(
        "name|contactid|accountid|\nAnn|{own}|{}|\nBob|{other}|{}|\n",
        id(4),
        id(5)
    );
    let rows = read(&widest).unwrap();
    assert_eq!(
        (rows.contacts.len(), rows.warnings.len()),
        (2, 0),
        "every row is as wide as the header"
    );
}

#[test]
fn rows_that_differ_in_their_empty_fields_behind_the_last_column_are_told_of() {
    let told = |text: String| {
        let rows = read(&text).unwrap();
        assert_eq!(rows.contacts.len(), 2, "{text:?}");
        rows.warnings
    };
    let (one, two) = (id(1), id(2));
    let uneven = vec![Remark::Uneven { line: 3 }];
    assert_eq!(told(format!("name|contactid\nAnn|{one}\nBob|{two}|\n")), uneven);
    assert_eq!(told(format!("name|contactid|note\nAnn|{one}|x\nBob|{two}||\n")), uneven);
    for text in [
        format!("name|contactid\nAnn|{one}|\nBob|{two}|\n"),
        format!("name|contactid|||\nAnn|{one}\nBob|{two}\n"),
        format!("contactid|name\n{one}|Ann\n{two}|Bob|\n"),
    ] {
        assert_eq!(told(text), [], "no text may have moved an id, or each row is as wide");
    }
}

#[test]
fn an_empty_name_between_others_is_a_column() {
    let rows = read(&format!(",contactid,,x\n1,{},a,b\n2,{},a\n", id(1), id(2))).unwrap();
    assert_eq!(rejected(&rows), [(3, Reason::WrongFields)]);
    assert_eq!(rows.contacts.len(), 1);
}

#[test]
fn a_file_of_one_column_has_rows_of_one_field() {
    let rows = read(&format!("contactid\n{},x\n{}\nx,{}\n{},\n", id(1), id(2), id(3), id(4))).unwrap();
    assert_eq!(rejected(&rows), [(2, Reason::WrongFields), (4, Reason::WrongFields)]);
    assert_eq!(rows.contacts.len(), 2);
}

#[test]
fn the_numbers_of_fields_are_kept_for_people() {
    let rows = read(&format!("a,contactid,b\nx,{}\n1,2,3,4,5\nx,{},y\n", id(1), id(2))).unwrap();
    let expected = Shape {
        columns: 3,
        fewest: 2,
        most: 5,
    };
    assert_eq!(rows.rejected.shape, Some(expected));
}

/// As the standard reads them, some of these rows come out even by chance.
#[test]
fn of_two_ways_to_read_quotes_the_one_with_the_right_number_of_fields_counts() {
    let contact = id(1);
    for row in [
        format!(r#""a\",\"b",{ACCOUNT},{contact}"#),
        format!(r#""\"a\",\"b\"",{ACCOUNT},{contact}"#),
        format!("\"a\\\",\nb\",{ACCOUNT},{contact}"),
        format!(r#""C:\",{ACCOUNT},{contact}"#),
        format!(r#""a \",",{ACCOUNT},{contact}"#),
    ] {
        let text = format!("name,accountid,contactid\n{row}\n\"x, y\",\"{ACCOUNT}\",{}\n", id(2));
        for window in [1, 4096] {
            let rows = read_through(window, text.as_bytes()).unwrap();
            assert_eq!((rows.rows, rows.contacts.len()), (2, 2), "{row}");
            assert!(
                rows.contacts
                    .as_slice()
                    .contains(&crate::domain::ContactId::parse(contact.as_bytes()).unwrap())
            );
        }
    }
    let row = format!(r#""a\",\"b",{ACCOUNT},x,{contact}"#);
    let rows = read(&format!("name,accountid,contactid\n{row}\nx,y,{}\n", id(2))).unwrap();
    assert_eq!(rejected(&rows), [(2, Reason::WrongFields)], "neither way");
}

#[test]
fn a_quote_behind_a_backslash_never_swallows_the_next_row() {
    let text = format!("contactid,note\n{},\"x\\\"\"\n{},\"\ny\"\n{},z\n", id(1), id(2), id(3));
    let problem = read(&text).unwrap_err();
    assert!(matches!(problem, Problem::TwoReadings { line: 2 }), "{problem}");
}

#[test]
fn a_file_of_which_no_row_fits_is_read_to_its_end() {
    let rows = read(&format!("name,contactid\nDoe, John,{}\nDoe, Jane,{}\n", id(1), id(2))).unwrap();
    assert_eq!((rows.rows, rows.rejected.by_reason[&Reason::WrongFields]), (2, 2));
    assert!(matches!(
        read(&format!("a|contactid\nx\\|y|{}\n", id(1))),
        Err(Problem::Escapes { line: 2 })
    ));
}

#[test]
fn the_header_of_another_file_is_known_by_a_name_where_an_id_belongs() {
    let rows = |from: u64| {
        (from..from + 5)
            .map(|n| format!("Doe,{},{}\n", id(n), id(n + 100)))
            .collect::<Vec<_>>()
            .concat()
    };
    let second = format!(
        "name,contactid,accountid\n{}name,accountid,contact_id\n{}",
        rows(0),
        rows(50)
    );
    assert!(matches!(read(&second), Err(Problem::SecondHeader { line: 7 })));
    let same = format!(
        "name,contactid,accountid\n{}name,contactid,accountid\n{}",
        rows(0),
        rows(50)
    );
    assert_eq!(read(&same).unwrap().rejected.count, 1);
}
