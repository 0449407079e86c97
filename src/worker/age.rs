//! Segments whose audience is older than the destination allows: people are told once, until it is mended.

use super::{NOTING, Worker, by, heads};
use crate::means::Means;
use crate::report::Stale;

impl<M: Means> Worker<'_, M> {
    /// Returns whether the audience of a segment is too old, and tells that once, until it is mended; where that cannot be found
    /// out, the next sweep looks.
    pub(super) async fn notice_age(&self, key: &str) -> bool {
        let rules = &self.settings.destination.rules;
        let (Some(after), Some(hours)) = (rules.stale_after(), rules.stale_after_hours) else {
            return false;
        };
        let Ok(Some(head)) = by(self.stop_at, NOTING, heads::read_at(&self.means, key)).await else {
            return false;
        };
        let Some(last_load) = head.stale_since(self.means.s3_time(), after) else {
            return false;
        };
        if head.told_stale != Some(last_load) {
            let stale = Stale {
                segment_name: head.segment_name.clone(),
                environment: head.home.environment.clone(),
                last_load,
                contacts: head.applied.as_ref().map(|applied| applied.contacts),
                people: head.people(),
                stale_after_hours: hours,
            };
            if self.reporter.tell_stale(stale).await {
                let noting = heads::update(&self.means, &head.segment_name, |head, _| {
                    head.note_stale_told(last_load);
                });
                if let Err(error) = by(self.stop_at, NOTING, noting).await {
                    tracing::warn!(error = %error, "that the segment is told to be stale could not be noted; it is told again");
                }
            }
        }
        true
    }
}
