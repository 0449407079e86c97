//! The scheduled sweep: finds results that no event told of, goes on with what was left, looks after what was published.

use super::{Worker, by, heads};
use crate::domain::{ObjectRef, SegmentName, s3_url};
use crate::error::Error;
use crate::intent::{Hint, Intent};
use crate::means::Means;
use crate::report::RunReport;
use crate::source::Role;
use crate::state::{Head, Wish};
use futures_util::{StreamExt, stream};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// What a sweep did.
pub struct Swept {
    /// The runs that came to an end.
    pub reports: Vec<RunReport>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

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
        let (mut reports, mut warnings) = (Vec::new(), Vec::new());
        let finding = self.wish_lost_results(bucket, &mut warnings);
        by(self.stop_at, "it looked for results that no event told of", finding).await?;
        let reading = self.means.all_heads();
        for head in by(self.stop_at, "the states of all segments were read", reading).await? {
            if Instant::now() >= self.stop_at {
                warnings.push("the sweep ran out of time; the next one goes on".to_owned());
                break;
            }
            let tended = match head {
                Ok(head) => self.tend(&head).await,
                Err(error) => Err(error.into()),
            };
            reports.extend(tended.unwrap_or_else(|error| vec![RunReport::failed(&error, None)]));
        }
        Ok(Swept { reports, warnings })
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

    /// Enlists the results of the last days that no head knows: the newest of each segment, or all where every file counts.
    async fn wish_lost_results(&self, bucket: &str, warnings: &mut Vec<String>) -> Result<(), Error> {
        let mut by_segment: BTreeMap<SegmentName, Vec<Wish>> = BTreeMap::new();
        let keys = self.recent_results(bucket, warnings).await?;
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
        Ok(())
    }

    /// Lists the keys of results that were dropped in the last days.
    async fn recent_results(&self, bucket: &str, warnings: &mut Vec<String>) -> Result<Vec<String>, Error> {
        let environment = self.environment;
        let (files, mode) = (self.settings.destination.result_files, self.settings.destination.mode);
        let mut objects = self.means.list_results(MAX_KEYS).await?;
        if objects.len() > MAX_KEYS {
            objects.truncate(MAX_KEYS);
            warnings.push(format!(
                "more than {MAX_KEYS} objects lie under {}; a result whose event was lost may not be found: \
                 let a lifecycle rule expire old results",
                s3_url(bucket, &environment.results_prefix)
            ));
        }
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
        Ok(found.map(|object| object.key).collect())
    }
}
