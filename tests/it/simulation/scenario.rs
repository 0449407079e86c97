//! What one seed plays: the files and what they hold, what tells of them and when, and how much goes wrong.

use super::calls::BUCKET;
use super::contacts::{Contacts, some_of};
use super::rng::Rng;
use super::world::{MINUTE, SECOND, SEGMENTS, Trigger, s3_time};
use chrono::{DateTime, Utc};
use segment_loader::domain::{Home, Mode, ObjectRef, RunId, SegmentName};
use segment_loader::event::LoadCommand;
use segment_loader::intent::Hint;
use segment_loader::source::ObjectVersion;
use segment_loader::state::Wish;
use std::collections::HashMap;

/// How long after everything else has calmed down a deadly file goes on killing.
const MENDED_AFTER: u64 = 12 * 60 * MINUTE;

/// One version of one object, dropped at `uploaded`.
pub(super) struct File {
    pub(super) segment: usize,
    pub(super) uploaded: u64,
    pub(super) contacts: Contacts,
    /// Truncated, without the column, ...: it can never be read.
    pub(super) is_unreadable: bool,
    /// It kills whoever reads it, until somebody has found out why.
    pub(super) is_deadly: bool,
    /// In a bucket without versions: when another file took its key.
    pub(super) overwritten: Option<u64>,
    key: String,
    version: Option<String>,
}

/// How often things go wrong, in a thousand chances each.
#[derive(Clone, Copy, Default)]
pub(super) struct Faults {
    /// A worker is killed, at any step.
    pub(super) kill: u64,
    /// A worker stands still for up to twice its lease, and then goes on.
    pub(super) freeze: u64,
    /// A request is carried out and its answer lost.
    pub(super) lose_answer: u64,
    /// A request is not carried out.
    pub(super) refuse: u64,
    /// All tries of a call fail, the last one perhaps carried out later.
    pub(super) give_up: u64,
    /// A call takes as long as a call may take.
    pub(super) slow: u64,
    /// Dynamics fails to compute a published segment.
    pub(super) miscompute: u64,
}

/// Everything that a seed decides before the first step.
pub(super) struct Scenario {
    pub(super) mode: Mode,
    /// Whether the bucket keeps versions.
    pub(super) is_versioned: bool,
    pub(super) files: Vec<File>,
    /// When which trigger reaches a worker for the first time.
    pub(super) deliveries: Vec<(u64, Trigger)>,
    /// The mode that orders name.
    pub(super) order_mode: Mode,
    /// Contacts that Dynamics drops without a word, and those it refuses by name.
    pub(super) dropped: Contacts,
    pub(super) rejected: Contacts,
    /// The groups of a segment that exists before the first file, and whether it is refreshed automatically.
    pub(super) initial: [Option<(Vec<Contacts>, bool)>; SEGMENTS],
    /// Whether definitions say when their members were computed.
    pub(super) tells_times: bool,
    pub(super) batch: usize,
    pub(super) abreast: usize,
    /// Lambda's timeout.
    pub(super) timeout: u64,
    pub(super) faults: Faults,
    /// From here on nothing goes wrong any more.
    pub(super) calm_from: u64,
}

/// Lets Dynamics take one contact of a file: of one that it takes nothing of, nobody can tell that the list does not lag.
fn spare_one_of(dropped: Contacts, file: &File) -> Contacts {
    if file.contacts & !dropped != 0 {
        return dropped;
    }
    dropped & !(file.contacts & file.contacts.wrapping_neg())
}

impl Scenario {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let mode = rng.one_of(&[Mode::Replace, Mode::Replace, Mode::Replace, Mode::Append, Mode::Remove]);
        // A large audience is one whose shrinking the guards judge: from 100 members on.
        let is_large = rng.happens(200);
        let is_versioned = mode != Mode::Replace || is_large || rng.happens(800);
        let (dropped, rejected) = match rng.between(0, 4) {
            0 => (some_of(rng, u128::MAX, 100), 0),
            1 => (some_of(rng, u128::MAX, 50), some_of(rng, u128::MAX, 50)),
            _ => (0, 0),
        };
        let known = !dropped & !rejected;
        let initial = [(); SEGMENTS].map(|()| draw_initial(rng, mode, is_large, known));
        let files = draw_files(rng, is_large, is_versioned);
        let dropped = files.iter().fold(dropped, spare_one_of);
        let mut deliveries = Vec::new();
        for (index, file) in files.iter().enumerate() {
            if !rng.happens(150) {
                deliveries.push((file.uploaded + draw_delay(rng), Trigger::Event(index)));
            }
            if rng.happens(250) {
                deliveries.push((file.uploaded + draw_delay(rng), Trigger::Event(index)));
            }
            if rng.happens(150) {
                deliveries.push((file.uploaded + rng.between(SECOND, 30 * MINUTE), Trigger::Order(index)));
            }
        }
        let uploads = files.iter().map(|file| file.uploaded);
        let last = deliveries
            .iter()
            .map(|(at, _)| *at)
            .chain(uploads)
            .max()
            .unwrap_or_default();
        Self {
            mode,
            is_versioned,
            files,
            deliveries,
            order_mode: if rng.happens(800) { mode } else { Mode::Replace },
            dropped,
            rejected,
            initial,
            tells_times: rng.happens(600),
            batch: usize::try_from(if is_large { 25 } else { rng.between(2, 9) }).unwrap(),
            abreast: usize::try_from(rng.between(1, 4)).unwrap(),
            timeout: rng.one_of(&[MINUTE, 5 * MINUTE, 15 * MINUTE]),
            faults: draw_faults(rng),
            calm_from: last + rng.between(0, 20 * MINUTE),
        }
    }

    /// Tells the scenario, for a person who looks into a seed.
    pub(super) fn told(&self) -> Vec<String> {
        let told = |(index, file): (usize, &File)| {
            format!(
                "file {index}: {} {:?} for segment {} at {} ms, {} contacts, unreadable: {}, overwritten: {:?}",
                file.key,
                file.version,
                file.segment,
                file.uploaded,
                file.contacts.count_ones(),
                file.is_unreadable,
                file.overwritten
            )
        };
        let head = format!(
            "{:?}, orders {:?}, calm from {} ms",
            self.mode, self.order_mode, self.calm_from
        );
        [head]
            .into_iter()
            .chain(self.files.iter().enumerate().map(told))
            .collect()
    }

    /// Returns the wish for a file, as an event or an order makes it.
    pub(super) fn wish(&self, file: usize, mode: Mode) -> Wish {
        let segment_name = SegmentName::parse(&self.files[file].segment.to_string()).unwrap();
        let object = self.object(file);
        Wish {
            run_id: RunId::of(&home(), &segment_name, mode, &object.reference(), None),
            order: object.order(),
            object: object.reference(),
            mode,
            segment_name,
            parts: None,
            sample: None,
            approved: false,
            ordered: None,
        }
    }

    /// Returns what a trigger about a file hints at.
    pub(super) fn hint(&self, trigger: Trigger) -> Option<Hint> {
        let (index, command) = match trigger {
            Trigger::Event(index) => (index, None),
            Trigger::Order(index) => (index, Some(self.command(index))),
            Trigger::Sweep => return None,
        };
        let File { key, version, .. } = &self.files[index];
        Some(Hint {
            object: ObjectRef::unseen(BUCKET.to_owned(), key.clone(), version.clone()),
            command,
        })
    }

    fn command(&self, index: usize) -> LoadCommand {
        LoadCommand {
            bucket: None,
            key: self.files[index].key.clone(),
            segment_name: None,
            mode: Some(self.order_mode),
            sample: None,
            dry_run: false,
            approve: None,
        }
    }

    /// Returns the object that is found under a key at `now`: the given version, or the newest.
    pub(super) fn located(&self, object: &ObjectRef, now: u64) -> Option<ObjectVersion> {
        let is_found = |file: &&File| {
            file.key == object.key
                && file.uploaded <= now
                && (object.version_id.is_none() || file.version == object.version_id)
        };
        let newest = self.files.iter().rposition(|file| is_found(&file))?;
        Some(self.object(newest))
    }

    /// Returns the objects that a listing shows at `now`.
    pub(super) fn listing(&self, now: u64) -> Vec<ObjectVersion> {
        let files = (0..SEGMENTS).flat_map(|segment| self.listed(segment, now));
        files.map(|file| self.object(file)).collect()
    }

    fn object(&self, index: usize) -> ObjectVersion {
        let File {
            key, version, uploaded, ..
        } = &self.files[index];
        ObjectVersion {
            bucket: BUCKET.to_owned(),
            key: key.clone(),
            version_id: version.clone(),
            etag: index.to_string(),
            size: 42,
            last_modified: whole_seconds(*uploaded),
            metadata: HashMap::new(),
            hidden_metadata: false,
        }
    }

    /// Returns the files that a listing shows at `now`: the last version of each key.
    pub(super) fn listed(&self, segment: usize, now: u64) -> Vec<usize> {
        let is_listed = |index: &usize| {
            let file = &self.files[*index];
            let is_last =
                |other: &File| other.key != file.key || other.uploaded <= file.uploaded || other.uploaded > now;
            file.segment == segment && file.uploaded <= now && self.files.iter().all(is_last)
        };
        (0..self.files.len()).filter(is_listed).collect()
    }

    /// Tells whether a file kills whoever reads it at `now`.
    pub(super) fn kills(&self, file: usize, now: u64) -> bool {
        self.files[file].is_deadly && now < self.calm_from + MENDED_AFTER
    }

    /// Returns the contacts of a file that Dynamics takes.
    pub(super) fn accepted(&self, file: usize) -> Contacts {
        self.files[file].contacts & !self.dropped & !self.rejected
    }
}

/// Returns where all segments live.
pub(super) fn home() -> Home {
    Home::environment("socktown.crm.dynamics.com".to_owned())
}

/// Returns the file that a wish is about.
pub(super) fn file_of(wish: &Wish) -> usize {
    wish.object.etag.parse().unwrap()
}

fn whole_seconds(millis: u64) -> DateTime<Utc> {
    s3_time(i64::try_from(millis / SECOND * SECOND).unwrap())
}

fn draw_initial(rng: &mut Rng, mode: Mode, is_large: bool, known: Contacts) -> Option<(Vec<Contacts>, bool)> {
    if mode != Mode::Remove && rng.happens(600) {
        return None;
    }
    let members = some_of(rng, known, if is_large { 850 } else { 150 });
    let first = some_of(rng, members, 500);
    let groups = if rng.happens(500) {
        vec![members]
    } else {
        vec![first, members & !first]
    };
    Some((groups, rng.happens(300)))
}

/// Keys have no digits, which would make them look like files of one result in several.
fn letter(number: u64) -> char {
    char::from_digit(u32::try_from(number).unwrap() + 10, 36).unwrap()
}

fn draw_files(rng: &mut Rng, is_large: bool, is_versioned: bool) -> Vec<File> {
    let (mut files, mut twinned): (Vec<File>, Vec<String>) = Default::default();
    let mut uploaded = MINUTE;
    for index in 0..rng.between(2, 5) {
        // Often within the same second, so that the key decides, or what lies there.
        uploaded += rng.one_of(&[100, 400, 5 * SECOND, MINUTE, 5 * MINUTE]);
        let segment = usize::from(rng.happens(250));
        let share = if is_large {
            rng.one_of(&[850, 500, 500, 300])
        } else {
            rng.one_of(&[60, 150, 300])
        };
        let overwritten = files
            .iter_mut()
            .rfind(|file| file.segment == segment && file.overwritten.is_none() && !twinned.contains(&file.key))
            .filter(|_| rng.happens(300));
        let key = overwritten.as_ref().map_or_else(
            || format!("incoming/{segment}/{}-{}.csv", letter(rng.between(0, 9)), letter(index)),
            |file| file.key.clone(),
        );
        let is_overwriting = overwritten.is_some();
        // After a third content nobody could tell which of the two of one second is the newer.
        twinned.extend(
            overwritten
                .iter()
                .filter(|file| file.uploaded / SECOND == uploaded / SECOND)
                .map(|file| file.key.clone()),
        );
        if let Some(file) = overwritten.filter(|_| !is_versioned) {
            file.overwritten = Some(uploaded);
        }
        let is_good = is_overwriting && !is_versioned;
        files.push(File {
            segment,
            uploaded,
            contacts: if !is_good && rng.happens(100) {
                0
            } else {
                some_of(rng, u128::MAX, share)
            },
            is_unreadable: !is_good && rng.happens(70),
            is_deadly: rng.happens(30),
            overwritten: None,
            key,
            // S3's ids are in no order, and never come again.
            version: is_versioned.then(|| format!("v{}-{index}", rng.between(0, 1_000))),
        });
    }
    files
}

/// Most events come within two minutes, some after half an hour.
fn draw_delay(rng: &mut Rng) -> u64 {
    if rng.happens(150) {
        rng.between(2 * MINUTE, 40 * MINUTE)
    } else {
        rng.between(100, 2 * MINUTE)
    }
}

/// Each kind of fault is absent, rare or frequent, independently: a frequent one would hide what a rare one does.
fn draw_faults(rng: &mut Rng) -> Faults {
    Faults {
        kill: rng.one_of(&[0, 5, 25, 60]),
        freeze: rng.one_of(&[0, 0, 5, 25]),
        lose_answer: rng.one_of(&[0, 10, 100]),
        refuse: rng.one_of(&[0, 10, 100]),
        give_up: rng.one_of(&[0, 0, 10, 50]),
        slow: rng.one_of(&[0, 0, 20, 200]),
        miscompute: rng.one_of(&[0, 0, 200]),
    }
}
