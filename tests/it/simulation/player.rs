//! Plays one seed: lets happen what is planned, wakes the workers, kills and freezes them, and waits for peace.

use super::machine::Machine;
use super::world::{Hint, Item, LEASE, MINUTE, Process, SECOND, SEGMENTS, Work, World};
use super::{Breach, Variant, worker};
use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Waker};

/// How often Lambda delivers an event.
const ATTEMPTS: u32 = 3;
/// So many sweeps without a fault must bring peace: after five failures a segment is left alone for hours.
const SWEEPS_TO_PEACE: u32 = 300;

struct Player {
    world: Rc<RefCell<World>>,
    /// Each with its process; nothing once it is over.
    tasks: Vec<Option<(usize, Work)>>,
    /// The first task of each process.
    main: Vec<usize>,
    calm_ticks: u32,
}

/// Plays a seed; returns what must not happen and did, and the story if it is to be told.
pub(super) fn play(seed: u64, variant: Variant, is_told: bool) -> (Option<Breach>, Vec<String>) {
    let mut world = World::new(seed, variant);
    world.story = is_told.then(|| world.scenario.told());
    let mut player = Player {
        world: Rc::new(RefCell::new(world)),
        tasks: Vec::new(),
        main: Vec::new(),
        calm_ticks: 0,
    };
    let breach = player.play();
    let story = player.world.borrow_mut().story.take().unwrap_or_default();
    (breach, story)
}

impl Player {
    fn play(&mut self) -> Option<Breach> {
        loop {
            let item = self.world.borrow_mut().next();
            match item {
                Some(Item::Effect(effect)) => effect(&mut self.world.borrow_mut()),
                Some(Item::Wake(task)) => self.wake(task),
                Some(Item::Deliver(hint, attempt)) => self.start(hint, attempt),
                Some(Item::Tick) => {
                    if self.is_over() {
                        return self.judge_the_end();
                    }
                    self.tick();
                }
                None => return self.judge_the_end(),
            }
            if let Some(breach) = self.world.borrow().breach.clone() {
                return Some(breach);
            }
        }
    }

    fn start(&mut self, hint: Hint, attempt: u32) {
        let process = {
            let mut world = self.world.borrow_mut();
            let killed_at = world.now + world.scenario.timeout;
            world.say(|| format!("process starts: {hint:?} attempt {attempt}"));
            world.processes.push(Process {
                is_alive: true,
                frozen_until: 0,
                killed_at,
                hint,
                attempt,
            });
            world.processes.len() - 1
        };
        let machine = Machine::new(&self.world, process);
        self.main.push(self.tasks.len());
        self.begin(process, Box::pin(worker::invoke(machine, hint)));
    }

    fn begin(&mut self, process: usize, work: Work) {
        self.tasks.push(Some((process, work)));
        self.poll(self.tasks.len() - 1);
    }

    fn wake(&mut self, task: usize) {
        let Some(process) = self.tasks[task].as_ref().map(|(process, _)| *process) else {
            return;
        };
        let is_killed = {
            let mut world = self.world.borrow_mut();
            let faults = world.scenario.faults;
            let now = world.now;
            if world.goes_wrong(faults.freeze) {
                let until = now + world.rng.between(SECOND, 2 * LEASE);
                world.processes[process].frozen_until = until;
            }
            let Process {
                killed_at,
                frozen_until,
                ..
            } = world.processes[process];
            if now < frozen_until && frozen_until < killed_at {
                world.plan(frozen_until, Item::Wake(task));
                return;
            }
            now >= killed_at || world.goes_wrong(faults.kill)
        };
        if is_killed {
            self.end(process, false);
        } else {
            self.poll(task);
        }
    }

    fn poll(&mut self, task: usize) {
        self.world.borrow_mut().current = task;
        let Some((process, mut work)) = self.tasks[task].take() else {
            return;
        };
        let polled = work.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        self.tasks[task] = Some((process, work));
        if let std::task::Poll::Ready(succeeded) = polled {
            self.tasks[task] = None;
            if self.main[process] == task {
                self.end(process, succeeded);
            }
        }
        let spawned = std::mem::take(&mut self.world.borrow_mut().spawned);
        for (process, work) in spawned {
            self.begin(process, work);
        }
    }

    /// Ends a process with all its tasks; what failed is delivered again, one and three minutes after the first time.
    fn end(&mut self, process: usize, succeeded: bool) {
        for task in &mut self.tasks {
            if task.as_ref().is_some_and(|(of, _)| *of == process) {
                *task = None;
            }
        }
        let mut world = self.world.borrow_mut();
        let Process { hint, attempt, .. } = world.processes[process];
        world.processes[process].is_alive = false;
        world.say(|| format!("process {process} ends: {hint:?} succeeded={succeeded}"));
        if !succeeded && attempt < ATTEMPTS && matches!(hint, Hint::Event(_)) {
            let at = world.now + u64::from(attempt) * MINUTE;
            world.plan(at, Item::Deliver(hint, attempt + 1));
        }
    }

    fn tick(&mut self) {
        let variant = self.world.borrow().variant;
        if self.world.borrow().is_calm() {
            self.calm_ticks += 1;
        }
        if variant != Variant::NoSweep {
            self.start(Hint::Sweep, 1);
        }
        let mut world = self.world.borrow_mut();
        let at = world.now + 15 * MINUTE;
        world.plan(at, Item::Tick);
    }

    /// Tells whether nothing will happen any more but the next sweep, which would find nothing to do.
    fn is_over(&self) -> bool {
        let world = self.world.borrow();
        let is_at_rest = |segment: usize| {
            let head = world.heads[segment].as_ref();
            head.is_none_or(|head| head.pending.is_empty() && !head.is_unconfirmed())
        };
        let is_idle = world.has_nothing_planned() && world.processes.iter().all(|process| !process.is_alive);
        let is_peace = is_idle && self.calm_ticks > 0 && (0..SEGMENTS).all(is_at_rest);
        let patience = if world.variant == Variant::NoSweep {
            2
        } else {
            SWEEPS_TO_PEACE
        };
        is_peace || self.calm_ticks > patience
    }

    fn judge_the_end(&self) -> Option<Breach> {
        let world = self.world.borrow();
        (0..SEGMENTS).find_map(|segment| {
            let (head, remote) = (world.heads[segment].as_ref(), &world.segments[segment]);
            world.oracle.at_the_end(&world.scenario, segment, head, remote)
        })
    }
}
