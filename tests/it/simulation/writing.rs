//! How a worker writes and publishes: the calls around the plan and the convergence loop's own decisions.

use super::contacts::{Contacts, ids, set_of};
use super::dataverse::{Change, Seen, Status};
use super::machine::{Machine, Trouble};
use super::world::{MINUTE, SECOND, World};
use segment_loader::contact::ContactId;
use segment_loader::load::{Plan, Rounds, Step, Wanted};
use std::future::poll_fn;
use std::task::Poll;

pub(super) async fn survey(machine: &Machine, segment: usize) -> Result<Seen, Trouble> {
    machine.call(None, move |world| world.segments[segment].seen()).await
}

pub(super) fn members(seen: &Seen) -> Vec<Vec<ContactId>> {
    seen.groups.iter().map(|group| ids(*group)).collect()
}

/// Runs the convergence loop, and returns when the members were last read back.
pub(super) async fn converge(
    machine: &Machine,
    segment: usize,
    wanted: &Wanted<'_>,
    first: Plan,
) -> Result<u64, Trouble> {
    let mut rounds = Rounds::begin(wanted, first);
    loop {
        let refused = write(machine, segment, rounds.plan()).await?;
        rounds.wrote(ids(refused)).map_err(|_| Trouble::Unavailable)?;
        let read_at = machine.now();
        let seen = survey(machine, segment).await?;
        let left = rounds.left(members(&seen), 0).map_err(|_| Trouble::Unavailable)?;
        if let Step::Done(_) = rounds.judge(left).map_err(|_| Trouble::Unavailable)? {
            return Ok(read_at);
        }
    }
}

/// Writes a plan and returns the contacts that Dynamics refused by name.
async fn write(machine: &Machine, segment: usize, plan: &Plan) -> Result<Contacts, Trouble> {
    let groups = plan.groups();
    let count = groups.len();
    machine
        .call(Some(segment), move |world| {
            let existing = &mut world.segments[segment].groups;
            existing.resize(existing.len().max(count), 0);
        })
        .await?;
    let batch = machine.world.borrow().scenario.batch;
    let cut = |ids: &[ContactId]| ids.chunks(batch).map(set_of).collect::<Vec<_>>();
    let numbered = || groups.iter().enumerate();
    let adds =
        numbered().flat_map(|(group, change)| cut(&change.adds).into_iter().map(move |ids| (group, Change::Add(ids))));
    let removes = numbered().flat_map(|(group, change)| {
        cut(&change.removes)
            .into_iter()
            .map(move |ids| (group, Change::Remove(ids)))
    });
    let refused = change_all(machine, segment, adds.collect()).await?;
    change_all(machine, segment, removes.collect()).await?;
    Ok(refused)
}

/// Makes some calls at a time; after a failure none is begun any more, but those under way are awaited.
async fn change_all(machine: &Machine, segment: usize, changes: Vec<(usize, Change)>) -> Result<Contacts, Trouble> {
    let abreast = machine.world.borrow().scenario.abreast;
    let mut refused = 0;
    for some in changes.chunks(abreast) {
        let call =
            |(group, change): &(usize, Change)| machine.call(Some(segment), member_call(segment, *group, *change));
        let mut calls: Vec<_> = some.iter().map(|change| Box::pin(call(change))).collect();
        let mut outcome = Ok(());
        let all = poll_fn(|context| {
            calls.retain_mut(|call| match call.as_mut().poll(context) {
                Poll::Ready(Ok(contacts)) => {
                    refused |= contacts;
                    false
                }
                Poll::Ready(Err(trouble)) => {
                    outcome = Err(trouble);
                    false
                }
                Poll::Pending => true,
            });
            if calls.is_empty() {
                Poll::Ready(outcome)
            } else {
                Poll::Pending
            }
        });
        all.await?;
    }
    Ok(refused)
}

fn member_call(segment: usize, group: usize, change: Change) -> impl Fn(&mut World) -> Contacts + Clone {
    move |world| {
        let (dropped, rejected) = (world.scenario.dropped, world.scenario.rejected);
        let taken = match change {
            Change::Add(contacts) => Change::Add(contacts & !dropped & !rejected),
            remove @ Change::Remove(_) => remove,
        };
        world.segments[segment].change(group, taken);
        match change {
            Change::Add(contacts) => contacts & rejected,
            Change::Remove(_) => 0,
        }
    }
}

/// What a naive loader does: empties the segment and fills it again, with automatic refresh on.
pub(super) async fn truncate_and_load(
    machine: &Machine,
    segment: usize,
    seen: &Seen,
    file: Contacts,
) -> Result<(), Trouble> {
    for (group, members) in seen.groups.iter().enumerate() {
        machine
            .call(Some(segment), member_call(segment, group, Change::Remove(*members)))
            .await?;
    }
    machine
        .call(Some(segment), move |world| {
            let groups = &mut world.segments[segment].groups;
            groups.resize(groups.len().max(1), 0);
        })
        .await?;
    let batch = machine.world.borrow().scenario.batch;
    let changes = ids(file)
        .chunks(batch)
        .map(|ids| (0, Change::Add(set_of(ids))))
        .collect();
    change_all(machine, segment, changes).await?;
    Ok(())
}

/// Publishes, and waits up to five minutes for Active; answers whether it was seen.
pub(super) async fn publish(machine: &Machine, segment: usize) -> Result<bool, Trouble> {
    machine.call(Some(segment), move |world| world.publish(segment)).await?;
    let until = machine.now() + 5 * MINUTE;
    let mut wait = SECOND;
    while machine.now() < until {
        match survey(machine, segment).await {
            Ok(seen) if seen.status == Status::Active => return Ok(true),
            Ok(seen) if seen.status == Status::Failed => return Err(Trouble::Unavailable),
            Ok(_) => {}
            Err(_) => return Ok(false),
        }
        if machine.pause(wait).await.is_err() {
            return Ok(false);
        }
        wait = (wait * 2).min(30 * SECOND);
    }
    Ok(false)
}
