//! Segments that are not there: whether one may be made, and which others have nearly the name.

use super::Worker;
use super::prepare::Prepared;
use crate::config::MissingSegment;
use crate::domain::NearNames;
use crate::means::Means;
use crate::reconcile::{Audience, Error, survey};
use crate::state::{Head, Job};

impl<M: Means> Worker<'_, M> {
    /// Finds the segment and its members; where there is none, and the destination wants none to be made, that is refused.
    ///
    /// The segment of a sample is there for a look only, and is made all the same.
    pub(super) async fn survey(&self, job: &Job, expected: usize) -> Result<Option<Audience>, Error> {
        let found = survey::survey(&self.means, &job.segment_name, expected).await?;
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
