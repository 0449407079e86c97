//! What a head still knows of the inputs that it does not keep whole any more: that they were counted or refused, so that none is
//! carried out or refused a second time and none that is new is taken for one of them; and how high stood what was counted, so
//! that nothing older is loaded as though nothing newer existed.

use super::counted::Counted;
use super::head::{Head, Job};
use super::precedence::{Precedence, Rank};
use super::prints::Prints;
use super::refused::{Refusal, Refused};
use crate::domain::{Mode, Position};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What is known of inputs that are not kept whole any more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// What `append` and `remove` have counted.
    #[serde(default, skip_serializing_if = "Prints::is_empty")]
    counted: Prints,
    /// What was refused or can never be read.
    #[serde(default, skip_serializing_if = "Prints::is_empty")]
    refused: Prints,
    /// Where the highest of the additions stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    append: Option<Standing>,
    /// Where the highest of the removals stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remove: Option<Standing>,
    /// Where the highest addition or removal stood that a complete result has overtaken before it was carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    overtaken: Option<Standing>,
    /// Of what was written before this, and is known in no other way, nobody can tell whether it was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    blank_before: Option<DateTime<Utc>>,
}

/// Where an input stood among all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    #[serde(rename = "order")]
    pub(super) position: Position,
    #[serde(default, rename = "ordered", skip_serializing_if = "Option::is_none")]
    pub(super) direct: Option<Precedence>,
}

impl Standing {
    pub(super) fn rank(&self) -> Rank<'_> {
        Precedence::rank(self.direct.as_ref(), &self.position)
    }

    /// Returns the result that it stood at, or above.
    pub(super) fn stands_at(&self) -> &Position {
        Precedence::place(self.direct.as_ref(), &self.position)
    }
}

impl Ledger {
    fn note_counted(&mut self, lost: &Counted) {
        let blank_before = self.counted.add(&lost.input.position);
        self.blank_before = self.blank_before.max(blank_before);
        let mode = lost.mode();
        let highest = [(Mode::Append, &mut self.append), (Mode::Remove, &mut self.remove)];
        for (_, highest) in highest
            .into_iter()
            .filter(|(of, _)| mode.is_none_or(|mode| mode == *of))
        {
            let is_higher = highest.as_ref().is_none_or(|known| known.rank() < lost.rank());
            if is_higher {
                *highest = Some(lost.standing());
            }
        }
    }

    fn note_refused(&mut self, lost: &Refused) {
        let blank_before = self.refused.add(&lost.position);
        self.blank_before = self.blank_before.max(blank_before);
    }

    /// Returns where the highest stood that may say something else than an input of this mode.
    fn highest_against(&self, mode: Mode) -> impl Iterator<Item = &Standing> {
        let append = self.append.iter().filter(move |_| mode != Mode::Append);
        append.chain(self.remove.iter().filter(move |_| mode != Mode::Remove))
    }

    /// Returns where those stood of which it knows that.
    fn stood(&self) -> impl Iterator<Item = &Standing> {
        self.highest_against(Mode::Replace).chain(&self.overtaken)
    }

    /// Returns the latest time that it tells.
    pub(super) fn latest(&self) -> Option<DateTime<Utc>> {
        let stood = self
            .stood()
            .map(|highest| highest.rank().0.0.max(highest.position.last_modified));
        stood.chain(self.blank_before).max()
    }
}

impl Head {
    /// Begins the ledger of a head that an earlier version wrote, which kept the last [`Head::REMEMBERED`] and nothing of the
    /// others.
    ///
    /// They stood no higher than what is known to be the highest; where that waits, or was refused, no higher than the highest
    /// that was counted. They were counted before the first that is kept, so that what was written before that one is most
    /// likely one of them.
    pub(super) fn begin_ledger(&mut self) {
        if self.ledger.is_some() {
            return;
        }
        let mut ledger = Ledger::default();
        if self.counted.len() >= Self::REMEMBERED {
            let counted = self.counted.iter().map(Counted::standing);
            let pending = self.pending.iter().map(|job| &job.position);
            let mut uncounted = pending.chain(self.refused.iter().map(|refused| &refused.position));
            let newest = self
                .newest
                .clone()
                .filter(|newest| !uncounted.any(|other| other.is_same(newest)));
            let newest = newest.map(|position| Standing { position, direct: None });
            let highest = counted.chain(newest).max_by(|a, b| a.rank().cmp(&b.rank()));
            (ledger.append, ledger.remove) = (highest.clone(), highest);
            ledger.blank_before = self.counted.first().map(|first| first.input.position.last_modified);
        }
        self.ledger = Some(ledger);
    }

    /// Notes that an addition or removal was carried out; of those that are kept whole the lowest goes where they are too many.
    pub(super) fn note_counted(&mut self, job: &Job) {
        self.counted.retain(|counted| !job.is_about(&counted.input.position));
        self.counted.push(Counted::of(job));
        while self.counted.len() > Self::REMEMBERED {
            let ranks = self.counted.iter().map(Counted::rank).enumerate();
            let Some((lowest, _)) = ranks.min_by(|(_, a), (_, b)| a.cmp(b)) else {
                return;
            };
            let lost = self.counted.remove(lowest);
            self.ledger.get_or_insert_default().note_counted(&lost);
        }
    }

    /// Notes that a job will not be carried out; of those that are kept whole the one that was refused first goes where they are
    /// too many, but none that waits until nothing uses the segment, and not the newest, by which people are told that the
    /// segment lacks it.
    pub(super) fn note_refused(&mut self, job: &Job, refusal: Refusal) {
        self.lift_refusal_of(job);
        self.refused.push(Refused::of(job, refusal));
        while self.refused.iter().filter(|refused| !refused.waits()).count() > Self::REMEMBERED {
            let newest = self.refused.iter().map(|refused| refused.position.place()).max();
            let may_go = |refused: &Refused| !refused.waits() && Some(refused.position.place()) != newest;
            let Some(first) = self.refused.iter().position(may_go) else {
                return;
            };
            let lost = self.refused.remove(first);
            self.ledger.get_or_insert_default().note_refused(&lost);
        }
    }

    /// Forgets that a job was refused.
    pub(super) fn lift_refusal_of(&mut self, job: &Job) {
        self.refused.retain(|refused| !job.is_about(&refused.position));
        if let Some(ledger) = &mut self.ledger {
            ledger.refused.remove(&job.position);
        }
    }

    /// Returns whether an addition or removal was carried out.
    pub(super) fn has_counted(&self, job: &Job) -> bool {
        let is_kept = self.counted.iter().any(|counted| job.is_about(&counted.input.position));
        is_kept
            || self
                .ledger
                .as_ref()
                .is_some_and(|ledger| ledger.counted.holds(&job.position))
    }

    /// Returns the refusal of a job of which nothing more is known.
    pub(super) fn refusal_forgotten_of(&self, job: &Job) -> Option<Refused> {
        let ledger = self.ledger.as_ref()?;
        let was_refused = ledger.refused.holds(&job.position);
        was_refused.then(|| Refused::of(job, Refusal::forgotten()))
    }

    /// Returns whether nobody can tell if an addition or removal was counted, which is not known in any other way.
    pub fn cannot_tell_of(&self, job: &Job) -> bool {
        let blank_before = self.ledger.as_ref().and_then(|ledger| ledger.blank_before);
        job.mode != Mode::Replace && blank_before.is_some_and(|before| job.position.last_modified < before)
    }

    /// Returns whether an addition or removal stood above a job that may say something else, and is not kept whole any more.
    pub(super) fn has_forgotten_what_is_newer_than(&self, job: &Job) -> bool {
        self.forgotten_against(job).any(|highest| highest.rank() > job.rank())
    }

    /// Notes that a complete result has overtaken what was heard of before it was carried out: of additions and removals, where the
    /// highest stood, so that nobody approves anything older over it as though it had never been.
    pub fn note_passed_over(&mut self, job: &Job) {
        if job.mode != Mode::Replace && !self.has_passed_over(job.rank()) {
            let Job { position, direct, .. } = job.clone();
            self.ledger.get_or_insert_default().overtaken = Some(Standing { position, direct });
        }
    }

    /// Returns whether an addition or removal is known to have been overtaken, before it was carried out, that stood above a job.
    pub(super) fn has_passed_over_what_is_newer_than(&self, job: &Job) -> bool {
        self.highest_passed_over()
            .is_some_and(|highest| highest.rank() > job.rank())
    }

    /// Returns whether as much is known of one that stands there.
    pub fn has_passed_over(&self, rank: Rank<'_>) -> bool {
        self.highest_passed_over().is_some_and(|highest| highest.rank() >= rank)
    }

    fn highest_passed_over(&self) -> Option<&Standing> {
        self.ledger.as_ref()?.overtaken.as_ref()
    }

    /// Returns where the highest stood of those that are not kept whole, or were overtaken.
    pub(super) fn stood(&self) -> impl Iterator<Item = &Standing> {
        self.ledger.iter().flat_map(Ledger::stood)
    }

    /// Returns where the highest additions and removals stood that may say something else than a job and are not kept whole.
    pub(super) fn forgotten_against(&self, job: &Job) -> impl Iterator<Item = &Standing> {
        let ledger = self.ledger.iter();
        ledger.flat_map(|ledger| ledger.highest_against(job.mode))
    }
}
