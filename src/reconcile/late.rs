//! Changes that may still take effect, since nobody heard the answer: what contradicts them is written when they have come.

use crate::domain::LATE_COMMIT;
use crate::dynamics;
use crate::means::Means;
use crate::time::Fence;
use std::time::Duration;

/// Returns for how long something may still take effect that these means have sent; `None` if nothing can any more.
pub fn left(means: &impl Means) -> Option<Duration> {
    let left = LATE_COMMIT.checked_sub(means.unanswered()?.elapsed())?;
    Some(left).filter(|left| !left.is_zero())
}

/// Waits until nothing can take effect any more that these means have sent.
pub async fn let_it_come(means: &impl Means, fence: &Fence) -> Result<(), dynamics::Error> {
    while let Some(left) = left(means) {
        tracing::info!("a change may still take effect whose answer nobody heard; it is waited for");
        fence.sleep(left).await?;
    }
    Ok(())
}
