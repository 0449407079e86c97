//! How many of the contacts that are added Dynamics may refuse until nobody else is tried.

use super::group::GroupId;
use crate::domain::{ContactId, sample};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::OnceCell;

/// What all calls that add contacts of one result know of those that were refused.
///
/// An environment that takes nobody is told from refused contacts that happen to stand together: once so many were refused and
/// nobody was taken, contacts from the whole of the result are tried.
#[derive(Debug)]
pub struct Allowance<'a> {
    most: usize,
    refused: AtomicUsize,
    has_taken: AtomicBool,
    adds: Vec<(&'a GroupId, &'a [ContactId])>,
    pub(super) first_taken: OnceCell<Option<ContactId>>,
}

/// So many refusals, and nobody who was taken, raise the question whether Dynamics takes anybody.
const DOUBTFUL_FROM: usize = 64;

/// How many contacts are tried until that is answered: even where 99 of 100 are refused, one of so many is taken, but for one
/// case in a hundred.
const SAMPLE: usize = 500;

impl<'a> Allowance<'a> {
    /// Lets Dynamics refuse `most` of those who are to be added to these groups; each list is sorted.
    pub fn new(most: usize, adds: Vec<(&'a GroupId, &'a [ContactId])>) -> Self {
        Self {
            most,
            refused: AtomicUsize::new(0),
            has_taken: AtomicBool::new(false),
            adds,
            first_taken: OnceCell::new(),
        }
    }

    /// Lets Dynamics refuse so many, and asks no question: somebody of the result is a member.
    pub fn of_some_taken(most: usize) -> Self {
        let allowance = Self::new(most, Vec::new());
        allowance.take();
        allowance
    }

    /// Lets Dynamics refuse everybody.
    pub fn boundless() -> Self {
        Self::of_some_taken(usize::MAX)
    }

    /// Returns whether more were refused than may be, so that nobody else is tried.
    pub fn is_used_up(&self) -> bool {
        self.refused.load(Ordering::Relaxed) > self.most
    }

    /// Takes note that somebody was taken.
    pub(super) fn take(&self) {
        self.has_taken.store(true, Ordering::Relaxed);
    }

    /// Takes note that somebody was refused.
    pub(super) fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn has_taken(&self) -> bool {
        self.has_taken.load(Ordering::Relaxed)
    }

    /// Returns whether it is to be found out if Dynamics takes anybody.
    pub(super) fn is_doubtful(&self) -> bool {
        !self.has_taken() && self.refused.load(Ordering::Relaxed) >= DOUBTFUL_FROM
    }

    /// Returns whether these are the one who was taken when the sample was tried: a second call may be refused.
    pub(super) fn were_taken(&self, contacts: &[ContactId]) -> bool {
        self.first_taken.get().is_some_and(|first| first.as_slice() == contacts)
    }

    /// Returns contacts from all groups with theirs, always the same ones.
    pub(super) fn sample(&self) -> Vec<(&'a GroupId, ContactId)> {
        let all = self.adds.iter().flat_map(|(_, ids)| ids.iter().copied());
        let group_of = |id: ContactId| {
            let group = self.adds.iter().find(|(_, ids)| ids.binary_search(&id).is_ok());
            group.map(|(group, _)| (*group, id))
        };
        sample(all, SAMPLE).into_iter().filter_map(group_of).collect()
    }
}
