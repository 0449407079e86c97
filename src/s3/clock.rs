//! The time as S3 tells it, so that the clock of the host does not matter.

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use chrono::{DateTime, SubsecRound, Utc};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// S3's clock: the `Date` of its last answer plus the monotonic time since.
///
/// Added to the S3 client as an interceptor, it is set by every answer, refusals included. `Date` has whole seconds, so
/// the clock may be up to one second slow.
#[derive(Clone, Debug, Default)]
pub(crate) struct S3Clock(Arc<Mutex<Option<Reading>>>);

/// What S3 last said, and when it was heard.
#[derive(Clone, Copy, Debug)]
struct Reading {
    date: DateTime<Utc>,
    at: Instant,
}

impl S3Clock {
    /// How far the host's own clock, used before S3's first answer, is set back: a lease then lives rather too long.
    const ALLOWANCE: Duration = Duration::from_mins(1);

    /// Returns S3's time.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(reading) => (reading.date + reading.at.elapsed()).trunc_subsecs(3),
            None => Utc::now() - Self::ALLOWANCE,
        }
    }

    fn set(&self, date: DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Reading {
            date,
            at: Instant::now(),
        });
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
