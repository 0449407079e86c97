//! What failed before its segment was known, such as by a secret that cannot be read: no head remembers that, and Lambda delivers
//! the event twice more.

use super::{Reporter, RunReport, Source};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What was told of such failures, as long as this process lives: another one tells of them anew.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard(Arc<Mutex<VecDeque<(Source, String)>>>);

impl Heard {
    /// How many inputs are remembered: those that fail together while a secret cannot be read.
    const INPUTS: usize = 100;

    /// Tells of a failure, and whether just that was told of its input last.
    pub(crate) async fn tell(&self, reporter: &Reporter<'_>, report: RunReport) -> RunReport {
        let told = reporter.report(self.compare(report)).await;
        self.remember(&told);
        told
    }

    fn compare(&self, mut report: RunReport) -> RunReport {
        let is_known = report.source.as_ref().is_some_and(|source| {
            let how = report.error_type().unwrap_or_default();
            self.lock().iter().any(|(input, told)| input == source && told == how)
        });
        report.repeated |= is_known && !report.is_dry_run;
        report
    }

    fn remember(&self, report: &RunReport) {
        let Some(source) = report.source.as_ref().filter(|_| !report.is_dry_run) else {
            return;
        };
        self.forget(source);
        let mut known = self.lock();
        known.push_back((source.clone(), report.error_type().unwrap_or_default().to_owned()));
        let surplus = known.len().saturating_sub(Self::INPUTS);
        known.drain(..surplus);
    }

    /// Forgets an input of which heads tell from now on.
    pub(crate) fn forget(&self, source: &Source) {
        self.lock().retain(|(input, _)| input != source);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Source, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
