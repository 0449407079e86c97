//! Results that are put aside, as a head remembers them.

use crate::domain::{ErrorType, Position, RunId};
use crate::state::head::Job;
use serde::{Deserialize, Serialize};

/// A job that will not be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Its place among all results.
    #[serde(rename = "order")]
    pub position: Position,
    /// Its name, and what an approval must quote.
    pub run_id: RunId,
    /// A direct load was refused, rather than what an event told of.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_direct: bool,
    /// Why it will not.
    #[serde(flatten)]
    pub refusal: Refusal,
}

/// Why a job will not be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The sentence that the run's report gave.
    pub reason: String,
    /// Whether the file can never be read, rather than refused by a guard.
    #[serde(default)]
    pub unreadable: bool,
    /// The type that the run's report gave; earlier heads lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_type: Option<ErrorType>,
    /// The job, where it waits until nothing uses the segment any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Box<Job>>,
}
