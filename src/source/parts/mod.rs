//! One result in many files: which files they are.

mod age;
mod change;
mod commit;
mod counter;
mod manifest;
mod misfit;
mod one_of_several;
mod partition;
mod redshift;
mod role;
mod run;
mod siblings;
mod table;
#[cfg(test)]
mod tests;
mod token;
mod unmarked;

pub use age::Age;
pub use change::Change;
pub(super) use manifest::looks_like_manifest;
pub use misfit::Misfit;
pub use one_of_several::{LoadedAlone, OneOfSeveral};
pub use role::Role;
pub use unmarked::{Unmarked, unmarked};

use crate::config::ResultFiles;
use crate::domain::{Mode, ObjectRef, folder, s3_url};
use crate::event::scope::{Scope, file_name, is_completion_marker, is_marker};
use crate::source::error::Error;
use crate::source::object::{ObjectVersion, Objects};
use crate::source::remark::Remark;
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

/// How results come, and what they do to the segment.
#[derive(Clone, Copy, Debug)]
pub struct Manner<'a> {
    /// Whether each object is a result, or which object stands for one.
    pub files: ResultFiles,
    /// How a result changes the segment.
    pub mode: Mode,
    /// Where results and the function's own objects lie.
    pub scope: &'a Scope,
}

/// The files of one result.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The files, in the order in which they are read.
    pub files: Vec<ObjectVersion>,
    /// What a person should know of them.
    pub warnings: Vec<Remark>,
}

impl Objects {
    /// Finds the object that a result is known by: the given version, or the newest.
    ///
    /// A folder is known by the newest marker in it; one without a marker by its files, so that another file makes it
    /// another result.
    pub async fn locate(&self, object: &ObjectRef, files: ResultFiles) -> Result<ObjectVersion, Error> {
        let ObjectRef {
            bucket,
            key,
            version_id,
            ..
        } = object;
        if !key.ends_with('/') {
            return self.head(bucket, key, version_id.as_deref()).await;
        }
        if files != ResultFiles::Folder {
            let problem = not_the_result(key, files).into();
            let object = object.to_string();
            return Err(Error::Invalid { object, problem });
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
    /// One file of several, a file of a table, and a marker or manifest whose parts are not all there are errors.
    pub async fn parts(&self, object: &ObjectVersion, manner: Manner<'_>) -> Result<Parts, Error> {
        let role = Role::of(&object.key, manner.files, manner.mode);
        let misfit = match role {
            Role::Hidden => Some(Misfit::Hidden),
            Role::Ignored => Some(not_the_result(&object.key, manner.files)),
            Role::Part if manner.files != ResultFiles::Single => Some(not_the_result(&object.key, manner.files)),
            _ => role::is_athenas_description(&object.key).then_some(Misfit::AthenaMetadata),
        };
        if let Some(misfit) = misfit {
            return Err(Error::invalid(object, misfit.into()));
        }
        self.check_no_table(object, manner.scope).await?;
        match role {
            Role::Manifest => self.parts_of_manifest(object, manner.scope).await,
            Role::Folder => self.parts_of_folder(object, manner.scope).await,
            _ if manner.mode == Mode::Replace => {
                self.check_alone(object, manner.scope).await?;
                Ok(Parts::whole(object))
            }
            _ => Ok(Parts::whole(object)),
        }
    }

    async fn parts_of_manifest(&self, manifest: &ObjectVersion, scope: &Scope) -> Result<Parts, Error> {
        let invalid = |misfit: Misfit| Error::invalid(manifest, misfit.into());
        if manifest.size == 0 {
            return Err(invalid(Misfit::EmptyManifest));
        }
        if manifest.size > MAX_MANIFEST {
            return Err(invalid(unknown("it is larger than 16 MiB")));
        }
        let bytes = self.range(manifest, 0..manifest.size).await?;
        let entries = manifest::parse(&bytes).map_err(invalid)?;
        if entries.len() > MAX_PARTS {
            return Err(invalid(Misfit::TooManyParts { limit: MAX_PARTS }));
        }
        let strays = |entry: &&Entry| {
            entry.bucket != manifest.bucket || entry.key == manifest.key || scope.is_own(&entry.bucket, &entry.key)
        };
        if let Some(entry) = entries.iter().find(strays) {
            return Err(invalid(Misfit::ForeignPart {
                part: s3_url(&entry.bucket, &entry.key),
            }));
        }
        let looks = entries.iter().map(|entry| self.look_at(manifest, entry));
        let parts: Vec<_> = stream::iter(looks).buffered(LOOKS_IN_FLIGHT).try_collect().await?;
        let files: Vec<_> = parts.into_iter().flatten().collect();
        if files.is_empty() {
            let files = entries.len();
            return Err(invalid(Misfit::NoneThere { files }));
        }
        let (listed, missing) = (entries.len(), entries.len() - files.len());
        let mut parts = Parts::of(files);
        if missing > 0 {
            parts.warnings.push(Remark::OptionalMissing { missing, listed });
        }
        Ok(parts)
    }

    /// Looks at one file of a manifest; `None` if it is missing and may be.
    async fn look_at(&self, manifest: &ObjectVersion, entry: &Entry) -> Result<Option<ObjectVersion>, Error> {
        let invalid = |misfit: Misfit| Err(Error::invalid(manifest, misfit.into()));
        let part = match self.head(&entry.bucket, &entry.key, None).await {
            Err(Error::Missing { .. }) if !entry.mandatory => return Ok(None),
            Err(Error::Missing { object, .. }) => return invalid(Misfit::MissingPart { part: object }),
            outcome => outcome?,
        };
        match entry.length {
            Some(length) if length != part.size => invalid(Misfit::PartLength {
                part: part.url(),
                expected: length,
                found: part.size,
            }),
            _ => Ok(Some(part)),
        }
    }

    async fn parts_of_folder(&self, marker: &ObjectVersion, scope: &Scope) -> Result<Parts, Error> {
        let invalid = |misfit: Misfit| Err(Error::invalid(marker, misfit.into()));
        let folder = folder(&marker.key);
        let beside = self.list_folder(&marker.bucket, folder, MAX_PARTS).await?;
        let is_part =
            |object: &&ObjectVersion| is_data(&object.key, folder) && !scope.is_own(&object.bucket, &object.key);
        let mut files: Vec<_> = beside.iter().filter(is_part).cloned().collect();
        match files.len() {
            0 => return invalid(Misfit::NoParts),
            count if count > MAX_PARTS => return invalid(Misfit::TooManyParts { limit: MAX_PARTS }),
            _ => {}
        }
        if let Some(description) = files.iter().find(|file| role::is_athenas_description(&file.key)) {
            return Err(Error::invalid(description, Misfit::AthenaMetadata.into()));
        }
        let left_out = self.leave_out_uncommitted(marker, &beside, &mut files).await?;
        if files.is_empty() {
            return invalid(Misfit::NoneCommitted { files: left_out });
        }
        let mut parts = Parts::of(files);
        if left_out > 0 {
            parts.warnings.push(Remark::Uncommitted {
                left_out,
                read: parts.files.len(),
                bucket: marker.bucket.clone(),
                folder: folder.to_owned(),
            });
        }
        Ok(parts)
    }
}

impl Parts {
    fn whole(object: &ObjectVersion) -> Self {
        Self::of(vec![object.clone()])
    }

    const fn of(files: Vec<ObjectVersion>) -> Self {
        Self {
            files,
            warnings: Vec::new(),
        }
    }
}

/// Says what a direct load names that stands for no result, and what to name instead.
fn not_the_result(key: &str, files: ResultFiles) -> Misfit {
    let is = if key.ends_with('/') {
        "this is a folder"
    } else if is_marker(key) {
        "by its name this is a marker or a summary, which is never read"
    } else if files == ResultFiles::Folder && role::is_manifest(key) {
        "this is a manifest, and results come in folders"
    } else {
        "this is only one part of a result"
    };
    let instead = match files {
        ResultFiles::Single if key.ends_with('/') || is_completion_marker(key) => {
            "name the file that holds the rows, or set result_files to folder in the destination secret, so that all data \
             files of the folder are the result"
        }
        ResultFiles::Single => "name the file that holds the rows",
        ResultFiles::Manifest => {
            "name the manifest instead, or set result_files to single or folder in the destination secret"
        }
        ResultFiles::Folder => {
            "name the _SUCCESS or .DONE marker, or the folder, instead, or set result_files to single or manifest in the \
             destination secret"
        }
    };
    Misfit::NotTheResult { is, instead }
}

/// Makes one object of a folder's files: as young as the youngest, and another one where any file is another.
fn whole_folder(bucket: &str, folder: &str, objects: &[ObjectVersion]) -> ObjectVersion {
    let mut hash = Sha256::new();
    let data = || objects.iter().filter(|object| is_data(&object.key, folder));
    let commits = objects
        .iter()
        .filter(|object| file_name(&object.key).starts_with(commit::COMMITTED));
    for object in data().chain(commits) {
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
        hidden_metadata: false,
    }
}

/// Returns whether a file of a folder holds data: names beginning with `_` or `.` and markers do not.
fn is_data(key: &str, folder: &str) -> bool {
    let name = &key[folder.len()..];
    !name.is_empty() && !name.starts_with(['_', '.']) && !is_marker(key)
}
