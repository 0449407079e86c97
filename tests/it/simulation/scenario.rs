//! What one seed plays: the files and what they hold, what tells of them and when, and how much goes wrong.

use super::contacts::{Contacts, some_of};
use super::files::{File, draw_files, has_younger_twin};
use super::kinds::{Environments, Kind, Lag, home};
use super::parts::{Part, put_in_folders};
use super::people::Trigger;
use super::rng::Rng;
use super::traps::Trap;
use super::world::{MINUTE, NAMES, SECOND, SEGMENTS};
use segment_loader::config::ResultFiles;
use segment_loader::domain::{Mode, RunId, SegmentName};
use segment_loader::state::Job;

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
    /// A marketer changes something in Dynamics.
    pub(super) edit: u64,
    /// A call takes effect after it was given up.
    pub(super) late: u64,
    /// Somebody else publishes the segment that is written to.
    pub(super) publish: u64,
    /// Dynamics answers that it publishes, and does nothing.
    pub(super) ignore: u64,
}

/// Everything that a seed decides before the first step.
pub(super) struct Scenario {
    /// The modes of the functions of each environment.
    pub(super) modes: Vec<Mode>,
    /// Whether the bucket keeps versions.
    pub(super) is_versioned: bool,
    pub(super) files: Vec<File>,
    /// How results come, and the parts of those in several files.
    pub(super) result_files: ResultFiles,
    pub(super) parts: Vec<Part>,
    pub(super) environments: Environments,
    /// How lists of members lag, if they do.
    pub(super) lag: Option<Lag>,
    /// When which trigger reaches a worker for the first time.
    pub(super) deliveries: Vec<(u64, Trigger)>,
    /// The mode that orders name, where it is not the file's own.
    order_mode: Option<Mode>,
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
    /// From here on nothing goes wrong any more but what the files, the heads and the segments do by themselves.
    pub(super) calm_from: u64,
    /// A head that cannot be read, from when on and until when, if ever.
    pub(super) unreadable: Option<(usize, u64, Option<u64>)>,
    /// Until when Dynamics fails to compute a segment, however often it is published.
    pub(super) failing_publishes: [u64; SEGMENTS],
    /// A segment that is made of leads.
    pub(super) leads: Option<usize>,
    /// Whether what was published before is computed first, and shown, where that is not over yet.
    pub(super) computes_in_turn: bool,
    /// How many publishes of a segment show fewer members than its draft has.
    pub(super) short: [u32; SEGMENTS],
}

/// Lets Dynamics take one contact of a file: of one that it takes nothing of, nobody can tell that the list does not lag.
fn spare_one_of(dropped: Contacts, file: &File) -> Contacts {
    if file.contacts & !dropped != 0 {
        return dropped;
    }
    dropped & !(file.contacts & file.contacts.wrapping_neg())
}

impl Scenario {
    pub(super) fn draw(rng: &mut Rng, kinds: &mut Rng) -> Self {
        let mode = rng.one_of(&[Mode::Replace, Mode::Replace, Mode::Replace, Mode::Append, Mode::Remove]);
        // A large audience is one whose shrinking the guards evaluate: from 100 members on.
        let is_large = rng.happens(200);
        let kind = Kind::draw(kinds, mode);
        let is_large = is_large && !matches!(kind, Kind::Mixed | Kind::Short | Kind::Published);
        let is_versioned = kind == Kind::Mixed || mode != Mode::Replace || is_large || rng.happens(800);
        let (dropped, rejected) = match rng.between(0, 4) {
            0 => (some_of(rng, u128::MAX, 100), 0),
            1 => (some_of(rng, u128::MAX, 50), some_of(rng, u128::MAX, 50)),
            _ => (0, 0),
        };
        let known = !dropped & !rejected;
        let initial = draw_initials(rng, kinds, |rng, is_here| {
            let is_there = is_here || kind.has_environments();
            is_there.then(|| draw_initial(rng, mode, is_large, known)).flatten()
        });
        let mut files = draw_files(rng, mode, is_large, is_versioned);
        let (mut result_files, mut parts) = (ResultFiles::Single, Vec::new());
        if let Kind::InSeveral(come) = kind {
            (result_files, parts) = (come, put_in_folders(kinds, &mut files, come));
        }
        let dropped = files.iter().fold(dropped, spare_one_of);
        let deliveries = draw_deliveries(rng, &files);
        let uploads = files.iter().map(|file| file.uploaded);
        let times = deliveries.iter().map(|(at, _)| *at).chain(uploads);
        let last = times.max().unwrap_or_default();
        let calm_from = last + rng.between(0, 20 * MINUTE);
        set_traps(rng, &mut files, calm_from);
        let mut drawn = Self {
            modes: vec![mode],
            is_versioned,
            files,
            result_files,
            parts,
            environments: Environments::One,
            lag: None,
            deliveries,
            order_mode: (!rng.happens(800)).then_some(Mode::Replace),
            dropped,
            rejected,
            initial,
            tells_times: rng.happens(600),
            batch: usize::try_from(if is_large { 25 } else { rng.between(2, 9) }).unwrap(),
            abreast: usize::try_from(rng.between(1, 4)).unwrap(),
            // Whether contacts were dropped or the list lags takes more than a minute to tell.
            timeout: rng.one_of(&[if dropped == 0 { MINUTE } else { 2 * MINUTE }, 5 * MINUTE, 15 * MINUTE]),
            faults: draw_faults(rng, is_large),
            calm_from,
            unreadable: rng.happens(40).then(|| draw_unreadable(rng, calm_from)),
            failing_publishes: [0; SEGMENTS],
            leads: None,
            computes_in_turn: false,
            short: [0; SEGMENTS],
        };
        for until in &mut drawn.failing_publishes[..NAMES] {
            *until = draw_failing_publishes(rng, calm_from);
        }
        drawn.shape(kind, kinds);
        drawn.delay(kind, kinds);
        drawn
    }

    /// Tells the scenario, for a person who looks into a seed.
    pub(super) fn told(&self) -> Vec<String> {
        let told = |(index, file): (usize, &File)| {
            format!(
                "file {index}: {:?} {} {:?} for segment {} at {} ms, {} contacts, unreadable: {}, overwritten: {:?}, {:?}, {:?}",
                file.mode,
                file.key,
                file.version,
                file.segment,
                file.uploaded,
                file.contacts.count_ones(),
                file.is_unreadable,
                file.overwritten,
                file.planned,
                file.trap
            )
        };
        let head = format!(
            "{:?} {:?} {:?} {:?}, orders {:?}, calm from {} ms, unreadable {:?}, publishes fail until {:?}",
            self.modes,
            self.result_files,
            self.environments,
            self.lag,
            self.order_mode,
            self.calm_from,
            self.unreadable,
            self.failing_publishes
        );
        [head]
            .into_iter()
            .chain(self.files.iter().enumerate().map(told))
            .collect()
    }

    /// Returns the mode in which an order is to load a file.
    pub(super) fn order_mode(&self, file: usize) -> Mode {
        self.order_mode.unwrap_or(self.files[file].mode)
    }

    /// Returns whether every file says who is in its segment.
    pub(super) fn is_of_replaces(&self) -> bool {
        self.modes == [Mode::Replace]
    }

    /// Returns the job for a file, as an event or an order makes it.
    pub(super) fn job(&self, file: usize, mode: Mode, environment: usize) -> Job {
        let segment_name = SegmentName::parse(&self.files[file].segment.to_string()).unwrap();
        let object = self.object(file);
        Job {
            run_id: RunId::of(&home(environment), &segment_name, mode, &object.reference(), None),
            position: object.position(),
            object: object.reference(),
            mode,
            segment_name,
            parts: None,
            sample: None,
            approved: false,
            direct: None,
        }
    }
}

/// Draws what is there before the first file: in the first environment, and in the second of other numbers.
fn draw_initials<T>(rng: &mut Rng, kinds: &mut Rng, draw: impl Fn(&mut Rng, bool) -> T) -> [T; SEGMENTS] {
    std::array::from_fn(|segment| {
        let is_here = segment < NAMES;
        draw(if is_here { &mut *rng } else { &mut *kinds }, is_here)
    })
}

/// Draws what files do to whoever works on them.
fn set_traps(rng: &mut Rng, files: &mut [File], calm_from: u64) {
    // Where a whole segment kills, the sweep has to come to the other one all the same.
    let is_poisoned = rng.happens(30);
    for file in files {
        file.trap = if is_poisoned && file.segment == 0 {
            Some(Trap::POISON)
        } else {
            rng.happens(100).then(|| Trap::draw(rng, calm_from))
        };
    }
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

/// Draws when S3's events come, and when people make dry runs and load directly.
fn draw_deliveries(rng: &mut Rng, files: &[File]) -> Vec<(u64, Trigger)> {
    let mut deliveries = Vec::new();
    for (index, file) in files.iter().enumerate() {
        if !rng.happens(150) {
            deliveries.push((file.uploaded + draw_delay(rng), Trigger::Event(index)));
        }
        if rng.happens(250) {
            deliveries.push((file.uploaded + draw_delay(rng), Trigger::Event(index)));
        }
        // Where S3 did not answer a sweep that asked which of two of a second is the newer, an order for the older one is
        // overtaken by the newer, which was known before.
        if rng.happens(150) && !has_younger_twin(files, file) {
            deliveries.push((file.uploaded + rng.between(SECOND, 30 * MINUTE), Trigger::Direct(index)));
        }
        if rng.happens(50) {
            deliveries.push((file.uploaded + rng.between(SECOND, 30 * MINUTE), Trigger::DryRun(index)));
        }
    }
    deliveries
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
fn draw_faults(rng: &mut Rng, is_large: bool) -> Faults {
    Faults {
        kill: rng.one_of(&[0, 5, 25, 60]),
        freeze: rng.one_of(&[0, 0, 5, 25]),
        lose_answer: rng.one_of(&[0, 10, 100]),
        refuse: rng.one_of(&[0, 10, 100]),
        give_up: rng.one_of(&[0, 0, 10, 50]),
        slow: rng.one_of(&[0, 0, 20, 200]),
        miscompute: rng.one_of(&[0, 0, 200]),
        // By a large audience the guards evaluate, which goes by what a marketer has done, too.
        edit: if is_large { 0 } else { rng.one_of(&[0, 0, 0, 30]) },
        publish: 0,
        ignore: 0,
        late: 0,
    }
}

/// Draws a head that cannot be read: for some hours, or until somebody restores it.
fn draw_unreadable(rng: &mut Rng, calm_from: u64) -> (usize, u64, Option<u64>) {
    let segment = usize::try_from(rng.between(0, NAMES as u64)).unwrap();
    let from = rng.between(MINUTE, calm_from);
    let until = (!rng.happens(300)).then(|| calm_from + draw_hours(rng, 500, 6));
    (segment, from, until)
}

/// Draws some hours, in so many cases of a thousand.
fn draw_hours(rng: &mut Rng, per_mille: u64, most: u64) -> u64 {
    if rng.happens(per_mille) {
        rng.between(1, most + 1) * 60 * MINUTE
    } else {
        0
    }
}

/// Draws until when no publish is computed, if one is not.
fn draw_failing_publishes(rng: &mut Rng, calm_from: u64) -> u64 {
    match draw_hours(rng, 50, 6) {
        0 => 0,
        hours => calm_from + hours,
    }
}
