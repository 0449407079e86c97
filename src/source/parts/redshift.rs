//! Redshift's `PARALLEL OFF`: the first file's number is all zeros, and stands right behind the name of the statement.

use super::counter::stem;
use super::run::{is_epoch, without_number};
use super::token::{Kind, tokens};

/// How many digits the number has.
const DIGITS: usize = 3;

/// `contacts000.gz` and another of that length: the first file and a further one.
pub(super) fn are_of_redshift(name: &str, other: &str) -> bool {
    let (Some(this), Some(that)) = (number(name), number(other)) else {
        return false;
    };
    let is_first = |number: &str| number.bytes().all(|byte| byte == b'0');
    this.len() == that.len() && (is_first(this) || is_first(that)) && rest(name, this) == rest(other, that)
}

/// Returns whether two long numbers at the stems' ends may be the first files behind one number: `12345678000`, `...001`.
pub(super) fn may_be_of_redshift(name: &str, other: &str) -> bool {
    let (Some(this), Some(that)) = (end_of_id(name), end_of_id(other)) else {
        return false;
    };
    let is_first = |number: &str| matches!(number, "000" | "001");
    (is_first(this) || is_first(that)) && rest(name, this) == rest(other, that)
}

/// Returns what stands around the number at a stem's end.
fn rest<'a>(name: &'a str, number: &str) -> (&'a str, &'a str) {
    let end = stem(name).len();
    (&name[..end - number.len()], &name[end..])
}

/// Returns the number that a stem ends in as Redshift's do: `012`; of four digits only those that are hardly a time, of
/// more only the last behind what is a date, a time, an epoch or an id without them.
fn number(name: &str) -> Option<&str> {
    let stem = stem(name);
    let digits = &stem[without_number(stem).len()..];
    match digits.len() {
        0..DIGITS => None,
        DIGITS => Some(digits).filter(|digits| digits.starts_with('0')),
        4 => Some(digits).filter(|digits| digits.starts_with("000")),
        _ => {
            let (before, number) = stem.split_at(stem.len() - DIGITS);
            (number.starts_with('0') && is_moment_or_id(before) && !is_time(name)).then_some(number)
        }
    }
}

/// Returns whether a text ends in what tells one result from another.
fn is_moment_or_id(text: &str) -> bool {
    tokens(text).last().is_some_and(|last| match last.kind {
        Kind::Time => true,
        Kind::Id => last.number().is_none() || is_epoch(last.text),
        Kind::Word | Kind::Counter => false,
    })
}

/// Returns whether a stem ends in a time; one in milliseconds is not taken for one, since no two results are that close.
fn is_time(name: &str) -> bool {
    let end = stem(name).len();
    let last = tokens(name).into_iter().find(|token| token.end() == end);
    last.is_some_and(|last| last.kind == Kind::Time && last.text.len() != "20261123093015000".len())
}

/// Returns the last digits of the id that a stem ends in, where it is a number and they are small.
fn end_of_id(name: &str) -> Option<&str> {
    let stem = stem(name);
    let tokens = tokens(name);
    let id = tokens.iter().find(|token| token.end() == stem.len())?;
    let is_number = id.kind == Kind::Id && without_number(id.text).is_empty() && !is_epoch(id.text);
    let number = stem.get(stem.len().checked_sub(DIGITS)?..)?;
    (is_number && id.text.len() > DIGITS && number.starts_with('0')).then_some(number)
}
