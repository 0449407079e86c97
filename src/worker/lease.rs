//! A worker's lease on a segment: taken, kept alive beside the work, and given back.

use super::missing::Lack;
use super::prepare::Prepared;
use super::unheard::Unheard;
use super::{Asked, heads};
use crate::domain::{Census, Fate, Mode, SegmentName, Watch};
use crate::means::Means;
use crate::reconcile::late;
use crate::state::transition::sending_time;
use crate::state::{
    Achievement, Claim, Error, Head, Job, LastRun, LeaseLost, Lost, Overtaken, ReadBack, Recovery, Refusal, Shortfall,
    Unreported, Whose,
};
use crate::time::Fence;
use chrono::{DateTime, Utc};
use std::cell::Cell;
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::Instant;

/// The lease of one segment.
///
/// While it is renewed the fence is open; it closes by itself when a renewal is late.
pub(super) struct LeaseGuard<M> {
    pub(super) means: M,
    pub(super) fence: Fence,
    segment_name: SegmentName,
    owner: String,
    length: Duration,
    /// The attempt before, where it ended without a word.
    lost: Option<Box<Lost>>,
    /// The attempt before, where it came to its end and nobody may have heard of it.
    unreported: Option<Unreported>,
    /// What it had overtaken, where nobody may have heard of that.
    overtaken: Vec<Overtaken>,
    /// What has to wait and keeps others from their turn.
    in_the_way: Option<Job>,
    /// How all is well again by the attempt that came to its end last.
    recovery: Cell<Option<Recovery>>,
    unheard: Unheard,
}

/// A lease is renewed every sixth of its length: two renewals may be lost before the fence closes.
const RENEWALS_PER_LEASE: u32 = 6;

impl<M: Means> LeaseGuard<M> {
    /// Takes the segment, or returns `None` if another worker has it.
    ///
    /// What was `asked` for waits for no pause. Where the live lease was taken for its `own` run, an earlier attempt at it has crashed or is still at work: the end
    /// of that lease is awaited, as long as there is time.
    pub(super) async fn take(
        means: &M,
        segment_name: &SegmentName,
        asked: Option<Asked<'_>>,
        length: Duration,
        stop_at: Instant,
    ) -> Result<Option<Self>, Error> {
        let fence = Fence::new(stop_at, Instant::now());
        let mut taken = Self {
            means: means.through(&fence),
            fence,
            segment_name: segment_name.clone(),
            owner: means.fresh().simple().to_string(),
            length,
            lost: None,
            unreported: None,
            overtaken: Vec::new(),
            in_the_way: None,
            recovery: Cell::new(None),
            unheard: Unheard::default(),
        };
        loop {
            let asked_at = Instant::now();
            let claim = |head: &mut Head, now| {
                let claim = head.claim(&taken.owner, length.as_secs(), now);
                if let (Claim::Taken(_), Some(asked)) = (&claim, asked) {
                    head.skip_back_off(asked.job, now);
                }
                (
                    claim,
                    head.unreported(),
                    head.overtaken.clone(),
                    head.waits_in_the_way(now).cloned(),
                )
            };
            let busy = match heads::update(&taken.means, segment_name, claim).await {
                Ok((Claim::Taken(lost), unreported, overtaken, in_the_way)) => {
                    taken.fence.extend(asked_at + sending_time(length));
                    taken.unheard = Unheard::after(unreported.as_ref(), &overtaken);
                    (taken.lost, taken.unreported) = (lost, unreported);
                    (taken.overtaken, taken.in_the_way) = (overtaken, in_the_way);
                    return Ok(Some(taken));
                }
                Ok((Claim::Busy(lease), ..)) => lease,
                Err(error) => {
                    // It may have been taken all the same, where only the answer was lost.
                    taken.unheard.note();
                    let _ = taken.fence.within(taken.release(None)).await;
                    return Err(error);
                }
            };
            let own = asked.and_then(|asked| asked.own);
            let is_own_earlier_attempt = own.is_some() && busy.run_id.as_ref() == own;
            if !is_own_earlier_attempt || taken.fence.sleep(length / RENEWALS_PER_LEASE).await.is_err() {
                return Ok(None);
            }
        }
    }

    /// Returns as whom the segment is held.
    pub(super) fn owner(&self) -> &str {
        &self.owner
    }

    /// Does some work with the lease kept alive beside it.
    pub(super) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            output = work => output,
            never = self.renew() => match never {},
        }
    }

    async fn renew(&self) -> Infallible {
        loop {
            tokio::time::sleep(self.length / RENEWALS_PER_LEASE).await;
            let asked_at = Instant::now();
            // Renewed or not, it notes nothing that is to be told.
            match self.try_change(|head, now| head.renew(&self.owner, now)).await {
                Ok(()) => self.fence.extend(asked_at + sending_time(self.length)),
                Err(Error::LeaseLost(_)) => {
                    self.fence.lost();
                    return std::future::pending().await;
                }
                Err(error) => tracing::warn!(error = %error, "the lease could not be renewed; it is tried again"),
            }
        }
    }

    /// Reads the head as it is now.
    pub(super) async fn look(&self) -> Result<Head, Error> {
        heads::read(&self.means, &self.segment_name).await
    }

    /// Marks the draft as half-written, and returns the older replaces that are now overtaken.
    pub(super) async fn begin(&self, job: &Job, prepared: &Prepared) -> Result<Vec<Job>, Error> {
        let (baseline, members, seen) = (prepared.baseline(), prepared.members, prepared.seen());
        let begun = self.change(|head, now| {
            let overtaken = head.begin(&self.owner, job, baseline, members, seen)?;
            head.expect(job, || prepared.expected(job));
            if job.mode != Mode::Remove && !prepared.contacts.is_empty() {
                head.note_write(now);
            }
            Ok(overtaken)
        });
        begun.await.inspect(|overtaken| self.unheard.hear(overtaken))
    }

    /// Notes that members are about to be added to the draft again who had been taken out.
    pub(super) async fn note_putting_back(&self) -> Result<(), Error> {
        self.change(|head, now| head.note_putting_back(&self.owner, now)).await
    }

    /// Notes that a request to create the segment leaves now, or has left and nobody knows what became of it.
    pub(super) async fn note_create(&self) -> Result<(), Error> {
        self.change(|head, now| head.note_create(&self.owner, now)).await
    }

    /// Notes that it is known what became of the create.
    pub(super) async fn end_create(&self) -> Result<(), Error> {
        self.change(|head, _| head.end_create(&self.owner)).await
    }

    /// Notes how many members are about to be published; returns whether the job is still the one to publish.
    pub(super) async fn announce(&self, job: &Job, members: u64, read_back: &ReadBack) -> Result<bool, Error> {
        self.change(|head, now| head.announce(&self.owner, job, (members, read_back.clone()), now))
            .await
    }

    /// Looks once more, for what an attempt before was about to publish, whether another result goes first by now.
    pub(super) async fn announce_again(&self, job: &Job) -> Result<bool, Error> {
        self.change(|head, now| head.is_still_next(&self.owner, job, now)).await
    }

    /// Records that the job is carried out, with the members that are missing; returns the jobs that it overtook, and what
    /// follows, as [`Head::note_missing`] does.
    ///
    /// One step: whoever dies after it leaves nothing that only he knew to be missing.
    pub(super) async fn apply(
        &self,
        job: &Job,
        achievement: &Achievement,
        lack: Option<Lack>,
    ) -> Result<(Vec<Job>, Option<Shortfall>), Error> {
        let applied = self.change(|head, now| {
            let overtaken = head.apply(&self.owner, job, achievement.clone(), now)?;
            Ok((overtaken, self.note(head, lack, now)?))
        });
        applied.await.inspect(|(overtaken, _)| self.unheard.hear(overtaken))
    }

    pub(super) fn note(
        &self,
        head: &mut Head,
        lack: Option<Lack>,
        now: DateTime<Utc>,
    ) -> Result<Option<Shortfall>, LeaseLost> {
        let Some(Lack {
            asked, counted, pause, ..
        }) = lack
        else {
            return Ok(None);
        };
        head.note_missing(&self.owner, (asked, counted), pause, now)
    }

    /// Records that the job is done with, and leaves what was applied last as it is.
    pub(super) async fn count(&self, job: &Job) -> Result<(), Error> {
        self.change(|head, now| head.count(&self.owner, job, now)).await
    }

    /// Records that the published segment was seen Active, with the members that are missing; returns what follows.
    pub(super) async fn confirm(&self, lack: Option<Lack>) -> Result<Option<Shortfall>, Error> {
        self.change(|head, now| {
            head.confirm(&self.owner, now)?;
            self.note(head, lack, now)
        })
        .await
    }

    /// Records that the published segment is gone.
    pub(super) async fn let_go(&self) -> Result<(), Error> {
        self.change(|head, _| head.let_go(&self.owner)).await
    }

    /// Keeps what was seen of the published segment for the next look.
    pub(super) async fn watch(&self, watch: &Watch) -> Result<(), Error> {
        self.change(|head, _| head.watch(&self.owner, watch.clone())).await
    }

    /// Records that people were told that nothing is seen of what was published, for too long.
    pub(super) async fn note_overdue_told(&self) -> Result<(), Error> {
        self.change(|head, _| head.note_overdue_told(&self.owner)).await
    }

    /// Takes note that the job's change is out of the draft again, and whether others have published it meanwhile.
    pub(super) async fn take_back(
        &self,
        job: &Job,
        was_published: bool,
        unproven: Option<Census>,
    ) -> Result<(), Error> {
        self.change(|head, now| head.take_back(&self.owner, job, was_published, unproven, now))
            .await
    }

    /// Takes note that the draft is again what it was before anybody began to write, and whether others have published what it
    /// was meanwhile.
    pub(super) async fn restore(&self, was_published: bool, unproven: Option<Census>) -> Result<(), Error> {
        self.change(|head, now| head.restore(&self.owner, was_published, unproven, now))
            .await
    }

    /// Returns the attempt before this one, where it ended without a word.
    pub(super) fn lost(&self) -> Option<&Lost> {
        self.lost.as_deref()
    }

    /// Returns the attempt before this one, where it came to its end and nobody may have heard of it.
    pub(super) const fn unreported(&self) -> Option<&Unreported> {
        self.unreported.as_ref()
    }

    /// Returns what the attempt before this one had overtaken, where nobody may have heard of it.
    pub(super) fn overtaken(&self) -> &[Overtaken] {
        &self.overtaken
    }

    /// Returns the job that had to wait when the segment was taken, and kept others from their turn.
    pub(super) const fn in_the_way(&self) -> Option<&Job> {
        self.in_the_way.as_ref()
    }

    /// Returns how all is well again by what came to its end last under this lease, until that is told.
    pub(super) const fn recovery(&self) -> Option<Recovery> {
        self.recovery.get()
    }

    /// Returns whether this job is what was applied last, and nothing is queued beside it.
    pub(super) async fn is_still_applied(&self, job: &Job) -> Result<bool, Error> {
        self.change(|head, _| head.is_still_applied(&self.owner, job)).await
    }

    /// Queues again what was applied.
    pub(super) async fn redo(&self) -> Result<(), Error> {
        self.change(|head, _| head.redo(&self.owner)).await
    }

    /// Puts a job aside that was refused or can never be read; returns whether it was, as [`Head::refuse`] does.
    pub(super) async fn refuse(&self, job: &Job, refusal: &Refusal) -> Result<bool, Error> {
        self.change(|head, _| head.refuse(&self.owner, job, refusal.clone()))
            .await
    }

    /// Drops a job whose object was replaced while it was read; returns whether it was, as [`Head::forget`] does.
    pub(super) async fn forget(&self, job: &Job) -> Result<bool, Error> {
        self.change(|head, _| head.forget(&self.owner, job)).await
    }

    /// Records a failure; returns whether a person is now needed.
    pub(super) async fn fail(&self, job: &Job, error_type: &str, whose: Whose) -> Result<bool, Error> {
        self.change(|head, now| head.fail(&self.owner, job, error_type, whose, now))
            .await
    }

    /// Records that what was published failed late; returns whether a person is now needed.
    pub(super) async fn fail_late(&self, job: &Job, error_type: &str) -> Result<bool, Error> {
        self.change(|head, now| head.fail_late(&self.owner, job, error_type, now))
            .await
    }

    /// Gives the lease back where the time is over; returns whether the job goes on, as [`Head::interrupt`] does.
    pub(super) async fn interrupt(&self, job: &Job, got_on: bool, difference: Option<u64>) -> Result<bool, Error> {
        self.change(|head, _| {
            let goes_on = head.interrupt(&self.owner, job, got_on, difference)?;
            if goes_on {
                self.unheard.note_told(head);
            }
            Ok(goes_on)
        })
        .await
    }

    /// Gives the lease back if nothing is left to do; otherwise notes that an attempt at the next job begins.
    ///
    /// One step, so that a job added just now is either seen here or finds the lease free; what people were `told` of before is
    /// noted in it.
    pub(super) async fn release_when_done(&self, told: Option<&LastRun>) -> Result<Option<Job>, Error> {
        self.change(|head, now| head.next_or_release(&self.owner, told, now))
            .await
    }

    /// Notes how people were told of a run whose end has given the lease back.
    pub(super) async fn note_run(&self, told: &LastRun) -> Result<(), Error> {
        heads::update(&self.means, &self.segment_name, |head, _| head.note_late_run(told)).await
    }

    /// Returns whether a change of the head may have been made of which nobody heard here, with what it noted to be told.
    pub(super) fn is_unheard(&self) -> bool {
        self.unheard.is_so()
    }

    /// Gives the lease back, whatever is left to do, and notes what people were `told` of before; what they may not have been told
    /// of whoever has the segment next tells them.
    pub(super) async fn release(&self, told: Option<&LastRun>) -> Result<(), Error> {
        self.change(|head, _| {
            head.give_up(&self.owner)?;
            self.unheard.note_told(head);
            head.note_told_run(told);
            Ok(())
        })
        .await
    }

    /// Changes the head; where nobody hears whether it was, that is noted.
    pub(super) async fn change<T>(
        &self,
        change: impl FnMut(&mut Head, DateTime<Utc>) -> Result<T, LeaseLost>,
    ) -> Result<T, Error> {
        let changed = self.try_change(change).await;
        if changed.as_ref().is_err_and(|error| error.fate() != Fate::LostLease) {
            self.unheard.note();
        }
        changed
    }

    /// Changes the head, and notes on the way until when what was sent under this lease may still take effect.
    async fn try_change<T>(
        &self,
        mut change: impl FnMut(&mut Head, DateTime<Utc>) -> Result<T, LeaseLost>,
    ) -> Result<T, Error> {
        let noting = |head: &mut Head, now| {
            // What an attempt before has made well is told of that attempt.
            let before = head.recovery().is_some();
            let outcome = change(head, now)?;
            head.note_unanswered(late::left(&self.means).map(|left| now + left), now);
            Ok((outcome, before, head.recovery()))
        };
        let changed: Result<_, LeaseLost> = heads::update(&self.means, &self.segment_name, noting).await?;
        let (outcome, before, after) = changed?;
        if !before || after.is_none() {
            self.recovery.set(after);
        }
        Ok(outcome)
    }
}
