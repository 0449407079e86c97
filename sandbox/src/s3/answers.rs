//! Conditions, ranges and assembling, as S3 decides them.

use super::store::{Bucket, Object, Store, Upload, hex};
use axum::body::Bytes;
use md5::{Digest, Md5};
use s3s::dto::{ETagCondition, Range};
use s3s::{S3Result, s3_error};

/// Finds a bucket.
pub fn bucket<'a>(store: &'a mut Store, name: &str) -> S3Result<&'a mut Bucket> {
    store.buckets.get_mut(name).ok_or(s3_error!(NoSuchBucket))
}

/// Applies `If-Match` and `If-None-Match` of a read.
pub fn allows_read(object: &Object, if_match: Option<&ETagCondition>, if_none: Option<&ETagCondition>) -> S3Result {
    if if_match.is_some_and(|condition| !matches(condition, object)) {
        return Err(s3_error!(
            PreconditionFailed,
            "At least one of the pre-conditions you specified did not hold"
        ));
    }
    if if_none.is_some_and(|condition| matches(condition, object)) {
        return Err(s3_error!(NotModified));
    }
    Ok(())
}

/// Applies `If-Match` and `If-None-Match` of a write: 404 for `If-Match` on a missing key, 412 otherwise.
pub fn allows_write(
    current: Option<&Object>,
    if_match: Option<&ETagCondition>,
    if_none: Option<&ETagCondition>,
) -> S3Result {
    let refused = || {
        s3_error!(
            PreconditionFailed,
            "At least one of the pre-conditions you specified did not hold"
        )
    };
    if let Some(condition) = if_match {
        let current = current.ok_or(s3_error!(NoSuchKey, "The specified key does not exist."))?;
        if !matches(condition, current) {
            return Err(refused());
        }
    }
    if let (Some(condition), Some(current)) = (if_none, current)
        && matches(condition, current)
    {
        return Err(refused());
    }
    Ok(())
}

/// Cuts the range out and says what `Content-Range` is.
pub fn ranged(bytes: &Bytes, range: Option<Range>) -> S3Result<(Bytes, Option<String>)> {
    let Some(range) = range else {
        return Ok((bytes.clone(), None));
    };
    let total = bytes.len();
    let invalid = || s3_error!(InvalidRange, "The requested range is not satisfiable");
    let range = range.check(total as u64).map_err(|_| invalid())?;
    let (Ok(start), Ok(end)) = (usize::try_from(range.start), usize::try_from(range.end)) else {
        return Err(invalid());
    };
    let content_range = format!("bytes {start}-{}/{total}", end.saturating_sub(1));
    Ok((bytes.slice(start..end), Some(content_range)))
}

/// Puts the parts of an upload together; the `ETag` is the MD5 of their sums and their number.
pub fn assembled(upload: &Upload, numbers: &[i32]) -> S3Result<Object> {
    let mut whole = Vec::new();
    let mut sums = Md5::new();
    for number in numbers {
        let part = upload.parts.get(number).ok_or(s3_error!(InvalidPart))?;
        whole.extend_from_slice(part);
        sums.update(Md5::digest(part));
    }
    Ok(Object {
        bytes: whole.into(),
        etag: format!("{}-{}", hex(&sums.finalize()), numbers.len()),
        ..upload.template.clone()
    })
}

fn matches(condition: &ETagCondition, object: &Object) -> bool {
    condition.as_etag().is_none_or(|etag| etag.value() == object.etag)
}
