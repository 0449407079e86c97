//! How runs end.

use serde::{Deserialize, Serialize};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The segment is exactly what was asked for, published and Active.
    Loaded,
    /// Published; Dynamics is still computing.
    Computing,
    /// Nothing had to be written.
    Unchanged,
    /// What a load would do; nothing was written.
    DryRun,
    /// A guard forbade it; nothing was published.
    Refused,
    /// A newer result counts instead.
    Superseded,
    /// Another run works on the segment and takes this result up.
    Busy,
    /// Out of time; the next sweep goes on.
    Continues,
    /// It could not be done; `reason` says why and what to do.
    Failed,
}
