//! What a person asks of an environment: `test_connection` tries the way there, and `verify_environment` what it does.
//!
//! What the documents of Dynamics leave open is tried, on a segment that is made for it and removed again.
//!
//! `connection` tests the connection. `experiment` has the order of the facts and what each of them needs; `rows`, `draft` and `published` try them; `cleaning`
//! removes the segment, and what trials that were cut off have left.

mod cleaning;
pub(crate) mod connection;
mod draft;
mod experiment;
mod published;
mod rows;
mod seen;

pub(crate) use cleaning::LeftTrial;

use crate::config::Settings;
use crate::domain::Fact;
use crate::error::Error;
use crate::production::Clients;
use crate::state::{self, Finding, Noted, Trial, Trials, Verification};
use crate::time::Fence;
use cleaning::Cleaning;
use experiment::Experiment;
use seen::Seen;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// How long is left for stopping and deleting the segment, which takes ten calls or so.
const CLEANING_TIME: Duration = Duration::from_secs(45);
/// How long a sweep may take to remove what trials have left: it has other things to do.
const SWEEPING_TIME: Duration = Duration::from_secs(45);

/// Tries all facts in the environment that the settings name.
///
/// Nothing leaves past `stop_at`, and shortly before it only what cleans up: what the time does not allow is not tried.
pub(crate) async fn verify(
    clients: &Clients,
    settings: &Settings,
    bucket: &str,
    keep: bool,
    stop_at: Instant,
) -> Verification {
    let left = stop_at.saturating_duration_since(Instant::now());
    let (trying, fence) = (
        Fence::stopping_at(stop_at - CLEANING_TIME.min(left / 3)),
        Fence::stopping_at(stop_at),
    );
    let cleaning = Cleaning::new(clients, settings, bucket, &fence);
    let left_over = Cleaning::new(clients, settings, bucket, &trying)
        .remove_left(false)
        .await;
    let verification = match note(&cleaning.trials).await {
        Ok(noted) => {
            let dataverse = clients.dataverse(settings, &trying);
            let wait = settings.destination.rules.publish_wait();
            let experiment = Experiment::begin(dataverse, trying, &noted.trial.segment_name, wait).await;
            Box::pin(carry_out(experiment, noted, &cleaning, keep, &left_over)).await
        }
        Err(error) => Verification {
            environment: Some(cleaning.environment().to_owned()),
            ..untried(&Error::from(error))
        },
    };
    // Where nothing could be tried, what was seen before is worth more.
    if verification.tells_something()
        && let Ok(Err(error)) = fence.within(cleaning.trials.keep(&verification)).await
    {
        tracing::warn!(error = %error, "what was seen of the environment could not be kept");
    }
    verification
}

/// Removes what trials that were cut off have left in the environment, and returns what cannot be removed.
pub(crate) async fn sweep(clients: &Clients, settings: &Settings, bucket: &str, stop_at: Instant) -> Vec<LeftTrial> {
    let fence = Fence::stopping_at(stop_at.min(Instant::now() + SWEEPING_TIME));
    Cleaning::new(clients, settings, bucket, &fence).remove_left(true).await
}

/// Answers that nothing could be tried.
pub(crate) fn untried(error: &Error) -> Verification {
    let untried = |fact| Seen::untried(error.to_string()).finding(fact, Duration::ZERO);
    Verification {
        ok: false,
        environment: None,
        segment_name: None,
        cleaned_up: true,
        facts: Fact::ALL.map(untried).into(),
    }
}

/// Notes a new trial: nothing is made of which nobody knows.
async fn note(trials: &Trials) -> Result<Noted, state::Error> {
    let now = trials.now().await?;
    let trial = Trial::new(trials.environment(), now, Uuid::new_v4());
    trials.note(trial).await
}

/// Tries one fact after the other, and cleans up however that ended.
async fn carry_out(
    mut experiment: Experiment,
    mut noted: Noted,
    cleaning: &Cleaning,
    keep: bool,
    left_over: &[LeftTrial],
) -> Verification {
    let mut facts = Vec::new();
    for fact in Fact::ALL {
        let began = Instant::now();
        let seen = match fact {
            Fact::Stop if keep && experiment.is_made() => Seen::untried("the segment is kept, as it was asked for"),
            Fact::Stop => cleaning.stop(&experiment).await,
            Fact::Delete if keep && experiment.is_made() => cleaning.leave(&noted).await,
            Fact::Delete => cleaning.delete(&experiment, &mut noted).await,
            fact => experiment.try_out(fact).await,
        };
        facts.push(seen.finding(fact, began.elapsed()));
        if fact == Fact::Create {
            cleaning.learn(&experiment, &mut noted).await;
        }
    }
    let cleaned_up = !keep && cleaning.is_done();
    if let (Some(last), false) = (facts.last_mut(), left_over.is_empty()) {
        let left_over = left_over.iter().map(|left| format!("; {left}"));
        last.detail.extend(left_over);
    }
    Verification {
        ok: is_ok(&facts),
        environment: Some(cleaning.environment().to_owned()),
        segment_name: Some(noted.trial.segment_name),
        cleaned_up,
        facts,
    }
}

/// Returns whether loads may be trusted: something was tried, and nothing that decides was seen not to hold.
fn is_ok(facts: &[Finding]) -> bool {
    let is_created = facts
        .iter()
        .any(|fact| fact.name == Fact::Create && fact.holds == Some(true));
    let is_broken = |fact: &Finding| fact.name.is_decisive() && fact.holds == Some(false);
    is_created && !facts.iter().any(is_broken)
}
