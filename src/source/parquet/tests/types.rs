//! What the id column may be, and what the rest of the footer may hold.

use super::writer::{Made, Struct, data_page, header, plain, second_page};
use super::*;

const BYTES: i64 = 6;
const FIXED: i64 = 7;
const UUID: [u8; 16] = *b"\x8f\x2a\x1c\x34\x5b\x6d\x4e\x7f\x8a\x9b\x0c\x1d\x2e\x3f\x4a\x01";

fn logical(number: i16) -> Struct {
    Struct::default().nested(number, &Struct::default())
}

/// A file of one row whose column has these types.
fn typed(physical: i64, width: Option<u8>, converted: Option<i64>, logical: Option<Struct>) -> Made {
    let made = Made {
        physical,
        width: width.map(i64::from),
        converted,
        logical,
        ..Made::default()
    };
    match width {
        None => made.text(&[IDS[0]]),
        Some(width) => {
            let value: Vec<u8> = UUID.iter().chain(IDS[0]).copied().cycle().take(width.into()).collect();
            made.page(1, 0, if width == 36 { IDS[0] } else { &value })
        }
    }
}

#[test]
fn text_and_uuids_are_ids() {
    for (physical, width, converted, number) in [
        (BYTES, None, None, None),
        (BYTES, None, Some(0), None),
        (BYTES, None, Some(0), Some(1)),
        (BYTES, None, None, Some(1)),
        (BYTES, None, Some(4), None),
        (BYTES, None, Some(19), Some(12)),
        // The logical type is the later word.
        (BYTES, None, Some(5), Some(1)),
        (FIXED, Some(16), None, None),
        (FIXED, Some(16), None, Some(14)),
        (FIXED, Some(36), None, None),
    ] {
        let made = typed(physical, width, converted, number.map(logical));
        assert_eq!(found(&made), Ok((1, Vec::new())), "{physical} {converted:?} {number:?}");
    }
}

#[test]
fn every_other_type_is_refused_in_the_words_of_the_one_who_wrote_it() {
    let decimal = Struct::default().int(1, 0).int(2, 38);
    let decimal = Some(Struct::default().nested(5, &decimal));
    let mut by_converted = typed(FIXED, Some(16), Some(5), None);
    by_converted.precision = Some(20);
    for (made, expected) in [
        (typed(FIXED, Some(16), None, decimal.clone()), "DECIMAL(38,0)"),
        (typed(BYTES, None, Some(5), decimal), "DECIMAL(38,0)"),
        (by_converted, "DECIMAL(20,2)"),
        (typed(FIXED, Some(12), Some(21), None), "INTERVAL"),
        (typed(FIXED, Some(2), None, Some(logical(15))), "FLOAT16"),
        (typed(FIXED, Some(12), None, Some(logical(14))), "UUID of 12 bytes"),
        (typed(BYTES, None, Some(20), None), "BSON"),
        (typed(BYTES, None, Some(0), Some(logical(17))), "GEOMETRY"),
        (
            typed(BYTES, None, Some(0), Some(logical(42))),
            "number 42, which is unknown",
        ),
        (typed(BYTES, None, Some(99), None), "number 99, which is unknown"),
        (typed(2, None, None, None), "INT64"),
        (typed(2, None, Some(0), None), "UTF8"),
        (typed(1, None, Some(17), Some(logical(10))), "INTEGER"),
        (typed(2, None, None, Some(logical(8))), "TIMESTAMP"),
        (typed(1, None, None, Some(logical(11))), "NULL"),
    ] {
        let problem = found(&made).unwrap_err();
        let expected =
            format!("is of Parquet type {expected}: select the contact id as text, CAST(contactid AS VARCHAR)");
        assert!(problem.contains(&expected), "{problem}");
    }
}

#[test]
fn a_column_of_nulls_holds_rows_without_an_id_whatever_its_type() {
    // Three times the level 0, in four bytes' length: all of them are NULL.
    let levels = b"\x02\0\0\0\x06\0";
    for (physical, width, converted, number) in [
        (1, None, None, Some(11)),
        (1, None, Some(24), None),
        (1, None, Some(25), None),
        (5, None, None, None),
        (FIXED, Some(16), Some(5), None),
        (BYTES, None, Some(0), None),
    ] {
        let made = Made {
            physical,
            width: width.map(i64::from),
            converted,
            logical: number.map(logical),
            repetition: 1,
            ..Made::default()
        };
        let made = made.page(3, 8, levels);
        assert_eq!(
            found(&made),
            Ok((0, vec![Reason::Empty; 3])),
            "{physical} {converted:?}"
        );
    }
}

#[test]
fn binary_of_16_bytes_is_refused_unless_it_stands_among_other_values() {
    let made = || Made {
        converted: None,
        ..Made::default()
    };
    let raw = found(&made().text(&[&UUID, &UUID])).unwrap_err();
    assert!(
        raw.contains("holds binary of 16 bytes: select the contact id as text (hex(contactid)"),
        "{raw}"
    );
    // Some of them may be text by chance, and nothing may stand for no id.
    let by_chance = made().text(&[b"0123456789abcdef", b"", &UUID]);
    assert!(found(&by_chance).unwrap_err().contains("16 bytes"));
    let among_others = made().text(&[&UUID, IDS[0]]);
    assert_eq!(found(&among_others), Ok((1, vec![Reason::NotAGuid])));
    let text = made().text(&[b"0123456789abcdef"]);
    assert_eq!(found(&text), Ok((0, vec![Reason::NotAGuid])));
}

#[test]
fn of_other_columns_nothing_has_to_be_understood() {
    for (physical, rest) in [
        (1, Struct::default().int(6, 24)),
        (
            99,
            Struct::default().nested(10, &Struct::default().nested(77, &Struct::default())),
        ),
    ] {
        let made = Made {
            other_column: Some((physical, rest)),
            ..Made::default()
        };
        assert_eq!(found(&made.text(&IDS)), Ok((2, Vec::new())));
    }
}

#[test]
fn a_dictionary_at_0_is_none() {
    for offset in [0, 4, 1_000, -1] {
        let made = Made {
            dictionary_offset: Some(offset),
            ..Made::default()
        };
        assert_eq!(found(&made.text(&IDS)), Ok((2, Vec::new())), "{offset}");
    }
}

#[test]
fn a_page_may_begin_with_long_statistics_and_behind_pages_that_mean_nothing() {
    for length in [70_000, 300_000] {
        let statistics = Struct::default().binary(1, &vec![b'x'; length]);
        let data = Struct::default().int(1, 1).int(2, 0).int(3, 3).int(4, 3);
        let body = plain(&IDS[..1]);
        let page = header(0, body.len(), &body).nested(5, &data.nested(5, &statistics));
        let index = [header(1, 5_000, &[0; 5_000]).end(), vec![0; 5_000]].concat();
        let made = Made {
            pages: [page.end(), body, index, data_page(1, 0, 40, &plain(&IDS[1..]))].concat(),
            rows: 2,
            ..Made::default()
        };
        assert_eq!(found(&made), Ok((2, Vec::new())));
    }
}

#[test]
fn what_is_encrypted_or_lies_elsewhere_is_said() {
    let encrypted = Made {
        encryption: Some(Struct::default().nested(1, &Struct::default())),
        ..Made::default()
    };
    assert!(
        found(&encrypted.text(&IDS))
            .unwrap_err()
            .contains("\"contactid\" is encrypted")
    );
    let elsewhere = Made {
        other_file: Some(b"part-0.parquet"),
        ..Made::default()
    };
    assert!(
        found(&elsewhere.text(&IDS))
            .unwrap_err()
            .contains("lie in another file")
    );
    let mut bytes = Made::default().text(&IDS).bytes().to_vec();
    let end = bytes.len();
    bytes[end - 1] = b'E';
    assert!(read_bytes(bytes).unwrap_err().to_string().contains("encrypted Parquet"));
}

#[test]
fn an_encoding_that_is_not_read_is_named() {
    for (encoding, expected) in [
        (5, "DELTA_BINARY_PACKED"),
        (9, "BYTE_STREAM_SPLIT"),
        (10, "encoding number 10"),
    ] {
        let problem = found(&Made::default().page(1, encoding, b"\0")).unwrap_err();
        assert!(
            problem.contains(&format!("written in {expected}, which is not read")),
            "{problem}"
        );
    }
    let mut made = Made {
        repetition: 1,
        rows: 1,
        ..Made::default()
    };
    let data = Struct::default().int(1, 1).int(2, 0).int(3, 4).int(4, 4);
    made.pages = [header(0, 1, b"\0").nested(5, &data).end(), vec![0]].concat();
    assert!(found(&made).unwrap_err().contains("BIT_PACKED"));
    let data = Struct::default().int(1, 1).int(2, 0).int(3, 0).int(4, 0);
    made.pages = [header(0, 1, b"\0").nested(5, &data).end(), vec![0]].concat();
    assert!(found(&made).unwrap_err().contains("corrupt"));
}

#[test]
fn pages_of_version_2_say_how_many_nulls_they_have() {
    let made = |nulls| Made {
        repetition: 1,
        rows: 3,
        // One packed run: NULL, an id, an id.
        pages: second_page(3, nulls, 0, b"\x03\x06", &plain(&IDS)),
        ..Made::default()
    };
    assert_eq!(found(&made(1)), Ok((2, vec![Reason::Empty])));
    assert!(found(&made(2)).unwrap_err().contains("corrupt"));
}

#[test]
fn zeros_behind_the_last_value_are_padding_and_anything_else_a_lost_value() {
    let behind = |bytes: &[u8]| found(&Made::default().page(1, 0, &[&plain(&IDS[..1]), bytes].concat()));
    assert_eq!(behind(&[0; 8]), Ok((1, Vec::new())));
    assert!(behind(&plain(&IDS[1..])).unwrap_err().contains("corrupt"));
}

#[test]
fn a_list_is_refused() {
    let made = Made {
        repetition: 2,
        ..Made::default()
    };
    assert!(found(&made.text(&IDS)).unwrap_err().contains("list or structure"));
}
