//! One round of writing: a plan's calls, some of them at a time.

use super::abreast::make_all;
use super::converge::Draft;
use super::plan::{GroupPlan, Plan};
use super::survey::include_groups;
use super::{Error, Rounds};
use crate::domain::{Batch, ContactId};
use crate::dynamics::{Allowance, Group};
use crate::means::Means;
use std::time::Duration;
use tokio::time::Instant;

/// How often progress is logged.
const PROGRESS_EVERY: Duration = Duration::from_secs(10);

impl<M: Means> Draft<'_, M> {
    /// Writes a plan and returns the ids that Dynamics refused by name.
    ///
    /// Removals come first only where a group would overflow otherwise; where too many were refused nobody else is removed.
    pub(super) async fn write(&self, rounds: &Rounds<'_>) -> Result<Vec<ContactId>, Error> {
        let plan = rounds.plan();
        let mut progress = Progress::new(plan);
        self.remove(plan, |group| group.removes_first, &mut progress).await?;
        let allowance = self.allowance(rounds);
        let refused = self.add(plan, &allowance, &mut progress).await?;
        if !allowance.is_used_up() {
            self.remove(plan, |group| !group.removes_first, &mut progress).await?;
        }
        Ok(refused)
    }

    /// Notes the groups that a plan adds to.
    pub(super) fn note_additions(&mut self, plan: &Plan) {
        let added_to = self.changes(plan).filter(|(_, change)| !change.adds.is_empty());
        let added_to: Vec<_> = added_to.map(|(group, _)| group.id.clone()).collect();
        self.added_to.extend(added_to);
    }

    fn allowance<'p>(&'p self, rounds: &'p Rounds<'_>) -> Allowance<'p> {
        let most = rounds.most_refusals();
        if rounds.some_are_members() {
            return Allowance::of_some_taken(most);
        }
        let adds = self
            .changes(rounds.plan())
            .map(|(group, change)| (&group.id, &*change.adds));
        Allowance::new(most, adds.collect())
    }

    async fn add(
        &self,
        plan: &Plan,
        allowance: &Allowance<'_>,
        progress: &mut Progress,
    ) -> Result<Vec<ContactId>, Error> {
        let calls = self.changes(plan).flat_map(|(group, change)| {
            Batch::split(&change.adds, self.means.batch_size()).map(move |batch| async move {
                let adding = self.means.add_members(self.segment.id, &group.id, batch, allowance);
                let refused = adding.await?;
                Ok::<_, Error>((batch.ids().len(), refused))
            })
        });
        let mut refused = Vec::new();
        make_all(self.batches_ahead(), calls, |(sent, rejected)| {
            refused.extend(rejected);
            progress.step(sent);
        })
        .await?;
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
                Batch::split(&change.removes, self.means.batch_size()).map(move |batch| async move {
                    self.means.remove_members(self.segment.id, &group.id, batch).await?;
                    Ok::<_, Error>(batch.ids().len())
                })
            });
        make_all(self.batches_ahead(), calls, |sent| progress.step(sent)).await
    }

    /// Returns how many batches are prepared at once: one more than may be in flight, since each takes 40 KB as a request.
    fn batches_ahead(&self) -> usize {
        self.means.max_concurrent() + 1
    }

    fn changes<'p>(&'p self, plan: &'p Plan) -> impl Iterator<Item = (&'p Group, &'p GroupPlan)> {
        include_groups(&self.definition).zip(plan.groups())
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
