//! A job that a guard refuses: told in Dynamics, and with the command that approves it.

use super::prepare::Prepared;
use super::session::Session;
use crate::error::{Error, Objection, WayOut};
use crate::means::Means;
use crate::reconcile::guard;
use crate::report::{Account, Outcome, Writing, refusal};
use crate::state::{Head, Job};

impl<M: Means> Session<'_, M> {
    /// Refuses a job, for good or as long as others use the segment.
    pub(super) async fn turn_down(
        &self,
        job: &Job,
        head: &Head,
        account: &Account,
        objections: &[String],
        prepared: &Prepared,
    ) -> (Writing, Result<Option<Outcome>, Error>) {
        let evaluations = &account.comparison.evaluations;
        let plain = guard::in_plain_words(evaluations).join("; ");
        let waits_for_use = guard::waits_for_use(evaluations);
        let described = if waits_for_use {
            None
        } else {
            self.describe_refusal(job, head, prepared, &plain).await
        };
        let objection = |way_out| Objection {
            reason: refusal(objections, job, described.is_some()),
            plain: plain.clone(),
            way_out,
        };
        let error = match (waits_for_use, objections.len()) {
            (true, 1) => Error::RefusedWhileUsed(objection(WayOut::Wait)),
            (true, _) => Error::RefusedWhileUsed(objection(WayOut::Approve)),
            (false, _) => Error::Refused(objection(WayOut::Approve)),
        };
        let writing = Writing {
            undescribed: described.and_then(|described| described.warning),
            ..Writing::default()
        };
        (writing, Err(error))
    }
}
