//! A run of letters and digits taken apart, where a writer puts its number right behind a word, a date or an id.

use super::token::{Kind, Token, is_date_in_one, token};
use std::ops::Range;

/// The longest number that counts: twenty digits, as in the logs of tables.
const LONGEST_COUNTER: usize = 20;
/// From so many digits on a number without zeros before it is an epoch, a date or an id.
const TOO_LARGE: usize = 8;
/// The digits that `BigQuery` puts in the place of the `*`, and how many of them are zeros below 100,000 files.
const BIGQUERY: (usize, &str) = (12, "0000000");

/// Splits a run of letters and digits: `20261123T093015Z` at its letters, `contacts000` before its number,
/// `20261123001` behind its date, `1of3` around its word.
pub(super) fn split_run<'a>(name: &'a str, at: Range<usize>, found: &mut Vec<Token<'a>>) {
    let (run, start) = (&name[at.clone()], at.start);
    let letters = without_number(run);
    let digits = &run[letters.len()..];
    let are_letters = !letters.contains(|character: char| character.is_ascii_digit());
    let is_extension = ["bz2", "lz4", "mp3", "mp4"]
        .iter()
        .any(|name| run.eq_ignore_ascii_case(name));
    if is_extension || digits.is_empty() && are_letters {
        found.push(token(run, Kind::Word, start, false));
    } else if let Some(of) = one_of(run) {
        split_run(name, start..start + of, found);
        found.push(token(&run[of..of + 2], Kind::Word, start + of, false));
        found.push(token(
            &run[of + 2..],
            number_kind(&run[of + 2..]),
            start + of + 2,
            false,
        ));
    } else if let Some(counter) = counter_behind(&name[..start], run) {
        split_run(name, start..start + counter, found);
        let is_joined = counter == letters.len();
        found.push(token(&run[counter..], Kind::Counter, start + counter, is_joined));
    } else if letters.is_empty() {
        found.push(token(run, number_kind(run), start, false));
    } else if are_letters {
        found.push(token(letters, Kind::Word, start, false));
        found.push(token(digits, number_kind(digits), start + letters.len(), true));
    } else if let Some((date, time)) = iso_time(run) {
        found.push(token(date, number_kind(date), start, false));
        found.push(token(time, Kind::Time, start + date.len() + 1, false));
    } else {
        found.push(token(run, Kind::Id, start, false));
    }
}

/// Returns a text without the digits at its end.
pub(super) fn without_number(text: &str) -> &str {
    text.trim_end_matches(|character: char| character.is_ascii_digit())
}

/// Returns whether a number is an epoch of the years 2014 to 2033, in seconds or in a thousandth part of them.
pub(super) fn is_epoch(digits: &str) -> bool {
    matches!(digits.len(), 10 | 13 | 16 | 19) && digits.starts_with('1') && digits.as_bytes()[1] >= b'4'
}

/// Splits `20261123T093015Z` and `23T09` into what stands before the T and the time behind it.
fn iso_time(run: &str) -> Option<(&str, &str)> {
    let (date, time) = run.split_once(['T', 't'])?;
    let time = time.strip_suffix(['Z', 'z']).unwrap_or(time);
    let is_number =
        |text: &str, lengths: &[usize]| lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(date, &[2, 8]) && is_number(time, &[2, 4, 6, 9, 12, 15])).then_some((date, time))
}

/// Returns where the `of` of `1of3` or `part1of3` begins.
fn one_of(run: &str) -> Option<usize> {
    let before = without_number(run);
    let word = before.len().checked_sub(2).filter(|at| before.is_char_boundary(*at))?;
    let (first, of) = before.split_at(word);
    let is_number = |text: &str| (1..=5).contains(&text.len());
    let is_first = is_number(&first[without_number(first).len()..]);
    (of.eq_ignore_ascii_case("of") && is_first && is_number(&run[before.len()..])).then_some(word)
}

/// Returns where a number begins that counts right behind a date or another number.
fn counter_behind(before: &str, run: &str) -> Option<usize> {
    let letters = without_number(run).len();
    let digits = &run[letters..];
    let is_mixed = run[..letters].contains(|character: char| character.is_ascii_digit());
    let is_hash = is_mixed && run.len() >= 24 && run.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash || is_epoch(digits) || is_date_in_one(digits) {
        return None;
    }
    let (length, zeros) = BIGQUERY;
    if digits.len() >= length && digits[digits.len() - length..].starts_with(zeros) && run.len() > length {
        return Some(run.len() - length);
    }
    // An id with letters in it counts nothing, whatever its digits look like.
    if is_mixed {
        return None;
    }
    let is_dated = |length: usize| digits.starts_with("20") && is_date_in_one(&digits[..length]);
    match digits.len() {
        9 | 11 | 13 if is_dated(8) => Some(letters + 8),
        15 if is_dated(12) => Some(letters + 12),
        5 if letters == 0 && is_year_and_month(before) && is_date_in_one(&format!("202601{}", &digits[..2])) => Some(2),
        _ => None,
    }
}

/// Returns whether a text ends in a year and a month: `contacts_2026-11-`.
fn is_year_and_month(text: &str) -> bool {
    let Some([century @ .., _, _, first, _, _, second]) = text.as_bytes().last_chunk::<8>() else {
        return false;
    };
    let is_separator = |byte: u8| matches!(byte, b'-' | b'_' | b'.');
    let digits = text.get(text.len() - 8..).unwrap_or_default();
    let are_digits = [0, 1, 2, 3, 5, 6]
        .iter()
        .all(|index| digits.as_bytes().get(*index).is_some_and(u8::is_ascii_digit));
    century == b"20" && first == second && is_separator(*first) && are_digits
}

/// Tells a number that may count from one that is too large for that.
fn number_kind(digits: &str) -> Kind {
    if digits.len() > LONGEST_COUNTER || digits.len() >= TOO_LARGE && !digits.starts_with("0000") {
        Kind::Id
    } else {
        Kind::Counter
    }
}
