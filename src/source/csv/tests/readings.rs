//! Where quotes can be read in two ways, nobody is lost and nobody let in: the file is read as it was written, or refused.

use super::{ids, read, read_through, rejected};
use crate::domain::ContactId;
use crate::source::Rows;
use crate::source::problem::Problem;
use crate::source::rejected::Reason;
use crate::source::testing::id;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// An id that is in a text and in no row's own column.
fn other() -> String {
    id(999)
}

fn line_of_two_readings(text: &str) -> Option<u64> {
    let whole = read(text);
    for window in [1, 7, 64] {
        let found = read_through(window, text.as_bytes());
        assert_eq!(
            format!("{found:?}"),
            format!("{whole:?}"),
            "{text:?} in windows of {window}"
        );
    }
    match whole {
        Err(Problem::TwoReadings { line }) => Some(line),
        _ => None,
    }
}

/// Files of unquoted values: what stands between two stray quotes is no value.
#[test]
fn rows_between_two_stray_quotes_are_not_lost() {
    for delimiter in [",", "\t", "|", ";", "\u{1}"] {
        for is_first in [true, false] {
            for notes in [
                ["\"hello", "n", "n", "bye\""],
                ["n", "\"", "n", "\""],
                ["n", "\"a", "b\"", "n"],
                ["\"a\"", "\"b", "\"c\"\"", "d\""],
                ["\"a", "\"\"", "b\"", "5\" pipe"],
            ] {
                let row = |cells: [&str; 2]| cells.join(delimiter) + "\n";
                let ordered = |id: &str, note: &str| row(if is_first { [id, note] } else { [note, id] });
                let rows = notes.iter().enumerate();
                let rows = rows.map(|(number, note)| ordered(&id(number as u64), note));
                let text = ordered("contactid", "note") + &rows.collect::<String>();
                let refused = matches!(read(&text), Err(Problem::TwoReadings { .. } | Problem::Quotes { .. }));
                assert!(refused, "{text:?}");
            }
        }
    }
    // The record as a whole has too many fields; another one has none of its own ids.
    let rows = |first: &str, last: &str| format!("contactid,a,b\n{first}\n{},x,y\n{last}\n{},x,y\n", id(2), id(4));
    for (first, last) in [
        (format!("{},x,\"y", id(1)), format!("{},x\",y", id(3))),
        (",\"x,y".to_owned(), format!("{},x\",y", id(3))),
        (format!("{},\"x,y", id(1)), format!("{},\"\"\",y", id(3))),
    ] {
        assert_eq!(line_of_two_readings(&rows(&first, &last)), Some(2), "{first} {last}");
    }
}

/// Files with a backslash before inner quotes: what somebody wrote into a text is no row.
#[test]
fn a_text_of_several_lines_lets_nobody_in() {
    let (one, two, guid) = (id(1), id(2), other());
    for text in [
        format!("contactid,note\n{one},\"x\\\"\n{guid},{guid}\n\\\"y\"\n{two},n\n"),
        format!("contactid,note\r\n{one},\"x\\\"\n{guid},{guid}\n\\\"y\"\r\n{two},n\r\n"),
        format!("contactid,note\n{one},\"a\\\\\\\"\n{guid},x\n\\\"b\"\n{two},n\n"),
        format!("contactid,note,more\n{one},\"x\\\",n\n{guid},a,b\n\\\"y\",m\n{two},n,m\n"),
        format!("note,contactid\n\"x\\\"\nn,{guid}\n\\\"y\",{one}\nn,{two}\n"),
        format!("contactid,note\n{one},\"said \\\"hi\\\"\n{guid},x\nend\"\n{two},n\n"),
        format!("contactid,note\n{one},\"line\n{guid},b\nline\"\n{two},n\n"),
        // R and PHP leave a backslash before a quote as it is.
        format!("contactid,note\n{one},\"x\\\\\"\n{guid},x\n\\\\\"y\"\n{two},n\n"),
        format!("contactid,note\n{one},\"\\\"a\\\" x\\\\\"\n{guid},x\n\\\\\"y\"\n{two},\"\\\"a\\\"\"\n"),
        format!("note,contactid\n\"x\\\\\"\nx,{guid}\n\\\\\"y\",{one}\nn,{two}\n"),
        // The standard writes this for a backslash before a quote and a line end.
        format!("contactid,note\n{one},\"x\\\"\"\n{guid},n\ny\"\n{two},n\n"),
    ] {
        assert_eq!(line_of_two_readings(&text), Some(2), "{text:?}");
    }
}

/// A delimiter in quotes and a quote that is doubled, where nothing else can be meant, show how the file is written, as long
/// as no quote strays and the header's names are quoted, too.
#[test]
fn a_file_that_quotes_its_header_and_doubles_its_quotes_leaves_no_doubt() {
    let (one, two, guid) = (id(1), id(2), other());
    let pasted = format!("\"contactid\",\"note\"\n{one},\"x\"\"\n{guid},{guid}\n\"\"y\"\n{two},n\n");
    assert_eq!(read(&pasted).unwrap().contacts.len(), 2, "its last line is no row");
    for record in [
        format!("{one},\"x\"\"\n{guid},{guid}\ny,z\""),
        format!("{one},\"line\n{guid},b\nline\""),
        format!("{one},\"x\\\"\"\n{guid},n\ny\""),
    ] {
        let file = |proof: &str| format!("\"contactid\",\"note\"\n{record}\n{two},{proof}\n");
        for (proof, rows) in [
            ("\"say, \"\"hi\"\"\"".to_owned(), 2),
            (format!("\"n, m\"\n{},\"say \"\"hi\"\"\"", id(3)), 3),
        ] {
            let text = file(&proof);
            let read = read(&text).unwrap();
            assert_eq!(
                (read.rows, read.contacts.len(), read.rejected.count),
                (rows, usize::try_from(rows).unwrap(), 0),
                "{record} {proof}"
            );
            // Somebody may have written the proof into a text of a file that quotes nothing.
            for header in ["contactid,note", "\"contactid\",note", "contactid,\"note\""] {
                let text = text.replace("\"contactid\",\"note\"", header);
                assert_eq!(line_of_two_readings(&text), Some(2), "{text:?}");
            }
        }
        // Unquoted values may look like these.
        for proof in [
            "n",
            "\"n, m\"",
            "\"two\nlines\"",
            "\"\"",
            "\"say \\\"hi\\\"\"",
            "\"say \"\"hi\"\"\"",
            "\"\"\"\"",
        ] {
            assert_eq!(line_of_two_readings(&file(proof)), Some(2), "{record} {proof}");
        }
        let stray = file("\"say, \"\"hi\"\"\"") + &format!("{},5\" pipe\n", id(3));
        assert_eq!(line_of_two_readings(&stray), Some(2), "{stray:?}");
    }
}

#[test]
fn texts_of_several_lines_that_are_no_rows_are_read() {
    let (one, two) = (id(1), id(2));
    for note in [
        "two\nlines",
        "a, b\n, c\n",
        "\n\n",
        &format!("see {}\nand {}", other(), other()),
        &format!("{}\n{}", other(), other()),
        &format!("a\n{one},copied from here"),
        "He wrote:\n\\\"Hello all\\\", and more",
        "path C:\\\\\nand more",
    ] {
        let text = format!("contactid,note\n{one},\"{note}\"\n{two},n\n");
        let rows = read(&text).unwrap();
        assert_eq!(
            (rows.rows, rows.contacts.len(), rows.rejected.count),
            (2, 2, 0),
            "{text:?}"
        );
    }
    let rows = read(&format!("contactid,note\n{one},\"C:\\\"\n{two},\"a, b\"\n")).unwrap();
    assert_eq!(rows.contacts.len(), 2, "a value may end with a backslash");
    let rows = read(&format!("contactid,note\n{one},\"a\nb\",c\n{two},\"x\"\"y\"\n")).unwrap();
    assert_eq!(rejected(&rows), [(2, Reason::WrongFields)], "a row of too many fields");
}

/// What the `csv` crate finds: of each record its line, its number of fields, and whom it stands for if it has a field for
/// each column and only blank ones behind them.
fn records(text: &str, builder: &mut csv::ReaderBuilder) -> Vec<(u64, usize, Option<[u8; 16]>)> {
    let mut reader = builder.flexible(true).from_reader(text.as_bytes());
    let columns = reader.byte_headers().unwrap().len();
    let mut names = reader.byte_headers().unwrap().iter();
    let index = names
        .position(|name| matches!(name, b"contactid" | b"\"contactid\""))
        .unwrap();
    let records = reader.byte_records().map(Result::unwrap).map(|record| {
        let mut behind = record.iter().skip(columns);
        let fits = record.len() >= columns && behind.all(|field| field.trim_ascii().is_empty());
        let id = ContactId::parse(record.get(index).unwrap_or_default()).filter(|_| fits);
        (
            record.position().unwrap().line(),
            record.len(),
            id.map(ContactId::as_bytes),
        )
    });
    records.collect()
}

/// How many records the `csv` crate finds, and the contacts of those that fit.
fn found(text: &str, builder: &mut csv::ReaderBuilder) -> (u64, BTreeSet<[u8; 16]>) {
    let records = records(text, builder);
    (
        records.len() as u64,
        records.into_iter().filter_map(|(_, _, id)| id).collect(),
    )
}

fn as_found(rows: &Rows) -> (u64, BTreeSet<[u8; 16]>) {
    (rows.rows, ids(rows))
}

/// Texts with what parsers stumble over, whole rows of two and three fields among it.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        2 => Just("\"".to_owned()),
        2 => Just("\n".to_owned()),
        1 => Just("\\".to_owned()),
        1 => Just(",".to_owned()),
        2 => Just("a".to_owned()),
        1 => (900_u64..903).prop_map(|number| format!("{},b", id(number))),
        1 => (900_u64..903).prop_map(|number| format!("\n{},b,c\n", id(number))),
        1 => (900_u64..903).prop_map(|number| format!("\nb,{}\n", id(number))),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// Writes rows with the id in one of their columns; each has its own.
///
/// What quotes texts that need no quotes quotes the header's names, too.
fn write(rows: &[Vec<String>], index: usize, cell: impl Fn(&str) -> String) -> String {
    let columns = rows[0].len() + 1;
    let header = (0..columns).map(|at| {
        if at == index {
            cell("contactid")
        } else {
            cell(&format!("c{at}"))
        }
    });
    let mut lines = vec![header.collect::<Vec<_>>().join(",")];
    for (number, row) in rows.iter().enumerate() {
        let mut cells: Vec<_> = row.iter().map(|text| cell(text)).collect();
        cells.insert(index, id(number as u64));
        lines.push(cells.join(","));
    }
    lines.join("\n") + "\n"
}

/// Rows of one or two texts, and the column of the id.
fn table() -> impl Strategy<Value = (Vec<Vec<String>>, usize)> {
    (1_usize..3).prop_flat_map(|texts| {
        (
            prop::collection::vec(prop::collection::vec(text(), texts), 1..8),
            0..=texts,
        )
    })
}

/// Returns a text of a writer that leaves backslashes alone as one would write it that escapes them, too.
fn with_escaped_backslashes(text: &str) -> String {
    let mut next = text.chars().skip(1);
    let escaped = text.chars().map(|character| match (character, next.next()) {
        ('\\', Some('"')) => "\\".to_owned(),
        ('\\', _) => "\\\\".to_owned(),
        (other, _) => other.to_string(),
    });
    escaped.collect()
}

/// What PHP's `fputcsv` writes: a quote is doubled unless a backslash stands before it.
fn as_php(text: &str) -> String {
    let mut written = String::from("\"");
    let mut is_spared = false;
    for character in text.chars() {
        if character == '"' && !is_spared {
            written.push('"');
        }
        is_spared = character == '\\';
        written.push(character);
    }
    written + "\""
}

fn needs_quotes(text: &str) -> bool {
    text.contains(['"', ',', '\n'])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_standard_is_read_as_the_reference_parser_does_or_refused_where_another_reading_differs(
        (rows, index) in table(), all in any::<bool>(), window in prop_oneof![1_usize..80, Just(4096)],
    ) {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let text = write(&rows, index, |text| if all || needs_quotes(text) { quoted(text) } else { text.to_owned() });
        let standard = found(&text, &mut csv::ReaderBuilder::new());
        prop_assert_eq!(standard.0, rows.len() as u64);
        match read_through(window, text.as_bytes()) {
            Ok(rows) => prop_assert_eq!(as_found(&rows), standard, "{:?}", text),
            Err(Problem::TwoReadings { .. }) => {
                let plain = found(&text, csv::ReaderBuilder::new().quoting(false));
                let escaping = |text: &str| records(text, csv::ReaderBuilder::new().escape(Some(b'\\')));
                let doubling = records(&text, &mut csv::ReaderBuilder::new());
                let others = [escaping(&text), escaping(&with_escaped_backslashes(&text))];
                let differs = !plain.1.is_subset(&standard.1) || others.iter().any(|other| *other != doubling);
                prop_assert!(differs, "{:?}", text);
            }
            Err(problem) => prop_assert!(false, "{text:?}: {problem}"),
        }
    }

    #[test]
    fn what_spark_writes_is_read_exactly_or_refused(
        (rows, index) in table(), all in any::<bool>(), window in prop_oneof![1_usize..80, Just(4096)],
    ) {
        let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let text = write(&rows, index, |text| if all || needs_quotes(text) { quoted(text) } else { text.to_owned() });
        let written = found(&text, csv::ReaderBuilder::new().escape(Some(b'\\')));
        prop_assert_eq!(written.0, rows.len() as u64);
        if let Ok(rows) = read_through(window, text.as_bytes()) {
            prop_assert_eq!(as_found(&rows), written, "{:?}", text);
        }
    }

    #[test]
    fn what_writers_write_that_leave_backslashes_alone_is_read_exactly_or_refused(
        (rows, index) in table(), all in any::<bool>(), doubles in any::<bool>(), window in prop_oneof![1_usize..80, Just(4096)],
    ) {
        // Where a value of theirs ends with a backslash, not even they can read it back.
        let rows: Vec<Vec<_>> = rows
            .iter()
            .map(|row| row.iter().map(|text| text.trim_end_matches('\\').to_owned()).collect())
            .collect();
        let quoted = |text: &str| if doubles { as_php(text) } else { format!("\"{}\"", text.replace('"', "\\\"")) };
        let text = write(&rows, index, |text| if all || needs_quotes(text) { quoted(text) } else { text.to_owned() });
        let ids: Vec<_> = (0..rows.len() as u64).map(|number| ContactId::parse(id(number).as_bytes()).unwrap()).collect();
        if let Ok(read) = read_through(window, text.as_bytes()) {
            prop_assert!(read.contacts.as_slice().iter().all(|id| ids.contains(id)), "{:?}", text);
            let missing = (ids.len() - read.contacts.len()) as u64;
            prop_assert!(missing <= read.rejected.count, "{:?}", text);
        }
    }

    #[test]
    fn of_unquoted_values_no_row_is_swallowed(
        rows in prop::collection::vec(prop::collection::vec("\"?[a-c5 \\\\]{0,2}\"?[a-c]?", 2), 1..12), index in 0_usize..3,
        window in prop_oneof![1_usize..80, Just(4096)],
    ) {
        let text = write(&rows, index, str::to_owned);
        let plain = found(&text, csv::ReaderBuilder::new().quoting(false));
        if let Ok(rows) = read_through(window, text.as_bytes()) {
            prop_assert_eq!(rows.rows, plain.0, "{:?}", text);
            prop_assert!(ids(&rows).is_subset(&plain.1), "{:?}", text);
        }
    }
}
