//! The last runs, read from their receipts.

use super::Archive;
use crate::domain::SegmentName;
use crate::s3::{self, Reason};
use crate::state;
use crate::state::keys::segment_hash;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use std::time::Duration;

/// How many days history looks back; older receipts are in the bucket all the same.
const LOOK_BACK_DAYS: u32 = 90;
/// Days listed, and receipts read, at a time.
const CALLS_IN_FLIGHT: usize = 8;
/// The most receipts of one day: each of an organization's 13,000 segments (Microsoft's fair use policy) is loaded more often
/// than every four hours.
const MOST_OF_A_DAY: usize = 100_000;
/// The most bytes that are told at once: Lambda answers with 6 MB (AWS, "Lambda quotas").
const MOST_BYTES: usize = 6_000_000;
/// One day in seconds.
const DAY: Duration = Duration::from_hours(24);

impl Archive {
    /// Returns the receipts of the last runs, at most `limit` of the last 90 days, the newest first.
    pub async fn history(&self, segment_name: Option<&SegmentName>, limit: usize) -> Result<Vec<Value>, state::Error> {
        let segment = segment_name.map(segment_hash);
        let today = self.ask_the_date().await?;
        let days = (0..=LOOK_BACK_DAYS).map(|days| (today - DAY * days).format("%Y-%m-%d").to_string());
        let lists = days.map(|date| self.receipts_of(date, segment.as_deref()));
        let mut lists = std::pin::pin!(stream::iter(lists).buffered(CALLS_IN_FLIGHT));
        let mut keys = Vec::new();
        while keys.len() < limit {
            match lists.try_next().await? {
                Some(of_day) => keys.extend(of_day),
                None => break,
            }
        }
        keys.truncate(limit);
        let receipts = keys.iter().map(|key| self.read(key));
        let mut contents = std::pin::pin!(stream::iter(receipts).buffered(CALLS_IN_FLIGHT));
        let (mut runs, mut bytes) = (Vec::new(), 0);
        for key in &keys {
            let Some(content) = contents.try_next().await? else {
                break;
            };
            bytes += content.len();
            if bytes > MOST_BYTES {
                let what =
                    "with those before it, it is more than the 6 MB that Lambda answers, ask with a smaller `limit`";
                return Err(self.unavailable(key, what));
            }
            runs.push(self.receipt(key, &content)?);
        }
        Ok(runs)
    }

    /// Lists as little as can be: receipts are dated by S3's clock, and ours stood still while Lambda kept this frozen.
    async fn ask_the_date(&self) -> Result<DateTime<Utc>, state::Error> {
        let prefix = format!("{}{}/", self.prefix, Self::RECEIPTS);
        let list = self.s3.list_objects_v2().bucket(&self.bucket).prefix(&prefix);
        let listed = list.max_keys(1).send().await;
        listed.map_err(|error| self.failure(Reason::of(&error), &prefix))?;
        Ok(self.clock.now())
    }

    /// Lists the receipts of one day, the newest first.
    async fn receipts_of(&self, date: String, segment: Option<&str>) -> Result<Vec<String>, state::Error> {
        let day = self.day(Self::RECEIPTS, &date);
        let prefix = segment.map_or_else(|| day.clone(), |segment| format!("{day}{segment}/"));
        let mut keys = Vec::new();
        let listed = s3::list(&self.s3, &self.bucket, &prefix, None, |page| {
            keys.extend(page.into_iter().map(|(key, _)| key));
            keys.len() <= MOST_OF_A_DAY
        });
        listed.await.map_err(|reason| self.failure(reason, &prefix))?;
        if keys.len() > MOST_OF_A_DAY {
            return Err(self.unavailable(&prefix, "there are more than 100,000 of one day, give `segment_name`"));
        }
        // The name begins with the time; before it stands the segment.
        keys.sort_by(|a, b| name_of(b).cmp(name_of(a)));
        Ok(keys)
    }

    async fn read(&self, key: &str) -> Result<Bytes, state::Error> {
        let read = s3::read(&self.s3, &self.bucket, key).await;
        Ok(read.map_err(|reason| self.failure(reason, key))?.content)
    }

    fn receipt(&self, key: &str, content: &[u8]) -> Result<Value, state::Error> {
        serde_json::from_slice(content).map_err(|_| state::Error::Unreadable {
            bucket: self.bucket.clone(),
            key: key.to_owned(),
            what: "is no receipt".to_owned(),
        })
    }

    fn failure(&self, reason: Reason, key: &str) -> state::Error {
        state::Error::of(reason, &self.bucket, key, "read")
    }

    fn unavailable(&self, key: &str, what: &'static str) -> state::Error {
        self.failure(Reason::Unavailable(what.into()), key)
    }
}

fn name_of(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}
