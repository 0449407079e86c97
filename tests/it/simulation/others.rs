//! People who press Publish themselves, whatever the draft holds at that moment: it is not ours, and has to be put right or told.

use super::Breach;
use super::dataverse::{Segment, Status};
use super::situations::Situation;
use super::world::{MINUTE, SECOND, SEGMENTS, Shared, World};
use segment_loader::report::{Outcome, RunReport};
use segment_loader::state::Head;

/// What a report says where it was noticed.
const NOTICED: &str = "somebody else has published or refreshed it";

/// What others have done with segments, as far as workers can know of it.
#[derive(Default)]
pub(super) struct Others {
    /// Somebody has published a part of what is being written, of which the run that publishes the whole has to tell.
    untold: [bool; SEGMENTS],
    /// What is being written may have been published by an attempt that did not come to its end.
    is_announced: [bool; SEGMENTS],
}

impl Shared {
    /// Lets somebody else publish a segment as its draft is, now and then.
    pub(super) fn may_be_published_by_others(&self, world: &mut World, index: usize) {
        let publish = world.scenario.faults.publish;
        if publish > 0 && world.goes_wrong(publish) && world.segments[index].exists {
            self.publish_for_others(world, index);
        }
    }

    pub(super) fn publish_for_others(&self, world: &mut World, index: usize) {
        let now = world.now();
        let takes = world.rng.between(SECOND, 2 * MINUTE);
        world.say(|| format!("somebody else publishes segment {index}"));
        world.note_a_part(index);
        let segment = &mut world.segments[index];
        segment.begin_computing(now, now);
        segment.others = Some(segment.audience());
        let publication = segment.publications;
        self.after(takes, move |_, world| {
            if world.segments[index].publications == publication {
                world.compute(index, Status::Active);
            }
        });
    }
}

impl World {
    /// Takes note that others publish what is half-written, which nobody but Dynamics' times may show.
    fn note_a_part(&mut self, index: usize) {
        let head = self.heads[index].as_ref();
        let is_half_written = |head: &&Head| {
            let writing = head.writing.as_ref();
            writing.is_some_and(|writing| writing.publishing.is_none())
        };
        let Some(head) = head.filter(is_half_written) else {
            self.seen.meet(Situation::PublishedByOthers);
            return;
        };
        let is_to_be_told = self.scenario.tells_times && !head.may_be_computing() && !self.others.is_announced[index];
        self.others.untold[index] |= is_to_be_told;
        self.seen.meet(Situation::PartPublishedByOthers);
    }

    /// Looks at a head that was changed: where what is computed may be its own, what others did is not to be told from it.
    pub(super) fn note_what_hides_others(&mut self, segment: usize, old: Option<&Head>, new: &Head) {
        let owner = |head: &Head| head.lease.as_ref().map(|lease| lease.owner.clone());
        let is_taken = old.and_then(owner) != owner(new);
        let writing = new.writing.as_ref();
        let others = &mut self.others;
        others.is_announced[segment] =
            writing.is_some_and(|writing| others.is_announced[segment] || writing.publishing.is_some());
        // What is taken back is published over, by a run that tells of it.
        let is_over = new.writing.is_none() && new.lease.is_none() && !new.is_overlaid();
        if is_taken && others.is_announced[segment] || is_over {
            others.untold[segment] = false;
        }
    }

    /// Hears whether a run that has published tells that others did so before it.
    pub(super) fn hear_of_others(&mut self, segment: usize, report: &RunReport) {
        let is_published = matches!(report.outcome(), Outcome::Loaded | Outcome::Computing);
        let is_taken_back = self.heads[segment].as_ref().is_some_and(Head::is_overlaid);
        let is_over = is_published || report.outcome() == Outcome::Failed && !is_taken_back;
        if !is_over || !std::mem::take(&mut self.others.untold[segment]) {
            return;
        }
        let is_told = report.warnings().iter().any(|warning| warning.contains(NOTICED));
        let breach = || {
            Breach::Unheard(format!(
                "segment {segment}: others have published a part, and nobody heard"
            ))
        };
        self.break_off((is_published && !is_told).then(breach));
    }
}

impl Segment {
    /// Shows what others have published last; returns whether they did.
    pub(super) fn show_what_others_published(&mut self) -> bool {
        self.is_shown_by_others = self.others.is_some();
        if let Some(others) = self.others {
            self.visible = others;
            self.is_short = false;
        }
        self.is_shown_by_others
    }
}
