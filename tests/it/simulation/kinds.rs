//! What only some seeds have: results in several files, two environments, lists that lag.

use super::contacts::{Contacts, some_of};
use super::people::Trigger;
use super::rng::Rng;
use super::scenario::Scenario;
use super::traps::Trap;
use super::world::{MINUTE, NAMES, SECOND};
use segment_loader::config::ResultFiles;
use segment_loader::domain::{Home, Mode};

/// What a seed has beside everything that all have; drawn apart, so that the others stay what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    /// Results come in several files.
    InSeveral(ResultFiles),
    /// Functions of two environments have the bucket in common.
    TwoEnvironments,
    /// The function is switched to another environment half-way.
    Switched,
    /// Lists of members show writes late.
    Lagging,
    /// Functions of each mode load into the same segments, each from a prefix of its own.
    Mixed,
    /// What is published first shows fewer members than the draft has.
    Short,
    /// Others press Publish, too.
    Published,
    /// Calls take effect after they were given up.
    Late,
    /// The bodies of all files of one segment never come, one after the other; another's come, and no event tells of them.
    Hung,
    /// A segment is made of leads.
    Leads,
    /// What was published before is computed first, and shown, before what is published now.
    InTurn,
}

/// Which environments there are, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Environments {
    One,
    Two,
    /// From this moment on it is the second one.
    Switched(u64),
}

/// How lists of members lag.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lag {
    /// So many milliseconds behind.
    by: u64,
    /// Each list is another number of milliseconds behind, up to that.
    pub(super) wavers: bool,
    pub(super) until: u64,
}

impl Kind {
    pub(super) fn draw(rng: &mut Rng, mode: Mode) -> Self {
        match rng.between(0, 26) {
            0..5 if mode == Mode::Replace => {
                Self::InSeveral(rng.one_of(&[ResultFiles::Folder, ResultFiles::Folder, ResultFiles::Manifest]))
            }
            5 | 6 => Self::TwoEnvironments,
            7 => Self::Switched,
            8 | 9 => Self::Lagging,
            10..14 => Self::Mixed,
            14 | 15 => Self::Short,
            16 | 17 => Self::Published,
            18 | 19 => Self::Late,
            20 | 21 if mode != Mode::Replace => Self::Hung,
            22 => Self::Leads,
            23 | 24 => Self::InTurn,
            _ => Self::Plain,
        }
    }
}

impl Kind {
    /// Returns whether there is more than one environment.
    pub(super) const fn has_environments(self) -> bool {
        matches!(self, Self::TwoEnvironments | Self::Switched)
    }
}

impl Environments {
    /// Returns how many functions there are.
    const fn functions(self) -> usize {
        match self {
            Self::Two => 2,
            Self::One | Self::Switched(_) => 1,
        }
    }

    /// Returns the environment of a function at `now`.
    pub(super) const fn of(self, function: usize, now: u64) -> usize {
        match self {
            Self::Switched(at) => (now >= at) as usize,
            Self::One | Self::Two => function,
        }
    }

    /// Returns whether a function loads into a segment at `now`.
    pub(super) fn is_served(self, segment: usize, now: u64) -> bool {
        (0..self.functions()).any(|function| self.of(function, now) == segment / NAMES)
    }
}

impl Scenario {
    /// Gives the world what this kind has.
    pub(super) fn shape(&mut self, kind: Kind, rng: &mut Rng) {
        if kind.has_environments() {
            // What kills would kill twice as many.
            self.files.iter_mut().for_each(|file| file.trap = None);
        }
        match kind {
            Kind::Plain | Kind::InSeveral(_) => {}
            Kind::Mixed => self.mix(rng),
            Kind::Short => {
                // The last of these stays so until a person looks.
                self.short = self.short.map(|_| rng.one_of(&[1, 1, 2, 3, u32::MAX]));
                // How many are missing is another number once a marketer has changed who is there.
                self.faults.edit = 0;
            }
            Kind::Late => {
                self.faults.late = rng.one_of(&[10, 100, 300]);
                self.faults.give_up = rng.one_of(&[50, 100, 300]);
            }
            Kind::Hung => self.hang(rng),
            Kind::Leads => self.put_leads(rng),
            Kind::InTurn => self.computes_in_turn = true,
            Kind::Published => {
                self.faults.publish = rng.one_of(&[20, 60, 200]);
                // What a marketer has published himself is his own affair.
                self.faults.edit = 0;
            }
            Kind::TwoEnvironments => self.environments = Environments::Two,
            Kind::Switched => self.environments = Environments::Switched(rng.between(MINUTE, self.calm_from)),
            Kind::Lagging => {
                let by = rng.one_of(&[2 * SECOND, 10 * SECOND, 40 * SECOND, 2 * MINUTE, 6 * MINUTE]);
                let until = self.calm_from + rng.one_of(&[0, 0, 120 * MINUTE]);
                let wavers = rng.happens(400);
                self.lag = Some(Lag { by, wavers, until });
                // A marketer's own changes would be seen late, too, by nobody's fault.
                self.faults.edit = 0;
                // What a list shows that lags may be just what is asked for next.
                let first = self.files[0].contacts;
                let last = self
                    .files
                    .last_mut()
                    .filter(|last| last.segment == 0 && rng.happens(500));
                if let Some(last) = last {
                    last.contacts = first;
                }
            }
        }
    }

    /// Lets most events come hours late, in whatever order, and some publishes have no effect.
    pub(super) fn delay(&mut self, kind: Kind, rng: &mut Rng) {
        if rng.happens(60) {
            for (at, trigger) in &mut self.deliveries {
                if matches!(trigger, Trigger::Event(_)) && rng.happens(700) {
                    *at += rng.between(60 * MINUTE, 360 * MINUTE);
                }
            }
        }
        let is_exact = !matches!(kind, Kind::Short | Kind::Published);
        if is_exact && self.tells_times && rng.happens(200) {
            self.faults.ignore = rng.one_of(&[500, 800]);
        }
    }

    /// Lets one segment use up every sweep that comes to it, and leaves the other one to the sweeps.
    fn hang(&mut self, rng: &mut Rng) {
        let until = rng.one_of(&[None, Some(self.calm_from + 12 * 60 * MINUTE)]);
        self.timeout = rng.one_of(&[5 * MINUTE, 15 * MINUTE]);
        for file in &mut self.files {
            file.trap = (file.segment == 0).then_some(Trap::hanging(until));
        }
        let files = &self.files;
        self.deliveries
            .retain(|(_, trigger)| trigger.file().is_none_or(|file| files[file].segment == 0));
    }

    /// Makes a segment one of leads, who have numbers like contacts.
    fn put_leads(&mut self, rng: &mut Rng) {
        let index = usize::from(rng.happens(300));
        self.leads = Some(index);
        let (groups, _) = self.initial[index]
            .take()
            .unwrap_or_else(|| (vec![some_of(rng, Contacts::MAX, 200)], false));
        self.initial[index] = Some((groups, false));
        // Nobody turns it into another one.
        self.faults.edit = 0;
    }

    /// Gives each key a mode, and each mode a function.
    fn mix(&mut self, rng: &mut Rng) {
        self.modes = vec![Mode::Replace, Mode::Append, Mode::Remove];
        for index in 0..self.files.len() {
            let (before, file) = self.files.split_at_mut(index);
            let of_key = before.iter().find(|before| before.key == file[0].key);
            file[0].mode = of_key.map_or_else(
                || rng.one_of(&[Mode::Replace, Mode::Append, Mode::Remove, Mode::Remove]),
                |before| before.mode,
            );
            // What harms would do so again with whatever it goes over.
            file[0].trap = None;
        }
        // What is refused, and approved when others have been counted.
        let first = &mut self.files[0];
        if rng.happens(900) {
            first.mode = Mode::Replace;
            first.contacts &= if rng.happens(650) { 0 } else { Contacts::MAX };
        }
    }

    /// Returns how many functions there are.
    pub(super) fn functions(&self) -> usize {
        self.environments.functions() * self.modes.len()
    }

    /// Returns the environment and the mode of a function at `now`.
    pub(super) fn settings_of(&self, function: usize, now: u64) -> (usize, Mode) {
        let environment = self.environments.of(function / self.modes.len(), now);
        (environment, self.modes[function % self.modes.len()])
    }

    /// Returns whether a function hears of what a trigger is about.
    pub(super) fn is_told(&self, function: usize, trigger: Trigger) -> bool {
        let mode = self.modes[function % self.modes.len()];
        match trigger {
            Trigger::Event(file) | Trigger::Direct(file) | Trigger::DryRun(file) => self.files[file].mode == mode,
            Trigger::Approval(_) | Trigger::Sweep => true,
        }
    }

    /// Returns whether files of several modes are loaded into the same segments.
    pub(super) const fn has_several_modes(&self) -> bool {
        self.modes.len() > 1
    }

    /// Returns the earliest moment whose members a list may show at `now`.
    pub(super) fn shown_by_lists(&self, now: u64) -> u64 {
        let lag = self.lag.filter(|lag| now < lag.until);
        now.saturating_sub(lag.map_or(0, |lag| lag.by))
    }

    /// Returns the moment whose members a list shows at `now`: each may be another one.
    pub(super) fn draw_shown(&self, rng: &mut Rng, now: u64) -> u64 {
        let earliest = self.shown_by_lists(now);
        if self.lag.is_some_and(|lag| lag.wavers) {
            rng.between(earliest, now + 1)
        } else {
            earliest
        }
    }
}

/// Returns where the segments of an environment live.
pub(super) fn home(environment: usize) -> Home {
    Home::environment(format!("{}.crm.dynamics.com", ENVIRONMENTS[environment]))
}

/// The environments' names.
pub(super) const ENVIRONMENTS: [&str; 2] = ["socktown", "moletown"];
