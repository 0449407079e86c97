//! What a worker reaches the outside by: the one seam between the protocol and the world.
//!
//! The worker decides; its means carry out. Production's are S3 and Dynamics, a simulation's are a model of both, and
//! the worker in between is the same. Time is tokio's, which a test may pause; only S3's own clock is asked for here.

use crate::domain::{Batch, ContactId, Home, Mode, NearNames, ObjectRef, RunId, SegmentName};
use crate::dynamics::{
    self, Allowance, Definition, DefinitionId, Group, GroupId, KnownSegment, LookedUp, Saved, Segment, SegmentId,
};
use crate::source::{self, Begun, ObjectVersion, Parts, Rejected, Rows};
use crate::state::{self, Bookmark, Head, KeyContent, Legacy, Stored};
use crate::time::Fence;
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// The most results that are listed at once: S3 cannot list the newest first, and a listing of more takes its time every time.
pub const MOST_RESULTS: usize = 10_000;
/// How old a result may be whose event was lost: longer than any queue in front keeps one, but a weekend and a holiday.
pub const LOOK_BACK: TimeDelta = TimeDelta::days(7);

/// The outside of a worker, as it looks from within; clones are the same means.
#[expect(
    async_fn_in_trait,
    reason = "a worker is one task of a single-threaded runtime, so that its futures need not be Send"
)]
pub trait Means: Clone {
    /// Returns the same means for the work on one segment: their calls to Dynamics leave through this fence only.
    fn through(&self, fence: &Fence) -> Self;

    /// Tells where the segments live whose heads are the worker's.
    fn home(&self) -> &Home;

    /// Reads a segment's head; a segment never loaded has none.
    async fn read_head(&self, segment_name: &SegmentName) -> Result<Option<Stored>, state::Error>;

    /// Writes a head in place of the version `replacing`, or where there is none yet; returns whether it was written.
    ///
    /// Where an answer was lost on the way, a head that was written may be said not to be: its nonce tells.
    async fn write_head(&self, head: &Head, replacing: Option<&str>) -> Result<bool, state::Error>;

    /// Reads what earlier versions kept of a segment.
    async fn read_legacy(&self, segment_name: &SegmentName) -> Result<Option<Legacy>, state::Error>;

    /// Writes in place of the version `replacing` of an earlier head that it has moved to this home, and what it said as long
    /// as the head of this home may not be there yet; returns whether it was written.
    async fn move_legacy(
        &self,
        segment_name: &SegmentName,
        head: Option<&Head>,
        replacing: &str,
    ) -> Result<bool, state::Error>;

    /// Deletes a segment's head where it is still the version `etag`; returns whether it was deleted.
    async fn delete_head(&self, segment_name: &SegmentName, etag: &str) -> Result<bool, state::Error>;

    /// Lists where the heads of all segments lie, those of other homes and earlier ones among them.
    async fn list_heads(&self) -> Result<Vec<String>, state::Error>;

    /// Reads what lies there; what is gone by now is nothing.
    async fn content_at(&self, key: &str) -> Result<Option<KeyContent>, state::Error>;

    /// Names where a segment's head lies, or is to lie.
    fn head_key(&self, segment_name: &SegmentName) -> String;

    /// Reads where the last sweep was.
    async fn bookmark(&self) -> Result<Bookmark, state::Error>;

    /// Notes that a sweep sets out to work on a head; `None` if another sweep has moved the bookmark meanwhile.
    async fn move_bookmark(&self, from: &Bookmark, behind: &str) -> Result<Option<Bookmark>, state::Error>;

    /// Names a segment's head for people.
    fn head_url(&self, segment_name: &SegmentName) -> String;

    /// Returns S3's time.
    fn s3_time(&self) -> DateTime<Utc>;

    /// Returns what nobody else has: names come of it, and the pauses that keep two workers apart.
    fn fresh(&self) -> Uuid;

    /// Lists what of a result did not come into the segment.
    async fn keep_lists(&self, attempt: Attempt<'_>, leftovers: Leftovers<'_>) -> Lists;

    /// Finds the object that a result is known by: the given version, or the newest; its `ETag` may be another by now.
    async fn locate(&self, object: &ObjectRef) -> Result<ObjectVersion, source::Error>;

    /// Returns the files of the result that an object stands for, which is to change a segment in this mode.
    async fn parts(&self, object: &ObjectVersion, mode: Mode) -> Result<Parts, source::Error>;

    /// Reads the files of one result, to the last byte, as one audience; tells `begun` on the way.
    async fn read(&self, parts: &[ObjectVersion], begun: Begun) -> Result<Rows, source::Error>;

    /// Lists the results, in order of their keys; stops soon after `limit`.
    async fn list_results(&self, limit: usize) -> Result<Vec<ObjectVersion>, source::Error>;

    /// Finds the segments of exactly this name.
    async fn find_segments(&self, name: &SegmentName) -> Result<Vec<Segment>, dynamics::Error>;

    /// Looks for segments whose names come near this one; where that fails, nothing is known.
    async fn names_near(&self, name: &SegmentName) -> NearNames;

    /// Reads a segment's row as it is now.
    async fn segment(&self, id: SegmentId) -> Result<Segment, dynamics::Error>;

    /// Reads the row of a segment that was loaded before, whatever its name and its business unit are by now; `None` if it is gone.
    async fn known_segment(&self, id: SegmentId) -> Result<Option<KnownSegment>, dynamics::Error>;

    /// Reads a segment's definition.
    async fn definition(&self, id: DefinitionId) -> Result<Definition, dynamics::Error>;

    /// Fails where Dynamics clearly says beforehand that no segment may be created for the business unit of the home.
    async fn check_may_create(&self) -> Result<(), dynamics::Error>;

    /// Creates a segment of this name, never twice.
    async fn create_segment(
        &self,
        name: &SegmentName,
        description: &str,
    ) -> Result<(Segment, Definition), dynamics::Error>;

    /// Changes what a segment says about itself, where its row is still as it was read.
    async fn describe(&self, segment: &Segment, description: &str) -> Result<Saved, dynamics::Error>;

    /// Switches a definition's automatic refresh off, where it is still as it was read.
    async fn disable_refresh(&self, definition: &Definition) -> Result<Saved, dynamics::Error>;

    /// Replaces a definition's groups, where it is still as it was read.
    async fn save_groups(&self, definition: &Definition, groups: &[Group]) -> Result<Saved, dynamics::Error>;

    /// Lists the members of a group, in ascending order and each once; `expected` is a guess at their number.
    async fn list_members(
        &self,
        segment: SegmentId,
        group: &GroupId,
        expected: usize,
    ) -> Result<Vec<ContactId>, dynamics::Error>;

    /// Returns the published members of a segment, sorted; `None` if Dynamics does not list all of the `expected`.
    async fn published_members(
        &self,
        segment: SegmentId,
        expected: usize,
    ) -> Result<Option<Vec<ContactId>>, dynamics::Error>;

    /// Looks contacts up: which of the ids are none, inactive, or merged into others.
    async fn look_up(&self, ids: &[ContactId]) -> Result<LookedUp, dynamics::Error>;

    /// Returns how many ids one call about members takes at most.
    fn batch_size(&self) -> usize;

    /// Returns how many calls are in flight at most.
    fn max_concurrent(&self) -> usize;

    /// Adds contacts to a group and returns those that Dynamics refused; once the allowance is used up the others are not tried.
    async fn add_members(
        &self,
        segment: SegmentId,
        group: &GroupId,
        batch: Batch<'_>,
        allowance: &Allowance<'_>,
    ) -> Result<Vec<ContactId>, dynamics::Error>;

    /// Removes contacts from a group.
    async fn remove_members(
        &self,
        segment: SegmentId,
        group: &GroupId,
        batch: Batch<'_>,
    ) -> Result<(), dynamics::Error>;

    /// Publishes a segment: only now do journeys see its members. Returns when Dynamics has answered, by its own clock.
    async fn publish(&self, id: SegmentId) -> Result<Option<DateTime<Utc>>, dynamics::Error>;

    /// Counts what brings a load on: the calls about members that Dynamics acknowledged, and each Publish that was sent.
    fn progress(&self) -> u64;

    /// Returns when an answer to a change was given up last: it may still be carried out, whatever became of its repetition.
    fn unanswered(&self) -> Option<Instant>;

    /// Returns how many requests were sent to Dynamics, retries included.
    fn requests(&self) -> u64;

    /// Returns how long requests have really waited since Dynamics throttles.
    fn throttled(&self) -> Duration;
}

/// One attempt at a job, as its objects' keys name it.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The run.
    pub run_id: &'a RunId,
    /// The segment's name.
    pub segment_name: &'a SegmentName,
    /// What no other attempt has.
    pub number: &'a str,
}

/// What of a result did not come into the segment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Leftovers<'a> {
    /// The files that were read.
    pub parts: &'a [ObjectVersion],
    /// Rows without a valid contact id, where a result was read.
    pub rejected: Option<&'a Rejected>,
    /// Ids that are no contacts of the environment, sorted.
    pub not_found: &'a [ContactId],
    /// Contacts that are inactive, sorted; they are loaded.
    pub inactive: &'a [ContactId],
    /// Contacts that were merged into others, sorted; they are loaded.
    pub merged: &'a [ContactId],
    /// Contacts that Dynamics refused or dropped, sorted.
    pub not_accepted: &'a [ContactId],
    /// Members that were published, again and again, and that Dynamics does not show, sorted.
    pub not_shown: &'a [ContactId],
}

/// The lists of what was left over; `None` if there was nothing to list.
#[derive(Debug, Default)]
pub struct Lists {
    /// The address of the rejected rows' list, or why it could not be written.
    pub rejected_rows: Option<Result<String, Unwritten>>,
    /// The address of the list of contacts that do not exist or were not taken, or why it could not be written.
    pub not_accepted_contacts: Option<Result<String, Unwritten>>,
}

/// An object of the function's own that could not be written: what was done in Dynamics stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {url} could not be written: {reason}")]
pub struct Unwritten {
    /// What it is.
    pub what: &'static str,
    /// Where it was to be.
    pub url: String,
    /// Why it is not there.
    pub reason: String,
}
