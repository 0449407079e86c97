//! Who is to be in a segment, told from its files: the newest that says anything of a contact decides.

use super::super::Breach;
use super::super::contacts::Contacts;
use super::super::files::file_of;
use super::super::scenario::Scenario;
use super::{Doubt, Entry, Oracle, Place};
use segment_loader::domain::Mode;
use segment_loader::state::Job;

impl Entry {
    /// Returns what comes of members when a file goes over them.
    fn over(&self, scenario: &Scenario, members: Contacts) -> Contacts {
        match self.mode {
            Mode::Replace => scenario.accepted(self.file),
            Mode::Append => members | scenario.accepted(self.file),
            Mode::Remove => members & !scenario.files[self.file].contacts,
        }
    }

    /// Returns whether members may hold all that an addition or removal says.
    fn is_whole_in(&self, scenario: &Scenario, members: Contacts, doubt: Doubt) -> bool {
        match self.mode {
            Mode::Append => scenario.accepted(self.file) & !members & !doubt.excluded & !doubt.undecided == 0,
            Mode::Remove => scenario.files[self.file].contacts & members & !doubt.undecided == 0,
            Mode::Replace => false,
        }
    }
}

impl Oracle {
    /// Returns the additions and removals that stand above a place, from the lowest on.
    fn above(&self, segment: usize, base: Option<&Place>) -> Vec<&Entry> {
        let is_above = |entry: &&Entry| entry.mode != Mode::Replace && Some(&entry.base) > base;
        let mut above: Vec<_> = self.of(segment).filter(is_above).collect();
        above.sort_by_key(|entry| &entry.base);
        above
    }

    /// Returns whether an audience holds what a job asks for, and over it what is newer and was counted before.
    pub(super) fn shows(
        &self,
        scenario: &Scenario,
        segment: usize,
        job: &Job,
        members: Contacts,
        doubt: Doubt,
    ) -> bool {
        let file = file_of(job);
        let asked = match job.mode {
            Mode::Replace => scenario.accepted(file),
            Mode::Append => scenario.accepted(file) | members,
            Mode::Remove => members & !scenario.files[file].contacts,
        };
        let own = self.entry(segment, job).map(|own| &own.base);
        let newer = self.above(segment, own).into_iter().filter(|entry| entry.was_applied);
        let asked = newer.fold(asked, |members, entry| entry.over(scenario, members));
        doubt.allows(asked, members)
    }

    /// Returns whether something of another mode that stands above a job was counted before it.
    pub(in super::super) fn is_under_newer(&self, segment: usize, job: &Job) -> bool {
        let own = self.entry(segment, job).map(|own| &own.base);
        let mut newer = self.above(segment, own).into_iter();
        newer.any(|entry| entry.was_applied && entry.mode != job.mode)
    }

    /// Judges an audience: it must be made of whole files, each in its place.
    pub(in super::super) fn published(
        &self,
        scenario: &Scenario,
        segment: usize,
        members: Contacts,
        doubt: Doubt,
    ) -> Option<Breach> {
        let replaces = self.of(segment).filter(|entry| entry.mode == Mode::Replace);
        let bases = replaces.map(|entry| (scenario.accepted(entry.file), Some(&entry.base)));
        let bases: Vec<_> = bases.chain([(self.initial[segment], None)]).collect();
        let over = |members, entry: &Entry| entry.over(scenario, members);
        let is_of_those_that_look_whole = |(base, place): &(Contacts, Option<&Place>)| {
            let above = self.above(segment, *place).into_iter();
            let whole = above.filter(|entry| entry.is_whole_in(scenario, members, doubt));
            doubt.allows(whole.fold(*base, over), members)
        };
        let is_of_some = |(base, place): &(Contacts, Option<&Place>)| {
            let above = self.above(segment, *place);
            (0_u32..1 << above.len()).any(|some| {
                let chosen = (0..above.len()).filter(|index| some & 1 << index != 0);
                let made = chosen.fold(*base, |members, index| over(members, above[index]));
                doubt.allows(made, members)
            })
        };
        let is_whole = bases.iter().any(is_of_those_that_look_whole) || bases.iter().any(is_of_some);
        (!is_whole).then(|| Breach::Partial(format!("segment {segment} shows a part of a file")))
    }

    /// Returns who is to be in a segment in the end.
    pub(super) fn expected(&self, scenario: &Scenario, segment: usize) -> Contacts {
        // An event does not try again what an order has tried, and the later of two orders counts.
        let was_refused = |run: &Entry| {
            let is_event = run.direct.is_none();
            let is_same = |entry: &Entry| entry.file == run.file && (is_event || entry.mode == run.mode);
            let decides = |entry: &Entry| is_event || entry.place > run.place;
            self.of(segment)
                .any(|entry| entry.is_refused && is_same(entry) && decides(entry))
        };
        let counts = |entry: &&Entry| {
            let is_refused = entry.is_refused || !entry.was_applied && was_refused(entry);
            let is_lost = scenario.is_lost(entry.file) && !entry.was_applied;
            let can_be_loaded = !scenario.files[entry.file].is_unreadable && !scenario.is_hopeless(entry.file);
            let is_undone = !can_be_loaded && !entry.was_applied;
            !is_refused && !is_lost && !is_undone
        };
        let replaces = || self.of(segment).filter(|entry| entry.mode == Mode::Replace);
        let deciding = replaces().filter(counts).max_by_key(|entry| &entry.place);
        let above = self.above(segment, deciding.map(|deciding| &deciding.base)).into_iter();
        let above = above.filter(counts);
        let members = deciding.map_or(self.initial[segment], |deciding| scenario.accepted(deciding.file));
        above.fold(members, |members, entry| entry.over(scenario, members))
    }
}
