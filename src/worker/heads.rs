//! Heads as a worker changes them: by compare-and-swap, for as long as others are faster.

use crate::domain::{Mode, ObjectRef, SegmentName};
use crate::error::Error;
use crate::means::Means;
use crate::source;
use crate::state::{self, Enqueued, Head, Job, KeyContent, Legacy, Stored};
use crate::time::Backoff;
use chrono::{DateTime, Utc};
use std::time::Duration;

/// How often a contended change is tried: at two changes a second and worker, several workers pass in this.
const TRIES: u32 = 12;
/// The pauses between two tries.
const PAUSES: Backoff = Backoff {
    first: Duration::from_millis(50),
    longest: Duration::from_millis(800),
};

/// Reads a segment's head; a segment never loaded has a new one.
///
/// What an earlier version kept of it is read as the head that it will become, and left where it is.
pub(super) async fn read(means: &impl Means, segment_name: &SegmentName) -> Result<Head, state::Error> {
    if let Some(stored) = means.read_head(segment_name).await? {
        return Ok(stored.head);
    }
    let legacy = means.read_legacy(segment_name).await?;
    let past = legacy.and_then(Legacy::into_past);
    Ok(past.unwrap_or_else(|| Head::new(means.home(), segment_name)))
}

/// Reads the head of a segment of this home that a sweep has found at a key; `None` if it is another's, or where the
/// segment's own head has its turn under its own key.
pub(super) async fn read_at(means: &impl Means, key: &str) -> Result<Option<Head>, state::Error> {
    let (past, moving) = match means.content_at(key).await? {
        Some(KeyContent::Head(stored)) => return Ok(Some(stored.head)),
        Some(KeyContent::Legacy(Legacy::Head(past))) => (past, None),
        Some(KeyContent::Legacy(Legacy::Moving(past))) => (past.clone(), Some(past.etag)),
        Some(KeyContent::Legacy(Legacy::Moved) | KeyContent::Foreign) | None => return Ok(None),
    };
    let segment_name = &past.head.segment_name;
    if means.read_head(segment_name).await?.is_none() {
        return Ok(Some(past.head));
    }
    if let Some(etag) = moving {
        means.move_legacy(segment_name, None, &etag).await?;
    }
    Ok(None)
}

/// Changes a head: reads it, applies the pure `change`, and writes it unless somebody else was faster; then again.
///
/// A change that leaves the head as it is writes nothing. Returns what `change` returned on the head that was kept.
pub(super) async fn update<T>(
    means: &impl Means,
    segment_name: &SegmentName,
    mut change: impl FnMut(&mut Head, DateTime<Utc>) -> T,
) -> Result<T, state::Error> {
    let nothing = async |_: &Head| Ok::<_, state::Error>(());
    // Boxed, since the futures of S3 are large.
    Box::pin(update_knowing(means, segment_name, nothing, |head, now, ()| {
        change(head, now)
    }))
    .await
}

/// Changes a head as [`update`] does, by what was learned of the outside after the head was read.
///
/// What is learned later than a head is read, and noted only in its place, is newer than all that the head says.
async fn update_knowing<K, T, E: From<state::Error>>(
    means: &impl Means,
    segment_name: &SegmentName,
    learn: impl AsyncFn(&Head) -> Result<K, E>,
    mut change: impl FnMut(&mut Head, DateTime<Utc>, K) -> T,
) -> Result<T, E> {
    for tries in 1..=TRIES {
        let (before, etag) = match means.read_head(segment_name).await? {
            Some(Stored { head, etag }) => (head, Some(etag)),
            None => match Box::pin(fetch_past(means, segment_name)).await? {
                Past::Nothing => (Head::new(means.home(), segment_name), None),
                Past::Head(head) => (*head, None),
                Past::Contended => {
                    tokio::time::sleep(PAUSES.jittered(tries)).await;
                    continue;
                }
            },
        };
        let known = learn(&before).await?;
        let mut head = before.clone();
        let outcome = change(&mut head, means.s3_time(), known);
        if head == before && etag.is_some() {
            return Ok(outcome);
        }
        head.begin_write(means.fresh().simple().to_string());
        let written = means.write_head(&head, etag.as_deref()).await;
        if matches!(written, Ok(true)) {
            return Ok(outcome);
        }
        match is_stored(means, &head).await {
            Ok(true) => return Ok(outcome),
            looked => written.and(looked)?,
        };
        tokio::time::sleep(PAUSES.jittered(tries)).await;
    }
    let head = means.head_url(segment_name);
    Err(state::Error::Contended { head, tries: TRIES }.into())
}

/// What a segment without a head of this home begins with.
enum Past {
    Nothing,
    Head(Box<Head>),
    /// Somebody else has changed it just now.
    Contended,
}

/// Fetches what an earlier version kept of a segment, so that no worker of such a version can go on by it.
///
/// It lies where it was, and says that it has moved and what it said, until the head of this home is there: whoever is
/// killed in between leaves the past to the next.
async fn fetch_past(means: &impl Means, segment_name: &SegmentName) -> Result<Past, state::Error> {
    let stored = match means.read_legacy(segment_name).await? {
        Some(Legacy::Head(stored)) => stored,
        Some(Legacy::Moving(stored)) => return Ok(Past::Head(Box::new(stored.head))),
        Some(Legacy::Moved) | None => return Ok(Past::Nothing),
    };
    if let Some(lease) = stored
        .head
        .lease
        .as_ref()
        .filter(|lease| !lease.is_over(means.s3_time()))
    {
        return Err(state::Error::HeldByLegacy { until: lease.end() });
    }
    let is_moved = means
        .move_legacy(segment_name, Some(&stored.head), &stored.etag)
        .await?;
    Ok(if is_moved {
        Past::Head(Box::new(stored.head))
    } else {
        Past::Contended
    })
}

/// Brings what an earlier version kept of a segment under its own key, and leaves nothing of it behind.
pub(super) async fn settle_past(means: &impl Means, segment_name: &SegmentName) -> Result<(), state::Error> {
    let legacy = means.read_legacy(segment_name).await?;
    if legacy.and_then(Legacy::into_past).is_none() {
        return Ok(());
    }
    update(means, segment_name, |_, _| ()).await?;
    if let Some(Legacy::Moving(past)) = means.read_legacy(segment_name).await? {
        means.move_legacy(segment_name, None, &past.etag).await?;
    }
    Ok(())
}

/// Takes up a job that somebody asks for.
pub(super) async fn enqueue(means: &impl Means, job: &Job, is_direct: bool) -> Result<Enqueued, Error> {
    let learn = async |head: &Head| Ok::<_, Error>(lies_there(means, head, job).await?);
    let enqueue = |head: &mut Head, _, lies_there| {
        let mut job = job.clone();
        head.place(&mut job, lies_there);
        head.enqueue(job, is_direct)
    };
    Box::pin(update_knowing(means, &job.segment_name, learn, enqueue)).await
}

/// Notes of what a head says to be overtaken that it was heard of, where nothing that is newer was; returns what is known of it then.
pub(super) async fn pass_over(means: &impl Means, head: &Head, job: &Job) -> Result<Option<Enqueued>, state::Error> {
    if job.mode == Mode::Replace || head.has_passed_over(job.rank()) {
        return Ok(Some(Enqueued::Superseded));
    }
    update(means, &job.segment_name, |head, _| {
        let known = head.recall(job);
        if known == Some(Enqueued::Superseded) {
            head.note_passed_over(job);
        }
        known
    })
    .await
}

/// Takes up what a listing found, newest first, and returns what was new.
///
/// Where S3 does not say which of two contents of one second came last, neither side is taken: the next sweep asks again, and
/// until then nothing older takes the place of a replace.
pub(super) async fn enqueue_lost(
    means: &impl Means,
    segment_name: &SegmentName,
    newest_first: &[Job],
) -> Result<Vec<Job>, state::Error> {
    let learn = async |head: &Head| {
        let mut placed = Vec::new();
        for mut job in newest_first.iter().cloned() {
            match lies_there(means, head, &job).await {
                Ok(lies_there) => {
                    head.place(&mut job, lies_there);
                    placed.push(job);
                }
                Err(error) => {
                    tracing::warn!(object = %job.object, error = %error, "the sweep cannot tell which content of a key is the newest");
                    if job.mode == Mode::Replace {
                        break;
                    }
                }
            }
        }
        Ok(placed)
    };
    let enqueue = |head: &mut Head, _, placed: Vec<Job>| head.enqueue_lost(&placed);
    Box::pin(update_knowing(means, segment_name, learn, enqueue)).await
}

/// Asks S3 whether a job's object is what lies there now, where the head knows another content that its key had within the
/// same second; nobody else can tell which came last.
async fn lies_there(means: &impl Means, head: &Head, job: &Job) -> Result<bool, source::Error> {
    if !head.is_undecided(job) {
        return Ok(false);
    }
    let newest = ObjectRef {
        version_id: None,
        ..job.object.clone()
    };
    match means.locate(&newest).await {
        Ok(found) => Ok(job.is_about(&found.position())),
        Err(source::Error::Missing { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns whether this head was stored although its write was refused or failed: of one whose answer was lost the SDK's repetition
/// is refused. The same change made once more would find what it has made itself, and the lease may have been renewed since.
async fn is_stored(means: &impl Means, head: &Head) -> Result<bool, state::Error> {
    let stored = means.read_head(&head.segment_name).await?;
    Ok(stored.is_some_and(|stored| stored.head.comes_of(head)))
}
