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

/// Publishes the draft and waits, at most `wait`, until Dynamics has computed it; `asked` is what it is to count.
///
/// Right after publishing the row may still show the state of `before`, or what comes of an earlier publish. Running out of
/// time is no error: the segment is published and Dynamics goes on computing.
pub async fn publish(
    means: &impl Means,
    fence: &Fence,
    before: &Segment,
    asked: u64,
    wait: Duration,
) -> Result<Published, Error> {
    means.publish(before.id).await?;
    tracing::info!(
        phase = "publish",
        "the segment is published; waiting until Dynamics has computed it"
    );
    wait_until_active(means, fence, before, Watch::from(before, asked), wait).await
}

/// Waits until a published segment has left the state that `before` shows and is Active.
async fn wait_until_active(
    means: &impl Means,
    fence: &Fence,
    before: &Segment,
    mut watch: Watch,
    wait: Duration,
) -> Result<Published, Error> {
    let until = Instant::now() + wait;
    let mut pauses = POLL_PAUSES
        .iter()
        .chain(std::iter::repeat(&POLL_PAUSES[POLL_PAUSES.len() - 1]));
    loop {
        let now = match means.segment(before.id).await {
            Ok(now) => now,
            // What is published stays published, whether or not it can be watched.
            Err(error) if error.is_transient() => return Ok(Published::unseen(before, watch.has_moved)),
            Err(error) => return Err(error.into()),
        };
        watch.see(now.status, now.member_count);
        match now.status {
            SegmentStatus::Active | SegmentStatus::ActiveWithWarnings if watch.has_moved => {
                return Ok(Published {
                    confirmed: true,
                    member_count: now.member_count,
                    with_warnings: now.status == SegmentStatus::ActiveWithWarnings,
                    shown_before: None,
                });
            }
            SegmentStatus::Error | SegmentStatus::Faulted | SegmentStatus::Deleted if watch.has_moved => {
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
            return Ok(Published::unseen(before, watch.has_moved));
        }
    }
}

/// What tells the state that comes of a publish from the one before it: not the row's version, which anything changes.
#[derive(Clone, Copy, Debug)]
struct Watch {
    /// What the segment is to count.
    asked: u64,
    /// The last state that is not of this publish.
    status: SegmentStatus,
    count: Option<u64>,
    /// Set once what is seen can only come of this publish.
    has_moved: bool,
}

impl Watch {
    fn from(before: &Segment, asked: u64) -> Self {
        Self {
            asked,
            status: before.status,
            count: before.member_count,
            has_moved: false,
        }
    }

    /// Looks at the next state.
    ///
    /// A segment that was busy before may be computing an earlier publish: then neither that nor its end is of this one,
    /// and only what follows is.
    fn see(&mut self, status: SegmentStatus, count: Option<u64>) {
        let was_busy = self.status == SegmentStatus::Busy;
        let is_active = matches!(status, SegmentStatus::Active | SegmentStatus::ActiveWithWarnings);
        let is_other = match status {
            SegmentStatus::Busy => true,
            _ if is_active => count == Some(self.asked) && count != self.count,
            _ => status != self.status,
        };
        self.has_moved |= is_other && !was_busy;
        if !self.has_moved {
            (self.status, self.count) = (status, count);
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

#[cfg(test)]
mod tests {
    use super::SegmentStatus::{Active, ActiveWithWarnings, Busy, Error, Inactive, Stopped};
    use super::*;

    #[test]
    fn a_state_is_believed_only_where_it_can_be_of_this_publish_alone() {
        let (old, new, none) = (Some(1_000), Some(1_100), None);
        for (before, seen, is_believed) in [
            ((Active, old), vec![(Active, old), (Active, old)], false),
            ((Active, old), vec![(Active, Some(999))], false),
            ((Active, old), vec![(Active, new)], true),
            ((Active, new), vec![(Active, new)], false),
            ((Active, new), vec![(Busy, none), (Active, new)], true),
            ((Inactive, none), vec![(Active, new)], true),
            ((Stopped, old), vec![(ActiveWithWarnings, new)], true),
            // Busy before: what it was busy with ends first.
            ((Busy, none), vec![(Busy, none), (Active, old)], false),
            ((Busy, none), vec![(Busy, none), (Active, new)], false),
            ((Busy, none), vec![(Error, none)], false),
            ((Busy, none), vec![(Active, old), (Busy, none)], true),
            ((Busy, none), vec![(Active, old), (Active, new)], true),
            ((Error, none), vec![(Error, none)], false),
            ((Error, none), vec![(Busy, none), (Error, none)], true),
            ((Active, old), vec![(Error, none)], true),
        ] {
            let mut watch = Watch {
                asked: 1_100,
                status: before.0,
                count: before.1,
                has_moved: false,
            };
            for (status, count) in &seen {
                watch.see(*status, *count);
            }
            assert_eq!(watch.has_moved, is_believed, "{before:?} {seen:?}");
        }
    }
}
