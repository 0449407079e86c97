//! The versioned objects behind the S3 of the sandbox.

use axum::body::Bytes;
use md5::{Digest, Md5};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::SystemTime;
use uuid::Uuid;

/// Buckets by name.
#[derive(Default)]
pub struct Store {
    pub buckets: BTreeMap<String, Bucket>,
    pub uploads: BTreeMap<String, Upload>,
}

/// One bucket: per key its versions, oldest first.
#[derive(Default)]
pub struct Bucket {
    pub versioned: bool,
    pub keys: BTreeMap<String, Vec<Version>>,
}

/// One version of an object, or a delete marker.
#[derive(Clone, Debug)]
pub struct Version {
    pub id: Option<String>,
    pub modified: SystemTime,
    /// Nothing is a delete marker.
    pub object: Option<Object>,
}

/// The content of one version.
#[derive(Clone, Debug)]
pub struct Object {
    pub bytes: Bytes,
    /// Without quotes.
    pub etag: String,
    pub metadata: BTreeMap<String, String>,
    pub content_type: Option<String>,
    pub content_encoding: Option<String>,
}

/// A multipart upload that has not ended.
pub struct Upload {
    pub bucket: String,
    pub key: String,
    pub template: Object,
    pub parts: BTreeMap<i32, Bytes>,
}

/// What a put left behind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PutResult {
    /// The version, where the bucket keeps versions.
    pub version_id: Option<String>,
    /// The MD5 of the content, without quotes.
    pub etag: String,
}

impl Object {
    /// Wraps content; its `ETag` is the MD5.
    pub fn new(bytes: Bytes) -> Self {
        Self {
            etag: hex(&Md5::digest(&bytes)),
            bytes,
            metadata: BTreeMap::new(),
            content_type: None,
            content_encoding: None,
        }
    }
}

impl Bucket {
    /// Returns the newest version of a key unless that is a delete marker.
    pub fn current(&self, key: &str) -> Option<(&Version, &Object)> {
        let version = self.keys.get(key)?.last()?;
        Some((version, version.object.as_ref()?))
    }

    /// Returns whether the newest version of a key is a delete marker.
    pub fn is_deleted(&self, key: &str) -> bool {
        let newest = self.keys.get(key).and_then(|versions| versions.last());
        newest.is_some_and(|version| version.object.is_none())
    }

    /// Returns a version by id.
    pub fn version(&self, key: &str, id: &str) -> Option<&Version> {
        let versions = self.keys.get(key)?;
        versions
            .iter()
            .find(|version| version.id.as_deref().unwrap_or("null") == id)
    }

    /// Returns every key that is not deleted, in order, with its newest version.
    pub fn objects<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Version, &'a Object)> {
        self.keys
            .range(prefix.to_owned()..)
            .take_while(move |(key, _)| key.starts_with(prefix))
            .filter_map(|(key, versions)| {
                let version = versions.last()?;
                Some((key.as_str(), version, version.object.as_ref()?))
            })
    }

    /// Adds a version, or replaces the object where versioning is off.
    pub fn put(&mut self, key: &str, object: Object, now: SystemTime) -> PutResult {
        let etag = object.etag.clone();
        let version_id = self.push(key, Some(object), now);
        PutResult { version_id, etag }
    }

    /// Deletes a key and returns the delete marker's version.
    pub fn delete(&mut self, key: &str, now: SystemTime) -> Option<String> {
        if self.versioned {
            return self.push(key, None, now);
        }
        self.keys.remove(key);
        None
    }

    /// Removes one version for good and says whether it was a delete marker.
    pub fn delete_version(&mut self, key: &str, id: &str) -> bool {
        let Some(versions) = self.keys.get_mut(key) else {
            return false;
        };
        let found = versions
            .iter()
            .position(|version| version.id.as_deref().unwrap_or("null") == id);
        let was_marker = found.is_some_and(|index| versions.remove(index).object.is_none());
        if versions.is_empty() {
            self.keys.remove(key);
        }
        was_marker
    }

    fn push(&mut self, key: &str, object: Option<Object>, modified: SystemTime) -> Option<String> {
        let id = self.versioned.then(|| Uuid::new_v4().simple().to_string());
        let versions = self.keys.entry(key.to_owned()).or_default();
        if id.is_none() {
            versions.retain(|version| version.id.is_some());
        }
        versions.push(Version {
            id: id.clone(),
            modified,
            object,
        });
        id
    }
}

/// Writes bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
