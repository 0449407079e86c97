//! JSON Lines against what a warehouse writes, and against damage.

use super::*;
use crate::source::rejected::Reason;
use crate::source::testing::{Trickle, id};
use crate::source::{Rows, corpus};

/// Reads a text through windows that begin with so many bytes, filled a few bytes at a time.
fn read_through(window: usize, text: &[u8]) -> Result<Rows, Problem> {
    let mut tally = Tally::default();
    read_window(Window::of_size(Trickle::new(text, 5), window), "contactid", &mut tally)?;
    Ok(tally.finish(Vec::new()))
}

fn read_text(text: &[u8]) -> Result<Rows, Problem> {
    read_through(128 << 10, text)
}

#[test]
fn the_id_is_taken_from_any_place_wherever_a_window_ends() {
    let text = format!(
        "{{\"ContactId\":\"{}\",\"a\":[{{\"contactid\":1}}]}}\r\n\n {{\"n\":\"M\u{fc}ller\",\"Contact\\u0049d\":\"{{{}}}\"}}\n{{\"ContactId\":\"\\u0038{}\"}}",
        id(1),
        id(2),
        &id(1)[1..]
    );
    for window in 1..=text.len() + 1 {
        let rows = read_through(window, text.as_bytes()).unwrap();
        assert_eq!((rows.rows, rows.contacts.len(), rows.duplicates), (3, 2, 1), "{window}");
    }
}

#[test]
fn rows_without_an_id_are_told_with_their_lines() {
    let text = format!(
        "{{\"contactid\":null}}\n{{}}\n\n{{\"contactid\":7}}\n{{\"contactid\":[\"{}\"]}}\n{{\"contactid\":\"x\"}}\n",
        id(1)
    );
    let rows = read_text(text.as_bytes()).unwrap();
    let found: Vec<_> = rows.rejected.rows.iter().map(|row| (row.line, row.reason)).collect();
    let expected = [
        (1, Reason::Empty),
        (2, Reason::Empty),
        (4, Reason::NotAGuid),
        (5, Reason::NotAGuid),
        (6, Reason::NotAGuid),
    ];
    assert_eq!(found, expected);
}

#[test]
fn bytes_that_are_no_utf_8_may_stand_in_other_fields() {
    let text = [b"{\"name\":\"M\xfcller\",\"contactid\":\"", id(1).as_bytes(), b"\"}"].concat();
    assert_eq!(read_text(&text).unwrap().contacts.len(), 1);
}

#[test]
fn what_is_no_object_is_refused_with_its_line() {
    for (text, line) in [
        ("{}\n[1]\n", 2),
        ("{}\n{} {}\n", 2),
        ("{\"contactid\":\"x", 1),
        ("{\n}\n", 1),
    ] {
        let problem = read_text(text.as_bytes()).unwrap_err();
        assert!(
            matches!(problem, Problem::Json { line: found } if found == line),
            "{text}: {problem}"
        );
    }
    let long = format!("{{\"contactid\":\"{}\"}}", "x".repeat(1 << 20));
    assert!(matches!(
        read_text(long.as_bytes()),
        Err(Problem::LongRecord { line: 1, .. })
    ));
}

#[test]
fn a_file_where_no_object_has_the_key_lacks_the_column() {
    for (text, keys) in [
        (
            "{\"a\":1,\"contact_id\":2}\n{}\n",
            "2 keys, and \"contact_id\" comes near:",
        ),
        (
            "{\"M\u{fc}ller\":{\"contactid\":1}}\n{}\n",
            "1 key, none with a name like that:",
        ),
        ("{}\n", "the first one has no keys:"),
    ] {
        let message = read_text(text.as_bytes()).unwrap_err().to_string();
        assert!(message.contains(keys), "{message}");
    }
    let deep = format!("{{\"a\":{}1{},\"b\":2}}", "[".repeat(1_000), "]".repeat(1_000));
    let message = read_text(deep.as_bytes()).unwrap_err().to_string();
    assert!(message.contains("the first one has 2 keys"), "{message}");
}

#[test]
fn keys_are_never_shown_that_may_be_somebody_s_data() {
    let text = format!("{{\"{}\":\"x\",\"jane@example.com\":1,\"Jane Doe\":2}}\n", id(1));
    let message = read_text(text.as_bytes()).unwrap_err().to_string();
    assert!(
        message.contains("3 keys") && !message.contains("8f2a") && !message.contains("ane"),
        "{message}"
    );
}

#[test]
fn two_keys_of_the_name_are_refused_in_one_object_and_in_two() {
    let (one, two) = (id(1), id(2));
    for (text, line) in [
        (format!("{{\"contactid\":\"{one}\",\"ContactId\":\"{two}\"}}\n"), 1),
        (format!("{{\"contactid\":\"{one}\",\"contactid\":\"{two}\"}}\n"), 1),
        (format!("{{\"contactid\":\"{one}\",\" contactid\":null}}\n"), 1),
        (format!("{{\"contactid\":null,\"contact\\u0069d\":\"{two}\"}}\n"), 1),
        (
            format!("{{}}\n{{\"contactid\":\"{one}\"}}\n\n{{\"CONTACTID\":\"{two}\"}}\n"),
            4,
        ),
    ] {
        let problem = read_text(text.as_bytes()).unwrap_err();
        assert!(
            matches!(problem, Problem::RepeatedKey { line: found, .. } if found == line),
            "{text}: {problem}"
        );
    }
    let nested = format!("{{\"contactid\":\"{one}\",\"x\":{{\"contactid\":1,\"CONTACTID\":2}}}}\n");
    assert_eq!(read_text(nested.as_bytes()).unwrap().contacts.len(), 1);
}

#[test]
fn files_put_one_after_the_other_keep_their_rows() {
    let row = |number| format!("{{\"contactid\":\"{}\"}}\n", id(number));
    let text = format!("\u{feff}{}{}\u{feff}\u{feff} {}\u{feff}\n", row(1), row(2), row(3));
    for window in [1, 128 << 10] {
        let rows = read_through(window, text.as_bytes()).unwrap();
        assert_eq!((rows.rows, rows.contacts.len()), (3, 3));
    }
}

#[test]
fn the_first_line_end_decides() {
    let row = |number| format!("{{\"contactid\":\"{}\"}}", id(number));
    for text in [
        format!("{}\r{}\r\r{}\r", row(1), row(2), row(3)),
        format!("{}\r\r\n{}\r\n{{\r{}\r", row(1), row(2), &row(3)[1..]),
    ] {
        for window in [1, 7, 128 << 10] {
            let rows = read_through(window, text.as_bytes()).unwrap();
            assert_eq!((rows.rows, rows.contacts.len()), (3, 3), "{text:?}");
        }
    }
    let endless = format!("{}\n{}", row(1), format!("{}\r", row(2)).repeat(30_000));
    for (text, line) in [
        (format!("{}\n{}\r{}\n", row(1), row(2), row(3)), 2),
        (format!("{}\r{}\n{}\r", row(1), row(2), row(3)), 2),
        (format!("{}\r{}\r\n{}\r\n", row(1), row(2), row(3)), 3),
        (endless, 2),
    ] {
        let problem = read_text(text.as_bytes()).unwrap_err();
        assert!(
            matches!(problem, Problem::LineEnds { line: found, .. } if found == line),
            "{problem}"
        );
    }
}

#[test]
fn the_corpus_ends_in_rows_or_a_problem_wherever_a_window_ends() {
    corpus::check("json_lines", |bytes| {
        let (whole, narrow) = (read_text(bytes), read_through(1, bytes));
        match (&whole, &narrow) {
            (Ok(whole), Ok(narrow)) => assert_eq!(format!("{whole:?}"), format!("{narrow:?}")),
            _ => assert_eq!(whole.is_ok(), narrow.is_ok(), "{whole:?} {narrow:?}"),
        }
        corpus::ending(&whole)
    });
}
