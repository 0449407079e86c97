//! How often and how long a failed call is tried again.

use crate::time::Backoff;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

/// How often one call is tried at most: with [`BACKOFF`] about half a minute, longer than a gateway's usual hiccup and
/// short against the 15 minutes of an invocation.
pub(super) const MAX_TRIES: u32 = 8;

/// Before the first repetition a gateway may recover; after the last ones half a minute is what a throttled minute asks for.
pub(super) const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(500),
    longest: Duration::from_secs(30),
};

/// Longer than any invocation, and short enough to be added to any instant.
pub(super) const A_DAY: Duration = Duration::from_hours(24);

/// Reads `Retry-After`: seconds, whole or not, or an HTTP date, which counts from the answer's own `Date`.
///
/// Of several numbers, as a proxy joins them, the longest satisfies all.
pub(super) fn retry_after(value: &str, date: Option<&str>) -> Option<Duration> {
    let value = value.trim();
    let seconds: Option<Vec<Duration>> = value.split(',').map(seconds).collect();
    if let Some(seconds) = seconds {
        return seconds.into_iter().max();
    }
    let until = httpdate::parse_http_date(value).ok()?;
    // The server's clock against the server's clock: a wrong clock of the host does not matter.
    let now = date
        .and_then(|date| httpdate::parse_http_date(date.trim()).ok())
        .unwrap_or_else(SystemTime::now);
    Some(until.duration_since(now).unwrap_or_default().min(A_DAY))
}

/// Reads a decimal number, never below what it says.
fn seconds(number: &str) -> Option<Duration> {
    let number = number.trim();
    let is_decimal = number.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && number.chars().all(|c| c.is_ascii_digit() || c == '.');
    let seconds: f64 = number.parse().ok().filter(|_| is_decimal)?;
    let millis = (seconds.min(A_DAY.as_secs_f64()) * 1_000.0).ceil();
    Some(Duration::from_secs_f64(millis / 1_000.0))
}

/// Bounds the retries of a whole run, so that a broken remote side is not hammered by every call on its own.
///
/// A retry costs [`Self::COST`], a success gives one back: 40 retries at once, and one in five calls in the long run.
pub(super) struct Budget(Mutex<u32>);

impl Budget {
    const FULL: u32 = 200;
    const COST: u32 = 5;

    pub(super) const fn full() -> Self {
        Self(Mutex::new(Self::FULL))
    }

    /// Takes one retry, or tells that none is left.
    pub(super) fn take(&self) -> bool {
        let mut left = self.lock();
        let enough = *left >= Self::COST;
        if enough {
            *left -= Self::COST;
        }
        enough
    }

    pub(super) fn give_back(&self) {
        let mut left = self.lock();
        *left = (*left + 1).min(Self::FULL);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, u32> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let date = Some("Mon, 23 Nov 2026 12:00:00 GMT");
        for (value, expected) in [
            ("0", Some(0)),
            (" 27 ", Some(27)),
            ("Mon, 23 Nov 2026 12:05:00 GMT", Some(300)),
            ("Mon, 23 Nov 2026 11:00:00 GMT", Some(0)),
            ("99999999999999", Some(86_400)),
            ("Mon, 23 Nov 2099 12:05:00 GMT", Some(86_400)),
            ("soon", None),
            ("-3", None),
            ("", None),
        ] {
            assert_eq!(retry_after(value, date), expected.map(Duration::from_secs), "{value}");
        }
    }

    #[test]
    fn retry_after_may_be_a_fraction_several_or_a_date_of_any_form() {
        let date = Some(" Mon, 23 Nov 2026 12:00:00 GMT");
        for (value, expected) in [
            ("2.5", Some(2_500)),
            (" 2.50\t", Some(2_500)),
            ("0.0001", Some(1)),
            (".5", Some(500)),
            ("5.", Some(5_000)),
            ("2,5", Some(5_000)),
            ("27, 5", Some(27_000)),
            ("99999999999999999999999999", Some(86_400_000)),
            ("Monday, 23-Nov-26 12:00:30 GMT", Some(30_000)),
            ("Mon Nov 23 12:00:31 2026", Some(31_000)),
            ("-2.5", None),
            ("+5", None),
            ("1e3", None),
            ("inf", None),
            ("NaN", None),
            ("2.5.1", None),
            (".", None),
            ("5 s", None),
            ("27, soon", None),
            ("Mon, 23 Nov 2026", None),
        ] {
            assert_eq!(retry_after(value, date), expected.map(Duration::from_millis), "{value}");
        }
        assert_eq!(retry_after("Mon, 23 Nov 2015 12:05:00 GMT", None), Some(Duration::ZERO));
    }

    #[test]
    fn the_budget_ends_and_recovers_by_successes() {
        let budget = Budget::full();
        assert_eq!((0..1_000).filter(|_| budget.take()).count(), 40);
        (0..4).for_each(|_| budget.give_back());
        assert!(!budget.take());
        budget.give_back();
        assert!(budget.take());
    }
}
