//! The scheduled sweep: finds results that no event told of, goes on with what was left, looks after what was published.

use crate::app::{App, by};
use crate::error::Error;
use crate::fence::Fence;
use crate::intent::{Hint, Intent};
use crate::report::{RunReport, TriggerKind, metrics};
use crate::settings::Settings;
use crate::source::Role;
use crate::state::{Head, Heads, Hold, Wish};
use futures_util::{StreamExt, stream};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// What a sweep did.
pub(crate) struct Swept {
    pub(crate) reports: Vec<RunReport>,
    pub(crate) warnings: Vec<String>,
}

/// The most keys that a sweep lists: S3 cannot list the newest first, and a listing of more takes its time every time.
const MAX_KEYS: usize = 10_000;
/// How old a result may be whose event was lost: longer than any queue in front keeps one, but a weekend and a holiday.
const LOOK_BACK: Duration = Duration::from_hours(7 * 24);
/// How many objects are looked at at a time.
const LOOKS_IN_FLIGHT: usize = 16;

impl App {
    /// Sweeps all segments; a run that fails is an entry in the answer and does not keep the others from their turn.
    pub(crate) async fn sweep(&self, stop_at: Instant) -> Result<Swept, Error> {
        let bucket = self.results_bucket()?;
        let settings = self.settings(stop_at).await?;
        let heads = self.heads(&bucket);
        let (mut reports, mut warnings) = (Vec::new(), Vec::new());
        let finding = self.wish_lost_results(&settings, &heads, &bucket, &mut warnings);
        by(stop_at, "it looked for results that no event told of", finding).await?;
        for head in by(stop_at, "the states of all segments were read", heads.all()).await? {
            if Instant::now() >= stop_at {
                warnings.push("the sweep ran out of time; the next one goes on".to_owned());
                break;
            }
            let tended = match head {
                Ok(head) => self.tend(&settings, &heads, &head, stop_at).await,
                Err(error) => Err(error.into()),
            };
            reports.extend(tended.unwrap_or_else(|error| vec![RunReport::failed(&error, None)]));
        }
        if reports.is_empty() {
            self.measure(metrics::idle_line, Some(&settings));
        }
        let trigger = TriggerKind::Sweep.into();
        let reports = self.conclude(reports, &bucket, trigger, Some(&settings)).await;
        Ok(Swept { reports, warnings })
    }

    /// Does for one segment what is due.
    async fn tend(
        &self,
        settings: &Settings,
        heads: &Heads,
        head: &Head,
        stop_at: Instant,
    ) -> Result<Vec<RunReport>, Error> {
        if head.is_due(heads.now()) {
            return self.work(settings, heads, &head.segment_name, None, stop_at).await;
        }
        if head.is_unconfirmed() {
            return self.look_after(settings, heads, head, stop_at).await;
        }
        Ok(Vec::new())
    }

    /// Looks whether a segment that was published is Active by now; where Dynamics failed, loads the result again.
    async fn look_after(
        &self,
        settings: &Settings,
        heads: &Heads,
        head: &Head,
        stop_at: Instant,
    ) -> Result<Vec<RunReport>, Error> {
        let Some(applied) = &head.applied else {
            return Ok(Vec::new());
        };
        let fence = Fence::new(stop_at, Instant::now());
        let Some(hold) = Hold::take(heads, &head.segment_name, None, self.environment().lease, &fence).await? else {
            return Ok(Vec::new());
        };
        let archive = self.archive(heads.bucket());
        let dataverse = self.dataverse(settings, &fence);
        let turn = self.turn(settings, &archive, &dataverse, &fence);
        match turn.look_after(&hold, applied).await {
            Ok(seen) => {
                let repeated = Box::pin(turn.work(hold)).await;
                Ok(seen.into_iter().chain(repeated).collect())
            }
            Err(error) => {
                hold.release().await?;
                Err(error)
            }
        }
    }

    /// Enlists the results of the last days that no head knows: the newest of each segment, or all where every file counts.
    async fn wish_lost_results(
        &self,
        settings: &Settings,
        heads: &Heads,
        bucket: &str,
        warnings: &mut Vec<String>,
    ) -> Result<(), Error> {
        let mut by_segment: BTreeMap<String, Vec<Wish>> = BTreeMap::new();
        let keys = self.recent_results(settings, heads, bucket, warnings).await?;
        let hints = keys.into_iter().map(|key| Hint {
            bucket: bucket.to_owned(),
            key,
            version_id: None,
            command: None,
        });
        let looks = hints.map(|hint| async move {
            let intent = hint.settle(self.objects(), settings, self.environment()).await;
            intent.inspect_err(|error| {
                tracing::warn!(bucket, key = hint.key, error = %error, "the sweep cannot tell what a result is for");
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
            let found = heads.update(&segment_name, |head, _| head.enlist_lost(&wishes)).await?;
            for wish in found {
                tracing::info!(run_id = %wish.run_id, key = wish.object.key, "a result was found that no event told of");
            }
        }
        Ok(())
    }

    /// Lists the keys of results that were dropped in the last days.
    async fn recent_results(
        &self,
        settings: &Settings,
        heads: &Heads,
        bucket: &str,
        warnings: &mut Vec<String>,
    ) -> Result<Vec<String>, Error> {
        let (files, mode) = (settings.destination.result_files, settings.destination.mode);
        let environment = self.environment();
        let mut objects = self
            .objects()
            .list(bucket, &environment.results_prefix, MAX_KEYS)
            .await?;
        if objects.len() > MAX_KEYS {
            objects.truncate(MAX_KEYS);
            warnings.push(format!(
                "more than {MAX_KEYS} objects lie under s3://{bucket}/{}; a result whose event was lost may not be found: \
                 let a lifecycle rule expire old results",
                environment.results_prefix
            ));
        }
        let since = (heads.now() - LOOK_BACK).timestamp();
        let scope = environment.scope();
        let found = objects.into_iter().filter(|object| {
            let starts_a_run = match Role::of_event(&object.key, files, mode) {
                Role::Whole | Role::Manifest => object.size > 0,
                Role::Folder => true,
                Role::Part | Role::Ignored | Role::Hidden => false,
            };
            starts_a_run && object.last_modified.0 >= since && scope.outside(bucket, &object.key).is_none()
        });
        Ok(found.map(|object| object.key).collect())
    }
}
