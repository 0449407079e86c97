//! Jobs that others have overtaken.

use super::head::Job;
use serde::{Deserialize, Serialize};

/// A job that will not be carried out, since a newer one counts instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overtaken {
    /// The job.
    pub job: Job,
    /// The newer one.
    pub by: Job,
}
