//! Which situations a seed comes to, as the heads show it.

use super::files::file_of;
use super::kinds::Environments;
use super::oracle::is_content;
use super::patience::CALLED_AFTER;
use super::situations::Situation;
use super::world::{MINUTE, SEGMENTS, World};
use segment_loader::domain::Mode;
use segment_loader::state::head::InputFailures;
use segment_loader::state::{Head, Job};

impl World {
    /// Takes note of what a change of a head shows to have been done.
    pub(super) fn note_what_was_done(&mut self, segment: usize, old: Option<&Head>, new: &Head) {
        let Some(old) = old else {
            return;
        };
        let is_gone = |job: &&Job| new.pending.iter().all(|other| file_of(other) != file_of(job));
        for gone in old.pending.iter().filter(is_gone) {
            // So many that a person is called are remembered.
            let deaths = &mut self.deaths_in_a_row[file_of(gone)];
            *deaths = if *deaths > CALLED_AFTER { *deaths } else { 0 };
        }
        self.note_orders(old, new);
        let mut done = Vec::new();
        if new.counted.len() > old.counted.len() {
            done.extend(old.pending.iter().find(|job| !new.pending.contains(job)));
            let is_unconfirmed = old.applied.as_ref().is_some_and(|applied| !applied.confirmed);
            if is_unconfirmed && old.applied == new.applied {
                self.seen.meet(Situation::EmptyWhileUnconfirmed);
            }
            if done.iter().any(|done| has_passed_a_failure(old, done)) {
                self.seen.meet(Situation::PassedAFailure);
            }
        } else {
            let applied = new.applied.iter().map(|applied| &applied.job);
            let was_applied = old.applied.as_ref().map(|applied| &applied.job);
            done.extend(applied.filter(|job| was_applied != Some(*job)));
        }
        for job in done {
            self.note_done(segment, old, job);
        }
    }

    fn note_orders(&mut self, old: &Head, new: &Head) {
        let is_new = |job: &&Job| job.direct.is_some() && !old.pending.contains(job);
        let has_failed = |job: &Job| old.input_failures.iter().any(|failures| is_of(failures, job));
        if new.pending.iter().filter(is_new).any(has_failed) {
            self.seen.meet(Situation::OrderedAfterFailure);
        }
    }

    fn note_done(&mut self, segment: usize, old: &Head, job: &Job) {
        let had_failed = old.input_failures.iter().any(|failures| is_of(failures, job));
        if had_failed && self.scenario.files[file_of(job)].trap.is_some() {
            self.seen.meet(match job.mode {
                Mode::Replace => Situation::ReplaceFailedForAWhile,
                Mode::Append => Situation::AppendFailedForAWhile,
                Mode::Remove => Situation::RemoveFailedForAWhile,
            });
        }
        let file = file_of(job);
        if self.scenario.is_in_several() {
            self.seen.meet(Situation::LoadedInSeveral);
        }
        if self.scenario.has_several_modes() && self.oracle.is_under_newer(segment, job) {
            self.seen.meet(if job.approved {
                Situation::ApprovedUnderNewer
            } else {
                Situation::LoadedUnderNewer
            });
        }
        if self.oracle.was_applied_elsewhere(segment, file) {
            self.seen.meet(if self.scenario.environments == Environments::Two {
                Situation::LoadedInTwoEnvironments
            } else {
                Situation::LoadedAfterTheSwitch
            });
        }
        if job.approved {
            self.seen.meet(Situation::ApprovedAndLoaded);
        }
        match job.mode {
            Mode::Append => self.seen.meet(Situation::Appended),
            Mode::Remove => self.seen.meet(Situation::Removed),
            Mode::Replace => {}
        }
        let hangs =
            |other: &usize| self.scenario.files[*other].segment != segment && self.scenario.hangs(*other, self.now());
        if (0..self.scenario.files.len()).filter(hangs).count() > 1 {
            self.seen.meet(Situation::LoadedBesideHanging);
        }
        if (0..SEGMENTS).any(|other| other != segment && self.head_is_unreadable(other)) {
            self.seen.meet(Situation::LoadedBesideUnreadable);
        }
    }

    /// Takes note of an event that comes so late that a newer file was loaded.
    pub(super) fn note_delay(&mut self, file: usize) {
        let files = &self.scenario.files;
        let is_newer = |other: &usize| {
            files[*other].segment == files[file].segment && files[*other].uploaded > files[file].uploaded
        };
        let is_overtaken = (0..files.len())
            .filter(is_newer)
            .any(|other| self.oracle.was_loaded(other));
        if self.now() >= files[file].uploaded + 60 * MINUTE && is_overtaken {
            self.seen.meet(Situation::EventCameHoursLate);
        }
    }

    /// Takes note that a worker dies: it may have published, and not have noted so.
    pub(super) fn note_death(&mut self, process: usize) {
        if self.publishers.contains(&Some(process)) {
            self.seen.meet(Situation::DiedAfterPublishing);
        }
    }
}

/// Returns whether a job was carried out while another one, which came before it, waits after a failure of its own.
fn has_passed_a_failure(old: &Head, done: &Job) -> bool {
    let waits = |job: &&Job| {
        let mut of_job = old.input_failures.iter().filter(|failures| is_of(failures, job));
        of_job.any(|failures| failures.not_before.is_some())
    };
    old.pending.iter().filter(waits).any(|job| file_of(job) < file_of(done))
}

/// Returns whether failures are those with the input of a job.
pub(super) fn is_of(failures: &InputFailures, job: &Job) -> bool {
    failures.count > 0 && is_content(&failures.input.position, job)
}

/// Tells a head, for a person who looks into a seed.
pub(super) fn told(head: &Head) -> String {
    let told = |job: &Job| {
        let order = if job.direct.is_some() { " ordered" } else { "" };
        format!("{}{order}", file_of(job))
    };
    let pending = head.pending.iter().map(told).collect::<Vec<_>>();
    let applied = head.applied.as_ref();
    let applied = applied.map(|applied| (told(&applied.job), applied.confirmed));
    let owner = head.lease.as_ref().map(|lease| &lease.owner[24..]);
    let failures = head.failures.as_ref().map(|failures| failures.count);
    let writing = head
        .writing
        .as_ref()
        .map(|writing| (writing.published, writing.publishing));
    format!("pending {pending:?} applied {applied:?} lease {owner:?} writing {writing:?} failures {failures:?}")
}

/// Returns whether nobody knows yet what has become of the last publish.
pub(super) fn is_unconfirmed(head: &Head) -> bool {
    head.applied.as_ref().is_some_and(|applied| !applied.confirmed)
}
