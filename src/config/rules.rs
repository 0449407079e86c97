//! The rules of a load, each declared once: its name in the secret and in receipts, its type, its default and its check.

use super::fields::Fields;
use super::{BusinessUnit, Error};
use crate::domain::{LONGEST_REPUBLISH, Mode, SegmentName};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest wait for Active that means anything, in seconds: a Lambda function lives 900 at most.
const LONGEST_PUBLISH_WAIT: u32 = 900;
/// Ten years, in hours: an audience that may be older need not be watched.
const LONGEST_FRESH_HOURS: f64 = 87_600.0;
/// Dataverse refuses more calls than these at a time from one user (Microsoft's service protection limits).
const MOST_CONCURRENT_REQUESTS: u32 = 52;

/// Declares rules: `name: type = check(what may stand there, the default)`, where `check` is a method of [`Fields`].
macro_rules! rules {
    ($($(#[$about:meta])* $name:ident: $type:ty = $check:ident($($allowed:expr),*);)*) => {
        /// How results are loaded: what a destination says of it, and what a receipt shows.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        pub struct Rules {
            $($(#[$about])* pub $name: $type,)*
        }

        impl Rules {
            /// The names of all rules.
            pub(super) const NAMES: &[&str] = &[$(stringify!($name)),*];

            /// Reads the rules of a destination; those that it does not name have their defaults.
            pub(super) fn read(fields: &Fields<'_>) -> Result<Self, Error> {
                Ok(Self {
                    $($name: fields.$check(stringify!($name) $(, $allowed)*)?,)*
                })
            }
        }
    };
}

rules! {
    /// The segment's name where the run itself gives none.
    segment_name: Option<SegmentName> = segment_name();
    /// The business unit whose segments are loaded, and which owns those that are created; `None` is whatever unit.
    owning_business_unit: Option<BusinessUnit> = business_unit();
    /// The header of the id column.
    contactid_column: String = column("contactid");
    /// What a load does with the members it finds.
    mode: Mode = choice(&Mode::NAMES, Mode::Replace);
    /// What an empty result means.
    empty_result: EmptyResult = choice(&EmptyResult::NAMES, EmptyResult::Refuse);
    /// Which ids are looked up before they are written.
    check_contacts: CheckContacts = choice(&CheckContacts::NAMES, CheckContacts::None);
    /// What becomes of a load into a segment that does not exist.
    missing_segment: MissingSegment = choice(&MissingSegment::NAMES, MissingSegment::Create);
    /// What becomes of a load into a segment that journeys or other segments use.
    when_in_use: WhenInUse = choice(&WhenInUse::NAMES, WhenInUse::Load);
    /// What starts a run.
    result_files: ResultFiles = choice(&ResultFiles::NAMES, ResultFiles::Single);
    /// The largest share of the members that a replace may remove, 0 to 100.
    max_shrink_percent: f64 = number(0.0..=100.0, 50.0);
    /// The largest share of the members that a run may add; `None` is no limit.
    max_growth_percent: Option<f64> = optional_number(0.0..=f64::INFINITY);
    /// The largest share of the rows that may lack a valid contact id, 0 to 100.
    max_invalid_percent: f64 = number(0.0..=100.0, 5.0);
    /// How long to wait for the published segment to become Active, in seconds.
    publish_wait_seconds: u32 = whole_number(0..=LONGEST_PUBLISH_WAIT, 300);
    /// How old the audience of a segment may be until it is stale, in hours; `None` is never.
    stale_after_hours: Option<f64> = optional_number(0.1..=LONGEST_FRESH_HOURS);
    /// After how many minutes a segment is published again of which Dynamics counts too few members; 0 is never.
    republish_minutes: u32 = whole_number(0..=LONGEST_REPUBLISH, 75);
    /// Dataverse calls in flight at most.
    max_concurrent_requests: u32 = whole_number(1..=MOST_CONCURRENT_REQUESTS, 4);
}

impl Rules {
    /// Returns how long to wait for the published segment to become Active.
    pub const fn publish_wait(&self) -> Duration {
        Duration::from_secs(self.publish_wait_seconds as u64)
    }

    /// Returns how old the audience of a segment may be.
    pub fn stale_after(&self) -> Option<TimeDelta> {
        let age = Duration::try_from_secs_f64(self.stale_after_hours? * 3_600.0).ok()?;
        TimeDelta::from_std(age).ok()
    }

    /// Returns after how long a segment is published again of which Dynamics counts too few members; `None` is never.
    pub fn republish_after(&self) -> Option<TimeDelta> {
        (self.republish_minutes > 0).then(|| TimeDelta::minutes(self.republish_minutes.into()))
    }

    /// Returns how many Dataverse calls may be in flight.
    pub const fn max_concurrent(&self) -> usize {
        self.max_concurrent_requests as usize
    }
}

/// What an empty result means.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmptyResult {
    /// An accident: the load is refused.
    Refuse,
    /// The segment is to be emptied.
    Clear,
}

impl EmptyResult {
    pub(super) const NAMES: [(&str, Self); 2] = [("refuse", Self::Refuse), ("clear", Self::Clear)];
}

/// Which contact ids are looked up in Dynamics before they are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckContacts {
    /// None: what Dynamics does not accept is seen afterwards.
    None,
    /// Those that are about to be added.
    Added,
}

impl CheckContacts {
    pub(super) const NAMES: [(&str, Self); 2] = [("none", Self::None), ("added", Self::Added)];
}

/// What becomes of a load into a segment that does not exist.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingSegment {
    /// It is created.
    Create,
    /// The load is refused before the first write.
    Refuse,
}

impl MissingSegment {
    pub(super) const NAMES: [(&str, Self); 2] = [("create", Self::Create), ("refuse", Self::Refuse)];
}

/// What becomes of a load into a segment that journeys or other segments use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenInUse {
    /// It is loaded, and the report names what uses the segment.
    Load,
    /// It is refused before the first write.
    Refuse,
}

impl WhenInUse {
    pub(super) const NAMES: [(&str, Self); 2] = [("load", Self::Load), ("refuse", Self::Refuse)];
}

/// What starts a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResultFiles {
    /// Each object is a whole result.
    Single,
    /// A manifest, which lists the parts of the result.
    Manifest,
    /// A marker such as `_SUCCESS`; the data files beside it are the result.
    Folder,
}

impl ResultFiles {
    pub(super) const NAMES: [(&str, Self); 3] = [
        ("single", Self::Single),
        ("manifest", Self::Manifest),
        ("folder", Self::Folder),
    ];
}
