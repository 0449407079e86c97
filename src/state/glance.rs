//! All segments at a glance, of whatever home: for the answer to `status` and for the status page.

use super::format::Named;
use super::head::Head;
use super::past::{LastRun, Load};
use super::refused::Refused;
use super::status::Status;
use super::store::{Error, Heads, KeyContent};
use crate::domain::Home;
use crate::s3::{Keys, Missing, Own, Reason};
use chrono::TimeDelta;
use futures_util::{StreamExt as _, stream};

/// How many heads are read at a time, where all of them are looked at.
const LOOKS_IN_FLIGHT: usize = 16;

/// What people are shown of a segment.
#[derive(Clone, Debug, PartialEq)]
pub struct Glance {
    /// How it is.
    pub status: Status,
    /// Where it lives, as far as that is known.
    pub home: Home,
    /// How old its audience may be.
    pub stale_after: Option<TimeDelta>,
    /// Nothing that was published has been seen in Dynamics for too long.
    pub is_overdue: bool,
    /// Dynamics was not yet seen to show that.
    pub is_unseen: bool,
    /// How many of them Dynamics does not count, where that is news.
    pub missing: Option<u64>,
    /// An attempt ended without a word, and nobody has gone on yet.
    pub has_died: bool,
    /// Its last run.
    pub last_run: Option<LastRun>,
    /// Its last loads, oldest first.
    pub loads: Vec<Load>,
    /// The newest refusal of a result that is newer than what was loaded last.
    pub refused: Option<Refused>,
}

impl Glance {
    fn of_unreadable(named: Named, error: &Error) -> Self {
        let reason = error.to_string();
        Self {
            home: named.home(),
            status: Status::unreadable(named.segment_name(), named.environment, named.business_unit, reason),
            stale_after: None,
            is_overdue: false,
            is_unseen: false,
            missing: None,
            has_died: false,
            last_run: None,
            loads: Vec::new(),
            refused: None,
        }
    }

    fn of(head: Head, own: &Own, stale_after: impl Fn(&Home) -> Option<TimeDelta>) -> Self {
        let (now, stale_after) = (own.now(), stale_after(&head.home));
        let shortage = head.shortage.as_ref();
        Self {
            status: Status::of(&head, now, stale_after),
            stale_after,
            is_overdue: head.overdue_since(now).is_some(),
            missing: shortage
                .filter(|shortage| shortage.missing > shortage.stayed)
                .map(|shortage| shortage.missing),
            has_died: head.attempt.is_some() && !head.is_held(now),
            refused: head.refused_last().cloned(),
            is_unseen: head.is_unconfirmed(),
            last_run: head.last_run,
            loads: head.loads,
            home: head.home,
        }
    }
}

/// All segments at a glance, or as many as were wanted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Glances {
    /// The segments, in the order of their heads' keys.
    pub segments: Vec<Glance>,
    /// There are more, which were not read.
    pub has_more: bool,
}

impl Glances {
    /// Looks at the heads of all segments, of whatever home, but not at more than `most`; they are read side by side.
    ///
    /// `stale_after` says how old the audiences of a home may be.
    pub(crate) async fn read(
        own: &Own,
        most: usize,
        stale_after: impl Fn(&Home) -> Option<TimeDelta>,
    ) -> Result<Self, Error> {
        let prefix = own.keys.heads();
        let listed = own.list(&prefix, most, Keys::is_head).await;
        let mut keys = listed.map_err(|reason| Error::of(reason, &own.bucket, &prefix, "read"))?;
        let has_more = keys.len() > most;
        keys.truncate(most);
        let looks = keys.into_iter().map(|key| glance_at(own, key, &stale_after));
        let found: Vec<_> = stream::iter(looks).buffered(LOOKS_IN_FLIGHT).collect().await;
        let segments = found.into_iter().flatten().collect();
        Ok(Self { segments, has_more })
    }

    /// Looks at the heads of all segments that an organization can have.
    pub(crate) async fn read_all(own: &Own, stale_after: impl Fn(&Home) -> Option<TimeDelta>) -> Result<Self, Error> {
        Self::read(own, Heads::MOST, stale_after).await
    }
}

/// Looks at a head as a run of its own home would: what no run goes by is not told as if one did.
async fn glance_at(own: &Own, key: String, stale_after: impl Fn(&Home) -> Option<TimeDelta>) -> Option<Glance> {
    let mut read = own.read(&key).await;
    for _ in 0..Heads::LOOKS_MORE {
        if own.knows_the_time() {
            break;
        }
        read = own.read(&key).await;
    }
    let read = match read {
        Err(Reason::Missing(missing)) if missing != Missing::Bucket => return None,
        Err(reason) => {
            let error = Error::of(reason, &own.bucket, &key, "read");
            return Some(Glance::of_unreadable(Named::default(), &error));
        }
        Ok(read) => read,
    };
    let named = Named::in_body(&read.content);
    let heads = Heads::new(own.clone(), named.home());
    match heads.understand(&key, &read) {
        Ok(KeyContent::Head(stored)) => Some(Glance::of(stored.head, own, stale_after)),
        Ok(KeyContent::Legacy(legacy)) => {
            let head = legacy.into_past()?;
            Some(Glance::of(head, own, stale_after))
        }
        Ok(KeyContent::Foreign) => None,
        Err(error) => {
            let lies_here = |name| [heads.key(&name), own.keys.legacy_head(&name)].contains(&key);
            let is_its_own = named.segment_name().is_none_or(lies_here);
            Some(Glance::of_unreadable(
                if is_its_own { named } else { Named::default() },
                &error,
            ))
        }
    }
}
