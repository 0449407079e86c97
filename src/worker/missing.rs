//! Members that were published and are not counted: noted, and published again.

use super::session::Session;
use crate::domain::{ContactId, SegmentStatus};
use crate::dynamics::Segment;
use crate::error::Error;
use crate::means::Means;
use crate::reconcile::{Shown, survey};
use crate::report::{Missing, RunReport, Seen};
use crate::state::{Applied, Head, Shortfall};
use chrono::TimeDelta;

impl<M: Means> Session<'_, M> {
    /// Does for a segment with nothing pending what is left of its last publish.
    pub(super) async fn finish(&self, applied: &Applied) -> Result<Option<RunReport>, Error> {
        if applied.confirmed {
            self.see_to_missing(applied).await
        } else {
            self.follow_up(applied).await
        }
    }

    /// Takes note of how many of the members that a segment shows are missing; returns what follows where there are any.
    ///
    /// Where that cannot be noted, what was published is published all the same.
    pub(super) async fn note_missing(&self, shown: &Shown, head: Option<&Head>) -> Option<Missing> {
        let missing = shown.missing()?;
        if missing == 0 && head.is_some_and(|head| head.shortage.is_none()) {
            return None;
        }
        let pause = self.worker.settings.destination.rules.republish_after();
        // Who it is takes calls: where the work is killed meanwhile, nobody has heard, and the next sweep finds it out.
        let who = self.who_stays_missing(shown, pause).await;
        let noted = self.lease.note_missing((shown.asked, missing), pause).await;
        let shortfall = noted.unwrap_or_else(|error| {
            tracing::warn!(missing, error = %error, "that members are missing could not be noted; they are not published again");
            None
        })?;
        Some(Missing { shortfall, who })
    }

    /// Asks Dynamics which of the members it shows, where all was tried, and returns the others; `None` if that cannot be told.
    async fn who_stays_missing(&self, shown: &Shown, pause: Option<TimeDelta>) -> Option<Vec<ContactId>> {
        let found = self.find_missing(shown, pause).await;
        found.unwrap_or_else(|error| {
            tracing::warn!(error = %error, "which members are missing could not be found out");
            None
        })
    }

    async fn find_missing(&self, shown: &Shown, pause: Option<TimeDelta>) -> Result<Option<Vec<ContactId>>, Error> {
        let missing = shown.missing().unwrap_or(0);
        if missing == 0 {
            return Ok(None);
        }
        let head = self.lease.look().await?;
        if head.shortfall(missing, pause) != Some(Shortfall::Stays) {
            return Ok(None);
        }
        let (Some(applied), Some(counted)) = (head.applied, shown.member_count) else {
            return Ok(None);
        };
        let Some(found) = survey::find(self.means(), &applied.job.segment_name).await? else {
            return Ok(None);
        };
        let counted = usize::try_from(counted).unwrap_or(usize::MAX);
        let Some(listed) = self.means().published_members(found.id, counted).await? else {
            return Ok(None);
        };
        let definition = self.means().definition(found.definition_id).await?;
        let members = survey::list(self.means(), &found, &definition, counted).await?;
        if applied.members != Some(survey::census(&members)) {
            return Ok(None);
        }
        let kept_out = survey::list_excluded(self.means(), &found, &definition).await?;
        Ok(Some(survey::not_shown(&members, &kept_out, &listed)))
    }

    /// Looks whether the members that were missing are there by now, and publishes the segment again where they are not, unless
    /// that was tried as often as it may be: then somebody still has to hear of it.
    ///
    /// One that was seen Active and is so no more was stopped by somebody, or has expired: only the next result publishes it.
    async fn see_to_missing(&self, applied: &Applied) -> Result<Option<RunReport>, Error> {
        let head = self.lease.look().await?;
        let found = survey::find(self.means(), &applied.job.segment_name).await?;
        let is_ours = |found: &Segment| Some(found.id.to_string()) == applied.segment_id;
        let (Some(segment), Some(shortage)) = (found.filter(is_ours), &head.shortage) else {
            self.lease.give_up_missing().await?;
            return Ok(None);
        };
        if !segment.status.is_active() {
            // Somebody is publishing it: the next sweep looks.
            if segment.status != SegmentStatus::Busy {
                self.lease.give_up_missing().await?;
            }
            return Ok(None);
        }
        let shown = Shown {
            asked: shortage.asked,
            member_count: segment.member_count,
            with_warnings: false,
            has_lasted: false,
        };
        if shown.missing() == Some(0) || shortage.was_published_enough() {
            let seen = Seen::Active(shown, self.note_missing(&shown, None).await);
            return Ok(Some(self.report_seen(applied, &seen).await));
        }
        self.publish_missing(applied).await
    }

    /// Publishes again what was applied and is not shown in full, where its draft is still what it was.
    async fn publish_missing(&self, applied: &Applied) -> Result<Option<RunReport>, Error> {
        let pause = self.worker.settings.destination.rules.republish_after();
        match self.lease.begin_publishing_again(&applied.job, pause).await {
            Ok(true) => Box::pin(self.publish_again(applied)).await,
            Ok(false) => Ok(None),
            Err(error) => {
                tracing::warn!(error = %error, "that the segment is to be published again could not be noted; the next sweep tries");
                Ok(None)
            }
        }
    }
}
