//! The scheduled sweep: finds results that no event told of, goes on with what was left, looks after what was published.

use super::{Worker, by, heads};
use crate::domain::{ObjectRef, SegmentName, s3_url};
use crate::error::Error;
use crate::intent::{Hint, Intent};
use crate::means::Means;
use crate::report::{Noticed, RunReport, Swept};
use crate::source::Role;
use crate::state::{Head, Wish};
use futures_util::{StreamExt, stream};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// The most keys that a sweep lists: S3 cannot list the newest first, and a listing of more takes its time every time.
const MAX_KEYS: usize = 10_000;
/// How old a result may be whose event was lost: longer than any queue in front keeps one, but a weekend and a holiday.
const LOOK_BACK: Duration = Duration::from_hours(7 * 24);
/// How many objects are looked at at a time.
const LOOKS_IN_FLIGHT: usize = 16;

impl<M: Means> Worker<'_, M> {
    /// Sweeps all segments whose results lie in `bucket`; a run that fails is an entry in the answer and does not keep the
    /// others from their turn.
    pub async fn sweep(&self, bucket: &str) -> Result<Swept, Error> {
        let finding = self.wish_lost_results(bucket);
        let mut noticed = by(self.stop_at, "it looked for results that no event told of", finding).await?;
        let mut reports = Vec::new();
        let reading = self.means.all_heads();
        for head in by(self.stop_at, "the states of all segments were read", reading).await? {
            if Instant::now() >= self.stop_at {
                noticed.push(Noticed::OutOfTime);
                break;
            }
            let tended = match head {
                Ok(head) => self.tend(&head).await,
                Err(error) => Err(error.into()),
            };
            reports.extend(tended.unwrap_or_else(|error| vec![RunReport::failed(&error, None)]));
        }
        Ok(Swept { reports, noticed })
    }

    /// Does for one segment what is due.
    async fn tend(&self, head: &Head) -> Result<Vec<RunReport>, Error> {
        if head.is_due(self.means.s3_time()) {
            return self.work(&head.segment_name, None).await;
        }
        if head.is_unconfirmed() {
            return self.look_after(head).await;
        }
        Ok(Vec::new())
    }

    /// Looks whether a segment that was published is Active by now; where Dynamics failed, loads the result again.
    async fn look_after(&self, head: &Head) -> Result<Vec<RunReport>, Error> {
        let Some(applied) = &head.applied else {
            return Ok(Vec::new());
        };
        let Some(turn) = self.take(&head.segment_name, None).await? else {
            return Ok(Vec::new());
        };
        match turn.hold.during(turn.look_after(applied)).await {
            Ok(seen) => {
                let repeated = Box::pin(turn.work()).await;
                Ok(seen.into_iter().chain(repeated).collect())
            }
            Err(error) => {
                turn.hold.release().await?;
                Err(error)
            }
        }
    }

    /// Enlists the results of the last days that no head knows: the newest of each segment, or all where every file counts;
    /// returns what it noticed.
    async fn wish_lost_results(&self, bucket: &str) -> Result<Vec<Noticed>, Error> {
        let mut by_segment: BTreeMap<SegmentName, Vec<Wish>> = BTreeMap::new();
        let (keys, noticed) = self.recent_results(bucket).await?;
        let hints = keys.into_iter().map(|key| Hint {
            object: ObjectRef::unseen(bucket.to_owned(), key, None),
            command: None,
        });
        let looks = hints.map(|hint| async move {
            let intent = hint.settle(&self.means, self.settings, self.environment).await;
            intent.inspect_err(|error| {
                tracing::warn!(bucket, key = hint.object.key, error = %error, "the sweep cannot tell what a result is for");
            })
        });
        let mut looks = std::pin::pin!(stream::iter(looks).buffer_unordered(LOOKS_IN_FLIGHT));
        while let Some(look) = looks.next().await {
            if let Ok(Some(Intent { wish, .. })) = look {
                by_segment.entry(wish.segment_name.clone()).or_default().push(wish);
            }
        }
        for (segment_name, mut wishes) in by_segment {
            wishes.sort_by(|a, b| b.order.cmp(&a.order));
            let found = heads::update(&self.means, &segment_name, |head, _| head.enlist_lost(&wishes)).await?;
            for wish in found {
                tracing::info!(run_id = %wish.run_id, key = wish.object.key, "a result was found that no event told of");
            }
        }
        Ok(noticed)
    }

    /// Lists the keys of results that were dropped in the last days, and says whether there are more than it looks at.
    async fn recent_results(&self, bucket: &str) -> Result<(Vec<String>, Vec<Noticed>), Error> {
        let environment = self.environment;
        let (files, mode) = (self.settings.destination.result_files, self.settings.destination.mode);
        let mut objects = self.means.list_results(MAX_KEYS).await?;
        let noticed = (objects.len() > MAX_KEYS).then(|| Noticed::TooManyResults {
            limit: MAX_KEYS,
            prefix: s3_url(bucket, &environment.results_prefix),
        });
        objects.truncate(MAX_KEYS);
        let since = self.means.s3_time() - LOOK_BACK;
        let scope = environment.scope();
        let found = objects.into_iter().filter(|object| {
            let starts_a_run = match Role::of_event(&object.key, files, mode) {
                Role::Whole | Role::Manifest => object.size > 0,
                Role::Folder => true,
                Role::Part | Role::Ignored | Role::Hidden => false,
            };
            starts_a_run && object.last_modified >= since && scope.outside(bucket, &object.key).is_none()
        });
        Ok((found.map(|object| object.key).collect(), noticed.into_iter().collect()))
    }
}
