//! The last runs, read from their receipts.

use super::Archive;
use crate::config::Destination;
use crate::domain::{Home, SegmentName};
use crate::report::answer::MOST_BYTES;
use crate::report::event::name_the_first_files;
use crate::s3::{Folder, Reason};
use crate::state;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use std::time::Duration;

/// How many days history looks back; older receipts are in the bucket all the same.
const LOOK_BACK_DAYS: u32 = 90;
/// Days listed, and receipts read, at a time.
const CALLS_IN_FLIGHT: usize = 8;
/// The most receipts of one day: each of an organization's 13,000 segments (Microsoft's fair use policy) is loaded more often
/// than every four hours.
const MOST_OF_A_DAY: usize = 100_000;
/// One day in seconds.
const DAY: Duration = Duration::from_hours(24);

/// The last runs, as far as their receipts can be read.
#[derive(Debug, Default)]
pub struct History {
    /// The receipts, the newest first.
    pub runs: Vec<Value>,
    /// What lies among them and is none.
    unreadable: Vec<state::Error>,
    /// How large the receipts are.
    bytes: usize,
    /// More were asked for than an answer holds.
    is_cut: bool,
}

impl History {
    /// Returns of each run what a person looks for first.
    pub fn brief(&self) -> Vec<Value> {
        let brief = |run: &Value| {
            json!({
                "time": run["at"],
                "outcome": run["outcome"],
                "key": run["source"]["key"],
                "contacts": run["contacts"],
                "added": run["added"],
                "removed": run["removed"],
                "reason": run["reason"],
            })
        };
        self.runs.iter().map(brief).collect()
    }

    /// Returns what a person should know of the runs that are told.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        let cut = self.is_cut.then(|| {
            format!(
                "these are the newest {} of the runs that were asked for: with the next one they would be more than the 6 MB that Lambda \
                 answers. Ask for one segment, with `segment_name`; older receipts are in the bucket",
                self.runs.len()
            )
        });
        cut.into_iter().chain(self.unreadable.iter().map(ToString::to_string))
    }

    const fn len(&self) -> usize {
        self.runs.len() + self.unreadable.len()
    }
}

impl Archive {
    /// Returns the receipts of the last runs of this destination's environment and business unit, or of all where none is given,
    /// at most `limit` of the last 90 days, the newest first; and those objects among them that are none.
    ///
    /// What earlier versions have written names no environment, and is everybody's.
    pub async fn history(
        &self,
        segment_name: Option<&SegmentName>,
        own: Option<&Destination>,
        limit: usize,
    ) -> Result<History, state::Error> {
        let receipts = self.0.keys.folder(Folder::Receipts);
        let today = self.0.ask_the_time(&receipts).await;
        let today = today.map_err(|reason| self.failure(reason, &receipts))?;
        let days = (0..=LOOK_BACK_DAYS).map(|days| today - DAY * days);
        let lists = days.map(|day| self.receipts_of(day, segment_name));
        let mut lists = std::pin::pin!(stream::iter(lists).buffered(CALLS_IN_FLIGHT));
        let mut history = History::default();
        while history.len() < limit && !history.is_cut {
            match lists.try_next().await? {
                Some(of_day) => self.tell_of_day(&mut history, &of_day, own, limit).await?,
                None => break,
            }
        }
        Ok(history)
    }

    async fn tell_of_day(
        &self,
        history: &mut History,
        keys: &[String],
        own: Option<&Destination>,
        limit: usize,
    ) -> Result<(), state::Error> {
        let receipts = keys.iter().map(|key| self.read(key));
        let mut contents = std::pin::pin!(stream::iter(receipts).buffered(CALLS_IN_FLIGHT));
        for key in keys {
            if history.len() == limit {
                break;
            }
            let Some(content) = contents.try_next().await? else {
                break;
            };
            let mut receipt = match self.receipt(key, &content) {
                Ok(receipt) => receipt,
                Err(unreadable) => {
                    history.unreadable.push(unreadable);
                    continue;
                }
            };
            if own.is_some_and(|own| !may_be_of(&receipt, own)) {
                continue;
            }
            name_the_first_files(&mut receipt);
            let bytes = receipt.to_string().len();
            if bytes > MOST_BYTES {
                let what = "is larger than the 6 MB that Lambda answers";
                history.unreadable.push(self.unreadable(key, what));
                continue;
            }
            history.bytes += bytes;
            if history.bytes > MOST_BYTES {
                history.is_cut = true;
                break;
            }
            history.runs.push(receipt);
        }
        Ok(())
    }

    /// Lists the receipts of one day, the newest first.
    async fn receipts_of(
        &self,
        day: DateTime<Utc>,
        segment_name: Option<&SegmentName>,
    ) -> Result<Vec<String>, state::Error> {
        let prefix = self.0.keys.day(Folder::Receipts, day, segment_name);
        let listed = self.0.list(&prefix, MOST_OF_A_DAY, |_| true).await;
        let mut keys = listed.map_err(|reason| self.failure(reason, &prefix))?;
        if keys.len() > MOST_OF_A_DAY {
            return Err(self.unavailable(&prefix, "there are more than 100,000 of one day, give `segment_name`"));
        }
        // The name begins with the time; before it stands the segment.
        keys.sort_by(|a, b| name_of(b).cmp(name_of(a)));
        Ok(keys)
    }

    async fn read(&self, key: &str) -> Result<Bytes, state::Error> {
        let read = self.0.read(key).await;
        Ok(read.map_err(|reason| self.failure(reason, key))?.content)
    }

    fn receipt(&self, key: &str, content: &[u8]) -> Result<Value, state::Error> {
        let receipt = serde_json::from_slice(content).ok().filter(Value::is_object);
        receipt.ok_or_else(|| self.unreadable(key, "is no receipt"))
    }

    fn unreadable(&self, key: &str, what: &str) -> state::Error {
        state::Error::Unreadable {
            bucket: self.0.bucket.clone(),
            key: key.to_owned(),
            what: what.to_owned(),
        }
    }

    fn failure(&self, reason: Reason, key: &str) -> state::Error {
        state::Error::of(reason, &self.0.bucket, key, "read")
    }

    fn unavailable(&self, key: &str, what: &'static str) -> state::Error {
        self.failure(Reason::Unavailable(what.into()), key)
    }
}

/// Returns whether a receipt may tell of the segments of this destination.
fn may_be_of(receipt: &Value, own: &Destination) -> bool {
    let Some(environment) = receipt["environment"].as_str() else {
        return true;
    };
    let unit = receipt["settings"]["business_unit"].as_str();
    let home = Home {
        environment: environment.to_owned(),
        business_unit: unit.map(str::to_owned),
    };
    own.may_have_told_of(&home, receipt["settings"]["owning_business_unit"].as_str())
}

fn name_of(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}
