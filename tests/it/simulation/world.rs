//! What all workers share: S3's time, the heads, the segments, and what is under way.

use super::contacts::Contacts;
use super::dataverse::Segment;
use super::files::file_of;
use super::oracle::{Doubt, Oracle};
use super::others::Others;
use super::outcomes::Known;
use super::patience::{CALLED_AFTER, Heard};
use super::people::People;
use super::rng::Rng;
use super::scenario::Scenario;
use super::situations::{Situation, Tally};
use super::{Breach, Plant, noticing, oracle};
use chrono::{DateTime, Utc};
use segment_loader::dynamics::GroupId;
use segment_loader::state::{Bookmark, Head};
use std::cell::{Cell, RefCell, RefMut};
use std::rc::Rc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Milliseconds.
pub(super) const SECOND: u64 = 1_000;
pub(super) const MINUTE: u64 = 60 * SECOND;
/// The default of `LEASE_SECONDS`.
pub(super) const LEASE: u64 = 180 * SECOND;
/// How many segments' names there are; each file is for one of them.
pub(super) const NAMES: usize = 2;
/// How many segments there are: those of the first environment, then those of the second.
pub(super) const SEGMENTS: usize = 2 * NAMES;
/// What tells the numbers that kinds are drawn of from all others.
const KINDS: u64 = 0x6B69_6E64_7300_0000;
/// When it all begins, in seconds since 1970.
const BEGINNING: i64 = 1_795_000_000;

/// Everything outside of the workers.
pub(super) struct World {
    started: Instant,
    pub(super) rng: Rng,
    pub(super) plant: Option<Plant>,
    pub(super) scenario: Scenario,
    pub(super) heads: [Option<Head>; SEGMENTS],
    /// Workers that read a deadly file and do not know yet that they are dead.
    pub(super) doomed: Vec<usize>,
    /// How many died of each file, and how many in a row before it was done with.
    pub(super) deaths: Vec<u32>,
    pub(super) deaths_in_a_row: Vec<u32>,
    /// The last worker that each file, or Dynamics with it, has kept waiting until its time was over.
    pub(super) hung: Vec<Option<usize>>,
    /// What workers could know of each other.
    pub(super) known: Known,
    /// The workers on dry runs, and those that a direct load without an approval has set to work.
    pub(super) dry_runs: Vec<usize>,
    pub(super) orders: Vec<usize>,
    pub(super) people: People,
    pub(super) others: Others,
    /// What people have heard of each segment.
    pub(super) heard: [Heard; SEGMENTS],
    /// When something was put aside last, after which the next sweep looks for what is older, and when sweeps began last.
    pub(super) put_aside_at: u64,
    pub(super) swept_at: u64,
    /// How many sweeps have begun while something waited for no reason.
    pub(super) waiting: [u32; SEGMENTS],
    /// How often Dynamics failed in a row to compute a segment, after a head had noted that it was published.
    pub(super) late_failures: [u32; SEGMENTS],
    /// The worker that has published a segment, until a head takes note of it.
    pub(super) publishers: [Option<usize>; SEGMENTS],
    /// Until when a call may still take effect whose worker knew so when it wrote the head.
    pub(super) late_until: [Option<u64>; SEGMENTS],
    /// What is carried out just now was given up before.
    pub(super) comes_late: bool,
    /// The moment that the last list of members has shown.
    listed: u64,
    /// The situations that this seed came to.
    pub(super) seen: Tally,
    /// Where the last sweep of each environment was.
    pub(super) bookmarks: [Bookmark; 2],
    pub(super) segments: [Segment; SEGMENTS],
    pub(super) oracle: Oracle,
    pub(super) breach: Option<Breach>,
    /// What happened, where somebody wants to know it.
    pub(super) story: Option<Vec<String>>,
    counter: u128,
    /// Write requests under way: who sent it, to which segment, and when it is carried out.
    under_way: Vec<(usize, usize, u64)>,
}

/// The world, as the scheduler and all workers have it in hand.
#[derive(Clone)]
pub(super) struct Shared {
    world: Rc<RefCell<World>>,
    /// Counts what will still happen.
    unfinished: Rc<Cell<u32>>,
}

impl Shared {
    pub(super) fn new(world: World) -> Self {
        Self {
            world: Rc::new(RefCell::new(world)),
            unfinished: Rc::default(),
        }
    }

    pub(super) fn get(&self) -> RefMut<'_, World> {
        self.world.borrow_mut()
    }

    /// Returns whether nothing will happen any more.
    pub(super) fn is_idle(&self) -> bool {
        self.unfinished.get() == 0
    }

    /// Lets something happen beside everything else.
    pub(super) fn begin(&self, task: impl Future<Output = ()> + 'static) {
        let unfinished = Rc::clone(&self.unfinished);
        unfinished.set(unfinished.get() + 1);
        tokio::task::spawn_local(async move {
            task.await;
            unfinished.set(unfinished.get() - 1);
        });
    }

    /// Lets something happen later, whether or not the worker that asked for it still lives by then.
    pub(super) fn after(&self, millis: u64, effect: impl FnOnce(&Self, &mut World) + 'static) {
        let shared = self.clone();
        self.begin(async move {
            sleep(Duration::from_millis(millis)).await;
            effect(&shared, &mut shared.get());
        });
    }
}

impl World {
    pub(super) fn new(seed: u64, plant: Option<Plant>) -> Self {
        let mut rng = Rng::new(seed);
        let scenario = Scenario::draw(&mut rng, &mut Rng::new(seed ^ KINDS));
        let mut segments = std::array::from_fn(|index| match &scenario.initial[index] {
            Some((groups, refreshes)) => Segment::made_by_hand(
                groups.clone(),
                *refreshes || plant == Some(Plant::TruncateInPlace),
                scenario.tells_times,
            ),
            None => Segment::default(),
        });
        if let Some(leads) = scenario.leads {
            segments[leads].is_of_leads = true;
        }
        let mut tally = Tally::none();
        if scenario.has_twins() {
            tally.meet(Situation::UploadedTwiceInASecond);
        }
        let initial = std::array::from_fn(|index| segments[index].visible);
        Self {
            started: Instant::now(),
            rng,
            plant,
            oracle: Oracle::new(initial),
            heads: Default::default(),
            doomed: Vec::new(),
            deaths: vec![0; scenario.files.len()],
            deaths_in_a_row: vec![0; scenario.files.len()],
            hung: vec![None; scenario.files.len()],
            known: Known::default(),
            dry_runs: Vec::new(),
            orders: Vec::new(),
            people: People::default(),
            others: Others::default(),
            heard: Default::default(),
            put_aside_at: 0,
            swept_at: 0,
            waiting: [0; SEGMENTS],
            late_failures: [0; SEGMENTS],
            publishers: [None; SEGMENTS],
            late_until: [None; SEGMENTS],
            comes_late: false,
            listed: 0,
            seen: tally,
            bookmarks: Default::default(),
            segments,
            breach: None,
            story: None,
            counter: 0,
            under_way: Vec::new(),
            scenario,
        }
    }

    /// Returns the milliseconds since the beginning.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap()
    }

    pub(super) fn is_calm(&self) -> bool {
        self.now() >= self.scenario.calm_from
    }

    /// Returns whether a fault of this frequency happens now.
    pub(super) fn goes_wrong(&mut self, per_mille: u64) -> bool {
        self.rng.happens(per_mille) && !self.is_calm()
    }

    /// Returns a number that nobody else has.
    pub(super) const fn fresh(&mut self) -> u128 {
        self.counter += 1;
        self.counter
    }

    pub(super) fn say(&mut self, what: impl FnOnce() -> String) {
        let now = self.now();
        if let Some(story) = &mut self.story {
            story.push(format!("{:>6}.{:03} {}", now / SECOND, now % SECOND, what()));
        }
    }

    pub(super) fn break_off(&mut self, breach: Option<Breach>) {
        if let Some(breach) = breach
            && self.breach.is_none()
        {
            self.say(|| format!("breach: {breach:?}"));
            self.breach = Some(breach);
        }
    }

    /// Takes note that a worker sends a write which is carried out at `at`: nobody else may have one under way.
    pub(super) fn sends(&mut self, process: usize, segment: usize, at: u64) {
        self.leaves_a_trace(process);
        let breach = || Breach::Partial(format!("segment {segment} is written to, which is one of leads"));
        self.break_off(self.segments[segment].is_of_leads.then(breach));
        let now = self.now();
        self.under_way.retain(|(_, _, until)| *until > now);
        let other = self
            .under_way
            .iter()
            .find(|other| other.1 == segment && other.0 != process);
        // Without a lease that goes without saying; the question is what comes of it.
        if let Some((other, _, until)) = other.filter(|_| self.plant != Some(Plant::EveryLeaseIsGranted)) {
            let breach = Breach::TwoSenders(format!("worker {process} sends while {other} has a call until {until}"));
            self.break_off(Some(breach));
        }
        self.under_way.push((process, segment, at));
    }

    /// Writes a head if it is still the one that was read; tells whether it is written.
    pub(super) fn swap(&mut self, process: usize, segment: usize, etag: Option<&str>, head: &Head) -> bool {
        if self.head_is_unreadable(segment) {
            return false;
        }
        self.leaves_a_trace(process);
        let stored = &mut self.heads[segment];
        if stored.as_ref().map(|stored| stored.nonce.as_str()) != etag {
            return false;
        }
        let old = stored.replace(head.clone());
        self.say(|| format!("head {segment}: {}", noticing::told(head)));
        let now = self.now();
        self.known.wrote(process, segment, head, now);
        self.look_at_the_head(process, segment, old.as_ref(), head);
        let applied = |head: &Head| head.applied.as_ref().map(|applied| applied.job.clone());
        if old.as_ref().and_then(applied) != applied(head) && self.late_failures[segment] <= CALLED_AFTER {
            self.late_failures[segment] = 0;
        }
        if old.is_none_or(|old| old.applied != head.applied) {
            self.segments[segment].noted = self.segments[segment].published;
            self.publishers[segment] = None;
        }
        true
    }

    /// Returns what an audience that is published now cannot be judged by.
    pub(super) fn doubt(&self, index: usize) -> Doubt {
        Doubt {
            excluded: self.segments[index].excluded,
            undecided: self.undecided(index),
        }
    }

    /// Judges a change of a head, and notes what it shows.
    fn look_at_the_head(&mut self, process: usize, segment: usize, old: Option<&Head>, head: &Head) {
        let (now, doubt) = (self.now(), self.doubt(segment));
        self.judge_the_shortage(segment, head);
        self.note_what_hides_others(segment, old, head);
        for job in head.pending.iter().filter(|_| self.orders.contains(&process)) {
            self.oracle.asked_for(&self.scenario, segment, job, false, now);
        }
        let remote = (&self.segments[segment], doubt);
        let breach = self
            .oracle
            .head_changed(&self.scenario, segment, old, head, remote, now);
        self.break_off(breach);
        let breach = head.pending.iter().find_map(|job| self.people.judge(job));
        self.break_off(breach);
        for refused in oracle::refusals(old, head) {
            self.seen.meet(Situation::PutAside);
            self.put_aside_at = now;
            let file = file_of(refused);
            let mut earlier = 0..self.scenario.files.len();
            if !self.scenario.is_changed(file, now) && earlier.any(|earlier| self.scenario.is_mixed(file, earlier)) {
                self.seen.meet(Situation::OlderPartsRefused);
            }
            self.people.learn(refused);
        }
        self.note_what_was_done(segment, old, head);
    }

    /// Takes note that a worker writes something: one on a dry run must not.
    pub(super) fn leaves_a_trace(&mut self, process: usize) {
        if self.dry_runs.contains(&process) {
            self.break_off(Some(Breach::Trace(format!("worker {process} writes in a dry run"))));
        }
    }

    /// Moves the bookmark if it is still the one that was read.
    pub(super) fn move_bookmark(&mut self, environment: usize, from: &Bookmark, behind: &str) -> Option<Bookmark> {
        if self.bookmarks[environment] != *from {
            return None;
        }
        let moved = Bookmark {
            behind: Some(behind.to_owned()),
            others: from.others.clone(),
            etag: Some(self.fresh().to_string()),
        };
        if self.plant == Some(Plant::EverySweepBeginsAtTheBeginning) {
            return Some(from.clone());
        }
        self.bookmarks[environment] = moved.clone();
        Some(moved)
    }

    /// Judges whom Dynamics is said not to have taken, but by lists of which a later one shows less than an earlier one.
    pub(super) fn blames(&mut self, contacts: Contacts) {
        if self.scenario.lag.is_some_and(|lag| lag.wavers) {
            return;
        }
        let blamed = contacts & !self.scenario.dropped & !self.scenario.rejected;
        let breach = || {
            Breach::Blamed(format!(
                "Dynamics takes {} of those who are said not to be taken",
                blamed.count_ones()
            ))
        };
        self.break_off((blamed != 0).then(breach));
    }

    /// Lists the members of a group, as lists show them now.
    pub(super) fn list(&mut self, index: usize, group: &GroupId) -> Contacts {
        let now = self.now();
        let members = self.segments[index].members(group);
        let moment = self.scenario.draw_shown(&mut self.rng, now);
        let shown = self.segments[index].members_at(group, moment);
        if moment < std::mem::replace(&mut self.listed, moment) {
            self.seen.meet(Situation::ListWavered);
        }
        if shown != members {
            self.seen.meet(Situation::ListLagged);
        }
        self.say(|| format!("segment {index}: a list shows {shown:032x} of {members:032x}"));
        shown
    }

    /// Checks what journeys see after a change of members, where it is not a marketer who shows it.
    pub(super) fn look_at_audience(&mut self, index: usize) {
        let segment = &self.segments[index];
        if segment.edits.is_shown || segment.is_short || segment.is_shown_by_others {
            return;
        }
        let doubt = Doubt {
            excluded: 0,
            undecided: segment.edits.touched | segment.ever_excluded,
        };
        let breach = self.oracle.published(&self.scenario, index, segment.visible, doubt);
        self.break_off(breach);
    }
}

/// Returns Dynamics' time so many milliseconds after the beginning: another clock than S3's, and in whole seconds.
pub(super) fn dynamics_time(millis: u64) -> DateTime<Utc> {
    const AHEAD: u64 = 47 * MINUTE;
    s3_time(i64::try_from((millis + AHEAD) / SECOND * SECOND).unwrap())
}

/// Returns S3's time so many milliseconds after the beginning.
pub(super) fn s3_time(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(BEGINNING, 0).unwrap() + chrono::Duration::milliseconds(millis)
}
