//! Segments that are not there: whether one may be made, and which others have nearly the name.

use super::Worker;
use super::prepare::Prepared;
use crate::config::MissingSegment;
use crate::domain::{NearNames, SegmentName};
use crate::dynamics::SegmentId;
use crate::means::Means;
use crate::reconcile::{Audience, Error, Sought, survey};
use crate::state::{Applied, Head, Job};
use uuid::Uuid;

/// Says which segment is meant: the one of a name, and under its id the one that was loaded last.
pub(super) fn sought<'a>(name: &'a SegmentName, applied: Option<&Applied>) -> Sought<'a> {
    let loaded = applied.and_then(|applied| Uuid::try_parse(applied.segment_id.as_deref()?).ok());
    Sought {
        name,
        loaded: loaded.map(SegmentId),
    }
}

impl<M: Means> Worker<'_, M> {
    /// Finds the segment and its members; where there is none, and the destination wants none to be made, that is refused.
    ///
    /// The segment of a sample is there for a look only, and is made all the same.
    pub(super) async fn survey(&self, job: &Job, head: &Head, expected: usize) -> Result<Option<Audience>, Error> {
        let sought = sought(&job.segment_name, head.applied.as_ref());
        let found = match survey::survey(&self.means, sought, expected).await {
            Err(Error::SegmentRenamed { .. }) if job.sample.is_some() => None,
            found => found?,
        };
        let may_be_made = self.settings.destination.rules.missing_segment == MissingSegment::Create;
        if found.is_some() || may_be_made || job.sample.is_some() {
            return Ok(found);
        }
        Err(Error::SegmentMissing {
            name: job.segment_name.as_str().to_owned(),
            near: self.means.names_near(&job.segment_name).await,
        })
    }

    /// Looks for names that come near that of a segment that is about to be made; `None` if none is.
    pub(super) async fn names_beside(&self, job: &Job, head: &Head, prepared: &Prepared) -> Option<NearNames> {
        let is_new = prepared.audience.is_none() && !prepared.is_settled(job, head);
        if is_new {
            Some(self.means.names_near(&job.segment_name).await)
        } else {
            None
        }
    }
}
