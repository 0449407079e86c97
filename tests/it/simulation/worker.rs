//! What a worker does: the order of the steps is that of the function's own code, their decisions are its own.

use super::Variant;
use super::contacts::{Contacts, ids};
use super::dataverse::Status;
use super::machine::{Machine, Trouble};
use super::oracle::{destination, facts};
use super::scenario::file_of;
use super::world::{Hint, LEASE, SECOND, SEGMENTS};
use super::writing::{converge, members, publish, survey, truncate_and_load};
use segment_loader::contact::ContactSet;
use segment_loader::load::{Wanted, guard};
use segment_loader::state::{Achievement, Claim, Enlisted, Head, RunId, Wish};

/// Answers one invocation; false where Lambda shall deliver it again.
pub(super) async fn invoke(machine: Machine, hint: Hint) -> bool {
    let done = match hint {
        Hint::Event(file) => load(&machine, file, false).await,
        Hint::Order(file) => load(&machine, file, true).await,
        Hint::Sweep => sweep(&machine).await,
    };
    done.unwrap_or(false)
}

async fn load(machine: &Machine, file: usize, is_order: bool) -> Result<bool, Trouble> {
    machine.sleep(machine.between(20, 2_000)).await;
    let (segment, wish) = {
        let world = machine.world.borrow();
        let file = world.scenario.current(file, world.now);
        let mode = if is_order {
            world.scenario.order_mode
        } else {
            world.scenario.mode
        };
        (world.scenario.files[file].segment, world.scenario.wish(file, mode))
    };
    let enlisted = machine
        .update(segment, |head, _| head.enlist(wish.clone(), is_order))
        .await?;
    machine
        .world
        .borrow_mut()
        .say(|| format!("{}: {} order={is_order} {enlisted:?}", machine.owner, wish.object.key));
    if !is_order {
        let world = &mut *machine.world.borrow_mut();
        world.oracle.wished(segment, &wish, world.now);
    }
    match enlisted {
        Enlisted::Queued => work(machine, segment, None).await,
        Enlisted::Pending => work(machine, segment, Some(&wish.run_id)).await,
        _ => Ok(true),
    }
}

async fn sweep(machine: &Machine) -> Result<bool, Trouble> {
    for segment in 0..SEGMENTS {
        machine.sleep(machine.between(20, 500)).await;
        let mut lost: Vec<Wish> = {
            let world = machine.world.borrow();
            let listed = world.scenario.listed(segment, world.now);
            listed
                .into_iter()
                .map(|file| world.scenario.wish(file, world.scenario.mode))
                .collect()
        };
        lost.sort_by(|a, b| b.order.cmp(&a.order));
        if !lost.is_empty() {
            machine.update(segment, |head, _| head.enlist_lost(&lost)).await?;
        }
    }
    for segment in 0..SEGMENTS {
        let head = machine.look(segment).await?;
        if machine.update(segment, |head, now| head.is_due(now)).await? {
            work(machine, segment, None).await?;
        } else if head.is_unconfirmed() && take(machine, segment, None).await? {
            match look_after(machine, segment).await {
                Ok(()) => {
                    turn(machine, segment).await;
                }
                Err(_) => drop(machine.update(segment, |head, _| head.release(&machine.owner)).await?),
            }
        }
    }
    Ok(true)
}

async fn look_after(machine: &Machine, segment: usize) -> Result<(), Trouble> {
    match survey(machine, segment).await?.status {
        Status::Active => drop(machine.update(segment, |head, _| head.confirm(&machine.owner)).await?),
        Status::Failed => drop(machine.update(segment, |head, _| head.redo(&machine.owner)).await?),
        Status::Busy | Status::Inactive => {}
    }
    Ok(())
}

async fn work(machine: &Machine, segment: usize, own: Option<&RunId>) -> Result<bool, Trouble> {
    Ok(!take(machine, segment, own).await? || turn(machine, segment).await)
}

/// Takes the lease and keeps it alive beside the work; answers whether it is free.
async fn take(machine: &Machine, segment: usize, own: Option<&RunId>) -> Result<bool, Trouble> {
    loop {
        let asked_at = machine.now();
        let lives = LEASE / SECOND;
        let is_leased = machine.variant() != Variant::NoLease;
        let claim = machine
            .update(segment, |head, now| {
                if !is_leased {
                    head.lease = None;
                }
                head.claim(&machine.owner, lives, now)
            })
            .await?;
        machine
            .world
            .borrow_mut()
            .say(|| format!("{}: segment {segment} {claim:?}", machine.owner));
        let busy = match claim {
            Claim::Taken => {
                machine.fence.set(1);
                machine.extend_fence(asked_at);
                let renewal = renew(machine.clone(), segment);
                machine
                    .world
                    .borrow_mut()
                    .spawned
                    .push((machine.process, Box::pin(renewal)));
                return Ok(true);
            }
            Claim::Busy(lease) => lease,
        };
        if own.is_none() || busy.run_id.as_ref() != own || machine.pause(LEASE / 6).await.is_err() {
            return Ok(false);
        }
    }
}

async fn renew(machine: Machine, segment: usize) -> bool {
    loop {
        machine.sleep(LEASE / 6).await;
        let asked_at = machine.now();
        match machine
            .update(segment, |head, now| head.renew(&machine.owner, now))
            .await
        {
            Ok(Ok(())) => machine.extend_fence(asked_at),
            Ok(Err(_)) => {
                machine.fence.set(0);
                return true;
            }
            Err(_) => {}
        }
    }
}

/// Carries out wish after wish; false where one failed.
async fn turn(machine: &Machine, segment: usize) -> bool {
    let owner = &machine.owner;
    loop {
        let next = machine.update(segment, |head, _| head.next_or_release(owner)).await;
        let Ok(Ok(Some(wish))) = next else {
            return true;
        };
        let done = carry_out(machine, segment, &wish).await;
        machine
            .world
            .borrow_mut()
            .say(|| format!("{owner}: {} {:?} {done:?}", wish.object.key, wish.mode));
        let is_unreadable = done == Err(Trouble::Unreadable);
        // What the head is told of a failure may itself fail: then the lease runs out.
        let (kept, goes_on) = match done {
            Ok(()) => continue,
            Err(Trouble::Replaced) => (machine.update(segment, |head, _| head.forget(owner, &wish)).await, true),
            Err(Trouble::Refused | Trouble::Unreadable) => {
                let refuse = |head: &mut Head, _| head.refuse(owner, &wish, "refused", is_unreadable);
                (machine.update(segment, refuse).await, true)
            }
            Err(Trouble::LeaseLost) => return true,
            Err(Trouble::OutOfTime) => (machine.update(segment, |head, _| head.release(owner)).await, false),
            Err(Trouble::Unavailable) => {
                if let Ok(Ok(())) = machine
                    .update(segment, |head, now| head.fail(owner, "Unavailable", now))
                    .await
                {
                    let _ = machine.update(segment, |head, _| head.release(owner)).await;
                }
                return false;
            }
        };
        let _ = kept;
        if !goes_on {
            return true;
        }
    }
}

async fn carry_out(machine: &Machine, segment: usize, wish: &Wish) -> Result<(), Trouble> {
    let owner = &machine.owner;
    let head = machine.look(segment).await?;
    let file = read(machine, wish).await?;
    let contacts = ContactSet::from(ids(file));
    let wanted = Wanted {
        mode: wish.mode,
        contacts: &contacts,
        not_found: 0,
        max_invalid_percent: 100.0,
    };
    let seen = survey(machine, segment).await?;
    let yardstick = head.writing.as_ref().map(|writing| writing.published);
    let facts = facts(wish.mode, file, &seen.groups, yardstick);
    if !guard::objections(&guard::judge(&facts, destination())).is_empty() {
        machine.refuses(segment, wish);
        return Err(Trouble::Refused);
    }
    let plan = wanted.plan(members(&seen), 0, &[]).map_err(|_| Trouble::Refused)?;
    let achievement = |confirmed| Achievement {
        contacts: contacts.len() as u64,
        segment_id: Some(segment.to_string()),
        confirmed,
        shown_before: None,
    };
    let is_active = seen.status == Status::Active;
    if plan.is_empty() && (!seen.exists || head.shows_what_was_applied(&segment.to_string(), is_active)) {
        machine
            .update(segment, |head, now| head.apply(owner, wish, achievement(true), now))
            .await??;
        return Ok(());
    }
    machine
        .update(segment, |head, _| head.begin(owner, wish, facts.members as u64))
        .await??;
    let in_place = machine.variant() == Variant::TruncateInPlace;
    if !seen.exists {
        machine
            .call(Some(segment), move |world| world.segments[segment].create(in_place))
            .await?;
    }
    let verified_at = if in_place {
        truncate_and_load(machine, segment, &seen, file).await?;
        machine.now()
    } else {
        if seen.refreshes {
            machine
                .call(Some(segment), move |world| world.segments[segment].refreshes = false)
                .await?;
        }
        converge(machine, segment, &wanted, plan).await?
    };
    if machine.variant() != Variant::NoSecondLook && machine.look(segment).await?.next() != Some(wish) {
        return Ok(());
    }
    machine.publishes(segment, wish, verified_at);
    let confirmed = publish(machine, segment).await?;
    machine
        .update(segment, |head, now| {
            head.apply(owner, wish, achievement(confirmed), now)
        })
        .await??;
    Ok(())
}

async fn read(machine: &Machine, wish: &Wish) -> Result<Contacts, Trouble> {
    machine.sleep(machine.between(50, 5_000)).await;
    if machine.goes_wrong(machine.faults().refuse / 5) {
        return Err(Trouble::Unavailable);
    }
    let segment = {
        let world = machine.world.borrow();
        let file = &world.scenario.files[file_of(wish)];
        if file.overwritten.is_some_and(|at| at <= world.now) {
            return Err(Trouble::Replaced);
        }
        if !file.is_unreadable {
            return Ok(file.contacts);
        }
        file.segment
    };
    machine.refuses(segment, wish);
    Err(Trouble::Unreadable)
}
