//! One result in many files: which files they are.

mod manifest;
mod name;

pub use name::Role;

use crate::event::scope::{is_completion_marker, is_marker};
use crate::settings::ResultFiles;
use crate::source::error::Error;
use crate::source::object::{ObjectVersion, Objects, url};
use crate::source::problem::Problem;
use futures_util::{StreamExt, TryStreamExt, stream};
use manifest::{Entry, unknown};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// The most parts of one result; the largest clusters write some hundred.
const MAX_PARTS: usize = 10_000;

/// The most bytes of a manifest: room for all parts with the longest keys.
const MAX_MANIFEST: u64 = 16 << 20;

/// How many parts are looked at at a time.
const LOOKS_IN_FLIGHT: usize = 16;

impl Objects {
    /// Finds the object that a result is known by: the given version, or the newest.
    ///
    /// A folder is known by the newest marker in it; one without a marker by its files, so that another file makes it
    /// another result.
    pub async fn locate(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        files: ResultFiles,
    ) -> Result<ObjectVersion, Error> {
        if files != ResultFiles::Folder || !key.ends_with('/') {
            return self.head(bucket, key, version).await;
        }
        let objects = self.list_folder(bucket, key, MAX_PARTS).await?;
        let markers = objects.iter().filter(|object| is_completion_marker(&object.key));
        match markers.max_by_key(|marker| marker.last_modified) {
            Some(marker) => self.head(bucket, &marker.key, None).await,
            None => Ok(whole_folder(bucket, key, &objects)),
        }
    }

    /// Returns the files of the result that an object stands for: itself, what its manifest lists, or what lies beside
    /// the marker.
    ///
    /// `is_own` tells by bucket and key whether an object is one of the function's own. A part alone, and a marker or
    /// manifest whose parts are not all there, is an error.
    pub async fn parts(
        &self,
        object: &ObjectVersion,
        files: ResultFiles,
        is_own: impl Fn(&str, &str) -> bool,
    ) -> Result<Vec<ObjectVersion>, Error> {
        let invalid = |problem| Error::invalid(object, problem);
        match Role::of(&object.key, files) {
            Role::Whole => Ok(vec![object.clone()]),
            Role::Manifest => self.parts_of_manifest(object, is_own).await,
            Role::Folder => self.parts_of_folder(object, is_own).await,
            Role::Part if files == ResultFiles::Single => Err(invalid(Problem::OneOfSeveral)),
            Role::Part | Role::Ignored if files == ResultFiles::Manifest => {
                Err(invalid(Problem::LonePart { what: "the manifest" }))
            }
            Role::Part | Role::Ignored => Err(invalid(Problem::LonePart {
                what: "the _SUCCESS or .DONE marker, or the folder,",
            })),
        }
    }

    async fn parts_of_manifest(
        &self,
        manifest: &ObjectVersion,
        is_own: impl Fn(&str, &str) -> bool,
    ) -> Result<Vec<ObjectVersion>, Error> {
        let invalid = |problem| Error::invalid(manifest, problem);
        if manifest.size == 0 {
            return Err(invalid(Problem::Empty));
        }
        if manifest.size > MAX_MANIFEST {
            return Err(invalid(unknown("it is larger than 16 MiB")));
        }
        let bytes = self.range(manifest, 0..manifest.size).await?;
        let entries = manifest::parse(&bytes).map_err(invalid)?;
        if entries.len() > MAX_PARTS {
            return Err(invalid(Problem::TooManyParts { limit: MAX_PARTS }));
        }
        let strays = |entry: &&Entry| {
            entry.bucket != manifest.bucket || entry.key == manifest.key || is_own(&entry.bucket, &entry.key)
        };
        if let Some(entry) = entries.iter().find(strays) {
            return Err(invalid(Problem::ForeignPart {
                part: url(&entry.bucket, &entry.key),
            }));
        }
        let looks = entries.iter().map(|entry| self.look_at(manifest, entry));
        let parts: Vec<_> = stream::iter(looks).buffered(LOOKS_IN_FLIGHT).try_collect().await?;
        Ok(parts.into_iter().flatten().collect())
    }

    /// Looks at one file of a manifest; nothing where it is missing and may be.
    async fn look_at(&self, manifest: &ObjectVersion, entry: &Entry) -> Result<Option<ObjectVersion>, Error> {
        let invalid = |problem| Err(Error::invalid(manifest, problem));
        let part = match self.head(&entry.bucket, &entry.key, None).await {
            Err(Error::Missing { .. }) if !entry.mandatory => return Ok(None),
            Err(Error::Missing { object }) => return invalid(Problem::MissingPart { part: object }),
            outcome => outcome?,
        };
        match entry.length {
            Some(length) if length != part.size => invalid(Problem::PartLength {
                part: part.url(),
                expected: length,
                found: part.size,
            }),
            _ => Ok(Some(part)),
        }
    }

    async fn parts_of_folder(
        &self,
        marker: &ObjectVersion,
        is_own: impl Fn(&str, &str) -> bool,
    ) -> Result<Vec<ObjectVersion>, Error> {
        let folder = marker.key.rfind('/').map_or("", |end| &marker.key[..=end]);
        let mut parts = self.list_folder(&marker.bucket, folder, MAX_PARTS).await?;
        parts.retain(|part| is_data(&part.key, folder) && !is_own(&part.bucket, &part.key));
        match parts.len() {
            0 => Err(Error::invalid(marker, Problem::NoParts)),
            count if count > MAX_PARTS => Err(Error::invalid(marker, Problem::TooManyParts { limit: MAX_PARTS })),
            _ => Ok(parts),
        }
    }
}

/// Makes one object of a folder's files: as young as the youngest, and another one where any file is another.
fn whole_folder(bucket: &str, folder: &str, objects: &[ObjectVersion]) -> ObjectVersion {
    let mut hash = Sha256::new();
    let data = || objects.iter().filter(|object| is_data(&object.key, folder));
    for object in data() {
        hash.update(&object.key);
        hash.update([0]);
        hash.update(&object.etag);
        hash.update([0]);
    }
    let hash = hash.finalize();
    ObjectVersion {
        bucket: bucket.to_owned(),
        key: folder.to_owned(),
        version_id: None,
        etag: format!("{:032x}", u128::from_be_bytes(std::array::from_fn(|index| hash[index]))),
        size: data().map(|object| object.size).sum(),
        last_modified: data().map(|object| object.last_modified).max().unwrap_or_default(),
        metadata: HashMap::new(),
    }
}

/// Tells whether a file of a folder holds data: names beginning with `_` or `.` and markers do not.
fn is_data(key: &str, folder: &str) -> bool {
    let name = &key[folder.len()..];
    !name.is_empty() && !name.starts_with(['_', '.']) && !is_marker(key)
}
