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
    head.begin("me", &begun, 10, Census::default(), View::NOTHING).unwrap();
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
    assert_eq!(
        head.begin("me", &newest, 10, Census::default(), View::NOTHING).unwrap(),
        [],
        "accepted is not applied"
    );
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
        change: None,
        definition_id: None,
        groups: Vec::new(),
        members: None,
        is_published: true,
        watch: Some(Watch::unknown(3)),
        is_computed_by_others: false,
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
        change: None,
        definition_id: None,
        groups: Vec::new(),
        members: None,
        is_published: true,
        watch: Some(Watch::unknown(3)),
        is_computed_by_others: false,
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
    head.interrupt("me", &file(1, Mode::Remove), false, None).unwrap();
    assert_eq!(
        next_second(&head),
        Some(2),
        "the first got nowhere until the time was over"
    );
}

/// Lets a replace of `second` fail for a reason of its own.
fn failing_replace(second: i64) -> Head {
    let mut head = head();
    head.enqueue(replace(second), false);
    head.fail("me", &replace(second), "SourceForbidden", Whose::Input, at(10))
        .unwrap();
    head
}

fn carry_out(head: &mut Head, job: &Job) {
    assert_eq!(head.next_at(at(20)), Some(job));
    head.begin("me", job, 10, Census::default(), View::NOTHING).unwrap();
    assert_eq!(head.announce("me", job, (11, ReadBack::default()), at(20)), Ok(true));
    let done = Achievement {
        contacts: 1,
        segment_id: Some("segment".to_owned()),
        change: None,
        definition_id: None,
        groups: Vec::new(),
        members: None,
        is_published: true,
        watch: None,
        is_computed_by_others: false,
    };
    head.apply("me", job, done, at(20)).unwrap();
}

#[test]
fn additions_go_before_a_replace_that_failed_by_itself_and_the_newer_go_over_it() {
    let mut head = failing_replace(2);
    let [older, newer] = [1, 3].map(|second| file(second, Mode::Append));
    for job in [&older, &newer] {
        head.enqueue(job.clone(), false);
    }
    carry_out(&mut head, &older);
    carry_out(&mut head, &newer);
    assert_eq!(head.next_at(at(20)), None);
    assert_eq!(head.next_at(at(1_000)), Some(&replace(2)));
    assert_eq!(head.enqueue(newer.clone(), false), Enqueued::Applied);
    let over = head.newer_than(&replace(2)).unwrap();
    assert_eq!(over, [newer], "the older one is overtaken");
    apply_next(&mut head);
    assert_eq!(head.pending, []);
}

#[test]
fn nothing_goes_before_a_replace_of_which_a_part_is_in_the_draft_or_whose_failure_is_the_segment_s() {
    let mut head = failing_replace(2);
    head.begin("me", &replace(2), 10, Census::default(), View::NOTHING)
        .unwrap();
    head.enqueue(file(3, Mode::Append), false);
    assert_eq!(head.next_at(at(20)), None);
    head.writing = None;
    assert_eq!(head.next_at(at(20)), Some(&file(3, Mode::Append)));
    head.fail("me", &replace(2), "Throttled", Whose::Segment, at(10))
        .unwrap();
    assert_eq!(head.next_at(at(20)), Some(&replace(2)));
}

#[test]
fn who_was_in_the_draft_before_the_first_write_is_known_until_that_may_be_published() {
    let [first, second] = [1, 2].map(|second| file(second, Mode::Append));
    let mut head = head();
    head.enqueue(first.clone(), false);
    head.begin("me", &first, 10, census(10), View::NOTHING).unwrap();
    head.begin("me", &first, 10, census(4), View::NOTHING).unwrap();
    assert_eq!(head.draft_before(&first), Some(census(10)));
    assert_eq!(head.draft_before(&second), None);
    assert!(!head.is_in_the_way(&first, at(1)), "nobody waits");
    head.enqueue(second.clone(), false);
    assert!(head.is_in_the_way(&first, at(1)));
    head.restore("me", false, None, at(0)).unwrap();
    assert_eq!((head.draft_before(&first), &head.writing), (None, &None));

    head.begin("me", &first, 10, census(10), View::NOTHING).unwrap();
    assert_eq!(head.announce("me", &first, (12, ReadBack::default()), at(1)), Ok(true));
    assert_eq!(head.draft_before(&first), None, "the publish may have gone through");
    head.begin("me", &first, 10, census(12), View::NOTHING).unwrap();
    assert_eq!(
        head.draft_before(&first),
        None,
        "and whoever begins again knows no more"
    );
    assert!(!head.is_in_the_way(&first, at(1)));
}
