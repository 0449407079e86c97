//! Heads as a worker changes them: by compare-and-swap, for as long as others are faster.

use crate::backoff::Backoff;
use crate::domain::SegmentName;
use crate::means::Means;
use crate::state::{self, Head, Stored};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// How often a contended change is tried: at two changes a second and worker, several workers pass in this.
const TRIES: u32 = 12;
/// The pauses between two tries.
const PAUSES: Backoff = Backoff {
    first: Duration::from_millis(50),
    longest: Duration::from_millis(800),
};

/// Reads a segment's head; a segment never loaded has a new one.
pub(super) async fn read(means: &impl Means, segment_name: &SegmentName) -> Result<Head, state::Error> {
    let stored = means.read_head(segment_name).await?;
    Ok(stored.map_or_else(|| Head::new(segment_name), |stored| stored.head))
}

/// Changes a head: reads it, applies the pure `change`, and writes it unless somebody else was faster; then again.
///
/// A change that leaves the head as it is writes nothing. Returns what `change` returned on the head that was kept.
pub(super) async fn update<T>(
    means: &impl Means,
    segment_name: &SegmentName,
    mut change: impl FnMut(&mut Head, DateTime<Utc>) -> T,
) -> Result<T, state::Error> {
    for tries in 1..=TRIES {
        let (before, etag) = match means.read_head(segment_name).await? {
            Some(Stored { head, etag }) => (head, Some(etag)),
            None => (Head::new(segment_name), None),
        };
        let mut head = before.clone();
        let outcome = change(&mut head, means.s3_time());
        if head == before && etag.is_some() {
            return Ok(outcome);
        }
        head.nonce = means.fresh().simple().to_string();
        if means.write_head(&head, etag.as_deref()).await? || is_stored(means, &head).await? {
            return Ok(outcome);
        }
        tokio::time::sleep(PAUSES.jittered(tries)).await;
    }
    Err(state::Error::Contended {
        head: means.head_url(segment_name),
        tries: TRIES,
    })
}

/// Tells whether it is this head that is stored: a write whose answer was lost is repeated by the SDK, and the
/// repetition, which is refused, finds the first one's content.
async fn is_stored(means: &impl Means, head: &Head) -> Result<bool, state::Error> {
    let stored = means.read_head(&head.segment_name).await?;
    Ok(stored.is_some_and(|stored| stored.head.nonce == head.nonce))
}
