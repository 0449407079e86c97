//! The last runs, read from their receipts.

use super::{Archive, reason};
use crate::domain::SegmentName;
use crate::state;
use crate::state::keys::segment_hash;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::types::Object;
use chrono::{DateTime, Utc};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use std::time::Duration;

/// How many days history looks back; older receipts are in the bucket all the same.
const LOOK_BACK_DAYS: u32 = 90;
/// Days listed, and receipts read, at a time.
const CALLS_IN_FLIGHT: usize = 8;
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
        let receipts = keys.iter().map(|key| self.receipt(key));
        stream::iter(receipts).buffered(CALLS_IN_FLIGHT).try_collect().await
    }

    /// Lists as little as can be: receipts are dated by S3's clock, and ours stood still while Lambda kept this frozen.
    async fn ask_the_date(&self) -> Result<DateTime<Utc>, state::Error> {
        let prefix = format!("{}{}/", self.prefix, Self::RECEIPTS);
        let list = self.s3.list_objects_v2().bucket(&self.bucket).prefix(&prefix);
        list.max_keys(1)
            .send()
            .await
            .map_err(|error| self.unread(&prefix, &error))?;
        Ok(self.clock.now())
    }

    /// Lists the receipts of one day, the newest first.
    async fn receipts_of(&self, date: String, segment: Option<&str>) -> Result<Vec<String>, state::Error> {
        let day = self.day(Self::RECEIPTS, &date);
        let prefix = segment.map_or_else(|| day.clone(), |segment| format!("{day}{segment}/"));
        let list = self.s3.list_objects_v2().bucket(&self.bucket).prefix(&prefix);
        let mut pages = list.into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.unread(&prefix, &error))?;
            keys.extend(page.contents().iter().filter_map(Object::key).map(str::to_owned));
        }
        // The name begins with the time; before it stands the segment.
        keys.sort_by(|a, b| name_of(b).cmp(name_of(a)));
        Ok(keys)
    }

    async fn receipt(&self, key: &str) -> Result<Value, state::Error> {
        let sent = self.s3.get_object().bucket(&self.bucket).key(key).send().await;
        let object = sent.map_err(|error| self.unread(key, &error))?;
        let body = object
            .body
            .collect()
            .await
            .map_err(|error| self.unavailable(key, error.to_string()))?;
        serde_json::from_slice(&body.into_bytes()).map_err(|_| state::Error::Unreadable {
            bucket: self.bucket.clone(),
            key: key.to_owned(),
            what: "is no receipt".to_owned(),
        })
    }

    fn unread<E: std::error::Error + 'static>(&self, key: &str, error: &SdkError<E>) -> state::Error {
        if error
            .raw_response()
            .is_some_and(|response| response.status().as_u16() == 403)
        {
            return state::Error::Forbidden {
                bucket: self.bucket.clone(),
                key: key.to_owned(),
            };
        }
        self.unavailable(key, reason(error))
    }

    fn unavailable(&self, key: &str, what: String) -> state::Error {
        state::Error::Unavailable {
            bucket: self.bucket.clone(),
            key: key.to_owned(),
            action: "read",
            what,
        }
    }
}

fn name_of(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}
