//! Heads as a worker changes them: by compare-and-swap, for as long as others are faster.

use crate::backoff::Backoff;
use crate::domain::{ObjectRef, SegmentName};
use crate::error::Error;
use crate::means::Means;
use crate::source;
use crate::state::{self, Enlisted, Head, Stored, Wish};
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
pub(super) async fn read(means: &impl Means, segment_name: &SegmentName) -> Result<Head, state::Error> {
    let stored = means.read_head(segment_name).await?;
    Ok(stored.map_or_else(|| Head::new(segment_name), |stored| stored.head))
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
    update_knowing(means, segment_name, nothing, |head, now, ()| change(head, now)).await
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
            None => (Head::new(segment_name), None),
        };
        let known = learn(&before).await?;
        let mut head = before.clone();
        let outcome = change(&mut head, means.s3_time(), known);
        if head == before && etag.is_some() {
            return Ok(outcome);
        }
        head.nonce = means.fresh().simple().to_string();
        if means.write_head(&head, etag.as_deref()).await? || is_stored(means, &head).await? {
            return Ok(outcome);
        }
        tokio::time::sleep(PAUSES.jittered(tries)).await;
    }
    let head = means.head_url(segment_name);
    Err(state::Error::Contended { head, tries: TRIES }.into())
}

/// Takes up a wish that somebody asks for.
pub(super) async fn enlist(means: &impl Means, wish: &Wish, is_order: bool) -> Result<Enlisted, Error> {
    let learn = async |head: &Head| Ok::<_, Error>(lies_there(means, head, wish).await?);
    let enlist = |head: &mut Head, _, lies_there| {
        let mut wish = wish.clone();
        head.place(&mut wish, lies_there);
        head.enlist(wish, is_order)
    };
    update_knowing(means, &wish.segment_name, learn, enlist).await
}

/// Takes up what a listing found, newest first, and returns what was new.
pub(super) async fn enlist_lost(
    means: &impl Means,
    segment_name: &SegmentName,
    newest_first: &[Wish],
) -> Result<Vec<Wish>, state::Error> {
    let learn = async |head: &Head| {
        let mut placed = newest_first.to_vec();
        for wish in &mut placed {
            let lies_there = lies_there(means, head, wish).await.unwrap_or_else(|error| {
                tracing::warn!(object = %wish.object, error = %error, "the sweep cannot tell which content of a key is the newest");
                false
            });
            head.place(wish, lies_there);
        }
        Ok(placed)
    };
    let enlist = |head: &mut Head, _, placed: Vec<Wish>| head.enlist_lost(&placed);
    update_knowing(means, segment_name, learn, enlist).await
}

/// Asks S3 whether a wish's object is what lies there now, where the head knows another content that its key had within the
/// same second; nobody else can tell which came last.
async fn lies_there(means: &impl Means, head: &Head, wish: &Wish) -> Result<bool, source::Error> {
    if !head.is_undecided(wish) {
        return Ok(false);
    }
    let newest = ObjectRef {
        version_id: None,
        ..wish.object.clone()
    };
    match means.locate(&newest).await {
        Ok(found) => Ok(wish.is_about(&found.order())),
        Err(source::Error::Missing { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Tells whether it is this head that is stored: a write whose answer was lost is repeated by the SDK, and the
/// repetition, which is refused, finds the first one's content.
async fn is_stored(means: &impl Means, head: &Head) -> Result<bool, state::Error> {
    let stored = means.read_head(&head.segment_name).await?;
    Ok(stored.is_some_and(|stored| stored.head.nonce == head.nonce))
}
