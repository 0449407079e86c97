//! Removing trial segments: only what was noted, only what is known to be a trial, and never twice.

use super::experiment::{Create, Experiment};
use super::rows::DESCRIPTION;
use super::seen::Seen;
use crate::config::Settings;
use crate::domain::{SegmentStatus, UsedBy};
use crate::dynamics::{self, Dataverse, DefinitionId, Segment, SegmentId};
use crate::production::Clients;
use crate::state::{self, Noted, Trial, Trials};
use crate::time::Fence;
use std::sync::atomic::{AtomicBool, Ordering};
use uuid::Uuid;

/// What removes trials in one environment.
pub(super) struct Cleaning {
    dataverse: Dataverse,
    fence: Fence,
    pub(super) trials: Trials,
    /// Set once nothing of the own trial is left.
    is_done: AtomicBool,
}

/// A trial segment that nobody has removed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {why}", what_is_left(name, *is_known))]
pub(crate) struct LeftTrial {
    name: String,
    /// It was seen to be there.
    is_known: bool,
    why: String,
}

/// Why a trial was not removed.
#[derive(Debug, thiserror::Error)]
enum Left {
    /// It is none, or nobody can tell.
    #[error("{0}; it is left alone")]
    NotATrial(&'static str),
    /// Somebody needs it.
    #[error("it is used by {0}: stop what uses it, then delete it in Customer Insights - Journeys, Audience, Segments")]
    InUse(UsedBy),
    /// Dynamics does not let it be removed.
    #[error(
        "{0}. Stop and delete it by hand in Customer Insights - Journeys, Audience, Segments; or let the application user \
         delete segments and segment definitions, and verify once more in 20 minutes"
    )]
    Refused(dynamics::Error),
    /// Dynamics says that it was deleted, and still shows it.
    #[error(
        "Dynamics agreed to delete it and still shows it: look in Customer Insights - Journeys, Audience, Segments, and \
         delete it there"
    )]
    Stays,
    /// It may work the next time.
    #[error("{0}; the next sweep tries again, 20 minutes after it was made at the earliest")]
    Unclear(dynamics::Error),
}

impl Cleaning {
    /// Prepares to remove trials; calls to Dynamics leave through the fence only.
    pub(super) fn new(clients: &Clients, settings: &Settings, bucket: &str, fence: &Fence) -> Self {
        Self {
            // A trial is known by its name, whoever owns it.
            dataverse: clients.dataverse(&settings.in_any_unit(), fence),
            fence: fence.clone(),
            trials: clients.trials(bucket, settings),
            is_done: AtomicBool::new(false),
        }
    }

    /// Names the environment.
    pub(super) fn environment(&self) -> &str {
        self.trials.environment()
    }

    /// Returns whether nothing of the own trial is left.
    pub(super) fn is_done(&self) -> bool {
        self.is_done.load(Ordering::Relaxed)
    }

    /// Notes which segment was made, so that no other of the name is ever taken for it.
    pub(super) async fn learn(&self, experiment: &Experiment, noted: &mut Noted) {
        let Some(made) = &experiment.made else { return };
        noted.trial.segment_id = Some(made.segment.id.to_string());
        if let Err(error) = self.trials.amend(noted).await {
            tracing::warn!(error = %error, "which segment the trial is could not be noted");
        }
    }

    /// `stop`
    pub(super) async fn stop(&self, experiment: &Experiment) -> Seen {
        let Some(made) = experiment.made.as_ref() else {
            return Seen::untried("there is no trial segment");
        };
        if experiment.published.is_none() {
            return Seen::untried("the segment was not seen published");
        }
        match self.dataverse.stop_segment(made.segment.id).await {
            Ok(true) => Seen::holds("Dynamics stopped the published segment"),
            Ok(false) => Seen::fails("Dynamics did not stop the published segment"),
            Err(error) => Seen::of_refusal(&error),
        }
    }

    /// `delete`, and the end of the trial.
    pub(super) async fn delete(&self, experiment: &Experiment, noted: &mut Noted) -> Seen {
        if experiment.create == Create::NotBegun {
            self.is_done.store(true, Ordering::Relaxed);
            self.drop_note(noted).await;
            return Seen::untried("there is no trial segment");
        }
        let removed = self.remove(&noted.trial).await;
        // A create that nobody has heard of yet may still come: the note stays, and a sweep looks once it cannot any more.
        let is_certain = experiment.is_made() || experiment.create == Create::Refused;
        match removed {
            Ok(()) => {
                self.is_done.store(is_certain, Ordering::Relaxed);
                if is_certain {
                    self.drop_note(noted).await;
                }
                match (experiment.is_made(), is_certain) {
                    (true, _) => Seen::holds("the segment and its definition are gone"),
                    (_, true) => Seen::untried("there is no trial segment"),
                    _ => Seen::untried(
                        "there is no trial segment yet, and Dynamics may still make it: a sweep looks for it in 20 minutes",
                    ),
                }
            }
            Err(left) => {
                if !matches!(left, Left::Unclear(_)) {
                    self.refused(noted).await;
                }
                let told = LeftTrial::of(&noted.trial, &left).to_string();
                match left {
                    Left::Refused(_) | Left::Stays if noted.trial.segment_id.is_some() => Seen::fails(told),
                    Left::Refused(_) | Left::Stays | Left::NotATrial(_) | Left::InUse(_) | Left::Unclear(_) => {
                        Seen::untried(told)
                    }
                }
            }
        }
    }

    /// Leaves the segment to people: its note is dropped, so that nobody removes it.
    pub(super) async fn leave(&self, noted: &Noted) -> Seen {
        match self.fence.within(self.trials.drop_note(noted)).await {
            Ok(Ok(())) => Seen::untried(
                "the segment is kept, as it was asked for: stop and delete it by hand in Customer Insights - Journeys, \
                 Audience, Segments, when you have looked at it",
            ),
            Ok(Err(error)) => Seen::untried(format!("a sweep will remove the segment in 20 minutes, since {error}")),
            Err(closed) => Seen::untried(format!("a sweep will remove the segment in 20 minutes, since {closed}")),
        }
    }

    /// Removes what trials have left that are over, and returns what it could not remove; a sweep tries once a day only what
    /// Dynamics refuses.
    pub(super) async fn remove_left(&self, is_sweep: bool) -> Vec<LeftTrial> {
        match self.fence.within(self.remove_all(is_sweep)).await {
            Ok(Ok(left)) => left,
            Ok(Err(error)) => {
                tracing::warn!(error = %error, "trial segments that were left could not be looked for");
                Vec::new()
            }
            Err(_) => Vec::new(),
        }
    }

    async fn remove_all(&self, is_sweep: bool) -> Result<Vec<LeftTrial>, state::Error> {
        let notes = self.trials.all().await?;
        let mut told = Vec::new();
        if notes.is_empty() {
            return Ok(told);
        }
        let now = self.trials.now().await?;
        let is_over = if is_sweep { Trial::is_due } else { Trial::is_left };
        for mut noted in notes.into_iter().filter(|noted| is_over(&noted.trial, now)) {
            match self.remove(&noted.trial).await {
                Ok(()) => self.drop_note(&noted).await,
                Err(Left::Unclear(error)) => {
                    tracing::info!(error = %error, "a trial segment could not be removed; the next sweep tries again");
                }
                Err(left) => {
                    told.push(LeftTrial::of(&noted.trial, &left));
                    self.refused(&mut noted).await;
                }
            }
        }
        Ok(told)
    }

    /// Removes a trial, whatever there is of it.
    async fn remove(&self, trial: &Trial) -> Result<(), Left> {
        let dataverse = &self.dataverse;
        match self.segments(trial).await?[..] {
            [] => {}
            [ref segment] => {
                let segment = dataverse.segment(segment.id).await.map_err(Left::of)?;
                let is_ours = match &trial.segment_id {
                    Some(id) => *id == segment.id.to_string(),
                    None => segment.description.as_deref() == Some(DESCRIPTION),
                };
                if !is_ours {
                    return Err(Left::NotATrial(
                        "the segment of this name is another one than the trial",
                    ));
                }
                let journeys = segment.published_journeys;
                let used_by = UsedBy {
                    journeys,
                    segments: None,
                };
                if used_by.is_used() {
                    return Err(Left::InUse(used_by));
                }
                if matches!(
                    segment.status,
                    SegmentStatus::Active | SegmentStatus::ActiveWithWarnings
                ) && let Err(error) = dataverse.stop_segment(segment.id).await
                {
                    tracing::info!(error = %error, "the trial segment could not be stopped; it is deleted all the same");
                }
                dataverse.delete_segment(segment.id).await.map_err(Left::of)?;
            }
            _ => return Err(Left::NotATrial("several segments have its name")),
        }
        for definition in self.definitions(trial).await? {
            dataverse.delete_definition(definition).await.map_err(Left::of)?;
        }
        let found = dataverse.find_segments(&trial.segment_name).await.map_err(Left::of)?;
        if found.is_empty() && self.definitions(trial).await?.is_empty() {
            return Ok(());
        }
        Err(Left::Stays)
    }

    /// Finds the segments of a trial's name; the trial itself, where no list shows it and its row is there.
    async fn segments(&self, trial: &Trial) -> Result<Vec<Segment>, Left> {
        let mut found = self
            .dataverse
            .find_segments(&trial.segment_name)
            .await
            .map_err(Left::of)?;
        let noted = trial.segment_id.as_deref().and_then(|id| Uuid::try_parse(id).ok());
        if let Some(id) = noted.filter(|_| found.is_empty()) {
            let known = self.dataverse.known_segment(SegmentId(id)).await.map_err(Left::of)?;
            match known.filter(|known| known.is_of_the_unit) {
                Some(known) if known.name == trial.segment_name.as_str() => found.push(known.segment),
                Some(_) => return Err(Left::NotATrial("somebody has renamed it")),
                None => {}
            }
        }
        Ok(found)
    }

    async fn definitions(&self, trial: &Trial) -> Result<Vec<DefinitionId>, Left> {
        let found = self.dataverse.definitions_without_segment(&trial.segment_name);
        found.await.map_err(Left::of)
    }

    async fn drop_note(&self, noted: &Noted) {
        // A note of what is gone costs the next sweep a look.
        if let Err(error) = self.trials.drop_note(noted).await {
            tracing::warn!(error = %error, "the note of a trial segment that is gone could not be deleted");
        }
    }

    async fn refused(&self, noted: &mut Noted) {
        let Ok(now) = self.trials.now().await else { return };
        noted.trial.refuse(now);
        if let Err(error) = self.trials.amend(noted).await {
            tracing::warn!(error = %error, "that a trial segment cannot be removed could not be noted");
        }
    }
}

impl LeftTrial {
    fn of(trial: &Trial, left: &Left) -> Self {
        Self {
            name: trial.segment_name.as_str().to_owned(),
            is_known: trial.segment_id.is_some(),
            why: left.to_string(),
        }
    }
}

fn what_is_left(name: &str, is_known: bool) -> String {
    if is_known {
        format!("the trial segment {name:?} was not removed")
    } else {
        format!("it is not known whether the trial segment {name:?} was made, nor whether it is gone")
    }
}

impl Left {
    fn of(error: dynamics::Error) -> Self {
        if error.refusal().is_some() {
            Self::Refused(error)
        } else {
            Self::Unclear(error)
        }
    }
}
