//! Publishes that show fewer members than the draft has: for a while, or for good.

use super::Breach;
use super::contacts::Contacts;
use super::dataverse::Segment;
use super::situations::Situation;
use super::world::{SEGMENTS, World};
use segment_loader::report::{Outcome, RunReport};
use segment_loader::state::Head;

/// How often a segment is published again for members that are missing.
const MOST_PUBLISHES: u32 = 3;

impl Segment {
    /// Shows journeys what was published, but for one member where that publish is `short`; returns whether it was short before
    /// and is so now.
    pub(super) fn show_published(&mut self, short: bool) -> (bool, bool) {
        let first = self.published & self.published.wrapping_neg();
        let was_short = std::mem::replace(&mut self.is_short, short && first != 0);
        self.visible = self.published & !if self.is_short { first } else { 0 };
        (was_short, self.is_short)
    }

    /// Returns whether the segment is short of those of whom its publisher could know.
    fn shows_too_few(&self) -> bool {
        let known = self.published & !self.edits.published_unseen();
        self.is_short && self.visible.count_ones() < known.count_ones()
    }
}

impl World {
    /// Comes to the end of computing, and shows what was published.
    pub(super) fn show_published(&mut self, index: usize) {
        let left = &mut self.scenario.short[index];
        let shown = self.segments[index].show_published(*left > 0);
        *left = left.saturating_sub(1);
        match shown {
            (_, true) => self.seen.meet(Situation::PublishedShort),
            (true, false) => self.seen.meet(Situation::MadeWhole),
            (false, false) => {}
        }
    }

    /// Hears how many members a run says to be missing, and whether that calls for a person: once, where no more are missing than
    /// before.
    pub(super) fn hear_of_a_shortage(&mut self, segment: usize, report: &RunReport) {
        let is_done = matches!(report.outcome(), Outcome::Loaded | Outcome::Unchanged);
        if !is_done || report.published_missing().is_none_or(|missing| missing == 0) {
            return;
        }
        let breach = || {
            Breach::Untrue(format!(
                "members of segment {segment} are said to be missing, and none is"
            ))
        };
        self.break_off(self.nobody_can_be_missing(segment).then(breach));
        let heard = &mut self.heard[segment];
        let was_known = heard.stays_short;
        heard.stays_short |= report.needs_attention();
        if was_known {
            let breach = || Breach::Untrue(format!("the shortage of segment {segment} is called new"));
            self.break_off(report.needs_attention().then(breach));
        } else if report.needs_attention() {
            self.seen.meet(Situation::StayedShort);
        }
    }

    /// Returns whether Dynamics shows all who were published, and whoever published them could know who that is.
    fn nobody_can_be_missing(&self, index: usize) -> bool {
        let Segment { edits, .. } = &self.segments[index];
        let is_exact = self.scenario.short == [0; SEGMENTS] && self.scenario.lag.is_none();
        let is_ours = self.scenario.faults.publish == 0 && !edits.is_shown && self.segments[index].queried_at.is_none();
        is_exact && is_ours && edits.were_known()
    }

    /// Judges how often a head says that a segment was published again.
    pub(super) fn judge_the_shortage(&mut self, segment: usize, head: &Head) {
        let publishes = head.shortage.as_ref().map_or(0, |shortage| shortage.publishes);
        let breach = || {
            Breach::Untrue(format!(
                "segment {segment} is published again for the {publishes}th time"
            ))
        };
        self.break_off((publishes > MOST_PUBLISHES).then(breach));
    }

    /// Returns whether a person was called where members of what was published stay missing: by that they are, where nothing
    /// else is left to do.
    pub(super) fn shortage_is_heard(&self, segment: usize) -> bool {
        let told = &self.heard[segment];
        let is_at_rest = |head: &Head| {
            let is_seen = head.applied.as_ref().is_some_and(|applied| applied.confirmed);
            head.pending.is_empty() && head.writing.is_none() && is_seen
        };
        let is_at_rest = self.heads[segment].as_ref().is_some_and(is_at_rest);
        !self.segments[segment].shows_too_few() || told.stays_short || told.attention && !is_at_rest
    }

    /// Judges who is said not to be shown: members of a segment that is short.
    pub(super) fn calls_missing(&mut self, contacts: Contacts) {
        let missing = |segment: &Segment| segment.published & !segment.visible;
        let missing = self.segments.iter().fold(0, |all, segment| all | missing(segment));
        let breach = || Breach::Blamed("Dynamics shows some of those who are said to be missing".to_owned());
        self.break_off((contacts & !missing != 0).then(breach));
    }
}
