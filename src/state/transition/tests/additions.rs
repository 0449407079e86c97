//! Additions and removals, of which every file counts.

use super::*;

#[test]
fn every_file_to_append_counts_once_oldest_first_whatever_order_the_events_come_in() {
    let mut head = head();
    for second in [2, 1] {
        assert_eq!(head.enqueue(file(second, Mode::Append), false), Enqueued::Queued);
    }
    assert_eq!(next_second(&head), Some(1));
    apply_next(&mut head);
    apply_next(&mut head);
    assert_eq!(head.enqueue(file(1, Mode::Append), false), Enqueued::Applied);
    assert_eq!(head.enqueue(file(2, Mode::Append), false), Enqueued::Applied);
}

#[test]
fn an_addition_that_is_half_written_is_finished_before_an_older_one_that_comes_late() {
    let mut head = head();
    head.enqueue(file(2, Mode::Append), false);
    let begun = head.next().unwrap().clone();
    head.begin("me", &begun, 10).unwrap();
    head.enqueue(file(1, Mode::Append), false);
    assert_eq!(
        next_second(&head),
        Some(2),
        "what the older one publishes would hold a part of it"
    );
    head.enqueue(replace(3), false);
    assert_eq!(next_second(&head), Some(3), "a replace leaves nothing of it");
    let newest = head.next().unwrap().clone();
    head.refuse("me", &newest, too_small()).unwrap();
    apply_next(&mut head);
    assert_eq!(next_second(&head), Some(1));
}

#[test]
fn only_an_applied_newer_replace_supersedes_what_is_to_be_appended() {
    let mut head = head();
    head.enqueue(file(1, Mode::Append), false);
    head.enqueue(replace(2), false);
    head.enqueue(file(3, Mode::Append), false);
    let newest = head.next().unwrap().clone();
    assert_eq!(newest.mode, Mode::Replace);
    assert_eq!(head.begin("me", &newest, 10).unwrap(), [], "accepted is not applied");
    assert_eq!(apply_next(&mut head).len(), 1);
    assert_eq!(next_second(&head), Some(3));
}

#[test]
fn a_file_older_than_all_that_is_remembered_is_not_counted_twice() {
    let mut head = head();
    let count = i64::try_from(Head::REMEMBERED).unwrap() + 1;
    for second in 0..count {
        head.enqueue(file(second, Mode::Append), false);
        apply_next(&mut head);
    }
    assert_eq!(head.counted.len(), Head::REMEMBERED);
    assert_eq!(head.enqueue(file(0, Mode::Append), false), Enqueued::Applied);
}

#[test]
fn an_addition_of_nobody_leaves_what_was_published_to_be_looked_after() {
    let mut head = head();
    head.enqueue(file(1, Mode::Append), false);
    let published = Achievement {
        contacts: 3,
        segment_id: Some("segment".to_owned()),
        members: None,
        is_published: true,
        watch: Some(Watch::unknown(3)),
    };
    head.apply("me", &file(1, Mode::Append), published, at(9)).unwrap();
    head.enqueue(file(2, Mode::Append), false);
    head.count("me", &file(2, Mode::Append), at(2)).unwrap();
    assert!(head.is_unconfirmed(), "the first file is still to be seen Active");
    assert_eq!(head.applied.as_ref().unwrap().job, file(1, Mode::Append));
    assert_eq!(head.enqueue(file(2, Mode::Append), false), Enqueued::Applied);
}

#[test]
fn what_was_published_is_looked_after_while_another_file_waits_after_a_failure() {
    let mut head = head();
    head.enqueue(file(1, Mode::Append), false);
    let published = Achievement {
        contacts: 3,
        segment_id: Some("segment".to_owned()),
        members: None,
        is_published: true,
        watch: Some(Watch::unknown(3)),
    };
    head.apply("me", &file(1, Mode::Append), published, at(9)).unwrap();
    head.enqueue(file(2, Mode::Append), false);
    head.fail("me", &file(2, Mode::Append), "SourceForbidden", Whose::Input, at(10))
        .unwrap();
    head.release("me").unwrap();
    assert!(head.is_to_be_looked_after(at(11)), "the other one may wait for a day");
    assert!(
        !head.is_to_be_looked_after(at(10 + 24 * 3_600)),
        "it goes first once its pause is over"
    );
}

#[test]
fn what_failed_before_comes_after_what_was_not_tried_yet() {
    let mut head = head();
    for second in [1, 2, 3] {
        head.enqueue(file(second, Mode::Remove), false);
    }
    head.interrupt("me", &file(1, Mode::Remove), false).unwrap();
    assert_eq!(
        next_second(&head),
        Some(2),
        "the first got nowhere until the time was over"
    );
}
