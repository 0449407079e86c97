//! Each guard on both sides of its limit.

use super::*;
use crate::config::Destination;

/// The default limits with whatever the test changes.
fn limits(change: impl FnOnce(&mut Rules)) -> Rules {
    let secret = r#"{"credential": "c", "environment_region": "crm", "environment_name": "socktown"}"#;
    let mut limits = Destination::parse("destination", secret).unwrap().rules;
    change(&mut limits);
    limits
}

/// A replace of an audience of 1,000 by a file of as many.
fn facts() -> Facts<'static> {
    Facts {
        mode: Mode::Replace,
        rows: 1_000,
        contacts: 1_000,
        held: 1_000,
        removals: &[],
        not_found: 0,
        rejected: 0,
        members: 1_000,
        published: None,
        shown: None,
        added: 0,
        removed: 0,
        older_files: None,
        used_by: None,
        is_sample: false,
        is_approved: false,
    }
}

fn passes(facts: Facts<'_>, limits: &Rules) -> bool {
    objections(&evaluate(&facts, limits)).is_empty()
}

#[test]
fn a_result_that_holds_nobody_is_empty_whoever_was_added_since() {
    let late = Facts {
        rows: 0,
        contacts: 5,
        held: 0,
        removed: 995,
        ..facts()
    };
    let said = evaluate(&late, &limits(|_| ()));
    assert!(
        said[0].finding.as_ref().unwrap().contains("leave 5 contacts"),
        "{said:?}"
    );
    let clear = limits(|limits| limits.empty_result = EmptyResult::Clear);
    assert!(passes(late, &clear));
}

#[test]
fn why_nobody_is_left_of_a_result_is_said_as_it_is() {
    let removals = ["a", "b", "c", "d"].map(|key| ObjectRef::unseen("results".to_owned(), format!("{key}.csv"), None));
    let nobody = Facts {
        contacts: 0,
        held: 3,
        ..facts()
    };
    for (removals, not_found, said, plain) in [
        (
            &removals[..0],
            3,
            "none of the 3 contacts of the result is one of this environment",
            "is a contact",
        ),
        (
            &removals[..1],
            0,
            "the 3 contacts of the result were all taken out again by newer removals (s3://results/a.csv), which would empty",
            "were all removed by newer files",
        ),
        (
            &removals[..],
            1,
            "b.csv, s3://results/c.csv and 1 more) took them out again, or they are none",
            "or are no contacts",
        ),
    ] {
        let facts = Facts {
            removals,
            not_found,
            ..nobody
        };
        let evaluations = evaluate(&facts, &limits(|_| ()));
        let finding = evaluations[0].finding.as_ref().unwrap();
        assert!(finding.contains(said), "{finding}");
        let words = evaluations[0].plain.as_ref().unwrap();
        assert!(words.contains(plain), "{words}");
    }
}

#[test]
fn an_empty_result_is_refused_unless_the_destination_or_a_person_clears() {
    let empty = Facts {
        rows: 0,
        contacts: 0,
        removed: 1_000,
        ..facts()
    };
    assert!(!passes(empty, &limits(|_| ())));
    assert!(passes(
        empty,
        &limits(|limits| limits.empty_result = EmptyResult::Clear)
    ));
    assert!(passes(
        Facts {
            is_approved: true,
            ..empty
        },
        &limits(|_| ())
    ));
    assert!(passes(
        Facts {
            mode: Mode::Append,
            ..empty
        },
        &limits(|_| ())
    ));
}

#[test]
fn a_file_of_invalid_rows_is_not_an_empty_result_to_clear_with() {
    let invalid = Facts {
        rows: 10,
        contacts: 0,
        rejected: 10,
        removed: 1_000,
        ..facts()
    };
    assert!(!passes(
        invalid,
        &limits(|limits| limits.empty_result = EmptyResult::Clear)
    ));
}

#[test]
fn losing_half_the_members_passes_and_one_more_is_refused() {
    let limits = limits(|_| ());
    assert!(passes(
        Facts {
            contacts: 500,
            removed: 500,
            ..facts()
        },
        &limits
    ));
    let too_small = Facts {
        contacts: 499,
        removed: 501,
        ..facts()
    };
    let findings = objections(&evaluate(&too_small, &limits));
    assert_eq!(
        findings,
        ["the segment would lose 501 of 1000 members (50.1 %); max_shrink_percent is 50"]
    );
    assert!(passes(
        Facts {
            is_approved: true,
            ..too_small
        },
        &limits
    ));
    assert!(passes(
        Facts {
            is_sample: true,
            ..too_small
        },
        &limits
    ));
    assert!(passes(
        Facts {
            mode: Mode::Remove,
            ..too_small
        },
        &limits
    ));
}

#[test]
fn a_small_audience_may_shrink_as_it_likes() {
    let limits = limits(|_| ());
    assert!(passes(
        Facts {
            members: 99,
            contacts: 1,
            removed: 98,
            ..facts()
        },
        &limits
    ));
    assert!(!passes(
        Facts {
            members: 100,
            contacts: 1,
            removed: 99,
            ..facts()
        },
        &limits
    ));
}

#[test]
fn after_a_crash_the_published_count_is_the_baseline() {
    let limits = limits(|_| ());
    // The draft holds 10 of 1,000 new contacts and all old ones; the next good file is as large as the audience was.
    let good = Facts {
        members: 1_010,
        removed: 1_010,
        published: Some(1_000),
        ..facts()
    };
    assert!(passes(good, &limits));
    assert!(!passes(Facts { contacts: 499, ..good }, &limits));
    assert!(
        passes(
            Facts {
                contacts: 5_000,
                ..good
            },
            &limits
        ),
        "growth is no loss"
    );
}

#[test]
fn whom_people_have_taken_out_of_the_draft_journeys_lose_with_the_next_publish() {
    let limits = limits(|_| ());
    let edited = Facts {
        members: 1,
        shown: Some(300),
        contacts: 5,
        held: 5,
        added: 4,
        ..facts()
    };
    let refused = evaluate(&edited, &limits);
    let plain = in_plain_words(&refused).concat();
    assert_eq!(plain, "the file holds 5 people, 295 fewer than now (limit 50 %)");
    assert!(passes(
        Facts {
            contacts: 150,
            ..edited
        },
        &limits
    ));
    // Whoever is left in the draft may go with it.
    let replaced = Facts {
        members: 200,
        shown: Some(300),
        contacts: 290,
        added: 250,
        removed: 160,
        ..facts()
    };
    assert!(!passes(replaced, &limits));
}

#[test]
fn growth_is_evaluated_only_where_a_limit_is_set_and_from_a_thousand_members_on() {
    let limits_with_growth = limits(|limits| limits.max_growth_percent = Some(20.0));
    let grown = Facts {
        contacts: 1_201,
        added: 201,
        ..facts()
    };
    assert!(passes(grown, &limits(|_| ())));
    assert!(!passes(grown, &limits_with_growth));
    assert!(passes(
        Facts {
            contacts: 1_200,
            added: 200,
            ..grown
        },
        &limits_with_growth
    ));
    assert!(passes(Facts { members: 999, ..grown }, &limits_with_growth));
    assert!(!passes(
        Facts {
            mode: Mode::Append,
            ..grown
        },
        &limits_with_growth
    ));
    assert!(passes(
        Facts {
            is_approved: true,
            ..grown
        },
        &limits_with_growth
    ));
}

#[test]
fn five_percent_of_invalid_rows_pass_and_one_row_more_is_refused() {
    let limits = limits(|_| ());
    assert!(passes(
        Facts {
            rejected: 50,
            ..facts()
        },
        &limits
    ));
    assert!(!passes(
        Facts {
            rejected: 51,
            ..facts()
        },
        &limits
    ));
    assert!(passes(
        Facts {
            rejected: 51,
            is_approved: true,
            ..facts()
        },
        &limits
    ));
}

#[test]
fn nobody_can_approve_more_than_a_segment_holds() {
    assert_eq!(check_size(2_000_000), Ok(()));
    assert_eq!(check_size(2_000_001), Err(TooManyContacts { contacts: 2_000_001 }));
}

#[test]
fn an_approved_finding_is_still_told() {
    let empty = Facts {
        contacts: 0,
        rows: 0,
        is_approved: true,
        ..facts()
    };
    let evaluations = evaluate(&empty, &limits(|_| ()));
    let verdicts: Vec<_> = evaluations.iter().map(|evaluation| evaluation.verdict).collect();
    assert_eq!(verdicts[0], Verdict::Approved);
    assert!(verdicts[1..].iter().all(|verdict| *verdict == Verdict::Passes));
    assert!(evaluations[0].finding.is_some() && objections(&evaluations).is_empty());
}

#[test]
fn a_segment_in_use_is_refused_only_where_the_destination_says_so_and_nobody_approves() {
    let refuse = limits(|limits| limits.when_in_use = WhenInUse::Refuse);
    for (journeys, segments, passes_refusing) in [
        (Some(1), None, false),
        (Some(0), Some(vec!["s".to_owned()]), false),
        (None, Some(vec!["s".to_owned()]), false),
        (Some(0), Some(Vec::new()), true),
        // What is not known keeps nobody from loading.
        (Some(0), None, true),
        (None, Some(Vec::new()), true),
    ] {
        let used_by = UsedBy { journeys, segments };
        let used = Facts {
            used_by: Some(&used_by),
            ..facts()
        };
        assert_eq!(passes(used, &refuse), passes_refusing, "{used_by:?}");
        assert_eq!(waits_for_use(&evaluate(&used, &refuse)), !passes_refusing);
        assert!(passes(used, &limits(|_| ())));
        let approved = Facts {
            is_approved: true,
            ..used
        };
        assert!(passes(approved, &refuse));
        assert!(!waits_for_use(&evaluate(&approved, &refuse)));
    }
}
