//! Publishing: the commit point, and the wait until the segment shows it.

use super::Error;
use crate::domain::{SegmentStatus, Sign, Watch};
use crate::dynamics::{Definition, DefinitionId, Segment};
use crate::means::Means;
use crate::time::Fence;
use std::time::Duration;
use tokio::time::Instant;

/// What was seen after publishing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// The segment shows it, with the row that does.
    Shown(Shown, Box<Segment>),
    /// Nobody has seen it yet: it goes on being watched.
    Unseen(Watch),
}

impl Published {
    /// Returns how the segment shows it and the row that does, or what it goes on being watched by.
    pub fn into_parts(self) -> (Option<(Shown, Box<Segment>)>, Option<Watch>) {
        match self {
            Self::Shown(shown, row) => (Some((shown, row)), None),
            Self::Unseen(watch) => (None, Some(watch)),
        }
    }
}

/// How a segment shows what was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// How many members it was to show.
    pub asked: u64,
    /// The number of members as Dynamics computed it.
    pub member_count: Option<u64>,
    /// Set where Dynamics computed the segment with warnings.
    pub with_warnings: bool,
    /// Set where nobody could tell it from what was there before, and only its having lasted speaks for it.
    pub has_lasted: bool,
}

impl Shown {
    /// Returns how many of the members Dynamics does not count; `None` if it has not counted.
    pub fn missing(&self) -> Option<u64> {
        Some(self.asked.saturating_sub(self.member_count?))
    }

    /// Returns whether Dynamics counts more members than were published: some of them nobody has verified.
    pub fn has_strangers(&self) -> bool {
        self.surplus().is_some()
    }

    /// Returns how many more that are.
    pub fn surplus(&self) -> Option<u64> {
        let surplus = self.member_count?.checked_sub(self.asked)?;
        Some(surplus).filter(|surplus| *surplus > 0)
    }
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

/// Publishes a draft of `asked` members and waits, at most `wait`, until Dynamics shows it.
///
/// `before` and `definition` are the segment from right before. Running out of time is no error: the segment is published
/// and Dynamics goes on computing.
pub async fn publish(
    means: &impl Means,
    fence: &Fence,
    before: &Segment,
    definition: &Definition,
    asked: u64,
    wait: Duration,
) -> Result<Published, Error> {
    let answered = means.publish(before.id).await?;
    tracing::info!(
        phase = "publish",
        "the segment is published; waiting until Dynamics has computed it"
    );
    let watch = Watch::begin(before.view(definition.computation), answered, asked);
    wait_until_shown(means, fence, before, watch, wait).await
}

/// Waits until a segment shows what was published.
async fn wait_until_shown(
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
    // A segment may be computed by the time that Publish is answered; later its row is asked alone, as long as it is busy.
    let mut definition_id = watch.wants_times().then_some(before.definition_id);
    loop {
        let looked = async {
            // At the same time, for a call may take long.
            let reading = read(means, definition_id.take());
            let (row, read) = tokio::join!(means.segment(before.id), reading);
            look_with(means, row?, read, &mut watch).await
        };
        match looked.await {
            Ok(Look::Shown(shown, row)) => return Ok(Published::Shown(shown, row)),
            // Who has stopped it, or whether it ever begins, is for a later look.
            Ok(Look::Nothing | Look::Stopped { .. } | Look::WithoutEffect) => {}
            // What is published stays published, whether or not it can be watched.
            Err(Error::Dynamics(error)) if error.is_transient() => return Ok(Published::Unseen(watch)),
            Err(error) => return Err(error),
        }
        let pause = pauses
            .next()
            .copied()
            .unwrap_or(POLL_PAUSES[0])
            .min(until.saturating_duration_since(Instant::now()));
        if pause.is_zero() || fence.sleep(pause).await.is_err() {
            return Ok(Published::Unseen(watch));
        }
    }
}

/// What a look at a published segment comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// Nothing yet.
    Nothing,
    /// The segment shows what was published, with the row that does.
    Shown(Shown, Box<Segment>),
    /// It is published and shown no more: somebody stopped it, or it was not used for long.
    Stopped {
        /// The segment's `statuscode`.
        status_code: i64,
    },
    /// It is Active, and by its times Dynamics has computed nothing since it was published, for longer than that takes.
    WithoutEffect,
}

/// Looks whether a segment, whose row was just read, shows what was published; fails where Dynamics could not compute it.
pub async fn look(means: &impl Means, row: Segment, watch: &mut Watch) -> Result<Look, Error> {
    look_with(means, row, None, watch).await
}

async fn read(means: &impl Means, definition_id: Option<DefinitionId>) -> Option<Definition> {
    means.definition(definition_id?).await.ok()
}

/// Looks as [`look`] does, with the definition that was `read` beside the row, where one was.
///
/// The row alone often does not say whose state it shows. The definition's times do, and where only they do the row is read
/// once more: it may be from just before. Where the row says it by itself they may deny it, and only if they are no older.
async fn look_with(
    means: &impl Means,
    mut row: Segment,
    read: Option<Definition>,
    watch: &mut Watch,
) -> Result<Look, Error> {
    let mut view = row.view(None);
    if watch.asks_for_times(&view) {
        let is_told_by_the_row = watch.tells(&view);
        let is_enough = |read: &Definition| !is_told_by_the_row && read.id == row.definition_id;
        let computation = match read.filter(is_enough) {
            Some(read) => read.computation,
            None => means.definition(row.definition_id).await?.computation,
        };
        view = row.view(computation);
        if !is_told_by_the_row && watch.tells(&view) {
            row = means.segment(row.id).await?;
            view = row.view(computation);
        }
    }
    let has_lasted = match watch.see(view, means.s3_time()) {
        Sign::Nothing => return Ok(Look::Nothing),
        Sign::Shown => false,
        Sign::Lasted => true,
        Sign::WithoutEffect => return Ok(Look::WithoutEffect),
    };
    let status_code = row.status_code;
    match row.status {
        SegmentStatus::Active | SegmentStatus::ActiveWithWarnings => {
            let shown = Shown {
                asked: watch.asked,
                member_count: row.member_count,
                with_warnings: row.status == SegmentStatus::ActiveWithWarnings,
                has_lasted,
            };
            Ok(Look::Shown(shown, Box::new(row)))
        }
        SegmentStatus::Busy => Ok(Look::Nothing),
        SegmentStatus::Inactive if !has_lasted => Ok(Look::Nothing),
        SegmentStatus::Inactive | SegmentStatus::Error | SegmentStatus::Faulted | SegmentStatus::Deleted => {
            Err(Error::PublishFailed { status_code })
        }
        SegmentStatus::Stopped | SegmentStatus::Expired => Ok(Look::Stopped { status_code }),
    }
}
