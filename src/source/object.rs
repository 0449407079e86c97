//! One version of one object in S3.

use crate::source::body::Body;
use crate::source::error::Error;
use crate::source::tally::PAGE_MEMORY;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use bytes::Bytes;
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
    /// When S3 took it: seconds since 1970 and nanoseconds.
    pub last_modified: (i64, u32),
    /// The user metadata, names in lower case and without `x-amz-meta-`.
    pub metadata: HashMap<String, String>,
}

impl ObjectVersion {
    /// Returns the S3 URL of the object.
    pub fn url(&self) -> String {
        url(&self.bucket, &self.key)
    }
}

pub(crate) fn url(bucket: &str, key: &str) -> String {
    format!("s3://{bucket}/{key}")
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
    pub async fn head(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<ObjectVersion, Error> {
        let answer = self
            .client
            .head_object()
            .bucket(bucket)
            .key(key)
            .set_version_id(version.map(str::to_owned))
            .send()
            .await
            .map_err(|error| explain(&error, bucket, key))?;
        let modified = answer
            .last_modified()
            .map_or((0, 0), |time| (time.secs(), time.subsec_nanos()));
        Ok(ObjectVersion {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            version_id: answer.version_id().map(str::to_owned),
            etag: answer.e_tag().unwrap_or_default().trim_matches('"').to_owned(),
            size: answer
                .content_length()
                .and_then(|length| u64::try_from(length).ok())
                .unwrap_or_default(),
            last_modified: modified,
            metadata: answer.metadata().cloned().unwrap_or_default(),
        })
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
        let mut found = Vec::new();
        let request = self.client.list_objects_v2().bucket(bucket).prefix(folder);
        let request = request.set_delimiter(delimiter.map(str::to_owned));
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| match explain(&error, bucket, folder) {
                Error::Forbidden { object, .. } => Error::Forbidden {
                    object,
                    actions: "s3:ListBucket on the bucket",
                },
                error => error,
            })?;
            found.extend(page.contents().iter().filter_map(|object| listed(bucket, object)));
            if found.len() > limit {
                break;
            }
        }
        Ok(found)
    }

    /// Fetches bytes of exactly this version, completely.
    pub(crate) async fn range(&self, object: &ObjectVersion, range: Range<u64>) -> Result<Bytes, Error> {
        Body::new(self.clone(), Arc::new(object.clone()), range).rest().await
    }
}

/// Takes an object as a listing shows it: without version, but the `ETag` pins it all the same.
fn listed(bucket: &str, object: &aws_sdk_s3::types::Object) -> Option<ObjectVersion> {
    Some(ObjectVersion {
        bucket: bucket.to_owned(),
        key: object.key()?.to_owned(),
        version_id: None,
        etag: object.e_tag()?.trim_matches('"').to_owned(),
        size: u64::try_from(object.size()?).ok()?,
        last_modified: object
            .last_modified()
            .map_or((0, 0), |time| (time.secs(), time.subsec_nanos())),
        metadata: HashMap::new(),
    })
}

/// Says what a refusal means; a `HEAD` has no body, so its status is all there is.
pub(super) fn explain<E>(error: &SdkError<E>, bucket: &str, key: &str) -> Error
where
    E: ProvideErrorMetadata,
{
    let object = url(bucket, key);
    let Some(response) = error.raw_response() else {
        let cause = match error {
            SdkError::TimeoutError(_) => "timeout",
            SdkError::DispatchFailure(_) => "no connection",
            _ => "no answer",
        };
        return Error::Unavailable {
            object,
            cause: cause.to_owned(),
        };
    };
    let status = response.status().as_u16();
    let code = error.code().unwrap_or_default();
    let about_key = error
        .message()
        .is_some_and(|message| message.to_ascii_lowercase().contains("kms"));
    match status {
        // 405: the version asked for is a delete marker.
        404 | 405 => Error::Missing { object },
        412 | 416 => Error::Replaced { object },
        403 if code == "InvalidObjectState" => Error::Refused {
            object,
            code: code.to_owned(),
        },
        403 if code == "RequestTimeTooSkewed" => Error::Unavailable {
            object,
            cause: code.to_owned(),
        },
        403 if about_key || code.starts_with("KMS") => Error::Forbidden {
            object,
            actions: "kms:Decrypt on the key that encrypts the bucket",
        },
        401 | 403 => Error::Forbidden {
            object,
            actions: "s3:GetObject and s3:GetObjectVersion on the object and s3:ListBucket on the bucket \
                      (without the last one a missing object looks like this, too), and kms:Decrypt if it is encrypted",
        },
        408 | 409 | 429 | 500.. => Error::Unavailable {
            object,
            cause: format!("status {status} {code}").trim_end().to_owned(),
        },
        200..300 => Error::Unavailable {
            object,
            cause: "an answer cut short".to_owned(),
        },
        _ => Error::Refused {
            object,
            code: format!("status {status} {code}").trim_end().to_owned(),
        },
    }
}
