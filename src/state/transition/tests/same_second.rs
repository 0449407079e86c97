//! Contents that one key had within one second.

use super::*;

/// One of the contents of a key, in a bucket without versions.
fn content(etag: &str) -> Job {
    let mut job = replace(1);
    job.object.version_id = None;
    job.object.etag = etag.to_owned();
    job.position.version_id = None;
    job.position.etag = Some(etag.to_owned());
    job
}

/// Takes up a content as a worker does that has asked S3.
fn take_up(head: &mut Head, etag: &str, lies_there: bool) -> Enqueued {
    let mut job = content(etag);
    head.place(&mut job, lies_there);
    head.enqueue(job, false)
}

fn next_tag(head: &Head) -> Option<&str> {
    head.next().map(|job| &*job.object.etag)
}

#[test]
fn s3_is_asked_only_where_another_content_of_the_second_is_known() {
    let mut head = head();
    assert!(!head.is_undecided(&content("a")));
    take_up(&mut head, "a", false);
    assert!(!head.is_undecided(&content("a")), "the same is no other");
    assert!(head.is_undecided(&content("b")));
    apply_next(&mut head);
    assert!(head.is_undecided(&content("b")));
    assert_eq!(head.recall(&content("b")), None, "nobody can tell yet");
    head.applied = None;
    assert!(head.is_undecided(&content("b")), "settled alone tells it");
    assert_eq!(head.recall(&content("a")), Some(Enqueued::Applied));
}

#[test]
fn each_content_that_lies_there_is_newer_than_all_before_and_an_earlier_one_may_come_back() {
    let mut head = head();
    for etag in ["a", "b", "c"] {
        assert_eq!(take_up(&mut head, etag, true), Enqueued::Queued);
        assert_eq!(next_tag(&head), Some(etag));
    }
    assert_eq!(apply_next(&mut head).len(), 2);
    assert_eq!(take_up(&mut head, "b", false), Enqueued::Superseded);
    assert_eq!(take_up(&mut head, "b", true), Enqueued::Queued);
    assert_eq!(next_tag(&head), Some("b"));
}

#[test]
fn what_does_not_lie_there_counts_only_where_all_that_was_known_is_refused() {
    let mut head = head();
    take_up(&mut head, "b", true);
    assert_eq!(take_up(&mut head, "a", false), Enqueued::Queued);
    assert_eq!(next_tag(&head), Some("b"));
    let newer = head.next().unwrap().clone();
    head.refuse("me", &newer, too_small()).unwrap();
    assert_eq!(next_tag(&head), Some("a"));
    assert!(matches!(take_up(&mut head, "b", true), Enqueued::Refused(_)));
}

#[test]
fn an_entry_of_before_without_a_tag_is_known_by_the_rest_alone() {
    let mut head = head();
    take_up(&mut head, "a", false);
    apply_next(&mut head);
    for known in [&mut head.settled, &mut head.newest] {
        known.as_mut().unwrap().etag = None;
    }
    (head.applied, head.in_force, head.is_settled_loaded) = (None, None, false);
    assert_eq!(head.recall(&content("b")), Some(Enqueued::Superseded));
}

#[test]
fn numbers_that_no_worker_would_give_are_no_reason_to_panic() {
    for nth in [i32::MAX, i32::MIN] {
        let mut head = head();
        take_up(&mut head, "a", true);
        apply_next(&mut head);
        head.settled.as_mut().unwrap().nth = nth;
        for lies_there in [true, false] {
            take_up(&mut head, "b", lies_there);
        }
    }
}
