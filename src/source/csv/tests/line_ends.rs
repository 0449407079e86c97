//! The first line end decides, and nothing vanishes where another one follows.

use super::{ids, read, read_through, rejected};
use crate::source::Rows;
use crate::source::problem::Problem;
use crate::source::rejected::Reason;
use crate::source::testing::id;

/// Reads a text through windows of every size, which must not matter.
fn read_any(text: &str) -> Result<Rows, Problem> {
    let whole = read(text);
    for window in 1..=text.len() + 1 {
        let found = read_through(window, text.as_bytes());
        match (&found, &whole) {
            (Ok(found), Ok(whole)) => {
                assert_eq!(format!("{found:?}"), format!("{whole:?}"), "{window}");
                assert_eq!(ids(found), ids(whole), "{window}");
            }
            (Err(found), Err(whole)) => assert_eq!(found.to_string(), whole.to_string(), "{window}"),
            _ => panic!("{window}: {found:?} {whole:?}"),
        }
    }
    whole
}

#[test]
fn lines_may_end_with_carriage_returns_alone() {
    let text = format!(
        "\r\u{feff}note,\"contact\nid\",contactid\ra,b,{}\r\"x\ny\rz\",,{}\r\r,,nothing\r{}\rc,d,{}",
        id(1),
        id(2),
        id(3),
        id(4)
    );
    for last in ["", "\r", "\r\r"] {
        let rows = read_any(&format!("{text}{last}")).unwrap();
        assert_eq!((rows.rows, rows.contacts.len()), (5, 3));
        assert_eq!(rejected(&rows), [(7, Reason::NotAGuid), (8, Reason::WrongFields)]);
    }
    let rows = read_any(&format!("contactid\r{}\r\r{}\r", id(1), id(2))).unwrap();
    assert_eq!(rejected(&rows), [(3, Reason::Empty)]);
}

#[test]
fn two_carriage_returns_before_a_line_feed_are_one_line_end() {
    let text = format!(
        "contactid,note\r\r\n{},\"a\r\r\nb\"\r\r\n\r\r\n{},x\r\nbad,\r\r\n{},\"y\"\r\r\n",
        id(1),
        id(2),
        id(3)
    );
    let rows = read_any(&text).unwrap();
    assert_eq!((rows.rows, rows.contacts.len()), (4, 3));
    assert_eq!(rejected(&rows), [(6, Reason::NotAGuid)]);
}

#[test]
fn one_carriage_return_at_the_very_end_ends_the_last_line() {
    for line_end in ["\n", "\r\n"] {
        for note in ["a", "\"a\"", ""] {
            let rows = read_any(&format!("contactid,note{line_end}{},{note}\r", id(1))).unwrap();
            assert_eq!((rows.rows, rows.contacts.len()), (1, 1), "{line_end:?} {note}");
            let rows = read_any(&format!("contactid,note{line_end}{},{note}{line_end}\r", id(1))).unwrap();
            assert_eq!((rows.rows, rows.contacts.len()), (1, 1), "{line_end:?} {note}");
        }
    }
}

#[test]
fn a_carriage_return_that_ends_no_line_is_refused_with_its_line() {
    let (one, two) = (id(1), id(2));
    for (text, line) in [
        (format!("contactid,note\r\n{one},n\r{two},n\r"), 2),
        (format!("contactid,note\n{one},n\n{two},n\rx,y\n"), 3),
        (format!("contactid,note\n{one},n\r\r{two},n\n"), 2),
        (format!("contactid,note\n{one},\"n\"\r{two},\"n\"\n"), 2),
        (format!("note,contactid\n\"a\r\nb\",{one}\n\"c\nd\",{two}\rx,y\n"), 5),
        (format!("note,contactid\n5\" pipe\rx,{one}\n"), 2),
        (format!("contactid,note\n{one},n\n\r{two},n\n"), 3),
        (format!("contactid,note\n{one},n\r\r"), 2),
        (format!("contactid,note\n{one},n\n\r\r"), 3),
        (format!("\ncontactid,note\r{one},n\r{two},n\n"), 2),
        (format!("contactid\n{one}\r{two}\n"), 2),
        (format!("note,contactid\n\"say \\\"hi\\\"\",{one}\r\"x\",{two}\n"), 2),
    ] {
        let problem = read_any(&text).unwrap_err();
        assert!(
            matches!(problem, Problem::LineEnds { line: found, .. } if found == line),
            "{text:?}: {problem}"
        );
        assert!(
            problem.to_string().contains("holds a carriage return (CR)"),
            "{problem}"
        );
    }
}

#[test]
fn a_line_feed_among_carriage_returns_is_refused_with_its_line() {
    let (one, two) = (id(1), id(2));
    for (text, line) in [
        (format!("contactid,note\r{one},n\n{two},n\r"), 2),
        (format!("contactid,note\r{one},n\r\n{two},n\r\n"), 3),
        (format!("contactid,note\r{one},n\r{two},n\n"), 3),
        (format!("contactid,note\r{one},n\n\r{two},n\r"), 2),
        (format!("note,contactid\r\"a\r\nb\",{one}\r\n"), 4),
    ] {
        let problem = read_any(&text).unwrap_err();
        assert!(
            matches!(problem, Problem::LineEnds { line: found, .. } if found == line),
            "{text:?}: {problem}"
        );
        assert!(problem.to_string().contains("holds a line feed (LF)"), "{problem}");
    }
}

#[test]
fn lines_that_seem_endless_are_told_by_their_carriage_returns() {
    let rows: Vec<_> = (0..30_000).map(|number| format!("{},n\r", id(number))).collect();
    let problem = read(&format!("contactid,note\n{}", rows.concat())).unwrap_err();
    assert!(matches!(problem, Problem::LineEnds { line: 2, .. }), "{problem}");
    let found = read(&format!("contactid,note\r{}", rows.concat())).unwrap();
    assert_eq!((found.rows, found.contacts.len()), (30_000, 30_000));
}

#[test]
fn lines_are_counted_right_whatever_ends_them() {
    let nul = format!("contactid\r{}\r\0\r", id(1));
    assert!(matches!(read(&nul), Err(Problem::Nul { line: 3 })));
    let long = format!("contactid\r{}\r{}", id(1), "x".repeat(1_100_000));
    assert!(matches!(read(&long), Err(Problem::LongRecord { line: 3, .. })));
}
