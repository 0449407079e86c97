//! Small objects, read as a whole.

use super::Reason;
use crate::aws::bounded;
use aws_sdk_s3::Client;
use bytes::Bytes;
use std::time::Duration;
use tokio::time::timeout;

/// How long the content may take, which is a few kilobytes: as long as a call at most.
const LONGEST_BODY: Duration = Duration::from_secs(15);

/// An object with all its bytes.
pub(crate) struct Small {
    /// The bytes.
    pub(crate) content: Bytes,
    /// The `ETag`, as S3 wrote it.
    pub(crate) etag: String,
}

/// Reads an object of no more bytes than its client lets through (see [`bounded`]).
pub(crate) async fn read(client: &Client, bucket: &str, key: &str) -> Result<Small, Reason> {
    let sent = client.get_object().bucket(bucket).key(key).send().await;
    let object = sent.map_err(|error| Reason::of(&error))?;
    let etag = object.e_tag.filter(|etag| !etag.is_empty());
    let etag = etag.ok_or(Reason::Unavailable("an answer without an ETag".into()))?;
    match timeout(LONGEST_BODY, object.body.collect()).await {
        Ok(Ok(content)) => Ok(Small {
            content: content.into_bytes(),
            etag,
        }),
        Ok(Err(error)) if bounded::is_too_large(&error) => Err(Reason::TooLarge),
        Ok(Err(_)) => Err(Reason::Unavailable("the body was cut or stalled".into())),
        Err(_) => Err(Reason::Unavailable("its content did not come in time".into())),
    }
}
