//! The pieces of a file's name: words, counters, and what is never a counter: dates, times, ids and hashes.

use super::run::split_run;

/// What one piece of a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters.
    Word,
    /// A number that may count parts.
    Counter,
    /// A date, a time, or a part of one.
    Time,
    /// An id, a hash, an epoch, a version: whatever tells one result from another.
    Id,
}

/// One piece of a name, between separators or between letters and digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    pub(super) kind: Kind,
    /// Where it begins in the name.
    pub(super) start: usize,
    /// Whether it stands right behind letters, as in `contacts000`.
    pub(super) is_joined: bool,
}

/// The words behind which a number is one of the calendar, or a version.
pub(super) const CALENDAR: [&str; 33] = [
    "y", "year", "fy", "q", "quarter", "m", "month", "w", "wk", "week", "kw", "cw", "d", "day", "h", "hour", "v",
    "version", "rev", "t", "z", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

impl Token<'_> {
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Returns the number, where it is one that fits.
    pub(super) fn number(&self) -> Option<u64> {
        let is_number = self.text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| self.text.parse().ok()).flatten()
    }

    fn is_number_of(&self, digits: usize) -> bool {
        self.text.len() == digits && self.number().is_some()
    }

    fn is_between(&self, digits: usize, least: u64, most: u64) -> bool {
        self.is_number_of(digits) && self.number().is_some_and(|number| (least..=most).contains(&number))
    }

    pub(super) fn is(&self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }
}

/// Takes a name apart.
pub(super) fn tokens(name: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = 0;
    for (start, run) in alphanumeric_runs(name) {
        if start < rest {
            continue;
        }
        if let Some(length) = uuid_length(&name[start..]) {
            found.push(token(&name[start..start + length], Kind::Id, start, false));
            rest = start + length;
        } else {
            split_run(name, start..start + run.len(), &mut found);
        }
    }
    mark_query_id(name, &mut found);
    mark_dates(name, &mut found);
    mark_times(name, &mut found);
    mark_versions(name, &mut found);
    found
}

pub(super) const fn token(text: &str, kind: Kind, start: usize, is_joined: bool) -> Token<'_> {
    Token {
        text,
        kind,
        start,
        is_joined,
    }
}

/// Returns the runs of letters and digits with where they begin.
fn alphanumeric_runs(name: &str) -> impl Iterator<Item = (usize, &str)> {
    let runs = name.split(|character: char| !character.is_alphanumeric());
    runs.filter(|run| !run.is_empty())
        .map(|run| (run.as_ptr() as usize - name.as_ptr() as usize, run))
}

/// Returns the length of the UUID that a text begins with, hyphens or underscores between its groups.
fn uuid_length(text: &str) -> Option<usize> {
    const LENGTH: usize = 36;
    let bytes = text.as_bytes().get(..LENGTH)?;
    let is_uuid = bytes.iter().enumerate().all(|(index, byte)| match index {
        8 | 13 | 18 | 23 => matches!(byte, b'-' | b'_'),
        _ => byte.is_ascii_hexdigit(),
    });
    let ends = || !text[LENGTH..].starts_with(|next: char| next.is_alphanumeric());
    (is_uuid && ends()).then_some(LENGTH)
}

/// Marks the id that Athena and Trino give a query: `20261123_093015_00042_x7k2p`.
fn mark_query_id(name: &str, tokens: &mut [Token<'_>]) {
    let pieces: Vec<_> = name.split(['_', '.', '-']).take(4).collect();
    let are_digits = |index: usize, length: usize| {
        pieces
            .get(index)
            .is_some_and(|piece: &&str| piece.len() == length && piece.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let is_query_id =
        are_digits(0, 8) && are_digits(1, 6) && are_digits(2, 5) && pieces.get(3).map(|p| p.len()) == Some(5);
    if is_query_id {
        let end = pieces.iter().map(|piece| piece.len()).sum::<usize>() + 3;
        let within = tokens.iter_mut().take_while(|token| token.start < end);
        within.for_each(|token| token.kind = Kind::Id);
    }
}

/// Marks whole dates, in one number or in several.
fn mark_dates(name: &str, tokens: &mut [Token<'_>]) {
    for index in 0..tokens.len() {
        let (before, from) = tokens.split_at_mut(index);
        let Some((number, after)) = from.split_first_mut() else {
            return;
        };
        if number.kind == Kind::Time {
            continue;
        }
        if is_date_in_one(number.text) {
            number.kind = Kind::Time;
        } else if number.is_between(4, 1900, 2099) {
            number.kind = Kind::Time;
            mark_beside_year(before, after);
        } else if let [second, third, ..] = after
            && [&*number, &*second, &*third].iter().all(|token| is_two_digits(token))
            && number.text != "00"
            && separator(name, number, second) == separator(name, second, third)
        {
            // 26-11-23, 23.11.26, 09-30-15
            for token in [number, second, third] {
                token.kind = Kind::Time;
            }
        } else if let Some(second) = after.first_mut()
            && is_two_digits(number)
            && is_two_digits(second)
            && (number.text != "00" || matches!(separator(name, number, second), "-" | "." | ":"))
        {
            // 11-23, 09_30, 00-05
            number.kind = Kind::Time;
            second.kind = Kind::Time;
        }
    }
}

/// Marks what belongs to a year: month and day behind or before it, a week, or the day of the year.
fn mark_beside_year(before: &mut [Token<'_>], after: &mut [Token<'_>]) {
    let may_be_day = |token: &Token<'_>| token.is_between(1, 1, 9) || token.is_between(2, 1, 31);
    if let [month, day, ..] = after
        && may_be_day(month)
        && may_be_day(day)
    {
        month.kind = Kind::Time;
        day.kind = Kind::Time;
    } else if let Some(next) = after.first_mut()
        && (next.is_between(2, 1, 53) || next.is_between(3, 1, 366) || next.is_between(4, 101, 1231))
    {
        next.kind = Kind::Time;
    } else if let [.., day, month] = before
        && may_be_day(month)
        && may_be_day(day)
    {
        month.kind = Kind::Time;
        day.kind = Kind::Time;
    } else if let Some(month) = before.last_mut()
        && month.is_between(2, 1, 53)
    {
        month.kind = Kind::Time;
    }
}

/// Returns whether a number is a date, with or without a time behind it.
pub(super) fn is_date_in_one(digits: &str) -> bool {
    let number = |range: std::ops::Range<usize>| digits.get(range).and_then(|part| part.parse::<u32>().ok());
    let is = |range, least: u32, most: u32| number(range).is_some_and(|part| (least..=most).contains(&part));
    let is_year_first = is(0..4, 1900, 2099) && is(4..6, 1, 12);
    match digits.len() {
        6 => is_year_first || !digits.starts_with("00") && is(2..4, 1, 12) && (is(0..2, 1, 31) || is(4..6, 1, 31)),
        8 => {
            let is_year_last = is(4..8, 1900, 2099) && is(0..2, 1, 31) && is(2..4, 1, 31);
            is_year_first && is(6..8, 1, 31) || is_year_last
        }
        10 | 12 | 14 | 17 => is_year_first && is(6..8, 1, 31) && is(8..10, 0, 23),
        _ => false,
    }
}

/// Marks times behind a date, and numbers beside a word of the calendar.
fn mark_times(name: &str, tokens: &mut [Token<'_>]) {
    for index in 1..tokens.len() {
        let (before, from) = tokens.split_at_mut(index);
        let (last, this) = (&before[index - 1], &mut from[0]);
        let is_beside_calendar = last.kind == Kind::Word && CALENDAR.iter().any(|word| last.is(word));
        let follows_time = last.kind == Kind::Time && is_time(name, before, this);
        let is_counter = this.kind == Kind::Counter;
        if is_counter && (follows_time || is_beside_calendar && may_be_calendar(last, this)) {
            this.kind = Kind::Time;
        }
    }
    for index in 1..tokens.len() {
        let (before, from) = tokens.split_at_mut(index);
        let is_month =
            from[0].kind == Kind::Word && from[0].text.len() == 3 && CALENDAR[21..].iter().any(|word| from[0].is(word));
        if is_month && is_two_digits(&before[index - 1]) {
            before[index - 1].kind = Kind::Time;
        }
    }
    for token in tokens {
        if token.kind == Kind::Counter && !token.is_joined && is_clock(token.text) {
            token.kind = Kind::Time;
        }
    }
}

/// Returns whether a number alone reads as a time of day or as month and day: `0930`, `1445`, `093015`.
fn is_clock(digits: &str) -> bool {
    let is = |range: std::ops::Range<usize>, most: u32| {
        digits
            .get(range)
            .and_then(|part| part.parse::<u32>().ok())
            .is_some_and(|part| part <= most)
    };
    match digits.len() {
        _ if digits.starts_with("00") => false,
        4 => is(0..2, 23) && is(2..4, 59),
        6 => is(0..2, 23) && is(2..4, 59) && is(4..6, 59),
        _ => false,
    }
}

/// Returns whether a number goes on with the time of day that the date before it begins.
fn is_time(name: &str, before: &[Token<'_>], token: &Token<'_>) -> bool {
    let moment = before.iter().rev().take_while(|token| token.kind == Kind::Time).count();
    let moment = &before[before.len() - moment..];
    let Some(of_day) = digits_behind_day(moment) else {
        return false;
    };
    let between = moment.last().map_or("", |last| separator(name, last, token));
    match token.text.len() {
        2 if of_day < 6 => token.is_between(2, 0, 59),
        // A time zone.
        2 | 4 if of_day >= 6 => matches!(between, "+" | ":"),
        4 => token.is_between(4, 0, 2359),
        3 => of_day >= 6,
        6 if of_day == 0 => token.is_between(6, 0, 235_959),
        // A fraction of a second with so many zeros before it is a counter, but behind a point.
        6 | 9 => of_day >= 6 && (between == "." || !token.text.starts_with("000")),
        _ => false,
    }
}

/// Returns how many digits of the time of day a moment has; `None` if it does not even tell the day.
fn digits_behind_day(moment: &[Token<'_>]) -> Option<usize> {
    let lengths: Vec<_> = moment.iter().map(|token| token.text.len()).collect();
    let (begun, rest) = match lengths.as_slice() {
        [whole, rest @ ..] if *whole >= 10 => (whole - 8, rest),
        [6 | 8, rest @ ..] | [4, 3 | 4, rest @ ..] | [_, _, _, rest @ ..] => (0, rest),
        _ => return None,
    };
    Some(begun + rest.iter().sum::<usize>())
}

/// Returns whether a number may belong to the word of the calendar before it: a single letter has to touch it, and only
/// `T` has a whole time of day behind it.
fn may_be_calendar(word: &Token<'_>, number: &Token<'_>) -> bool {
    let touches = word.end() == number.start;
    (touches || word.text.len() > 1) && (number.text.len() <= 4 || word.is("t") && number.text.len() == 6)
}

/// Marks the numbers of versions and decimals: `v1.0`, `1.0.2`.
fn mark_versions(name: &str, tokens: &mut [Token<'_>]) {
    for index in 1..tokens.len() {
        let (before, from) = tokens.split_at_mut(index);
        let (last, this) = (&mut before[index - 1], &mut from[0]);
        let is_plain = |token: &Token<'_>| token.text.len() == 1 || !token.text.starts_with('0');
        let is_version_before = last.kind == Kind::Id && last.text.len() <= 3
            || last.kind == Kind::Time && last.is_joined
            || last.kind == Kind::Counter && is_plain(last);
        if this.kind == Kind::Counter && separator(name, last, this) == "." && is_version_before {
            last.kind = Kind::Id;
            this.kind = Kind::Id;
        }
    }
}

fn is_two_digits(token: &Token<'_>) -> bool {
    token.kind != Kind::Id && !token.is_joined && token.is_between(2, 0, 59)
}

fn separator<'a>(name: &'a str, before: &Token<'_>, after: &Token<'_>) -> &'a str {
    name.get(before.end()..after.start).unwrap_or_default()
}
