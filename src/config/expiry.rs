//! How urgent the end of a client secret is: the nearer, the louder.

use std::fmt;

/// How loudly a warning is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Somebody should plan for it.
    Notice,
    /// Somebody should act soon.
    Warning,
    /// Runs fail, or will within days.
    Alarm,
}

/// What a person should look at although nothing is wrong yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// How loudly to tell it.
    pub urgency: Urgency,
    /// The sentence.
    pub text: String,
}

impl Urgency {
    /// The days before the end from which a client secret is announced at all: time to make a new one without hurry.
    pub const FIRST_DAYS: i64 = 30;
    /// The days before the end from which it is a warning.
    pub const WARNING_DAYS: i64 = 14;
    /// The days before the end from which it is an alarm.
    pub const ALARM_DAYS: i64 = 7;
    /// The last day on which a new one can be made in time.
    pub const LAST_DAYS: i64 = 1;

    /// Judges the days that a client secret still lasts; nothing while there are more than thirty.
    pub const fn of_days_left(days: i64) -> Option<Self> {
        if days > Self::FIRST_DAYS {
            None
        } else if days > Self::WARNING_DAYS {
            Some(Self::Notice)
        } else if days > Self::ALARM_DAYS {
            Some(Self::Warning)
        } else {
            Some(Self::Alarm)
        }
    }
}

impl Warning {
    /// Writes it to the log, at the level of its urgency.
    pub fn log(&self) {
        let warning = &*self.text;
        match self.urgency {
            Urgency::Notice => tracing::info!(warning, "the settings need attention"),
            Urgency::Warning => tracing::warn!(warning, "the settings need attention soon"),
            Urgency::Alarm => tracing::error!(warning, "the settings need attention now"),
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearer_the_end_the_louder() {
        for (days, expected) in [
            (31, None),
            (30, Some(Urgency::Notice)),
            (15, Some(Urgency::Notice)),
            (14, Some(Urgency::Warning)),
            (8, Some(Urgency::Warning)),
            (7, Some(Urgency::Alarm)),
            (1, Some(Urgency::Alarm)),
            (-1, Some(Urgency::Alarm)),
        ] {
            assert_eq!(Urgency::of_days_left(days), expected, "{days}");
        }
    }
}
