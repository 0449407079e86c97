//! Files that say more than their bytes hold: refused before anything is allocated, unpacked or counted for it.

use super::writer::{Made, data_page, dictionary_page, plain, varint};
use super::*;
use std::io::Write;

const SNAPPY: i64 = 1;
const GZIP: i64 = 2;
const ZSTD: i64 = 6;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ::zstd::bulk::compress(bytes, 3).unwrap()
}

/// A file of ten rows in one page whose header says that it unpacks to so many bytes.
fn unpacking_to(codec: i64, unpacked: usize, packed: &[u8]) -> Made {
    Made {
        codec,
        rows: 10,
        pages: data_page(10, 0, unpacked, packed),
        ..Made::default()
    }
}

fn assert_corrupt(made: &Made) {
    let problem = found(made).unwrap_err();
    assert!(problem.contains("the Parquet data is corrupt"), "{problem}");
}

#[test]
fn a_page_that_says_to_be_larger_than_its_bytes_can_be_is_corrupt() {
    for codec in [0, SNAPPY, GZIP, ZSTD] {
        for unpacked in [10_000_000, 100 << 20, (1 << 31) - 1] {
            assert_corrupt(&unpacking_to(codec, unpacked, b"\xff\xff\xff\xff\x07x"));
        }
    }
}

#[test]
fn a_page_that_unpacks_to_more_or_less_than_its_header_says_is_corrupt() {
    let zeros = vec![0; 8_000_000];
    for (codec, packed) in [(GZIP, gzip(&zeros)), (ZSTD, zstd(&zeros))] {
        for unpacked in [8_000, 7_999_999] {
            assert_corrupt(&unpacking_to(codec, unpacked, &packed));
        }
    }
    let ids = plain(&IDS);
    let snappy = snap::raw::Encoder::new().compress_vec(&ids).unwrap();
    for (codec, packed) in [
        (0, ids.clone()),
        (SNAPPY, snappy),
        (GZIP, gzip(&ids)),
        (ZSTD, zstd(&ids)),
    ] {
        let whole = |unpacked, packed: &[u8]| Made {
            codec,
            rows: 2,
            pages: data_page(2, 0, unpacked, packed),
            ..Made::default()
        };
        assert_eq!(found(&whole(ids.len(), &packed)), Ok((2, Vec::new())), "{codec}");
        for unpacked in [0, 1, ids.len() - 1, ids.len() + 1] {
            assert_corrupt(&whole(unpacked, &packed));
        }
        for end in 0..packed.len() {
            assert_corrupt(&whole(ids.len(), &packed[..end]));
        }
    }
}

#[test]
fn a_page_and_its_dictionary_take_no_more_memory_than_there_is() {
    let refused = |made: &Made, memory| match read_within(made.bytes(), memory) {
        Err(problem @ Problem::LargePage { .. }) => problem.to_string(),
        other => panic!("{:?}", other.map(|rows| rows.rows)),
    };
    let page = unpacking_to(GZIP, 20_000_000, &gzip(&vec![0; 20_000_000]));
    let problem = refused(&page, 10 << 20);
    assert!(problem.starts_with("a page of the Parquet column takes 20 MiB with its dictionary, more than the 10 MiB"));
    assert!(
        problem.contains("Spark parquet.page.size") && problem.contains("pyarrow data_page_size"),
        "{problem}"
    );

    // A dictionary of 40 bytes a value, and as much again for the values themselves.
    let values: Vec<&[u8]> = std::iter::repeat_n(IDS[0], 1_000).collect();
    let dictionary = plain(&values);
    let made = Made {
        rows: 1,
        pages: [
            dictionary_page(1_000, dictionary.len(), &dictionary),
            data_page(1, 8, 4, b"\x0a\x02\0\0"),
        ]
        .concat(),
        ..Made::default()
    };
    assert!(read_within(made.bytes(), 80_000).is_ok());
    refused(&made, 70_000);
    refused(&made, 30_000);
}

#[test]
fn pages_together_unpack_to_no_more_than_a_query_result_does() {
    let packed = zstd(&vec![0; 20 << 20]);
    let page = data_page(0, 0, 20 << 20, &packed);
    let pages = |count| Made {
        codec: ZSTD,
        rows: 2,
        pages: [page.repeat(count), data_page(2, 0, 80, &zstd(&plain(&IDS)))].concat(),
        ..Made::default()
    };
    assert_eq!(found(&pages(3)), Ok((2, Vec::new())));
    assert!(matches!(
        read_bytes(pages(4).bytes()),
        Err(Problem::Bomb { limit_mib: 64, .. })
    ));
}

#[test]
fn a_dictionary_has_no_more_values_than_bytes_for_them() {
    for (count, body) in [
        (i64::from(i32::MAX), plain(&IDS)),
        (3, plain(&IDS)),
        (1, plain(&IDS)),
        (-1, plain(&IDS)),
        (1, b"\xff\xff\xff\xff".to_vec()),
    ] {
        assert_corrupt(&Made {
            rows: 1,
            pages: [
                dictionary_page(count, body.len(), &body),
                data_page(1, 8, 3, b"\x01\x02\0"),
            ]
            .concat(),
            ..Made::default()
        });
    }
}

#[test]
fn indices_have_a_dictionary_and_lie_in_it() {
    let dictionary = dictionary_page(2, 80, &plain(&IDS));
    let made = |pages: &[Vec<u8>]| Made {
        rows: 1,
        pages: pages.concat(),
        ..Made::default()
    };
    let index = |index: u8| data_page(1, 8, 3, &[8, 2, index]);
    assert_eq!(found(&made(&[dictionary.clone(), index(1)])), Ok((1, Vec::new())));
    // Of no bits there is only the number 0, with runs and without.
    for body in [b"\0".as_slice(), b"\0\x02"] {
        let page = data_page(1, 2, body.len(), body);
        assert_eq!(found(&made(&[dictionary.clone(), page])), Ok((1, Vec::new())));
    }
    for pages in [
        vec![index(0)],
        vec![dictionary.clone(), index(2)],
        vec![dictionary.clone(), dictionary.clone(), index(0)],
        vec![dictionary.clone(), data_page(1, 8, 3, b"\x21\x02\0")],
        vec![dictionary, data_page(1, 8, 0, b"")],
    ] {
        assert_corrupt(&made(&pages));
    }
}

#[test]
fn a_file_has_no_more_rows_than_its_bytes_can_tell_apart() {
    let repeated = |rows: i64| Made {
        rows,
        pages: [
            dictionary_page(2, 80, &plain(&IDS)),
            data_page(
                rows,
                8,
                7,
                &[vec![8], varint(2 * rows.cast_unsigned()), vec![1]].concat(),
            ),
        ]
        .concat(),
        ..Made::default()
    };
    let mut page = repeated(100_000);
    page.pages = [
        dictionary_page(2, 80, &plain(&IDS)),
        data_page(100_000, 8, 5, &[&[8], varint(200_000).as_slice(), &[1]].concat()),
    ]
    .concat();
    assert_eq!(found(&page), Ok((1, Vec::new())));
    let problem = found(&repeated(1_000_000_000)).unwrap_err();
    assert!(problem.contains("more than 100000000 rows"), "{problem}");

    // The same for files one after the other.
    let mut tally = Tally::default();
    for _ in 0..10 {
        tally.expect_rows(10_000_000, 0).unwrap();
    }
    assert!(tally.expect_rows(1_000_000_000, 8_000_000_000).is_ok());
    assert!(tally.expect_rows(1, 0).is_err());
}

#[test]
fn a_page_has_no_more_rows_than_its_row_group() {
    for (page_rows, group_rows) in [(2, 1), (2, 3), (i64::from(i32::MAX), 2), (-1, 2)] {
        assert_corrupt(&Made {
            rows: group_rows,
            pages: data_page(page_rows, 0, 80, &plain(&IDS)),
            ..Made::default()
        });
    }
}

#[test]
fn row_groups_never_share_their_bytes() {
    let made = |groups| Made {
        groups,
        ..Made::default()
    };
    assert_corrupt(&made(2).text(&IDS));
    let problem = found(&made(100_000).text(&IDS)).unwrap_err();
    assert!(problem.contains("more than 32767 row groups"), "{problem}");
}

#[test]
fn a_chunk_that_is_another_column_is_corrupt() {
    let made = Made {
        path: b"other",
        ..Made::default()
    };
    assert_corrupt(&made.text(&IDS));
}

#[test]
fn lengths_that_add_up_to_more_than_there_is_are_corrupt() {
    let header = |count: u64, first: u64| [varint(128), varint(4), varint(count), varint(first)].concat();
    let huge = 2 * i32::MAX as u64;
    for body in [
        header(1, 2),
        header(1, huge),
        header(1, 1),
        header(u64::MAX, 0),
        header(i32::MAX as u64, 0),
        [varint(1 << 40), varint(1), varint(1), varint(0)].concat(),
        [varint(128), varint(0), varint(1), varint(0)].concat(),
        [varint(u64::MAX), varint(u64::MAX), varint(1), varint(0)].concat(),
        // The second of two differs by too much, or is packed in too many bits.
        [header(2, 0), varint(huge), vec![0; 4]].concat(),
        [header(2, 0), varint(0), vec![33, 0, 0, 0], vec![0; 132]].concat(),
    ] {
        assert_corrupt(&Made::default().page(2, 6, &body));
        assert_corrupt(&Made::default().page(2, 7, &body));
        assert_corrupt(&Made::default().page(2, 7, &[header(2, 0), vec![0; 5], body.clone()].concat()));
    }
}

#[test]
fn a_long_cell_is_no_id_and_not_looked_at_again_and_again() {
    let padded = |blanks| [IDS[0], " ".repeat(blanks).as_bytes()].concat();
    assert_eq!(found(&Made::default().text(&[&padded(900)])), Ok((1, Vec::new())));
    assert_eq!(
        found(&Made::default().text(&[&padded(1_000)])),
        Ok((0, vec![Reason::NotAGuid]))
    );
}

#[test]
fn a_footer_that_is_larger_than_the_memory_is_refused() {
    let problem = read_within(Made::default().text(&IDS).bytes(), 20).unwrap_err();
    assert!(matches!(problem, Problem::LargeFooter { .. }), "{problem}");
}
