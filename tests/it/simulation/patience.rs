//! How long a file may wait, and who has heard of one that is not loaded.

use super::Breach;
use super::calls::segment_of;
use super::files::file_of;
use super::oracle::is_content;
use super::situations::Situation;
use super::world::{MINUTE, NAMES, SEGMENTS, World, s3_time};
use segment_loader::domain::Mode;
use segment_loader::report::{Outcome, RunReport};
use segment_loader::state::{Head, Job};

/// A file is loaded within two sweeps, once nothing keeps it: by then a third one begins.
const SWEEPS: u32 = 3;
/// So many more are used up by each file of the same segment whose body never comes: the first is let go on once.
const SWEEPS_OF_A_HANG: u32 = 2;
/// What an attempt waited for that began while a file's body never came is told by then.
const AFTER_A_HANG: u64 = 45 * MINUTE;
/// Where an invocation has a minute or two only, a load takes several of them, each of which gets on.
const SHORT_SWEEPS: u32 = 60;
/// So many failures in a row call for a person.
pub(super) const CALLED_AFTER: u32 = 5;

/// What people have heard of one segment's runs.
#[derive(Clone, Default)]
pub(super) struct Heard {
    /// A person was called.
    pub(super) attention: bool,
    /// A person was called since members stay missing.
    pub(super) stays_short: bool,
    /// The head could not be read.
    unreadable: bool,
    /// Files that failed or were refused.
    pub(super) files: Vec<usize>,
}

impl World {
    /// Takes note that sweeps begin.
    pub(super) fn begins_to_sweep(&mut self) {
        self.swept_at = self.now();
    }

    /// Hears a report of a worker that lived to tell it.
    pub(super) fn hear(&mut self, report: &RunReport, environment: usize) {
        let file = report
            .source()
            .and_then(|source| source.object.etag.parse::<usize>().ok());
        let segment = report.segment_name().map(|name| segment_of(name, environment));
        self.say(|| {
            let (outcome, error) = (report.outcome(), report.error_type());
            format!("segment {segment:?}, file {file:?}: {outcome:?} {error:?}")
        });
        if self.scenario.lag.is_some() && report.error_type() == Some("MembersDiffer") {
            self.seen.meet(Situation::ListLaggedTooLong);
        }
        if report.error_type() == Some("StateUnreadable") {
            self.heard.iter_mut().for_each(|heard| heard.unreadable = true);
            self.seen.meet(Situation::HeadUnreadable);
        }
        let Some(heard) = segment.and_then(|segment| self.heard.get_mut(segment)) else {
            return;
        };
        if report.needs_attention() {
            heard.attention = true;
            let pending = self.heads[segment.unwrap_or(0)].iter().flat_map(|head| &head.pending);
            for job in pending.filter(|job| self.scenario.is_hopeless(file_of(job))) {
                self.seen.meet(match job.mode {
                    Mode::Replace => Situation::ReplaceFailedForGood,
                    Mode::Append => Situation::AppendFailedForGood,
                    Mode::Remove => Situation::RemoveFailedForGood,
                });
            }
            self.seen.meet(Situation::AttentionAsked);
            if self.deaths.iter().any(|deaths| *deaths >= CALLED_AFTER) {
                self.seen.meet(Situation::DiedFiveTimes);
            }
        }
        if matches!(report.outcome(), Outcome::Failed | Outcome::Refused) {
            heard.files.extend(file);
        }
        if let Some(segment) = segment {
            self.hear_of_a_shortage(segment, report);
            self.hear_of_others(segment, report);
        }
    }

    /// Looks at what waits, when a sweep begins: nothing may have waited for two sweeps without a reason.
    pub(super) fn look_at_what_waits(&mut self) -> Option<Breach> {
        let (now, files) = (self.now(), 0..self.scenario.files.len());
        let hangs = |file: &usize| {
            let before = now.saturating_sub(AFTER_A_HANG);
            self.scenario.hangs(*file, now) || self.scenario.hangs(*file, before)
        };
        let hanging: Vec<_> = files
            .filter(hangs)
            .map(|file| self.scenario.files[file].segment)
            .collect();
        let patience = match self.scenario.timeout {
            timeout if timeout <= 2 * MINUTE => SHORT_SWEEPS,
            // After an attempt that died each may have the time for one file only.
            timeout if timeout <= 5 * MINUTE => SWEEPS + u32::try_from(self.scenario.files.len()).unwrap(),
            _ => SWEEPS,
        };
        for segment in 0..SEGMENTS {
            let own = hanging.iter().filter(|of| **of == segment % NAMES).count();
            // A sweep that another segment has used up is followed by one that begins behind it.
            let by_others = u32::from(own < hanging.len());
            let patience = patience + SWEEPS_OF_A_HANG * u32::try_from(own).unwrap() + by_others;
            let waits = match &self.heads[segment] {
                Some(head) => self.waits_without_reason(segment, head),
                None => self.lies_there_unknown(segment),
            };
            self.waiting[segment] = waits.map_or(0, |_| self.waiting[segment] + 1);
            if let Some(file) = waits.filter(|_| self.waiting[segment] > patience) {
                return Some(Breach::Late(format!(
                    "file {file} of segment {segment} waits for no reason"
                )));
            }
        }
        None
    }

    /// Returns a file that no event told of, and that no sweep has found although nothing goes wrong any more.
    fn lies_there_unknown(&self, segment: usize) -> Option<usize> {
        let is_served = self.scenario.environments.is_served(segment, self.now());
        let is_to_be_found = self.is_calm() && is_served && !self.scenario.is_in_several();
        let listed = self.scenario.listed(segment, self.now());
        listed.first().copied().filter(|_| is_to_be_found)
    }

    /// Returns a file that could be loaded now: nothing goes wrong any more, and no pause holds it up.
    fn waits_without_reason(&self, segment: usize, head: &Head) -> Option<usize> {
        let (now, time) = (self.now(), s3_time(i64::try_from(self.now()).unwrap()));
        let is_pausing = head.failures.as_ref().is_some_and(|failures| time < failures.next_try);
        let is_silent = |job: &Job| self.scenario.silences(file_of(job), now);
        let lists_lag = self.scenario.lag.is_some_and(|lag| now < lag.until);
        let is_held_up = !self.is_calm()
            || lists_lag
            || !self.scenario.environments.is_served(segment, now)
            || is_pausing
            || self.head_is_unreadable(segment)
            || self.segments[segment].queried != 0
            || now < self.scenario.failing_publishes[segment]
            || head.pending.iter().any(is_silent);
        let pauses = |job: &Job| {
            let of_job = head
                .input_failures
                .iter()
                .filter(|failures| is_content(&failures.input.position, job));
            let mut pauses = of_job.filter_map(|failures| failures.not_before);
            self.scenario.is_trapped(file_of(job), now) || pauses.any(|until| time < until)
        };
        // Nothing older takes the place of a replace, and nothing is published beside a half-written addition.
        let is_begun = |job: &Job| {
            head.writing
                .as_ref()
                .is_some_and(|writing| writing.run_id == job.run_id)
        };
        let blocks = |job: &Job| job.mode == Mode::Replace || is_begun(job);
        if is_held_up || head.pending.iter().any(|job| blocks(job) && pauses(job)) {
            return None;
        }
        head.pending.iter().find(|job| !pauses(job)).map(file_of)
    }

    /// Judges at the end whether somebody has heard of whatever was not loaded.
    pub(super) fn judge_what_was_heard(&self, segment: usize) -> Option<Breach> {
        let told = &self.heard[segment];
        let unheard = |what: &str| Some(Breach::Unheard(format!("segment {segment}: {what}")));
        if self
            .scenario
            .unreadable
            .is_some_and(|(of, _, until)| of == segment && until.is_none())
        {
            let is_there = self.heads[segment].is_some();
            return if is_there && !told.unreadable {
                unheard("nobody heard that its head cannot be read")
            } else {
                None
            };
        }
        let head = self.heads[segment].as_ref()?;
        if !head.pending.is_empty() && !told.attention {
            return unheard("a file cannot be loaded, and nobody was called");
        }
        let is_unseen = head.applied.as_ref().is_some_and(|applied| !applied.confirmed);
        let is_dynamic = self.segments[segment].queried != 0;
        if !is_dynamic && !self.shortage_is_heard(segment) {
            return unheard("what was published lacks members, and nobody was called");
        }
        if is_unseen && !is_dynamic && head.writing.is_none() && !told.attention {
            return unheard("what was published is not shown, and nobody was called");
        }
        let of_segment = |file: &usize| self.scenario.files[*file].segment == segment % NAMES;
        let mut files = (0..self.scenario.files.len()).filter(of_segment);
        if files.any(|file| self.deaths_in_a_row[file] > CALLED_AFTER) && !told.attention {
            return unheard("a file has killed run after run, and nobody was called");
        }
        if self.late_failures[segment] > CALLED_AFTER && !told.attention {
            return unheard("it could not be published again and again, and nobody was called");
        }
        let unheard_of = self.oracle.put_aside(segment).find(|file| !told.files.contains(file));
        unheard_of.and_then(|file| unheard(&format!("nobody heard that file {file} was put aside")))
    }
}
