//! One worker's means: to wait, to read and swap a head, to call Dynamics, each of which may go wrong.

use super::Variant;
use super::scenario::Faults;
use super::world::{Item, LEASE, SECOND, World};
use chrono::{DateTime, Utc};
use segment_loader::state::{Head, Wish, transition};
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

/// Why a wish was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Unavailable,
    OutOfTime,
    LeaseLost,
    Refused,
    Unreadable,
    Replaced,
}

impl From<transition::LeaseLost> for Trouble {
    fn from(_: transition::LeaseLost) -> Self {
        Self::LeaseLost
    }
}

/// A worker, as its tasks see it; clones are the same worker.
#[derive(Clone)]
pub(super) struct Machine {
    pub(super) world: Rc<RefCell<World>>,
    pub(super) process: usize,
    pub(super) owner: String,
    /// S3's last `Date`, and when it was read.
    reading: Rc<Cell<(u64, u64)>>,
    /// How wrong the host's clock is, in milliseconds.
    skew: i64,
    /// Until when calls may leave; zero once the lease is lost.
    pub(super) fence: Rc<Cell<u64>>,
    stop_at: u64,
}

/// A call may take two thirds of the lease; its answer needs a little of that.
const LONGEST_CALL: u64 = LEASE * 2 / 3 - 2 * SECOND;

impl Machine {
    pub(super) fn new(world: &Rc<RefCell<World>>, process: usize) -> Self {
        let mut state = world.borrow_mut();
        let stop_at = state.now + state.scenario.timeout * 4 / 5;
        let skew = i64::try_from(state.rng.between(0, 7_200_000)).unwrap() - 3_600_000;
        Self {
            world: Rc::clone(world),
            process,
            owner: state.fresh("worker"),
            reading: Rc::default(),
            skew,
            fence: Rc::new(Cell::new(1)),
            stop_at,
        }
    }

    pub(super) fn now(&self) -> u64 {
        self.world.borrow().now
    }

    pub(super) fn variant(&self) -> Variant {
        self.world.borrow().variant
    }

    pub(super) fn faults(&self) -> Faults {
        self.world.borrow().scenario.faults
    }

    pub(super) fn between(&self, from: u64, to: u64) -> u64 {
        self.world.borrow_mut().rng.between(from, to)
    }

    pub(super) fn goes_wrong(&self, per_mille: u64) -> bool {
        self.world.borrow_mut().goes_wrong(per_mille)
    }

    pub(super) fn sleep(&self, millis: u64) -> Sleep {
        Sleep {
            world: Rc::clone(&self.world),
            until: self.now() + millis,
            is_armed: false,
        }
    }

    /// Returns S3's time as this worker knows it.
    fn s3_time(&self) -> DateTime<Utc> {
        let (date, read_at) = self.reading.get();
        let millis = i64::try_from(date + self.now() - read_at).unwrap();
        let skew = if self.variant() == Variant::OwnClock {
            self.skew
        } else {
            0
        };
        DateTime::from_timestamp_millis(millis + skew + 10_000_000).unwrap()
    }

    /// Reads a head; a segment never loaded has none.
    pub(super) async fn read(&self, segment: usize) -> Result<Option<Head>, Trouble> {
        self.sleep(self.between(5, 150)).await;
        if self.goes_wrong(self.faults().refuse / 10) {
            return Err(Trouble::Unavailable);
        }
        let now = self.now();
        self.reading.set((now / SECOND * SECOND, now));
        let head = self.world.borrow().heads[segment].clone();
        self.sleep(self.between(5, 150)).await;
        Ok(head)
    }

    /// Reads a head as it is to be worked with.
    pub(super) async fn look(&self, segment: usize) -> Result<Head, Trouble> {
        Ok(self
            .read(segment)
            .await?
            .unwrap_or_else(|| Head::new(&segment.to_string())))
    }

    /// Changes a head by compare-and-swap, as `Heads::update` does.
    pub(super) async fn update<T>(
        &self,
        segment: usize,
        mut change: impl FnMut(&mut Head, DateTime<Utc>) -> T,
    ) -> Result<T, Trouble> {
        for _ in 0..12 {
            let stored = self.read(segment).await?;
            let etag = stored.as_ref().map(|head| head.nonce.clone());
            let mut head = stored.unwrap_or_else(|| Head::new(&segment.to_string()));
            if self.variant() == Variant::NoLease
                && let Some(lease) = &mut head.lease
            {
                lease.owner.clone_from(&self.owner);
            }
            let before = head.clone();
            let outcome = change(&mut head, self.s3_time());
            if self.variant() == Variant::NoWriting {
                head.writing = None;
            }
            if head == before && etag.is_some() {
                return Ok(outcome);
            }
            head.nonce = self.world.borrow_mut().fresh("etag");
            if self.swap(segment, etag, head).await? {
                return Ok(outcome);
            }
            self.sleep(self.between(10, 800)).await;
        }
        Err(Trouble::Unavailable)
    }

    /// Writes a head; where the answer is lost the SDK writes again, and the refusal of that is looked into.
    async fn swap(&self, segment: usize, etag: Option<String>, head: Head) -> Result<bool, Trouble> {
        let nonce = head.nonce.clone();
        let is_written = Rc::new(Cell::new(false));
        let (answer, arrives) = (Rc::clone(&is_written), self.between(5, 200));
        self.after(arrives, move |world| {
            answer.set(world.swap(segment, etag.as_deref(), &head));
        });
        self.sleep(arrives + self.between(5, 200)).await;
        let faults = self.faults();
        if self.goes_wrong(faults.lose_answer) {
            self.sleep(self.between(100, 3_000)).await;
            let stored = self.read(segment).await?;
            return Ok(stored.is_some_and(|stored| stored.nonce == nonce));
        }
        if self.goes_wrong(faults.give_up / 5) {
            return Err(Trouble::Unavailable);
        }
        Ok(is_written.get())
    }

    /// Lets something happen later, whether or not the worker still lives by then.
    pub(super) fn after(&self, millis: u64, effect: impl FnOnce(&mut World) + 'static) {
        let mut world = self.world.borrow_mut();
        let at = world.now + millis;
        world.plan(at, Item::Effect(Box::new(effect)));
    }

    /// Moves the fence after a renewal that was asked for at `asked_at`.
    pub(super) fn extend_fence(&self, asked_at: u64) {
        let time = match self.variant() {
            Variant::NoFence => u64::MAX / 2,
            _ => u64::try_from(transition::sending_time(Duration::from_millis(LEASE)).as_millis()).unwrap(),
        };
        if self.fence.get() != 0 {
            self.fence.set(self.fence.get().max(asked_at + time));
        }
    }

    /// Tells the oracle that this worker is about to refuse a wish.
    pub(super) fn refuses(&self, segment: usize, wish: &Wish) {
        let world = &mut *self.world.borrow_mut();
        let breach = world.oracle.refuses(&world.scenario, wish, &world.segments[segment]);
        world.break_off(breach);
    }

    /// Tells the oracle that this worker is about to publish a wish whose members it read back at `verified_at`.
    pub(super) fn publishes(&self, segment: usize, wish: &Wish, verified_at: u64) {
        let world = &mut *self.world.borrow_mut();
        let breach = world.oracle.publishes(wish, world.heads[segment].as_ref(), verified_at);
        world.break_off(breach);
        world.say(|| format!("{}: publishes {}", self.owner, wish.object.key));
    }

    /// Waits until a call may leave.
    pub(super) async fn pass(&self) -> Result<(), Trouble> {
        loop {
            let (now, fence) = (self.now(), self.fence.get());
            if now >= self.stop_at {
                return Err(Trouble::OutOfTime);
            }
            match fence {
                0 => return Err(Trouble::LeaseLost),
                _ if now < fence || self.variant() == Variant::NoLease => return Ok(()),
                _ => self.sleep(SECOND).await,
            }
        }
    }

    /// Sleeps, or refuses where the sleep would reach the planned stop.
    pub(super) async fn pause(&self, millis: u64) -> Result<(), Trouble> {
        if self.now() + millis >= self.stop_at {
            return Err(Trouble::OutOfTime);
        }
        self.sleep(millis).await;
        if self.fence.get() == 0 {
            Err(Trouble::LeaseLost)
        } else {
            Ok(())
        }
    }

    /// Calls Dynamics: tries until an answer comes, the fence closes or three tries have failed.
    pub(super) async fn call<T: Clone + 'static>(
        &self,
        written: Option<usize>,
        effect: impl Fn(&mut World) -> T + Clone + 'static,
    ) -> Result<T, Trouble> {
        for _ in 0..4 {
            self.pass().await?;
            if let Some(answer) = self.send(written, effect.clone()).await {
                return Ok(answer);
            }
            if self.goes_wrong(self.faults().give_up) {
                return Err(Trouble::Unavailable);
            }
            self.pause(self.between(100, 4_000)).await?;
        }
        Err(Trouble::Unavailable)
    }

    /// Sends a request, now, and waits for its answer; it is carried out even if the worker dies or does not wait.
    async fn send<T: 'static>(
        &self,
        written: Option<usize>,
        effect: impl FnOnce(&mut World) -> T + 'static,
    ) -> Option<T> {
        let faults = self.faults();
        let travel = if self.goes_wrong(faults.slow) {
            self.between(SECOND, LONGEST_CALL)
        } else {
            self.between(20, 1_500)
        };
        if self.goes_wrong(faults.refuse) {
            self.sleep(travel).await;
            return None;
        }
        if let Some(segment) = written {
            let mut world = self.world.borrow_mut();
            let at = world.now + travel;
            world.sends(self.process, segment, at);
        }
        let answer = Rc::new(RefCell::new(None));
        let slot = Rc::clone(&answer);
        self.after(travel, move |world| {
            slot.borrow_mut().replace(effect(world));
            if let Some(segment) = written {
                world.look_at_audience(segment);
            }
        });
        self.sleep(travel + self.between(20, 1_000)).await;
        let is_lost = self.goes_wrong(faults.lose_answer);
        answer.take().filter(|_| !is_lost)
    }
}

/// Waits for the world's clock.
pub(super) struct Sleep {
    world: Rc<RefCell<World>>,
    until: u64,
    is_armed: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let until = self.until;
        let is_armed = std::mem::replace(&mut self.is_armed, true);
        let mut world = self.world.borrow_mut();
        if world.now >= until {
            return Poll::Ready(());
        }
        if !is_armed {
            let task = world.current;
            world.plan(until, Item::Wake(task));
        }
        Poll::Pending
    }
}
