//! What the footer tells of lies where it says, and each in a place of its own.

use super::writer::{Made, Struct};
use super::*;

fn ids() -> Made {
    Made::default().text(&IDS)
}

fn with_behind(behind: impl Into<Vec<u8>>) -> Made {
    Made {
        behind: behind.into(),
        ..ids()
    }
}

fn is_joined(pieces: &[&[u8]]) -> bool {
    matches!(read_bytes(pieces.concat()), Err(Problem::Joined))
}

#[test]
fn files_put_one_after_the_other_are_refused_whatever_the_last_one_is_like() {
    let (first, empty) = (ids().bytes(), Made::default().bytes());
    for last in [
        ids().bytes(),
        Made::default().text(&IDS[1..]).bytes(),
        empty.clone(),
        // A filter of whose length nothing is said, and which is longer than the file before.
        with_behind([7; 100]).bytes(),
        with_behind(vec![7; 200_000]).bytes(),
    ] {
        for pieces in [
            &[&first[..], &last][..],
            &[&first, b"\n", &last],
            &[&first, b"\r\n", &last],
            &[&empty, &last],
            &[&first, &last, &last],
            &[&with_behind(vec![0; 70_000]).bytes(), &last],
        ] {
            assert!(is_joined(pieces), "{} pieces", pieces.len());
        }
    }
}

#[test]
fn a_file_behind_one_that_was_cut_or_written_on_is_refused() {
    let file = ids().bytes();
    for end in 4..file.len() {
        assert!(is_joined(&[&file[..end], &file]), "cut at {end}");
    }
    assert!(is_joined(&[&file, b"written behind it", &file]));
}

#[test]
fn what_the_footer_does_not_tell_of_is_no_fault() {
    let whole = (2, Vec::new());
    for length in [0, 1, 3, 4, 5, 100, 65_532, 65_536, 65_540, 300_000] {
        assert_eq!(found(&with_behind(vec![7; length])), Ok(whole.clone()), "{length}");
    }
    // The magic alone is four letters that anybody may write.
    assert_eq!(found(&with_behind(b"PAR1,PAR1 PAR1")), Ok(whole));
}

#[test]
fn something_behind_the_footer_is_told_as_what_it_may_be() {
    let problem = read_bytes([&ids().bytes()[..], b"\n"].concat())
        .unwrap_err()
        .to_string();
    assert!(problem.contains("or something was written behind it"), "{problem}");
}

#[test]
fn a_column_that_lies_where_the_ids_lie_is_corrupt() {
    let length = i64::try_from(ids().pages.len()).unwrap();
    let made = |place| Made {
        other_column: Some((1, Struct::default())),
        other_place: Some(place),
        behind: vec![7; 100],
        ..ids()
    };
    for place in [(4, length), (4, 1), (3 + length, 1), (3 + length, 50), (10, 3), (1, 9)] {
        let problem = found(&made(place)).unwrap_err();
        assert!(problem.contains("the Parquet data is corrupt"), "{place:?}: {problem}");
    }
    // Beside them, of no bytes, or where nothing can lie: what is wrong with other columns is theirs.
    for place in [
        (4 + length, 100),
        (10, 0),
        (4, 1 << 40),
        (4 + length, i64::MAX),
        (-1, 5),
        (10, -1),
    ] {
        assert_eq!(found(&made(place)), Ok((2, Vec::new())), "{place:?}");
    }
}
