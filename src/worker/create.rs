//! Creating a segment: never while the row of an earlier create may still come, whoever sent that.

use super::names::sought;
use super::session::Session;
use crate::domain::{Fate, LATE_COMMIT};
use crate::dynamics::{self, Definition, LOOK_EVERY, Segment};
use crate::error::Error;
use crate::means::Means;
use crate::reconcile::{self, survey};
use crate::report::description;
use crate::state::{Head, Job};

impl<M: Means> Session<'_, M> {
    /// Waits for the segment of a create that nobody heard the answer of, until it is there or can come no more.
    ///
    /// The worker that sent it may have been killed, and a second create would make a second segment of the name.
    pub(super) async fn await_create(&self, job: &Job, head: &Head) -> Result<(), Error> {
        let Some(sent) = head.creating else {
            return Ok(());
        };
        let until = sent + LATE_COMMIT;
        while self.means().s3_time() <= until {
            let found = survey::find(self.means(), sought(&job.segment_name, None)).await;
            if found.map_err(awaited)?.is_some() {
                break;
            }
            tracing::info!("a segment may have been created by an attempt before; it is looked for");
            let sleeping = self.lease.fence.sleep(LOOK_EVERY).await;
            sleeping.map_err(|closed| awaited(dynamics::Error::from(closed)))?;
        }
        Ok(())
    }

    /// Creates the segment, and notes before that it is about to.
    pub(super) async fn create(&self, job: &Job) -> Result<(Segment, Definition), Error> {
        self.lease.note_create().await?;
        let description = description(job);
        match self.means().create_segment(&job.segment_name, &description).await {
            Ok((segment, definition)) => {
                tracing::info!(segment_id = %segment.id, "the segment is created");
                Ok((segment, definition))
            }
            Err(error) => {
                let is_known = !error.is_transient() && !matches!(error, dynamics::Error::UnexpectedAnswer { .. });
                let noted = if is_known {
                    self.lease.end_create().await
                } else {
                    self.lease.note_create().await
                };
                if let Err(unnoted) = noted {
                    tracing::warn!(error = %unnoted, "what became of the create could not be noted");
                }
                Err(awaited(error))
            }
        }
    }
}

/// Says where the time was over that the row of a create was awaited, which is nobody's failure.
fn awaited(error: impl Into<reconcile::Error>) -> Error {
    let error = Error::from(error.into());
    match error.fate() {
        Fate::Continue => Error::AwaitsCreate,
        _ => error,
    }
}
