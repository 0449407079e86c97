//! Segments whose audience is older than the destination allows: people are told once, until it is mended.

use super::{NOTING, Worker, by, heads};
use crate::means::Means;
use crate::report::Stale;

impl<M: Means> Worker<'_, M> {
    /// Returns whether the audience of a segment is too old, and what to tell of it where nobody was told yet; where that cannot be
    /// found out, the next sweep looks.
    pub(super) async fn notice_age(&self, key: &str) -> (bool, Option<Stale>) {
        let rules = &self.settings.destination.rules;
        let (Some(after), Some(hours)) = (rules.stale_after(), rules.stale_after_hours) else {
            return (false, None);
        };
        let Ok(Some(head)) = by(self.stop_at, NOTING, heads::read_at(&self.means, key)).await else {
            return (false, None);
        };
        let Some(last_load) = head.stale_since(self.means.s3_time(), after) else {
            return (false, None);
        };
        let untold = (head.told_stale != Some(last_load)).then(|| Stale {
            contacts: head.applied.as_ref().map(|applied| applied.contacts),
            people: head.people(),
            segment_name: head.segment_name,
            environment: head.home.environment,
            business_unit: head.home.business_unit,
            last_load,
            stale_after_hours: hours,
        });
        (true, untold)
    }

    /// Tells of segments that have grown old, once until they are mended.
    pub(super) async fn tell_stale(&self, untold: Vec<Stale>) {
        for stale in untold {
            let (segment_name, last_load) = (stale.segment_name.clone(), stale.last_load);
            if !self.reporter.tell_stale(stale).await {
                continue;
            }
            let noting = heads::update(&self.means, &segment_name, |head, _| head.note_stale_told(last_load));
            if let Err(error) = by(self.stop_at, NOTING, noting).await {
                tracing::warn!(error = %error, "that the segment is told to be stale could not be noted; it is told again");
            }
        }
    }
}
