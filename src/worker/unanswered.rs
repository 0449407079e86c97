//! Changes that may still take effect, since nobody heard the answer: nothing is read or written before they have come.

use super::session::Session;
use crate::domain::Fate;
use crate::error::Error;
use crate::means::Means;
use crate::reconcile::late;
use chrono::{DateTime, Utc};

impl<M: Means> Session<'_, M> {
    /// Waits until nothing can take effect any more that nobody heard the answer of: of this session, and until the time that
    /// is `noted` in the head, of those before.
    ///
    /// A batch that came between reading back and Publish would be published, and a Publish would show a half-written draft.
    pub(super) async fn await_unanswered(&self, noted: Option<DateTime<Utc>>) -> Result<(), Error> {
        let fence = &self.lease.fence;
        let left = || noted.and_then(|until| (until - self.means().s3_time()).to_std().ok());
        let waiting = async {
            while let Some(left) = left().filter(|left| !left.is_zero()) {
                tracing::info!("a change of an attempt before may still take effect; it is waited for");
                fence.sleep(left).await?;
            }
            late::let_it_come(self.means(), fence).await
        };
        waiting.await.map_err(|error| match error.fate() {
            Fate::Continue => Error::AwaitsUnanswered,
            _ => error.into(),
        })
    }
}
