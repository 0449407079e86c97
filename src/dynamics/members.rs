//! Adding and removing the members of a group.

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

/// So many single contacts refused in a row show that something else is wrong.
const MOST_REFUSALS_IN_A_ROW: usize = 64;

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
    /// Where the refusal names contacts the batch is halved until the refused ones stand alone.
    pub async fn add_members(
        &self,
        segment: SegmentId,
        group: &GroupId,
        batch: Batch<'_>,
    ) -> Result<Vec<ContactId>, Error> {
        self.change_members(&ADD, segment, group, batch).await
    }

    /// Removes contacts from a group and returns those that Dynamics refused to remove: they stay, and the next listing shows
    /// them.
    pub async fn remove_members(
        &self,
        segment: SegmentId,
        group: &GroupId,
        batch: Batch<'_>,
    ) -> Result<Vec<ContactId>, Error> {
        let refused = self.change_members(&REMOVE, segment, group, batch).await?;
        if !refused.is_empty() {
            tracing::warn!(contacts = refused.len(), "Dynamics refuses to remove some members");
        }
        Ok(refused)
    }

    async fn change_members(
        &self,
        action: &Action,
        segment: SegmentId,
        group: &GroupId,
        batch: Batch<'_>,
    ) -> Result<Vec<ContactId>, Error> {
        let lane = self.0.lanes.of(group);
        let mut refused = Vec::new();
        let mut refused_in_a_row = 0;
        let mut collisions = 0;
        let mut parts = vec![(batch, false)];
        while let Some((part, has_collided)) = parts.pop() {
            match self.send_members(action, segment, group, part, &lane).await {
                Ok(()) => (refused_in_a_row, collisions) = (0, 0),
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
                        continue;
                    }
                    refused.extend_from_slice(part.ids());
                    refused_in_a_row += 1;
                    if refused_in_a_row >= MOST_REFUSALS_IN_A_ROW {
                        return Err(Error::ContactsRefused {
                            count: refused_in_a_row,
                            refusal,
                        });
                    }
                }
            }
        }
        Ok(refused)
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
