//! Whether it is true what is said of a run that did not come to its end: `busy`, `continues` and `superseded`.

use super::Breach;
use super::calls::segment_of;
use super::files::file_of;
use super::situations::Situation;
use super::world::{LEASE, MINUTE, SECOND, World};
use segment_loader::report::{Outcome, RunReport};
use segment_loader::state::Head;
use std::collections::BTreeSet;

/// A wait that would reach the planned stop is not begun; so long is the longest, for what nobody heard the answer of.
const LONGEST_WAIT: u64 = 2 * MINUTE + 10 * SECOND;

/// While a worker had a segment, as S3 saw it.
struct Held {
    segment: usize,
    process: usize,
    owner: String,
    until: u64,
}

/// When a worker has read a head last, and what it has ever read to be pending.
struct Reading {
    process: usize,
    segment: usize,
    at: u64,
    pending: BTreeSet<usize>,
}

/// What workers could know of each other.
#[derive(Default)]
pub(super) struct Known {
    held: Vec<Held>,
    readings: Vec<Reading>,
}

/// One invocation.
#[derive(Clone, Copy)]
pub(super) struct Invocation {
    pub(super) process: usize,
    pub(super) function: usize,
    pub(super) environment: usize,
    pub(super) started: u64,
    /// When sending stops.
    pub(super) stops: u64,
}

impl Known {
    /// Takes note of who has a segment by a head that a worker has written.
    pub(super) fn wrote(&mut self, process: usize, segment: usize, head: &Head, now: u64) {
        self.read(process, segment, Some(head), now);
        let owner = head.lease.as_ref().map(|lease| &lease.owner);
        // A second of rounding, and S3 tells neither of the two times more exactly than to a second.
        let until = now + LEASE + 2 * SECOND;
        let of_segment = self.held.iter_mut().rfind(|held| held.segment == segment);
        match (of_segment, owner) {
            (Some(last), Some(owner)) if last.owner == *owner => last.until = until,
            (last, owner) => {
                if let Some(last) = last {
                    last.until = last.until.min(now);
                }
                self.held.extend(owner.map(|owner| Held {
                    segment,
                    process,
                    owner: owner.clone(),
                    until,
                }));
            }
        }
    }

    /// Takes note of what a worker reads of a head.
    pub(super) fn read(&mut self, process: usize, segment: usize, head: Option<&Head>, at: u64) {
        let pending = head.iter().flat_map(|head| &head.pending).map(file_of);
        let mut readings = self.readings.iter_mut();
        match readings.find(|reading| (reading.process, reading.segment) == (process, segment)) {
            Some(reading) => {
                reading.at = at;
                reading.pending.extend(pending);
            }
            None => self.readings.push(Reading {
                process,
                segment,
                at,
                pending: pending.collect(),
            }),
        }
    }

    fn reading(&self, process: usize, segment: usize) -> Option<&Reading> {
        let mut readings = self.readings.iter();
        readings.find(|reading| (reading.process, reading.segment) == (process, segment))
    }

    /// Returns whether a worker has a segment at `now`, as S3 sees it.
    pub(super) fn is_held_by(&self, process: usize, segment: usize, now: u64) -> bool {
        let last = self.held.iter().rfind(|held| held.segment == segment);
        last.is_some_and(|held| held.process == process && held.until > now)
    }

    /// Returns whether another worker had the segment when this one looked last, or since it began where it had it itself.
    fn is_held_by_another(&self, by: Invocation, segment: usize) -> bool {
        let mut of_segment = self.held.iter().filter(|held| held.segment == segment);
        let had_it = self
            .held
            .iter()
            .any(|held| held.segment == segment && held.process == by.process);
        let looked_at = self
            .reading(by.process, segment)
            .map_or(by.started, |reading| reading.at);
        let since = if had_it {
            by.started
        } else {
            by.started.max(looked_at.saturating_sub(MINUTE))
        };
        of_segment.any(|held| held.process != by.process && held.until >= since)
    }
}

impl World {
    /// Judges of whom a failure is told: what went wrong with a segment is told of it, and only S3's lists are of none.
    pub(super) fn judge_whose_it_is(&mut self, report: &RunReport) {
        let of_s3 = |error: &str| error == "OutOfTime" || error.starts_with("Source") || error.starts_with("State");
        let is_of_s3 = report.error_type().is_some_and(of_s3);
        let is_nobodys = report.outcome() == Outcome::Failed && report.segment_name().is_none();
        let breach = || Breach::Unheard(format!("{:?} is told of no segment", report.error_type()));
        self.break_off((is_nobodys && !is_of_s3).then(breach));
    }

    /// Judges what is said of a run that did not come to its end.
    pub(super) fn judge_what_is_said(&mut self, report: &RunReport, by: Invocation) {
        let (Some(name), Some(source)) = (report.segment_name(), report.source()) else {
            return;
        };
        let Ok(file) = source.object.etag.parse::<usize>() else {
            return;
        };
        let segment = segment_of(name, by.environment);
        let now = self.now();
        let (situation, is_true) = match report.outcome() {
            Outcome::Busy => (Situation::SaidBusy, self.known.is_held_by_another(by, segment)),
            Outcome::Continues => {
                let reading = self.known.reading(by.process, segment);
                let is_pending = reading.is_some_and(|reading| reading.pending.contains(&file));
                (Situation::SaidToContinue, is_pending && now + LONGEST_WAIT >= by.stops)
            }
            Outcome::Superseded => {
                // Where only a part was replaced, nothing newer is there to be read.
                let is_replaced = self.scenario.files[file].overwritten.is_some();
                let is_older = self.oracle.is_overtaken(&self.scenario, segment, file);
                (Situation::SaidSuperseded, is_replaced || is_older)
            }
            _ => return,
        };
        self.seen.meet(situation);
        let breach = || {
            Breach::Untrue(format!(
                "file {file} of segment {segment} is said to be {:?}",
                report.outcome()
            ))
        };
        self.break_off((!is_true).then(breach));
    }
}
