//! Plays one seed: delivers events, starts, kills and freezes workers, and waits for peace.
//!
//! Every task of a seed runs on one thread and one paused clock, which moves on when all of them wait.

use super::calls::{BUCKET, Simulated, segment_of};
use super::contacts::Contacts;
use super::ear::Ear;
use super::files::file_of;
use super::functions::{of_all_functions, settings_of, variables};
use super::noticing::is_unconfirmed;
use super::outcomes::Invocation;
use super::parts::Change;
use super::people::{Answer, Trigger};
use super::process::Process;
use super::situations::Tally;
use super::world::{MINUTE, SEGMENTS, Shared, World};
use super::{Breach, Plant};
use segment_loader::config::{Settings, Variables};
use segment_loader::domain::Mode;
use segment_loader::report::{Outcome, RunReport};
use segment_loader::state::Head;
use segment_loader::time::Fence;
use segment_loader::worker::{Candidate, Worker, margin};
use std::rc::Rc;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep};

/// How often Lambda delivers an event.
const ATTEMPTS: u32 = 3;
/// So many sweeps without a fault must bring peace: after five failures a segment is left alone for hours.
const SWEEPS_TO_PEACE: u32 = 300;

/// So many workers may die of one file: three deliveries of two events, an order and an approval are 8, and the pauses of
/// the twelve hours that it goes on killing, or of the day until a person is called, add seven. Without pauses there are 48
/// sweeps.
const MOST_DEATHS: u32 = 20;

/// How one seed was played.
pub(super) struct Played {
    /// What must not happen, and did.
    pub(super) breach: Option<Breach>,
    /// The situations that it came to.
    pub(super) seen: Tally,
    /// What happened, where it is to be told.
    pub(super) story: Vec<String>,
}

/// Plays a seed, and tells its story if it is to be told.
pub(super) fn play(seed: u64, plant: Option<Plant>, is_told: bool) -> Played {
    // The jitter of pauses is of this generator, one a thread.
    fastrand::seed(seed);
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    LocalSet::new().block_on(&runtime.unwrap(), async {
        let mut world = World::new(seed, plant);
        world.story = is_told.then(|| world.scenario.told());
        let player = Player {
            settings: Rc::new(of_all_functions(&world.scenario)),
            variables: Rc::new(variables()),
            world: Shared::new(world),
        };
        let breach = player.play().await;
        let mut world = player.world.get();
        Played {
            breach,
            seen: world.seen.clone(),
            story: world.story.take().unwrap_or_default(),
        }
    })
}

/// Plays a seed.
#[derive(Clone)]
pub(super) struct Player {
    settings: Rc<Vec<Settings>>,
    variables: Rc<Variables>,
    world: Shared,
}

impl Player {
    async fn play(&self) -> Option<Breach> {
        let (deliveries, plant, functions) = {
            let world = self.world.get();
            let functions = world.scenario.functions();
            (world.scenario.deliveries.clone(), world.plant, functions)
        };
        for (at, trigger) in deliveries {
            let is_told = |function: &usize| self.world.get().scenario.is_told(*function, trigger);
            for function in (0..functions).filter(is_told) {
                let player = self.clone();
                self.world.begin(async move {
                    sleep(Duration::from_millis(at)).await;
                    player.deliver(trigger, function).await;
                });
            }
        }
        self.let_marketers_edit();
        self.let_others_publish();
        self.let_results_change();
        let first_tick = self.world.get().rng.between(0, 15 * MINUTE);
        sleep(Duration::from_millis(first_tick)).await;
        let mut calm_ticks = 0;
        loop {
            if let Some(breach) = self.world.get().breach.clone() {
                return Some(breach);
            }
            if self.is_over(calm_ticks) {
                return self.judge_the_end();
            }
            calm_ticks += u32::from(self.world.get().is_calm());
            self.look_at_what_waits();
            self.world.get().begins_to_sweep();
            let sweeping = if plant == Some(Plant::NobodySweeps) {
                0
            } else {
                functions
            };
            for function in 0..sweeping {
                let player = self.clone();
                self.world.begin(async move {
                    player.invoke(Trigger::Sweep, function).await;
                });
            }
            sleep(Duration::from_millis(15 * MINUTE)).await;
        }
    }

    /// Lets a marketer edit now and then between runs, where one does at all.
    fn let_marketers_edit(&self) {
        let times: Vec<u64> = {
            let mut world = self.world.get();
            let (count, end) = (world.rng.between(0, 5), world.scenario.calm_from);
            let count = if world.scenario.faults.edit > 0 { count } else { 0 };
            (0..count).map(|_| world.rng.between(0, end)).collect()
        };
        for at in times {
            self.world.after(at, |_, world| {
                let index = world.draw_segment();
                world.edit(index);
            });
        }
    }

    /// Lets others publish now and then between runs, where they do at all.
    fn let_others_publish(&self) {
        let times: Vec<u64> = {
            let mut world = self.world.get();
            let (count, end) = (world.scenario.faults.publish.min(3), world.scenario.calm_from);
            (0..count).map(|_| world.rng.between(0, end)).collect()
        };
        for at in times {
            self.world.after(at, |shared, world| {
                let index = world.draw_segment();
                if world.segments[index].exists {
                    shared.publish_for_others(world, index);
                }
            });
        }
    }

    /// Lets the files of results in several change after they were complete.
    fn let_results_change(&self) {
        let changes: Vec<_> = {
            let world = self.world.get();
            let files = world.scenario.files.iter().enumerate();
            files
                .filter_map(|(index, file)| file.planned.map(|(at, change)| (index, at, change)))
                .collect()
        };
        for (file, at, change) in changes {
            self.world.after(at, move |_, world| world.change_result(file, change));
        }
    }

    /// Delivers a trigger; an event that failed is delivered again, one and three minutes after the first time.
    async fn deliver(&self, trigger: Trigger, function: usize) {
        for attempt in 1..=ATTEMPTS {
            let has_succeeded = self.invoke(trigger, function).await;
            if has_succeeded || !matches!(trigger, Trigger::Event(_)) {
                return;
            }
            sleep(Duration::from_millis(u64::from(attempt) * MINUTE)).await;
        }
    }

    /// Starts a worker and waits for its end, which may come early; returns whether it succeeded.
    async fn invoke(&self, trigger: Trigger, function: usize) -> bool {
        let (process, timeout, (environment, mode)) = {
            let mut world = self.world.get();
            let process = world.fresh();
            world.say(|| format!("worker {process} starts: {trigger:?}"));
            let place = world.scenario.settings_of(function, world.now());
            (usize::try_from(process).unwrap(), world.scenario.timeout, place)
        };
        let (player, candidate) = (self.clone(), self.world.get().candidate(trigger, environment));
        match trigger {
            Trigger::Event(file) => self.world.get().note_delay(file),
            Trigger::DryRun(_) => self.world.get().dry_runs.push(process),
            Trigger::Direct(_) => self.world.get().orders.push(process),
            _ => {}
        }
        let place = (function, environment, mode);
        let work = async move { Box::pin(player.work(process, place, timeout, candidate)).await };
        let killed_at = self.world.get().now() + timeout;
        let has_succeeded = Process {
            number: process,
            work: Box::pin(work),
            world: self.world.clone(),
            killed_at,
            frozen: None,
            is_new: true,
        }
        .await;
        let mut world = self.world.get();
        world.say(|| format!("worker {process} ends: succeeded {has_succeeded}"));
        has_succeeded
    }

    async fn work(
        &self,
        process: usize,
        place: (usize, usize, Mode),
        timeout: u64,
        candidate: Option<Candidate>,
    ) -> bool {
        let (timeout, now) = (Duration::from_millis(timeout), self.world.get().now());
        let (function, environment, mode) = place;
        let stop_at = Instant::now() + timeout - margin(timeout);
        let fence = Fence::stopping_at(stop_at);
        let is_dry_run = |candidate: &Candidate| candidate.command.as_ref().is_some_and(|command| command.dry_run);
        let is_heard = !candidate.as_ref().is_some_and(is_dry_run);
        let invocation = Invocation {
            process,
            function,
            environment,
            started: now,
            stops: now + u64::try_from(timeout.saturating_sub(margin(timeout)).as_millis()).unwrap(),
        };
        let worker = Worker {
            settings: settings_of(&self.settings, environment, mode),
            variables: &self.variables,
            reporter: &Ear(is_heard.then_some((self, invocation))),
            stop_at,
            means: Simulated::new(&self.world, process, (environment, mode), &fence),
            fence,
        };
        let Some(candidate) = candidate else {
            return Box::pin(worker.sweep(BUCKET, false)).await.is_ok();
        };
        let Ok(reports) = worker.load(&candidate).await else {
            return false;
        };
        if let [own, ..] = &reports[..]
            && candidate.command.is_none()
        {
            self.note(own, environment);
        }
        reports.first().is_none_or(|own| own.outcome() != Outcome::Failed)
    }

    /// Lets people hear of a run, who may answer it; returns what they hear.
    pub(super) fn hear(&self, report: RunReport, by: Invocation) -> RunReport {
        let (answer, report) = {
            let mut world = self.world.get();
            let report = world.falsify_told(report, by);
            world.judge_whose_it_is(&report);
            world.judge_what_is_said(&report, by);
            world.hear(&report, by.environment);
            (world.read_by_people(&report, by), report)
        };
        if let Some(Answer {
            after,
            trigger,
            function,
            again,
            rewritten,
        }) = answer
        {
            if let Some(file) = rewritten {
                self.world.after(after / 2, move |_, world| {
                    world.change_result(file, Change::Rewritten);
                });
            }
            let player = self.clone();
            self.world.begin(async move {
                sleep(Duration::from_millis(after)).await;
                player.invoke(trigger, function).await;
                if let Some(later) = again {
                    sleep(Duration::from_millis(later)).await;
                    player.invoke(trigger, function).await;
                }
            });
        }
        report
    }

    fn look_at_what_waits(&self) {
        let mut world = self.world.get();
        let breach = world.look_at_what_waits();
        world.break_off(breach);
    }

    /// Takes note of what an event has told, whatever the head makes of it.
    fn note(&self, own: &RunReport, environment: usize) {
        let world = &mut *self.world.get();
        let source = own.source().filter(|_| own.run_id().is_some());
        let file = source.and_then(|source| source.object.etag.parse().ok());
        if let Some(file) = file {
            let job = world.scenario.job(file, world.scenario.files[file].mode, environment);
            let (segment, now) = (segment_of(&job.segment_name, environment), world.now());
            world.oracle.asked_for(&world.scenario, segment, &job, false, now);
        }
    }

    /// Returns whether nothing will happen any more but the next sweep, which would find nothing to do.
    fn is_over(&self, calm_ticks: u32) -> bool {
        let world = self.world.get();
        let is_at_rest = |segment: usize| {
            let is_done = |head: &Head| {
                let mut pending = head.pending.iter().map(file_of);
                let is_told = world.heard[segment].attention;
                let is_dynamic = world.segments[segment].queried != 0;
                let is_hopeless = |file| is_dynamic || world.scenario.is_hopeless(file);
                let is_seen = is_dynamic || head.writing.is_some() || !is_unconfirmed(head);
                let is_whole = is_dynamic || world.shortage_is_heard(segment);
                pending.all(|file| is_told && is_hopeless(file)) && is_seen && is_whole
            };
            // A sweep has to come by after it was restored.
            let restored = world.scenario.unreadable.filter(|(of, ..)| *of == segment);
            let restored = restored.and_then(|(.., until)| until).unwrap_or(0);
            let is_readable = world.now() >= restored + 30 * MINUTE;
            let is_left = !world.scenario.environments.is_served(segment, world.now());
            is_left || world.head_is_lost(segment) || is_readable && world.heads[segment].as_ref().is_none_or(is_done)
        };
        // A sweep that is short, or meets what hangs, may spend its time on what it finds first, and look for lost events in the
        // next only.
        let is_short = world.scenario.timeout <= 2 * MINUTE || world.scenario.has_hung_up();
        let is_looked_for = world.swept_at > world.put_aside_at;
        let is_peace = self.world.is_idle() && calm_ticks > u32::from(is_short) && is_looked_for;
        let is_peace = is_peace && (0..SEGMENTS).all(is_at_rest);
        let patience = if world.plant == Some(Plant::NobodySweeps) {
            2
        } else {
            SWEEPS_TO_PEACE
        };
        is_peace || calm_ticks > patience
    }

    fn judge_the_end(&self) -> Option<Breach> {
        let world = self.world.get();
        if let Some(deaths) = world.deaths.iter().find(|deaths| **deaths > MOST_DEATHS) {
            return Some(Breach::End(format!("{deaths} workers died of one file")));
        }
        let environments = world.scenario.environments;
        let is_served = |segment: &usize| environments.is_served(*segment, world.now());
        (0..SEGMENTS).filter(is_served).find_map(|segment| {
            if let Some(breach) = world.judge_what_was_heard(segment) {
                return Some(breach);
            }
            if world.head_is_lost(segment) {
                return None;
            }
            let mut doubt = world.doubt(segment);
            if world.publishers[segment].is_some() {
                // Whoever published died before a head could note it, and what was published may have been refused since.
                doubt.undecided = Contacts::MAX;
            }
            let remote = (&world.segments[segment], doubt);
            let head = world.heads[segment].as_ref();
            world.oracle.at_the_end(&world.scenario, segment, head, remote)
        })
    }
}
