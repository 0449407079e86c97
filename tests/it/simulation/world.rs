//! What all workers share: S3's time, the heads, the segments, and what is going to happen.

use super::dataverse::{Segment, Status};
use super::oracle::Oracle;
use super::rng::Rng;
use super::scenario::Scenario;
use super::{Breach, Variant};
use segment_loader::state::Head;
use std::collections::BTreeMap;
use std::pin::Pin;

/// Milliseconds.
pub(super) const SECOND: u64 = 1_000;
pub(super) const MINUTE: u64 = 60 * SECOND;
/// The default of `LEASE_SECONDS`.
pub(super) const LEASE: u64 = 180 * SECOND;
/// How many segments there are; each file is for one of them.
pub(super) const SEGMENTS: usize = 2;

/// What sets a worker to work.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hint {
    /// S3's event about a file.
    Event(usize),
    /// A direct command to load a file.
    Order(usize),
    Sweep,
}

/// Something that is going to happen.
pub(super) enum Item {
    /// A task goes on.
    Wake(usize),
    /// A request arrives at its server, whatever has become of the sender.
    Effect(Box<dyn FnOnce(&mut World)>),
    /// An event or a command is delivered for the nth time.
    Deliver(Hint, u32),
    /// The schedule's quarter of an hour.
    Tick,
}

/// A concurrent part of a worker: its work, or the renewal of its lease. Answers whether the invocation succeeded.
pub(super) type Work = Pin<Box<dyn Future<Output = bool>>>;

/// One Lambda environment at one invocation.
pub(super) struct Process {
    pub(super) is_alive: bool,
    pub(super) frozen_until: u64,
    pub(super) killed_at: u64,
    pub(super) hint: Hint,
    pub(super) attempt: u32,
}

/// Everything outside of the workers, and the one clock.
pub(super) struct World {
    pub(super) now: u64,
    pub(super) rng: Rng,
    pub(super) variant: Variant,
    pub(super) scenario: Scenario,
    pub(super) heads: [Option<Head>; SEGMENTS],
    pub(super) segments: [Segment; SEGMENTS],
    pub(super) processes: Vec<Process>,
    pub(super) oracle: Oracle,
    pub(super) breach: Option<Breach>,
    /// What happened, where somebody wants to know it.
    pub(super) story: Option<Vec<String>>,
    /// Tasks that a task has started.
    pub(super) spawned: Vec<(usize, Work)>,
    /// The task that is being polled.
    pub(super) current: usize,
    agenda: BTreeMap<(u64, u64), Item>,
    counter: u64,
    /// Write requests under way: who sent it, to which segment, and when it is carried out.
    under_way: Vec<(usize, usize, u64)>,
}

impl World {
    pub(super) fn new(seed: u64, variant: Variant) -> Self {
        let mut rng = Rng::new(seed);
        let scenario = Scenario::draw(&mut rng);
        let segments = std::array::from_fn(|index| match &scenario.initial[index] {
            Some((groups, refreshes)) => {
                Segment::made_by_hand(groups.clone(), *refreshes || variant == Variant::TruncateInPlace)
            }
            None => Segment::default(),
        });
        let initial = [0, 1].map(|index: usize| segments[index].visible);
        let mut world = Self {
            now: 0,
            rng,
            variant,
            oracle: Oracle::new(initial),
            heads: [None, None],
            segments,
            processes: Vec::new(),
            breach: None,
            story: None,
            spawned: Vec::new(),
            current: 0,
            agenda: BTreeMap::new(),
            counter: 0,
            under_way: Vec::new(),
            scenario,
        };
        for (at, hint) in world.scenario.deliveries.clone() {
            world.plan(at, Item::Deliver(hint, 1));
        }
        let first_tick = world.rng.between(0, 15 * MINUTE);
        world.plan(first_tick, Item::Tick);
        world
    }

    pub(super) fn plan(&mut self, at: u64, item: Item) {
        self.counter += 1;
        self.agenda.insert((at.max(self.now), self.counter), item);
    }

    /// Moves on to what happens next; the clock only goes forward.
    pub(super) fn next(&mut self) -> Option<Item> {
        let ((at, _), item) = self.agenda.pop_first()?;
        self.now = self.now.max(at);
        Some(item)
    }

    pub(super) fn has_nothing_planned(&self) -> bool {
        self.agenda.is_empty()
    }

    pub(super) fn is_calm(&self) -> bool {
        self.now >= self.scenario.calm_from
    }

    /// Tells whether a fault of this frequency happens now.
    pub(super) fn goes_wrong(&mut self, per_mille: u64) -> bool {
        self.rng.happens(per_mille) && !self.is_calm()
    }

    /// Returns a name that nobody else has.
    pub(super) fn fresh(&mut self, what: &str) -> String {
        self.counter += 1;
        format!("{what}{}", self.counter)
    }

    pub(super) fn say(&mut self, what: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(story) = &mut self.story {
            story.push(format!("{:>6}.{:03} {}", now / SECOND, now % SECOND, what()));
        }
    }

    pub(super) fn break_off(&mut self, breach: Option<Breach>) {
        if self.breach.is_none() {
            self.breach = breach;
        }
    }

    /// Takes note that a worker sends a write which is carried out at `at`: nobody else may have one under way.
    pub(super) fn sends(&mut self, process: usize, segment: usize, at: u64) {
        let now = self.now;
        self.under_way.retain(|(_, _, until)| *until > now);
        let other = self
            .under_way
            .iter()
            .find(|other| other.1 == segment && other.0 != process);
        // Without a lease that goes without saying; the question is what comes of it.
        if let Some((other, _, until)) = other.filter(|_| self.variant != Variant::NoLease) {
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
        let breach = self.oracle.head_changed(
            &self.scenario,
            segment,
            old.as_ref(),
            head,
            &self.segments[segment],
            self.now,
        );
        self.break_off(breach);
        if old.is_none_or(|old| old.applied != head.applied) {
            self.segments[segment].noted = self.segments[segment].published;
        }
        true
    }

    /// Publishes the draft: it is computed some time later, or that fails.
    pub(super) fn publish(&mut self, index: usize) {
        let takes = match self.rng.between(0, 10) {
            0 => self.rng.between(5 * MINUTE, 20 * MINUTE),
            _ => self.rng.between(SECOND, MINUTE),
        };
        let fails = self.goes_wrong(self.scenario.faults.miscompute);
        let segment = &mut self.segments[index];
        segment.publications += 1;
        segment.published = segment.draft();
        segment.status = Status::Busy;
        let (publication, members) = (segment.publications, segment.published);
        let breach = self.oracle.published(&self.scenario, index, members);
        self.break_off(breach);
        self.plan(
            self.now + takes,
            Item::Effect(Box::new(move |world| {
                let segment = &mut world.segments[index];
                if segment.publications == publication {
                    segment.status = if fails { Status::Failed } else { Status::Active };
                    if !fails {
                        segment.visible = members;
                    }
                }
            })),
        );
    }

    /// Checks what journeys see after a change of members.
    pub(super) fn look_at_audience(&mut self, index: usize) {
        let members = self.segments[index].visible;
        let breach = self.oracle.published(&self.scenario, index, members);
        self.break_off(breach);
    }
}
