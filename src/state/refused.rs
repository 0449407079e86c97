//! Jobs that will not be carried out, unless somebody approves them, orders them, or mends what keeps them out.

use crate::domain::{ErrorType, Mode, Position, RunId};
use crate::state::head::{Input, Job};
use crate::state::precedence::{Precedence, Rank};
use serde::{Deserialize, Serialize};

/// A job that will not be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Its place among all results.
    #[serde(rename = "order")]
    pub position: Position,
    /// Its name, and what an approval must quote.
    pub run_id: RunId,
    /// How it was to be loaded; earlier heads lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Where it stood, for a direct load, in which place its approval puts it; earlier heads lack it.
    #[serde(default, rename = "ordered", skip_serializing_if = "Option::is_none")]
    pub direct: Option<Box<Precedence>>,
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
    /// How people were told of it; earlier heads lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Box<Told>>,
    /// The job, where it waits until nothing uses the segment any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Box<Job>>,
}

/// How people were told that a job will not be carried out, for who asks again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Why, as the end of a sentence.
    pub why: String,
    /// What helps.
    pub help: Help,
}

/// What helps where a job will not be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Help {
    /// An approval.
    Approval,
    /// Waiting until nothing uses the segment, as long as it waits, or an approval.
    Waiting,
    /// What these words say: no approval does.
    Words(String),
}

impl Refusal {
    /// Says that others were refused since, too many to remember why.
    pub(super) fn forgotten() -> Self {
        Self {
            reason: "this version was refused before, or could not be read, and why is not remembered any more, so many others were \
                     refused since: `history` tells why. Drop a better file, or load this one directly"
                .to_owned(),
            unreadable: false,
            error_type: None,
            told: None,
            waiting: None,
        }
    }
}

impl Refused {
    /// Notes that a job will not be carried out, and why.
    pub(super) fn of(job: &Job, refusal: Refusal) -> Self {
        let Input { position, run_id } = job.input();
        Self {
            position,
            run_id,
            mode: Some(job.mode),
            direct: job.direct.clone().map(Box::new),
            refusal,
        }
    }

    /// Returns whether it waits until nothing uses the segment any more.
    pub(super) const fn waits(&self) -> bool {
        self.refusal.waiting.is_some()
    }

    /// Returns what compares it with what was carried out.
    pub(super) fn rank(&self) -> Rank<'_> {
        Precedence::rank(self.direct.as_deref(), &self.position)
    }

    /// Returns whether a direct load was refused, rather than what an event told of.
    pub fn is_direct(&self) -> bool {
        self.direct.as_ref().is_some_and(|direct| !direct.is_in_place)
    }
}
