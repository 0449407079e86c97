//! What was sent to Dynamics and may still take effect, since nobody heard the answer.

use super::LeaseLost;
use crate::state::head::{Head, Job, Writing};
use chrono::{DateTime, Utc};
use std::time::Duration;

impl Head {
    /// Takes into account that a worker that died may have sent a create for as long as its lease let it.
    pub(super) fn allow_for_a_late_create(&mut self) {
        if let (Some(creating), Some(lease)) = (&mut self.creating, &self.lease) {
            let sent_until = lease.renewed + sending_time(Duration::from_secs(lease.seconds));
            *creating = sent_until.max(*creating);
        }
    }

    /// Returns until when what may still take effect has to be awaited before a job is begun: nothing of its own has, which
    /// asks for the same once more, unless it was about to be published.
    pub fn awaits_unanswered(&self, job: &Job) -> Option<DateTime<Utc>> {
        let is_own =
            |writing: &Writing| writing.run_id == job.run_id && !writing.is_mixed && writing.publishing.is_none();
        self.unanswered_until
            .filter(|_| !self.writing.as_ref().is_some_and(is_own))
    }

    /// Notes until when a change of the segment may still take effect whose answer nobody heard, and forgets at `now` what
    /// cannot any more.
    pub fn note_unanswered(&mut self, until: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        self.unanswered_until = self.unanswered_until.max(until).filter(|until| *until > now);
    }

    /// Notes that an attempt begins which may add members to the draft.
    pub fn note_write(&mut self, now: DateTime<Utc>) {
        if let Some(writing) = &mut self.writing {
            writing.written = Some(now);
        }
    }

    /// Notes before they are sent that members are added to the draft again who had been taken out.
    pub fn note_putting_back(&mut self, owner: &str, now: DateTime<Utc>) -> Result<(), LeaseLost> {
        self.lease_of(owner)?;
        self.note_write(now);
        Ok(())
    }

    /// Notes before it is sent that a request is to create the segment, and afterwards that nobody heard what became of it.
    pub fn note_create(&mut self, owner: &str, now: DateTime<Utc>) -> Result<(), LeaseLost> {
        self.lease_of(owner)?;
        self.creating = Some(now);
        Ok(())
    }

    /// Notes that it is known what became of the create.
    pub fn end_create(&mut self, owner: &str) -> Result<(), LeaseLost> {
        self.lease_of(owner)?;
        self.creating = None;
        Ok(())
    }
}

/// Returns how long a worker may still send after its last renewal: the lease less one call and a margin.
///
/// A call may take two thirds of the lease and the margin is an eighteenth (120 s and 10 s of 180 s), so that whatever
/// was sent by then is over before another worker may begin.
pub fn sending_time(lease: Duration) -> Duration {
    lease.saturating_sub(call_time(lease)).saturating_sub(lease / 18)
}

/// Returns how long one Dataverse call may take: two thirds of the lease.
pub fn call_time(lease: Duration) -> Duration {
    lease * 2 / 3
}
