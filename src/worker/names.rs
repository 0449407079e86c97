//! Segments that are not there: whether one may be made, and which others have nearly the name.

use super::Worker;
use crate::config::MissingSegment;
use crate::domain::{NearNames, SegmentName};
use crate::dynamics::{DefinitionId, SegmentId};
use crate::means::Means;
use crate::reconcile::{Audience, Error, Left, Sought, survey};
use crate::state::{Applied, Head, Job};
use uuid::Uuid;

/// What was found of the segment.
pub(super) struct Surveyed {
    pub(super) audience: Option<Audience>,
    /// Names that come near its own, where there is none.
    pub(super) near: Option<NearNames>,
    /// What has become of the one that was loaded last, where that is another one.
    pub(super) left: Option<Left>,
}

/// Says which segment is meant: the one of a name, and under its ids the one that was loaded last.
pub(super) fn sought<'a>(name: &'a SegmentName, applied: Option<&'a Applied>) -> Sought<'a> {
    let id = |text: &Option<String>| Uuid::try_parse(text.as_deref()?).ok();
    let members = applied.and_then(|applied| applied.members);
    Sought {
        name,
        loaded: applied.and_then(|applied| id(&applied.segment_id)).map(SegmentId),
        definition: applied.and_then(|applied| id(&applied.definition_id)).map(DefinitionId),
        groups: applied.map_or(&[], |applied| &applied.groups),
        members: members.map_or(0, |members| members.count),
    }
}

impl<M: Means> Worker<'_, M> {
    /// Finds the segment and its members, or the names that come near its own; where there is none, and the destination wants
    /// none to be made, that is refused.
    ///
    /// The segment of a sample is there for a look only, and is made all the same.
    pub(super) async fn survey(&self, job: &Job, head: &Head) -> Result<Surveyed, Error> {
        let sought = sought(&job.segment_name, head.applied.as_ref());
        let (audience, left) = match survey::survey(&self.means, sought).await {
            Err(Error::SegmentRenamed { .. }) if job.sample.is_some() => (None, None),
            found => found?,
        };
        let left = left.filter(|_| job.sample.is_none());
        if audience.is_some() {
            return Ok(Surveyed {
                audience,
                near: None,
                left,
            });
        }
        let near = self.means.names_near(&job.segment_name).await;
        let may_be_made = self.settings.destination.rules.missing_segment == MissingSegment::Create;
        if may_be_made || job.sample.is_some() {
            return Ok(Surveyed {
                audience: None,
                near: Some(near),
                left,
            });
        }
        Err(Error::SegmentMissing {
            name: job.segment_name.as_str().to_owned(),
            near,
        })
    }
}
