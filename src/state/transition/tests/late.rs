//! What was counted before a result came that is older.

use super::*;
use crate::state::counted::{Counted, Undone, Untold};

fn counted(jobs: &[Job]) -> Head {
    let mut head = head();
    for job in jobs {
        head.enqueue(job.clone(), false);
        apply_next(&mut head);
    }
    head
}

#[test]
fn what_is_newer_than_a_late_result_and_says_something_else_goes_over_it_in_order() {
    let (added, removed) = (file(3, Mode::Append), file(2, Mode::Remove));
    let head = counted(&[file(0, Mode::Remove), added.clone(), removed.clone()]);
    for (late, newer) in [
        (replace(1), vec![removed.clone(), added.clone()]),
        (file(1, Mode::Append), vec![removed]),
        (file(1, Mode::Remove), vec![added]),
        (replace(4), vec![]),
    ] {
        assert_eq!(head.newer_than(&late), Ok(newer), "{late:?}");
        assert_eq!(head.undone_by(&late), Undone::default());
    }
}

#[test]
fn a_direct_load_stands_above_what_was_counted_and_undoes_it() {
    let mut head = counted(&[file(2, Mode::Remove)]);
    let direct = head.asked_directly(replace(1));
    assert_eq!(
        (head.newer_than(&direct), head.undone_by(&direct).count),
        (Ok(vec![]), 1)
    );
    head.enqueue(replace(1), true);
    apply_next(&mut head);
    head.enqueue(file(3, Mode::Remove), false);
    apply_next(&mut head);
    let again = head.asked_directly(replace(1));
    assert_eq!(head.undone_by(&again).count, 1, "the other one is undone already");
}

#[test]
fn a_direct_addition_goes_over_what_comes_late_as_what_was_newest_when_it_was_asked_for() {
    let mut head = counted(&[file(5, Mode::Append)]);
    head.enqueue(file(1, Mode::Remove), true);
    apply_next(&mut head);
    let newer = head.newer_than(&replace(3)).unwrap();
    let in_order: Vec<_> = newer.iter().map(|job| (job.mode, job.direct.is_some())).collect();
    assert_eq!(in_order, [(Mode::Append, false), (Mode::Remove, true)]);
}

#[test]
fn an_approval_stands_where_the_event_or_the_direct_load_stood_that_was_refused() {
    for is_direct in [false, true] {
        let mut head = head();
        head.enqueue(replace(1), is_direct);
        let refused = head.next().unwrap().clone();
        head.refuse("me", &refused, too_small()).unwrap();
        head.enqueue(file(2, Mode::Remove), false);
        apply_next(&mut head);
        let approved = Job {
            approved: true,
            ..replace(1)
        };
        let newer = head.newer_than(&head.approved_in_place(approved)).unwrap();
        assert_eq!(newer.len(), 1, "direct: {is_direct}");
    }
}

#[test]
fn the_later_of_two_direct_loads_stands_above_the_one_that_was_counted() {
    let mut head = counted(&[file(5, Mode::Append)]);
    for at in [1, 2] {
        head.enqueue(file(at, Mode::Remove), true);
    }
    apply_next(&mut head);
    apply_next(&mut head);
    let later = head.asked_directly(replace(3));
    assert_eq!((head.newer_than(&later), head.undone_by(&later).count), (Ok(vec![]), 3));
}

#[test]
fn an_approval_takes_no_place_from_what_is_newer_than_its_file_known_or_not() {
    for newer in [file(2, Mode::Remove), replace(2)] {
        for is_known in [true, false] {
            let mut head = head();
            head.enqueue(replace(1), false);
            let refused = head.next().unwrap().clone();
            head.refuse("me", &refused, too_small()).unwrap();
            head.enqueue(file(4, Mode::Append), false);
            if is_known {
                head.enqueue(newer.clone(), false);
            }
            let approved = Job {
                approved: true,
                ..replace(1)
            };
            head.enqueue(approved, true);
            apply_next(&mut head);
            head.enqueue(newer.clone(), false);
            let jobs: Vec<_> = head.pending.iter().collect();
            let is_done = head.applied.as_ref().is_some_and(|applied| applied.job == newer);
            assert!(jobs.contains(&&newer) || is_done, "{newer:?} {is_known}: {head:?}");
            assert!(
                jobs.iter().any(|job| job.mode == Mode::Append),
                "{newer:?} {is_known}: {head:?}"
            );
        }
    }
}

#[test]
fn an_approval_that_takes_the_place_of_a_direct_load_stands_above_all_as_that_did() {
    let mut head = head();
    head.enqueue(replace(1), false);
    let refused = head.next().unwrap().clone();
    head.refuse("me", &refused, too_small()).unwrap();
    head.enqueue(replace(2), false);
    head.enqueue(replace(1), true);
    let approved = Job {
        approved: true,
        ..replace(1)
    };
    head.enqueue(approved, true);
    let next = head.next().unwrap();
    assert!(next.approved && next.is_same_object(&replace(1)), "{head:?}");
}

#[test]
fn an_approval_takes_no_place_from_a_direct_load_that_was_asked_for_before() {
    for mode in [Mode::Replace, Mode::Remove] {
        let mut head = head();
        head.enqueue(replace(2), false);
        let refused = head.next().unwrap().clone();
        head.refuse("me", &refused, too_small()).unwrap();
        head.enqueue(file(1, mode), true);
        let direct = head.pending[0].clone();
        let approved = Job {
            approved: true,
            ..replace(2)
        };
        head.enqueue(approved, true);
        while head.next().is_some() {
            apply_next(&mut head);
        }
        assert_eq!(
            head.applied.as_ref().map(|applied| &applied.job),
            Some(&direct),
            "{head:?}"
        );
    }
}

#[test]
fn what_was_removed_directly_goes_over_an_approval_that_comes_after_it() {
    for is_newer in [false, true] {
        let mut head = head();
        head.enqueue(replace(2), false);
        let refused = head.next().unwrap().clone();
        head.refuse("me", &refused, too_small()).unwrap();
        head.enqueue(file(if is_newer { 3 } else { 1 }, Mode::Remove), true);
        apply_next(&mut head);
        let approved = Job {
            approved: true,
            ..replace(2)
        };
        let newer = head.newer_than(&head.approved_in_place(approved)).unwrap();
        assert_eq!(newer.len(), 1, "{head:?}");
    }
}

#[test]
fn a_direct_load_that_takes_the_place_of_an_approval_keeps_it_and_stands_above_all() {
    let mut head = head();
    head.enqueue(replace(2), false);
    let refused = head.next().unwrap().clone();
    head.refuse("me", &refused, too_small()).unwrap();
    let approved = Job {
        approved: true,
        ..replace(2)
    };
    head.enqueue(approved, true);
    head.enqueue(replace(1), true);
    head.enqueue(replace(2), true);
    let next = head.next().unwrap();
    assert!(next.approved && next.is_same_object(&replace(2)), "{head:?}");
}

#[test]
fn what_an_earlier_version_counted_is_told_by_its_name_or_not_at_all() {
    let removed = file(2, Mode::Remove);
    let named = |run_id: &str| {
        let mut head = head();
        let mut counted = serde_json::to_value(Counted::of(&removed)).unwrap();
        counted.as_object_mut().unwrap().retain(|field, _| field == "order");
        counted["run_id"] = run_id.into();
        head.counted = vec![serde_json::from_value(counted).unwrap()];
        head
    };
    let head = named(removed.run_id.as_str());
    assert_eq!(head.newer_than(&replace(1)), Ok(vec![removed.clone()]));
    let head = named("0123456789abcdef");
    assert_eq!(head.newer_than(&replace(1)), Err(Untold::Named(1)));
    assert_eq!(head.newer_than(&file(1, Mode::Remove)), Ok(vec![]), "one of its kind");
}

#[test]
fn a_complete_result_older_than_all_that_is_remembered_is_no_guess() {
    let mut head = head();
    let count = i64::try_from(Head::REMEMBERED).unwrap() + 2;
    for second in 2..=count {
        head.enqueue(file(second, Mode::Remove), false);
        apply_next(&mut head);
    }
    assert_eq!(head.enqueue(replace(1), false), Enqueued::Queued);
    assert_eq!(head.newer_than(&replace(1)), Err(Untold::Forgotten));
}

#[test]
fn an_approval_that_a_newer_result_has_overtaken_loads_nothing_when_it_is_given_again() {
    let mut head = head();
    head.enqueue(replace(1), false);
    let refused = head.next().unwrap().clone();
    head.refuse("me", &refused, too_small()).unwrap();
    head.enqueue(replace(2), false);
    let approved = Job {
        approved: true,
        ..replace(1)
    };
    assert_eq!(head.enqueue(approved.clone(), true), Enqueued::Queued);
    assert_eq!(head.enqueue(approved.clone(), true), Enqueued::Pending);
    apply_next(&mut head);
    assert_eq!(head.enqueue(approved, true), Enqueued::Superseded, "{head:?}");
    assert_eq!(head.next(), None);
}

#[test]
fn an_approval_of_a_refused_direct_load_stands_where_that_did_though_the_event_of_its_file_waits() {
    let mut head = head();
    head.enqueue(replace(1), false);
    head.enqueue(replace(2), false);
    head.enqueue(replace(1), true);
    let direct = head.next().unwrap().clone();
    head.refuse("me", &direct, too_small()).unwrap();
    let approved = Job {
        approved: true,
        ..replace(1)
    };
    head.enqueue(approved, true);
    assert_eq!(next_second(&head), Some(1), "{head:?}");
}

#[test]
fn an_approval_of_a_refused_direct_load_stands_below_a_direct_load_that_was_asked_for_after_it() {
    let mut head = head();
    head.enqueue(replace(2), false);
    head.enqueue(replace(1), true);
    let direct = head.next().unwrap().clone();
    head.refuse("me", &direct, too_small()).unwrap();
    head.enqueue(replace(2), true);
    let approved = Job {
        approved: true,
        ..replace(1)
    };
    head.enqueue(approved, true);
    assert_eq!(next_second(&head), Some(2), "{head:?}");
}

/// The newer result gives way, so that it decides nothing of what is newer than the approved one.
#[test]
fn additions_and_removals_go_over_an_approved_result_although_the_one_that_gives_way_had_overtaken_them() {
    for is_heard_before in [true, false] {
        let mut head = head();
        head.enqueue(replace(1), false);
        let refused = head.next().unwrap().clone();
        head.refuse("me", &refused, too_small()).unwrap();
        head.enqueue(replace(4), false);
        apply_next(&mut head);
        if is_heard_before {
            assert_eq!(head.enqueue(file(3, Mode::Remove), false), Enqueued::Superseded);
        }
        let approved = Job {
            approved: true,
            ..replace(1)
        };
        assert_eq!(head.enqueue(approved, true), Enqueued::Queued);
        apply_next(&mut head);
        for (job, expected) in [
            (file(0, Mode::Remove), Enqueued::Superseded),
            (replace(3), Enqueued::Superseded),
            (replace(4), Enqueued::Applied),
            (file(4, Mode::Remove), Enqueued::Applied),
            (file(3, Mode::Remove), Enqueued::Queued),
        ] {
            assert_eq!(head.enqueue(job.clone(), false), expected, "{job:?}");
        }
        apply_next(&mut head);
        assert_eq!(head.enqueue(file(3, Mode::Remove), false), Enqueued::Applied);
        head.enqueue(replace(5), false);
        apply_next(&mut head);
        assert_eq!(head.enqueue(file(2, Mode::Append), false), Enqueued::Superseded);
    }
}

fn approved(job: Job) -> Job {
    Job { approved: true, ..job }
}

/// A complete result at `second` that was refused, and a newer one that is loaded after something between the two was heard of.
fn refused_below(second: i64, meets: impl Fn(&mut Head)) -> Head {
    let mut head = head();
    head.enqueue(replace(second), false);
    let refused = head.next().unwrap().clone();
    head.refuse("me", &refused, too_small()).unwrap();
    meets(&mut head);
    head.enqueue(replace(9), false);
    apply_next(&mut head);
    head
}

#[test]
fn what_was_heard_of_and_overtaken_is_not_undone_by_the_approval_of_anything_older() {
    for mode in [Mode::Append, Mode::Remove] {
        let waits = |head: &mut Head| {
            let waiting = Some(Box::new(file(5, mode)));
            head.enqueue(file(5, mode), false);
            let refusal = Refusal { waiting, ..too_small() };
            head.refuse("me", &file(5, mode), refusal).unwrap();
        };
        let meetings: [&dyn Fn(&mut Head); 3] = [
            &|head| drop(head.enqueue(file(5, mode), false)),
            &|head| drop(head.enqueue(file(5, mode), true)),
            &waits,
        ];
        for (number, meets) in meetings.into_iter().enumerate() {
            for (second, is_lost) in [(1, true), (6, number == 1)] {
                let head = refused_below(second, meets);
                let expected = if is_lost { Err(Untold::Overtaken) } else { Ok(vec![]) };
                let job = head.approved_in_place(approved(replace(second)));
                assert_eq!(head.newer_than(&job), expected, "{mode:?} {number} {second}");
            }
        }
        let mut head = refused_below(1, |_| {});
        let job = head.approved_in_place(approved(replace(1)));
        assert_eq!(head.newer_than(&job), Ok(vec![]), "nothing was heard of");
        assert_eq!(head.enqueue(file(5, mode), false), Enqueued::Superseded);
        assert_eq!(head.newer_than(&job), Err(Untold::Overtaken));
        assert_eq!(head.enqueue(file(3, mode), false), Enqueued::Superseded);
        let job = head.approved_in_place(approved(replace(4)));
        assert_eq!(head.newer_than(&job), Err(Untold::Overtaken), "the highest counts");
        let written = serde_json::to_string(&head).unwrap();
        assert_eq!(serde_json::from_str::<Head>(&written).unwrap(), head);
    }
}

#[test]
fn an_addition_or_removal_is_approved_only_above_the_complete_result_in_force_however_both_were_asked_for() {
    for (mode, is_direct) in [
        (Mode::Append, false),
        (Mode::Append, true),
        (Mode::Remove, false),
        (Mode::Remove, true),
    ] {
        let mut head = head();
        head.enqueue(file(2, mode), is_direct);
        let refused = head.next().unwrap().clone();
        head.refuse("me", &refused, too_small()).unwrap();
        let newer_than = |head: &Head| head.newer_than(&head.approved_in_place(approved(file(2, mode))));
        assert_eq!(newer_than(&head), Ok(vec![]));
        head.enqueue(replace(1), true);
        apply_next(&mut head);
        assert_eq!(newer_than(&head), Err(Untold::Below), "{mode:?} {is_direct}");
        // Asked for once more, it stands above that.
        head.enqueue(file(2, mode), true);
        let again = head.next().unwrap().clone();
        head.refuse("me", &again, too_small()).unwrap();
        assert_eq!(newer_than(&head), Ok(vec![]), "{mode:?} {is_direct}");
    }
}
