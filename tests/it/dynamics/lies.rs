//! A server whose rows lack what was asked for, or are others than were asked for: nothing is created, written or published
//! on its word.

use crate::world::{SEGMENT, World, contact, contacts};
use sandbox::Fault;
use sandbox::dataverse::{Filtering, Seed};
use serde_json::{Value, json};
use uuid::Uuid;

const SEGMENTS: &str = "GET msdynmkt_segments";
const DEFINITIONS: &str = "GET msdynmkt_segmentdefinitions";
const MEMBERS: &str = "ListGroupMembers";

/// A world with a published segment of 100 members.
async fn world() -> World {
    let world = World::start().await;
    let seed = Seed::named(SEGMENT).group(contacts(0..100));
    world.sandbox.dataverse.seed_segment(seed);
    world
}

/// Loads 110 contacts and returns error type and sentence of the failure.
async fn failed_load(world: &World) -> (String, String) {
    let key = world.drop_contacts("monday.csv", &contacts(0..110));
    let run = world.load_directly(&key, &json!({})).await;
    run.assert_failed();
    let text = |field: &str| run[field].as_str().unwrap_or_default().to_owned();
    (text("error_type"), text("reason"))
}

fn assert_nothing_was_done(world: &World, why: &str) {
    assert_eq!(world.sandbox.dataverse.writes(), 0, "{why}");
    assert_eq!(world.sandbox.dataverse.definitions().len(), 1, "{why}");
    assert_eq!(world.segment().members, contacts(0..100), "{why}");
    assert_eq!(world.published(), contacts(0..100), "{why}");
}

/// Puts a value into the first row of a list, or into the only row; null stays null.
fn spoil(body: &mut Value, field: &str, value: &Value) {
    let row = if body["value"].is_array() {
        &mut body["value"][0]
    } else {
        body
    };
    row[field] = value.clone();
}

fn remove(body: &mut Value, field: &str) {
    let row = if body["value"].is_array() {
        &mut body["value"][0]
    } else {
        body
    };
    row.as_object_mut().unwrap().remove(field);
}

#[tokio::test(start_paused = true)]
async fn a_row_that_lacks_what_was_asked_for_is_no_absence() {
    let no_type = json!([{"groupId": Uuid::from_u128(7).to_string(), "name": "x"}]).to_string();
    let no_id = json!([{"includeType": "Include", "name": "x"}]).to_string();
    let mut cases = vec![
        (SEGMENTS, "msdynmkt_displayname", json!(null)),
        (SEGMENTS, "msdynmkt_displayname", json!(7)),
        (SEGMENTS, "msdynmkt_segmentid", json!(null)),
        (SEGMENTS, "msdynmkt_segmentid", json!("x")),
        (SEGMENTS, "msdynmkt_segmentid", json!(Uuid::nil().to_string())),
        (SEGMENTS, "msdynmkt_sourcesegmentuid", json!(null)),
        (SEGMENTS, "msdynmkt_sourcesegmentuid", json!("socks")),
        (SEGMENTS, "statuscode", json!(null)),
        (SEGMENTS, "statuscode", json!("1")),
        (SEGMENTS, "statuscode", json!(1.5)),
        (SEGMENTS, "msdynmkt_membercount", json!("100")),
        (SEGMENTS, "msdynmkt_membercount", json!(-1)),
        (SEGMENTS, "msdynmkt_membercount", json!(1e30)),
        (SEGMENTS, "msdynmkt_publishedjourneycount", json!("two")),
        (DEFINITIONS, "@odata.etag", json!(null)),
        (DEFINITIONS, "@odata.etag", json!("W/".repeat(1_000))),
        (DEFINITIONS, "msdynmkt_segmentdefinitionid", json!(null)),
        (
            DEFINITIONS,
            "msdynmkt_segmentdefinitionid",
            json!(Uuid::from_u128(7).to_string()),
        ),
        (DEFINITIONS, "msdynmkt_staticlistmembers", json!([])),
        (DEFINITIONS, "msdynmkt_staticlistmembers", json!("{")),
        (DEFINITIONS, "msdynmkt_staticlistmembers", json!(no_type)),
        (DEFINITIONS, "msdynmkt_staticlistmembers", json!(no_id)),
        (DEFINITIONS, "msdynmkt_segmentquery", json!(7)),
        (DEFINITIONS, "msdynmkt_disablesegmentrefresh", json!("no")),
    ];
    // A field may be missing altogether, too.
    let fields: Vec<_> = cases.iter().map(|(operation, field, _)| (*operation, *field)).collect();
    cases.extend(
        fields
            .into_iter()
            .map(|(operation, field)| (operation, field, json!({"missing": true}))),
    );
    cases.retain(|(_, field, value)| value.is_object() <= (*field != "msdynmkt_publishedjourneycount"));
    for (operation, field, value) in cases {
        let world = world().await;
        let why = format!("{field}: {value}");
        world
            .sandbox
            .dataverse
            .fault(Fault::on(operation).always().rewrite(move |body| {
                if value.is_object() {
                    remove(body, field);
                } else {
                    spoil(body, field, &value);
                }
            }));
        let (error_type, reason) = failed_load(&world).await;
        assert_eq!(error_type, "DynamicsAnswerUnexpected", "{why}: {reason}");
        assert!(reason.contains(&format!("`{field}` ")), "{why}: {reason}");
        assert!(!reason.contains("socks") && !reason.contains("two"), "{why}: {reason}");
        assert_nothing_was_done(&world, &why);
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_of_rows_that_is_none_is_no_absence() {
    for (body, says) in [
        (json!({}), "`value` is missing"),
        (json!({"value": null}), "`value` is null"),
        (json!({"value": {}}), "`value` is no list"),
        (json!({"value": [7]}), "no JSON object"),
        (
            json!({"value": [], "@odata.nextLink": 7}),
            "`@odata.nextLink` is no text",
        ),
        (
            json!({"value": [], "@odata.count": 1}),
            "`@odata.count` is 1, and 0 rows came",
        ),
        (
            json!({"value": [], "@odata.count": "1"}),
            "`@odata.count` is no whole number",
        ),
        (json!([]), "no JSON object"),
        (json!("nothing"), "no JSON object"),
        (json!(null), "no JSON object"),
    ] {
        let world = world().await;
        world
            .sandbox
            .dataverse
            .fault(Fault::on(SEGMENTS).always().says(move |_| body.clone()));
        let (error_type, reason) = failed_load(&world).await;
        assert_eq!(error_type, "DynamicsAnswerUnexpected", "{reason}");
        assert!(
            reason.starts_with("could not find the segment") && reason.contains(says),
            "{says}: {reason}"
        );
        assert_nothing_was_done(&world, says);
    }
}

#[tokio::test(start_paused = true)]
async fn a_field_that_stands_twice_or_a_row_that_comes_twice_is_not_chosen_between() {
    let world = world().await;
    let twice = r#"{"value":[],"value":[]}"#;
    let rule = Fault::on(SEGMENTS).answer(200).body("application/json", twice);
    world.sandbox.dataverse.fault(rule);
    world
        .sandbox
        .dataverse
        .fault(Fault::on(SEGMENTS).nth(2).rewrite(|body| {
            let row = body["value"][0].clone();
            body["value"].as_array_mut().unwrap().push(row);
        }));
    for says in ["the same field stands in it twice", "it holds the same row twice"] {
        let (error_type, reason) = failed_load(&world).await;
        assert_eq!(error_type, "DynamicsAnswerUnexpected");
        assert!(reason.contains(says), "{reason}");
        assert_nothing_was_done(&world, says);
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_of_members_that_is_none_is_never_an_empty_group() {
    let id = contact(0).to_string();
    for response in [
        json!(null),
        json!(""),
        json!({"entityIds": null}),
        json!({"entityIds": [id, null]}),
        json!({"entityIds": [id, ""]}),
        json!({"entityIds": [{"contactid": id}]}),
        json!({"entityIds": [format!("{id},,{id}")]}),
        json!({"entityIds": ["no id"]}),
        json!({"entityIds": [Uuid::nil().to_string()]}),
        json!({"entityIds": [id], "members": []}),
        json!("{\"entityIds\":[\"8f2a1c34"),
        json!({}),
    ] {
        let world = world().await;
        let why = response.to_string();
        let answer = json!({"Response": response});
        world
            .sandbox
            .dataverse
            .fault(Fault::on(MEMBERS).always().says(move |_| answer.clone()));
        let (error_type, reason) = failed_load(&world).await;
        assert_eq!(error_type, "DynamicsAnswerUnexpected", "{why}: {reason}");
        assert!(reason.contains("no list of contact ids"), "{reason}");
        assert_nothing_was_done(&world, &why);
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_that_is_none_after_publishing_is_never_active() {
    for (field, value) in [
        ("statuscode", json!("1")),
        ("statuscode", json!(null)),
        ("statuscode", json!(true)),
        ("msdynmkt_segmentid", json!(Uuid::from_u128(7).to_string())),
        ("msdynmkt_membercount", json!("110")),
    ] {
        let world = world().await;
        let rule = Fault::on(SEGMENTS).path("msdynmkt_segments(").nth(2).always();
        world
            .sandbox
            .dataverse
            .fault(rule.rewrite(move |body| spoil(body, field, &value)));
        let (error_type, reason) = failed_load(&world).await;
        assert_eq!(error_type, "DynamicsAnswerUnexpected", "{reason}");
        assert!(reason.contains(field), "{reason}");
        assert_eq!(world.segment().members, contacts(0..110));
    }
}

#[tokio::test(start_paused = true)]
async fn rows_that_do_not_match_exactly_are_not_ours() {
    for there in [true, false] {
        for rows_per_page in [5_000, 1] {
            let world = World::start().await;
            let dataverse = &world.sandbox.dataverse;
            dataverse.modes(|modes| (modes.filtering, modes.row_page) = (Filtering::Ignored, rows_per_page));
            let others = [
                "summer sale",
                "Summer Sale ",
                "SUMMER SALE",
                "Summer  Sale",
                "Socks",
                "Winter",
            ];
            for other in others {
                dataverse.seed_segment(Seed::named(other).group(contacts(0..3)));
                dataverse.seed_orphan(other);
            }
            if there {
                dataverse.seed_segment(Seed::named(SEGMENT).group(contacts(0..100)));
            }
            let key = world.drop_contacts("monday.csv", &contacts(0..110));
            let run = world.load_directly(&key, &json!({})).await;
            if there {
                run.assert_loaded();
                assert_eq!(world.published(), contacts(0..110));
            } else {
                // Among rows that nobody asked for, a name that is missing is no absence.
                run.as_type("DynamicsAnswerUnexpected");
                assert!(world.sandbox.dataverse.segments(SEGMENT).is_empty());
            }
            for other in others {
                assert_eq!(
                    world.sandbox.dataverse.segment(other).members,
                    contacts(0..3),
                    "{other}"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_row_of_another_name_is_noticed_before_anything_is_written_to_it() {
    let world = World::start().await;
    let rule = Fault::on(SEGMENTS).path("msdynmkt_segments(").always();
    world
        .sandbox
        .dataverse
        .fault(rule.rewrite(|body| body["msdynmkt_displayname"] = json!("Somebody else's")));
    let (error_type, reason) = failed_load(&world).await;
    assert_eq!(error_type, "DynamicsAnswerUnexpected");
    assert!(
        reason.contains("another name or definition than was written"),
        "{reason}"
    );
    assert_eq!(world.sandbox.dataverse.count("AddStaticMembers"), 0);
    assert_eq!(world.sandbox.dataverse.count("PublishSegmentDefinition"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_contact_is_missing_only_where_all_rows_came() {
    let world = world().await;
    world.destination(&json!({"check_contacts": "added"}));
    let dataverse = &world.sandbox.dataverse;
    for (change, says) in [
        (
            (|body| spoil(body, "contactid", &json!(null))) as fn(&mut Value),
            "`contactid` is null",
        ),
        (|body| remove(body, "contactid"), "`contactid` is missing"),
        (|body| spoil(body, "contactid", &json!("x")), "`contactid` is no GUID"),
        (
            |body| drop(body["value"].as_array_mut().unwrap().pop()),
            "`@odata.count` is 10, and 9 rows came",
        ),
    ] {
        dataverse.clear_faults();
        dataverse.fault(Fault::on("GET contacts").always().rewrite(change));
        let (error_type, reason) = failed_load(&world).await;
        assert_eq!(error_type, "DynamicsAnswerUnexpected");
        assert!(
            reason.starts_with("could not look the contacts up") && reason.contains(says),
            "{reason}"
        );
        assert_nothing_was_done(&world, says);
    }
    dataverse.clear_faults();
    // One row a page, and one that nobody asked for: what is missing then proves nothing.
    dataverse.modes(|modes| modes.row_page = 1);
    dataverse.set_known_contacts(contacts(0..105));
    dataverse.fault(Fault::on("GET contacts").rewrite(|body| {
        let other = json!({"contactid": contact(108).to_string()});
        body["value"].as_array_mut().unwrap().push(other);
    }));
    world.destination(&json!({"max_invalid_percent": 10}));
    let key = world.drop_contacts("tuesday.csv", &contacts((0..108).chain([109])));
    let unsure = world.load_directly(&key, &json!({})).await;
    unsure.as_type("DynamicsAnswerUnexpected");
    let run = world.load_directly(&key, &json!({})).await;
    run.assert_loaded().not_found(4);
    assert_eq!(world.published(), contacts(0..105));
}

#[tokio::test(start_paused = true)]
async fn who_the_application_is_must_be_answered() {
    let world = world().await;
    for (answer, says) in [
        (json!({}), "`UserId` is missing"),
        (json!({"UserId": null}), "`UserId` is null"),
        (json!({"UserId": Uuid::nil().to_string()}), "`UserId` is no GUID"),
    ] {
        world.sandbox.dataverse.clear_faults();
        world
            .sandbox
            .dataverse
            .fault(Fault::on("WhoAmI").says(move |_| answer.clone()));
        let answer = world.invoke(json!({"action": "test_connection"})).await.unwrap();
        let last = answer["checks"].as_array().unwrap().last().unwrap().clone();
        assert_eq!((&answer["ok"], &last["name"]), (&json!(false), &json!("who_am_i")));
        assert!(last["detail"].as_str().unwrap().contains(says), "{last}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_something_else_than_dynamics_answered_is_not_believed() {
    for operation in [
        "PATCH msdynmkt_segmentdefinitions",
        "AddStaticMembers",
        "RemoveStaticMembers",
        "PublishSegmentDefinition",
    ] {
        let world = World::start().await;
        let seed = Seed::named(SEGMENT).group(contacts(0..100)).with_refresh();
        world.sandbox.dataverse.seed_segment(seed);
        world
            .sandbox
            .dataverse
            .fault(Fault::on(operation).always().answer(200).html());
        let key = world.drop_contacts("monday.csv", &contacts(5..110));
        let run = world.load_directly(&key, &json!({})).await;
        run.as_type("DynamicsUnavailable");
        let reason = run.reason();
        assert!(reason.contains("a web page instead of an answer"), "{reason}");
        assert_eq!(world.published(), contacts(0..100));
    }
}
