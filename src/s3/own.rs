//! The function's own objects: heads, receipts and lists, in one bucket.

use super::small::{self, Small};
use super::{Keys, Reason, S3Clock, listing};
use crate::domain::s3_url;
use aws_sdk_s3::Client;
use chrono::{DateTime, Utc};

/// The function's own objects below one prefix of one bucket.
#[derive(Clone, Debug)]
pub(crate) struct Own {
    client: Client,
    clock: S3Clock,
    /// The bucket.
    pub(crate) bucket: String,
    /// Where they lie in it.
    pub(crate) keys: Keys,
}

/// When an object may be written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Only<'a> {
    /// Where there is none yet.
    New,
    /// In place of the one with this `ETag`.
    InPlaceOf(&'a str),
}

impl Own {
    /// Opens the objects below `prefix`, with its trailing slash; `clock` must be an interceptor of the client.
    pub(crate) const fn new(client: Client, clock: S3Clock, bucket: String, prefix: String) -> Self {
        Self {
            client,
            clock,
            bucket,
            keys: Keys::below(prefix),
        }
    }

    /// Returns S3's time.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Asks S3 for its time, by listing as little as can be: our clock stood still while Lambda kept this frozen.
    pub(crate) async fn ask_the_time(&self, prefix: &str) -> Result<DateTime<Utc>, Reason> {
        let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix);
        let listed = list.max_keys(1).send().await;
        listed.map_err(|error| Reason::of(&error))?;
        Ok(self.clock.now())
    }

    /// Names an object for people.
    pub(crate) fn url(&self, key: &str) -> String {
        s3_url(&self.bucket, key)
    }

    /// Reads an object as a whole.
    pub(crate) async fn read(&self, key: &str) -> Result<Small, Reason> {
        small::read(&self.client, &self.bucket, key).await
    }

    /// Lists the keys below a prefix that are wanted, in their order; stops soon after `most`.
    pub(crate) async fn list(
        &self,
        prefix: &str,
        most: usize,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>, Reason> {
        let mut keys = Vec::new();
        listing::list(&self.client, &self.bucket, prefix, None, |page| {
            let found = page.into_iter().map(|(key, _)| key);
            keys.extend(found.filter(|key| is_wanted(key)));
            keys.len() <= most
        })
        .await?;
        Ok(keys)
    }

    /// Deletes an object; one that is gone is deleted.
    pub(crate) async fn delete(&self, key: &str) -> Result<(), Reason> {
        let sent = self.client.delete_object().bucket(&self.bucket).key(key).send().await;
        sent.map(drop).map_err(|error| Reason::of(&error))
    }

    /// Deletes an object where it still has this `ETag`.
    pub(crate) async fn delete_unchanged(&self, key: &str, etag: &str) -> Result<(), Reason> {
        let delete = self.client.delete_object().bucket(&self.bucket).key(key);
        let sent = delete.if_match(etag).send().await;
        sent.map(drop).map_err(|error| Reason::of(&error))
    }

    /// Writes an object where the condition holds, and returns its `ETag`.
    pub(crate) async fn put(
        &self,
        key: &str,
        content_type: &str,
        body: Vec<u8>,
        only: Only<'_>,
    ) -> Result<String, Reason> {
        let put = self.client.put_object().bucket(&self.bucket).key(key);
        let put = match only {
            Only::New => put.if_none_match("*"),
            Only::InPlaceOf(etag) => put.if_match(etag),
        };
        let sent = put.content_type(content_type).body(body.into()).send().await;
        match sent {
            Ok(written) => Ok(written.e_tag.unwrap_or_default()),
            Err(error) => Err(Reason::of(&error)),
        }
    }
}
