//! Reading a result, which must be the one that was asked for, to the contacts that are wanted of it.

use super::Worker;
use super::phase::{Meter, Phase};
use crate::domain::{ContactSet, ObjectRef};
use crate::error::Error;
use crate::means::Means;
use crate::reconcile::{self, guard};
use crate::report::{Content, Reading};
use crate::source::{self, Age, Begun, Change, LoadedAlone, Misfit, ObjectVersion, Parts, Problem, Remark, Role, Rows};
use crate::state::{Head, Job};

impl<M: Means> Worker<'_, M> {
    /// Reads the result to its last byte, and returns the contacts that are wanted of it.
    pub(super) async fn read(
        &self,
        job: &Job,
        head: &Head,
        begun: Begun,
        reading: &mut Reading,
        meter: &Meter<M>,
    ) -> Result<ContactSet, Error> {
        let parts = self.find(job).await?;
        if self.is_in_several(job) {
            match parts.age(&head.markers_before(job)) {
                Age::New => {}
                Age::Known { marker } => reading.remarks.push(Remark::Again { marker }),
                Age::Mixed(older) => reading.older_files = Some(older),
            }
        }
        let Parts { files, warnings } = parts;
        reading.parts = files;
        reading.remarks.extend(warnings);
        tracing::info!(files = reading.parts.len(), "the result is being read");
        let rows = meter.phase(Phase::Read, self.means.read(&reading.parts, begun)).await;
        let rows = rows.map_err(|error| self.or_change(job, error))?;
        let objection = rows.objection(&self.settings.destination.rules.contactid_column);
        let Rows { contacts, rejected, .. } = rows;
        reading.content = Some(Content {
            rows: rows.rows,
            contacts: contacts.len(),
            duplicates: rows.duplicates,
        });
        reading.remarks.extend(rows.warnings);
        reading.rejected = rejected;
        if let Some(objection) = objection {
            return Err(Error::refused(
                objection,
                "not one of its rows holds a usable contact id",
            ));
        }
        let contacts = match job.sample {
            Some(size) => contacts.sample(size),
            None => contacts,
        };
        let over = self.put_under_newer(job, head, contacts, reading);
        let contacts = meter.phase(Phase::Read, over).await?;
        guard::check_size(contacts.len()).map_err(reconcile::Error::from)?;
        Ok(contacts)
    }

    /// Finds the files of a result, which must be the one that was asked for.
    pub(super) async fn find(&self, job: &Job) -> Result<Parts, Error> {
        let is_in_several = self.is_in_several(job);
        let asked = ObjectRef {
            // The marker or manifest that lies there now says whether the files are still its own.
            version_id: job.object.version_id.clone().filter(|_| !is_in_several),
            ..job.object.clone()
        };
        let locating = self.fence.within(self.means.locate(&asked)).await;
        let object = locating.map_err(source::Error::from)?;
        let object = object.map_err(|error| self.or_change(job, error))?;
        if let Some(replaced) = replaced(job, &object, is_in_several) {
            return Err(replaced.into());
        }
        let finding = self.fence.within(self.means.parts(&object, job.mode)).await;
        let parts = finding.map_err(source::Error::from)?;
        let parts = parts.map_err(|error| self.or_change(job, error))?;
        let complete = job.position.last_modified;
        match parts.change(complete, job.parts.as_ref()).filter(|_| is_in_several) {
            Some(change) => {
                let object = job.object.to_string();
                Err(source::Error::Changed { object, change }.into())
            }
            None => Ok(parts),
        }
    }

    fn is_in_several(&self, job: &Job) -> bool {
        Role::is_in_several(&job.object.key, self.settings.destination.rules.result_files, job.mode)
    }

    /// Says of a result in several files that it has changed, where that is what an error comes of.
    fn or_change(&self, job: &Job, error: source::Error) -> source::Error {
        if self.is_in_several(job) {
            error.or_change(&job.object.to_string(), job.parts.as_ref())
        } else {
            error
        }
    }
}

/// Adds to the refusal of one file of several that one of the others is what the segment holds now.
pub(super) fn note_loaded_alone(mut error: Error, head: &Head) -> Error {
    if let Error::Source(source::Error::Invalid {
        problem: Problem::Parts(Misfit::OneOfSeveral(one)),
        ..
    }) = &mut error
        && let Some(applied) = &head.applied
        && let loaded = &applied.job.object
        && one
            .siblings()
            .iter()
            .any(|sibling| sibling.key == loaded.key && sibling.etag == loaded.etag)
    {
        one.note_loaded_alone(LoadedAlone {
            object: loaded.to_string(),
            at: applied.at,
            contacts: applied.contacts,
            segment_name: applied.job.segment_name.clone(),
        });
    }
    error
}

/// Says that another object lies where the one asked for did.
fn replaced(job: &Job, found: &ObjectVersion, is_in_several: bool) -> Option<source::Error> {
    let object = job.object.to_string();
    if !is_in_several {
        return (found.etag != job.object.etag).then_some(source::Error::Replaced { object });
    }
    let is_same = job.is_about(&found.position()) && found.etag == job.object.etag;
    let is_folder = found.key.ends_with('/');
    match (is_same, is_folder) {
        (true, _) => None,
        (false, true) => Some(source::Error::Changed {
            object,
            change: Change::Folder,
        }),
        (false, false) => Some(source::Error::Renewed { object }),
    }
}
