//! What is said of a segment that has had no good load for too long.

use super::{day, plain};
use crate::report::Stale;
use crate::text::shown::grouped;
use chrono::{DateTime, Utc};

/// Tells that a segment has grown old.
pub(in crate::report) fn of_stale(stale: &Stale, now: DateTime<Utc>) -> String {
    let every = match stale.stale_after_hours {
        1.0 => "hour".to_owned(),
        hours => format!("{hours} hours"),
    };
    let audience = stale.people.or(stale.contacts).map_or_else(
        || "those who were loaded then, who".to_owned(),
        |people| format!("the {} of then, who", grouped(people)),
    );
    plain(&format!(
        "“{}” has had no good load since {}: it should have one every {every}. As far as this program has seen, journeys go on with \
         {audience} may not be the right people any more. Whoever writes its files, or runs this program, has to look why no new one was loaded.",
        stale.segment_name,
        day(stale.last_load, now),
    ))
}
