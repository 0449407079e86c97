//! What was seen of the segment that was published last.

use super::LeaseLost;
use crate::domain::Watch;
use crate::state::head::{Applied, Head};
use chrono::{DateTime, Utc};

impl Head {
    /// Records that the published segment was seen Active.
    pub fn confirm(&mut self, owner: &str, now: DateTime<Utc>) -> Result<(), LeaseLost> {
        self.end_watch(owner)?;
        self.remember_as_seen(now);
        self.end_well();
        Ok(())
    }

    /// Records that nobody need look any more for what was published: the segment is gone, by which nothing is mended.
    pub fn let_go(&mut self, owner: &str) -> Result<(), LeaseLost> {
        self.end_watch(owner)?;
        self.end_without_failure();
        Ok(())
    }

    fn end_watch(&mut self, owner: &str) -> Result<(), LeaseLost> {
        self.lease_of(owner)?;
        if let Some(applied) = &mut self.applied {
            applied.confirmed = true;
            applied.watch = None;
        }
        self.unseen = None;
        Ok(())
    }

    /// Returns whether Dynamics may still be computing what this head's workers have published.
    pub fn may_be_computing(&self) -> bool {
        let is_unseen = |applied: &Applied| !applied.confirmed || applied.watch.is_some();
        let is_unseen = self.applied.as_ref().is_some_and(is_unseen);
        let may_be_published = self
            .writing
            .as_ref()
            .is_some_and(|writing| writing.publishing.is_some());
        is_unseen || may_be_published
    }

    /// Returns whether others have published what was taken back since, and nothing was published over it yet.
    pub fn is_overlaid(&self) -> bool {
        self.applied.as_ref().is_some_and(|applied| applied.is_overlaid)
    }

    /// Returns whether others have published a part of what is about to be published, or of what was taken back; where the segment
    /// `is_computed` since it was found, that may be what was published before.
    pub fn is_shown_by_others(&self, is_computed: bool) -> bool {
        self.is_overlaid() || is_computed && !self.may_be_computing()
    }

    /// Keeps what was seen of the published segment for the next look.
    pub fn watch(&mut self, owner: &str, watch: Watch) -> Result<(), LeaseLost> {
        self.lease_of(owner)?;
        if let Some(applied) = &mut self.applied {
            applied.watch = Some(watch);
        }
        Ok(())
    }
}
