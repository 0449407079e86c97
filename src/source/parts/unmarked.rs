//! Data files that wait for a marker or manifest which has not come.

use super::{Manner, Role};
use crate::config::ResultFiles;
use crate::domain::folder;
use crate::source::object::ObjectVersion;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashMap;

/// How long the files of a result may lie there before its marker: what a warehouse writes takes minutes.
const LONGEST_WRITING: TimeDelta = TimeDelta::hours(1);

/// Data files that have waited for their marker or manifest for longer than writing one takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmarked {
    /// How many.
    pub count: usize,
    /// The address of the one that waits longest.
    pub first: String,
    /// Since when it does.
    pub since: DateTime<Utc>,
}

impl Unmarked {
    /// Looks for them among these objects; those that lie there for longer than `look_back` count no more. `None` if there are none.
    pub fn among(
        objects: &[ObjectVersion],
        manner: Manner<'_>,
        now: DateTime<Utc>,
        look_back: TimeDelta,
    ) -> Option<Self> {
        let age = |object: &ObjectVersion| now - object.last_modified;
        let is_overdue = |object: &&ObjectVersion| age(object) > LONGEST_WRITING && age(object) < look_back;
        let overdue: Vec<_> = unmarked(objects, manner).into_iter().filter(is_overdue).collect();
        let first = overdue.iter().min_by_key(|object| object.last_modified)?;
        Some(Self {
            count: overdue.len(),
            first: first.url(),
            since: first.last_modified,
        })
    }
}

/// Returns the data files that no marker or manifest has followed: none beside them, or for a manifest in a folder above.
pub fn unmarked<'o>(objects: &'o [ObjectVersion], manner: Manner<'_>) -> Vec<&'o ObjectVersion> {
    let Manner { files, mode, scope } = manner;
    if files == ResultFiles::Single {
        return Vec::new();
    }
    let mut newest: HashMap<&str, DateTime<Utc>> = HashMap::new();
    let mut parts = Vec::new();
    for object in objects
        .iter()
        .filter(|object| scope.outside(&object.bucket, &object.key).is_none())
    {
        match Role::of_event(&object.key, files, mode) {
            Role::Manifest | Role::Folder => {
                let known = newest.entry(folder(&object.key)).or_insert(object.last_modified);
                *known = object.last_modified.max(*known);
            }
            Role::Part => parts.push(object),
            Role::Whole | Role::Ignored | Role::Hidden => {}
        }
    }
    let is_marked = |part: &&ObjectVersion| {
        let mut folders = std::iter::successors(Some(folder(&part.key)), |inner| {
            let above = inner.strip_suffix('/')?;
            (files == ResultFiles::Manifest).then(|| folder(above))
        });
        folders.any(|folder| newest.get(folder).is_some_and(|marked| *marked >= part.last_modified))
    };
    parts.retain(|part| !is_marked(part));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Mode;
    use crate::event::scope::Scope;

    fn object(key: &str, minute: i64) -> ObjectVersion {
        ObjectVersion {
            bucket: "b".to_owned(),
            key: key.to_owned(),
            version_id: None,
            etag: "e".to_owned(),
            size: 1,
            last_modified: DateTime::UNIX_EPOCH + chrono::TimeDelta::minutes(minute),
            metadata: HashMap::new(),
            hidden_metadata: false,
        }
    }

    fn waiting(files: ResultFiles, objects: &[(&str, i64)]) -> Vec<String> {
        let objects: Vec<_> = objects.iter().map(|(key, minute)| object(key, *minute)).collect();
        let scope = &Scope {
            results_prefix: "in/".to_owned(),
            state_prefix: "_state/".to_owned(),
            state_bucket: None,
        };
        let manner = Manner {
            files,
            mode: Mode::Replace,
            scope,
        };
        unmarked(&objects, manner)
            .into_iter()
            .map(|object| object.key.clone())
            .collect()
    }

    #[test]
    fn files_wait_until_a_marker_beside_them_comes_after_them() {
        let files = [
            ("in/s/a", 1),
            ("in/s/b", 3),
            ("in/s/_SUCCESS", 2),
            ("in/t/a", 1),
            ("in/u/a", 1),
            ("in/u/x.DONE", 1),
            ("out/a", 1),
        ];
        assert_eq!(waiting(ResultFiles::Folder, &files), ["in/s/b", "in/t/a"]);
        assert_eq!(waiting(ResultFiles::Single, &files), [""; 0]);
    }

    #[test]
    fn files_wait_until_a_manifest_beside_or_above_them_comes_after_them() {
        let files = [
            ("in/s/manifest", 2),
            ("in/s/data/a", 1),
            ("in/s/data/b", 3),
            ("in/t/a", 1),
        ];
        assert_eq!(waiting(ResultFiles::Manifest, &files), ["in/s/data/b", "in/t/a"]);
    }
}
