//! What is left of jobs that are carried out, or published again.

use super::*;
use crate::state::{Load, Loaded, Recovery};

#[test]
fn what_is_published_again_is_no_other_load_and_says_how_many_people_dynamics_counts() {
    let done = |watch| Achievement {
        contacts: 30,
        segment_id: Some("segment".to_owned()),
        change: None,
        definition_id: None,
        groups: Vec::new(),
        members: Some(census(100)),
        is_published: true,
        watch,
        is_computed_by_others: false,
    };
    let mut head = head();
    let job = file(1, Mode::Append);
    head.enqueue(job.clone(), false);
    head.apply("me", &job, done(Some(Watch::unknown(100))), at(10)).unwrap();
    assert_eq!(head.people(), Some(100), "published and not yet seen");
    head.confirm("me", at(20)).unwrap();
    head.note_missing("me", (100, 90), Some(chrono::TimeDelta::minutes(75)), at(20))
        .unwrap();
    assert_eq!(head.people(), Some(90));
    head.apply("me", &job, done(None), at(9_000)).unwrap();
    head.note_missing("me", (80, 80), None, at(9_000)).unwrap();
    let load = Load {
        at: at(10),
        contacts: 30,
        people: Some(80),
        outcome: Loaded::Loaded,
    };
    assert_eq!((&*head.loads, head.people()), (&[load][..], Some(80)));
    assert_eq!(head.applied.as_ref().unwrap().at, at(10), "it was loaded then");
    assert_eq!(head.last_good, Some(at(9_000)), "and seen since");
    head.enqueue(file(2, Mode::Append), false);
    head.count("me", &file(2, Mode::Append), at(9_001)).unwrap();
    assert_eq!(head.loads.last().unwrap().people, Some(80), "an addition of nobody");
    head.apply("me", &job, done(None), at(9_002)).unwrap();
    assert_eq!(head.loads.len(), 2, "published again once more");
    head.pending.push(job.clone());
    head.apply("me", &job, done(None), at(9_003)).unwrap();
    assert_eq!(head.loads.len(), 3, "read and loaded once more");
}

#[test]
fn a_refusal_is_none_any_more_for_its_event_once_something_newer_was_loaded() {
    let mut head = head();
    head.enqueue(replace(2), false);
    let refused = head.next().unwrap().clone();
    head.refuse("me", &refused, too_small()).unwrap();
    assert!(matches!(head.recall(&replace(2)), Some(Enqueued::Refused(_))));
    head.enqueue(replace(3), false);
    apply_next(&mut head);
    assert_eq!(head.recall(&replace(2)), Some(Enqueued::RefusedAndOvertaken));
    assert_eq!(head.enqueue(replace(2), false), Enqueued::RefusedAndOvertaken);
    assert_eq!(
        head.enqueue_lost(&[replace(2), replace(1)]),
        [],
        "nothing older counts instead"
    );
    let approved = Job {
        approved: true,
        ..replace(2)
    };
    assert_eq!(
        head.enqueue(approved, true),
        Enqueued::Queued,
        "who approves it decides"
    );
}

#[test]
fn a_segment_that_is_gone_has_not_recovered() {
    let mut head = head();
    let job = replace(1);
    head.enqueue(job.clone(), false);
    let computing = Achievement {
        watch: Some(Watch::unknown(1)),
        ..done()
    };
    head.apply("me", &job, computing, at(10)).unwrap();
    head.fail_late("me", &job, "PublishFailed", at(11)).unwrap();
    head.let_go("me").unwrap();
    assert_eq!((head.went_wrong, head.recovery()), (true, None));
    head.enqueue(replace(2), false);
    apply_next(&mut head);
    assert_eq!((head.went_wrong, head.recovery()), (false, Some(Recovery::Whole)));
}

#[test]
fn an_approval_of_an_older_result_ends_nothing_of_what_is_newer_than_its_file() {
    let mut head = head();
    for second in [1, 2] {
        head.enqueue(replace(second), false);
        let refused = head.next().unwrap().clone();
        head.refuse("me", &refused, too_small()).unwrap();
    }
    let approved = Job {
        approved: true,
        ..replace(1)
    };
    assert_eq!(head.enqueue(approved, true), Enqueued::Queued);
    apply_next(&mut head);
    assert_eq!(
        (head.went_wrong, head.recovery()),
        (true, None),
        "the newer one stands refused"
    );
    head.enqueue(replace(2), true);
    apply_next(&mut head);
    assert_eq!((head.went_wrong, head.recovery()), (false, Some(Recovery::Whole)));
}
