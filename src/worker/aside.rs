//! Stepping aside: what fails for a reason of its own takes its change out of the draft again, so that what others publish
//! holds nothing of it.

use super::names::sought;
use super::session::Session;
use crate::domain::{Census, ContactSet, Fate, Mode};
use crate::dynamics;
use crate::error::Error;
use crate::means::Means;
use crate::reconcile::{self, Audience, Converged, Desired, Draft, Plan, survey};
use crate::state::head::Writing;
use crate::state::{Head, Job, Whose};
use chrono::{DateTime, Utc};

/// What takes a change out of the draft again: whom to remove after an addition, and whom to add after a removal.
pub(super) struct Undoing {
    mode: Mode,
    contacts: ContactSet,
}

impl<M: Means> Session<'_, M> {
    /// Where an addition or removal fails for a reason of its own, takes its change out of the draft again, so that others
    /// may go on; where that fails, nothing of the segment is published until it succeeds, or a replace does.
    pub(super) async fn step_back(&self, job: &Job, error: &Error, undoing: Option<Undoing>, draft: &Draft<'_, M>) {
        if let Some(undoing) = undoing.filter(|_| error.whose() == Whose::Input)
            && let Err(error) = self.undo(job, &undoing, draft, is_unseen(error)).await
        {
            tracing::warn!(error = %error, "what the run has changed in the draft could not be taken back");
        }
    }

    async fn undo(&self, job: &Job, undoing: &Undoing, failed: &Draft<'_, M>, is_unseen: bool) -> Result<(), Error> {
        self.await_unanswered(None).await?;
        let segment = failed.segment();
        let definition = self.means().definition(segment.definition_id).await?;
        let desired = Desired {
            mode: undoing.mode,
            contacts: &undoing.contacts,
            not_found: 0,
            // Whom Dynamics does not take is not there to be removed; whoever was a member must be one again.
            max_invalid_percent: if undoing.mode == Mode::Remove { 100.0 } else { 0.0 },
        };
        let plan = async || {
            let members = survey::list(self.means(), segment, &definition, desired.contacts.len()).await?;
            let plan = desired.plan(members, survey::exclude_groups(&definition), &[]);
            Ok::<_, Error>(plan.map_err(reconcile::Error::from)?)
        };
        let mut first = plan().await?;
        if first.is_empty() {
            self.let_lists_catch_up(None).await?;
            first = plan().await?;
        }
        // Of what was written no list has shown anything, and none does now.
        let is_unproven = is_unseen && first.is_empty();
        let draft = Draft::new(self.means(), &self.lease.fence, segment, definition.clone());
        let mut draft = draft.begun_at(failed.found());
        if undoing.mode == Mode::Append {
            self.lease.note_putting_back().await?;
        }
        let converged = draft.converge(&desired, first).await?;
        let was_published = draft.is_computed_by(&self.means().segment(segment.id).await?);
        let unproven = is_unproven.then_some(converged.members);
        Ok(self.lease.take_back(job, was_published, unproven).await?)
    }

    /// Waits for what is left, where the last write was `over`, of the time that a list is given that shows nothing of a write:
    /// what is written after it is read tells whether it shows what was written before, and here nothing is.
    async fn let_lists_catch_up(&self, over: Option<DateTime<Utc>>) -> Result<(), Error> {
        let since = over.and_then(|over| (self.means().s3_time() - over).to_std().ok());
        let left = reconcile::LONGEST_LAG.saturating_sub(since.unwrap_or_default());
        let waiting = self.lease.fence.sleep(left).await;
        Ok(waiting.map_err(dynamics::Error::from)?)
    }

    /// Where a job fails for a reason of its own, takes out of the draft what an attempt before has left there, so that it can
    /// be put aside, and others go on.
    pub(super) async fn step_aside(&self, job: &Job, error: &Error) {
        let is_put_aside = matches!(error.fate(), Fate::Refuse | Fate::PutAside | Fate::Drop);
        if is_put_aside || error.whose() == Whose::Input {
            self.restore(job, |_| true).await;
        }
    }

    /// Lets others go on where one has to wait that has failed for a reason of its own, and is in their way.
    pub(super) async fn make_way(&self) {
        if let Some(job) = self.lease.in_the_way() {
            let waits = |head: &Head| head.waits_in_the_way(self.means().s3_time()) == Some(job);
            self.restore(job, waits).await;
        }
    }

    /// A replace leaves its part in the draft where nobody waits for it: it was accepted, and has overtaken others, by what was
    /// there before.
    async fn restore(&self, job: &Job, is_to_be: impl Fn(&Head) -> bool) {
        let is_to_be = |head: &Head| {
            let is_waited_for = || head.is_in_the_way(job, self.means().s3_time());
            is_to_be(head) && (job.mode != Mode::Replace || is_waited_for())
        };
        let restoring = async {
            let head = self.lease.look().await?;
            match head.draft_before(job).filter(|_| is_to_be(&head)) {
                Some(before) => {
                    self.await_unanswered(head.unanswered_until).await?;
                    self.restore_to(job, &head, before).await
                }
                None => Ok(()),
            }
        };
        if let Err(error) = Box::pin(restoring).await {
            tracing::warn!(error = %error, "what an attempt before has left in the draft could not be taken out");
        }
    }

    /// Brings the draft back to those who were in it before the first write, where that is known for certain.
    async fn restore_to(&self, job: &Job, head: &Head, before: Census) -> Result<(), Error> {
        let sought = sought(&job.segment_name, head.applied.as_ref());
        let survey = async || survey::audience(self.means(), sought).await;
        let is_as_before = |found: &Option<Audience>| match found {
            Some(audience) => survey::census(&audience.members) == before,
            // It was not made yet, or is gone with all that was in it: one that was loaded is sought by its id.
            None => before == Census::default() || sought.loaded.is_some(),
        };
        let mut found = survey().await?;
        if is_as_before(&found) {
            let over = head.writing.as_ref().and_then(|writing| writing.over);
            self.let_lists_catch_up(over).await?;
            found = survey().await?;
        }
        let seen = head.writing.as_ref().and_then(Writing::seen);
        let is_published_since =
            |audience: &Audience| seen.is_some_and(|seen| audience.view().is_computed_since(&seen));
        let was_published = found.as_ref().is_some_and(is_published_since);
        // What a list shows nothing of it may show later: nobody can try one in which nothing is to be changed.
        let unproven = (is_as_before(&found) && found.is_some()).then_some(before);
        let is_out = match found {
            found if is_as_before(&found) => true,
            Some(audience) => self.bring_back(audience, before).await?,
            None => false,
        };
        if !is_out {
            return Ok(());
        }
        tracing::info!(run_id = %job.run_id, "nothing of what an attempt before has begun to write is in the draft any more");
        Ok(self.lease.restore(was_published, unproven).await?)
    }

    /// Looks at a draft that an addition or removal has come to hold whose beginning nobody could prove: where it holds others than
    /// it is to hold, brings it back to those who were in it, and fails.
    pub(super) async fn check_unproven(&self, job: &Job, head: &Head, converged: &Converged) -> Result<(), Error> {
        if head.unproven.is_none() || job.mode == Mode::Replace {
            return Ok(());
        }
        let expected = self.lease.look().await?.expected_of(job);
        let expected = expected.map(|expected| expected.without(converged.not_accepted.iter().copied()));
        if expected == Some(converged.members) {
            return Ok(());
        }
        self.restore(job, |_| true).await;
        let members = converged.members.count;
        Err(reconcile::Error::LeftHalfWritten { members }.into())
    }

    /// Makes those members again who are published, where they are who was in the draft before the first write, of whom only a
    /// hash is known; answers whether they are. They are not where somebody had changed the draft by then.
    async fn bring_back(&self, audience: Audience, before: Census) -> Result<bool, Error> {
        let Audience {
            segment,
            definition,
            members,
        } = audience;
        let expected = usize::try_from(before.count).unwrap_or(usize::MAX);
        let Some(published) = self.means().published_members(segment.id, expected).await? else {
            return Ok(false);
        };
        let published = ContactSet::from(published);
        if published.as_slice().iter().copied().collect::<Census>() != before {
            return Ok(false);
        }
        let desired = Desired {
            mode: Mode::Replace,
            contacts: &published,
            not_found: 0,
            max_invalid_percent: 0.0,
        };
        let plan = desired.plan(members, survey::exclude_groups(&definition), &[]);
        // The next attempt at the job does not know of whoever is taken out here.
        let mut draft = Draft::new(self.means(), &self.lease.fence, &segment, definition).spared();
        self.lease.note_putting_back().await?;
        let converged = draft.converge(&desired, plan.map_err(reconcile::Error::from)?).await?;
        Ok(converged.members == before)
    }
}

/// Returns whether a load failed since no list has shown anything of what it wrote.
const fn is_unseen(error: &Error) -> bool {
    matches!(error, Error::Reconcile(reconcile::Error::ListLags(_)))
}

/// Returns what takes the change back that a plan is about to make; `None` if that cannot be told, since an attempt before has
/// made a part of it.
pub(super) fn undoing(job: &Job, head: &Head, plan: &Plan) -> Option<Undoing> {
    if head.is_half_written(job) {
        return None;
    }
    match job.mode {
        Mode::Append => Some(Undoing {
            mode: Mode::Remove,
            contacts: plan.adds().collect(),
        }),
        Mode::Remove => Some(Undoing {
            mode: Mode::Append,
            contacts: plan.removes().collect(),
        }),
        Mode::Replace => None,
    }
}
