//! Jobs that others have overtaken.

use super::head::Job;
use serde::{Deserialize, Serialize};

/// A job that will not be carried out, since one that is newer, or was asked for directly, counts instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overtaken {
    /// The job.
    pub job: Job,
    /// That one.
    pub by: Job,
}
