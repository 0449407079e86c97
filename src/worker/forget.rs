//! Forgetting a segment: its head is deleted, where nothing is under way for which it is needed.

use super::{NOTING, Worker, by, heads};
use crate::domain::SegmentName;
use crate::error::Error;
use crate::means::Means;
use crate::report::Forgotten;
use crate::state::{self, Stored};

/// How often a head that others change is looked at again.
const TRIES: u32 = 5;

impl<M: Means> Worker<'_, M> {
    /// Forgets a segment, and says what a sweep of `bucket` would load into it anew.
    pub async fn forget(&self, bucket: &str, segment_name: &SegmentName) -> Result<Forgotten, Error> {
        let mut forgotten = by(self.stop_at, NOTING, self.delete_head(segment_name)).await?;
        if let Forgotten::Done { found_again, .. } = &mut forgotten {
            let looking = by(
                self.stop_at,
                "it looked for results of the segment",
                self.lost_results(bucket),
            );
            *found_again = match looking.await {
                Ok((mut lost, _)) => {
                    let resolved = lost.remove(segment_name).unwrap_or_default();
                    Ok(resolved.into_iter().map(|resolved| resolved.job.object).collect())
                }
                Err(error) => Err(error.to_string()),
            };
        }
        Ok(forgotten)
    }

    async fn delete_head(&self, segment_name: &SegmentName) -> Result<Forgotten, state::Error> {
        // What an earlier version kept would come back with the next result.
        heads::settle_past(&self.means, segment_name).await?;
        for attempt in 0..TRIES {
            let Some(Stored { head, etag }) = self.means.read_head(segment_name).await? else {
                // A delete whose answer was lost is repeated by the SDK, and then finds nothing.
                let was_there = attempt > 0;
                return Ok(Forgotten::unless_unknown(segment_name, was_there));
            };
            if let Some(under_way) = head.under_way(self.means.s3_time()) {
                return Ok(Forgotten::UnderWay(segment_name.clone(), under_way));
            }
            if self.means.delete_head(segment_name, &etag).await? {
                return Ok(Forgotten::unless_unknown(segment_name, true));
            }
        }
        Err(state::Error::Contended {
            head: self.means.head_url(segment_name),
            tries: TRIES,
        })
    }
}
