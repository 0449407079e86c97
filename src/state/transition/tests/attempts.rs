//! Attempts, which count from their beginning.

use super::*;
use crate::domain::Pinned;

/// Lets an attempt at the next job begin at `second` and die.
fn die(head: &mut Head, second: i64) -> Option<Lost> {
    let claim = head.claim(&format!("worker of {second}"), LEASE, at(second));
    match claim {
        Claim::Taken(lost) => lost.map(|lost| *lost),
        Claim::Busy(_) => panic!("it is held"),
    }
}

#[test]
fn an_attempt_that_died_is_found_by_the_next_and_waits_from_the_second_time_on() {
    let mut head = Head::new(&home(), &segment());
    head.enqueue(replace(1), false);
    assert_eq!(die(&mut head, 0), None);
    assert!(!head.is_due(at(100)), "its lease is alive");
    assert!(head.is_due(at(200)));
    assert_eq!(die(&mut head, 200).map(|lost| lost.job), Some(replace(1)));
    assert_eq!(head.attempt, Some(replace(1)), "the first time it goes on at once");
    assert_eq!(die(&mut head, 400).map(|lost| lost.needs_attention), Some(false));
    assert_eq!(head.attempt, None, "then it waits");
    head.release("worker of 400").unwrap();
    assert!(!head.is_due(at(400 + 30 * 60 - 1)));
    assert!(head.is_due(at(400 + 30 * 60)));
}

#[test]
fn five_attempts_that_died_call_for_a_person_and_whoever_asks_waits_for_nothing() {
    let mut head = Head::new(&home(), &segment());
    head.enqueue(replace(1), false);
    let mut told = Vec::new();
    for day in 0..6 {
        head.enqueue(replace(1), false);
        told.extend(die(&mut head, day * 90_000).map(|lost| lost.needs_attention));
        head.skip_back_off(Some(&replace(1)), at(day * 90_000));
        assert_eq!(head.attempt, Some(replace(1)));
    }
    assert_eq!(told, [false, false, false, false, true]);
}

#[test]
fn an_end_of_whatever_kind_is_no_death() {
    type End = fn(&mut Head, &Job);
    let ends: [End; 6] = [
        |head, _| drop(apply_next(head)),
        |head, job| _ = head.refuse("me", job, too_small()).unwrap(),
        |head, job| _ = head.forget("me", job).unwrap(),
        |head, job| _ = head.fail("me", job, "SourceForbidden", Whose::Input, at(0)).unwrap(),
        |head, job| _ = head.interrupt("me", job, true, None).unwrap(),
        |head, _| head.release("me").unwrap(),
    ];
    for end in ends {
        let mut head = Head::new(&home(), &segment());
        head.enqueue(replace(1), false);
        head.claim("me", LEASE, at(0));
        end(&mut head, &replace(1));
        assert_eq!(head.attempt, None);
    }
}

#[test]
fn an_attempt_that_gets_nowhere_goes_on_once() {
    let mut head = Head::new(&home(), &segment());
    head.enqueue(replace(1), false);
    let mut interrupt = |got_on| {
        head.claim("me", LEASE, at(0));
        head.interrupt("me", &replace(1), got_on, None).unwrap()
    };
    assert!([true, true, false].map(&mut interrupt).iter().all(|goes_on| *goes_on));
    assert!(!interrupt(false));
    assert!(interrupt(true), "what gets on goes on");
    assert!(interrupt(false));
}

#[test]
fn an_attempt_that_writes_for_nothing_again_and_again_gets_nowhere() {
    let mut head = Head::new(&home(), &segment());
    head.enqueue(replace(1), false);
    let mut interrupt = |difference| {
        head.claim("me", LEASE, at(0));
        head.interrupt("me", &replace(1), true, Some(difference)).unwrap()
    };
    for difference in [1_000, 700, 400] {
        assert!(interrupt(difference), "it comes nearer: {difference}");
    }
    assert!(interrupt(400), "once");
    assert!(!interrupt(400));
    assert!(interrupt(300), "what comes nearer goes on");
}

#[test]
fn a_failing_addition_lets_others_go_first_unless_its_change_is_in_the_draft() {
    let [first, second] = [1, 2].map(|second| file(second, Mode::Append));
    let mut head = head();
    head.enqueue(first.clone(), false);
    head.enqueue(second.clone(), false);
    head.fail("me", &first, "SourceForbidden", Whose::Input, at(0)).unwrap();
    assert_eq!(head.next_at(at(1)), Some(&second));
    assert_eq!(
        head.next_at(at(900)),
        Some(&second),
        "who never failed does not wait again"
    );

    head.begin("me", &first, 10, Census::default(), View::NOTHING).unwrap();
    head.fail("me", &first, "ContactsNotAccepted", Whose::Input, at(0))
        .unwrap();
    assert_eq!(
        head.next_at(at(1)),
        None,
        "the second would publish a part of the first"
    );
    assert_eq!(head.refuse("me", &first, too_small()), Ok(false));
    assert_eq!(head.forget("me", &first), Ok(false));
    head.take_back("me", &first, false, None, at(0)).unwrap();
    assert_eq!((head.next_at(at(1)), &head.writing), (Some(&second), &None));
}

#[test]
fn a_draft_that_another_run_left_half_written_is_not_clean_when_one_takes_its_change_back() {
    let mut head = head();
    head.begin("me", &replace(1), 10, Census::default(), View::NOTHING)
        .unwrap();
    let addition = file(2, Mode::Append);
    head.enqueue(addition.clone(), false);
    head.begin("me", &addition, 10, Census::default(), View::NOTHING)
        .unwrap();
    head.take_back("me", &addition, false, None, at(0)).unwrap();
    assert!(head.writing.is_some());
}

#[test]
fn a_direct_load_without_an_approval_takes_it_from_nobody() {
    for mode in [Mode::Append, Mode::Remove, Mode::Replace] {
        let mut head = head();
        let approved = Job {
            approved: true,
            ..file(1, mode)
        };
        head.enqueue(approved, true);
        head.enqueue(file(1, mode), true);
        assert_eq!(head.pending.len(), 1, "{mode:?}");
        assert!(head.pending[0].approved, "it is the same input, loaded in the same way");
        let object = file(1, mode).object;
        let other = Job {
            run_id: RunId::of(&home(), &segment(), mode, &object, Some(&Pinned::of([]))),
            ..file(1, mode)
        };
        head.enqueue(other, true);
        assert!(!head.pending[0].approved, "what was approved is replaced");
    }
}

#[test]
fn an_order_takes_the_place_of_its_event_among_additions_but_not_among_replaces() {
    for (mode, left) in [(Mode::Append, 1), (Mode::Remove, 1), (Mode::Replace, 2)] {
        let mut head = head();
        head.enqueue(file(1, mode), false);
        let approved = Job {
            approved: true,
            ..file(1, mode)
        };
        head.enqueue(approved, true);
        assert_eq!(head.pending.len(), left, "{mode:?}");
        assert!(head.next().unwrap().approved, "{mode:?}");
    }
}

#[test]
fn only_what_was_seen_active_clears_a_segment_of_its_failures() {
    let mut head = head();
    head.enqueue(replace(1), false);
    head.fail("me", &replace(1), "PublishFailed", Whose::Input, at(0))
        .unwrap();
    let computing = Achievement {
        contacts: 3,
        segment_id: Some("segment".to_owned()),
        change: None,
        definition_id: None,
        groups: Vec::new(),
        members: None,
        is_published: true,
        watch: Some(Watch::unknown(3)),
        is_computed_by_others: false,
    };
    head.apply("me", &replace(1), computing, at(9)).unwrap();
    assert!(head.failures.is_some() && !head.input_failures.is_empty());
    head.confirm("me", at(1)).unwrap();
    assert!(head.failures.is_none() && head.input_failures.is_empty());
}

#[test]
fn a_follow_up_a_publish_counts_from_its_beginning_too() {
    let mut head = Head::new(&home(), &segment());
    head.enqueue(replace(1), false);
    head.claim("me", LEASE, at(0));
    let computing = Achievement {
        contacts: 3,
        segment_id: Some("segment".to_owned()),
        change: None,
        definition_id: None,
        groups: Vec::new(),
        members: None,
        is_published: true,
        watch: Some(Watch::unknown(3)),
        is_computed_by_others: false,
    };
    head.apply("me", &replace(1), computing, at(9)).unwrap();
    head.release("me").unwrap();
    assert_eq!(die(&mut head, 10), None);
    assert_eq!(head.attempt, Some(replace(1)));
    assert_eq!(head.lease.as_ref().unwrap().run_id, None, "no run waits for a look");
    assert_eq!(die(&mut head, 200).map(|lost| lost.job), Some(replace(1)));
    assert!(die(&mut head, 400).is_some());
    head.release("worker of 400").unwrap();
    assert!(
        !head.is_to_be_looked_after(at(400 + 30 * 60 - 1)),
        "from the second on there are pauses"
    );
    assert!(head.is_to_be_looked_after(at(400 + 30 * 60)));
    head.claim("me", LEASE, at(9_000));
    head.confirm("me", at(9_000)).unwrap();
    assert!(head.attempt.is_none() && head.input_failures.is_empty());
}
