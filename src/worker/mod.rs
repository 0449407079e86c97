//! One worker, from an object that may be a result to the end of all it found to do: the protocol, told once.
//!
//! A worker reaches the outside by its [`Means`] only, so that production and a simulation drive the very same code. The
//! way of a job: [`Worker::load`] resolves and enqueues it; `lease` takes the segment and keeps it; `session` takes job
//! after job; `prepare` reads and evaluates it; `reconcile` converges and publishes; `failure` says what a failure leaves in
//! the head. `sweep` comes on the schedule and does what was left.

mod again;
mod age;
mod aside;
mod create;
mod described;
mod failure;
mod forget;
mod heads;
mod lease;
mod missing;
mod names;
mod newer;
mod phase;
mod prepare;
mod dry_run;
mod read;
mod refusing;
mod resolve;
mod sweep;
mod session;
mod told;
mod unanswered;
mod unheard;

use crate::config::{Settings, Variables};
use crate::domain::{Fate, RunId, SegmentName};
use crate::error::Error;
use crate::means::Means;
use crate::report::{RunReport, Tell, put_own_first};
use crate::state::{self, Enqueued, Job, LeaseLost, head::Lease};
use crate::time::Fence;
use lease::LeaseGuard;
use read::note_loaded_alone;
pub use resolve::Candidate;
use resolve::Resolved;
use session::{Done, Session};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// One invocation's worker.
#[derive(Clone, Debug)]
pub struct Worker<'a, M> {
    /// What the secrets say.
    pub settings: &'a Settings,
    /// What the environment says.
    pub variables: &'a Variables,
    /// Who hears of every run that has ended.
    pub reporter: &'a dyn Tell,
    /// When sending stops.
    pub stop_at: Instant,
    /// What the outside is reached by.
    pub means: M,
    /// What the means' calls leave through.
    pub fence: Fence,
}

/// What a worker takes a segment for, where somebody asked for it: that waits for no pause.
#[derive(Clone, Copy)]
struct Asked<'a> {
    /// The job; all of them, where a person asks for a sweep.
    job: Option<&'a Job>,
    /// Set where an attempt at it may be under way: the end of that attempt's lease is awaited.
    own: Option<&'a RunId>,
}

/// Sending stops this long before Lambda's deadline, or a fifth of the time given where that is less.
const LONGEST_MARGIN: Duration = Duration::from_mins(1);

/// Returns how long before Lambda's deadline sending stops, where so much time is left.
pub fn margin(time_left: Duration) -> Duration {
    LONGEST_MARGIN.min(time_left / 5)
}

/// What an invocation does while it reads or changes a head.
const NOTING: &str = "the state of the segment was read and changed";

/// Ends work at the planned stop; `doing` says what it was, for the error.
pub(crate) fn by<T, E: Into<Error>, F: Future<Output = Result<T, E>>>(
    stop_at: Instant,
    doing: &'static str,
    work: F,
) -> impl Future<Output = Result<T, Error>> {
    // Boxed, since the futures of S3 are large.
    let work = Box::pin(work);
    async move {
        match timeout_at(stop_at, work).await {
            Ok(outcome) => outcome.map_err(Into::into),
            Err(_) => Err(Error::out_of_time(doing)),
        }
    }
}

impl<M: Means> Worker<'_, M> {
    /// Follows one candidate to its end: resolves which job it is, enqueues it, and works until nothing is pending.
    ///
    /// Returns the reports as they were told, that of the candidate's own run first. What fails before it is a run is told by
    /// nobody yet, and comes with its segment where that was known.
    pub async fn load(&self, candidate: &Candidate) -> Result<Vec<RunReport>, (Option<SegmentName>, Error)> {
        let resolving = candidate.resolve(&self.means, self.settings, self.variables);
        let resolving = by(self.stop_at, "S3 was asked what the object is", resolving);
        let Some(resolved) = resolving.await.map_err(|error| (candidate.named(), error))? else {
            return Ok(Vec::new());
        };
        let segment_name = resolved.job.segment_name.clone();
        let followed = Box::pin(self.follow(resolved)).await;
        followed.map_err(|error| (Some(segment_name), error))
    }

    /// Takes up what was resolved, and works until nothing is pending.
    async fn follow(&self, resolved: Resolved) -> Result<Vec<RunReport>, Error> {
        let Resolved { is_direct, dry_run, .. } = resolved;
        if !is_direct && let Some((job, known)) = self.recall(&resolved.job).await? {
            if known == Enqueued::Superseded
                && let Some(report) = self.refuse_part(&resolved, &job).await?
            {
                return Ok(vec![self.reporter.tell(report).await]);
            }
            return self.answer_known(job, known).await;
        }
        let taking_up = resolved.take_up(&self.means);
        let job = by(self.stop_at, "S3 was asked which files the result has", taking_up).await?;
        if dry_run {
            let head = by(self.stop_at, NOTING, heads::read(&self.means, &job.segment_name)).await?;
            let job = if job.approved {
                head.approved_in_place(job)
            } else {
                head.asked_directly(job)
            };
            let report = self.dry_run(&job, &head).await;
            return Ok(vec![self.reporter.tell(report).await]);
        }
        match by(self.stop_at, NOTING, heads::enqueue(&self.means, &job, is_direct)).await {
            Ok(Enqueued::Queued) => self.work_for(&job, false).await,
            Ok(known) => self.answer_known(job, known).await,
            Err(error) if error.fate() == Fate::LostLease => {
                let report = RunReport::of_held(&job, &error);
                Ok(vec![self.reporter.tell(report).await])
            }
            Err(error) => Err(error),
        }
    }

    /// Asks the head what it knows of an event's input, which it names as the head does: nothing more of it is looked at then.
    async fn recall(&self, job: &Job) -> Result<Option<(Job, Enqueued)>, Error> {
        let head = by(self.stop_at, NOTING, heads::read(&self.means, &job.segment_name)).await?;
        let run_id = head.name_of(job).unwrap_or(&job.run_id).clone();
        let mut known = head.recall(job);
        if known == Some(Enqueued::Superseded) {
            known = match by(self.stop_at, NOTING, heads::pass_over(&self.means, &head, job)).await {
                Err(error) if error.fate() == Fate::LostLease => known,
                noted => noted?,
            };
        }
        Ok(known.map(|known| (Job { run_id, ..job.clone() }, known)))
    }

    /// Refuses one file of several although a newer one was loaded: that one is a part of the same result, perhaps.
    async fn refuse_part(&self, resolved: &Resolved, job: &Job) -> Result<Option<RunReport>, Error> {
        let looking = async {
            match resolved.check_alone(&self.means).await {
                Ok(()) => Ok(None),
                Err(error) if error.fate() == Fate::Refuse => {
                    let head = heads::read(&self.means, &job.segment_name).await?;
                    Ok(Some(note_loaded_alone(error.into(), &head)))
                }
                Err(error) => Err(Error::from(error)),
            }
        };
        let error = by(self.stop_at, "S3 was asked what lies beside the object", looking).await?;
        Ok(error.map(|error| RunReport::of_refused(job, &error)))
    }

    /// Goes on with a job that is pending already, and answers what became of any other that is known.
    async fn answer_known(&self, job: Job, known: Enqueued) -> Result<Vec<RunReport>, Error> {
        match known {
            Enqueued::Pending => self.work_for(&job, true).await,
            known => Ok(vec![self.reporter.tell(RunReport::of_known(&job, known)).await]),
        }
    }

    /// Carries out everything that is pending for the job's segment, and reports the job's own run first.
    async fn work_for(&self, job: &Job, was_pending: bool) -> Result<Vec<RunReport>, Error> {
        let own = was_pending.then_some(&job.run_id);
        let asked = Some(Asked { job: Some(job), own });
        let Done {
            mut reports,
            cut_short,
            owner,
            ..
        } = self.work(&job.segment_name, asked).await;
        if !reports.iter().any(|report| report.run_id() == Some(&job.run_id)) {
            let report = self.account_for(job, &reports, cut_short, owner.as_deref()).await;
            reports.push(self.reporter.tell(report).await);
        }
        put_own_first(&mut reports, job);
        Ok(reports)
    }

    /// Takes the segment and carries out everything that is pending for it.
    async fn work(&self, segment_name: &SegmentName, asked: Option<Asked<'_>>) -> Done {
        let (reports, cut_short) = match self.take(segment_name, asked).await {
            Ok(Some(session)) => return Box::pin(session.work()).await,
            // Another worker has it.
            Ok(None) => (Vec::new(), Some(state::Error::from(LeaseLost).into())),
            Err(error) => (Vec::new(), Some(error)),
        };
        Done {
            reports,
            cut_short,
            ..Done::default()
        }
    }

    /// Says what became of a job that no run was about: another worker may be at it or have done it, or it waits.
    async fn account_for(
        &self,
        job: &Job,
        reports: &[RunReport],
        cut_short: Option<Error>,
        owner: Option<&str>,
    ) -> RunReport {
        let is_taken_over = cut_short.as_ref().is_some_and(|error| error.fate() == Fate::LostLease);
        if let Some(error) = cut_short.filter(|_| !is_taken_over) {
            return RunReport::of_failed(job, error, false);
        }
        let looking = heads::read(&self.means, &job.segment_name);
        let head = match by(self.stop_at, NOTING, looking).await {
            Ok(head) => head,
            // Whoever had the segment a moment ago goes on.
            Err(error) if error.fate() == Fate::Continue && is_taken_over => {
                return RunReport::of_busy(job, None);
            }
            Err(error) if error.fate() == Fate::Continue => return RunReport::of_unseen(job),
            Err(error) => return RunReport::of_failed(job, error, false),
        };
        match head.recall(job) {
            Some(Enqueued::Pending) if head.is_held_by_another(owner, self.means.s3_time()) => {
                RunReport::of_busy(job, head.lease.as_ref().map(Lease::end))
            }
            Some(Enqueued::Pending) => {
                let is_out_of_time = Instant::now() >= self.stop_at;
                RunReport::of_waiting(job, reports, is_out_of_time, head.what_goes_first())
            }
            known => RunReport::of_known(job, known.unwrap_or(Enqueued::Superseded)),
        }
    }

    /// Takes the segment, or returns `None` if another worker has it.
    async fn take(
        &self,
        segment_name: &SegmentName,
        asked: Option<Asked<'_>>,
    ) -> Result<Option<Session<'_, M>>, Error> {
        let lease = LeaseGuard::take(&self.means, segment_name, asked, self.variables.lease, self.stop_at).await?;
        Ok(lease.map(|lease| Session {
            worker: Worker {
                settings: self.settings,
                variables: self.variables,
                reporter: self.reporter,
                stop_at: self.stop_at,
                means: lease.means.clone(),
                fence: lease.fence.clone(),
            },
            lease,
        }))
    }
}
