//! Jobs that are carried out: what they leave in the head.

use super::{Achievement, LeaseLost, higher};
use crate::domain::Mode;
use crate::state::head::{Applied, Head, Job};
use crate::state::past::{Load, Loaded};
use chrono::{DateTime, Utc};

impl Head {
    /// Records that the job was carried out and published, and drops what it overtakes.
    pub fn apply(
        &mut self,
        owner: &str,
        job: &Job,
        achievement: Achievement,
        now: DateTime<Utc>,
    ) -> Result<Vec<Job>, LeaseLost> {
        let before = self.applied_before(job);
        let waited: Vec<_> = self.waiting_for_use().cloned().collect();
        self.drop_counted(owner, job)?;
        let mut overtaken = self.take_overtaken(job, |_| true);
        overtaken.extend(self.note_overtaken_of(waited, job));
        let at = before.unwrap_or(now);
        let load = Load {
            at,
            contacts: achievement.contacts,
            people: achievement.members.map(|members| members.count),
            outcome: match (achievement.is_published, achievement.watch.is_none()) {
                (false, _) => Loaded::Unchanged,
                (true, true) => Loaded::Loaded,
                (true, false) => Loaded::Computing,
            },
        };
        match before {
            Some(_) => self.remember_again(load, now),
            None => self.remember(load),
        }
        self.note_publish(achievement.segment_id.as_deref(), achievement.watch.is_none(), now);
        self.applied = Some(Applied {
            job: job.clone(),
            at,
            contacts: achievement.contacts,
            counted: None,
            change: achievement.change,
            members: achievement.members,
            segment_id: achievement.segment_id,
            definition_id: achievement.definition_id,
            groups: achievement.groups,
            confirmed: achievement.watch.is_none(),
            watch: achievement.watch,
            has_failed: false,
            is_overlaid: false,
            is_computed_by_others: achievement.is_computed_by_others,
        });
        self.writing = None;
        self.unproven.take_if(|_| achievement.is_published);
        self.creating = None;
        self.end_well();
        Ok(overtaken)
    }

    /// Returns when a job was applied that is only published again; `None` if it is carried out, be it once more.
    fn applied_before(&self, job: &Job) -> Option<DateTime<Utc>> {
        let applied = self.applied.as_ref().filter(|applied| applied.job == *job)?;
        (!self.pending.contains(job)).then_some(applied.at)
    }

    /// Records that the job is done with, and leaves what was applied last as it is: so it is where an addition or removal
    /// holds nobody, while Dynamics may still be computing what was published before.
    pub fn count(&mut self, owner: &str, job: &Job, now: DateTime<Utc>) -> Result<(), LeaseLost> {
        self.drop_counted(owner, job)?;
        if self.applied.as_ref().is_none_or(|applied| applied.confirmed) {
            self.remember(Load {
                at: now,
                contacts: 0,
                people: self.people(),
                outcome: Loaded::Unchanged,
            });
        }
        self.end_well();
        Ok(())
    }

    fn drop_counted(&mut self, owner: &str, job: &Job) -> Result<(), LeaseLost> {
        self.lease_of(owner)?;
        let is_done = |pending: &Job| pending.asks_as(job) && pending.rank() <= job.rank();
        self.pending.retain(|pending| !is_done(pending));
        self.lift_refusal_of(job);
        if job.mode == Mode::Replace {
            let is_highest = self
                .settled
                .as_ref()
                .is_none_or(|settled| job.stands_at().place() >= settled.place());
            if is_highest {
                self.is_settled_loaded = job.is_about(job.stands_at());
            }
            self.settled = higher(self.settled.take(), job.stands_at());
            self.in_force_at = (!is_highest).then(|| job.stands_at().clone());
            self.in_force = Some(job.position.clone());
            self.in_force_number = job.stands_above().then(|| job.rank().2);
        } else {
            self.note_counted(job);
        }
        Ok(())
    }
}
