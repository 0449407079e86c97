//! A result that comes late: what was counted since, and is newer, goes over what it says.

use super::Worker;
use crate::domain::{ContactSet, Fate, Mode};
use crate::error::{Error, WayOut};
use crate::means::Means;
use crate::report::{Reading, refusal_of_late};
use crate::source::Begun;
use crate::state::{Head, Job, Untold};

impl<M: Means> Worker<'_, M> {
    /// Returns the contacts that a result asks for after all that is newer than it and was counted before: whom a newer
    /// removal took out stays out, and whom a newer addition brought stays in.
    ///
    /// They are told apart before anything is written, so that what the older result alone would make of the segment is
    /// never published.
    pub(super) async fn put_under_newer(
        &self,
        job: &Job,
        head: &Head,
        mut contacts: ContactSet,
        reading: &mut Reading,
    ) -> Result<ContactSet, Error> {
        reading.undone = head.undone_by(job);
        let newer = head.newer_than(job).map_err(|untold| cannot_be_told(job, untold))?;
        for newer in &newer {
            let theirs = self.read_again(newer).await;
            let theirs = theirs.map_err(|error| cannot_be_read(job, newer, error))?;
            let before = contacts.len();
            contacts = match (job.mode, newer.mode) {
                (Mode::Replace, Mode::Append) => contacts.with(theirs.as_slice()),
                _ => contacts.without(theirs.as_slice()),
            };
            if contacts.len() < before {
                reading.removals.push(newer.object.clone());
            }
        }
        reading.newer = newer.len();
        Ok(contacts)
    }

    async fn read_again(&self, counted: &Job) -> Result<ContactSet, Error> {
        let parts = self.find(counted).await?;
        Ok(self.means.read(&parts.files, Begun::default()).await?.contacts)
    }
}

fn cannot_be_told(job: &Job, untold: Untold) -> Error {
    let why = match untold {
        Untold::Named(count) => format!(
            "{count} additions and removals that are newer than {} were counted before it came, and an earlier version of \
             this function, which counted them, did not keep how",
            job.object
        ),
        Untold::Below => format!(
            "a newer complete result was loaded since {} was refused, and has overtaken {} carried out before it, so that whom they \
             {}",
            job.object,
            match job.mode {
                Mode::Remove => "the additions between the two that were not",
                _ => "the removals between the two that were not",
            },
            match job.mode {
                Mode::Remove => "added would be taken out",
                _ => "removed would be brought back",
            },
        ),
        Untold::Overtaken => format!(
            "a newer complete result was loaded since {} was refused, and has overtaken additions or removals that are newer than it \
             and were not carried out, so that what they said would be undone",
            job.object
        ),
        Untold::Forgotten => format!(
            "more additions and removals were counted before {} came than are remembered, and what is forgotten may be newer and \
             say otherwise",
            job.object
        ),
    };
    late(&why, job)
}

/// Says of what went wrong with a newer input that it keeps the late one from being loaded, unless it may be over soon.
fn cannot_be_read(job: &Job, newer: &Job, error: Error) -> Error {
    if !matches!(error.fate(), Fate::Refuse | Fate::PutAside | Fate::Drop) {
        return error;
    }
    let why = format!(
        "{}, which is newer than {} and was counted before it came, cannot be read again: {error}",
        newer.object, job.object
    );
    late(&why, job)
}

fn late(why: &str, job: &Job) -> Error {
    let plain = "it comes late, and what was loaded since, and would be undone by it, cannot be told apart any more";
    let way_out = WayOut::Decide("Where it is to be loaded all the same, load it directly, and then what is newer.");
    Error::refused_until(way_out, refusal_of_late(why, job), plain)
}
