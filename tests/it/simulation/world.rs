//! What all workers share: S3's time, the heads, the segments, and what is under way.

use super::dataverse::{Segment, Status};
use super::oracle::Oracle;
use super::rng::Rng;
use super::scenario::Scenario;
use super::{Breach, Plant};
use chrono::{DateTime, Utc};
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
/// How many segments there are; each file is for one of them.
pub(super) const SEGMENTS: usize = 2;
/// When it all begins, in seconds since 1970.
const BEGINNING: i64 = 1_795_000_000;

/// What sets a worker to work.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trigger {
    /// S3's event about a file.
    Event(usize),
    /// A direct command to load a file.
    Order(usize),
    Sweep,
}

/// Everything outside of the workers.
pub(super) struct World {
    started: Instant,
    pub(super) rng: Rng,
    pub(super) plant: Option<Plant>,
    pub(super) scenario: Scenario,
    pub(super) heads: [Option<Head>; SEGMENTS],
    /// Workers that read a deadly file and do not know yet that they are dead.
    pub(super) doomed: Vec<usize>,
    /// How many died of a deadly file.
    pub(super) deaths: u64,
    /// Where the last sweep was.
    pub(super) bookmark: Bookmark,
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

    /// Tells whether nothing will happen any more.
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

    /// Publishes the draft: it is computed some time later, or that fails.
    pub(super) fn publish(&self, world: &mut World, index: usize) {
        let takes = match world.rng.between(0, 10) {
            0 => world.rng.between(5 * MINUTE, 20 * MINUTE),
            _ => world.rng.between(SECOND, MINUTE),
        };
        let stale = if world.rng.happens(300) {
            world.rng.between(SECOND, 40 * SECOND)
        } else {
            0
        };
        let fails = world.goes_wrong(world.scenario.faults.miscompute);
        let now = world.now();
        let segment = &mut world.segments[index];
        segment.publish(now, now + stale);
        let (publication, members) = (segment.publications, segment.published);
        let breach = world.oracle.published(&world.scenario, index, members);
        world.break_off(breach);
        self.after(takes, move |_, world| {
            let now = world.now();
            let segment = &mut world.segments[index];
            if segment.publications == publication {
                if !fails {
                    segment.visible = members;
                }
                segment.show(if fails { Status::Failed } else { Status::Active }, now);
            }
        });
    }
}

impl World {
    pub(super) fn new(seed: u64, plant: Option<Plant>) -> Self {
        let mut rng = Rng::new(seed);
        let scenario = Scenario::draw(&mut rng);
        let segments = std::array::from_fn(|index| match &scenario.initial[index] {
            Some((groups, refreshes)) => Segment::made_by_hand(
                groups.clone(),
                *refreshes || plant == Some(Plant::TruncateInPlace),
                scenario.tells_times,
            ),
            None => Segment::default(),
        });
        let initial = [0, 1].map(|index: usize| segments[index].visible);
        Self {
            started: Instant::now(),
            rng,
            plant,
            oracle: Oracle::new(initial),
            heads: [None, None],
            doomed: Vec::new(),
            deaths: 0,
            bookmark: Bookmark::default(),
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

    /// Tells whether a fault of this frequency happens now.
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
    pub(super) fn swap(&mut self, segment: usize, etag: Option<&str>, head: &Head) -> bool {
        let stored = &mut self.heads[segment];
        if stored.as_ref().map(|stored| stored.nonce.as_str()) != etag {
            return false;
        }
        let old = stored.replace(head.clone());
        self.say(|| format!("head {segment}: {}", told(head)));
        let now = self.now();
        let remote = &self.segments[segment];
        let breach = self
            .oracle
            .head_changed(&self.scenario, segment, old.as_ref(), head, remote, now);
        self.break_off(breach);
        if old.is_none_or(|old| old.applied != head.applied) {
            self.segments[segment].noted = self.segments[segment].published;
        }
        true
    }

    /// Tells whether reading a file kills the worker.
    pub(super) fn dooms(&mut self, worker: usize, file: usize) -> bool {
        let is_deadly = self.scenario.kills(file, self.now());
        if is_deadly {
            self.doomed.push(worker);
            self.deaths += 1;
        }
        is_deadly
    }

    /// Moves the bookmark if it is still the one that was read.
    pub(super) fn move_bookmark(&mut self, from: &Bookmark, behind: &str) -> Option<Bookmark> {
        if self.bookmark != *from {
            return None;
        }
        self.bookmark = Bookmark {
            behind: Some(behind.to_owned()),
            others: from.others.clone(),
            etag: Some(self.fresh().to_string()),
        };
        Some(self.bookmark.clone())
    }

    /// Checks what journeys see after a change of members.
    pub(super) fn look_at_audience(&mut self, index: usize) {
        let members = self.segments[index].visible;
        let breach = self.oracle.published(&self.scenario, index, members);
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

fn told(head: &Head) -> String {
    let pending = head.pending.iter().map(|wish| &*wish.object.key).collect::<Vec<_>>();
    let applied = head.applied.as_ref();
    let applied = applied.map(|applied| (&*applied.wish.object.key, applied.confirmed));
    let owner = head.lease.as_ref().map(|lease| &lease.owner[24..]);
    let failures = head.failures.as_ref().map(|failures| failures.count);
    let writing = head
        .writing
        .as_ref()
        .map(|writing| (writing.published, writing.publishing));
    format!("pending {pending:?} applied {applied:?} lease {owner:?} writing {writing:?} failures {failures:?}")
}
