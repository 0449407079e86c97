//! A worker's session on one segment, under its lease: job after job, until nothing is pending.

use super::Worker;
use super::again::Why;
use super::aside::undoing;
use super::failure::{Next, record_failure};
use super::lease::LeaseGuard;
use super::missing::Lacking;
use super::names::sought;
use super::phase::{Meter, Phase};
use super::prepare::Prepared;
use crate::domain::ContactId;
use crate::dynamics::Segment;
use crate::error::Error;
use crate::means::{self, Leftovers, Lists, Means};
use crate::reconcile::{self, Draft, Left, Look, Published, Shown, Whereabouts, guard, publish, survey};
use crate::report::{Account, Attempt, Difference, Ending, KeptOut, Outcome, RunReport, Seen, Writing, Written};
use crate::state::{Achievement, Applied, Head, Job, LastRun, ReadBack};
use tracing::Instrument as _;

/// A worker that holds one segment.
pub(super) struct Session<'a, M> {
    /// The worker, whose calls leave only while the segment is held.
    pub(super) worker: Worker<'a, M>,
    pub(super) lease: LeaseGuard<M>,
}

/// What a session came to.
#[derive(Default)]
pub(super) struct Done {
    /// The runs that came to an end, as they were told.
    pub(super) reports: Vec<RunReport>,
    /// How people were told of the last of them, until the head says it.
    pub(super) told: Option<LastRun>,
    /// Why it ended before it could look at every job.
    pub(super) cut_short: Option<Error>,
    /// As whom it had the segment, if it had it: a lease that could not be given back is nobody's at work.
    pub(super) owner: Option<String>,
}

impl<M: Means> Session<'_, M> {
    /// Carries out everything that is pending for the segment, and reports each job that came to an end.
    ///
    /// Returns once nothing is left that need not wait, or after the first failure that is not an input's own; either way the
    /// lease is given back. An attempt before that ended without a word is told of first.
    pub(super) async fn work(&self) -> Done {
        let mut done = Done {
            owner: Some(self.lease.owner().to_owned()),
            ..Done::default()
        };
        self.tell_of_the_attempt_before(&mut done).await;
        self.go_on(&mut done).await;
        done
    }

    /// Carries out what is pending, as [`Self::work`] does, after what was done already.
    pub(super) async fn go_on(&self, done: &mut Done) {
        self.lease.during(self.job_after_job(done)).await;
    }

    async fn job_after_job(&self, done: &mut Done) {
        self.make_way().await;
        loop {
            if self.lease.is_unheard() {
                return self.give_back(done).await;
            }
            let job = match self.lease.release_when_done(done.told.as_ref()).await {
                Ok(Some(job)) => job,
                Ok(None) => return,
                Err(error) => {
                    self.give_back(done).await;
                    done.cut_short = Some(error.into());
                    return;
                }
            };
            done.told = None;
            let span = tracing::info_span!("run", run_id = %job.run_id, segment = %job.segment_name, phase = "run");
            let (ended, next) = Box::pin(self.work_on(&job, done)).instrument(span).await;
            self.tell(done, ended).await;
            match next {
                Next::GoOn => {}
                Next::GiveBack => return self.give_back(done).await,
                Next::Stop => return self.note_told(done).await,
            }
        }
    }

    /// Works on one job to its end, and reports it, after it has told of those that it overtook: noting how the job ends may
    /// also note that they are told of.
    ///
    /// Where a newer one is to be tried first, this one is evaluated again after it, and is not reported yet.
    async fn work_on(&self, job: &Job, done: &mut Done) -> (Vec<RunReport>, Next) {
        let meter = Meter::start(self.means());
        let (mut account, carried_out) = self.carry_out(job, &meter).await;
        let overtaken = account.writing.overtaken.iter();
        self.tell(done, overtaken.map(|lost| RunReport::of_overtaken(lost, job)))
            .await;
        let (ending, next) = match carried_out {
            Ok(None) => return (Vec::new(), Next::GoOn),
            Ok(Some(outcome)) => (Ending::Done(outcome), Next::GoOn),
            Err(error) => {
                let finished = self.finish_unread(job, &error).await;
                if !finished.is_empty() {
                    return (finished, Next::GoOn);
                }
                self.step_aside(job, &error).await;
                let difference = account.comparison.difference.map(Difference::size);
                record_failure(&self.lease, job, error, meter.has_got_on(), difference).await
            }
        };
        let cost = meter.read();
        account.past = account.past.until(self.lease.recovery());
        let (number, lists) = self.keep_lists(job, account.leftovers()).await;
        let report = RunReport::of_attempt(Attempt {
            job,
            number,
            account,
            cost,
            lists,
            ending,
        });
        (vec![report], next)
    }

    /// Lists what did not come into the segment, under a number that no other attempt has.
    async fn keep_lists(&self, job: &Job, leftovers: Leftovers<'_>) -> (String, Lists) {
        let number = self.means().fresh().simple().to_string()[..8].to_owned();
        let attempt = means::Attempt {
            run_id: &job.run_id,
            segment_name: &job.segment_name,
            number: &number,
        };
        let lists = self.means().keep_lists(attempt, leftovers).await;
        (number, lists)
    }

    /// Reports what was seen of a segment that was published before.
    pub(super) async fn report_seen(&self, applied: &Applied, seen: &Seen) -> RunReport {
        let (number, lists) = self.keep_lists(&applied.job, seen.leftovers()).await;
        RunReport::of_published(applied, seen, self.means().requests()).with_lists(number, lists)
    }

    /// Looks whether a published segment is Active by now; returns `None` while Dynamics is still computing.
    ///
    /// Where Dynamics failed to compute it, which is a failure and has its pause, or somebody stopped it, it is published
    /// again.
    pub(super) async fn follow_up(&self, applied: &Applied) -> Result<Option<RunReport>, Error> {
        let lease = &self.lease;
        let sought = sought(&applied.job.segment_name, Some(applied));
        let told = async |seen| Ok(Some(self.report_seen(applied, &seen).await));
        let segment = match survey::whereabouts(self.means(), sought).await? {
            Whereabouts::Here(found, None) if Some(found.id) == sought.loaded => found,
            Whereabouts::Renamed(now) => {
                lease.let_go().await?;
                return told(Seen::Renamed(now)).await;
            }
            Whereabouts::Here(_, left) | Whereabouts::Nowhere(left) => {
                lease.let_go().await?;
                return told(Seen::Left(left.unwrap_or(Left::Gone))).await;
            }
        };
        if applied.is_overlaid {
            let published = Box::pin(self.publish_again(applied, Why::NotShown)).await?;
            return Ok(published.map(RunReport::over_what_others_published));
        }
        let mut watch = applied.watch();
        match publish::look(self.means(), segment, &mut watch).await {
            Ok(Look::Nothing) => {
                if applied.watch.as_ref() != Some(&watch) {
                    lease.watch(&watch).await?;
                }
                Ok(None)
            }
            Ok(Look::Shown(shown, row)) => {
                let lacking = self
                    .look_for_missing(&shown, &applied.job.segment_name, applied.members)
                    .await;
                let shortfall = lease.confirm(lacking.lack).await?;
                let undescribed = self.describe_applied(applied, (&shown, &row)).await;
                let seen = told(Seen::Active(shown, lacking.told(shortfall))).await?;
                Ok(seen.map(|report| report.warning(undescribed)))
            }
            Ok(Look::Stopped { status_code }) => {
                tracing::warn!(
                    status_code,
                    "the published segment is not Active; it is published again"
                );
                Box::pin(self.publish_again(applied, Why::NotShown)).await
            }
            Ok(Look::WithoutEffect) => {
                tracing::warn!("nothing was computed since the segment was published; it is published again");
                Box::pin(self.publish_again(applied, Why::WithoutEffect)).await
            }
            Err(reconcile::Error::PublishFailed { .. }) if applied.has_failed => {
                Box::pin(self.publish_again(applied, Why::NotShown)).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Counts that what was published could not be seen Active; others need not wait where Dynamics has failed to compute it.
    pub(super) async fn fail_to_confirm(&self, applied: &Applied, error: Error) -> RunReport {
        let (job, code) = (&applied.job, error.error_type());
        let counted = match &error {
            Error::Reconcile(reconcile::Error::PublishFailed { .. }) => self.lease.fail_late(job, code).await,
            _ => self.lease.fail(job, code, error.whose()).await,
        };
        if let Err(error) = &counted {
            tracing::warn!(error = %error, "the failure could not be noted; the segment is followed up again");
        }
        RunReport::of_unconfirmed(applied, error, counted.unwrap_or(false))
    }

    /// Reads, guards, converges and publishes one job; nothing means that a newer one is to be tried first.
    async fn carry_out(&self, job: &Job, meter: &Meter<M>) -> (Account, Result<Option<Outcome>, Error>) {
        let head = match self.lease.look().await {
            Ok(head) => head,
            Err(error) => return (Account::default(), Err(error.into())),
        };
        let requests = async {
            self.await_create(job, &head).await?;
            self.await_unanswered(head.awaits_unanswered(job)).await
        };
        if let Err(error) = requests.await {
            return (Account::default(), Err(error));
        }
        let (mut account, prepared) = self.worker.prepare(job, &head, meter).await;
        let objections = guard::objections(&account.comparison.evaluations);
        let (writing, outcome) = match prepared {
            Ok(prepared) if !objections.is_empty() => {
                self.turn_down(job, &head, &account, &objections, &prepared).await
            }
            Ok(prepared) if prepared.is_settled(job, &head) => self.settle(job, &head, &prepared).await,
            Ok(prepared) => {
                let rejected = account.reading.rejected.count;
                self.write(job, &head, prepared, rejected, meter).await
            }
            Err(error) => (Writing::default(), Err(error)),
        };
        account.writing = writing;
        let outcome = outcome.map_err(|error| error.naming(account.used_by()));
        (account, outcome)
    }

    /// Records a job that asks for no write.
    async fn settle(&self, job: &Job, head: &Head, prepared: &Prepared) -> (Writing, Result<Option<Outcome>, Error>) {
        let mut writing = Writing {
            is_settled: true,
            kept_out: KeptOut::of(prepared.members.count, prepared.counted_before),
            ..Writing::default()
        };
        let outcome = async {
            if prepared.holds_nobody(job, head) {
                self.lease.count(job).await?;
                return Ok(Some(Outcome::Unchanged));
            }
            let audience = prepared.audience.as_ref();
            let segment = audience.map(|audience| &audience.segment);
            let done = Achievement {
                contacts: prepared.contacts.len() as u64,
                change: None,
                members: segment.map(|_| prepared.members),
                segment_id: segment.map(|segment| segment.id.to_string()),
                definition_id: segment.map(|segment| segment.definition_id.to_string()),
                groups: audience.map_or_else(Vec::new, |audience| survey::noted_groups(&audience.definition)),
                is_published: false,
                watch: None,
                is_computed_by_others: false,
            };
            self.record(job, &done, prepared.shown(), &mut writing).await?;
            Ok(Some(Outcome::Unchanged))
        }
        .await;
        (writing, outcome)
    }

    /// Brings the segment to the desired contacts and publishes it; the file has so many `rejected` rows.
    async fn write(
        &self,
        job: &Job,
        head: &Head,
        prepared: Prepared,
        rejected: u64,
        meter: &Meter<M>,
    ) -> (Writing, Result<Option<Outcome>, Error>) {
        let mut writing = Writing::default();
        let outcome = async {
            writing.begun_with = head.writing.as_ref().map(|writing| writing.published);
            let seen = prepared.seen();
            writing.overtaken = self.lease.begin(job, &prepared).await?;
            let is_new = prepared.audience.is_none();
            let (segment, definition) = match prepared.audience {
                Some(audience) => (audience.segment, audience.definition),
                None => meter.phase(Phase::Write, self.create(job)).await?,
            };
            writing.segment_id = Some(segment.id.to_string());
            let desired = self.worker.desired(job, &prepared.contacts, prepared.not_found);
            let mut draft = Draft::new(self.means(), &self.lease.fence, &segment, definition)
                .doubted(head.has_doubtful_lists(), head.written_before(job))
                .begun_at(head.seen_before(seen))
                .just_made(is_new);
            let undoing = undoing(job, head, &prepared.plan);
            let converging = draft.converge(&desired, prepared.plan);
            let converging = meter.phase(Phase::Write, converging).await;
            writing.refresh_was_on = draft.has_stopped_refresh();
            let converged = match converging {
                Ok(converged) => converged,
                Err(error) => {
                    writing.not_accepted = refused_by(&error);
                    let error = error.into();
                    self.step_back(job, &error, undoing, &draft).await;
                    return Err(error);
                }
            };
            self.check_unproven(job, head, &converged).await?;
            writing.written = Some(Written::of(&converged));
            writing.not_accepted = converged.not_accepted;
            writing.kept_out = KeptOut::of(converged.members.count, converged.counted as u64);

            let read_back = ReadBack {
                contacts: desired.contacts.len() as u64,
                change: writing.change(rejected),
                members: converged.members,
                ..read_back(&draft)
            };
            if !self.lease.announce(job, converged.counted as u64, &read_back).await? {
                tracing::info!("a newer result came in during the load; it is tried before publishing");
                return Ok(None);
            }
            let before = meter.phase(Phase::Write, draft.verify()).await?;
            writing.is_computed_by_others = head.is_shown_by_others(draft.is_computed_by(&before));
            let publishing = self.publish(&draft, &before, converged.counted as u64);
            let (seen, watch) = meter.phase(Phase::Publish, publishing).await?.into_parts();
            let (shown, change) = (seen.as_ref().map(|(shown, _)| *shown), read_back.change);
            let done = read_back.published(watch, writing.is_computed_by_others);
            self.record(job, &done, shown, &mut writing).await?;
            let Some((shown, row)) = seen else {
                return Ok(Some(Outcome::Computing));
            };
            writing.undescribed = self.describe_load(job, (&shown, &row), change).await;
            Ok(Some(Outcome::Loaded))
        }
        .await;
        (writing, outcome)
    }

    /// Records that a job is carried out, and what its segment shows.
    async fn record(
        &self,
        job: &Job,
        done: &Achievement,
        shown: Option<Shown>,
        writing: &mut Writing,
    ) -> Result<(), Error> {
        let lacking = match &shown {
            Some(shown) => self.look_for_missing(shown, &job.segment_name, done.members).await,
            None => Lacking::default(),
        };
        let (overtaken, shortfall) = self.lease.apply(job, done, lacking.lack).await?;
        writing.overtaken.extend(overtaken);
        writing.shown = shown;
        writing.missing = lacking.told(shortfall);
        Ok(())
    }

    /// Publishes a draft that was verified, and waits until it is shown; `before` is the segment from right before.
    pub(super) async fn publish(
        &self,
        draft: &Draft<'_, M>,
        before: &Segment,
        asked: u64,
    ) -> Result<Published, reconcile::Error> {
        let (means, fence) = (self.means(), &self.lease.fence);
        let wait = self.worker.settings.destination.rules.publish_wait();
        publish::publish(means, fence, before, draft.definition(), asked, wait).await
    }

    pub(super) const fn means(&self) -> &M {
        &self.worker.means
    }
}

/// Names what was read back.
fn read_back<M: Means>(draft: &Draft<'_, M>) -> ReadBack {
    let segment = draft.segment();
    ReadBack {
        segment_id: segment.id.to_string(),
        definition_id: Some(segment.definition_id.to_string()),
        groups: survey::noted_groups(draft.definition()),
        ..ReadBack::default()
    }
}

/// Returns the contacts that a load failed for.
fn refused_by(error: &reconcile::Error) -> Vec<ContactId> {
    match error {
        reconcile::Error::TooManyNotAccepted { refused, .. } => refused.clone(),
        _ => Vec::new(),
    }
}
