//! Publishing again what was published, without its file: only where the draft is still what it was.

use super::missing::Lacking;
use super::names::sought;
use super::session::Session;
use crate::domain::{Fate, Mode};
use crate::error::Error;
use crate::means::Means;
use crate::reconcile::{self, Audience, Draft, Unverified, survey};
use crate::report::{Past, RunReport, Seen};
use crate::state::{Achievement, Applied, Job};

/// Why something is published again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Dynamics shows it not at all, or not in full.
    NotShown,
    /// By Dynamics' own times nothing was computed since it was published.
    WithoutEffect,
}

impl<M: Means> Session<'_, M> {
    /// Publishes again what was applied; `None` if something new has come in, which is carried out instead.
    ///
    /// Nobody has looked at the draft since it was published. Where it is still the same, it needs no file; where it is not,
    /// a result that says who is in the segment is read and verified anew, and of all others only a person can tell.
    pub(super) async fn publish_again(&self, applied: &Applied, why: Why) -> Result<Option<RunReport>, Error> {
        let job = &applied.job;
        let head = self.lease.look().await?;
        if head.lists_may_lag(self.means().s3_time()) {
            return Ok(None);
        }
        self.await_unanswered(head.unanswered_until).await?;
        let sought = sought(&job.segment_name, Some(applied));
        let Some(audience) = survey::audience(self.means(), sought).await? else {
            // It was there a moment ago: the next look tells.
            return Ok(None);
        };
        let now = survey::census(&audience.members);
        if applied.members != Some(now) {
            return self.load_again(applied, now.count).await;
        }
        if !self.lease.is_still_applied(job).await? {
            return Ok(None);
        }
        let (seen, _) = self.publish_unread(applied, audience, why).await?;
        Ok(Some(seen))
    }

    /// Finishes a job whose file cannot be read any more, where an attempt before had read its draft back and was about to
    /// publish it; returns what is to be told, and nothing if there is no such draft, or it cannot be published now.
    ///
    /// Without this nothing else of the segment could be published: nobody can tell whether the draft was.
    pub(super) async fn finish_unread(&self, job: &Job, error: &Error) -> Vec<RunReport> {
        if !matches!(error, Error::Source(_)) {
            return Vec::new();
        }
        let finishing = async {
            let head = self.lease.look().await?;
            let Some(read_back) = head.read_back(job) else {
                return Ok(Vec::new());
            };
            self.await_unanswered(head.unanswered_until).await?;
            let sought = sought(&job.segment_name, Some(&read_back));
            let found = survey::audience(self.means(), sought).await?;
            let Some(audience) = found.filter(|audience| is_draft_of(&read_back, audience)) else {
                return Ok(Vec::new());
            };
            // What came meanwhile goes first, as before any publish.
            if !self.lease.announce_again(job).await? {
                return Ok(Vec::new());
            }
            let (seen, overtaken) = self.publish_unread(&read_back, audience, Why::NotShown).await?;
            let overtaken = overtaken.iter().map(|lost| RunReport::of_overtaken(lost, job));
            let finished = seen
                .finished_unread(error)
                .after(Past::of(&head, job).until(self.lease.recovery()));
            Ok::<_, Error>(overtaken.chain([finished]).collect())
        };
        Box::pin(finishing).await.unwrap_or_else(|error| {
            tracing::warn!(error = %error, "what an attempt before was about to publish could not be published");
            Vec::new()
        })
    }

    /// Publishes a draft that holds what was applied, or was about to be; returns also what that overtook.
    async fn publish_unread(
        &self,
        applied: &Applied,
        audience: Audience,
        why: Why,
    ) -> Result<(RunReport, Vec<Job>), Error> {
        let job = &applied.job;
        let Audience {
            segment,
            definition,
            members,
        } = audience;
        let kept_out = survey::list_excluded(self.means(), &segment, &definition).await?;
        let asked = survey::count(&members, &kept_out) as u64;
        let used_by = segment.used_by(&definition);
        let mut draft = Draft::new(self.means(), &self.lease.fence, &segment, definition);
        let publishing = async {
            draft.stop_refreshing().await?;
            let before = draft.verify().await?;
            self.publish(&draft, &before, asked).await
        };
        let published = publishing.await;
        let published = published.map_err(|error| error.naming(used_by.as_ref()))?;
        let (seen, watch) = published.into_parts();
        let watch = match why {
            Why::WithoutEffect => watch.map(|watch| watch.after_one_without_effect(&applied.watch())),
            Why::NotShown => watch,
        };
        let done = Achievement {
            contacts: applied.contacts,
            change: applied.change,
            members: applied.members,
            segment_id: applied.segment_id.clone(),
            definition_id: applied.definition_id.clone(),
            groups: applied.groups.clone(),
            is_published: true,
            watch,
            is_computed_by_others: applied.is_overlaid,
        };
        let lacking = match &seen {
            Some((shown, _)) => self.look_for_missing(shown, &job.segment_name, done.members).await,
            None => Lacking::default(),
        };
        let (overtaken, shortfall) = self.lease.apply(job, &done, lacking.lack).await?;
        let Some((shown, row)) = seen else {
            let is_without_effect = why == Why::WithoutEffect;
            let seen = Seen::PublishedAgain { is_without_effect };
            return Ok((self.report_seen(applied, &seen).await, overtaken));
        };
        let undescribed = self.describe_applied(applied, (&shown, &row)).await;
        let seen = Seen::Active(shown, lacking.told(shortfall));
        let told = self.report_seen(applied, &seen).await.warning(undescribed);
        Ok((told, overtaken))
    }

    /// Queues a result again whose draft is another now, where its file says who is in the segment.
    async fn load_again(&self, applied: &Applied, members: u64) -> Result<Option<RunReport>, Error> {
        let file = match self.file_of(&applied.job).await {
            Ok(()) => {
                self.lease.redo().await?;
                return Ok(None);
            }
            Err(None) => None,
            Err(Some(error)) if matches!(error.fate(), Fate::Refuse | Fate::PutAside | Fate::Drop) => {
                Some(error.to_string())
            }
            Err(Some(error)) => return Err(error),
        };
        let published = applied.members.map(|members| members.count);
        let unverified = Unverified {
            members,
            published,
            file,
        };
        Err(reconcile::Error::NotPublishedAgain(unverified).into())
    }

    /// Looks whether the file of a complete result is still there; there is no error where one would not help.
    async fn file_of(&self, job: &Job) -> Result<(), Option<Error>> {
        match job.mode {
            Mode::Replace => self.worker.find(job).await.map(drop).map_err(Some),
            Mode::Append | Mode::Remove => Err(None),
        }
    }
}

/// Returns whether a segment's draft is what was read back.
fn is_draft_of(read_back: &Applied, audience: &Audience) -> bool {
    let is_the_same = Some(audience.segment.id.to_string()) == read_back.segment_id;
    is_the_same && Some(survey::census(&audience.members)) == read_back.members
}
