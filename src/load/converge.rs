//! The convergence loop: write the difference, read back, and again, until nothing is left to do.
//!
//! This one loop loads, resumes after a crash, verifies and repairs what others changed meanwhile.

use super::plan::{GroupPlan, Plan};
use super::survey::{foreign_groups, include_groups, list};
use super::{Error, Wanted};
use crate::contact::{Batch, ContactId};
use crate::dynamics::{self, Dataverse, Definition, Group, Segment};
use crate::fence::Fence;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::time::Duration;
use tokio::time::Instant;

/// What the loop achieved; the draft now holds exactly the wanted contacts less those not accepted.
#[derive(Debug, Default)]
pub struct Converged {
    /// Contacts that were added.
    pub added: usize,
    /// Members that were removed.
    pub removed: usize,
    /// Wanted contacts that Dynamics refused or silently dropped, sorted.
    pub not_accepted: Vec<ContactId>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// A segment that is being changed.
pub struct Draft<'a> {
    /// The Web API.
    pub dataverse: &'a Dataverse,
    /// The pause between reads stays within this run's time.
    pub fence: &'a Fence,
    /// The segment's row.
    pub segment: &'a Segment,
    /// The definition, kept as it is in Dynamics.
    pub definition: Definition,
}

/// How often the loop writes before it gives up on members that keep changing under it.
const MAX_ROUNDS: usize = 6;
/// How long a list may lag behind a write; after these pauses a difference is believed.
const STALE_READ_PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
/// How often progress is logged.
const PROGRESS_EVERY: Duration = Duration::from_secs(10);

impl Draft<'_> {
    /// Brings the draft to what is wanted, beginning with a plan made from its members as they are.
    ///
    /// Automatic refresh is switched off before the first member call, since with it a journey could see a half-written
    /// draft. Fails where members cannot be removed or keep changing: then nothing may be published.
    pub async fn converge(&mut self, wanted: &Wanted<'_>, first: Plan) -> Result<Converged, Error> {
        let mut done = Converged::default();
        self.stop_automatic_refresh(&mut done.warnings).await?;
        let (to_add, to_remove) = (first.added(), first.removed());
        let mut refused = Vec::new();
        let mut plan = first;
        for _ in 0..MAX_ROUNDS {
            let written = plan.fingerprint();
            refused.extend(self.write(&plan).await?);
            // The list that follows is as large as the plan of a first load: memory holds one of them at a time.
            drop(plan);
            refused.sort_unstable();
            refused.dedup();
            wanted.check_refused(refused.len())?;
            let left = self.difference(wanted, &refused).await?;
            if left.is_empty() || left.fingerprint() == written {
                if left.removed() > 0 {
                    return Err(Error::MembersStay { count: left.removed() });
                }
                done.added = to_add.saturating_sub(left.added() + refused.len());
                done.removed = to_remove;
                refused.extend(left.into_adds());
                refused.sort_unstable();
                wanted.check_refused(refused.len())?;
                done.not_accepted = refused;
                return Ok(done);
            }
            plan = left;
        }
        Err(Error::MembersKeepChanging { rounds: MAX_ROUNDS })
    }

    async fn stop_automatic_refresh(&mut self, warnings: &mut Vec<String>) -> Result<(), Error> {
        if self.definition.refresh_disabled {
            return Ok(());
        }
        self.dataverse.disable_refresh(self.definition.id).await?;
        self.definition.refresh_disabled = true;
        warnings.push(
            "the segment was refreshed automatically; this was switched off, so that journeys see a change only when it \
             is published"
                .to_owned(),
        );
        Ok(())
    }

    /// Writes a plan and returns the ids that Dynamics refused by name.
    ///
    /// Removals come first only where a group would overflow otherwise.
    async fn write(&mut self, plan: &Plan) -> Result<Vec<ContactId>, Error> {
        let new_groups = plan
            .groups()
            .len()
            .saturating_sub(include_groups(&self.definition).count());
        if new_groups > 0 {
            let first = self.definition.groups.len() + 1;
            let fresh = (first..first + new_groups).map(|number| Group::fresh(&format!("Query result {number}")));
            let groups: Vec<Group> = self.definition.groups.iter().cloned().chain(fresh).collect();
            self.dataverse.save_groups(&self.definition, &groups).await?;
            self.definition.groups = groups;
        }
        let mut progress = Progress::new(plan);
        self.remove(plan, |group| group.removes_first, &mut progress).await?;
        let refused = self.add(plan, &mut progress).await?;
        self.remove(plan, |group| !group.removes_first, &mut progress).await?;
        Ok(refused)
    }

    async fn add(&self, plan: &Plan, progress: &mut Progress) -> Result<Vec<ContactId>, Error> {
        let calls = self.changes(plan).flat_map(|(group, change)| {
            Batch::split(&change.adds).map(move |batch| async move {
                let refused = self.dataverse.add_members(self.segment.id, &group.id, batch).await?;
                Ok::<_, Error>((batch.ids().len(), refused))
            })
        });
        let mut calls = std::pin::pin!(stream::iter(calls).buffer_unordered(self.batches_ahead()));
        let mut refused = Vec::new();
        while let Some((sent, rejected)) = calls.try_next().await? {
            refused.extend(rejected);
            progress.step(sent);
        }
        Ok(refused)
    }

    async fn remove(
        &self,
        plan: &Plan,
        which: impl Fn(&GroupPlan) -> bool,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        let calls = self
            .changes(plan)
            .filter(|(_, change)| which(change))
            .flat_map(|(group, change)| {
                Batch::split(&change.removes).map(move |batch| async move {
                    self.dataverse.remove_members(self.segment.id, &group.id, batch).await?;
                    Ok::<_, Error>(batch.ids().len())
                })
            });
        let mut calls = std::pin::pin!(stream::iter(calls).buffer_unordered(self.batches_ahead()));
        while let Some(sent) = calls.try_next().await? {
            progress.step(sent);
        }
        Ok(())
    }

    /// Returns how many batches are prepared at once: one more than may be in flight, since each takes 40 KB as a request.
    fn batches_ahead(&self) -> usize {
        self.dataverse.max_concurrent() + 1
    }

    fn changes<'p>(&'p self, plan: &'p Plan) -> impl Iterator<Item = (&'p Group, &'p GroupPlan)> {
        include_groups(&self.definition).zip(plan.groups())
    }

    /// Reads the members back and returns what is left to do; a list that lags behind is given time to catch up.
    async fn difference(&self, wanted: &Wanted<'_>, refused: &[ContactId]) -> Result<Plan, Error> {
        let mut pauses = STALE_READ_PAUSES.iter();
        loop {
            let members = list(self.dataverse, self.segment, &self.definition, wanted.contacts.len()).await?;
            let left = wanted.plan(members, foreign_groups(&self.definition), refused)?;
            match pauses.next() {
                Some(pause) if !left.is_empty() => {
                    self.fence.sleep(*pause).await.map_err(dynamics::Error::from)?;
                }
                _ => return Ok(left),
            }
        }
    }
}

/// Says every ten seconds how far a round of writing has come.
struct Progress {
    total: usize,
    sent: usize,
    said: Instant,
}

impl Progress {
    fn new(plan: &Plan) -> Self {
        Self {
            total: plan.added() + plan.removed(),
            sent: 0,
            said: Instant::now(),
        }
    }

    fn step(&mut self, sent: usize) {
        self.sent += sent;
        if self.said.elapsed() >= PROGRESS_EVERY {
            self.said = Instant::now();
            tracing::info!(
                phase = "write",
                sent = self.sent,
                total = self.total,
                "members are being written"
            );
        }
    }
}
