//! Direct loads beside what was itself asked for directly.

use super::*;
use crate::state::counted::{Counted, Untold};

fn refused_while_used(head: &mut Head, job: &Job) {
    let job = head
        .pending
        .iter()
        .find(|pending| pending.asks_as(job))
        .unwrap()
        .clone();
    let waiting = Some(Box::new(job.clone()));
    head.refuse("me", &job, Refusal { waiting, ..too_small() }).unwrap();
}

#[test]
fn a_direct_load_stands_above_what_was_loaded_directly_before_and_no_event_told_of() {
    for (mode, between) in [
        (Mode::Replace, Mode::Remove),
        (Mode::Replace, Mode::Append),
        (Mode::Append, Mode::Remove),
        (Mode::Remove, Mode::Append),
    ] {
        for newest in [1, 3] {
            for second in [2, 5] {
                let mut head = head();
                head.enqueue(file(1, mode), false);
                apply_next(&mut head);
                if newest > 1 {
                    head.enqueue(replace(newest), false);
                    apply_next(&mut head);
                }
                head.enqueue(file(second, between), true);
                apply_next(&mut head);
                let again = head.asked_directly(file(1, mode));
                let case = format!("{mode:?} {between:?} {newest} {second}");
                assert_eq!(head.newer_than(&again), Ok(vec![]), "{case}");
                assert_eq!(head.undone_by(&again).count, 1, "{case}");
                head.enqueue(file(1, mode), true);
                apply_next(&mut head);
                assert_eq!(head.enqueue(file(second, between), false), Enqueued::Applied, "{case}");
                assert_eq!(head.newer_than(&again), Ok(vec![]), "{case}");
            }
        }
    }
}

#[test]
fn a_direct_load_stands_above_what_was_loaded_directly_and_is_not_remembered_whole() {
    let mut head = head();
    head.enqueue(replace(1), false);
    apply_next(&mut head);
    let last = 2 + i64::try_from(Head::REMEMBERED).unwrap();
    for second in (2..=last).rev() {
        head.enqueue(file(second, Mode::Remove), true);
        apply_next(&mut head);
    }
    let again = head.asked_directly(replace(1));
    assert_eq!(head.newer_than(&again), Ok(vec![]));
    assert!(head.undone_by(&again).may_be_more);
    let stood = head.counted.iter().map(Counted::rank);
    assert!(stood.max() < Some(again.rank()));
}

#[test]
fn a_direct_load_overtakes_the_direct_ones_before_it_that_wait_until_nothing_uses_the_segment() {
    for mode in [Mode::Append, Mode::Remove, Mode::Replace] {
        let mut head = head();
        head.enqueue(replace(1), false);
        apply_next(&mut head);
        head.enqueue(file(2, mode), true);
        refused_while_used(&mut head, &file(2, mode));
        head.enqueue(replace(1), true);
        let overtaken = apply_next(&mut head);
        assert_eq!(overtaken.len(), 1, "{mode:?}");
        head.take_up_waiting();
        assert_eq!(head.pending, [], "{mode:?}");
        // Asked for afterwards, it goes over that.
        head.enqueue(file(2, mode), true);
        refused_while_used(&mut head, &file(2, mode));
        head.take_up_waiting();
        assert_eq!(head.pending.len(), 1, "{mode:?}");
    }
}

#[test]
fn the_approval_of_a_refused_direct_addition_gives_way_to_a_complete_result_loaded_since() {
    for (mode, is_heard_of) in [
        (Mode::Append, false),
        (Mode::Append, true),
        (Mode::Remove, false),
        (Mode::Remove, true),
    ] {
        let mut head = head();
        head.enqueue(replace(1), false);
        apply_next(&mut head);
        for is_direct in [false, true].into_iter().filter(|is_direct| *is_direct || is_heard_of) {
            head.enqueue(file(2, mode), is_direct);
            let job = head.next().unwrap().clone();
            head.refuse("me", &job, too_small()).unwrap();
        }
        head.enqueue(replace(4), false);
        apply_next(&mut head);
        let approved = head.approved_in_place(Job {
            approved: true,
            ..file(2, mode)
        });
        assert_eq!(head.newer_than(&approved), Err(Untold::Below), "{mode:?} {is_heard_of}");
    }
}
