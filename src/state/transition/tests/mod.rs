mod additions;
mod attempts;
mod carried_out;
mod direct;
mod forgotten;
mod late;
mod same_second;

use super::*;
use crate::domain::{Home, Mode, ObjectRef, Position, RunId, SegmentName};
use std::time::Duration;

const LEASE: u64 = 180;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn home() -> Home {
    Home::environment("socktown.crm4.dynamics.com".to_owned())
}

fn segment() -> SegmentName {
    SegmentName::parse("Summer Sale").unwrap()
}

/// A file uploaded at `second`.
fn file(second: i64, mode: Mode) -> Job {
    let key = format!("incoming/Summer Sale/{second}.csv");
    let object = ObjectRef {
        bucket: "socktown-results".to_owned(),
        key: key.clone(),
        version_id: Some("v1".to_owned()),
        etag: "etag".to_owned(),
    };
    Job {
        run_id: RunId::of(&home(), &segment(), mode, &object, None),
        position: Position {
            last_modified: at(second),
            key,
            version_id: object.version_id.clone(),
            etag: Some(object.etag.clone()),
            nth: 0,
        },
        object,
        mode,
        segment_name: segment(),
        parts: None,
        sample: None,
        approved: false,
        direct: None,
    }
}

fn replace(second: i64) -> Job {
    file(second, Mode::Replace)
}

fn head() -> Head {
    let mut head = Head::new(&home(), &segment());
    assert_eq!(head.claim("me", LEASE, at(0)), Claim::Taken(None));
    head
}

fn next_second(head: &Head) -> Option<i64> {
    head.next()
        .map(|job| (job.position.last_modified - at(0)).num_seconds())
}

fn too_small() -> Refusal {
    Refusal {
        reason: "too small".to_owned(),
        unreadable: false,
        error_type: None,
        told: None,
        waiting: None,
    }
}

/// Returns a census that is nobody else's.
fn census(count: u64) -> Census {
    let census = serde_json::json!({"count": count, "hash": format!("{count:032x}")});
    serde_json::from_value(census).unwrap()
}

fn apply_next(head: &mut Head) -> Vec<Job> {
    let job = head.next().unwrap().clone();
    head.apply("me", &job, done(), at(99)).unwrap()
}

fn done() -> Achievement {
    Achievement {
        contacts: 1,
        segment_id: Some("segment".to_owned()),
        change: None,
        definition_id: None,
        groups: Vec::new(),
        members: None,
        is_published: true,
        watch: None,
        is_computed_by_others: false,
    }
}

#[test]
fn a_duplicate_event_of_an_applied_file_is_no_job() {
    let mut head = head();
    assert_eq!(head.enqueue(replace(1), false), Enqueued::Queued);
    assert_eq!(head.enqueue(replace(1), false), Enqueued::Pending);
    apply_next(&mut head);
    assert_eq!(head.enqueue(replace(1), false), Enqueued::Applied);
    assert_eq!(head.next(), None);
}

#[test]
fn an_older_event_after_the_newer_finished_is_superseded() {
    let mut head = head();
    head.enqueue(replace(2), false);
    apply_next(&mut head);
    assert_eq!(head.enqueue(replace(1), false), Enqueued::Superseded);
}

#[test]
fn the_newest_replace_is_tried_first_and_overtakes_the_older_once_accepted() {
    let mut head = head();
    head.enqueue(replace(3), false);
    head.enqueue(replace(1), false);
    head.enqueue(replace(2), false);
    assert_eq!(next_second(&head), Some(3));
    let newest = head.next().unwrap().clone();
    assert_eq!(
        head.begin("me", &newest, 10, Census::default(), View::NOTHING)
            .unwrap()
            .len(),
        2
    );
    assert_eq!(head.pending.len(), 1);
}

#[test]
fn when_the_newest_is_refused_the_next_older_counts_again() {
    let mut head = head();
    head.enqueue(replace(1), false);
    head.enqueue(replace(2), false);
    let newest = head.next().unwrap().clone();
    head.refuse("me", &newest, too_small()).unwrap();
    assert_eq!(next_second(&head), Some(1));
    assert!(matches!(head.enqueue(replace(2), false), Enqueued::Refused(_)));
}

#[test]
fn an_event_that_comes_late_still_counts_if_everything_newer_was_refused() {
    let mut head = head();
    head.enqueue(replace(1), false);
    apply_next(&mut head);
    head.enqueue(replace(3), false);
    let refused = head.next().unwrap().clone();
    head.refuse("me", &refused, too_small()).unwrap();
    assert_eq!(head.enqueue(replace(2), false), Enqueued::Queued);
}

#[test]
fn an_order_for_an_old_file_stands_until_a_newer_file_comes() {
    let mut head = head();
    for second in [1, 3] {
        head.enqueue(replace(second), false);
        apply_next(&mut head);
    }
    assert_eq!(head.enqueue(replace(1), true), Enqueued::Queued);
    assert_eq!(
        head.newest.as_ref().map(|newest| newest.last_modified),
        Some(at(3)),
        "a direct load leaves newest alone"
    );
    apply_next(&mut head);
    assert_eq!(
        head.applied.as_ref().map(|applied| applied.job.position.last_modified),
        Some(at(1))
    );
    assert_eq!(
        head.enqueue(replace(3), false),
        Enqueued::Superseded,
        "what was known does not undo the direct load"
    );
    assert_eq!(head.enqueue(replace(2), false), Enqueued::Superseded);
    assert_eq!(
        head.enqueue(replace(4), false),
        Enqueued::Queued,
        "the next newer file does"
    );
}

#[test]
fn an_order_goes_before_what_was_pending_and_after_what_comes_later() {
    let mut head = head();
    head.enqueue(replace(5), false);
    head.enqueue(replace(1), true);
    assert_eq!(next_second(&head), Some(1));
    head.enqueue(replace(2), true);
    assert_eq!(next_second(&head), Some(2), "the later direct load wins");
    head.enqueue(replace(6), false);
    assert_eq!(next_second(&head), Some(6));
    assert_eq!(apply_next(&mut head).len(), 3);
}

#[test]
fn an_order_for_the_very_file_that_is_being_loaded_is_not_lost() {
    let mut head = head();
    head.enqueue(replace(2), false);
    let at_work = head.next().unwrap().clone();
    head.enqueue(replace(3), false);
    head.enqueue(replace(2), true);
    head.apply("me", &at_work, done(), at(99)).unwrap();
    assert_eq!(next_second(&head), Some(2), "the direct load comes after 3");
    let direct = head.next().unwrap().clone();
    assert!(direct.direct.is_some());
    head.refuse("me", &at_work, too_small()).unwrap();
    assert_eq!(
        head.next(),
        Some(&direct),
        "what is refused is the job without the approval"
    );
    assert_eq!(apply_next(&mut head).len(), 1);
    assert_eq!(head.next(), None);
}

#[test]
fn what_an_event_asked_for_outlives_a_refused_order_for_the_same_file() {
    let mut head = head();
    head.enqueue(file(1, Mode::Remove), false);
    let begun = head.next().unwrap().clone();
    head.begin("me", &begun, 10, Census::default(), View::NOTHING).unwrap();
    head.enqueue(replace(1), true);
    head.enqueue(replace(1), true);
    assert_eq!(head.pending.len(), 2, "the later of two equal direct loads counts");
    let direct = head.next().unwrap().clone();
    assert_eq!(direct.mode, Mode::Replace);
    head.refuse("me", &direct, too_small()).unwrap();
    assert_eq!(head.next(), Some(&begun));
}

#[test]
fn an_order_tries_a_refused_file_again_and_clears_the_refusal_when_applied() {
    let mut head = head();
    head.enqueue(replace(1), false);
    let job = head.next().unwrap().clone();
    head.refuse("me", &job, too_small()).unwrap();
    assert_eq!(
        head.enqueue(
            Job {
                approved: true,
                ..replace(1)
            },
            true
        ),
        Enqueued::Queued
    );
    assert!(head.next().unwrap().approved);
    apply_next(&mut head);
    assert_eq!(head.refused, []);
}

#[test]
fn the_first_published_count_stays_the_baseline_until_the_next_publish() {
    let mut head = head();
    head.enqueue(replace(1), false);
    let job = head.next().unwrap().clone();
    head.begin("me", &job, 1_000, Census::default(), View::NOTHING).unwrap();
    head.begin("me", &job, 7, Census::default(), View::NOTHING).unwrap();
    assert_eq!(head.writing.as_ref().map(|writing| writing.published), Some(1_000));
    apply_next(&mut head);
    assert_eq!(head.writing, None);
}

#[test]
fn a_lease_keeps_others_away_until_it_is_over() {
    let mut head = head();
    assert!(matches!(head.claim("other", LEASE, at(180)), Claim::Busy(_)));
    head.renew("me", at(30)).unwrap();
    assert!(matches!(head.claim("other", LEASE, at(211)), Claim::Busy(_)));
    assert_eq!(head.claim("other", LEASE, at(212)), Claim::Taken(None));
    let job = replace(1);
    assert_eq!(head.renew("me", at(213)), Err(LeaseLost));
    assert_eq!(
        head.begin("me", &job, 1, Census::default(), View::NOTHING),
        Err(LeaseLost)
    );
    assert_eq!(head.refuse("me", &job, too_small()), Err(LeaseLost));
    assert_eq!(head.release("me"), Err(LeaseLost));
    assert_eq!(head.release("other"), Ok(()));
}

#[test]
fn the_sweep_waits_longer_after_each_failure_until_a_new_file_comes() {
    let mut head = head();
    head.enqueue(replace(1), false);
    let mut pauses = Vec::new();
    for count in 1..=9 {
        let job = head.next().unwrap().clone();
        let needs_attention = head
            .fail("me", &job, "DynamicsUnavailable", Whose::Segment, at(0))
            .unwrap();
        pauses.push((head.failures.as_ref().unwrap().next_try - at(0)).num_minutes());
        assert_eq!(needs_attention, count >= 5);
    }
    assert_eq!(pauses, [15, 30, 60, 120, 240, 480, 960, 1_440, 1_440]);
    head.enqueue(replace(2), false);
    head.release("me").unwrap();
    assert!(head.is_due(at(0)), "a new file is tried at once");
    let count = |head: &Head| head.failures.as_ref().map(|failures| failures.count);
    assert_eq!(count(&head), Some(9), "which mends nothing by itself");
    head.claim("me", LEASE, at(0));
    apply_next(&mut head);
    assert_eq!(count(&head), None);
}

#[test]
fn a_call_sent_at_the_last_moment_is_over_before_the_lease() {
    for seconds in [6, 60, 180, 3_600] {
        let lease = Duration::from_secs(seconds);
        assert!(sending_time(lease) + call_time(lease) < lease);
        assert!(
            sending_time(lease) > lease / 6,
            "a renewal comes before the fence closes"
        );
    }
    assert_eq!(sending_time(Duration::from_mins(3)), Duration::from_secs(50));
}

#[test]
fn what_dynamics_failed_to_show_is_queued_again_and_a_newer_file_still_overtakes_it() {
    let mut head = head();
    head.enqueue(replace(1), false);
    apply_next(&mut head);
    head.redo("me").unwrap();
    assert_eq!(next_second(&head), Some(1));
    head.enqueue(replace(2), false);
    assert_eq!(next_second(&head), Some(2));
    assert_eq!(apply_next(&mut head).len(), 1);
    assert_eq!(head.next(), None);
}

#[test]
fn a_sweep_goes_on_only_where_nobody_works_and_no_pause_is_due() {
    let mut head = head();
    assert!(!head.is_due(at(0)), "nothing is pending");
    head.enqueue(replace(1), false);
    assert!(!head.is_due(at(1)), "the lease is alive");
    assert!(head.is_due(at(182)));
    let job = head.next().unwrap().clone();
    head.fail("me", &job, "DynamicsUnavailable", Whose::Segment, at(0))
        .unwrap();
    head.release("me").unwrap();
    assert!(!head.is_due(at(899)));
    assert!(head.is_due(at(900)));
}

#[test]
fn of_lost_replaces_the_newest_that_is_not_refused_is_found_and_of_additions_all() {
    let mut head = head();
    head.enqueue(replace(3), false);
    let job = head.next().unwrap().clone();
    head.refuse("me", &job, too_small()).unwrap();
    let found = |head: &mut Head, mode| head.enqueue_lost(&[3, 2, 1].map(|second| file(second, mode))).len();
    assert_eq!(found(&mut head, Mode::Replace), 1);
    assert_eq!(next_second(&head), Some(2));
    assert_eq!(found(&mut head, Mode::Replace), 0);
    let mut head = Head::new(&home(), &segment());
    assert_eq!(found(&mut head, Mode::Append), 3);
}

#[test]
fn a_publish_that_went_through_unnoted_gives_the_next_file_its_own_count_as_baseline() {
    let mut head = head();
    head.enqueue(replace(1), false);
    let job = head.next().unwrap().clone();
    head.begin("me", &job, 1_000, Census::default(), View::NOTHING).unwrap();
    assert_eq!(head.announce("me", &job, (600, ReadBack::default()), at(9)), Ok(true));
    let baseline = |head: &Head, count| head.writing.as_ref().map(|writing| writing.baseline(count));
    assert_eq!(
        baseline(&head, Some(600)),
        Some(600),
        "Dynamics shows what was announced"
    );
    assert_eq!(baseline(&head, Some(1_000)), Some(1_000), "it shows what was before");
    assert_eq!(baseline(&head, None), Some(1_000), "it shows nothing");
    head.enqueue(replace(2), false);
    assert_eq!(
        head.announce("me", &job, (600, ReadBack::default()), at(9)),
        Ok(false),
        "a newer file is looked at first"
    );
    let newer = head.next().unwrap().clone();
    head.begin("me", &newer, 600, Census::default(), View::NOTHING).unwrap();
    assert_eq!(baseline(&head, None), Some(600));
}
