//! What a segment says about itself in Dynamics: brought up to date once its last load is seen, and where a guard refused one.
//!
//! It only informs: nothing depends on it, and nothing fails with it.

use super::prepare::Prepared;
use super::session::Session;
use crate::dynamics::{LONGEST_DESCRIPTION, Saved, Segment};
use crate::means::Means;
use crate::reconcile::Shown;
use crate::report::{Line, LoadedLast, undescribed};
use crate::state::{Applied, Change, Head, Job};

/// What came of a description that was to be changed.
pub(super) struct Described {
    /// What is to be said where it was not.
    pub(super) warning: Option<String>,
}

impl<M: Means> Session<'_, M> {
    /// Tells of a load that is seen in a segment, whose row was just read; returns what is to be said where Dynamics did not
    /// take it.
    pub(super) async fn describe_load(
        &self,
        job: &Job,
        (shown, segment): (&Shown, &Segment),
        change: Option<Change>,
    ) -> Option<String> {
        let loaded = LoadedLast {
            at: self.means().s3_time(),
            key: &job.object.key,
            people: Some(shown.asked),
            change,
            kind: None,
        };
        self.describe_as_loaded(segment, job, loaded).await
    }

    /// Tells of what was applied before and is seen now, as [`Self::describe_load`] does.
    pub(super) async fn describe_applied(
        &self,
        applied: &Applied,
        (shown, segment): (&Shown, &Segment),
    ) -> Option<String> {
        let loaded = LoadedLast::of(applied, Some(shown.asked));
        self.describe_as_loaded(segment, &applied.job, loaded).await
    }

    async fn describe_as_loaded(&self, segment: &Segment, job: &Job, loaded: LoadedLast<'_>) -> Option<String> {
        let loaded = loaded.telling_the_kind(job, self.worker.settings.destination.rules.mode);
        self.describe(segment, &Line::Loaded(loaded)).await?.warning
    }

    /// Tells of a refusal where there is nothing that Dynamics may still have to show; `None` if nothing was to be changed.
    pub(super) async fn describe_refusal(
        &self,
        job: &Job,
        head: &Head,
        prepared: &Prepared,
        why: &str,
    ) -> Option<Described> {
        if head.writing.is_some() || head.may_be_computing() {
            return None;
        }
        let segment = &prepared.audience.as_ref()?.segment;
        let last = head
            .applied
            .as_ref()
            .filter(|applied| applied.segment_id == Some(segment.id.to_string()));
        let line = Line::Refused {
            at: self.means().s3_time(),
            key: &job.object.key,
            why,
            last: last.map(|applied| LoadedLast::of(applied, None)),
        };
        self.describe(segment, &line).await
    }

    /// Puts a line into a segment's description; `None` if it is not one of ours.
    async fn describe(&self, segment: &Segment, line: &Line<'_>) -> Option<Described> {
        let told = line.put_into(segment.description.as_deref()?, LONGEST_DESCRIPTION)?;
        let warning = match self.means().describe(segment, &told).await {
            Ok(Saved::Done) => None,
            Ok(Saved::Outdated) => {
                tracing::info!(
                    "the segment was changed in the very moment in which its description was to be; it is left as it is"
                );
                None
            }
            Ok(Saved::NotVersioned) => Some(undescribed(
                "Dynamics keeps no versions of segments, so that what somebody else changes in the same moment could be lost",
            )),
            Err(error) => Some(undescribed(&error.to_string())),
        };
        Some(Described { warning })
    }
}
