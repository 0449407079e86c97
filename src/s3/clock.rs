//! The time as S3 tells it, so that the clock of the host does not matter.

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// S3's clock: the `Date` of its last answer plus the monotonic time since.
///
/// Added to the S3 client as an interceptor, it is set by every answer, refusals included. `Date` has whole seconds, so
/// the clock may be up to one second slow. A `Date` that lies apart from the clock and from the host's own is believed only
/// where the next one agrees with it: written down, one wrong time would take a lease from its holder, or look like damage.
#[derive(Clone, Debug, Default)]
pub(crate) struct S3Clock(Arc<Mutex<Heard>>);

/// What S3 has said.
#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    /// The last time that is believed.
    believed: Option<Reading>,
    /// A later one that is not.
    doubted: Option<Reading>,
    /// What is believed was said once only, first of all, and the host's own clock says otherwise.
    is_alone: bool,
}

/// What S3 last said, and when it was heard.
#[derive(Clone, Copy, Debug)]
struct Reading {
    date: DateTime<Utc>,
    at: Instant,
}

impl Reading {
    /// Returns what the time is by now.
    fn now(&self) -> DateTime<Utc> {
        (self.date + self.at.elapsed()).trunc_subsecs(3)
    }
}

impl S3Clock {
    /// How far the host's own clock, used before S3's first answer, is set back: a lease then lives rather too long.
    const ALLOWANCE: Duration = Duration::from_mins(1);
    /// How far two clocks may lie apart that agree.
    const TOLERANCE: TimeDelta = TimeDelta::minutes(1);

    /// Returns S3's time.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        let believed = self.heard().believed;
        believed.map_or_else(|| Utc::now() - Self::ALLOWANCE, |reading| reading.now())
    }

    /// Returns whether more than one answer tells the time, or one with which the host's own clock agrees: the first may be wrong.
    pub(crate) fn is_known(&self) -> bool {
        !self.heard().is_alone
    }

    fn set(&self, date: DateTime<Utc>) {
        let mut heard = self.heard();
        let agrees = |time: DateTime<Utc>| (date - time).abs() <= Self::TOLERANCE;
        let is_first = heard.believed.is_none();
        let is_believed = match heard.believed {
            Some(reading) => agrees(reading.now()) || agrees(Utc::now()),
            None => true,
        };
        let is_confirmed = heard.doubted.is_some_and(|doubted| agrees(doubted.now()));
        let reading = Some(Reading {
            date,
            at: Instant::now(),
        });
        *heard = if is_believed || is_confirmed {
            Heard {
                believed: reading,
                doubted: None,
                is_alone: is_first && !agrees(Utc::now()),
            }
        } else {
            Heard {
                doubted: reading,
                ..*heard
            }
        };
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for S3Clock {
    fn name(&self) -> &'static str {
        "S3Clock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        if let Some(date) = date.and_then(|date| httpdate::parse_http_date(date).ok()) {
            self.set(date.into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_date_that_lies_apart_is_believed_only_where_the_next_one_agrees_or_the_host_does() {
        let start = Utc::now() - TimeDelta::days(1);
        for wrong in [TimeDelta::hours(1), TimeDelta::days(-2)] {
            let clock = S3Clock::default();
            let is = |seconds: i64| (clock.now() - (start + TimeDelta::seconds(seconds))).abs() < TimeDelta::seconds(1);
            clock.set(start);
            assert!(is(0), "the first is believed");
            assert!(!clock.is_known(), "for want of another");
            clock.set(start + wrong);
            assert!(is(0) && !clock.is_known());
            clock.set(start);
            assert!(is(0) && clock.is_known());
            tokio::time::advance(Duration::from_secs(90)).await;
            clock.set(start + wrong);
            assert!(is(90), "one alone is not");
            clock.set(start + TimeDelta::seconds(91));
            assert!(is(91));
            clock.set(start + wrong);
            assert!(is(91), "what was doubted before is forgotten");
            tokio::time::advance(Duration::from_secs(5)).await;
            clock.set(start + wrong + TimeDelta::seconds(5));
            assert!(is(wrong.num_seconds() + 5), "two that agree are");
            clock.set(Utc::now());
            assert!(
                (clock.now() - Utc::now()).abs() < TimeDelta::seconds(2),
                "so is the host's"
            );
        }
    }
}
