//! One result into one segment: survey, plan, guard, converge, publish.
//!
//! The only place where what was read meets what is in Dynamics.

mod abreast;
pub mod converge;
pub mod guard;
mod lag;
pub mod late;
pub mod plan;
pub mod publish;
pub mod rounds;
pub mod survey;
mod unverified;
mod write;

pub use converge::Draft;
pub use guard::{Evaluation, Facts, TooManyContacts};
pub use lag::{LONGEST_LAG, Lags};
pub use plan::{NoRoom, Plan};
pub use publish::{Look, Published, Shown};
pub use rounds::{Converged, Rounds, Step};
pub use survey::{Audience, Left, Sought, Whereabouts};
pub use unverified::Unverified;

use crate::domain::{ContactId, ContactSet, Fate, Mode, NearNames, UsedBy};
use crate::dynamics;
use crate::text::{json::to_paste, shown};
use serde_json::json;

/// What a run wants of the segment.
#[derive(Clone, Copy, Debug)]
pub struct Desired<'a> {
    /// How the file changes the segment.
    pub mode: Mode,
    /// The file's contacts.
    pub contacts: &'a ContactSet,
    /// How many contacts of the file are left out, since they were looked up and do not exist.
    pub not_found: usize,
    /// The share of contacts, in percent, that may not exist or be refused before the load fails.
    pub max_invalid_percent: f64,
}

/// Why a result cannot become the audience.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name does not say which segment is meant.
    #[error(
        "{} segments are called {name:?} ({}), and the run cannot tell which is meant: delete or rename all but one, then load the file \
         directly again",
        .ids.len(),
        .ids.join(", ")
    )]
    SeveralSegments {
        /// The name.
        name: String,
        /// The segments' ids.
        ids: Vec<String>,
    },
    /// There is no segment, and none is to be made.
    #[error(
        "there is no segment of exactly the name {name:?}, and missing_segment is refuse{near}. Nothing was written, and no \
         approval opens this: load the file directly with the right `segment_name`, or create a static segment of contacts of \
         exactly this name in Customer Insights - Journeys, or set missing_segment to create, and load the file directly again"
    )]
    SegmentMissing {
        /// The name.
        name: String,
        /// Names that somebody may have meant.
        near: NearNames,
    },
    /// Somebody has renamed the segment since it was loaded.
    #[error(
        "there is no segment of exactly the name {name:?} any more: the one that was loaded last is called {} now, and whoever \
         uses it goes on with it, so that a new one of the old name would reach nobody. Nothing was written, and no approval \
         opens this: rename it back in Customer Insights - Journeys, or load the file directly with the new name as \
         `segment_name`; or, where a new segment is meant, let this function forget the one that was renamed, with {}; then \
         load the file directly again",
        shown::word(.now),
        forgetting(.name)
    )]
    SegmentRenamed {
        /// The name that it had.
        name: String,
        /// The name that it has.
        now: String,
    },
    /// The segment has a query of its own.
    #[error(
        "the segment {name:?} ({id}) is dynamic: its members come from a query in Dynamics, which a load would fight; \
         load the file directly with another segment name, or rename that segment and load the file directly again"
    )]
    DynamicSegment {
        /// The name.
        name: String,
        /// The segment's id.
        id: String,
    },
    /// The segment's members are no contacts.
    #[error(
        "the segment {name:?} ({id}) is not one of contacts (its base entity is another), and a query result holds \
         contacts: load the file directly with another segment name, or rename that segment and load the file directly again"
    )]
    WrongBaseEntity {
        /// The name.
        name: String,
        /// The segment's id.
        id: String,
    },
    /// Somebody made the segment another one during the load.
    #[error("{0}; nothing was published, and the run is tried again")]
    SegmentChanged(Changed),
    /// There is no room for the contacts.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// There are too many contacts for any segment.
    #[error(transparent)]
    TooManyContacts(#[from] TooManyContacts),
    /// Dynamics takes too few of the contacts.
    #[error(
        "at least {} of {contacts} contacts do not exist or were not accepted by Dynamics, more than max_invalid_percent = {limit} \
         allows; nothing was published: check that the ids are contacts of this environment and active",
        .not_found + .refused.len()
    )]
    TooManyNotAccepted {
        /// How many contacts were looked up and do not exist.
        not_found: usize,
        /// The contacts that were refused or dropped, for the list of them.
        refused: Vec<ContactId>,
        /// How many were desired.
        contacts: usize,
        /// The limit in percent.
        limit: f64,
    },
    /// Members cannot be removed.
    #[error("Dynamics keeps {count} members that were to be removed; nothing was published: the run can be repeated")]
    MembersStay {
        /// How many members stay.
        count: usize,
    },
    /// The list of members does not show, or may not show, what was written.
    #[error(transparent)]
    ListLags(Lags),
    /// Somebody else changes the members at the same time.
    #[error(
        "the members still differed after {rounds} rounds of writing, so somebody else is changing the segment, or its \
         list lags far behind; nothing was published: let the other change finish, then repeat the run"
    )]
    MembersKeepChanging {
        /// How often the difference was written.
        rounds: usize,
    },
    /// Others use the segment, so that Dynamics lets nobody change it.
    #[error(
        "Dynamics does not let the segment be changed, since it is in use{}; nothing was published, and the \
         audience stays as it was: stop the journeys that use the segment and take it out of the segments that build on it, \
         or load into another segment. The run is tried again with growing pauses, so that this is enough. {refusal}",
        by(.used_by.as_ref())
    )]
    SegmentInUse {
        /// What uses it, where Dynamics told it.
        used_by: Option<UsedBy>,
        /// What Dynamics answered.
        refusal: dynamics::Refusal,
    },
    /// Dynamics refused a change in words that nobody here understands, of a segment that is used.
    #[error(
        "{error}. The segment is used (by {used_by}), and Dynamics lets nobody change such a segment as a rule, so that this is \
         likely why: stop the journeys that use it and take it out of the segments that build on it, or load into another segment"
    )]
    RefusedWhileUsed {
        /// What was refused.
        error: Box<dynamics::Error>,
        /// What uses it.
        used_by: UsedBy,
    },
    /// The published segment ended in an error state.
    #[error(
        "Dynamics could not compute the published segment (its status is {status_code}); the earlier audience stays in \
         use: open the segment in Dynamics to see why, then repeat the run"
    )]
    PublishFailed {
        /// The segment's `statuscode`.
        status_code: i64,
    },
    /// The published segment is not shown, and cannot be published again.
    #[error("{0}")]
    NotPublishedAgain(Unverified),
    /// The draft holds a part of a result that is gone, and an addition or removal does not say who else is in the segment.
    #[error(
        "the segment's draft has {members} members and may hold a part of another result, whose load was cut short and which \
         is not tried any more; an addition or removal does not say who belongs in it, so nothing was changed and nothing \
         published: load a complete result with {{\"action\":\"load\",\"key\":...,\"mode\":\"replace\"}}, or put the members \
         right in Dynamics as they were published"
    )]
    LeftHalfWritten {
        /// How many members the draft has.
        members: u64,
    },
    /// A call failed.
    #[error(transparent)]
    Dynamics(#[from] dynamics::Error),
}

/// What was changed in the segment while it was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Changed {
    /// It has a query.
    #[error(
        "the segment was given a query during the run, which would add people that are not in the result: take the query \
         out in Dynamics, or choose another segment name"
    )]
    Query,
    /// Its refresh is on.
    #[error(
        "the segment's automatic refresh was switched on again during the run, with which journeys may see its members \
         before they are verified: the next attempt switches it off"
    )]
    Refresh,
    /// Its definition is never the one that was read right before.
    #[error(
        "somebody else changed the segment's definition five times in the very moment in which this run was about to change it \
         (to switch its automatic refresh off, or to add a group), as Dynamics says, so that the change could not be saved"
    )]
    Definition,
    /// Its groups are others again and again.
    #[error("the segment's groups were changed in Dynamics again and again while this run was at work")]
    GroupsAgain,
    /// An Include group that was written to keeps contacts out.
    #[error(
        "an Include group of the segment was made an Exclude group during the run, and contacts of the result that were added to \
         it just then may be in it, which keeps them out: look in Customer Insights - Journeys who is to be in that group, since \
         Exclude groups are left as they are"
    )]
    Excluding,
    /// Its refresh stays on.
    #[error(
        "the segment's automatic refresh stays on, although this run tried again and again to switch it off, so that it has \
         changed no member: switch it off in Dynamics, or load into another segment"
    )]
    RefreshStays,
    /// Its groups are others than those that were verified.
    #[error("the segment's groups were changed in Dynamics during the run, after its members were verified")]
    Groups,
}

impl Error {
    /// Returns the stable name that alarms and the runtime's answer use.
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::SeveralSegments { .. } => "SeveralSegments",
            Self::SegmentMissing { .. } | Self::SegmentRenamed { .. } => "SegmentMissing",
            Self::DynamicSegment { .. } => "DynamicSegment",
            Self::WrongBaseEntity { .. } => "WrongBaseEntity",
            Self::SegmentChanged(_) => "SegmentChanged",
            Self::NoRoom(_) | Self::TooManyContacts(_) => "TooManyContacts",
            Self::TooManyNotAccepted { .. } => "ContactsNotAccepted",
            Self::MembersStay { .. }
            | Self::ListLags(_)
            | Self::MembersKeepChanging { .. }
            | Self::NotPublishedAgain(_)
            | Self::LeftHalfWritten { .. } => "MembersDiffer",
            Self::SegmentInUse { .. } => "SegmentInUse",
            Self::PublishFailed { .. } => "PublishFailed",
            Self::RefusedWhileUsed { error, .. } => error.error_type(),
            Self::Dynamics(error) => error.error_type(),
        }
    }

    /// Tells what becomes of a job that could not be loaded.
    pub const fn fate(&self) -> Fate {
        match self {
            // The segment or the result itself forbids the load, so that repeating it is no use.
            Self::SeveralSegments { .. }
            | Self::SegmentMissing { .. }
            | Self::SegmentRenamed { .. }
            | Self::DynamicSegment { .. }
            | Self::WrongBaseEntity { .. }
            | Self::NoRoom(_)
            | Self::TooManyContacts(_) => Fate::Refuse,
            Self::TooManyNotAccepted { .. }
            | Self::SegmentChanged(_)
            | Self::MembersStay { .. }
            | Self::ListLags(_)
            | Self::MembersKeepChanging { .. }
            | Self::SegmentInUse { .. }
            | Self::RefusedWhileUsed { .. }
            | Self::PublishFailed { .. }
            | Self::NotPublishedAgain(_)
            | Self::LeftHalfWritten { .. } => Fate::Retry,
            Self::Dynamics(error) => error.fate(),
        }
    }
}

/// Writes the command that lets the function forget a segment.
fn forgetting(name: &str) -> String {
    to_paste(&json!({"action": "forget", "segment_name": name}))
}

impl Error {
    /// Says what uses the segment, where that is why Dynamics lets nobody change it.
    #[must_use]
    pub fn naming(self, used_by: Option<&UsedBy>) -> Self {
        match self {
            Self::Dynamics(dynamics::Error::SegmentInUse(refusal)) => Self::SegmentInUse {
                used_by: used_by.cloned(),
                refusal,
            },
            Self::Dynamics(error) if error.may_be_due_to_use() => match used_by.filter(|used_by| used_by.is_used()) {
                Some(used_by) => Self::RefusedWhileUsed {
                    error: Box::new(error),
                    used_by: used_by.clone(),
                },
                None => Self::Dynamics(error),
            },
            error => error,
        }
    }
}

fn by(used_by: Option<&UsedBy>) -> String {
    match used_by.filter(|used_by| used_by.is_used()) {
        Some(used_by) => format!(" (by {used_by})"),
        None => " (by what, Dynamics does not tell)".to_owned(),
    }
}

impl Desired<'_> {
    /// Plans the way from the members, as they are, to what is desired; `refused` are contacts that Dynamics does not take,
    /// sorted.
    pub fn plan(
        &self,
        members: Vec<Vec<ContactId>>,
        exclude_groups: usize,
        refused: &[ContactId],
    ) -> Result<Plan, NoRoom> {
        let is_taken = |id: &&ContactId| refused.binary_search(id).is_err();
        let desired = self.contacts.as_slice().iter().filter(is_taken);
        Plan::new(self.mode, desired, members, exclude_groups)
    }

    /// Returns whether whoever carries this out adds the contact where it is no member.
    pub fn adds(&self, contact: ContactId) -> bool {
        self.mode != Mode::Remove && self.contacts.as_slice().binary_search(&contact).is_ok()
    }

    /// Returns how many of the contacts Dynamics may refuse.
    pub fn most_refused(&self) -> usize {
        let contacts = self.contacts.len() + self.not_found;
        guard::allowed(contacts, self.max_invalid_percent).saturating_sub(self.not_found)
    }

    /// Fails where more of the contacts do not exist or are not taken by Dynamics than may be invalid.
    pub fn check_refused(&self, refused: &[ContactId]) -> Result<(), Error> {
        let count = refused.len() + self.not_found;
        let contacts = self.contacts.len() + self.not_found;
        if guard::exceeds(count as u64, contacts as u64, self.max_invalid_percent) {
            return Err(Error::TooManyNotAccepted {
                not_found: self.not_found,
                refused: refused.to_vec(),
                contacts,
                limit: self.max_invalid_percent,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn ids(numbers: &BTreeSet<u8>) -> Vec<ContactId> {
        let id = |number: &u8| ContactId::from_bytes([*number; 16]);
        numbers.iter().filter_map(id).collect()
    }

    proptest! {
        #[test]
        fn what_dynamics_refuses_is_neither_added_nor_kept(
            file in prop::collection::btree_set(1_u8..100, 0..80),
            members in prop::collection::btree_set(1_u8..100, 0..80),
            refused in prop::collection::btree_set(1_u8..100, 0..20),
        ) {
            let contacts = ids(&file).into();
            let desired = Desired { mode: Mode::Replace, contacts: &contacts, not_found: 0, max_invalid_percent: 100.0 };
            let plan = desired.plan(vec![ids(&members)], 0, &ids(&refused)).unwrap();
            let taken = &file - &refused;
            prop_assert_eq!(&plan.groups()[0].adds, &ids(&(&taken - &members)));
            prop_assert_eq!(&plan.groups()[0].removes, &ids(&(&members - &taken)));
        }
    }
}
