//! Adding and removing the members of a group.

use super::allowance::Allowance;
use super::call::Call;
use super::client::Failure;
use super::error::Error;
use super::group::GroupId;
use super::refusal::{Kind, Refusal};
use super::segment::{Dataverse, SegmentId};
use crate::domain::{Batch, ContactId};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// So many members of a batch may be refused to be removed: none of them may stay, so that to try the others is no use.
const MOST_REFUSED_REMOVALS: usize = 63;

/// The contacts that were refused alone, and the last answer.
#[derive(Default)]
struct Refused {
    ids: Vec<ContactId>,
    why: Option<Refusal>,
}

/// One of the two member actions.
struct Action {
    name: &'static str,
    operation: &'static str,
}

const ADD: Action = Action {
    name: "msdynmkt_AddStaticMembers",
    operation: "add members to the segment",
};
const REMOVE: Action = Action {
    name: "msdynmkt_RemoveStaticMembers",
    operation: "remove members from the segment",
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MembersRequest<'a> {
    segment_id: String,
    group_id: &'a GroupId,
    entity_ids: &'a [ContactId],
}

impl Dataverse {
    /// Adds contacts to a group and returns those that Dynamics refused.
    ///
    /// Where the refusal names contacts the batch is halved until the refused ones stand alone; once the allowance is used up
    /// the others are not tried. Fails where Dynamics takes none of many contacts from the whole of the result.
    pub async fn add_members(
        &self,
        segment: SegmentId,
        group: &GroupId,
        batch: Batch<'_>,
        allowance: &Allowance<'_>,
    ) -> Result<Vec<ContactId>, Error> {
        let refused = self.change_members(&ADD, segment, group, batch, allowance).await?;
        Ok(refused.ids)
    }

    /// Removes contacts from a group and returns those that Dynamics refused to remove: they stay, and the next listing shows
    /// them.
    pub async fn remove_members(
        &self,
        segment: SegmentId,
        group: &GroupId,
        batch: Batch<'_>,
    ) -> Result<Vec<ContactId>, Error> {
        let allowance = Allowance::of_some_taken(MOST_REFUSED_REMOVALS);
        let Refused { ids, why } = self.change_members(&REMOVE, segment, group, batch, &allowance).await?;
        if let Some(refusal) = why.filter(|_| allowance.is_used_up()) {
            return Err(Error::RemovalsRefused {
                count: ids.len(),
                refusal,
            });
        }
        if !ids.is_empty() {
            tracing::warn!(contacts = ids.len(), "Dynamics refuses to remove some members");
        }
        Ok(ids)
    }

    async fn change_members(
        &self,
        action: &Action,
        segment: SegmentId,
        group: &GroupId,
        batch: Batch<'_>,
        allowance: &Allowance<'_>,
    ) -> Result<Refused, Error> {
        let lane = self.0.lanes.of(group);
        let mut refused = Refused::default();
        let mut collisions = 0;
        let mut parts = vec![(batch, false)];
        while let Some((part, has_collided)) = parts.pop().filter(|_| !allowance.is_used_up()) {
            match self.send_members(action, segment, group, part, &lane).await {
                Ok(()) => {
                    collisions = 0;
                    allowance.take();
                }
                Err(Failure::Contention(refusal)) => {
                    lane.go_one_by_one();
                    collisions += 1;
                    let reason = format!("HTTP {} ({})", refusal.status, refusal.code);
                    self.client().back_off(action.operation, collisions, reason).await?;
                    // The first time it may have been bad luck; after that the batch is too much for the database.
                    match part.halves().filter(|_| has_collided) {
                        Some((left, right)) => parts.extend([(right, true), (left, true)]),
                        None => parts.push((part, true)),
                    }
                }
                Err(failure) => {
                    let refusal = blaming_contacts(failure, action.operation, part)?;
                    if let Some((left, right)) = part.halves() {
                        parts.extend([(right, has_collided), (left, has_collided)]);
                    } else if !allowance.were_taken(part.ids()) {
                        refused.ids.extend_from_slice(part.ids());
                        allowance.refuse();
                        if allowance.is_doubtful() {
                            self.check_that_anybody_is_taken(segment, allowance, &refusal).await?;
                        }
                        refused.why = Some(refusal);
                    }
                }
            }
        }
        Ok(refused)
    }

    /// Fails where Dynamics takes none of a sample of those who are to be added; tries it once.
    async fn check_that_anybody_is_taken(
        &self,
        segment: SegmentId,
        allowance: &Allowance<'_>,
        refusal: &Refusal,
    ) -> Result<(), Error> {
        let sample = allowance.sample();
        let first_taken = allowance.first_taken.get_or_try_init(async || {
            for (group, id) in &sample {
                if self.takes(segment, group, *id).await? {
                    return Ok(Some(*id));
                }
            }
            Ok::<_, Error>(None)
        });
        if first_taken.await?.is_some() {
            allowance.take();
        }
        if allowance.has_taken() {
            return Ok(());
        }
        Err(Error::ContactsRefused {
            count: sample.len(),
            refusal: refusal.clone(),
        })
    }

    /// Adds a single contact, and answers whether Dynamics took it.
    async fn takes(&self, segment: SegmentId, group: &GroupId, contact: ContactId) -> Result<bool, Error> {
        let only = [contact];
        let boundless = Allowance::boundless();
        for batch in Batch::split(&only, 1) {
            // Boxed, since it is what asks.
            let adding = Box::pin(self.change_members(&ADD, segment, group, batch, &boundless));
            if !adding.await?.ids.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn send_members(
        &self,
        action: &Action,
        segment: SegmentId,
        group: &GroupId,
        part: Batch<'_>,
        lane: &Lane,
    ) -> Result<(), Failure> {
        let body = MembersRequest {
            segment_id: segment.to_string(),
            group_id: group,
            entity_ids: part.ids(),
        };
        let call = Call::action(action.operation, Kind::Edit, action.name, &body).returning_contention();
        let _slot = lane.slot().await;
        self.client().send(&call, |_| Ok(())).await
    }
}

/// Returns the refusal that a smaller batch may escape; every other failure is final.
fn blaming_contacts(failure: Failure, operation: &'static str, part: Batch<'_>) -> Result<Refusal, Error> {
    match failure {
        Failure::Final(Error::DynamicsRefused(refusal)) if refusal.blames_contacts(part.ids()) => Ok(refusal),
        Failure::Final(error) => Err(error),
        Failure::Unclear(reason) => Err(Error::DynamicsUnavailable {
            operation,
            tries: 1,
            reason,
        }),
        Failure::Contention(refusal) => Err(refusal.into_error(Kind::Edit)),
    }
}

/// Who may write to which group: all at once, or one by one after two calls got in each other's way.
#[derive(Default)]
pub(super) struct Lanes(Mutex<HashMap<GroupId, Arc<Lane>>>);

/// The calls to one group: readers of the lock fly together, a writer flies alone.
#[derive(Default)]
struct Lane {
    one_by_one: AtomicBool,
    lock: RwLock<()>,
}

enum Slot<'a> {
    Together { _guard: RwLockReadGuard<'a, ()> },
    Alone { _guard: RwLockWriteGuard<'a, ()> },
}

impl Lanes {
    fn of(&self, group: &GroupId) -> Arc<Lane> {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(lanes.entry(group.clone()).or_default())
    }
}

impl Lane {
    fn go_one_by_one(&self) {
        if !self.one_by_one.swap(true, Ordering::Relaxed) {
            tracing::info!("Dynamics reports a deadlock or an SQL timeout: this group goes on with one call at a time");
        }
    }

    async fn slot(&self) -> Slot<'_> {
        if !self.one_by_one.load(Ordering::Relaxed) {
            let guard = self.lock.read().await;
            // It may have changed while waiting.
            if !self.one_by_one.load(Ordering::Relaxed) {
                return Slot::Together { _guard: guard };
            }
        }
        Slot::Alone {
            _guard: self.lock.write().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn after_a_collision_a_group_has_one_call_at_a_time() {
        let lane = Lane::default();
        let first = lane.slot().await;
        let second = lane.slot().await;
        lane.go_one_by_one();
        assert!(futures_ready(lane.slot()).await.is_none());
        drop((first, second));
        let alone = futures_ready(lane.slot()).await;
        assert!(matches!(alone, Some(Slot::Alone { .. })));
        assert!(futures_ready(lane.slot()).await.is_none());
    }

    /// Polls once.
    async fn futures_ready<F: Future>(future: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = std::future::ready(()) => None,
        }
    }
}
