//! What is known of inputs once more were counted or refused than a head keeps whole.

use super::*;
use crate::domain::Mode::{Append, Remove};
use crate::state::counted::Untold;
use crate::state::ledger::Ledger;
use proptest::prelude::*;
use std::collections::BTreeMap;

const MOST: i64 = 500;

/// A head that has counted these files, in this order.
fn counted(jobs: impl IntoIterator<Item = Job>) -> Head {
    let mut head = head();
    for job in jobs {
        head.note_counted(&job);
    }
    head
}

fn additions(seconds: std::ops::Range<i64>) -> impl Iterator<Item = Job> {
    seconds.map(|second| file(second, Append))
}

/// What is written down and read again.
fn read_again(head: &Head, change: impl FnOnce(&mut serde_json::Value)) -> Head {
    let mut json = serde_json::to_value(head).unwrap();
    change(&mut json);
    let mut read: Head = serde_json::from_value(json).unwrap();
    read.begin_ledger();
    read
}

fn seconds(jobs: &[Job]) -> Vec<i64> {
    let second = |job: &Job| (job.position.last_modified - at(0)).num_seconds();
    jobs.iter().map(second).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn nothing_is_taken_for_what_was_counted_and_nothing_newer_is_left_out(
        files in proptest::collection::vec((0..4_000_i64, prop_oneof![9 => Just(Append), 1 => Just(Remove)]), 400..1_400),
        in_order in any::<bool>(),
        probes in proptest::collection::vec((0..4_000_i64, prop_oneof![Just(Append), Just(Remove), Just(Mode::Replace)]), 40),
    ) {
        let mut files: Vec<_> = files.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect();
        if !in_order {
            files.sort_by_key(|(second, _)| (second * 7_919) % 4_001);
        }
        let jobs: Vec<_> = files.into_iter().map(|(second, mode)| file(second, mode)).collect();
        let head = read_again(&counted(jobs.iter().cloned()), |_| ());
        prop_assert!(jobs.iter().all(|job| head.recall(job) == Some(Enqueued::Applied)));
        for (second, mode) in probes {
            let late = file(second, mode);
            let is_counted = jobs.iter().any(|job| late.is_about(&job.position));
            prop_assert_eq!(head.recall(&late).is_some(), is_counted);
            let mut newer: Vec<_> = jobs.iter().filter(|job| job.rank() > late.rank() && job.mode != mode).cloned().collect();
            newer.sort_by(|a, b| a.rank().cmp(&b.rank()));
            let is_kept = |job: &Job| head.counted.iter().any(|counted| job.is_about(&counted.input.position));
            let expected = if newer.iter().all(is_kept) { Ok(newer) } else { Err(Untold::Forgotten) };
            prop_assert_eq!(head.newer_than(&late), expected);
        }
    }
}

#[test]
fn a_removal_that_comes_after_more_additions_than_are_kept_is_new_and_no_guess() {
    let head = counted(additions(2..2 + MOST + 5));
    let late = file(1, Remove);
    assert_eq!(head.recall(&late), None);
    assert_eq!(head.newer_than(&late), Err(Untold::Forgotten));
    assert_eq!(head.newer_than(&file(1, Append)), Ok(vec![]), "no removal is forgotten");
    let mut head = head;
    assert_eq!(
        head.enqueue_lost(std::slice::from_ref(&late)),
        [late],
        "a sweep takes it up, too"
    );
}

#[test]
fn an_addition_that_waits_is_not_loaded_as_though_no_removal_was_counted() {
    let removal = file(2, Remove);
    let all = || [removal.clone()].into_iter().chain(additions(3..3 + MOST - 1));
    assert_eq!(counted(all()).newer_than(&file(1, Append)), Ok(vec![removal.clone()]));
    let head = counted(all().chain(additions(9_000..9_001)));
    assert_eq!(head.newer_than(&file(1, Append)), Err(Untold::Forgotten));
}

#[test]
fn what_comes_late_and_low_is_forgotten_first() {
    let head = counted(additions(10..10 + MOST).chain([file(5, Remove)]));
    assert_eq!(head.recall(&file(5, Remove)), Some(Enqueued::Applied));
    assert_eq!(head.newer_than(&file(4, Append)), Err(Untold::Forgotten));
    assert_eq!(head.newer_than(&file(6, Append)), Ok(vec![]));
    let newer = head.newer_than(&file(6, Remove)).unwrap();
    assert_eq!(seconds(&newer), (10..10 + MOST).collect::<Vec<_>>());
}

#[test]
fn a_direct_load_that_is_forgotten_stands_above_the_file_that_was_newest_when_it_was_asked_for() {
    let mut head = head();
    head.enqueue(file(9, Append), false);
    let direct = head.asked_directly(file(1, Remove));
    head.note_counted(&direct);
    (10..10 + MOST).for_each(|second| head.note_counted(&file(second, Append)));
    assert_eq!(head.newer_than(&file(9, Append)), Err(Untold::Forgotten));
    let again = head.asked_directly(file(9, Append));
    assert_eq!(head.newer_than(&again), Ok(vec![]), "a direct load stands above all");
    for again in [again, head.asked_directly(file(8, Append))] {
        let undone = head.undone_by(&again);
        assert_eq!((undone.count, undone.may_be_more), (0, true));
    }
}

#[test]
fn of_a_full_head_of_an_earlier_version_nobody_can_tell_what_it_has_forgotten() {
    let of_before = |counted: &Head, newest: i64| {
        read_again(counted, |json| {
            json.as_object_mut().unwrap().remove("ledger").unwrap();
            json["newest"] = serde_json::to_value(file(newest, Append).position).unwrap();
        })
    };
    let last = 10 + MOST - 1;
    let head = of_before(&counted(additions(10..last + 1)), last + 3);
    for late in [1, 10, last, last + 2] {
        for mode in [Append, Remove, Mode::Replace] {
            let job = Job {
                position: Position {
                    key: "late.csv".to_owned(),
                    ..file(late, mode).position
                },
                ..file(late, mode)
            };
            assert_eq!(head.recall(&job), None);
            assert_eq!(head.newer_than(&job), Err(Untold::Forgotten), "{late} {mode:?}");
        }
    }
    assert_eq!(head.newer_than(&file(last + 3, Remove)), Ok(vec![]), "it is the newest");
    assert!(head.cannot_tell_of(&file(1, Append)));
    assert!(!head.cannot_tell_of(&file(11, Append)));
    assert_eq!(head.clone().enqueue_lost(&[file(1, Append)]), []);
    let head = of_before(&counted(additions(10..last)), last);
    assert_eq!(head.ledger, Some(Ledger::default()), "it has kept all");
}

#[test]
fn what_waits_or_was_refused_is_nothing_that_an_earlier_version_may_have_forgotten() {
    let last = 10 + MOST - 1;
    for is_refused in [false, true] {
        let mut head = counted(additions(10..last + 1));
        for second in [last + 1, last + 2] {
            head.enqueue(file(second, Append), false);
        }
        if is_refused {
            head.refuse("me", &file(last + 2, Append), too_small()).unwrap();
        }
        head.ledger = None;
        head.begin_ledger();
        assert_eq!(head.newer_than(&file(last + 1, Append)), Ok(vec![]));
        assert_eq!(head.newer_than(&file(last - 1, Remove)), Err(Untold::Forgotten));
    }
}

#[test]
fn what_was_refused_is_known_however_many_others_were_since_until_it_is_lifted() {
    for mode in [Append, Mode::Replace] {
        let mut head = head();
        let jobs: Vec<_> = (1..=MOST + 5).map(|second| file(second, mode)).collect();
        for job in &jobs {
            head.enqueue(job.clone(), false);
            head.refuse("me", job, too_small()).unwrap();
        }
        assert_eq!(head.refused.len(), Head::REMEMBERED);
        let mut head = read_again(&head, |_| ());
        for newest_first in [&jobs, &jobs.iter().rev().cloned().collect::<Vec<_>>()] {
            assert_eq!(head.enqueue_lost(newest_first), [], "no sweep refuses it anew");
        }
        let Enqueued::Refused(known) = head.enqueue(jobs[0].clone(), false) else {
            panic!("{head:?}");
        };
        assert!(known.refusal.reason.contains("not remembered"), "{known:?}");
        let approved = Job {
            approved: true,
            ..jobs[0].clone()
        };
        assert_eq!(head.enqueue(approved, true), Enqueued::Queued);
        apply_next(&mut head);
        assert_eq!(head.enqueue(jobs[0].clone(), false), Enqueued::Applied);
    }
}

#[test]
fn what_waits_for_the_segment_and_the_newest_are_kept_whole_however_many_others_are_refused() {
    let mut head = head();
    let refuse = |head: &mut Head, second: i64, refusal: Refusal| {
        let job = file(second, Append);
        head.enqueue(job.clone(), false);
        head.refuse("me", &job, refusal).unwrap();
    };
    let waiting = Some(Box::new(file(1, Append)));
    refuse(&mut head, 1, Refusal { waiting, ..too_small() });
    refuse(&mut head, 9_000, too_small());
    (2..2 + MOST).for_each(|second| refuse(&mut head, second, too_small()));
    let kept = |second| {
        head.refused
            .iter()
            .any(|refused| refused.position == file(second, Append).position)
    };
    assert_eq!((kept(1), kept(9_000), kept(2), kept(3)), (true, true, false, true));
    head.take_up_waiting();
    assert_eq!(head.pending, [file(1, Append)]);
}
