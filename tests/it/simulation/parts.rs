//! Results in several files: a marker or manifest says that all are there, and what lies there may change all the same.

use super::Plant;
use super::calls::{BUCKET, Simulated};
use super::contacts::{Contacts, some_of};
use super::files::{File, whole_seconds};
use super::people::Trigger;
use super::rng::Rng;
use super::scenario::Scenario;
use super::situations::Situation;
use super::world::{MINUTE, SECOND, World};
use segment_loader::config::ResultFiles;
use segment_loader::domain::{Mode, Pinned, RunId};
use segment_loader::source::{self, Misfit, ObjectVersion, Parts, Problem};
use std::collections::HashMap;

/// One content of one file of a result.
pub(super) struct Part {
    key: String,
    written: u64,
    /// When it was deleted, or another content took its place.
    gone: Option<u64>,
    contacts: Contacts,
}

/// What becomes of a result after its marker was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Parts are written again.
    Rewritten,
    /// A part comes late.
    Late,
    /// A part is deleted.
    Deleted,
    /// The marker or manifest is deleted.
    Unmarked,
}

impl Change {
    const fn situation(self) -> Situation {
        match self {
            Self::Rewritten => Situation::PartsRewritten,
            Self::Late => Situation::PartCameLate,
            Self::Deleted => Situation::PartDeleted,
            Self::Unmarked => Situation::MarkerDeleted,
        }
    }
}

/// Puts each result into a folder of its own: what has the same key writes its parts over those of the result before.
pub(super) fn put_in_folders(rng: &mut Rng, files: &mut [File], result_files: ResultFiles) -> Vec<Part> {
    let marker = match result_files {
        ResultFiles::Manifest => "rows.manifest",
        _ => "_SUCCESS",
    };
    let mut parts: Vec<Part> = Vec::new();
    for index in 0..files.len() {
        let (before, rest) = files.split_at_mut(index);
        let file = &mut rest[0];
        file.uploaded += 20 * SECOND * index as u64;
        file.overwritten = None;
        file.key = file.key.replace(".csv", &format!("/{marker}"));
        let earlier = before.iter().rfind(|before| before.segment == file.segment);
        if let Some(earlier) = earlier.filter(|_| rng.happens(400)) {
            file.key.clone_from(&earlier.key);
        }
        let written = file.uploaded - rng.between(0, 4 * SECOND);
        if let Some(before) = before.iter_mut().rfind(|before| before.key == file.key) {
            before.overwritten = Some(file.uploaded);
            before.changed = Some((written, Change::Rewritten));
            before.planned = None;
        }
        write(rng, &mut parts, file, written);
        if rng.happens(800) {
            let change = rng.one_of(&[
                Change::Rewritten,
                Change::Late,
                Change::Deleted,
                Change::Deleted,
                Change::Deleted,
                Change::Deleted,
                Change::Unmarked,
            ]);
            let most = rng.one_of(&[10 * SECOND, 2 * MINUTE, 40 * MINUTE]);
            let is_unlisted = change == Change::Late && result_files == ResultFiles::Manifest;
            let change = if is_unlisted { Change::Rewritten } else { change };
            file.planned = Some((file.uploaded + rng.between(SECOND, most), change));
        }
    }
    parts
}

/// Writes the parts of a result; some of those that lie there already may stay.
fn write(rng: &mut Rng, parts: &mut Vec<Part>, file: &mut File, written: u64) {
    let mut keys: Vec<String> = Vec::new();
    let stays = rng.one_of(&[0, 400, 400, 1_000]);
    for part in parts.iter_mut().filter(|part| part.lies_beside(&file.key, written)) {
        if !rng.happens(stays) {
            part.gone = Some(written);
            keys.push(part.key.clone());
        }
    }
    let is_first = !parts.iter().any(|part| part.lies_beside(&file.key, u64::MAX)) && keys.is_empty();
    if is_first {
        let names = ["one", "two", "three", "four"];
        let count = usize::try_from(rng.between(1, 5)).unwrap();
        keys.extend(
            names
                .iter()
                .take(count)
                .map(|name| format!("{}{name}.csv", folder(&file.key))),
        );
    }
    let mut rest = file.contacts;
    for (index, key) in keys.iter().enumerate() {
        let share = 1_000 / (keys.len() - index) as u64;
        let contacts = some_of(rng, rest, share);
        rest &= !contacts;
        parts.push(Part {
            key: key.clone(),
            written,
            gone: None,
            contacts,
        });
    }
    let there = parts.iter().filter(|part| part.lies_beside(&file.key, file.uploaded));
    file.contacts = there.fold(0, |union, part| union | part.contacts);
}

impl Part {
    fn lies_beside(&self, marker: &str, now: u64) -> bool {
        let lies_there = self.written <= now && self.gone.is_none_or(|gone| now < gone);
        folder(&self.key) == folder(marker) && lies_there
    }
}

fn folder(key: &str) -> &str {
    key.rsplit_once('/').map_or("", |(folder, _)| &key[..=folder.len()])
}

impl Scenario {
    /// Returns whether results come in several files.
    pub(super) fn is_in_several(&self) -> bool {
        self.result_files != ResultFiles::Single
    }

    /// Returns whether a result is not any more what it was when its marker was written.
    pub(super) fn is_changed(&self, file: usize, now: u64) -> bool {
        self.files[file].changed.is_some_and(|(at, _)| at <= now)
    }

    /// Returns whether what a file stood for was replaced or changed.
    pub(super) fn is_lost(&self, file: usize) -> bool {
        self.files[file].overwritten.is_some() || self.files[file].changed.is_some()
    }

    /// Returns whether some parts of a result were written before the marker of an earlier one, and some after it.
    pub(super) fn is_mixed(&self, file: usize, earlier: usize) -> bool {
        let (file, earlier) = (&self.files[file], &self.files[earlier]);
        let mut there = self
            .parts
            .iter()
            .filter(|part| part.lies_beside(&file.key, file.uploaded));
        let is_older = |part: &Part| part.written / SECOND <= earlier.uploaded / SECOND;
        let first = there.next().map(is_older);
        file.key == earlier.key && earlier.uploaded < file.uploaded && there.any(|part| Some(is_older(part)) != first)
    }

    /// Returns the files of the result that a marker or manifest stands for, as they lie there at `now`.
    pub(super) fn parts(&self, marker: &ObjectVersion, now: u64) -> Result<Parts, source::Error> {
        let object = |index: usize| ObjectVersion {
            bucket: BUCKET.to_owned(),
            key: self.parts[index].key.clone(),
            version_id: None,
            etag: index.to_string(),
            size: 42,
            last_modified: whole_seconds(self.parts[index].written),
            metadata: HashMap::new(),
            hidden_metadata: false,
        };
        let lies_there = |index: &usize| self.parts[*index].lies_beside(&marker.key, now);
        let files: Vec<_> = (0..self.parts.len()).filter(lies_there).map(object).collect();
        let invalid = |misfit: Misfit| source::Error::Invalid {
            object: marker.url(),
            problem: Problem::Parts(misfit),
        };
        let listed = self
            .parts
            .iter()
            .filter(|part| folder(&part.key) == folder(&marker.key));
        let is_missing = |part: &&Part| !files.iter().any(|file| file.key == part.key);
        match listed.into_iter().find(is_missing) {
            Some(missing) if self.result_files == ResultFiles::Manifest => Err(invalid(Misfit::MissingPart {
                part: missing.key.clone(),
            })),
            _ if files.is_empty() => Err(invalid(Misfit::NoParts)),
            _ => Ok(Parts {
                files,
                warnings: Vec::new(),
            }),
        }
    }

    /// Reads parts to their ends, which must be those that were listed.
    ///
    /// What was replaced is told of as a part, or as the marker.
    pub(super) fn read_parts(
        &self,
        parts: &[ObjectVersion],
        now: u64,
        is_marker: bool,
    ) -> Result<Contacts, source::Error> {
        let mut contacts = 0;
        for object in parts {
            let is_it = |part: &&Part| part.key == object.key && part.lies_beside(&object.key, now);
            let found = self.parts.iter().position(|part| is_it(&part));
            let is_listed = |index: &usize| object.etag == ANY || object.etag == index.to_string();
            let Some(part) = found.filter(is_listed) else {
                let object = object.url();
                return Err(if is_marker {
                    source::Error::Renewed { object }
                } else {
                    source::Error::Replaced { object }
                });
            };
            contacts |= self.parts[part].contacts;
        }
        Ok(contacts)
    }

    /// Returns the name of the run that loads what a file stands for at `now`.
    pub(super) fn run_id(&self, file: usize, mode: Mode, environment: usize, now: u64) -> RunId {
        let job = self.job(file, mode, environment);
        let parts = self.parts(&self.object(file), now).map(|parts| parts.pin());
        let pinned = self.is_in_several().then(|| parts.unwrap_or_else(|_| Pinned::of([])));
        RunId::of(
            &super::kinds::home(environment),
            &job.segment_name,
            mode,
            &job.object,
            pinned.as_ref(),
        )
    }
}

/// The tag of every file in a house where nobody looks at tags.
pub(super) const ANY: &str = "any";

impl World {
    /// Changes a result after its marker was written, where it is still there and nobody could take it for complete.
    pub(super) fn change_result(&mut self, file: usize, change: Change) {
        let now = self.now();
        let of_file = &self.scenario.files[file];
        let (key, is_gone) = (of_file.key.clone(), of_file.overwritten.is_some());
        // Of a folder that was listed for the first time after that nobody can tell that something is missing.
        let files = &self.scenario.files;
        let is_beside = |other: usize| files[other].segment == of_file.segment;
        let is_direct = |(_, trigger): &(u64, Trigger)| matches!(trigger, Trigger::Direct(other) if is_beside(*other));
        // What is overtaken is forgotten, and taken up anew where what overtook it cannot be loaded.
        let is_listed_again = (file + 1..files.len()).any(is_beside) || self.scenario.deliveries.iter().any(is_direct);
        let is_untold = change == Change::Deleted && (is_listed_again || !self.oracle.was_taken_up(file));
        if is_gone || self.scenario.is_changed(file, now) || is_untold {
            return;
        }
        let parts = &mut self.scenario.parts;
        let there: Vec<usize> = (0..parts.len())
            .filter(|part| parts[*part].lies_beside(&key, now))
            .collect();
        let first = self.rng.one_of(&there);
        let contacts = some_of(&mut self.rng, u128::MAX, 200);
        match change {
            Change::Unmarked => self.scenario.files[file].unmarked = Some(now),
            Change::Deleted => parts[first].gone = Some(now),
            Change::Rewritten | Change::Late => {
                let key = if change == Change::Late {
                    format!("{}late.csv", folder(&key))
                } else {
                    parts[first].gone = Some(now);
                    parts[first].key.clone()
                };
                parts.push(Part {
                    key,
                    written: now,
                    gone: None,
                    contacts,
                });
            }
        }
        self.scenario.files[file].changed = Some((now, change));
        self.say(|| format!("what file {file} stands for is changed: {change:?}"));
    }

    /// Takes note of what a worker finds that looks for the files of a result.
    pub(super) fn finds_parts(&mut self, file: usize) {
        let now = self.now();
        if let Some((_, change)) = self.scenario.files[file].changed.filter(|(at, _)| *at <= now) {
            self.seen.meet(change.situation());
        }
    }
}

impl Simulated {
    /// Finds the files of the result that a marker or manifest stands for.
    pub(super) async fn find_parts(&self, marker: &ObjectVersion) -> Result<Parts, source::Error> {
        if !self.ask_s3(20, 1_000, self.faults().refuse / 10).await {
            return Err(Self::object_error(&marker.key));
        }
        let file = marker.etag.parse().unwrap();
        self.looks_at.set(Some(file));
        let mut world = self.world.get();
        world.finds_parts(file);
        let mut found = world.scenario.parts(marker, world.now())?;
        if world.plant == Some(Plant::PartsAreNotPinned) {
            for part in &mut found.files {
                ANY.clone_into(&mut part.etag);
                part.last_modified = marker.last_modified;
            }
        }
        Ok(found)
    }
}
