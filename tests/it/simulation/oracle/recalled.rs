//! What the oracle knows of files that came before.

use super::super::files::file_of;
use super::super::scenario::Scenario;
use super::{Entry, FilePlace, IN_PLACE, Oracle, Place, place_of};
use segment_loader::domain::Mode;
use segment_loader::state::{Head, Job};

impl Oracle {
    /// Returns whether a file was loaded into another environment's segment.
    pub(in super::super) fn was_applied_elsewhere(&self, segment: usize, file: usize) -> bool {
        let mut elsewhere = self.entries.iter().filter(|entry| entry.segment != segment);
        elsewhere.any(|entry| entry.file == file && entry.was_applied)
    }

    /// Returns whether a replace came to a segment that stands above a file.
    pub(in super::super) fn is_overtaken(&self, scenario: &Scenario, segment: usize, file: usize) -> bool {
        let place = (place_of(scenario, file), 0);
        // What the event asks for is overtaken by a direct load of the same file only where that is in another mode.
        let is_own = |entry: &Entry| entry.file == file && entry.mode == scenario.files[file].mode;
        let is_other = |entry: &&Entry| entry.mode == Mode::Replace && !is_own(entry);
        let others = || self.of(segment).filter(is_other);
        // What was loaded itself, and something after it: only the last is remembered by its name.
        let was_applied = |entry: &Entry| entry.file == file && entry.was_applied;
        if self.of(segment).any(was_applied) && others().any(|entry| entry.was_applied) {
            return true;
        }
        let mut newer = others().filter(|entry| entry.place > place);
        // What was begun has overtaken it, although its files may have been lost, and it with them, before it was loaded.
        newer.any(|entry| entry.was_applied || !entry.is_refused || scenario.is_lost(entry.file))
    }

    /// Returns where what somebody approves stands: where it waits above all, else where it was refused last, or its file.
    pub(super) fn approved_at(&self, segment: usize, job: &Job, own: FilePlace) -> (Place, Place) {
        let file = file_of(job);
        let waits_above = |entry: &&Entry| {
            let is_same = entry.file == file && entry.mode == job.mode && !entry.is_of_event();
            is_same && !entry.was_applied && !entry.is_refused
        };
        if let Some(order) = self.of(segment).filter(waits_above).max_by_key(|entry| &entry.place) {
            return (order.place.clone(), order.base.clone());
        }
        let mut refusals = self.refusals.iter();
        let last = refusals.rfind(|(of, refused, ..)| (*of, *refused) == (segment, file));
        let of_order = last.filter(|(_, _, mode, base)| *mode == job.mode && base.1 > IN_PLACE);
        let base = of_order.map_or((own, IN_PLACE), |(.., base)| base.clone());
        // It stands above what was loaded before, and below what was ordered of that and waits.
        let is_loaded = |entry: &&Entry| entry.mode == Mode::Replace && entry.was_applied;
        let loaded = || self.of(segment).filter(is_loaded).map(|entry| entry.place.clone());
        let last = loaded().map(|place| place.1).max().unwrap_or(0);
        let highest = loaded().map(|place| place.0).fold(base.0.clone(), Ord::max);
        ((highest, base.1.max(last + 1)), base)
    }

    /// Returns whether something was approved too late, below a complete result that was loaded: an addition or removal, since nobody
    /// can tell what came between the two, and a complete result where an addition or removal came between them that was not
    /// carried out.
    pub(super) fn is_approved_too_late(&self, scenario: &Scenario, segment: usize, job: &Job, now: u64) -> bool {
        let Some(own) = self.entry(segment, job).filter(|own| own.is_approved) else {
            return false;
        };
        let is_complete = |entry: &&Entry| entry.mode == Mode::Replace && entry.was_applied;
        let Some(complete) = self.of(segment).filter(is_complete).map(|entry| &entry.base).max() else {
            return false;
        };
        let is_between = |base: &Place| own.base < *base && base < complete;
        let was_ordered = |entry: &Entry| entry.mode != Mode::Replace && !entry.was_applied && is_between(&entry.base);
        let was_listed = |file: usize| {
            let is_change = scenario.files[file].mode != Mode::Replace;
            is_change && is_between(&(place_of(scenario, file), 0)) && !self.was_applied_to(segment, file)
        };
        match job.mode {
            Mode::Replace => {
                self.of(segment).any(was_ordered) || scenario.listed(segment, now).into_iter().any(was_listed)
            }
            Mode::Append | Mode::Remove => own.base < *complete || own.base.0 <= complete.0,
        }
    }

    /// Returns whether a result stands above an addition or removal that had waited, and that a newer complete result, which is in
    /// force no more, had overtaken before it was carried out: what it says is lost.
    pub(super) fn has_lost_what_was_overtaken(
        &self,
        scenario: &Scenario,
        segment: usize,
        head: &Head,
        job: &Job,
    ) -> bool {
        let Some(own) = self.entry(segment, job).filter(|own| own.mode == Mode::Replace) else {
            return false;
        };
        let is_done_with = |file: usize| {
            let is_it = |entry: &Entry| entry.file == file && (entry.was_applied || entry.is_refused);
            let waits = |job: &Job| file_of(job) == file;
            self.of(segment).any(is_it) || head.pending.iter().any(waits) || scenario.is_lost(file)
        };
        let overtaken_by = |base: &Place| {
            let is_it = |entry: &Entry| entry.mode == Mode::Replace && entry.was_applied && entry.base > *base;
            self.of(segment).any(is_it)
        };
        let is_lost = |entry: &Entry| {
            let had_waited = entry.mode != Mode::Replace && entry.queued_at.is_some() && entry.base > own.base;
            had_waited && overtaken_by(&entry.base) && !is_done_with(entry.file)
        };
        self.of(segment).any(is_lost)
    }

    fn was_applied_to(&self, segment: usize, file: usize) -> bool {
        self.of(segment).any(|entry| entry.file == file && entry.was_applied)
    }

    /// Returns whether a file was loaded anywhere.
    pub(in super::super) fn was_loaded(&self, file: usize) -> bool {
        self.entries.iter().any(|entry| entry.file == file && entry.was_applied)
    }

    /// Returns whether some head has taken up what a file stands for.
    pub(in super::super) fn was_taken_up(&self, file: usize) -> bool {
        let mut of_file = self.entries.iter().filter(|entry| entry.file == file);
        of_file.any(|entry| entry.queued_at.is_some())
    }

    /// Returns whether a file was added or removed somewhere.
    pub(in super::super) fn was_counted(&self, file: usize) -> bool {
        let is_counted = |entry: &Entry| entry.was_applied && entry.mode != Mode::Replace;
        self.entries.iter().any(|entry| entry.file == file && is_counted(entry))
    }

    /// Returns whether a marker that had been taken up before lies between the parts of what nobody has approved.
    pub(super) fn is_of_older_parts(&self, scenario: &Scenario, segment: usize, job: &Job) -> bool {
        if !scenario.is_in_several() || job.approved {
            return false;
        }
        let queued_at = self.entry(segment, job).and_then(|entry| entry.queued_at);
        let was_known = |entry: &Entry| entry.queued_at.is_some() && entry.queued_at < queued_at;
        let mut before = self.of(segment).filter(|entry| was_known(entry));
        before.any(|entry| scenario.is_mixed(file_of(job), entry.file))
    }
}
