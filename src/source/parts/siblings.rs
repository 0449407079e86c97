//! Whether a file is one of several: by its name, or by what lies beside it.

use super::counter::{Kinship, common_start, is_plainly_a_part, kinship};
use super::misfit::Misfit;
use super::one_of_several::OneOfSeveral;
use crate::event::scope::{file_name, folder};
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
    pub(super) async fn check_alone(&self, object: &ObjectVersion) -> Result<(), Error> {
        let name = file_name(&object.key);
        let siblings = self.siblings(object).await?;
        if siblings.is_empty() && !is_plainly_a_part(name) {
            return Ok(());
        }
        let one = OneOfSeveral {
            name: name.to_owned(),
            siblings,
            loaded_alone: None,
        };
        Err(Error::invalid(object, Misfit::OneOfSeveral(Box::new(one)).into()))
    }

    /// Lists the other files of the result that an object is a part of, the nearest in time first.
    async fn siblings(&self, object: &ObjectVersion) -> Result<Vec<ObjectVersion>, Error> {
        let (folder, name) = (folder(&object.key), file_name(&object.key));
        let start = format!("{folder}{}", common_start(name));
        let beside = self.list_folder(&object.bucket, &start, MAX_KEYS).await?;
        let mut related: Vec<_> = beside
            .into_iter()
            .filter(|other| match kinship(name, file_name(&other.key)) {
                Some(Kinship::Certain) => true,
                Some(Kinship::Number) => came_together(object, other),
                None => false,
            })
            .collect();
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
}

/// Tells whether two objects of one folder go to one segment: only their metadata can name another.
fn is_for_same_segment(object: &ObjectVersion, other: &ObjectVersion) -> bool {
    object.metadata.get("segment-name") == other.metadata.get("segment-name")
}

fn came_together(object: &ObjectVersion, other: &ObjectVersion) -> bool {
    time_between(object, other).to_std().is_ok_and(|time| time <= TOGETHER)
}

fn time_between(object: &ObjectVersion, other: &ObjectVersion) -> TimeDelta {
    (object.last_modified - other.last_modified).abs()
}
