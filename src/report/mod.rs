//! What a run tells the outside: the answer of the invocation and the receipt in S3.

mod answer;
mod receipt;

pub(crate) use answer::{answer, fail_if_any_failed, put_own_first};
pub use receipt::{Receipts, Trigger};

use crate::source::ObjectVersion;
use crate::state::{ObjectRef, RunId};
use serde::{Serialize, Serializer};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The segment is exactly what was asked for, published and Active.
    Loaded,
    /// Published; Dynamics is still computing.
    Computing,
    /// Nothing had to be written.
    Unchanged,
    /// What a load would do; nothing was written.
    DryRun,
    /// A guard forbade it; nothing was published.
    Refused,
    /// A newer result counts instead.
    Superseded,
    /// Another run works on the segment and takes this result up.
    Busy,
    /// Out of time; the next sweep goes on.
    Continues,
    /// It could not be done; `reason` says why and what to do.
    Failed,
}

/// The report of one run; a number that was never learned is null.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    /// How the run ended.
    pub outcome: Outcome,
    /// The input's name.
    pub run_id: Option<RunId>,
    /// The segment's name.
    pub segment_name: Option<String>,
    /// The segment's id in Dynamics.
    pub segment_id: Option<String>,
    /// The object that was read.
    pub source: Option<Source>,
    /// Rows read.
    pub rows: Option<u64>,
    /// Distinct contact ids.
    pub contacts: Option<u64>,
    /// Repeated contact ids.
    pub duplicates: Option<u64>,
    /// Rows without a valid contact id.
    pub rejected: Option<u64>,
    /// Line numbers of the first rejected rows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rejected_lines: Vec<u64>,
    /// Members before the run.
    pub members_before: Option<u64>,
    /// Contacts added, or to be added in a dry run.
    pub added: Option<u64>,
    /// Members removed, or to be removed in a dry run.
    pub removed: Option<u64>,
    /// Contacts that Dynamics did not take.
    pub not_accepted: Option<u64>,
    /// Members as Dynamics counts them after computing.
    pub member_count: Option<u64>,
    /// Live journeys that use the segment.
    pub live_journeys: Option<u64>,
    /// Dataverse calls made.
    pub requests: u64,
    /// How long the run took, in milliseconds.
    pub duration_ms: u64,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// Why it was refused or failed, and what to do.
    pub reason: Option<String>,
    /// The stable name of the failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_type: Option<&'static str>,
    /// Where the receipt is.
    pub receipt: Option<String>,
    /// Where the rejected rows are.
    pub rejected_rows: Option<String>,
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
    /// How many rejected lines the report names; the rejected rows' own object has the others.
    pub const LINES_NAMED: usize = 10;

    /// Names the data files of a result in several.
    pub(crate) fn name_files(&mut self, parts: &[ObjectVersion]) {
        let Some(source) = &mut self.source else {
            return;
        };
        let files = parts.iter().map(|part| ObjectRef {
            bucket: part.bucket.clone(),
            key: part.key.clone(),
            version_id: part.version_id.clone(),
            etag: part.etag.clone(),
        });
        source.files = files.filter(|file| *file != source.object).collect();
    }

    /// Starts a report of which only the outcome is known.
    pub const fn new(outcome: Outcome) -> Self {
        Self {
            outcome,
            run_id: None,
            segment_name: None,
            segment_id: None,
            source: None,
            rows: None,
            contacts: None,
            duplicates: None,
            rejected: None,
            rejected_lines: Vec::new(),
            members_before: None,
            added: None,
            removed: None,
            not_accepted: None,
            member_count: None,
            live_journeys: None,
            requests: 0,
            duration_ms: 0,
            warnings: Vec::new(),
            reason: None,
            error_type: None,
            receipt: None,
            rejected_rows: None,
        }
    }
}
