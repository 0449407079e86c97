//! How one worker's calls fare: each takes its time, may go wrong and may lose its answer.

use super::Plant;
use super::contacts::{Contacts, ids};
use super::dataverse::{Change, index_of};
use super::kinds::home;
use super::plants::Sight;
use super::scenario::Faults;
use super::situations::Situation;
use super::traps::Harm;
use super::world::{LEASE, NAMES, SECOND, Shared, World};
use segment_loader::domain::{ContactId, Home, Mode, ObjectRef, SegmentName};
use segment_loader::dynamics::{self, GroupId, Segment, SegmentId};
use segment_loader::source;
use segment_loader::state;
use segment_loader::time::Fence;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The bucket of everything.
pub(super) const BUCKET: &str = "results";
/// A call may take two thirds of the lease; its answer needs a little of that.
const LONGEST_CALL: u64 = LEASE * 2 / 3 - 2 * SECOND;

/// Returns the index of an environment's segment with this name.
pub(super) fn segment_of(name: &SegmentName, environment: usize) -> usize {
    environment * NAMES + name.as_str().parse::<usize>().unwrap()
}

/// One worker's means; clones are the same worker's.
#[derive(Clone)]
pub(super) struct Simulated {
    pub(super) world: Shared,
    pub(super) process: usize,
    pub(super) environment: usize,
    /// The mode of whose results the function hears.
    pub(super) mode: Mode,
    pub(super) home: Home,
    pub(super) fence: Fence,
    /// S3's last `Date`, and when it was read.
    pub(super) reading: Rc<Cell<(u64, u64)>>,
    /// How wrong the host's clock is, in milliseconds.
    pub(super) skew: i64,
    /// When the members were listed last.
    pub(super) listed_at: Rc<Cell<u64>>,
    pub(super) sight: Rc<RefCell<Sight>>,
    /// Counts what brings a load on.
    pub(super) progress: Rc<Cell<u64>>,
    /// When an answer to a change was given up last.
    pub(super) unanswered: Rc<Cell<Option<Instant>>>,
    /// The file that is worked on, and how many actions its run has taken.
    pub(super) works_on: Rc<Cell<Option<(usize, u32)>>>,
    /// The result in several files that was looked at last.
    pub(super) looks_at: Rc<Cell<Option<usize>>>,
}

impl Simulated {
    pub(super) fn new(shared: &Shared, process: usize, (environment, mode): (usize, Mode), fence: &Fence) -> Self {
        let mut world = shared.get();
        let skew = i64::try_from(world.rng.between(0, 7_200_000)).unwrap() - 3_600_000;
        Self {
            world: shared.clone(),
            process,
            environment,
            mode,
            home: home(environment),
            fence: fence.clone(),
            reading: Rc::new(Cell::new((world.now(), world.now()))),
            skew,
            listed_at: Rc::default(),
            sight: Rc::default(),
            progress: Rc::default(),
            unanswered: Rc::default(),
            works_on: Rc::default(),
            looks_at: Rc::default(),
        }
    }

    /// Shows a segment's row.
    pub(super) fn seen_row(&self, row: Segment) -> Segment {
        let mut world = self.world.get();
        if row.base_entity.as_deref() == Some("lead") {
            world.seen.meet(Situation::FoundLeads);
        }
        self.sight.borrow().falsify_row(world.plant, row)
    }

    /// Returns the index of this environment's segment with this name.
    pub(super) fn segment_of(&self, name: &SegmentName) -> usize {
        segment_of(name, self.environment)
    }

    /// Returns the index of the segment whose head lies where this name's does.
    pub(super) fn head_of(&self, name: &SegmentName) -> usize {
        let is_told_apart = !self.has(Plant::HeadsKnowNoEnvironment);
        segment_of(name, if is_told_apart { self.environment } else { 0 })
    }

    pub(super) fn now(&self) -> u64 {
        self.world.get().now()
    }

    pub(super) fn has(&self, plant: Plant) -> bool {
        self.world.get().plant == Some(plant)
    }

    pub(super) fn faults(&self) -> Faults {
        self.world.get().scenario.faults
    }

    pub(super) fn between(&self, from: u64, to: u64) -> u64 {
        self.world.get().rng.between(from, to)
    }

    pub(super) fn goes_wrong(&self, per_mille: u64) -> bool {
        self.world.get().goes_wrong(per_mille)
    }

    pub(super) async fn pause(&self, from: u64, to: u64) {
        let millis = self.between(from, to);
        sleep(Duration::from_millis(millis)).await;
    }

    /// Hears S3's `Date`, which has whole seconds.
    pub(super) fn hear(&self) {
        let now = self.now();
        self.reading.set((now / SECOND * SECOND, now));
    }

    /// Waits for S3 and hears its answer, unless it does not answer.
    pub(super) async fn ask_s3(&self, from: u64, to: u64, refuse: u64) -> bool {
        self.act_or_die().await;
        self.pause(from, to).await;
        let answers = !self.goes_wrong(refuse);
        if answers {
            self.hear();
        }
        answers
    }

    /// Calls Dynamics: tries until an answer comes, the fence closes or three tries have failed.
    pub(super) async fn call<T: Clone + 'static>(
        &self,
        written: Option<usize>,
        effect: impl Fn(&Shared, &mut World) -> T + Clone + 'static,
    ) -> Result<T, dynamics::Error> {
        let unavailable = || dynamics::Error::DynamicsUnavailable {
            operation: "do something",
            tries: 4,
            reason: "simulated".to_owned(),
        };
        for _ in 0..4 {
            if !self.has(Plant::TheFenceIsOpen) {
                self.fence.pass().await?;
            }
            let harm = self.act();
            if harm == Some(Harm::Silences) {
                self.hang().await?;
            }
            if let Some(answer) = self.send(written, harm, effect.clone()).await {
                return Ok(answer);
            }
            if written.is_some() {
                self.unanswered.set(Some(Instant::now()));
            }
            if self.goes_wrong(self.faults().give_up) {
                return Err(unavailable());
            }
            let pause = self.between(100, 4_000);
            self.fence.sleep(Duration::from_millis(pause)).await?;
        }
        Err(unavailable())
    }

    /// Sends a request, now, and waits for its answer; it is carried out even if the worker dies or does not wait.
    async fn send<T: 'static>(
        &self,
        written: Option<usize>,
        harm: Option<Harm>,
        effect: impl FnOnce(&Shared, &mut World) -> T + 'static,
    ) -> Option<T> {
        let faults = self.faults();
        let travel = if self.goes_wrong(faults.slow) {
            self.between(SECOND, LONGEST_CALL)
        } else {
            self.between(20, 1_500)
        };
        if self.goes_wrong(faults.refuse) {
            sleep(Duration::from_millis(travel)).await;
            return None;
        }
        if let Some(segment) = written {
            let mut world = self.world.get();
            let at = world.now() + travel;
            world.sends(self.process, segment, at);
        }
        let answer = Rc::new(RefCell::new(None));
        let slot = Rc::clone(&answer);
        let carry_out = move |shared: &Shared, world: &mut World| {
            world.may_be_edited(faults.edit);
            if let Some(segment) = written {
                shared.may_be_published_by_others(world, segment);
            }
            slot.borrow_mut().replace(effect(shared, world));
            if let Some(segment) = written {
                world.look_at_audience(segment);
            }
        };
        match written.filter(|_| faults.late > 0 && self.goes_wrong(faults.late)) {
            Some(segment) => self.send_late(segment, travel, carry_out),
            None => self.world.after(travel, carry_out),
        }
        if harm == Some(Harm::Kills) {
            self.die().await;
        }
        sleep(Duration::from_millis(travel)).await;
        self.pause(20, 1_000).await;
        let is_lost = self.goes_wrong(faults.lose_answer);
        answer.take().filter(|_| !is_lost)
    }

    pub(super) async fn change_members(
        &self,
        id: SegmentId,
        group: &GroupId,
        change: Change,
    ) -> Result<Vec<ContactId>, dynamics::Error> {
        let (index, group) = (index_of(id.0), group.clone());
        {
            let (Change::Add(contacts) | Change::Remove(contacts)) = change;
            let mut sight = self.sight.borrow_mut();
            sight.is_drafting = true;
            sight.changed_alone = (contacts.is_power_of_two()).then(|| (group.clone(), change));
        }
        let refused = self.call(Some(index), move |_, world| {
            let (dropped, rejected) = (world.scenario.dropped, world.scenario.rejected);
            let (taken, refused) = match change {
                Change::Add(contacts) => (Change::Add(contacts & !dropped & !rejected), contacts & rejected),
                remove @ Change::Remove(_) => (remove, 0),
            };
            let now = world.now();
            world.say(|| format!("segment {index}: {}", change.told()));
            world.segments[index].change(&group, taken, now);
            refused
        });
        let refused = refused.await?;
        self.progress.set(self.progress.get() + 1);
        Ok(ids(refused))
    }

    /// What a naive loader does: empties a group before it fills it again.
    pub(super) async fn truncate(
        &self,
        id: SegmentId,
        group: &GroupId,
        members: Contacts,
    ) -> Result<(), dynamics::Error> {
        self.change_members(id, group, Change::Remove(members)).await.map(drop)
    }

    pub(super) fn head_error(key: &str, action: &'static str) -> state::Error {
        state::Error::Unavailable {
            bucket: BUCKET.to_owned(),
            key: key.to_owned(),
            action,
            what: "simulated".into(),
        }
    }

    pub(super) fn unreadable_head(segment_name: &SegmentName) -> state::Error {
        state::Error::Unreadable {
            bucket: BUCKET.to_owned(),
            key: format!("head of {segment_name}"),
            what: "is damaged".to_owned(),
        }
    }

    pub(super) fn denied(&self, file: usize) -> source::Error {
        source::Error::Forbidden {
            object: self.world.get().scenario.files[file].key.clone(),
            advice: "to read it",
        }
    }

    pub(super) fn object_error(key: &str) -> source::Error {
        source::Error::Unavailable {
            object: key.to_owned(),
            cause: "simulated".to_owned(),
        }
    }

    pub(super) fn missing(object: &ObjectRef) -> source::Error {
        source::Error::Missing {
            object: object.to_string(),
            what: "",
        }
    }
}
