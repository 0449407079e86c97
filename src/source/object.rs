//! One version of one object in S3.

use crate::domain::{ObjectRef, Position, s3_url};
use crate::s3::{self, Reason};
use crate::source::body::{Body, ContentRange};
use crate::source::error::Error;
use crate::source::refusal::{Asked, explain};
use crate::source::tally::PAGE_MEMORY;
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::DateTime as SdkDateTime;
use aws_sdk_s3::types::Object;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// One version of one object, as it was when it was looked at; everything is read from exactly this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectVersion {
    /// Bucket of the object.
    pub bucket: String,
    /// Key of the object, decoded.
    pub key: String,
    /// Version, where the bucket has versions.
    pub version_id: Option<String>,
    /// `ETag` without quotes.
    pub etag: String,
    /// Bytes, as stored.
    pub size: u64,
    /// When S3 took it.
    pub last_modified: DateTime<Utc>,
    /// The user metadata, names in lower case and without `x-amz-meta-`.
    pub metadata: HashMap<String, String>,
    /// Whether there is user metadata that S3 could not hand out.
    pub hidden_metadata: bool,
}

impl ObjectVersion {
    /// Returns the S3 URL of the object.
    pub fn url(&self) -> String {
        s3_url(&self.bucket, &self.key)
    }

    /// Names the object.
    pub fn reference(&self) -> ObjectRef {
        ObjectRef {
            bucket: self.bucket.clone(),
            key: self.key.clone(),
            version_id: self.version_id.clone(),
            etag: self.etag.clone(),
        }
    }

    /// Returns the object's place among all results, as far as its time and its key tell it.
    pub fn position(&self) -> Position {
        Position {
            last_modified: self.last_modified,
            key: self.key.clone(),
            version_id: self.version_id.clone(),
            etag: Some(self.etag.clone()),
            nth: 0,
        }
    }
}

/// The objects of S3, read only.
#[derive(Clone, Debug)]
pub struct Objects {
    pub(super) client: Client,
    pub(super) page_memory: u64,
}

impl Objects {
    /// Reads through the given client.
    pub const fn new(client: Client) -> Self {
        Self {
            client,
            page_memory: PAGE_MEMORY,
        }
    }

    /// Reads in a function of so many bytes of memory, of which a page of a Parquet file may take a third.
    pub fn within(mut self, memory: u64) -> Self {
        self.page_memory = PAGE_MEMORY.min(memory / 3);
        self
    }

    /// Looks at an object: the given version, or the newest.
    ///
    /// The refusal of a `HEAD` has no body, so S3 is asked again for one byte, and says then why.
    pub async fn head(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<ObjectVersion, Error> {
        let look = self.client.head_object().bucket(bucket).key(key);
        match look.set_version_id(version.map(str::to_owned)).send().await {
            Ok(answer) => Look::from(answer).at(bucket, key),
            Err(error) if Reason::is_lacking(&error) => self.look_by_reading(bucket, key, version).await,
            Err(error) => Err(explain(Reason::of(&error), Asked::Object, bucket, key)),
        }
    }

    async fn look_by_reading(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<ObjectVersion, Error> {
        let get = self.client.get_object().bucket(bucket).key(key).range("bytes=0-0");
        match get.set_version_id(version.map(str::to_owned)).send().await {
            Ok(answer) => Look::from(answer).at(bucket, key),
            Err(error) => Err(explain(Reason::of(&error), Asked::Object, bucket, key)),
        }
    }

    /// Lists the objects under a prefix, in order of their keys; stops soon after `limit`.
    pub async fn list(&self, bucket: &str, prefix: &str, limit: usize) -> Result<Vec<ObjectVersion>, Error> {
        self.list_pages(bucket, prefix, None, limit).await
    }

    /// Lists the objects of a folder, without its subfolders, in order of their keys; stops soon after `limit`.
    pub(crate) async fn list_folder(
        &self,
        bucket: &str,
        folder: &str,
        limit: usize,
    ) -> Result<Vec<ObjectVersion>, Error> {
        self.list_pages(bucket, folder, Some("/"), limit).await
    }

    async fn list_pages(
        &self,
        bucket: &str,
        folder: &str,
        delimiter: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ObjectVersion>, Error> {
        let (mut found, mut odd) = (Vec::new(), None);
        let listed = s3::list(&self.client, bucket, folder, delimiter, |page| {
            for (key, object) in page {
                match self::listed(bucket, &key, &object) {
                    Ok(object) => found.push(object),
                    Err(error) => odd = odd.take().or(Some(error)),
                }
            }
            odd.is_none() && found.len() <= limit
        });
        listed
            .await
            .map_err(|reason| explain(reason, Asked::Listing, bucket, folder))?;
        odd.map_or(Ok(found), Err)
    }

    /// Fetches bytes of exactly this version, completely.
    pub(crate) async fn range(&self, object: &ObjectVersion, range: Range<u64>) -> Result<Bytes, Error> {
        Body::new(self.clone(), Arc::new(object.clone()), range).rest().await
    }
}

/// What an answer says of an object; nothing of it is taken for granted.
struct Look {
    version_id: Option<String>,
    etag: Option<String>,
    size: Option<i64>,
    last_modified: Option<SdkDateTime>,
    metadata: Option<HashMap<String, String>>,
    missing_metadata: Option<i32>,
}

impl From<HeadObjectOutput> for Look {
    fn from(answer: HeadObjectOutput) -> Self {
        Self {
            version_id: answer.version_id,
            etag: answer.e_tag,
            size: answer.content_length,
            last_modified: answer.last_modified,
            metadata: answer.metadata,
            missing_metadata: answer.missing_meta,
        }
    }
}

impl From<GetObjectOutput> for Look {
    /// Takes the answer to a question for the first byte; a server that ignores the range sends the length of all.
    fn from(answer: GetObjectOutput) -> Self {
        let size = match answer.content_range.as_deref() {
            Some(range) => ContentRange::parse(range).and_then(|range| i64::try_from(range.total?).ok()),
            None => answer.content_length,
        };
        Self {
            version_id: answer.version_id,
            etag: answer.e_tag,
            size,
            last_modified: answer.last_modified,
            metadata: answer.metadata,
            missing_metadata: answer.missing_meta,
        }
    }
}

impl Look {
    fn at(self, bucket: &str, key: &str) -> Result<ObjectVersion, Error> {
        let unexpected = |lacking| unexpected(bucket, key, lacking);
        let size = self.size.and_then(|size| u64::try_from(size).ok());
        let last_modified = self
            .last_modified
            .and_then(|time| DateTime::from_timestamp(time.secs(), time.subsec_nanos()))
            .ok_or_else(|| unexpected("an answer without a time"))?;
        Ok(ObjectVersion {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            version_id: self.version_id.filter(|version| !version.is_empty()),
            etag: etag(self.etag.as_deref()).ok_or_else(|| unexpected("an answer without an ETag"))?,
            size: size.ok_or_else(|| unexpected("an answer without a length"))?,
            last_modified,
            metadata: self.metadata.unwrap_or_default(),
            hidden_metadata: self.missing_metadata.is_some_and(|count| count != 0),
        })
    }
}

/// Takes an object as a listing shows it: without version, but the `ETag` pins it all the same.
fn listed(bucket: &str, key: &str, object: &Object) -> Result<ObjectVersion, Error> {
    let look = Look {
        version_id: None,
        etag: object.e_tag().map(str::to_owned),
        size: object.size(),
        last_modified: object.last_modified().copied(),
        metadata: None,
        missing_metadata: None,
    };
    look.at(bucket, key)
}

/// Returns an `ETag` without its quotes.
pub(super) fn etag(text: Option<&str>) -> Option<String> {
    let bare = text.map(|text| text.trim_matches('"'));
    bare.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Says that S3 answered, but not what it was asked.
pub(super) fn unexpected(bucket: &str, key: &str, what: &str) -> Error {
    Error::Unavailable {
        object: s3_url(bucket, key),
        cause: what.to_owned(),
    }
}
