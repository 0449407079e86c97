//! What segments say about themselves in Dynamics: the function's line of the last load, and what marketers write there.

use super::calls::Simulated;
use super::dataverse::{Segment, index_of};
use super::situations::Situation;
use super::world::World;
use super::{Breach, Plant};
use segment_loader::dynamics::{self, Saved, Segment as Row};
use std::time::Duration;
use tokio::time::timeout;

/// How long production waits for such a change.
const LONGEST_CHANGE: Duration = Duration::from_secs(10);
/// How many of a thousand changes meet a marketer who writes in the very moment.
const NOTED_BESIDE: u64 = 50;
/// How a line begins that a marketer wrote.
const NOTE: &str = "Note";

impl Simulated {
    /// Changes a description where the row is still as it was read: only of what is known, and by no dry run.
    pub(super) async fn put_description(&self, row: &Row, description: &str) -> Result<Saved, dynamics::Error> {
        let (index, etag, description) = (index_of(row.id.0), row.etag.clone(), description.to_owned());
        {
            let world = &mut *self.world.get();
            world.leaves_a_trace(self.process);
            // Who has lost the segment meanwhile sends nothing any more.
            let is_held = world.known.is_held_by(self.process, index, world.now());
            let breach = world.describes_too_early(index).filter(|_| is_held);
            world.break_off(breach);
            if world.goes_wrong(NOTED_BESIDE) {
                let situation = world.note(index);
                world.seen.meet(situation);
            }
        }
        let is_blind = self.has(Plant::VersionsOfRowsAreIgnored);
        // Whatever comes of it, nobody repeats it or waits for it: it is no write that another one could meet.
        let changing = self.call(None, move |_, world| {
            if !is_blind && etag.as_deref() != Some(&world.segments[index].version.to_string()) {
                return Saved::Outdated;
            }
            let breach = world.segments[index].loses_a_note(&description);
            world.break_off(breach);
            let segment = &mut world.segments[index];
            segment.version += 1;
            segment.description.clone_from(&description);
            world.seen.meet(Situation::Described);
            Saved::Done
        });
        let unavailable = dynamics::Error::DynamicsUnavailable {
            operation: "describe",
            tries: 1,
            reason: "simulated".to_owned(),
        };
        timeout(LONGEST_CHANGE, changing).await.unwrap_or(Err(unavailable))
    }
}

impl World {
    /// Judges when a description is changed: a publish that nobody has seen may still show another audience.
    fn describes_too_early(&self, index: usize) -> Option<Breach> {
        let head = self.heads[index].as_ref()?;
        let is_unseen = head.writing.is_some() || head.applied.as_ref().is_some_and(|applied| !applied.confirmed);
        is_unseen.then(|| Breach::Described(format!("segment {index} tells of a load that nobody has seen")))
    }

    /// Lets a marketer write something into the description: behind what is there, or before it.
    pub(super) fn note(&mut self, index: usize) -> Situation {
        let (number, is_behind) = (self.rng.word(), self.rng.happens(700));
        let segment = &mut self.segments[index];
        let (note, description) = (format!("{NOTE} {number}"), &segment.description);
        segment.description = if is_behind {
            format!("{description}\n{note}")
        } else {
            format!("{note}\n{description}")
        };
        segment.version += 1;
        Situation::NoteWritten
    }
}

impl Segment {
    /// Judges a change of the description: what a marketer wrote stays.
    fn loses_a_note(&self, description: &str) -> Option<Breach> {
        let notes = self.description.lines().filter(|line| line.starts_with(NOTE));
        let mut lost = notes.filter(|note| !description.lines().any(|line| line == *note));
        let is_theirs = self.description.starts_with(NOTE);
        (is_theirs || lost.next().is_some()).then(|| Breach::Described("what a marketer wrote is lost".to_owned()))
    }
}
