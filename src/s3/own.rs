//! The function's own objects: heads, receipts and lists, in one bucket.

use super::small::{self, Small};
use super::{Keys, Missing, Reason, S3Clock, listing};
use crate::domain::s3_url;
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::DateTime as SdkDateTime;
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

/// An object as it looks from outside.
#[derive(Debug)]
pub(crate) struct Look {
    /// The `ETag`.
    pub(crate) etag: String,
    /// When it was written, in whole seconds.
    pub(crate) written: Option<DateTime<Utc>>,
    /// The note with which it was written, where that was this program.
    pub(crate) note: Option<String>,
}

/// The name of the note in an object's user metadata.
const NOTE: &str = "shows";

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

    /// Returns whether more than one answer tells that time, or the host's clock agrees.
    pub(crate) fn knows_the_time(&self) -> bool {
        self.clock.is_known()
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
        let put = self.putting(key, only).content_type(content_type);
        match put.body(body.into()).send().await {
            Ok(written) => Ok(written.e_tag.unwrap_or_default()),
            Err(error) => Err(Reason::of(&error)),
        }
    }

    /// Writes an object for browsers where the condition holds, with a note that [`Self::look`] finds.
    pub(crate) async fn put_page(&self, key: &str, note: &str, html: String, only: Only<'_>) -> Result<(), Reason> {
        let put = self.putting(key, only).content_type("text/html; charset=utf-8");
        // Nobody is to see an old one.
        let put = put.cache_control("no-cache").metadata(NOTE, note);
        let sent = put.body(html.into_bytes().into()).send().await;
        sent.map(drop).map_err(|error| Reason::of(&error))
    }

    /// Looks at an object without reading it; `None` if there is none.
    pub(crate) async fn look(&self, key: &str) -> Result<Option<Look>, Reason> {
        let sent = self.client.head_object().bucket(&self.bucket).key(key).send().await;
        let found = match sent.map_err(|error| Reason::of(&error)) {
            Err(Reason::Missing(missing)) if missing != Missing::Bucket => return Ok(None),
            found => found?,
        };
        let written = found.last_modified.as_ref().map(SdkDateTime::secs);
        let mut metadata = found.metadata.unwrap_or_default();
        Ok(Some(Look {
            etag: found.e_tag.unwrap_or_default(),
            written: written.and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
            note: metadata.remove(NOTE),
        }))
    }

    fn putting(&self, key: &str, only: Only<'_>) -> PutObjectFluentBuilder {
        let put = self.client.put_object().bucket(&self.bucket).key(key);
        match only {
            Only::New => put.if_none_match("*"),
            Only::InPlaceOf(etag) => put.if_match(etag),
        }
    }
}
