//! The one plain sentence of a run: whatever a test lets happen, it is held to what is really in Dynamics.

use crate::failures::kill_at;
use crate::world::{SEGMENT, World, contacts};
use sandbox::dataverse::Seed;
use sandbox::{BUCKET, Fault, Sandbox};
use serde_json::{Value, json};

/// Fails the test where the sentence of a run may be untrue, or breaks somebody's template.
#[track_caller]
pub(crate) fn assert_true(sandbox: &Sandbox, answer: &Value) {
    for run in answer["runs"].as_array().into_iter().flatten() {
        let Some(sentence) = run["sentence"].as_str() else {
            // A receipt of an earlier version, in a history.
            continue;
        };
        assert!(!sentence.contains(['"', '\\', '<', '>', '\n', '\r']), "{sentence}");
        assert!(!sentence.contains("  ") && sentence.ends_with('.'), "{sentence}");
        for hidden in ["run_id", "segment_id"].iter().filter_map(|field| run[*field].as_str()) {
            assert!(!sentence.contains(hidden), "{sentence}");
        }
        let segments = run["segment_name"]
            .as_str()
            .map(|name| sandbox.dataverse.segments(name));
        let Some([segment]) = segments.as_deref() else {
            continue;
        };
        if answer["runs"].as_array().map_or(0, Vec::len) > 1 {
            continue;
        }
        let published = segment.published.as_ref().map_or(0, Vec::len);
        if let Some(people) = number_behind(sentence, "Journeys go on with the ") {
            assert_eq!(people, published, "{sentence} {run}");
        }
        if run["outcome"] == "loaded"
            && run["published_missing"] == 0
            && let Some(people) =
                number_behind(sentence, "it has ").or_else(|| number_behind(sentence, "created, with "))
        {
            assert_eq!(people, published, "{sentence} {run}");
        }
    }
}

/// Reads the number that stands behind these words.
fn number_behind(sentence: &str, words: &str) -> Option<usize> {
    let (_, behind) = sentence.split_once(words)?;
    if behind.starts_with("nobody") {
        return Some(0);
    }
    let digits: String = behind.chars().take_while(|c| c.is_ascii_digit() || *c == ',').collect();
    digits.replace(',', "").parse().ok()
}

fn sentence(run: &Value) -> &str {
    run["sentence"].as_str().unwrap_or_else(|| panic!("no sentence: {run}"))
}

#[tokio::test(start_paused = true)]
async fn a_week_is_told_in_plain_sentences() {
    let world = World::start().await;
    let created = world.load("monday.csv", &contacts(0..1_000)).await;
    assert_eq!(sentence(&created), "“Summer Sale” was created, with 1,000 people.");
    assert_eq!(created["created"], true);
    let loaded = world.load("tuesday.csv", &contacts(100..1_200)).await;
    assert_eq!(
        sentence(&loaded),
        "“Summer Sale” was loaded: it has 1,100 people, 200 came and 100 went."
    );
    assert_eq!(loaded["created"], false);
    let again = world.load("wednesday.csv", &contacts(100..1_200)).await;
    assert_eq!(
        sentence(&again),
        "“Summer Sale” was not changed: it has 1,100 people, and nobody came or went."
    );
    let refused = world.load("thursday.csv", &contacts(100..599)).await;
    let told = sentence(&refused);
    let why = "“Summer Sale” was not refreshed: the file holds 499 people, 601 fewer than now (limit 50 %). ";
    let (_, rest) = told.split_once(why).unwrap_or_else(|| panic!("{told}"));
    assert!(rest.starts_with("Journeys go on with the 1,100 of "), "{told}");
    assert!(rest.ends_with(". Approve, or drop a better file."), "{told}");
    let other = world.load("friday.csv", &contacts(1_000..1_500)).await;
    assert!(
        sentence(&other).contains(": 900 of its 1,100 people would go (limit 50 %). "),
        "{other}"
    );
    let key = world.drop_contacts("saturday.csv", &contacts(0..1_500));
    let tried = world.load_directly(&key, &json!({"dry_run": true})).await;
    assert_eq!(
        sentence(&tried),
        "A dry run: “Summer Sale” would have 1,500 people: 400 would come and 0 would go. Nothing was changed."
    );
    let receipt = world.invoke(json!({"action": "history", "limit": 1})).await.unwrap();
    assert_eq!(receipt["runs"][0]["sentence"], other["sentence"]);
    let brief = world
        .invoke(json!({"action": "history", "limit": 2, "brief": true}))
        .await
        .unwrap();
    let run = &brief["runs"][0];
    assert_eq!(run.as_object().unwrap().len(), 7, "{run}");
    assert!(
        run["time"].is_string() && run["key"].as_str().unwrap().ends_with("friday.csv"),
        "{run}"
    );
    assert_eq!(
        [&run["outcome"], &run["contacts"], &run["removed"], &run["reason"]],
        [&json!("refused"), &json!(500), &json!(900), &other["reason"]]
    );
}

#[tokio::test(start_paused = true)]
async fn whom_journeys_go_on_with_is_said_only_where_it_was_seen() {
    let world = World::start().await;
    let seed = Seed::named(SEGMENT).group(contacts(0..1_000));
    world.sandbox.dataverse.seed_segment(seed);
    let refused = world.load("monday.csv", &contacts(0..10)).await;
    assert!(
        !sentence(refused.assert_refused()).contains("Journeys"),
        "nobody knows when it was published: {refused}"
    );

    let world = World::start().await;
    world.load("monday.csv", &contacts(0..1_000)).await;
    let definition = world.segment().definition_id.unwrap();
    world.sandbox.dataverse.edit(|state| {
        let groups = &mut state.definitions.get_mut(&definition).unwrap().members;
        for members in groups.values_mut() {
            members.pop_first();
        }
    });
    let refused = world.load("tuesday.csv", &contacts(0..10)).await;
    let told = sentence(refused.assert_refused());
    assert!(!told.contains("Journeys go on"), "somebody else has changed it: {told}");
    assert!(
        told.contains("The last load that was seen in Dynamics was that of "),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_before_the_first_write_says_that_nothing_was_refreshed_and_one_at_publish_what_is_not_known() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..1_000)).await;
    world
        .sandbox
        .dataverse
        .fault(Fault::on("AddStaticMembers").always().answer(403));
    let key = world.drop_contacts("tuesday.csv", &contacts(0..1_100));
    let failed = world.load_directly(&key, &json!({})).await;
    let told = sentence(failed.assert_failed());
    assert!(told.starts_with("“Summer Sale” was not refreshed: "), "{told}");
    assert!(told.contains("Journeys go on with the 1,000 of "), "{told}");

    let world = World::start().await;
    world.load("monday.csv", &contacts(0..1_000)).await;
    world.sandbox.dataverse.deny("PublishSegmentDefinition");
    let key = world.drop_contacts("tuesday.csv", &contacts(0..1_100));
    let failed = world.load_directly(&key, &json!({})).await;
    let told = sentence(failed.assert_failed());
    assert!(
        told.starts_with("It is not known yet whether “Summer Sale” was refreshed: "),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_first_good_run_after_a_bad_one_says_so_and_the_same_failure_once_more_is_no_news() {
    let world = World::start().await;
    let monday = world.load("monday.csv", &contacts(0..1_000)).await;
    assert_eq!(
        (&monday["recovered"], &monday["repeated"]),
        (&Value::Null, &Value::Null)
    );
    world
        .sandbox
        .dataverse
        .fault(Fault::on("AddStaticMembers").always().answer(403));
    let tuesday = world.drop_contacts("tuesday.csv", &contacts(0..1_100));
    let told = |run: &Value| {
        [
            run["outcome"].clone(),
            run["recovered"].clone(),
            run["repeated"].clone(),
        ]
    };
    let failed = world.load_directly(&tuesday, &json!({})).await;
    assert_eq!(told(&failed), [json!("failed"), Value::Null, Value::Null]);
    let failed = world.load_directly(&tuesday, &json!({})).await;
    assert_eq!(told(&failed), [json!("failed"), Value::Null, json!(true)]);
    world.sandbox.dataverse.clear_faults();
    world
        .sandbox
        .dataverse
        .fault(Fault::on("AddStaticMembers").always().answer(503));
    let failed = world.load_directly(&tuesday, &json!({})).await;
    assert_eq!(
        told(&failed),
        [json!("failed"), Value::Null, Value::Null],
        "another error: {failed}"
    );
    world.sandbox.dataverse.clear_faults();
    let loaded = world.load_directly(&tuesday, &json!({})).await;
    assert_eq!(told(&loaded), [json!("loaded"), json!(true), Value::Null]);
    assert!(
        sentence(&loaded).ends_with("What went wrong before is over."),
        "{loaded}"
    );
    assert!(world.head().get("went_wrong").is_none(), "{}", world.head());

    let wednesday = world.drop_contacts("wednesday.csv", &contacts(0..10));
    let refused = world.run(&wednesday).await;
    assert_eq!(told(&refused), [json!("refused"), Value::Null, Value::Null]);
    for again in [
        world.run(&wednesday).await,
        world.load_directly(&wednesday, &json!({})).await,
    ] {
        assert_eq!(told(&again), [json!("refused"), Value::Null, json!(true)], "{again}");
    }
    let unchanged = world.load("thursday.csv", &contacts(0..1_100)).await;
    assert_eq!(told(&unchanged), [json!("unchanged"), json!(true), Value::Null]);
    let unchanged = world.load("friday.csv", &contacts(0..1_100)).await;
    assert_eq!(told(&unchanged), [json!("unchanged"), Value::Null, Value::Null]);
}

#[tokio::test(start_paused = true)]
async fn a_file_of_ids_that_are_no_contacts_is_not_said_to_hold_nobody_and_what_an_approval_does_is_said() {
    let world = World::start().await;
    world.destination(&json!({"check_contacts": "added", "max_invalid_percent": 100}));
    world.sandbox.dataverse.set_known_contacts(contacts(0..200));
    world.load("monday.csv", &contacts(0..200)).await.assert_loaded();
    let run = world.load("tuesday.csv", &contacts(500..510)).await;
    run.assert_refused()
        .says("none of the 10 contacts of the result is one");
    let told = sentence(&run);
    assert!(!told.contains("file holds nobody"), "{told}");
    assert!(told.contains("none of its 10 people is a contact"), "{told}");
    assert!(told.contains("an approval would empty the segment"), "{told}");
    let run = world.load("wednesday.csv", &[]).await;
    let told = sentence(run.assert_refused());
    assert!(
        told.contains("the file holds nobody, so that an approval would empty the segment"),
        "{told}"
    );
    assert_eq!(world.published(), contacts(0..200));
}

#[tokio::test(start_paused = true)]
async fn whoever_is_refused_for_his_command_is_not_asked_for_a_better_file() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..200));
    let long = "n".repeat(98);
    for (fields, words) in [
        (json!({"approve": "0123456789abcdef"}), "Load it without an approval"),
        (json!({"sample": 5, "segment_name": long}), "shorter name"),
    ] {
        let run = world.load_directly(&key, &fields).await;
        let told = sentence(run.assert_refused());
        assert!(told.contains(words) && !told.contains("better file"), "{told}");
    }
    assert_eq!(world.sandbox.dataverse.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn of_a_segment_that_did_not_exist_no_members_are_said_to_have_been_published() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..200));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    kill_at(&world, event, "AddStaticMembers", 1).await;
    let run = world.run(&key).await;
    run.assert_loaded().warns("an attempt before this one began to write");
    assert!(!run.warnings().contains("published before"), "{run}");
}

#[tokio::test(start_paused = true)]
async fn a_direct_load_of_nothing_names_the_segment_that_it_was_for_and_one_without_names_none() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..200)).await;
    let missing = "“Other” could not be worked on: the file is not there. Drop a better file.";
    let in_vain = "A dry run for “Other” came to nothing: the file is not there. Nothing was changed.";
    let nameless = "A dry run came to nothing: the file is not there. Nothing was changed.";
    for (fields, name, told) in [
        (json!({"segment_name": "Other"}), json!("Other"), missing),
        (
            json!({"segment_name": "Other", "dry_run": true}),
            json!("Other"),
            in_vain,
        ),
        (json!({"dry_run": true}), Value::Null, nameless),
    ] {
        let run = world.load_directly("incoming/none.csv", &fields).await;
        run.assert_failed().as_type("SourceMissing");
        assert_eq!((sentence(&run), &run["segment_name"]), (told, &name), "{run}");
    }
    let sample = json!({"segment_name": "Other", "sample": 5});
    let run = world.load_directly("incoming/none.csv", &sample).await;
    assert!(sentence(&run).starts_with("“Other (test)” could not"), "{run}");
    let history = world
        .invoke(json!({"action": "history", "segment_name": "Other"}))
        .await
        .unwrap();
    assert_eq!(history["runs"].as_array().unwrap().len(), 1, "{history}");
}
