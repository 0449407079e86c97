//! A worker's hold on a segment: taken, kept alive beside the work, and given back.

use super::head::{Head, Wish};
use super::order::RunId;
use super::store::{Error, Heads};
use super::transition::{Achievement, Claim, sending_time};
use crate::fence::Fence;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

/// The lease of one segment, renewed in the background until it is released or dropped.
///
/// While it is held the fence is open; it closes by itself when a renewal is late.
#[derive(Debug)]
pub struct Hold {
    heads: Heads,
    segment_name: String,
    owner: String,
    renewal: JoinHandle<()>,
}

impl Hold {
    /// A lease is renewed every sixth of its length: two renewals may be lost before the fence closes.
    const RENEWALS_PER_LEASE: u32 = 6;

    /// Takes the segment, or answers nothing where another worker has it.
    ///
    /// Where the live lease was taken for `own` run, an earlier attempt at it has crashed or is still at work: the end
    /// of that lease is awaited, as long as the fence leaves time.
    pub async fn take(
        heads: &Heads,
        segment_name: &str,
        own: Option<&RunId>,
        lease: Duration,
        fence: &Fence,
    ) -> Result<Option<Self>, Error> {
        let owner = Uuid::new_v4().simple().to_string();
        loop {
            let asked_at = Instant::now();
            let claim = heads
                .update(segment_name, |head, now| head.claim(&owner, lease.as_secs(), now))
                .await?;
            let busy = match claim {
                Claim::Taken => {
                    fence.extend(asked_at + sending_time(lease));
                    let renewal = tokio::spawn(renew(
                        heads.clone(),
                        segment_name.to_owned(),
                        owner.clone(),
                        lease,
                        fence.clone(),
                    ));
                    let segment_name = segment_name.to_owned();
                    return Ok(Some(Self {
                        heads: heads.clone(),
                        segment_name,
                        owner,
                        renewal,
                    }));
                }
                Claim::Busy(lease) => lease,
            };
            let is_own_earlier_attempt = own.is_some() && busy.run_id.as_ref() == own;
            if !is_own_earlier_attempt || fence.sleep(lease / Self::RENEWALS_PER_LEASE).await.is_err() {
                return Ok(None);
            }
        }
    }

    /// Reads the head as it is now.
    pub async fn look(&self) -> Result<Head, Error> {
        self.heads.read(&self.segment_name).await
    }

    /// Marks the draft as half-written, and returns the older replaces that are now overtaken.
    pub async fn begin(&self, wish: &Wish, published: u64) -> Result<Vec<Wish>, Error> {
        Ok(self
            .heads
            .update(&self.segment_name, |head, _| head.begin(&self.owner, wish, published))
            .await??)
    }

    /// Notes how many members are about to be published; answers whether the wish is still the one to publish.
    pub async fn announce(&self, wish: &Wish, members: u64) -> Result<bool, Error> {
        let announce = |head: &mut Head, _| head.announce(&self.owner, wish, members);
        Ok(self.heads.update(&self.segment_name, announce).await??)
    }

    /// Records that the wish is carried out, and returns the wishes that it overtook.
    pub async fn apply(&self, wish: &Wish, achievement: &Achievement) -> Result<Vec<Wish>, Error> {
        let apply = |head: &mut Head, now| head.apply(&self.owner, wish, achievement.clone(), now);
        Ok(self.heads.update(&self.segment_name, apply).await??)
    }

    /// Records that the published segment was seen Active.
    pub async fn confirm(&self) -> Result<(), Error> {
        Ok(self
            .heads
            .update(&self.segment_name, |head, _| head.confirm(&self.owner))
            .await??)
    }

    /// Wishes again what was applied.
    pub async fn redo(&self) -> Result<(), Error> {
        Ok(self
            .heads
            .update(&self.segment_name, |head, _| head.redo(&self.owner))
            .await??)
    }

    /// Puts a wish aside that was refused or can never be read.
    pub async fn refuse(&self, wish: &Wish, reason: &str, unreadable: bool) -> Result<(), Error> {
        let refuse = |head: &mut Head, _| head.refuse(&self.owner, wish, reason, unreadable);
        Ok(self.heads.update(&self.segment_name, refuse).await??)
    }

    /// Drops a wish whose object was replaced while it was read.
    pub async fn forget(&self, wish: &Wish) -> Result<(), Error> {
        Ok(self
            .heads
            .update(&self.segment_name, |head, _| head.forget(&self.owner, wish))
            .await??)
    }

    /// Records a failure; answers whether the segment now needs a person.
    pub async fn fail(&self, error_type: &str) -> Result<bool, Error> {
        let fail = |head: &mut Head, now| head.fail(&self.owner, error_type, now).map(|()| head.needs_attention());
        Ok(self.heads.update(&self.segment_name, fail).await??)
    }

    /// Gives the lease back if nothing is left to do; otherwise answers the next wish and keeps it.
    ///
    /// One step, so that a wish added just now is either seen here or finds the lease free.
    pub async fn release_when_done(&self) -> Result<Option<Wish>, Error> {
        let release = |head: &mut Head, _| head.next_or_release(&self.owner);
        let next = self.heads.update(&self.segment_name, release).await??;
        if next.is_none() {
            self.renewal.abort();
        }
        Ok(next)
    }

    /// Gives the lease back, whatever is left to do.
    pub async fn release(&self) -> Result<(), Error> {
        self.renewal.abort();
        Ok(self
            .heads
            .update(&self.segment_name, |head, _| head.release(&self.owner))
            .await??)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

async fn renew(heads: Heads, segment_name: String, owner: String, lease: Duration, fence: Fence) {
    loop {
        tokio::time::sleep(lease / Hold::RENEWALS_PER_LEASE).await;
        let asked_at = Instant::now();
        match heads.update(&segment_name, |head, now| head.renew(&owner, now)).await {
            Ok(Ok(())) => fence.extend(asked_at + sending_time(lease)),
            Ok(Err(_)) => return fence.lost(),
            Err(error) => tracing::warn!(error = %error, "the lease could not be renewed; it is tried again"),
        }
    }
}
