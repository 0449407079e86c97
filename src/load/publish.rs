//! Publishing: the commit point, and the wait until the segment shows it.

use super::Error;
use crate::dynamics::{Segment, SegmentStatus};
use crate::fence::Fence;
use crate::means::Means;
use std::time::Duration;
use tokio::time::Instant;

/// What was seen after publishing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Whether the segment was seen Active in time.
    pub confirmed: bool,
    /// The number of members as Dynamics computed it.
    pub member_count: Option<u64>,
    /// Set where Dynamics computed the segment with warnings.
    pub with_warnings: bool,
    /// The version of the row from before publishing, where nothing newer was seen: its Active is not the new one's.
    pub shown_before: Option<String>,
}

/// The pauses between looks at the published segment; the last one repeats.
///
/// Publishing takes 60 to 90 seconds as a rule (field notes), a small segment less; beyond that nobody waits for seconds.
const POLL_PAUSES: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(15),
];

/// Publishes the draft and waits, at most `wait`, until Dynamics has computed it.
///
/// Right after publishing the row may still show the Active of before: it is believed only after a busy status was seen
/// or the row has changed since `before`. Running out of time is no error: the segment is published and Dynamics goes on
/// computing.
pub async fn publish(means: &impl Means, fence: &Fence, before: &Segment, wait: Duration) -> Result<Published, Error> {
    means.publish(before.id).await?;
    tracing::info!(
        phase = "publish",
        "the segment is published; waiting until Dynamics has computed it"
    );
    wait_until_active(means, fence, before, wait).await
}

/// Waits until a published segment has left the state that `before` shows and is Active.
async fn wait_until_active(
    means: &impl Means,
    fence: &Fence,
    before: &Segment,
    wait: Duration,
) -> Result<Published, Error> {
    let until = Instant::now() + wait;
    let mut pauses = POLL_PAUSES
        .iter()
        .chain(std::iter::repeat(&POLL_PAUSES[POLL_PAUSES.len() - 1]));
    let mut has_moved = false;
    loop {
        let now = match means.segment(before.id).await {
            Ok(now) => now,
            // What is published stays published, whether or not it can be watched.
            Err(error) if error.is_transient() => return Ok(Published::unseen(before, has_moved)),
            Err(error) => return Err(error.into()),
        };
        has_moved |= now.status == SegmentStatus::Busy || now.etag != before.etag;
        match now.status {
            SegmentStatus::Active | SegmentStatus::ActiveWithWarnings if has_moved => {
                return Ok(Published {
                    confirmed: true,
                    member_count: now.member_count,
                    with_warnings: now.status == SegmentStatus::ActiveWithWarnings,
                    shown_before: None,
                });
            }
            SegmentStatus::Error | SegmentStatus::Faulted | SegmentStatus::Deleted if has_moved => {
                return Err(Error::PublishFailed {
                    status_code: now.status_code,
                });
            }
            _ => {}
        }
        let pause = pauses
            .next()
            .copied()
            .unwrap_or(POLL_PAUSES[0])
            .min(until.saturating_duration_since(Instant::now()));
        if pause.is_zero() || fence.sleep(pause).await.is_err() {
            return Ok(Published::unseen(before, has_moved));
        }
    }
}

impl Published {
    fn unseen(before: &Segment, has_moved: bool) -> Self {
        Self {
            confirmed: false,
            member_count: None,
            with_warnings: false,
            shown_before: (!has_moved).then(|| before.etag.clone()),
        }
    }
}
