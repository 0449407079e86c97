//! What is known about one segment between runs: the head, one small JSON object in S3.

use crate::domain::{Census, Home, Mode, ObjectRef, Pinned, Position, RunId, SegmentName, View, Watch};
use crate::state::counted::Counted;
pub use crate::state::failures::{Failures, InputFailures};
pub use crate::state::lease::Lease;
use crate::state::ledger::Ledger;
use crate::state::markers::Marker;
use crate::state::overtaken::Overtaken;
use crate::state::past::{LastRun, Load};
use crate::state::precedence::{Precedence, Rank};
pub use crate::state::refused::{Refusal, Refused};
use crate::state::shortage::Shortage;
use crate::state::unproven::Unproven;
use crate::state::unseen::Unseen;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Everything that must survive a run: what is to be done, what was applied, and who is at work.
///
/// Holds no contact ids. It is changed by compare-and-swap only (see [`super::store`]) and by the transitions in
/// [`super::transition`] only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The format's version, [`Head::VERSION`].
    pub v: u32,
    /// Fresh in every write, so that no two writes ever have the same `ETag`.
    pub nonce: String,
    /// The nonces of the writes before it, the latest [`Head::WRITES`]: by them a worker whose answer was lost finds out that it has
    /// written, whoever has written since.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nonces_before: Vec<String>,
    /// Where the segment lives.
    #[serde(flatten)]
    pub home: Home,
    /// The segment's name, for people: the key holds only a hash.
    pub segment_name: SegmentName,
    /// The highest position ever seen.
    #[serde(default)]
    pub newest: Option<Position>,
    /// The highest position that a `replace` carried out or overtook: no event at or below it is a job any more.
    #[serde(default)]
    pub settled: Option<Position>,
    /// What stands at `settled` was itself carried out, and not only overtaken by a direct load that stands there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_settled_loaded: bool,
    /// The complete result that counts, which may have been loaded directly and stand below `settled`; earlier heads lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_force: Option<Position>,
    /// Where that result stands, where an approval has brought it back from below `settled`: additions and removals above it count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_force_at: Option<Position>,
    /// Which of the direct loads that result was, where it stands above its file; earlier heads lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_force_number: Option<u64>,
    /// Jobs not yet carried out, in the order of their arrival.
    #[serde(default)]
    pub pending: Vec<Job>,
    /// The last job that was carried out.
    #[serde(default)]
    pub applied: Option<Applied>,
    /// Set before the first Dataverse write, cleared only together with moving `applied`.
    #[serde(default)]
    pub writing: Option<Writing>,
    /// Set where what an attempt may have written was found nowhere in the draft by a list that nobody has tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unproven: Option<Unproven>,
    /// When the last request that creates the segment may have left, where its answer was not heard: its row may still come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creating: Option<DateTime<Utc>>,
    /// Until when a change of the segment may still take effect whose answer nobody heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unanswered_until: Option<DateTime<Utc>>,
    /// Jobs that guards refused or that can never be read, the latest [`Head::REMEMBERED`] and all that wait.
    #[serde(default)]
    pub refused: Vec<Refused>,
    /// Files that `append` and `remove` have counted, the highest [`Head::REMEMBERED`].
    #[serde(default)]
    pub counted: Vec<Counted>,
    /// What is known of those that are not kept any more, counted or refused; earlier heads lack it until they are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<Ledger>,
    /// Markers and manifests that were taken up, the latest [`Head::MARKERS`] and the newest two of each folder, as
    /// long as all are no more than [`Head::ALL_MARKERS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub markers: Vec<Marker>,
    /// Members that Dynamics does not count although they were published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortage: Option<Shortage>,
    /// When the audience was last known to be right: loaded, seen after it was published, or unchanged by a file of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_good: Option<DateTime<Utc>>,
    /// When the audience was last known to be right that people were told is too old; another time makes it news again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_stale: Option<DateTime<Utc>>,
    /// Since when nothing that was published has been seen in Dynamics; earlier heads lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<Unseen>,
    /// The last loads that were carried out, the latest [`Head::LOADS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loads: Vec<Load>,
    /// The last run, as people were told of it; earlier heads lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<LastRun>,
    /// Who works on the segment.
    #[serde(default)]
    pub lease: Option<Lease>,
    /// The failures of the segment since an attempt at it ended well; no new file begins their count anew.
    #[serde(default)]
    pub failures: Option<Failures>,
    /// The job at which an attempt has begun and not ended, be it that it only follows up what was published: whoever takes the segment and finds it knows that the attempt
    /// died without a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Job>,
    /// The last run that ended, ended badly, or people were told since that the segment is too old: the next good one says that it
    /// has recovered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub went_wrong: bool,
    /// The attempt that came to its end last was such a good one, of which its worker may not have told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_recovered: bool,
    /// The job of the attempt that came to its end last, as long as its worker may not have told of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreported: Option<Job>,
    /// Jobs that others have overtaken, as long as nobody may have told of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overtaken: Vec<Overtaken>,
    /// What went wrong with the inputs that are not done with.
    #[serde(default, rename = "troubles", skip_serializing_if = "Vec::is_empty")]
    pub input_failures: Vec<InputFailures>,
}

/// One job: load this object into this segment in this way.
///
/// Whoever continues it uses exactly what stands here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Names the input.
    pub run_id: RunId,
    /// The object to load.
    pub object: ObjectRef,
    /// The object's place among all results.
    #[serde(rename = "order")]
    pub position: Position,
    /// The files of a result in several, as they were when it was taken up; earlier jobs lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<Pinned>,
    /// How the segment changes.
    pub mode: Mode,
    /// The segment to load into.
    pub segment_name: SegmentName,
    /// Only that many contacts, into a test segment.
    #[serde(default)]
    pub sample: Option<usize>,
    /// The guards were approved for this very input.
    #[serde(default)]
    pub approved: bool,
    /// Set for a direct load, which loads even what is old or was loaded before.
    #[serde(default, rename = "ordered")]
    pub direct: Option<Precedence>,
}

/// One input: what is compared to tell whether a file was seen before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Its place among all results.
    #[serde(rename = "order")]
    pub position: Position,
    /// Its name.
    pub run_id: RunId,
}

/// The last job that was carried out.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// The job, kept whole so that it can be carried out again where Dynamics fails to compute it.
    #[serde(flatten)]
    pub job: Job,
    /// When it was published, by S3's clock; the same published again is no other load.
    pub at: DateTime<Utc>,
    /// How many contacts its file held.
    pub contacts: u64,
    /// How many people Dynamics was last seen to count in it; earlier heads lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<u64>,
    /// How it has changed the segment, where it did; earlier heads lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// Who was in the draft that was published, as it was read back right before; earlier heads lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Census>,
    /// The segment it went to; another id under the same name is another segment.
    pub segment_id: Option<String>,
    /// Its definition, which the next run reads beside the segment, and which counts only where the segment is still of it;
    /// earlier heads lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition_id: Option<String>,
    /// The definition's Include groups, in its order, whose members the next run lists beside both, and which count only where
    /// they still are all of them; earlier heads lack them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Whether the published segment was seen Active.
    pub confirmed: bool,
    /// What tells the state that comes of the publish from the one before it; earlier heads lack it, and nothing needs it
    /// once the segment was seen Active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<Watch>,
    /// Dynamics failed to compute it, which was counted: it is to be published again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_failed: bool,
    /// Others have published since what was half-written and is taken back: it is to be published again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_overlaid: bool,
    /// Others have published a part of it before, which its worker may not have told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_computed_by_others: bool,
}

/// How a load has changed a segment, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// How many members came and went; `None` if an attempt that nobody heard of had a part in it.
    pub members: Option<(u64, u64)>,
    /// How many rows of its file held no valid id.
    pub rejected: u64,
}

/// A draft that may be half-written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writing {
    /// The run that began to write.
    pub run_id: RunId,
    /// How many members were published before the first write: the baseline of the guards until the next publish.
    pub published: u64,
    /// Who was in the draft before the first write, by which it is known again where the change is taken out; `None` once that
    /// may have been published. Earlier heads lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<Census>,
    /// What the segment showed before the first write, by which others are found out who publish it meanwhile; earlier heads lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<View>,
    /// When an attempt last began that may have added members, by S3's clock; earlier heads lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<DateTime<Utc>>,
    /// How many members the draft held when it was about to be published; Dynamics' own count tells whether it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publishing: Option<u64>,
    /// What was read back then: where the file cannot be read any more, it is published without it. Earlier heads lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_back: Option<ReadBack>,
    /// When the lease was over of the last worker that may have written; `None` while one is at it. Earlier heads lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<DateTime<Utc>>,
    /// The draft was half-written by another run before this one began.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_mixed: bool,
}

/// A draft that was read back and holds what its job asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadBack {
    /// How many contacts the file held.
    pub contacts: u64,
    /// How it has changed the segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// Who is in the draft.
    pub members: Census,
    /// The segment.
    pub segment_id: String,
    /// Its definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition_id: Option<String>,
    /// The definition's Include groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

impl Head {
    /// The version of the format that this program reads and writes.
    pub const VERSION: u32 = 2;
    /// How many refused and counted inputs a head keeps whole: weeks of hourly files in a few kilobytes.
    pub const REMEMBERED: usize = 500;

    /// Returns the head of a segment that was never loaded.
    pub fn new(home: &Home, segment_name: &SegmentName) -> Self {
        Self {
            v: Self::VERSION,
            nonce: String::new(),
            nonces_before: Vec::new(),
            home: home.clone(),
            segment_name: segment_name.clone(),
            newest: None,
            settled: None,
            is_settled_loaded: false,
            in_force: None,
            in_force_at: None,
            in_force_number: None,
            pending: Vec::new(),
            applied: None,
            writing: None,
            unproven: None,
            creating: None,
            unanswered_until: None,
            refused: Vec::new(),
            counted: Vec::new(),
            ledger: Some(Ledger::default()),
            markers: Vec::new(),
            shortage: None,
            last_good: None,
            told_stale: None,
            unseen: None,
            loads: Vec::new(),
            last_run: None,
            lease: None,
            failures: None,
            attempt: None,
            went_wrong: false,
            has_recovered: false,
            unreported: None,
            overtaken: Vec::new(),
            input_failures: Vec::new(),
        }
    }
}

impl Job {
    /// Returns what compares two jobs: an event by its result's position, a direct load above all that was known before it.
    pub fn rank(&self) -> Rank<'_> {
        Precedence::rank(self.direct.as_ref(), &self.position)
    }

    /// Returns the result that the job stands at, or above.
    pub fn stands_at(&self) -> &Position {
        Precedence::place(self.direct.as_ref(), &self.position)
    }

    /// Returns whether it is a direct load that stands above its file's place.
    pub fn stands_above(&self) -> bool {
        self.direct.as_ref().is_some_and(|precedence| !precedence.is_in_place)
    }

    /// Returns the highest result that was known when the job was asked for: its own, where an event brought it.
    pub fn knows(&self) -> &Position {
        let direct = self.direct.as_ref();
        direct.map_or(&self.position, |precedence| &precedence.above)
    }

    /// Returns the input, without what was said about it.
    pub fn input(&self) -> Input {
        Input {
            position: self.position.clone(),
            run_id: self.run_id.clone(),
        }
    }

    /// Returns whether both jobs ask for the same, whoever asked and however urgently.
    pub fn asks_as(&self, other: &Self) -> bool {
        self.is_same_object(other) && self.mode == other.mode && self.sample == other.sample
    }

    /// Returns whether both jobs are about the same version of the same object, however it is to be loaded.
    pub fn is_same_object(&self, other: &Self) -> bool {
        self.is_about(&other.position)
    }

    /// Returns whether the job is about this content.
    ///
    /// The name of the run does not decide: it says how the object was to be loaded, and of which files.
    pub fn is_about(&self, position: &Position) -> bool {
        self.position.is_same(position)
    }
}

impl Applied {
    /// Returns what the published segment is watched by.
    pub fn watch(&self) -> Watch {
        self.watch.clone().unwrap_or_else(|| Watch::unknown(self.contacts))
    }

    /// Returns whether a state of the segment shows what was published.
    pub fn is_shown_by(&self, view: &View) -> bool {
        view.status().is_active() && (self.confirmed || self.watch().tells(view))
    }
}
