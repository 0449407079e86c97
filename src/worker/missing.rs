//! Members that were published and are not counted: noted, and published again.

use super::again::Why;
use super::lease::LeaseGuard;
use super::names::sought;
use super::session::Session;
use crate::config::WhenInUse;
use crate::domain::{Census, ContactId, Fate, SegmentName, SegmentStatus, UsedBy};
use crate::error::Error;
use crate::means::Means;
use crate::reconcile::{self, Left, Shown, Whereabouts, late, survey};
use crate::report::{Missing, RunReport, Seen};
use crate::state::{self, Applied, Job, Shortfall};
use chrono::TimeDelta;

/// How often in a row it is put off to publish a segment again before a person is called.
const PUT_OFF_UNTIL_CALLED: u32 = 3;

/// How many of the published members a segment shows too few, to be noted in the same step as that it was seen.
#[derive(Clone, Copy)]
pub(super) struct Lack {
    /// How many it was to count.
    pub(super) asked: u64,
    /// How many it counts.
    pub(super) counted: u64,
    /// How many of those that it was to count it does not.
    pub(super) missing: u64,
    /// After what time they are published again; `None` if never.
    pub(super) pause: Option<TimeDelta>,
}

/// What was found out of the members that are missing.
#[derive(Default)]
pub(super) struct Lacking {
    /// How many they are; `None` if nobody can tell.
    pub(super) lack: Option<Lack>,
    who: Option<Vec<ContactId>>,
}

impl Lacking {
    /// Tells what follows, as it was noted; `None` if nobody is missing.
    pub(super) fn told(self, shortfall: Option<Shortfall>) -> Option<Missing> {
        let who = self.who;
        shortfall.map(|shortfall| Missing { shortfall, who })
    }
}

impl<M: Means> Session<'_, M> {
    /// Does for a segment with nothing pending what is left of its last publish.
    pub(super) async fn finish(&self, applied: &Applied) -> Result<Option<RunReport>, Error> {
        if applied.confirmed {
            self.see_to_missing(applied).await
        } else {
            self.follow_up(applied).await
        }
    }

    /// Finds out how many of the members that were published a segment does not show, and who they are where all was tried.
    ///
    /// Who it is takes calls: where the work is killed meanwhile, nobody has heard, and the next sweep finds it out.
    pub(super) async fn look_for_missing(&self, shown: &Shown, name: &SegmentName, members: Option<Census>) -> Lacking {
        let (Some(counted), Some(missing)) = (shown.member_count, shown.missing()) else {
            return Lacking::default();
        };
        let lack = Lack {
            asked: shown.asked,
            counted,
            missing,
            pause: self.worker.settings.destination.rules.republish_after(),
        };
        let found = self.who_stays_missing(shown, lack, name, members).await;
        let who = found.unwrap_or_else(|error| {
            tracing::warn!(error = %error, "which members are missing could not be found out");
            None
        });
        Lacking { lack: Some(lack), who }
    }

    /// Asks Dynamics which of the members it shows, where all was tried, and returns the others; `None` if that cannot be told.
    async fn who_stays_missing(
        &self,
        shown: &Shown,
        lack: Lack,
        name: &SegmentName,
        members: Option<Census>,
    ) -> Result<Option<Vec<ContactId>>, Error> {
        if lack.missing == 0 {
            return Ok(None);
        }
        let head = self.lease.look().await?;
        let (Some(Shortfall::Stays), Some(counted)) = (head.shortfall(lack.missing, lack.pause), shown.member_count)
        else {
            return Ok(None);
        };
        let Some(found) = survey::find(self.means(), sought(name, head.applied.as_ref())).await? else {
            return Ok(None);
        };
        let counted = usize::try_from(counted).unwrap_or(usize::MAX);
        let Some(listed) = self.means().published_members(found.id, counted).await? else {
            return Ok(None);
        };
        let definition = self.means().definition(found.definition_id).await?;
        let included = survey::list(self.means(), &found, &definition, counted).await?;
        if members != Some(survey::census(&included)) {
            return Ok(None);
        }
        let kept_out = survey::list_excluded(self.means(), &found, &definition).await?;
        Ok(Some(survey::not_shown(&included, &kept_out, &listed)))
    }

    /// Looks whether the members that were missing are there by now, and publishes the segment again where they are not, unless
    /// that was tried as often as it may be: then somebody still has to hear of it.
    ///
    /// One that was stopped by somebody since, or has expired, only the next result publishes; where Dynamics failed to compute it
    /// since, it shows the audience that lacks them.
    async fn see_to_missing(&self, applied: &Applied) -> Result<Option<RunReport>, Error> {
        let head = self.lease.look().await?;
        let sought = sought(&applied.job.segment_name, Some(applied));
        let gone = match (survey::whereabouts(self.means(), sought).await?, &head.shortage) {
            (Whereabouts::Here(found, None), Some(shortage)) if Some(found.id) == sought.loaded => {
                Ok((found, shortage))
            }
            (Whereabouts::Renamed(now), _) => Err(Seen::Renamed(now)),
            (Whereabouts::Here(_, left) | Whereabouts::Nowhere(left), _) => Err(Seen::Left(left.unwrap_or(Left::Gone))),
        };
        let (segment, shortage) = match gone {
            Ok(found) => found,
            Err(gone) => {
                self.lease.give_up_missing().await?;
                return Ok(Some(self.report_seen(applied, &gone).await));
            }
        };
        let member_count = match segment.status {
            SegmentStatus::Active | SegmentStatus::ActiveWithWarnings => segment.member_count,
            SegmentStatus::Error | SegmentStatus::Faulted => Some(shortage.asked.saturating_sub(shortage.missing)),
            // Somebody is publishing it: the next sweep looks.
            SegmentStatus::Busy => return Ok(None),
            SegmentStatus::Inactive | SegmentStatus::Stopped | SegmentStatus::Expired | SegmentStatus::Deleted => {
                self.lease.give_up_missing().await?;
                return Ok(None);
            }
        };
        let shown = Shown {
            asked: shortage.asked,
            member_count,
            with_warnings: false,
            has_lasted: false,
        };
        if shown.missing() == Some(0) || shortage.was_published_enough() {
            let lacking = self
                .look_for_missing(&shown, &applied.job.segment_name, applied.members)
                .await;
            let shortfall = self.lease.note_missing(lacking.lack).await?;
            let seen = Seen::Active(shown, lacking.told(shortfall));
            return Ok(Some(self.report_seen(applied, &seen).await));
        }
        self.publish_missing(applied, shown).await
    }

    /// Publishes again what was applied and is not shown in full, where its draft is still what it was.
    ///
    /// Where that cannot be done, the segment still shows what it did: it is put off, which is no failure.
    async fn publish_missing(&self, applied: &Applied, shown: Shown) -> Result<Option<RunReport>, Error> {
        let pause = self.worker.settings.destination.rules.republish_after();
        match self.lease.begin_publishing_again(&applied.job, pause).await {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => {
                tracing::warn!(error = %error, "that the segment is to be published again could not be noted; the next sweep tries");
                return Ok(None);
            }
        }
        let publishing = async {
            match self.used_against_the_rules(applied).await? {
                Some(used_by) => Ok(Err(format!(
                    "the segment is used by {used_by}, and when_in_use is refuse"
                ))),
                None => Ok(Ok(Box::pin(self.publish_again(applied, Why::NotShown)).await?)),
            }
        };
        let (why, calls_at_once) = match publishing.await {
            Ok(Ok(published)) => return Ok(published),
            Ok(Err(why)) => (why, false),
            Err(error) if has_changed_what_is_shown(&error) => return Err(error),
            Err(error) if error.fate() == Fate::Continue => {
                self.lease.put_off_publishing(pause).await?;
                return Err(error);
            }
            Err(error) => {
                let is_another_draft = matches!(error, Error::Reconcile(reconcile::Error::NotPublishedAgain(_)));
                (error.to_string(), is_another_draft)
            }
        };
        let times = self.lease.put_off_publishing(pause).await?;
        let missing = Missing {
            shortfall: Shortfall::PutOff,
            who: None,
        };
        let report = self.report_seen(applied, &Seen::Active(shown, Some(missing))).await;
        let calls = times == PUT_OFF_UNTIL_CALLED || calls_at_once && times == 1;
        Ok(Some(report.put_off(why, calls)))
    }

    /// Returns what uses a segment that the destination wants left alone as long as it is used.
    async fn used_against_the_rules(&self, applied: &Applied) -> Result<Option<UsedBy>, Error> {
        if self.worker.settings.destination.rules.when_in_use != WhenInUse::Refuse {
            return Ok(None);
        }
        let used_by = survey::used_by(self.means(), sought(&applied.job.segment_name, Some(applied))).await?;
        Ok(used_by.filter(UsedBy::is_used))
    }
}

impl<M: Means> LeaseGuard<M> {
    /// Takes note of how many published members Dynamics does not count; returns what follows, as
    /// [`Head::note_missing`](crate::state::Head::note_missing) does.
    pub(super) async fn note_missing(&self, lack: Option<Lack>) -> Result<Option<Shortfall>, state::Error> {
        self.change(|head, now| self.note(head, lack, now)).await
    }

    /// Takes note that nothing is published again for the members that are missing.
    pub(super) async fn give_up_missing(&self) -> Result<(), state::Error> {
        self.change(|head, _| head.give_up_missing(self.owner())).await
    }

    /// Takes note that what was applied is about to be published again; returns whether that is still to be done.
    pub(super) async fn begin_publishing_again(
        &self,
        job: &Job,
        pause: Option<TimeDelta>,
    ) -> Result<bool, state::Error> {
        self.change(|head, now| head.begin_publishing_again(self.owner(), job, pause, now))
            .await
    }

    /// Takes note that it could not be published again; returns how often in a row.
    pub(super) async fn put_off_publishing(&self, pause: Option<TimeDelta>) -> Result<u32, state::Error> {
        let is_unanswered = late::left(&self.means).is_some();
        self.change(|head, now| head.put_off_publishing(self.owner(), pause, is_unanswered, now))
            .await
    }
}

/// Returns whether another audience may be shown since, or another worker tells.
fn has_changed_what_is_shown(error: &Error) -> bool {
    let has_failed = matches!(error, Error::Reconcile(reconcile::Error::PublishFailed { .. }));
    has_failed || error.fate() == Fate::LostLease
}
