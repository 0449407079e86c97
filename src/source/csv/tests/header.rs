//! A first line that holds more than the names of columns is no empty result.

use super::{read, read_through};
use crate::source::problem::Problem;
use crate::source::testing::id;

/// A file of so many rows whose lines end so.
fn file(header: &str, line_end: &str) -> String {
    let rows = (0..3).map(|number| format!("{},n{line_end}", id(number)));
    format!("{header}{line_end}{}", rows.collect::<String>())
}

#[test]
fn ids_in_the_header_are_rows_that_would_be_lost() {
    let list = |delimiter: &str| [id(1), id(2), id(3)].join(delimiter);
    let mut texts: Vec<_> = [
        "\u{85}", "\u{2028}", "\u{2029}", "\u{1e}", "\u{b}", "\u{c}", "\\n", "<br>", "¶", "\\u0085", " ",
    ]
    .into_iter()
    .flat_map(|line_end| {
        [
            file("contactid,n", line_end),
            file("n,contactid,m", line_end),
            file("contactid", line_end),
        ]
    })
    .collect();
    texts.extend([",", "\t", ";", "|", " "].map(|delimiter| format!("contactid{delimiter}{}\n", list(delimiter))));
    texts.extend([
        file("contactid,\"n\nn", "\n") + "x\"\n",
        file("contactid,\"n", "\n") + &format!("{},n\"\n{},n\n", id(4), id(5)),
        format!("contactid,{}\nname,a,b,c\n", list(",")),
        format!("contactid,{{{}}}\n", id(1).to_uppercase()),
        format!("contactid,{}\n", id(1).replace('-', "")),
        format!("contactid,visits of {}\n{},7\n", id(1), id(2)),
    ]);
    for text in texts {
        for window in [1, 4096] {
            let problem = read_through(window, text.as_bytes()).unwrap_err();
            assert!(matches!(problem, Problem::IdsInHeader), "{text:?}: {problem}");
        }
    }
    let mut latin_1 = b"contactid,n\x85".to_vec();
    latin_1.extend(id(1).bytes());
    assert!(matches!(read_through(64, &latin_1), Err(Problem::IdsInHeader)));
    assert!(matches!(read(&list(",")), Err(Problem::NoHeader)));
    assert!(matches!(
        read(&format!("id,n\u{85}{},n\u{85}", id(1))),
        Err(Problem::NoHeader)
    ));
}

#[test]
fn a_header_without_rows_that_may_be_all_of_them_is_no_empty_result() {
    for text in [
        "contactid,n\u{85}bad,n\u{85}".to_owned(),
        "contactid,n<BR/>bad,n<BR/>\n\n".to_owned(),
        "contactid,n\u{1e}bad,n".to_owned(),
        format!("contactid,{}\n", "jane@example.com,".repeat(3_000)),
    ] {
        assert!(matches!(read(&text), Err(Problem::OnlyLine)), "{text:.40}");
    }
    let wide: Vec<_> = (0..1_000).map(|number| format!("column_{number}")).collect();
    for text in [
        format!("contactid,{}\n", wide.join(",")),
        "contactid,\"two\nlines\"\n".to_owned(),
        "contactid,domain\\name\r\n".to_owned(),
        "contactid,n\u{85}".to_owned(),
    ] {
        assert_eq!(read(&text).unwrap().rows, 0, "{text:.40}");
    }
    let rows = read(&format!("contactid,n\u{2028}m\n{},a\n", id(1))).unwrap();
    assert_eq!(rows.contacts.len(), 1, "where there are rows, a name may hold anything");
}
