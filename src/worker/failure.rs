//! What becomes of a job whose attempt failed: in the head, and of the session.

use super::lease::LeaseGuard;
use crate::domain::Fate;
use crate::error::Error;
use crate::means::Means;
use crate::report::{Ending, Outcome, RunReport, to_remember};
use crate::state::{self, Job, Refusal, Whose};

/// Whether the worker goes on with the next job, once it has told of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    GoOn,
    /// It gives the lease back: until then the next worker knows that nobody may have heard of the failure.
    GiveBack,
    /// The lease is given back, or was lost.
    Stop,
}

/// What an attempt did until the time was over that got nowhere twice.
const GETTING_NOWHERE: &str = "S3 or Dynamics was waited for, for the second time without any member added or removed, or without the segment's draft coming any nearer to the result";

/// Decides by an error's fate what a failed job leaves in the head, and whether the session goes on with others.
///
/// `got_on` tells whether the attempt had brought anything about, and `difference` how many members it found to be added and
/// removed.
pub(super) async fn record_failure<M: Means>(
    lease: &LeaseGuard<M>,
    job: &Job,
    error: Error,
    got_on: bool,
    difference: Option<u64>,
) -> (Ending, Next) {
    let (outcome, put_aside) = match error.fate() {
        Fate::LostLease => return (ended(Outcome::Busy, error, false), Next::Stop),
        Fate::Continue => return interrupt(lease, job, error, got_on, difference).await,
        Fate::Retry => return fail(lease, job, error).await,
        Fate::Drop => (Outcome::Superseded, lease.forget(job).await),
        Fate::Refuse => (Outcome::Refused, lease.refuse(job, &refusal(job, &error)).await),
        Fate::PutAside => (Outcome::Failed, lease.refuse(job, &refusal(job, &error)).await),
    };
    match put_aside {
        // It cannot go: it is tried again, and a person is called in the end.
        Ok(false) => return fail(lease, job, error.in_the_draft()).await,
        Ok(true) => {}
        Err(unnoted) => warn_unnoted(&unnoted),
    }
    (ended(outcome, error, false), Next::GoOn)
}

/// Says why the job is not tried again, or until when it waits.
fn refusal(job: &Job, error: &Error) -> Refusal {
    Refusal {
        reason: error.to_string(),
        unreadable: error.fate() == Fate::PutAside,
        error_type: error.told_type(),
        told: Some(Box::new(to_remember(error))),
        waiting: matches!(error, Error::RefusedWhileUsed(_)).then(|| Box::new(job.clone())),
    }
}

/// Leaves the job to the next attempt, unless two in a row got nowhere.
async fn interrupt<M: Means>(
    lease: &LeaseGuard<M>,
    job: &Job,
    error: Error,
    got_on: bool,
    difference: Option<u64>,
) -> (Ending, Next) {
    // Nothing more can be done until it is known what becomes of what was sent.
    let is_waiting = matches!(error, Error::AwaitsCreate | Error::AwaitsUnanswered);
    match lease.interrupt(job, got_on || is_waiting, difference).await {
        Ok(false) => {
            let whose = error.whose();
            fail_for(lease, job, Error::out_of_time(GETTING_NOWHERE), whose).await
        }
        Ok(true) => (ended(Outcome::Continues, error, false), Next::Stop),
        Err(unnoted) => {
            warn_unnoted(&unnoted);
            (ended(Outcome::Continues, error, false), Next::Stop)
        }
    }
}

/// Leaves a follow-up of what was published to the next sweep, unless two in a row got nowhere; returns that failure, after
/// which the lease is still to be given back.
pub(super) async fn record_look<M: Means>(lease: &LeaseGuard<M>, job: &Job, error: Error) -> Option<RunReport> {
    match interrupt(lease, job, error, false, None).await {
        (
            Ending::Failed {
                outcome: Outcome::Failed,
                error,
                needs_attention,
            },
            _,
        ) => Some(RunReport::of_failed(job, error, needs_attention)),
        _ => None,
    }
}

async fn fail<M: Means>(lease: &LeaseGuard<M>, job: &Job, error: Error) -> (Ending, Next) {
    let whose = error.whose();
    fail_for(lease, job, error, whose).await
}

/// Counts a failure; where it is the segment's, or no time is left for others, the session is over, whether or not it was
/// counted.
async fn fail_for<M: Means>(lease: &LeaseGuard<M>, job: &Job, error: Error, whose: Whose) -> (Ending, Next) {
    let counted = lease.fail(job, error.error_type(), whose).await;
    let needs_attention = *counted.as_ref().unwrap_or(&false);
    let next = match whose {
        Whose::Input if counted.is_ok() && error.fate() != Fate::Continue => Next::GoOn,
        _ => Next::GiveBack,
    };
    if let Err(unnoted) = counted {
        warn_unnoted(&unnoted);
    }
    (ended(Outcome::Failed, error, needs_attention), next)
}

const fn ended(outcome: Outcome, error: Error, needs_attention: bool) -> Ending {
    Ending::Failed {
        outcome,
        error,
        needs_attention,
    }
}

fn warn_unnoted(error: &state::Error) {
    tracing::warn!(error = %error, "the end of the run could not be noted; the lease runs out by itself");
}
