//! What the one plain sentence of a run needs beyond its numbers.

use super::account::{Account, Ending, KeptOut};
use crate::domain::{Fate, NearNames};
use crate::error::{Error, Objection};
use crate::reconcile::Left;
use crate::state::{Head, Job, Recovery, Refusal, Shortfall, Told};
use chrono::{DateTime, Utc};

/// People that the segment held at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Audience {
    /// How many.
    pub(crate) people: u64,
    /// Since when.
    pub(crate) since: DateTime<Utc>,
}

/// What a head tells of the segment before a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Past {
    /// The last audience that was seen in Dynamics.
    pub(crate) last: Option<Audience>,
    /// The head was read, and no publish was under way of which nobody knows the end.
    pub(crate) is_clear: bool,
    /// When the first was published of what was not seen yet, as far as the head knows.
    pub(crate) unseen_since: Option<DateTime<Utc>>,
    /// How all is well again by this run: the last one that ended, of whatever input, ended badly, or people were told that the
    /// segment is too old.
    pub(crate) recovery: Option<Recovery>,
    /// With which error type the run before of this input ended badly, empty where a guard refused it.
    pub(crate) ended_badly: Option<String>,
}

/// What a head remembers of a result that is not loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Remembered {
    /// How people were told of it; `None` where an earlier version refused it.
    pub(crate) told: Option<Told>,
    /// It waits until nothing uses the segment any more.
    pub(crate) waits: bool,
}

/// What a sentence needs beyond the numbers of a report.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Background {
    pub(crate) past: Past,
    /// What journeys were seen to go by.
    pub(crate) journeys: Option<Audience>,
    /// Why the result is not loaded, where it could be read.
    pub(crate) objection: Option<Objection>,
    /// What is wrong with how the result is put together.
    pub(crate) misfit: Option<&'static str>,
    /// It is tried again without anybody asking.
    pub(crate) is_tried_again: bool,
    /// What became of this input was known before: nothing was done for it.
    pub(crate) is_known: bool,
    /// What the head remembers of why that is not loaded.
    pub(crate) remembered: Option<Remembered>,
    /// Another result of the segment goes first.
    pub(crate) waits_for_another: bool,
    /// The time was over since Dynamics throttles.
    pub(crate) is_throttled: bool,
    /// Publish may have been sent.
    pub(crate) may_be_published: bool,
    /// When that was published which was only looked at.
    pub(crate) followed_up: Option<DateTime<Utc>>,
    /// Whom Exclude groups keep out of what is published.
    pub(crate) kept_out: Option<KeptOut>,
    /// The segment is there no more.
    pub(crate) is_gone: bool,
    /// What has become of the segment that was loaded before, where this is another one.
    pub(crate) left: Option<Left>,
    /// It has been Active for so long that it is taken to show what was published, and nothing proves it.
    pub(crate) is_unproven: bool,
    /// What follows from members who are missing.
    pub(crate) shortfall: Option<Shortfall>,
    /// How many more Dynamics counts than were published.
    pub(crate) surplus: Option<u64>,
    /// It was published again, since nothing was computed when it was published before.
    pub(crate) is_without_effect: bool,
    /// Nothing that was published since then has been seen, too long for nobody to look.
    pub(crate) overdue_since: Option<DateTime<Utc>>,
    /// There is no segment, and none was made.
    pub(crate) is_missing: bool,
    /// The nearest of the names that come near that of a segment that is new.
    pub(crate) near: Option<String>,
    /// What came and went is counted for this attempt alone, after another one.
    pub(crate) goes_on: bool,
}

/// The errors with which a draft that was written is known not to be what journeys see.
const NOT_PUBLISHED: [&str; 5] = [
    "PublishRefused",
    "PublishFailed",
    "SegmentInUse",
    "SegmentChanged",
    "MembersDiffer",
];

impl Background {
    /// Gathers what the sentence of an attempt needs.
    pub(super) fn of(account: &Account, ending: &Ending) -> Self {
        let Account {
            comparison, writing, ..
        } = account;
        let error = match ending {
            Ending::Failed { error, .. } | Ending::FailedDryRun(error) => Some(error),
            Ending::Done(_) | Ending::DryRun(_) => None,
        };
        let found = comparison.found.as_ref();
        // From there on only Dynamics knows whether a publish was begun, but where it refused it.
        let is_refused = error.is_some_and(|error| NOT_PUBLISHED.contains(&error.error_type()));
        Self {
            past: account.past.clone(),
            journeys: found.and_then(|found| found.journeys),
            objection: error.and_then(Error::objection).cloned(),
            misfit: error.and_then(Error::misfit),
            is_tried_again: error.is_some_and(|error| error.fate() == Fate::Retry),
            is_known: false,
            remembered: None,
            waits_for_another: false,
            is_throttled: error.is_some_and(Error::is_throttled),
            may_be_published: writing.written.is_some() && !is_refused,
            followed_up: None,
            kept_out: writing.kept_out.filter(|_| error.is_none()),
            is_gone: false,
            left: comparison.left.as_ref().map(|left| left.left.clone()),
            is_unproven: false,
            shortfall: writing.missing.as_ref().map(|missing| missing.shortfall),
            surplus: writing.shown.and_then(|shown| shown.surplus()),
            is_without_effect: false,
            overdue_since: None,
            is_missing: comparison.difference.is_some() && found.is_none() && writing.segment_id.is_none(),
            near: comparison.beside.as_ref().and_then(NearNames::nearest),
            goes_on: writing.begun_with.is_some(),
        }
    }
}

impl From<&Refusal> for Remembered {
    fn from(refusal: &Refusal) -> Self {
        Self {
            told: refusal.told.as_deref().cloned(),
            waits: refusal.waiting.is_some(),
        }
    }
}

impl From<(u64, DateTime<Utc>)> for Audience {
    fn from((people, since): (u64, DateTime<Utc>)) -> Self {
        Self { people, since }
    }
}

impl Past {
    /// Knows nothing but which audience was seen last.
    pub(crate) fn seen(last: Option<(u64, DateTime<Utc>)>) -> Self {
        Self {
            last: last.map(Audience::from),
            ..Self::default()
        }
    }

    /// Tells what a head says before a run of a job begins.
    pub(crate) fn of(head: &Head, job: &Job) -> Self {
        let publishing = head.writing.as_ref().and_then(|writing| writing.publishing);
        Self {
            last: head.last_seen().map(Audience::from),
            is_clear: publishing.is_none(),
            unseen_since: head.unseen_since(),
            recovery: None,
            ended_badly: head.ended_badly(job).map(str::to_owned),
        }
    }

    /// Adds what the head says of the run's end.
    pub(crate) fn until(self, recovery: Option<Recovery>) -> Self {
        Self { recovery, ..self }
    }
}
