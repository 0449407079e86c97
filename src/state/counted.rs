//! The additions and removals that a segment has counted, and which of them go over a result that comes late.

use super::head::{Head, Input, Job};
use super::ledger::Standing;
use super::precedence::{Precedence, Rank};
use crate::domain::{Mode, ObjectRef, Pinned, Position, RunId};
use serde::{Deserialize, Serialize};

/// An addition or removal that was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// The input.
    #[serde(flatten)]
    pub input: Input,
    /// How it was loaded; earlier heads lack it.
    #[serde(flatten)]
    how: Option<How>,
}

/// What it takes to read a counted input again, beside its position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct How {
    bucket: String,
    mode: Mode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parts: Option<Pinned>,
    #[serde(default, rename = "ordered", skip_serializing_if = "Option::is_none")]
    direct: Option<Precedence>,
}

/// Newer additions and removals were counted, and nobody can tell any more which they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untold {
    /// An earlier version kept no more than the names of so many.
    Named(usize),
    /// More were counted than a head keeps whole, and what is not kept any more may be newer.
    Forgotten,
    /// An addition or removal was approved below a complete result that was loaded since, which has overtaken those between the two
    /// that were not counted before it, whether anybody heard of them or not.
    Below,
    /// A complete result that was loaded since has overtaken others that were heard of and not counted.
    Overtaken,
}

/// The additions and removals that a direct load undoes, as far as its file says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Undone {
    /// How many they are of those that are kept whole.
    pub count: usize,
    /// Others may be among those that are not.
    pub may_be_more: bool,
    /// How many have not been carried out, and will not be, since it overtakes them.
    pub waiting: usize,
}

impl Undone {
    /// Returns whether it undoes none that was carried out.
    pub const fn is_nothing(&self) -> bool {
        self.count == 0 && !self.may_be_more
    }
}

impl Head {
    /// Returns the additions and removals that were counted and stand above a job, from the oldest on: what they say goes
    /// over what it says.
    ///
    /// Of what an earlier version counted only the mode that its name was made of tells how it was loaded; where it does not,
    /// an addition or removal takes it for one of its own kind, which changes nothing.
    pub fn newer_than(&self, job: &Job) -> Result<Vec<Job>, Untold> {
        if self.is_approved_below_what_counts(job) {
            return Err(Untold::Below);
        }
        if self.has_passed_over_what_is_newer_than(job) && !self.is_half_written(job) {
            return Err(Untold::Overtaken);
        }
        if self.has_forgotten_what_is_newer_than(job) {
            return Err(Untold::Forgotten);
        }
        let is_newer = |counted: &&Counted| counted.rank() > job.rank();
        let mut newer: Vec<_> = self.counted.iter().filter(is_newer).collect();
        newer.sort_by_key(|counted| counted.rank());
        let told: Vec<_> = newer.iter().filter_map(|counted| self.told(counted, job)).collect();
        match newer.len() - told.len() {
            0 => Ok(told),
            untold if job.mode == Mode::Replace => Err(Untold::Named(untold)),
            _ => Ok(told),
        }
        .map(|newer| newer.into_iter().filter(|newer| newer.mode != job.mode).collect())
    }

    /// Returns which additions and removals a direct load undoes, as far as its file says otherwise: they are newer than the
    /// file, or were asked for directly since, and it stands above them.
    pub fn undone_by(&self, job: &Job) -> Undone {
        let in_force = self.rank_in_force();
        let is_newer = |rank: Rank<'_>| rank > (job.position.place(), false, 0) && Some(rank) > in_force;
        let is_undone = |counted: &&Counted| {
            let is_other = job.mode == Mode::Replace || counted.mode().is_some_and(|mode| mode != job.mode);
            is_other && is_newer(counted.rank()) && counted.rank() <= job.rank()
        };
        let may_be_undone = |highest: &Standing| is_newer(highest.rank()) && highest.rank() <= job.rank();
        let is_overtaken = |waiting: &&Job| {
            let is_other = waiting.mode != Mode::Replace && job.mode == Mode::Replace && !self.has_counted(waiting);
            is_other && is_newer(waiting.rank()) && waiting.rank() < job.rank()
        };
        Undone {
            waiting: self
                .pending
                .iter()
                .chain(self.waiting_for_use())
                .filter(is_overtaken)
                .count(),
            count: self.counted.iter().filter(is_undone).count(),
            may_be_more: self.forgotten_against(job).any(may_be_undone),
        }
    }

    /// Returns the oldest of the additions and removals that were counted, and how it was loaded; `None` where that is not known.
    pub fn first_counted(&self) -> Option<(ObjectRef, Mode)> {
        let first = self.counted.iter().min_by_key(|counted| counted.rank())?;
        let How { bucket, mode, .. } = first.how.clone()?;
        Some((object(&first.input.position, bucket)?, mode))
    }

    /// Returns the job that was counted; `None` if nobody can tell any more which it was.
    fn told(&self, counted: &Counted, late: &Job) -> Option<Job> {
        let how = counted.how.clone();
        let how = how.or_else(|| self.how_by_name(&counted.input, &late.object.bucket))?;
        let Input { position, run_id } = counted.input.clone();
        Some(Job {
            run_id,
            object: object(&position, how.bucket)?,
            position,
            parts: how.parts,
            mode: how.mode,
            segment_name: self.segment_name.clone(),
            sample: None,
            approved: false,
            direct: how.direct,
        })
    }

    /// Finds out how an earlier version loaded an input of one file: its name was made of that.
    fn how_by_name(&self, input: &Input, bucket: &str) -> Option<How> {
        let object = object(&input.position, bucket.to_owned())?;
        let names = |mode| RunId::of(&self.home, &self.segment_name, mode, &object, None) == input.run_id;
        let mode = [Mode::Append, Mode::Remove].into_iter().find(|mode| names(*mode))?;
        Some(How {
            bucket: object.bucket.clone(),
            mode,
            parts: None,
            direct: None,
        })
    }
}

impl Counted {
    /// Returns which of the direct loads it was; `None` if an event brought it.
    pub(super) fn number(&self) -> Option<u64> {
        Some(self.direct()?.number)
    }

    /// Notes that a job is done with.
    pub fn of(job: &Job) -> Self {
        Self {
            input: job.input(),
            how: Some(How {
                bucket: job.object.bucket.clone(),
                mode: job.mode,
                parts: job.parts.clone(),
                direct: job.direct.clone(),
            }),
        }
    }

    pub(super) fn rank(&self) -> Rank<'_> {
        Precedence::rank(self.direct(), &self.input.position)
    }

    /// Returns the result that it stood at, or above.
    pub(super) fn stands_at(&self) -> &Position {
        Precedence::place(self.direct(), &self.input.position)
    }

    /// Returns how it was loaded; `None` if an earlier version counted it.
    pub(super) fn mode(&self) -> Option<Mode> {
        Some(self.how.as_ref()?.mode)
    }

    /// Returns where it stood among all.
    pub(super) fn standing(&self) -> Standing {
        Standing {
            position: self.input.position.clone(),
            direct: self.direct().cloned(),
        }
    }

    fn direct(&self) -> Option<&Precedence> {
        self.how.as_ref()?.direct.as_ref()
    }
}

fn object(position: &Position, bucket: String) -> Option<ObjectRef> {
    Some(ObjectRef {
        bucket,
        key: position.key.clone(),
        version_id: position.version_id.clone(),
        etag: position.etag.clone()?,
    })
}
