//! A worker's turn at one segment: wish after wish, until nothing is pending.

use super::Worker;
use super::ending::{Next, settle_failure};
use super::hold::Hold;
use super::phase::{Meter, Phase};
use super::prepare::Prepared;
use crate::domain::ContactId;
use crate::dynamics::{Definition, Segment, SegmentStatus};
use crate::error::Error;
use crate::load::{self, Draft, Published, guard, publish, survey};
use crate::means::{self, Means};
use crate::report::{Account, Attempt, Ending, Outcome, RunReport, Seen, Writing, Written, description, refusal};
use crate::state::{Achievement, Applied, Head, Wish};
use tracing::Instrument as _;

/// A worker that holds one segment.
pub(super) struct Turn<'a, M> {
    /// The worker, whose calls leave only while the segment is held.
    pub(super) worker: Worker<'a, M>,
    pub(super) hold: Hold<M>,
}

impl<M: Means> Turn<'_, M> {
    /// Carries out everything that is pending for the segment, and reports each wish that came to an end.
    ///
    /// Returns once nothing is pending, or after the first failure; either way the lease is given back.
    pub(super) async fn work(&self) -> Vec<RunReport> {
        self.hold.during(self.wish_after_wish()).await
    }

    async fn wish_after_wish(&self) -> Vec<RunReport> {
        let mut reports = Vec::new();
        loop {
            let wish = match self.hold.release_when_done().await {
                Ok(Some(wish)) => wish,
                Ok(None) => return reports,
                Err(error) => {
                    tracing::error!(error = %error, "the state of the segment could not be read");
                    return reports;
                }
            };
            let span = tracing::info_span!("run", run_id = %wish.run_id, segment = %wish.segment_name, phase = "run");
            let (ended, next) = Box::pin(self.work_on(&wish)).instrument(span).await;
            reports.extend(ended);
            if next == Next::Stop {
                return reports;
            }
        }
    }

    /// Works on one wish to its end, and reports it after those that it overtook.
    ///
    /// Where a newer one is to be tried first, this one is judged again after it, and is not reported yet.
    async fn work_on(&self, wish: &Wish) -> (Vec<RunReport>, Next) {
        let meter = Meter::start(self.means());
        let (account, carried_out) = self.carry_out(wish, &meter).await;
        // An order overtakes what an event asked for the same input, which is one run all the same.
        let overtaken = account
            .writing
            .overtaken
            .iter()
            .filter(|lost| lost.run_id != wish.run_id);
        let mut reports: Vec<_> = overtaken.map(|lost| RunReport::of_overtaken(lost, wish)).collect();
        let (ending, next) = match carried_out {
            Ok(None) => return (reports, Next::GoOn),
            Ok(Some(outcome)) => (Ending::Done(outcome), Next::GoOn),
            Err(error) => settle_failure(&self.hold, wish, error).await,
        };
        let cost = meter.read();
        let number = self.means().fresh().simple().to_string()[..8].to_owned();
        let named = means::Attempt {
            run_id: &wish.run_id,
            segment_name: &wish.segment_name,
            number: &number,
        };
        let lists = self.means().keep_lists(named, account.leftovers()).await;
        reports.push(RunReport::of_attempt(Attempt {
            wish,
            number,
            account,
            cost,
            lists,
            ending,
        }));
        (reports, next)
    }

    /// Looks whether a published segment is Active by now; answers nothing while Dynamics is still computing.
    ///
    /// Where Dynamics failed to compute it, or somebody stopped it, the result is wished again: it is read and verified
    /// anew, since the draft may have changed.
    pub(super) async fn look_after(&self, applied: &Applied) -> Result<Option<RunReport>, Error> {
        let hold = &self.hold;
        let found = survey::find(self.means(), &applied.wish.segment_name).await?;
        let told = |seen| Ok(Some(RunReport::of_published(applied, &seen, self.means().requests())));
        let Some(segment) = found.filter(|found| Some(found.id.to_string()) == applied.segment_id) else {
            hold.confirm().await?;
            return told(Seen::Gone);
        };
        if applied.is_row_from_before(&segment.etag) {
            // The row is still the one from before publishing.
            return Ok(None);
        }
        match segment.status {
            SegmentStatus::Active | SegmentStatus::ActiveWithWarnings => {
                hold.confirm().await?;
                told(Seen::Active {
                    member_count: segment.member_count,
                })
            }
            SegmentStatus::Busy | SegmentStatus::Inactive => Ok(None),
            SegmentStatus::Error
            | SegmentStatus::Faulted
            | SegmentStatus::Stopped
            | SegmentStatus::Expired
            | SegmentStatus::Deleted => {
                tracing::warn!(
                    status_code = segment.status_code,
                    "the published segment is not Active; it is loaded again"
                );
                hold.redo().await?;
                Ok(None)
            }
        }
    }

    /// Reads, guards, converges and publishes one wish; nothing means that a newer one is to be tried first.
    async fn carry_out(&self, wish: &Wish, meter: &Meter<M>) -> (Account, Result<Option<Outcome>, Error>) {
        let head = match self.hold.look().await {
            Ok(head) => head,
            Err(error) => return (Account::default(), Err(error.into())),
        };
        let (mut account, prepared) = self.worker.prepare(wish, &head, meter).await;
        let objections = guard::objections(&account.comparison.opinions);
        let prepared = match prepared {
            Ok(_) if !objections.is_empty() => Err(Error::Refused(refusal(&objections, wish))),
            prepared => prepared,
        };
        let (writing, outcome) = match prepared {
            Ok(prepared) if prepared.is_settled(wish, &head) => self.settle(wish, &head, &prepared).await,
            Ok(prepared) => self.write(wish, prepared, meter).await,
            Err(error) => (Writing::default(), Err(error)),
        };
        account.writing = writing;
        (account, outcome)
    }

    /// Records a wish that asks for no write.
    async fn settle(&self, wish: &Wish, head: &Head, prepared: &Prepared) -> (Writing, Result<Option<Outcome>, Error>) {
        let mut writing = Writing {
            is_settled: true,
            ..Writing::default()
        };
        let outcome = async {
            if prepared.holds_nobody(wish, head) {
                self.hold.count(wish).await?;
                return Ok(Some(Outcome::Unchanged));
            }
            let done = Achievement {
                contacts: prepared.contacts.len() as u64,
                segment_id: prepared
                    .audience
                    .as_ref()
                    .map(|audience| audience.segment.id.to_string()),
                confirmed: true,
                shown_before: None,
            };
            writing.overtaken = self.hold.apply(wish, &done).await?;
            Ok(Some(Outcome::Unchanged))
        }
        .await;
        (writing, outcome)
    }

    /// Brings the segment to what is wanted and publishes it.
    async fn write(
        &self,
        wish: &Wish,
        prepared: Prepared,
        meter: &Meter<M>,
    ) -> (Writing, Result<Option<Outcome>, Error>) {
        let mut writing = Writing::default();
        let outcome = async {
            let before = prepared.members_before;
            let published_before = prepared.published_before.unwrap_or(before as u64);
            writing.overtaken = self.hold.begin(wish, published_before).await?;
            let (segment, definition) = match prepared.audience {
                Some(audience) => (audience.segment, audience.definition),
                None => meter.phase(Phase::Write, self.create(wish)).await?,
            };
            writing.segment_id = Some(segment.id.to_string());
            let wanted = self.worker.wanted(wish, &prepared.contacts, prepared.not_found);
            let mut draft = Draft::new(self.means(), &self.hold.fence, &segment, definition);
            let converging = draft.converge(&wanted, prepared.plan);
            let converged = match meter.phase(Phase::Write, converging).await {
                Ok(converged) => converged,
                Err(error) => {
                    writing.not_accepted = refused_by(&error);
                    return Err(error.into());
                }
            };
            writing.written = Some(Written {
                added: converged.added,
                removed: converged.removed,
                refresh_was_on: converged.refresh_was_on,
                counted: converged.counted,
                is_unversioned: converged.is_unversioned,
            });
            writing.not_accepted = converged.not_accepted;

            if !self.hold.announce(wish, converged.counted as u64).await? {
                tracing::info!("a newer result came in during the load; it is tried before publishing");
                return Ok(None);
            }
            let published = meter.phase(Phase::Publish, self.publish(&mut draft)).await?;
            let done = Achievement {
                contacts: wanted.contacts.len() as u64,
                segment_id: Some(segment.id.to_string()),
                confirmed: published.confirmed,
                shown_before: published.shown_before.clone(),
            };
            writing.overtaken.extend(self.hold.apply(wish, &done).await?);
            let confirmed = published.confirmed;
            writing.published = Some(published);
            Ok(Some(if confirmed { Outcome::Loaded } else { Outcome::Computing }))
        }
        .await;
        (writing, outcome)
    }

    async fn create(&self, wish: &Wish) -> Result<(Segment, Definition), Error> {
        let (segment, definition) = self
            .means()
            .create_segment(&wish.segment_name, &description(wish))
            .await?;
        tracing::info!(segment_id = %segment.id, "the segment is created");
        Ok((segment, definition))
    }

    async fn publish(&self, draft: &mut Draft<'_, M>) -> Result<Published, load::Error> {
        let before = draft.verify().await?;
        let wait = self.worker.settings.destination.publish_wait;
        publish::publish(self.means(), &self.hold.fence, &before, wait).await
    }

    const fn means(&self) -> &M {
        &self.worker.means
    }
}

/// Returns the contacts that a load failed for.
fn refused_by(error: &load::Error) -> Vec<ContactId> {
    match error {
        load::Error::TooManyNotAccepted { refused, .. } => refused.clone(),
        _ => Vec::new(),
    }
}
