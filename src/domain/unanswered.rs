//! Requests that nobody heard the answer of.

use std::time::Duration;

/// How long a request may still be carried out whose answer was lost: a gateway that gave up leaves the server at work, at
/// most for the two minutes of an operation (Microsoft, "Service protection API limits").
pub const LATE_COMMIT: Duration = Duration::from_mins(2);
