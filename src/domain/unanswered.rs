//! How long what a worker leaves behind has to be reckoned with.

use std::time::Duration;

/// How long a request may still be carried out whose answer was lost: a gateway that gave up leaves the server at work, at
/// most for the two minutes of an operation (Microsoft, "Service protection API limits").
pub const LATE_COMMIT: Duration = Duration::from_mins(2);

/// The longest pause before a segment is published again for members that are missing, in minutes: whoever waits for longer than a
/// day hears too late of them.
pub const LONGEST_REPUBLISH: u32 = 24 * 60;

/// The longest lease that can be configured.
pub const LONGEST_LEASE: Duration = Duration::from_hours(24);
