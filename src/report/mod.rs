//! What a run tells the outside: the answer of the invocation, the receipt and the lists in S3, the metrics.

mod account;
mod answer;
mod archive;
mod background;
mod before;
mod command;
mod described;
mod doubts;
mod event;
mod forgotten;
mod heard;
mod last_run;
mod left;
mod page;
pub mod metrics;
mod run;
mod seen;
mod sentence;
mod sentences;
mod settings_used;
mod status;
mod swept;
mod reporter;
mod why;

pub(crate) use account::{
    Account, Comparison, Content, Cost, Difference, Ending, Estimate, Found, KeptOut, Lapsed, Missing, Reading,
    Writing, Written,
};
pub(crate) use answer::{answer, fail_if_own_failed, fitting, put_own_first};
pub use archive::{Archive, History, Trigger, TriggerKind};
pub(crate) use background::{Audience, Background, Past};
pub(crate) use described::{Line, Loaded as LoadedLast, description};
pub use event::Stale;
pub use forgotten::Forgotten;
pub(crate) use heard::Heard;
pub(crate) use left::LeftBehind;
pub use page::StatusPage;
pub(crate) use reporter::Reporter;
pub use reporter::Tell;
pub(crate) use run::Attempt;
pub(crate) use seen::Seen;
pub(crate) use sentence::to_remember;
pub(crate) use sentences::{refusal, refusal_of_late, undescribed};
pub use settings_used::SettingsUsed;
pub(crate) use status::status_answer;
pub use swept::{Noticed, Swept};

pub use crate::domain::Outcome;
use crate::domain::{ErrorType, Mode, ObjectRef, RunId, SegmentName, UsedBy};
use crate::reconcile::Evaluation;
use crate::state::Loaded;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

impl From<Loaded> for Outcome {
    fn from(loaded: Loaded) -> Self {
        match loaded {
            Loaded::Loaded => Self::Loaded,
            Loaded::Computing => Self::Computing,
            Loaded::Unchanged => Self::Unchanged,
        }
    }
}

/// The report of one run; a number that was never learned is null.
#[derive(Clone, Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "they are fields of the answer")]
pub struct RunReport {
    /// How the run ended.
    pub(in crate::report) outcome: Outcome,
    /// The input's name.
    pub(in crate::report) run_id: Option<RunId>,
    /// The segment's name.
    pub(in crate::report) segment_name: Option<SegmentName>,
    /// The segment's id in Dynamics.
    pub(in crate::report) segment_id: Option<String>,
    /// This run made the segment; a dry run would.
    pub(in crate::report) created: bool,
    /// The object that was read.
    pub(in crate::report) source: Option<Source>,
    /// How the file changes the segment.
    pub(in crate::report) mode: Option<Mode>,
    /// Only that many contacts went to the test segment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::report) sample: Option<usize>,
    /// Somebody has approved exactly this input.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::report) approved: bool,
    /// Rows read.
    pub(in crate::report) rows: Option<u64>,
    /// Distinct contact ids.
    pub(in crate::report) contacts: Option<u64>,
    /// Repeated contact ids.
    pub(in crate::report) duplicates: Option<u64>,
    /// Rows without a valid contact id.
    pub(in crate::report) rejected: Option<u64>,
    /// The rejected rows by reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(in crate::report) rejected_by_reason: BTreeMap<&'static str, u64>,
    /// Line numbers of the first rejected rows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::report) rejected_lines: Vec<u64>,
    /// Members before the run.
    pub(in crate::report) members_before: Option<u64>,
    /// Contacts added, or to be added in a dry run.
    pub(in crate::report) added: Option<u64>,
    /// Members removed, or to be removed in a dry run.
    pub(in crate::report) removed: Option<u64>,
    /// Members that neither come nor go; told by a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::report) unchanged: Option<u64>,
    /// Ids about to be added that were looked up and are no contacts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::report) not_found: Option<u64>,
    /// Ids about to be added that were looked up and are inactive contacts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::report) inactive: Option<u64>,
    /// Ids about to be added that were looked up and are contacts merged into others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::report) merged: Option<u64>,
    /// Contacts that Dynamics did not take.
    pub(in crate::report) not_accepted: Option<u64>,
    /// The share of the contacts that the segment holds, or is to hold, in percent.
    pub(in crate::report) match_rate_percent: Option<f64>,
    /// Members as Dynamics counts them after computing.
    pub(in crate::report) member_count: Option<u64>,
    /// How many of the published members Dynamics does not count.
    pub(in crate::report) published_missing: Option<u64>,
    /// What uses the segment; null where Dynamics does not tell.
    pub(in crate::report) used_by: Option<UsedBy>,
    /// Live journeys that use the segment: `used_by.journeys` under its earlier name.
    pub(in crate::report) live_journeys: Option<u64>,
    /// What each guard says; told by a dry run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::report) guards: Vec<Evaluation>,
    /// Dataverse calls that a load would make, about; told by a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::report) estimated_requests: Option<u64>,
    /// How long a load would take, about, in milliseconds; told by a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::report) estimated_duration_ms: Option<u64>,
    /// Dataverse calls made.
    pub(in crate::report) requests: u64,
    /// How long calls have really waited since Dynamics throttles, in milliseconds.
    pub(in crate::report) throttled_ms: u64,
    /// How long the run took, in milliseconds.
    pub(in crate::report) duration_ms: u64,
    /// How long each phase took.
    pub(in crate::report) phases_ms: PhaseTimes,
    /// The organization's host, with its port where there is one; null where the destination could not be read.
    pub(in crate::report) environment: Option<String>,
    /// The id of the business unit that the segment is in, where the destination names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::report) business_unit: Option<String>,
    /// The run in one plain sentence, for people who do not know this program.
    pub(in crate::report) sentence: String,
    /// What a person should know.
    pub(in crate::report) warnings: Vec<String>,
    /// Why it was refused or failed, and what to do.
    pub(in crate::report) reason: Option<String>,
    /// The command with which the reason ends, as it can be pasted into any shell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::report) command: Option<String>,
    /// The stable name of the failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::report) error_type: Option<ErrorType>,
    /// Where the receipt is.
    pub(in crate::report) receipt: Option<String>,
    /// Where the rejected rows are.
    pub(in crate::report) rejected_rows: Option<String>,
    /// Where the contacts are listed that do not exist or were not taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::report) not_accepted_contacts: Option<String>,
    /// A dry run leaves no trace, however it ends.
    #[serde(skip)]
    pub(in crate::report) is_dry_run: bool,
    /// Who tells of the attempt.
    #[serde(skip)]
    pub(in crate::report) told_by: ToldBy,
    /// Names this attempt in its objects' keys: 8 hex digits.
    #[serde(skip)]
    pub(in crate::report) attempt: String,
    /// A person has to look: the last runs all failed, or the segment holds one part of a result.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::report) needs_attention: bool,
    /// The first good run of the segment after a bad one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::report) recovered: bool,
    /// It ended as badly as the run before of the same input did, with the same error type.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::report) repeated: bool,
    /// What the sentence needs beyond the numbers.
    #[serde(skip)]
    pub(in crate::report) background: Background,
}

/// Who tells of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) enum ToldBy {
    /// Its own worker.
    Itself,
    /// Whoever came next: it ended without a word, or before it could report.
    TheNext,
}

/// How long the phases of a run took, in milliseconds; a phase that was not reached is left out, and two may have gone on at the
/// same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PhaseTimes {
    /// Reading the result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<u64>,
    /// Reading the segment and its members, and looking contacts up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub survey: Option<u64>,
    /// Writing members and reading them back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write: Option<u64>,
    /// Publishing, and waiting until Dynamics has computed the segment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish: Option<u64>,
}

/// The object that a run read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The object that named the result.
    pub object: ObjectRef,
    /// The data files, where there are several.
    pub files: Vec<ObjectRef>,
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'a> {
            #[serde(flatten)]
            object: &'a ObjectRef,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            files: &'a [ObjectRef],
        }
        Fields {
            object: &self.object,
            files: &self.files,
        }
        .serialize(serializer)
    }
}

impl RunReport {
    /// Returns how the run ended.
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Returns the input's name, where it was learned.
    pub const fn run_id(&self) -> Option<&RunId> {
        self.run_id.as_ref()
    }

    /// Returns the segment's name, where it was learned.
    pub const fn segment_name(&self) -> Option<&SegmentName> {
        self.segment_name.as_ref()
    }

    /// Returns the object that was to be read, where it was learned.
    pub const fn source(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    /// Returns the stable name of the failure.
    pub fn error_type(&self) -> Option<&str> {
        self.error_type.as_ref().map(ErrorType::as_str)
    }

    /// Returns how many of the published members Dynamics does not count, where that was learned.
    pub const fn published_missing(&self) -> Option<u64> {
        self.published_missing
    }

    /// Returns what a person should know.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Returns whether a person has to look.
    pub const fn needs_attention(&self) -> bool {
        self.needs_attention
    }

    /// Starts a report of which only the outcome is known.
    pub fn new(outcome: Outcome) -> Self {
        Self {
            outcome,
            run_id: None,
            segment_name: None,
            segment_id: None,
            created: false,
            source: None,
            mode: None,
            sample: None,
            approved: false,
            rows: None,
            contacts: None,
            duplicates: None,
            rejected: None,
            rejected_by_reason: BTreeMap::new(),
            rejected_lines: Vec::new(),
            members_before: None,
            added: None,
            removed: None,
            unchanged: None,
            not_found: None,
            inactive: None,
            merged: None,
            not_accepted: None,
            match_rate_percent: None,
            member_count: None,
            published_missing: None,
            used_by: None,
            live_journeys: None,
            guards: Vec::new(),
            estimated_requests: None,
            estimated_duration_ms: None,
            requests: 0,
            throttled_ms: 0,
            duration_ms: 0,
            phases_ms: PhaseTimes::default(),
            environment: None,
            business_unit: None,
            sentence: String::new(),
            warnings: Vec::new(),
            reason: None,
            command: None,
            error_type: None,
            receipt: None,
            rejected_rows: None,
            not_accepted_contacts: None,
            is_dry_run: false,
            told_by: ToldBy::Itself,
            attempt: format!("{:08x}", fastrand::u32(..)),
            needs_attention: false,
            recovered: false,
            repeated: false,
            background: Background::default(),
        }
    }
}
