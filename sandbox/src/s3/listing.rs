//! Listings of objects and of versions.

use super::store::Bucket;
use s3s::dto::{
    CommonPrefix, DeleteMarkerEntry, ETag, ListObjectVersionsInput, ListObjectVersionsOutput, ListObjectsV2Input,
    ListObjectsV2Output, Object, ObjectStorageClass, ObjectVersion,
};

/// The most entries of one page, and how many come without a wish.
const PAGE: i32 = 1000;

/// Lists the objects of one page, sorted by key.
pub fn objects(bucket: &Bucket, input: ListObjectsV2Input) -> ListObjectsV2Output {
    let prefix = input.prefix.clone().unwrap_or_default();
    let max_keys = input.max_keys.unwrap_or(PAGE).clamp(0, PAGE);
    let after = input.continuation_token.as_deref().map(token_key);
    let after = after.or_else(|| input.start_after.clone()).unwrap_or_default();
    let delimiter = input.delimiter.clone().filter(|delimiter| !delimiter.is_empty());

    let mut contents = Vec::new();
    let mut folders: Vec<String> = Vec::new();
    let mut last = String::new();
    let mut is_truncated = false;
    for (key, version, object) in bucket.objects(&prefix) {
        let folder = delimiter
            .as_deref()
            .and_then(|delimiter| folder(key, &prefix, delimiter));
        let name = folder.as_deref().unwrap_or(key);
        if name <= after.as_str() || folders.last().is_some_and(|known| Some(known) == folder.as_ref()) {
            continue;
        }
        if i32::try_from(contents.len() + folders.len()).unwrap_or(i32::MAX) >= max_keys {
            is_truncated = max_keys > 0;
            break;
        }
        name.clone_into(&mut last);
        match folder {
            Some(folder) => folders.push(folder),
            None => contents.push(Object {
                key: Some(key.to_owned()),
                size: i64::try_from(object.bytes.len()).ok(),
                e_tag: Some(ETag::Strong(object.etag.clone())),
                last_modified: Some(version.modified.into()),
                storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
                ..Object::default()
            }),
        }
    }
    let is_url = input
        .encoding_type
        .as_ref()
        .is_some_and(|encoding| encoding.as_str() == "url");
    let written = |text: String| if is_url { encoded(&text) } else { text };
    for object in &mut contents {
        object.key = object.key.take().map(written);
    }
    ListObjectsV2Output {
        name: Some(input.bucket),
        encoding_type: input.encoding_type,
        prefix: input.prefix.map(written),
        delimiter: input.delimiter.map(written),
        max_keys: Some(max_keys),
        key_count: i32::try_from(contents.len() + folders.len()).ok(),
        is_truncated: Some(is_truncated),
        continuation_token: input.continuation_token,
        next_continuation_token: is_truncated.then(|| token(&last)),
        start_after: input.start_after,
        contents: Some(contents),
        common_prefixes: Some(folders.into_iter().map(written).map(common_prefix).collect()),
        ..ListObjectsV2Output::default()
    }
}

/// Lists all versions under a prefix on one page, newest first within a key.
pub fn versions(bucket: &Bucket, input: ListObjectVersionsInput) -> ListObjectVersionsOutput {
    let prefix = input.prefix.clone().unwrap_or_default();
    let mut listed = Vec::new();
    let mut markers = Vec::new();
    for (key, versions) in bucket.keys.iter().filter(|(key, _)| key.starts_with(&prefix)) {
        for (age, version) in versions.iter().rev().enumerate() {
            let id = Some(version.id.clone().unwrap_or_else(|| "null".to_owned()));
            match &version.object {
                None => markers.push(DeleteMarkerEntry {
                    is_latest: Some(age == 0),
                    key: Some(key.clone()),
                    last_modified: Some(version.modified.into()),
                    version_id: id,
                    ..DeleteMarkerEntry::default()
                }),
                Some(object) => listed.push(ObjectVersion {
                    e_tag: Some(ETag::Strong(object.etag.clone())),
                    is_latest: Some(age == 0),
                    key: Some(key.clone()),
                    last_modified: Some(version.modified.into()),
                    size: i64::try_from(object.bytes.len()).ok(),
                    version_id: id,
                    ..ObjectVersion::default()
                }),
            }
        }
    }
    ListObjectVersionsOutput {
        name: Some(input.bucket),
        prefix: input.prefix,
        is_truncated: Some(false),
        versions: Some(listed),
        delete_markers: Some(markers),
        ..ListObjectVersionsOutput::default()
    }
}

fn folder(key: &str, prefix: &str, delimiter: &str) -> Option<String> {
    let rest = &key[prefix.len()..];
    let end = rest.find(delimiter)? + delimiter.len();
    Some(format!("{prefix}{}", &rest[..end]))
}

fn common_prefix(prefix: String) -> CommonPrefix {
    CommonPrefix { prefix: Some(prefix) }
}

/// Writes a name as in a form, but for the slashes.
fn encoded(text: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    encoded.replace("%2F", "/")
}

/// The token is opaque to clients; ours is the last name in hexadecimal digits.
fn token(last: &str) -> String {
    super::store::hex(last.as_bytes())
}

fn token_key(token: &str) -> String {
    let bytes =
        (0..token.len() / 2).filter_map(|index| u8::from_str_radix(token.get(index * 2..index * 2 + 2)?, 16).ok());
    String::from_utf8_lossy(&bytes.collect::<Vec<_>>()).into_owned()
}
