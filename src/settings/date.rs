//! A calendar date, for secrets that expire.

use aws_sdk_secretsmanager::primitives::{DateTime, DateTimeFormat};
use std::fmt;
use std::time::SystemTime;

/// A calendar date in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    days_since_1970: i64,
}

impl Date {
    const SECONDS_PER_DAY: i64 = 86_400;

    /// Reads `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Option<Self> {
        // The format also takes fractions and offsets: only the plain form is left here.
        if text.len() != 10 || !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
            return None;
        }
        let midnight = DateTime::from_str(&format!("{text}T00:00:00Z"), DateTimeFormat::DateTime).ok()?;
        Some(Self::of(midnight))
    }

    /// Returns how many midnights in UTC lie between `now` and the date; negative once it has passed.
    pub fn days_until(self, now: SystemTime) -> i64 {
        self.days_since_1970 - Self::of(DateTime::from(now)).days_since_1970
    }

    fn of(moment: DateTime) -> Self {
        Self {
            days_since_1970: moment.secs().div_euclid(Self::SECONDS_PER_DAY),
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let midnight = DateTime::from_secs(self.days_since_1970 * Self::SECONDS_PER_DAY);
        let text = midnight.fmt(DateTimeFormat::DateTime).map_err(|_| fmt::Error)?;
        f.write_str(text.split('T').next().unwrap_or_default())
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
    use std::time::{Duration, UNIX_EPOCH};

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
        assert_eq!(date.days_until(UNIX_EPOCH), 30);
        assert_eq!(date.days_until(UNIX_EPOCH + Duration::from_hours(23)), 30);
        assert_eq!(date.days_until(UNIX_EPOCH + Duration::from_hours(24)), 29);
        assert_eq!(date.days_until(UNIX_EPOCH + Duration::from_hours(24 * 31)), -1);
    }
}
