//! Changes of a head of which nobody heard whether they were made: what they noted to be told stays for whoever comes next.

use crate::state::{Head, Job, Overtaken, Unreported};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// What a session knows to be told of what its head has noted.
#[derive(Debug, Default)]
pub(super) struct Unheard {
    /// A change may have been made of which it heard nothing.
    is_so: AtomicBool,
    /// What it tells of, as it heard it.
    overtaken: Mutex<Vec<Job>>,
    /// The end of an attempt before, of which it tells first.
    unreported: Option<Job>,
}

impl Unheard {
    /// Begins with what was found in the head.
    pub(super) fn after(unreported: Option<&Unreported>, overtaken: &[Overtaken]) -> Self {
        let overtaken = overtaken.iter().map(|overtaken| overtaken.job.clone()).collect();
        Self {
            is_so: AtomicBool::new(false),
            overtaken: Mutex::new(overtaken),
            unreported: unreported.map(|unreported| unreported.job.clone()),
        }
    }

    /// Notes that a change may have been made of which nobody heard.
    pub(super) fn note(&self) {
        self.is_so.store(true, Ordering::Relaxed);
    }

    /// Returns whether a change may have been made of which nobody heard.
    pub(super) fn is_so(&self) -> bool {
        self.is_so.load(Ordering::Relaxed)
    }

    /// Notes what was overtaken, which is told before anything else is noted.
    pub(super) fn hear(&self, overtaken: &[Job]) {
        let mut heard = self.overtaken.lock().unwrap_or_else(PoisonError::into_inner);
        heard.extend_from_slice(overtaken);
    }

    /// Takes out of a head what is told.
    pub(super) fn note_told(&self, head: &mut Head) {
        if !self.is_so() {
            return head.note_told();
        }
        let told = self.overtaken.lock().unwrap_or_else(PoisonError::into_inner);
        head.overtaken.retain(|noted| !told.contains(&noted.job));
        head.unreported
            .take_if(|noted| Some(&*noted) == self.unreported.as_ref());
    }
}
