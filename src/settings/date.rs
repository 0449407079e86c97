//! A calendar date, for secrets that expire.

use chrono::{DateTime, NaiveDate, Utc};
use std::fmt;

/// A calendar date in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(NaiveDate);

impl Date {
    /// Reads `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Option<Self> {
        // The format also takes numbers of less or more digits.
        let is_plain = text.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        (is_plain && text.len() == 10).then_some(Self(date))
    }

    /// Returns how many midnights in UTC lie between `now` and the date; negative once it has passed.
    pub fn days_until(self, now: DateTime<Utc>) -> i64 {
        (self.0 - now.date_naive()).num_days()
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_date_is_read_and_written() {
        for text in ["1970-01-01", "2024-02-29", "2026-11-23", "2099-12-31"] {
            assert_eq!(Date::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "2026-02-30",
            "2025-02-29",
            "2026-13-01",
            "2026-1-01",
            "20261-1-01",
            "12026-11-3",
            "+026-11-23",
            "23.11.2026",
            "2026-11-23Z",
            "20261123",
            "2026-11-2a",
            "----------",
        ] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
    }

    #[test]
    fn days_are_counted_from_any_time_of_the_day() {
        let date = Date::parse("1970-01-31").unwrap();
        assert_eq!(date.days_until(DateTime::UNIX_EPOCH), 30);
        assert_eq!(date.days_until(DateTime::UNIX_EPOCH + Duration::from_hours(23)), 30);
        assert_eq!(date.days_until(DateTime::UNIX_EPOCH + Duration::from_hours(24)), 29);
        assert_eq!(
            date.days_until(DateTime::UNIX_EPOCH + Duration::from_hours(24 * 31)),
            -1
        );
    }
}
