//! What was seen of the segment that was published last.

use super::LeaseLost;
use crate::domain::Watch;
use crate::state::head::Head;
use chrono::{DateTime, Utc};

impl Head {
    /// Records that the published segment was seen Active.
    pub fn confirm(&mut self, owner: &str, now: DateTime<Utc>) -> Result<(), LeaseLost> {
        self.let_go(owner)?;
        self.remember_as_seen(now);
        Ok(())
    }

    /// Records that nobody need look any more for what was published: the segment is gone.
    pub fn let_go(&mut self, owner: &str) -> Result<(), LeaseLost> {
        self.lease_of(owner)?;
        if let Some(applied) = &mut self.applied {
            applied.confirmed = true;
            applied.watch = None;
        }
        self.end_well();
        Ok(())
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
