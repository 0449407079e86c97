//! Business units: which one owns what is created, and whose segment of a name is meant.

use crate::failures::{deliver_to, failure_of, outcomes, sweep};
use crate::world::{SEGMENT, World, contacts, csv};
use sandbox::dataverse::{OWNER, ROOT_UNIT, Scoping, Seed, SegmentView, Units};
use sandbox::{BUCKET, Fault};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

pub(crate) const SOCKS: Uuid = Uuid::from_u128(0x5f1c_0000_0000_4000_8000_0000_0000_0001);
pub(crate) const SHOES: Uuid = Uuid::from_u128(0x5f1c_0000_0000_4000_8000_0000_0000_0002);

/// An organization with two units below the top, and a destination that names one of them.
pub(crate) async fn with_unit(named: &str) -> World {
    let world = World::start().await;
    world.sandbox.dataverse.edit(|state| {
        state.add_business_unit(SOCKS, "Socks & Süd");
        state.add_business_unit(SHOES, "Shoes");
    });
    world.destination(&json!({"owning_business_unit": named}));
    world
}

fn of_unit(world: &World, unit: Uuid) -> Vec<SegmentView> {
    let mut segments = world.sandbox.dataverse.segments(SEGMENT);
    segments.retain(|segment| segment.fields[OWNER] == json!(unit.to_string()));
    segments
}

pub(crate) fn published(world: &World, unit: Uuid) -> Option<Vec<Uuid>> {
    let [segment] = &of_unit(world, unit)[..] else {
        panic!("not one segment of {unit}");
    };
    segment.published.clone()
}

#[tokio::test(start_paused = true)]
async fn a_unit_owns_what_is_created_and_chooses_between_segments_of_one_name() {
    for named in [
        &*SOCKS.to_string(),
        &SOCKS.braced().to_string().to_uppercase(),
        "Socks & Süd",
    ] {
        let world = with_unit(named).await;
        for unit in [ROOT_UNIT, SHOES] {
            let seed = Seed::named(SEGMENT).group(contacts(500..600)).owned_by(unit);
            world.sandbox.dataverse.seed_segment(seed);
        }
        let key = world.drop_contacts("monday.csv", &contacts(0..100));
        let dry = world.load_directly(&key, &json!({"dry_run": true})).await;
        assert_eq!(
            (&dry["added"], &dry["segment_id"]),
            (&json!(100), &json!(null)),
            "{dry}"
        );
        world.run(&key).await.assert_loaded().added(100);
        world
            .load("tuesday.csv", &contacts(0..110))
            .await
            .assert_loaded()
            .added(10);
        assert_eq!(published(&world, SOCKS), Some(contacts(0..110)), "{named}");
        for unit in [ROOT_UNIT, SHOES] {
            assert_eq!(published(&world, unit), Some(contacts(500..600)), "{named}");
        }
        let seed = Seed::named(SEGMENT).owned_by(SOCKS);
        world.sandbox.dataverse.seed_segment(seed);
        let run = world.load("wednesday.csv", &contacts(0..120)).await;
        assert_eq!(run["error_type"], json!("SeveralSegments"), "{named}: {run}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_unit_the_application_user_s_owns_what_is_created_and_two_of_one_name_are_several() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..100)).await.assert_loaded();
    assert_eq!(published(&world, ROOT_UNIT), Some(contacts(0..100)));
    world
        .sandbox
        .dataverse
        .seed_segment(Seed::named(SEGMENT).owned_by(SOCKS));
    let run = world.load("tuesday.csv", &contacts(0..110)).await;
    assert_eq!(run["error_type"], json!("SeveralSegments"), "{run}");
    assert_eq!(world.sandbox.dataverse.count("GET businessunits"), 0);
}

/// Asks in every way that looks a unit up, and asserts that all say why it is not fit, with nothing written.
async fn assert_unfit(world: &World, expected: &str) {
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let (kind, reason) = failure_of(world, &key).await;
    assert_eq!(kind, "BusinessUnitUnknown", "{reason}");
    assert!(
        reason.contains(expected) && reason.contains("owning_business_unit"),
        "{reason}"
    );
    let dry = world.load_directly(&key, &json!({"dry_run": true})).await;
    assert_eq!(
        (&dry["outcome"], &dry["error_type"]),
        (&json!("failed"), &json!("BusinessUnitUnknown")),
        "{dry}"
    );
    let swept = world.invoke(json!({"action": "sweep"})).await.unwrap_err();
    assert_eq!(swept.error_type(), "BusinessUnitUnknown");
    let tested = world.invoke(json!({"action": "test_connection"})).await.unwrap();
    let last = tested["checks"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&tested["ok"], &last["name"], &last["ok"]),
        (&json!(false), &json!("business_unit"), &json!(false)),
        "{tested}"
    );
    let verified = world.invoke(json!({"action": "verify_environment"})).await.unwrap();
    assert!(
        verified["facts"][0]["detail"].to_string().contains(expected),
        "{verified}"
    );
    assert_eq!(world.sandbox.dataverse.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_ambiguous_disabled_or_forbidden_unit_fails_before_anything_is_written() {
    type Prepare<'a> = &'a dyn Fn(&World);
    let twin = |world: &World| {
        let id = Uuid::from_u128(0x5f1c_0000_0000_4000_8000_0000_0000_0003);
        world
            .sandbox
            .dataverse
            .edit(|state| state.add_business_unit(id, "Shoes"));
    };
    let disable = |world: &World| {
        world.sandbox.dataverse.edit(|state| {
            let row = state.business_units.get_mut(&SHOES).unwrap();
            row.change(&[("isdisabled", json!(true))], 1);
        });
    };
    let deny = |world: &World| world.sandbox.dataverse.deny("GET businessunits");
    let nothing = |_: &World| {};
    let cases: [(&str, &str, Prepare); 8] = [
        ("Boots", "is not found", &nothing),
        ("shoes", "is not found", &nothing),
        ("5f1c0000-0000-4000-8000-000000000009", "is not found", &nothing),
        ("Shoes", "is the name of several", &twin),
        ("Shoes", "is disabled", &disable),
        (&SHOES.to_string(), "is disabled", &disable),
        ("Shoes", "cannot be read", &deny),
        (&SHOES.to_string(), "cannot be read", &deny),
    ];
    for (named, expected, prepare) in cases {
        let world = with_unit(named).await;
        prepare(&world);
        assert_unfit(&world, expected).await;
        world.destination(&json!({"owning_business_unit": SOCKS.to_string()}));
        world.sandbox.dataverse.modes(|modes| modes.denied.clear());
        assert_eq!(
            outcomes(&sweep(&world).await),
            ["loaded"],
            "it is found by a sweep: {named}"
        );
        assert_eq!(published(&world, SOCKS), Some(contacts(0..100)), "{named}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_of_units_that_has_not_looked_for_the_name_proves_nothing() {
    let world = with_unit("Boots").await;
    let odd = Fault::on("GET businessunits").always();
    let other = json!({"value": [{"businessunitid": SHOES.to_string(), "name": "Shoes", "isdisabled": false}]});
    world
        .sandbox
        .dataverse
        .fault(odd.answer(200).body("application/json", &other.to_string()));
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    assert_eq!(failure_of(&world, &key).await.0, "DynamicsAnswerUnexpected");
}

#[tokio::test(start_paused = true)]
async fn a_unit_in_which_the_application_user_may_create_nothing_is_told_and_loaded_once_it_may() {
    let world = with_unit("Shoes").await;
    world.sandbox.dataverse.modes(|modes| modes.units = Units::Closed);
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let (kind, reason) = failure_of(&world, &key).await;
    assert_eq!(kind, "BusinessUnitUnknown", "{reason}");
    assert!(reason.contains("cannot be given a segment"), "{reason}");
    assert_eq!(world.sandbox.dataverse.segments(SEGMENT).len(), 0);
    assert_eq!(world.sandbox.dataverse.definitions().len(), 0, "nothing is left behind");
    world.sandbox.dataverse.deny("DELETE msdynmkt_segmentdefinitions");
    tokio::time::sleep(Duration::from_mins(16)).await;
    sweep(&world).await;
    assert_eq!(world.sandbox.dataverse.definitions().len(), 1, "it may not be deleted");
    world.sandbox.dataverse.modes(|modes| modes.units = Units::Bound);
    tokio::time::sleep(Duration::from_mins(31)).await;
    assert_eq!(outcomes(&sweep(&world).await), ["loaded"]);
    assert_eq!(published(&world, SHOES), Some(contacts(0..100)));
    assert_eq!(
        world.sandbox.dataverse.definitions().len(),
        1,
        "the one that was there is used"
    );
}

#[tokio::test(start_paused = true)]
async fn a_definition_that_was_there_stays_where_its_segment_may_not_be_created() {
    let world = with_unit("Shoes").await;
    world.sandbox.dataverse.modes(|modes| modes.units = Units::Closed);
    world.sandbox.dataverse.deny("DELETE msdynmkt_segmentdefinitions");
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    failure_of(&world, &key).await;
    world.sandbox.dataverse.modes(|modes| modes.denied.clear());
    tokio::time::sleep(Duration::from_mins(31)).await;
    sweep(&world).await;
    assert_eq!(
        world.sandbox.dataverse.definitions().len(),
        1,
        "nobody knows whose it is"
    );
}

#[tokio::test(start_paused = true)]
async fn where_dynamics_gives_the_segment_to_another_unit_none_is_created_again_and_nothing_is_published() {
    let world = with_unit("Shoes").await;
    world.sandbox.dataverse.modes(|modes| modes.units = Units::Ignored);
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    for _ in 1..=3 {
        let run = world.load_directly(&key, &json!({})).await;
        assert_eq!(run["error_type"], json!("BusinessUnitUnknown"), "{run}");
        run.says("did not become the owner");
        tokio::time::sleep(Duration::from_mins(40)).await;
    }
    let segment = world.segment();
    assert_eq!((segment.publishes, segment.members.len()), (0, 0));
    let owner = [(OWNER, json!(SHOES.to_string()))];
    world
        .sandbox
        .dataverse
        .edit(|state| state.set_segment(segment.id, &owner));
    world.load_directly(&key, &json!({})).await.assert_loaded();
    assert_eq!(published(&world, SHOES), Some(contacts(0..100)));
}

#[tokio::test(start_paused = true)]
async fn functions_of_two_units_and_of_none_share_a_bucket_and_touch_nothing_of_each_other() {
    let world = with_unit("Shoes").await;
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    world.sandbox.dataverse.deny("DELETE msdynmkt_segmentdefinitions");
    let mut runs = Vec::new();
    for unit in [json!(SHOES.to_string()), json!("Socks & Süd"), json!(null)] {
        // Left by a run that died between its two creates: another unit's is none of ours.
        world.destination(&json!({"owning_business_unit": unit}));
        let killed = Fault::on("POST msdynmkt_segments").times(1);
        world.sandbox.dataverse.fault(killed.answer(403).code("0x80040220"));
        failure_of(&world, &key).await;
        if unit == json!(null) {
            continue;
        }
        assert_eq!(world.sandbox.dataverse.segments(SEGMENT).len(), 0, "not yet");
    }
    assert_eq!(world.sandbox.dataverse.definitions().len(), 3);
    tokio::time::sleep(Duration::from_mins(31)).await;
    for unit in [json!("Shoes"), json!(SOCKS.to_string())] {
        world.destination(&json!({"owning_business_unit": unit}));
        runs.push(world.load_directly(&key, &json!({})).await["run_id"].clone());
    }
    assert_ne!(runs[0], runs[1]);
    assert_eq!(world.sandbox.dataverse.definitions().len(), 3, "each has used its own");
    let heads = world.sandbox.s3.keys(BUCKET, "_state/segments/");
    assert_eq!(heads.len(), 3, "{heads:?}");
    for unit in [SHOES, SOCKS] {
        assert_eq!(published(&world, unit), Some(contacts(0..100)));
    }
    assert_eq!(
        of_unit(&world, ROOT_UNIT).len(),
        0,
        "sweeps of others leave its head alone"
    );
    let status = world.invoke(json!({"action": "status"})).await.unwrap();
    assert_eq!(status["segments"].as_array().unwrap().len(), 3, "{status}");
}

#[tokio::test(start_paused = true)]
async fn the_trial_segment_is_the_unit_s_and_is_removed_by_a_function_of_another_unit_too() {
    let world = with_unit("Shoes").await;
    world.load("monday.csv", &contacts(0..100)).await.assert_loaded();
    world.sandbox.dataverse.deny("DELETE msdynmkt_segments");
    let answer = world.invoke(json!({"action": "verify_environment"})).await.unwrap();
    assert_eq!(
        (&answer["ok"], &answer["cleaned_up"]),
        (&json!(true), &json!(false)),
        "{answer}"
    );
    let name = answer["segment_name"].as_str().unwrap().to_owned();
    let trial = world.sandbox.dataverse.segment(&name);
    assert_eq!(trial.fields[OWNER], json!(SHOES.to_string()));
    world.sandbox.dataverse.modes(|modes| modes.denied.clear());
    world.destination(&json!({"owning_business_unit": SOCKS.to_string()}));
    world.sandbox.s3.clock().advance(Duration::from_hours(25));
    sweep(&world).await;
    assert_eq!(world.sandbox.dataverse.segments(&name).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn with_scoping_only_contacts_of_the_owner_s_unit_are_counted_and_the_rest_is_missing() {
    for (scoping, missing) in [(Scoping::Off, 0), (Scoping::On, 10)] {
        let world = with_unit("Shoes").await;
        world.sandbox.dataverse.modes(|modes| modes.scoping = scoping);
        let of_shoes = contacts(0..90).into_iter().map(|id| (id.as_u128(), SHOES));
        world
            .sandbox
            .dataverse
            .edit(|state| state.contacts.units.extend(of_shoes));
        let run = world.load("monday.csv", &contacts(0..100)).await;
        run.assert_loaded();
        assert_eq!(run["published_missing"], json!(missing), "{run}");
        if missing > 0 {
            run.warns("of another business unit than the segment's owner");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_is_named_by_its_name_has_segments_that_grow_stale() {
    for named in ["Shoes", &SHOES.to_string()] {
        let world = with_unit(named).await;
        world.destination(&json!({"stale_after_hours": 24}));
        world.load("monday.csv", &contacts(0..100)).await.assert_loaded();
        world.sandbox.s3.clock().advance(Duration::from_hours(25));
        let state = |status: &Value| status["segments"][0]["state"].clone();
        let status = world.invoke(json!({"action": "status"})).await.unwrap();
        assert_eq!(state(&status), json!("stale"), "{status}");
        world.destination(&json!({"owning_business_unit": null}));
        let status = world.invoke(json!({"action": "status"})).await.unwrap();
        assert_eq!(state(&status), json!("fresh"), "another home's: {status}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_history_of_a_unit_is_its_own_whichever_way_it_is_named() {
    let world = with_unit("Shoes").await;
    let mut runs = Vec::new();
    let units = [json!("Shoes"), json!("Socks & Süd"), json!(null)];
    for (unit, file) in units.iter().zip(["monday.csv", "tuesday.csv", "wednesday.csv"]) {
        world.destination(&json!({"owning_business_unit": unit}));
        runs.push(world.load(file, &contacts(0..100)).await["run_id"].clone());
    }
    let ids = [json!(SHOES.to_string()), json!(SOCKS.to_string()), json!(null)];
    for (unit, own) in units.iter().chain(&ids).zip(runs.iter().chain(&runs)) {
        world.destination(&json!({"owning_business_unit": unit}));
        let history = world.invoke(json!({"action": "history"})).await.unwrap();
        let told = history["runs"].as_array().unwrap().iter().map(|run| &run["run_id"]);
        assert_eq!(told.collect::<Vec<_>>(), [own], "{unit}");
    }
}

/// Both write the one page: whoever pastes a command of it has to reach the function that has refused the file.
#[tokio::test(start_paused = true)]
async fn of_two_functions_for_two_units_each_prints_commands_for_its_own_segments_only_and_says_whose_a_segment_is() {
    let functions = [("socks", "Socks & Süd", SOCKS), ("shoes", "Shoes", SHOES)];
    let world = with_unit("Shoes").await;
    for (function, unit, id) in functions {
        world.destination(&json!({"owning_business_unit": unit}));
        let name = [("AWS_LAMBDA_FUNCTION_NAME", function), ("EVENT_BUS_NAME", "marketing")];
        let app = World::app(&world.sandbox, &name);
        for (file, people) in [("a.csv", 0..100), ("b.csv", 0..10)] {
            let key = format!("incoming/Of {function}/{file}");
            world.sandbox.s3.put(BUCKET, &key, csv(&contacts(people)));
            let event = world.sandbox.s3.notification(BUCKET, &key);
            let run = deliver_to(&app, event).await;
            assert_eq!(run["business_unit"], json!(id.to_string()), "{run}");
        }
        let page = world.sandbox.s3.get(BUCKET, "_state/status.html").unwrap();
        let page = String::from_utf8(page.to_vec()).unwrap();
        let commands: Vec<_> = page.split("--function-name ").skip(1).collect();
        assert_eq!(commands.len(), 1, "{page}");
        assert!(commands[0].starts_with(function), "{page}");
    }
    let told = world.sandbox.events.events();
    let units: Vec<_> = told.iter().map(|event| event.detail["business_unit"].clone()).collect();
    let ids = functions.map(|(_, _, id)| json!(id.to_string()));
    assert_eq!(units, [&ids[0], &ids[0], &ids[1], &ids[1]].map(Value::clone));
    let status = world.invoke(json!({"action": "status"})).await.unwrap();
    for segment in status["segments"].as_array().unwrap() {
        let of = functions
            .iter()
            .find(|(function, ..)| segment["segment_name"] == format!("Of {function}"));
        assert_eq!(segment["business_unit"], json!(of.unwrap().2.to_string()), "{status}");
    }
}
