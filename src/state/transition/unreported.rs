//! Attempts that have ended well in the head, and whose worker may not have told anybody.

use super::Enqueued;
use crate::state::head::{Applied, Head, Job};
use crate::state::past::Loaded;
use crate::state::well::Recovery;

/// An attempt that came to its end and then ended without a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreported {
    /// What was attempted.
    pub job: Job,
    /// What became of it.
    pub end: End,
    /// How it was the first good one after something went wrong.
    pub recovery: Option<Recovery>,
}

/// What became of a job that is done with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It was carried out as the last one.
    Applied(Box<Applied>, Loaded),
    /// It is known from before.
    Known(Enqueued),
}

impl Head {
    /// Notes that the attempt has come to its end, of which its worker tells before it changes the head again.
    pub(super) fn note_unreported(&mut self) {
        self.unreported.clone_from(&self.attempt);
    }

    /// Notes that somebody has heard of everything that has ended.
    pub fn note_told(&mut self) {
        self.unreported = None;
        self.overtaken.clear();
        self.has_recovered = false;
        for failures in &mut self.input_failures {
            failures.is_untold = false;
        }
    }

    /// Forgets how those failed of whom nobody may have heard, so that the next failure counts as new.
    pub(super) fn forget_untold(&mut self) {
        for failures in self.input_failures.iter_mut().filter(|failures| failures.is_untold) {
            failures.code = None;
        }
    }

    /// Returns the attempt that came to its end and was not told of, where it can be said how it ended.
    pub fn unreported(&self) -> Option<Unreported> {
        let job = self.unreported.clone()?;
        let applied = self.applied.as_ref().filter(|applied| applied.job == job);
        let load = applied
            .and_then(|applied| self.loads.iter().rfind(|load| load.at == applied.at))
            .or(self.loads.last());
        let end = if let (Some(applied), Some(load)) = (applied, load) {
            End::Applied(Box::new(applied.clone()), load.outcome)
        } else {
            let refused = self.refusal_of(&job).cloned().map(Enqueued::Refused);
            let known = refused.or_else(|| self.find(&job));
            // What is queued once more is told of by its own run.
            End::Known(known.filter(|known| *known != Enqueued::Pending)?)
        };
        let recovery = self
            .recovery()
            .filter(|_| matches!(end, End::Applied(..) | End::Known(Enqueued::Applied)));
        Some(Unreported { job, end, recovery })
    }
}
