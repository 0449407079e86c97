//! Each guard end to end: on both sides of its limit, with its approval, and refused for good without one.

use crate::run::Run;
use crate::world::{World, contact, contacts};
use sandbox::BUCKET;
use serde_json::{Value, json};
use uuid::Uuid;

/// A file that a guard refuses, the audience before it, and the audience that its approval makes.
struct Case {
    key: String,
    before: Vec<Uuid>,
    after: Vec<Uuid>,
    /// The setting that the refusal names, and the number that it finds.
    words: [&'static str; 2],
}

#[tokio::test(start_paused = true)]
async fn whom_somebody_has_taken_out_and_not_published_counts_for_those_that_journeys_would_lose() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..300)).await;
    let id = world.segment().definition_id.unwrap();
    world.sandbox.dataverse.edit(|state| {
        let members = state.definitions.get_mut(&id).unwrap().members.values_mut();
        members.for_each(|members| members.retain(|id| *id == contact(7).as_u128()));
    });
    let refused = world.load("tuesday.csv", &contacts(5..10)).await;
    refused.assert_refused();
    assert!(refused.reason().contains("lose 295 of 300"), "{refused}");
    assert_eq!(world.published(), contacts(0..300));

    let run = world.load("wednesday.csv", &contacts(0..200)).await;
    run.assert_loaded();
    let warnings = run["warnings"].to_string();
    assert!(
        warnings.contains("journeys saw 300 people, and what came and went is counted from the 1 of the draft"),
        "{run}"
    );
    assert_eq!(world.published(), contacts(0..200));
}

/// Proves that the file is refused for good, and that its approval lets exactly this input through.
async fn assert_guarded(world: &World, case: Case) {
    let refused = world.run(&case.key).await;
    refused.assert_refused();
    let reason = refused.reason();
    let run_id = refused.run_id();
    assert!(
        case.words.iter().all(|word| reason.contains(word)) && reason.contains(run_id),
        "{reason}"
    );
    assert_eq!(world.published(), case.before);

    world.sandbox.dataverse.clear_log();
    let duplicate = world.run(&case.key).await;
    assert_eq!(
        (&duplicate["outcome"], &duplicate["reason"]),
        (&refused["outcome"], &refused["reason"])
    );
    assert_eq!(
        world.invoke(json!({"action": "sweep"})).await.unwrap()["runs"],
        json!([])
    );
    assert_eq!(
        world.sandbox.dataverse.requests().len(),
        0,
        "a refused file stays refused"
    );
    assert_eq!(world.published(), case.before);

    let other = world
        .load_directly(&case.key, &json!({"approve": "0123456789abcdef"}))
        .await;
    other.assert_refused();
    assert_eq!(world.published(), case.before);

    let command: Value = serde_json::from_str(&reason[reason.find('{').unwrap()..]).unwrap();
    let approved = Run::first(&world.invoke(command).await.unwrap());
    approved.assert_loaded();
    assert_eq!(world.published(), case.after);
}

#[tokio::test(start_paused = true)]
async fn a_result_that_shrinks_the_segment_by_more_than_half() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..1_000)).await;
    let half = world.load("half.csv", &contacts(0..500)).await;
    assert_eq!(half.outcome(), "loaded", "half is allowed: {half}");
    world.load("tuesday.csv", &contacts(0..1_000)).await;
    let key = world.drop_contacts("less.csv", &contacts(0..499));
    let case = Case {
        key,
        before: contacts(0..1_000),
        after: contacts(0..499),
        words: ["max_shrink_percent is 50", "501 of 1000"],
    };
    assert_guarded(&world, case).await;
}

#[tokio::test(start_paused = true)]
async fn below_a_hundred_members_a_segment_may_shrink_as_it_likes() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..99)).await;
    let run = world.load("tuesday.csv", &contacts(0..1)).await;
    run.assert_loaded();
    world.load("wednesday.csv", &contacts(0..100)).await;
    let run = world.load("thursday.csv", &contacts(0..1)).await;
    run.assert_refused();
    assert_eq!(world.published(), contacts(0..100));
}

#[tokio::test(start_paused = true)]
async fn a_result_that_grows_the_segment_beyond_the_limit() {
    let world = World::start().await;
    world.destination(&json!({"max_growth_percent": 10}));
    world.load("monday.csv", &contacts(0..1_000)).await;
    let tenth = world.load("tenth.csv", &contacts(0..1_100)).await;
    assert_eq!(tenth.outcome(), "loaded", "a tenth is allowed: {tenth}");
    world.load("tuesday.csv", &contacts(0..1_000)).await;
    let key = world.drop_contacts("more.csv", &contacts(0..1_101));
    let case = Case {
        key,
        before: contacts(0..1_000),
        after: contacts(0..1_101),
        words: ["max_growth_percent is 10", "101 contacts on 1000"],
    };
    assert_guarded(&world, case).await;
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_and_below_a_thousand_members_a_segment_may_grow_as_it_likes() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..1_000)).await;
    let run = world.load("tuesday.csv", &contacts(0..3_000)).await;
    run.assert_loaded();

    let world = World::start().await;
    world.destination(&json!({"max_growth_percent": 10}));
    world.load("monday.csv", &contacts(0..999)).await;
    let run = world.load("tuesday.csv", &contacts(0..3_000)).await;
    run.assert_loaded();
}

/// A file of a hundred rows of which so many hold no id.
fn file_with_invalid(invalid: u32) -> String {
    let rows = (0..100).map(|row| {
        if row < invalid {
            format!("nobody-{row}\n")
        } else {
            format!("{}\n", contact(row))
        }
    });
    format!("contactid\n{}", rows.collect::<String>())
}

#[tokio::test(start_paused = true)]
async fn a_result_with_more_invalid_rows_than_one_in_twenty() {
    let world = World::start().await;
    let key = world.drop_file("five.csv", file_with_invalid(5));
    let five = world.run(&key).await;
    five.assert_loaded().rejected(5);
    let key = world.drop_file("six.csv", file_with_invalid(6));
    let case = Case {
        key,
        before: contacts(5..100),
        after: contacts(6..100),
        words: ["max_invalid_percent is 5", "6 of 100 rows"],
    };
    assert_guarded(&world, case).await;
}

#[tokio::test(start_paused = true)]
async fn an_empty_result_and_a_result_of_one() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..50)).await;
    let one = world.load("one.csv", &contacts(0..1)).await;
    one.assert_loaded();
    let key = world.drop_contacts("empty.csv", &[]);
    let case = Case {
        key,
        before: contacts(0..1),
        after: Vec::new(),
        words: ["empty_result is refuse", "0 rows"],
    };
    assert_guarded(&world, case).await;
}

#[tokio::test(start_paused = true)]
async fn an_approval_is_for_exactly_this_version_and_opens_no_fixed_limit() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..1_000)).await;
    let key = world.drop_contacts("less.csv", &contacts(0..10));
    let refused = world.run(&key).await;
    world.drop_contacts("less.csv", &contacts(0..11));
    let run = world.load_directly(&key, &json!({"approve": refused.run_id()})).await;
    assert_eq!(run.outcome(), "refused", "the file is another one now: {run}");
    assert_eq!(world.published(), contacts(0..1_000));

    let key = world.drop_contacts("everyone.csv", &contacts(0..2_000_001));
    let refused = world.run(&key).await;
    let run = world.load_directly(&key, &json!({"approve": refused.run_id()})).await;
    run.assert_refused();
    assert_eq!(world.published(), contacts(0..1_000));
}

#[tokio::test(start_paused = true)]
async fn ten_groups_hold_what_fits_and_an_eleventh_is_never_made() {
    use crate::world::SEGMENT;
    use sandbox::dataverse::Seed;
    let world = World::start().await;
    let mut seed = Seed::named(SEGMENT).group(contacts(0..10));
    for number in 0..9 {
        seed = seed.exclude(contacts([900_000 + number]));
    }
    world.sandbox.dataverse.seed_segment(seed);
    let full = world.load("full.csv", &contacts(0..200_000)).await;
    full.assert_loaded();
    let over = world.drop_contacts("over.csv", &contacts(0..200_001));
    let refused = world.run(&over).await;
    refused.assert_refused();
    let run = world.load_directly(&over, &json!({"approve": refused.run_id()})).await;
    assert_eq!(run.outcome(), "refused", "no approval makes room: {run}");
    assert_eq!(world.published(), contacts(0..200_000));
}

#[tokio::test(start_paused = true)]
async fn a_crash_right_after_publishing_does_not_turn_the_next_good_file_into_a_refusal() {
    for (publishing, outcome) in [(json!(600), "loaded"), (json!(null), "refused")] {
        let world = World::start().await;
        world.load("monday.csv", &contacts(0..1_000)).await;
        let monday = world.head();
        world.load("tuesday.csv", &contacts(0..600)).await;
        // Tuesday was published, and the worker died before it could note it.
        let mut head = world.head();
        head["writing"] = json!({"run_id": head["applied"]["run_id"], "published": 1_000, "publishing": publishing});
        head["applied"] = monday["applied"].clone();
        let key = world.sandbox.s3.keys(BUCKET, "_state/segments/").remove(0);
        world.sandbox.s3.put(BUCKET, &key, head.to_string());
        // A third less than on Tuesday, but less than half of what Monday had.
        let run = world.load("wednesday.csv", &contacts(0..400)).await;
        run.assert_outcome(outcome);
    }
}
