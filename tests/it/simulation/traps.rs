//! Files that do harm to whoever works on them, again and again: at one action of a run, for a while or for good.

use super::calls::Simulated;
use super::rng::Rng;
use super::scenario::Scenario;
use super::situations::Situation;
use super::world::MINUTE;
use segment_loader::time::Closed;

/// What a file does to a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Harm {
    /// It kills the worker, at the trap's action.
    Kills,
    /// Its body never comes: the worker waits until its time is over.
    Hangs,
    /// Dynamics does not answer, from the trap's action on.
    Silences,
    /// Reading it is denied.
    IsDenied,
}

/// Harm that is done at the same action of each run, until somebody has found out why.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trap {
    pub(super) harm: Harm,
    /// How many of the run's actions come before it; reading is the first.
    action: u32,
    /// When it is over; never, where nobody mends it.
    pub(super) until: Option<u64>,
}

impl Trap {
    /// Kills whoever reads the file, and is never mended.
    pub(super) const POISON: Self = Self {
        harm: Harm::Kills,
        action: 0,
        until: None,
    };

    /// Lets the body never come, until then or for ever.
    pub(super) const fn hanging(until: Option<u64>) -> Self {
        Self {
            harm: Harm::Hangs,
            action: 0,
            until,
        }
    }

    /// Draws a trap that springs until long after everything else has calmed down, or for ever.
    pub(super) fn draw(rng: &mut Rng, calm_from: u64) -> Self {
        let harm = rng.one_of(&[Harm::Kills, Harm::Kills, Harm::Hangs, Harm::Silences, Harm::IsDenied]);
        let action = match harm {
            Harm::Kills if rng.happens(700) => u32::try_from(rng.between(1, 40)).unwrap(),
            Harm::Silences => u32::try_from(rng.between(1, 30)).unwrap(),
            _ => 0,
        };
        let hours = rng.one_of(&[1, 4, 12]);
        let is_for_good = harm != Harm::Silences && rng.happens(400);
        Self {
            harm,
            action,
            until: (!is_for_good).then_some(calm_from + hours * 60 * MINUTE),
        }
    }

    fn is_set(&self, now: u64) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl Scenario {
    /// Returns whether a file does harm at `now` to whoever works on it.
    pub(super) fn is_trapped(&self, file: usize, now: u64) -> bool {
        self.files[file].trap.is_some_and(|trap| trap.is_set(now))
    }

    /// Returns whether reading a file uses up whole invocations at `now`.
    pub(super) fn hangs(&self, file: usize, now: u64) -> bool {
        let trap = self.files[file].trap.filter(|trap| trap.harm == Harm::Hangs);
        trap.is_some_and(|trap| trap.is_set(now))
    }

    /// Returns whether reading some file ever uses up whole invocations.
    pub(super) fn has_hung_up(&self) -> bool {
        let hangs = |trap: &Trap| trap.harm == Harm::Hangs;
        self.files.iter().any(|file| file.trap.as_ref().is_some_and(hangs))
    }

    /// Returns whether a file keeps all others of its segment waiting: with it Dynamics falls silent, which is no file's fault.
    pub(super) fn silences(&self, file: usize, now: u64) -> bool {
        let trap = self.files[file].trap.filter(|trap| trap.harm == Harm::Silences);
        trap.is_some_and(|trap| trap.is_set(now))
    }

    /// Returns whether nobody will ever be able to load a file.
    pub(super) fn is_hopeless(&self, file: usize) -> bool {
        self.files[file].trap.is_some_and(|trap| trap.until.is_none())
    }
}

impl Simulated {
    /// Begins to work on a file.
    pub(super) fn begin_with(&self, file: usize) {
        self.works_on.set(Some((file, 0)));
    }

    /// Has nothing more to do with the file.
    pub(super) fn leave_the_file(&self) {
        self.works_on.set(None);
    }

    /// Counts an action at the file that is worked on, and returns the harm that it does there.
    pub(super) fn act(&self) -> Option<Harm> {
        let (file, actions) = self.works_on.get()?;
        self.works_on.set(Some((file, actions + 1)));
        let world = self.world.get();
        let trap = world.scenario.files[file].trap?;
        let springs = match trap.harm {
            Harm::Silences => actions >= trap.action,
            _ => actions == trap.action,
        };
        (springs && trap.is_set(world.now())).then_some(trap.harm)
    }

    /// Acts, which may be the worker's end.
    pub(super) async fn act_or_die(&self) -> Option<Harm> {
        let harm = self.act();
        if harm == Some(Harm::Kills) {
            self.die().await;
        }
        harm
    }

    /// Waits for what never comes, until the fence closes.
    pub(super) async fn hang(&self) -> Result<(), Closed> {
        self.note_hanging();
        self.fence.within(std::future::pending()).await
    }

    fn note_hanging(&self) {
        let world = &mut *self.world.get();
        world.seen.meet(Situation::Hung);
        let Some((file, _)) = self.works_on.get() else {
            return;
        };
        let before = world.hung[file].replace(self.process);
        if before.is_some_and(|before| before != self.process) {
            let is_silent = world.scenario.silences(file, world.now());
            world.seen.meet(if is_silent {
                Situation::HungTwiceAtWork
            } else {
                Situation::HungTwiceAtReading
            });
        }
    }

    /// Dies; what was sent is carried out all the same.
    pub(super) async fn die(&self) {
        if let Some((file, _)) = self.works_on.get() {
            let world = &mut *self.world.get();
            world.doomed.push(self.process);
            world.deaths[file] += 1;
            world.deaths_in_a_row[file] += 1;
            world.note_death(self.process);
            world.say(|| format!("worker {} dies of file {file}", self.process));
            if world.deaths[file] == 2 {
                let is_at_reading = world.scenario.files[file].trap.is_some_and(|trap| trap.action == 0);
                world.seen.meet(if is_at_reading {
                    Situation::DiedTwiceAtReading
                } else {
                    Situation::DiedTwiceAtWork
                });
            }
        }
        std::future::pending::<()>().await;
    }
}
