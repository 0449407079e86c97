//! Whether a file is one of several: by its name, or by what lies beside it.

use super::counter::{Kinship, common_start, is_plainly_a_part, kinship};
use super::misfit::Misfit;
use super::one_of_several::OneOfSeveral;
use super::partition;
use super::role::Role;
use crate::config::ResultFiles;
use crate::domain::{Mode, folder};
use crate::event::scope::{Scope, file_name};
use crate::source::error::Error;
use crate::source::object::{ObjectVersion, Objects};
use chrono::TimeDelta;
use std::time::Duration;

/// How far apart the parts of one result come at most, where their names leave it open.
const TOGETHER: Duration = Duration::from_mins(15);

/// The most keys of a common beginning that are looked through: ten pages of a listing.
const MAX_KEYS: usize = 10_000;

/// How many siblings are looked at for the name of their segment.
const LOOKED_AT: usize = 8;

impl Objects {
    /// Refuses an object that is one file of several of the same segment.
    pub(super) async fn check_alone(&self, object: &ObjectVersion, scope: &Scope) -> Result<(), Error> {
        let below = below_segment(object, scope);
        let siblings = self.siblings(object, below).await?;
        if siblings.is_empty() && !is_plainly_a_part(file_name(&object.key)) {
            return Ok(());
        }
        let one = OneOfSeveral {
            key: object.key.clone(),
            is_partitioned: partition::shared_start(&object.key, below).is_some(),
            siblings,
            loaded_alone: None,
        };
        Err(Error::invalid(object, Misfit::OneOfSeveral(Box::new(one)).into()))
    }

    /// Lists the other files of the result that an object is a part of, the nearest in time first.
    async fn siblings(&self, object: &ObjectVersion, below: usize) -> Result<Vec<ObjectVersion>, Error> {
        let mut related = self.siblings_by_name(object).await?;
        related.extend(self.siblings_by_partition(object, below).await?);
        related.sort_by_key(|other| time_between(object, other));
        related.truncate(LOOKED_AT);
        let mut siblings = Vec::new();
        for other in related {
            match self.head(&other.bucket, &other.key, None).await {
                Ok(other) if is_for_same_segment(object, &other) => siblings.push(other),
                Ok(_) | Err(Error::Missing { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(siblings)
    }

    /// Lists what lies in the same folder and differs in nothing but a number.
    async fn siblings_by_name(&self, object: &ObjectVersion) -> Result<Vec<ObjectVersion>, Error> {
        let (folder, name) = (folder(&object.key), file_name(&object.key));
        let start = format!("{folder}{}", common_start(name));
        let mut beside = self.list_folder(&object.bucket, &start, MAX_KEYS).await?;
        beside.retain(|other| match kinship(name, file_name(&other.key)) {
            Some(Kinship::Certain) => true,
            Some(Kinship::Number) => came_together(object, other),
            None => false,
        });
        Ok(beside)
    }

    /// Lists what lies in other partitions and came with the object; the names of such files tell nothing.
    async fn siblings_by_partition(&self, object: &ObjectVersion, below: usize) -> Result<Vec<ObjectVersion>, Error> {
        let Some(start) = partition::shared_start(&object.key, below) else {
            return Ok(Vec::new());
        };
        let mut others = self.list(&object.bucket, start, MAX_KEYS).await?;
        others.retain(|other| {
            let role = Role::of(&other.key, ResultFiles::Single, Mode::Replace);
            matches!(role, Role::Whole | Role::Part)
                && partition::are_of_one_result(&object.key, &other.key, below)
                && came_together(object, other)
        });
        Ok(others)
    }
}

/// Returns how much of a key names its segment: the first folder under the results prefix, where the metadata does not.
fn below_segment(object: &ObjectVersion, scope: &Scope) -> usize {
    let key = &object.key;
    match key.strip_prefix(&scope.results_prefix) {
        Some(_) if object.metadata.contains_key("segment-name") => scope.results_prefix.len(),
        Some(rest) => key.len() - rest.len() + rest.find('/').map_or(0, |end| end + 1),
        None => 0,
    }
}

/// Returns whether two objects of one segment's folder go to one segment: only their metadata can name another.
fn is_for_same_segment(object: &ObjectVersion, other: &ObjectVersion) -> bool {
    object.metadata.get("segment-name") == other.metadata.get("segment-name")
}

fn came_together(object: &ObjectVersion, other: &ObjectVersion) -> bool {
    time_between(object, other).to_std().is_ok_and(|time| time <= TOGETHER)
}

fn time_between(object: &ObjectVersion, other: &ObjectVersion) -> TimeDelta {
    (object.last_modified - other.last_modified).abs()
}
