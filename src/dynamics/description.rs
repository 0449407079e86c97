//! What a segment says about itself to people.

use super::call::Call;
use super::error::Error;
use super::segment::{Dataverse, Segment};
use super::version::Saved;
use serde_json::json;
use std::time::Duration;
use tokio::time::timeout;

/// The longest description (`msdynmkt_description`, Microsoft's table reference).
pub const LONGEST_DESCRIPTION: usize = 1_000;
/// The column.
pub(super) const DESCRIPTION: &str = "msdynmkt_description";
const OPERATION: &str = "change the segment's description";
/// How long the change may take: what only informs keeps no load waiting.
const LONGEST_CHANGE: Duration = Duration::from_secs(10);

impl Dataverse {
    /// Changes what a segment says about itself, where its row is still as it was read; a row without a version is left as it is.
    ///
    /// It only informs: one call, which is not repeated, and which contradicts nothing where it takes effect late.
    pub async fn describe(&self, segment: &Segment, description: &str) -> Result<Saved, Error> {
        if segment.etag.is_none() {
            return Ok(Saved::NotVersioned);
        }
        let row = format!("msdynmkt_segments({})", segment.id);
        let call = Call::update(OPERATION, row, &json!({DESCRIPTION: description}))
            .of_version(segment.etag.as_deref())
            .once();
        let changing = timeout(LONGEST_CHANGE, self.client().call(&call, |_| Ok(())));
        let unanswered = |_| Error::DynamicsUnavailable {
            operation: OPERATION,
            tries: 1,
            reason: format!("no answer within {} s", LONGEST_CHANGE.as_secs()),
        };
        Saved::of(changing.await.map_err(unanswered).flatten())
    }
}
