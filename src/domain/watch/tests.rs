//! What of a segment's states can be of one publish alone.

use super::*;

const ACTIVE: i64 = 1;
const INACTIVE: i64 = 2;
const ERROR: i64 = 3;
const BUSY: i64 = 6;
const OLD: Option<u64> = Some(1_000);
const NEW: Option<u64> = Some(1_100);

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000 + second, 0).unwrap()
}

fn view(status_code: i64, count: Option<u64>) -> View {
    View {
        status_code,
        count,
        computation: None,
        version: None,
    }
}

/// A state beside the seconds at which the last computation began and ended.
fn computed(status_code: i64, started: i64, finished: i64) -> View {
    View {
        computation: Some(Computation {
            started: Some(at(started)),
            finished: Some(at(finished)),
            has_failed: status_code == ERROR,
            is_running: false,
        }),
        ..view(status_code, OLD)
    }
}

fn is_shown(before: View, seen: &[View]) -> bool {
    let mut watch = Watch::begin(before, Some(at(100)), 1_100);
    let signs: Vec<_> = seen.iter().map(|view| watch.see(*view, at(0))).collect();
    signs.last() == Some(&Sign::Shown)
}

#[test]
fn without_times_a_state_is_believed_only_where_it_can_be_of_this_publish_alone() {
    for (before, seen, expected) in [
        ((ACTIVE, OLD), vec![(ACTIVE, OLD), (ACTIVE, OLD)], false),
        ((ACTIVE, OLD), vec![(ACTIVE, Some(999))], false),
        ((ACTIVE, OLD), vec![(ACTIVE, NEW)], true),
        ((ACTIVE, NEW), vec![(ACTIVE, NEW)], false),
        ((ACTIVE, NEW), vec![(BUSY, None), (ACTIVE, NEW)], true),
        ((INACTIVE, None), vec![(ACTIVE, Some(990))], true),
        ((ERROR, OLD), vec![(ERROR, OLD)], false),
        ((ERROR, None), vec![(BUSY, None), (ERROR, None)], true),
        ((ACTIVE, OLD), vec![(ERROR, None)], true),
        // Busy before: what it was busy with ends first.
        ((BUSY, None), vec![(BUSY, None), (ACTIVE, NEW)], false),
        ((BUSY, None), vec![(BUSY, None), (ERROR, None)], false),
        ((BUSY, None), vec![(ACTIVE, OLD), (BUSY, None), (ACTIVE, NEW)], true),
        ((BUSY, None), vec![(ACTIVE, OLD), (ACTIVE, NEW)], true),
    ] {
        let states: Vec<_> = seen.iter().map(|(code, count)| view(*code, *count)).collect();
        assert_eq!(
            is_shown(view(before.0, before.1), &states),
            expected,
            "{before:?} {seen:?}"
        );
    }
}

/// Publish was answered in second 100.
#[test]
fn a_computation_that_ended_after_the_answer_to_publish_is_of_this_publish() {
    for (before, now, expected) in [
        (computed(ACTIVE, 10, 20), computed(ACTIVE, 10, 20), false),
        (computed(ACTIVE, 10, 20), computed(ACTIVE, 90, 99), false),
        (computed(ACTIVE, 10, 20), computed(ACTIVE, 99, 101), true),
        // Within one second: only where it is another end than the one before.
        (computed(ACTIVE, 10, 20), computed(ACTIVE, 100, 100), true),
        (computed(ACTIVE, 99, 100), computed(ACTIVE, 99, 100), false),
        // A clock that goes wrong does not make an end a new one.
        (computed(ACTIVE, 99, 105), computed(ACTIVE, 99, 105), false),
        // What ended was begun before, and is what the segment was busy with.
        (computed(BUSY, 90, 20), computed(ACTIVE, 90, 130), false),
        (computed(BUSY, 90, 20), computed(ACTIVE, 110, 130), true),
        // An Active row beside a computation that failed shows the earlier audience.
        (
            computed(ACTIVE, 10, 20),
            View {
                status_code: ACTIVE,
                ..computed(ERROR, 99, 130)
            },
            false,
        ),
        (computed(ERROR, 10, 20), computed(ERROR, 99, 130), true),
        // Where the table had no times before, they say nothing.
        (view(ACTIVE, OLD), computed(ACTIVE, 99, 130), false),
    ] {
        assert_eq!(is_shown(before, &[now]), expected, "{before:?} {now:?}");
    }
    let mut watch = Watch::begin(computed(ACTIVE, 10, 20), None, 1_100);
    assert_eq!(
        watch.see(computed(ACTIVE, 99, 130), at(0)),
        Sign::Nothing,
        "no `Date` came"
    );
}

/// Publish was answered in second 100, of a segment that was computed from 10 to 20.
#[test]
fn what_was_seen_at_work_is_believed_unless_its_times_say_that_it_still_is() {
    let running = |started, finished, is_running| View {
        computation: Some(Computation {
            started: Some(at(started)),
            finished,
            has_failed: false,
            is_running,
        }),
        ..view(ACTIVE, OLD)
    };
    for (now, expected) in [
        (running(99, Some(at(20)), true), false),
        (running(99, Some(at(20)), false), false),
        (running(99, None, true), false),
        // Where nobody writes ends a beginning says nothing, and so does a status that was there before.
        (running(99, None, false), true),
        (running(10, Some(at(20)), true), true),
        (running(99, Some(at(120)), true), true),
        (
            View {
                count: Some(1_100),
                ..running(99, Some(at(20)), true)
            },
            true,
        ),
        (
            View {
                status_code: ERROR,
                ..running(99, Some(at(20)), true)
            },
            true,
        ),
    ] {
        let seen = [computed(BUSY, 99, 20), now];
        assert_eq!(is_shown(computed(ACTIVE, 10, 20), &seen), expected, "{now:?}");
    }
}

#[test]
fn a_row_of_the_same_version_as_before_publish_is_not_believed_until_it_has_lasted() {
    let row = |view: View, version| View {
        version: Some(version),
        ..view
    };
    let (before, busy) = (row(computed(ACTIVE, 10, 20), 7), row(view(BUSY, None), 8));
    let done = computed(ACTIVE, 101, 110);
    for seen in [vec![], vec![busy]] {
        let and = |view| [seen.clone(), vec![view]].concat();
        assert!(!is_shown(before, &and(row(done, 7))), "{seen:?}");
        assert!(
            is_shown(before, &[and(row(done, 7)), vec![row(done, 9)]].concat()),
            "{seen:?}"
        );
        assert!(is_shown(before, &and(done)), "it has no version");
        let mut watch = Watch::begin(before, Some(at(100)), 1_100);
        for view in seen {
            watch.see(view, at(0));
        }
        for (minutes, sign) in [(0, Sign::Nothing), (9, Sign::Nothing), (10, Sign::Shown)] {
            assert_eq!(watch.see(row(done, 7), at(minutes * 60)), sign, "{minutes}");
        }
    }
}

#[test]
fn what_lasts_beside_times_that_deny_it_is_without_effect_and_is_given_twice_as_long_every_time() {
    let failed = View {
        status_code: ACTIVE,
        ..computed(ERROR, 99, 130)
    };
    for denying in [computed(ACTIVE, 10, 20), failed] {
        let mut watch = Watch::begin(computed(ACTIVE, 10, 20), Some(at(100)), 1_000);
        for minutes in [75, 150, 300, 600, 1_200, 1_440, 1_440] {
            assert_eq!(watch.see(denying, at(0)), Sign::Nothing);
            assert_eq!(watch.see(denying, at(minutes * 60 - 1)), Sign::Nothing, "{minutes}");
            assert_eq!(watch.see(denying, at(minutes * 60)), Sign::WithoutEffect, "{minutes}");
            let next = Watch::begin(computed(ACTIVE, 10, 20), Some(at(100)), 1_000);
            watch = next.after_one_without_effect(&watch);
        }
    }
    let never = View {
        computation: Some(Computation::default()),
        ..view(ACTIVE, OLD)
    };
    for (before, answered, now) in [
        (never, Some(at(100)), computed(ACTIVE, 10, 20)),
        (computed(ACTIVE, 10, 20), Some(at(100)), never),
        (computed(ACTIVE, 10, 20), Some(at(100)), view(ACTIVE, OLD)),
        (computed(ACTIVE, 10, 20), None, computed(ACTIVE, 10, 20)),
    ] {
        let mut watch = Watch::begin(before, answered, 1_000);
        assert_eq!(watch.see(now, at(0)), Sign::Nothing);
        assert_eq!(watch.see(now, at(75 * 60)), Sign::Lasted, "{before:?} {now:?}");
    }
}

#[test]
fn what_nobody_can_tell_is_believed_once_it_has_lasted() {
    let minutes = |minutes: i64| at(minutes * 60);
    let mut watch = Watch::begin(view(ACTIVE, OLD), None, 1_000);
    assert_eq!(watch.see(view(ACTIVE, OLD), minutes(0)), Sign::Nothing);
    assert_eq!(watch.see(view(ACTIVE, OLD), minutes(74)), Sign::Nothing);
    assert_eq!(watch.see(view(ERROR, OLD), minutes(75)), Sign::Shown, "another state");
    assert_eq!(watch.see(view(ACTIVE, OLD), minutes(76)), Sign::Lasted);
    let mut watch = Watch::unknown(1_000);
    for (state, minute, sign) in [
        (BUSY, 0, Sign::Nothing),
        (ACTIVE, 10, Sign::Nothing),
        (ACTIVE, 84, Sign::Nothing),
        (ACTIVE, 85, Sign::Lasted),
    ] {
        assert_eq!(watch.see(view(state, OLD), minutes(minute)), sign, "{minute}");
    }
    let mut interrupted = Watch::begin(view(BUSY, None), None, 1_000);
    for (state, minute, sign) in [
        (ACTIVE, 0, Sign::Nothing),
        (BUSY, 60, Sign::Nothing),
        (BUSY, 90, Sign::Nothing),
        (ACTIVE, 91, Sign::Shown),
    ] {
        assert_eq!(interrupted.see(view(state, OLD), minutes(minute)), sign, "{minute}");
    }
}

#[test]
fn what_a_watch_has_seen_outlives_the_run() {
    let mut watch = Watch::begin(computed(ACTIVE, 10, 20), Some(at(100)), 1_100);
    watch.see(view(BUSY, None), at(0));
    let kept = serde_json::to_string(&watch).unwrap();
    assert_eq!(serde_json::from_str::<Watch>(&kept).unwrap(), watch);
}
