//! The actions beyond adding, listing and publishing.

use super::{Client, body, code, contacts, seeded};
use reqwest::Method;
use sandbox::dataverse::Seed;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

async fn result_text(client: &Client, action: &str, segment: Uuid) -> Value {
    let answer = body(client.act(action, json!({"SegmentId": segment.to_string()})).await).await;
    assert_eq!(answer["StatusCode"], 200);
    serde_json::from_str(answer["ResultText"].as_str().expect("it is a string")).expect("it is JSON")
}

#[tokio::test]
async fn members_are_those_published_without_the_excluded_and_the_invisible() {
    let client = Client::start().await;
    let dataverse = &client.sandbox.dataverse;
    dataverse.drop_at_compute(contacts(0..1));
    let seed = Seed::named("Mixed")
        .group(contacts(0..4))
        .group(contacts(2..6))
        .exclude(contacts(3..4));
    let segment = dataverse.seed_segment(seed);
    assert_eq!(
        dataverse.segment("Mixed").members,
        contacts(0..6),
        "the draft shows what was put in"
    );
    let published = result_text(&client, "MembersList", segment).await;
    assert_eq!(published["totalCount"], 4);
    assert_eq!(published["members"].as_array().map(Vec::len), Some(4));
    assert_eq!(published["hasNextPage"], false);
    let status = result_text(&client, "SegmentStatus", segment).await;
    assert_eq!(status["lastExecution"]["status"], "Success");
}

#[tokio::test(start_paused = true)]
async fn a_removal_takes_effect_at_the_next_publish() {
    let client = Client::start().await;
    let dataverse = &client.sandbox.dataverse;
    let segment = dataverse.seed_segment(Seed::named("S").group(contacts(0..5)));
    let group = dataverse.segment("S").groups[0].id;
    let ids: Vec<String> = contacts(0..2).iter().map(Uuid::to_string).collect();
    let content = json!({"SegmentId": segment.to_string(), "GroupId": group.to_string(), "EntityIds": ids});
    assert_eq!(client.act("RemoveStaticMembers", content).await.status(), 204);
    assert_eq!(dataverse.segment("S").members, contacts(2..5));
    assert_eq!(dataverse.segment("S").published, Some(contacts(0..5)));
    client.publish(segment).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let view = dataverse.segment("S");
    assert_eq!(
        (view.published, view.history.len(), view.publishes),
        (Some(contacts(2..5)), 2, 1)
    );
}

#[tokio::test]
async fn what_a_live_journey_uses_is_neither_stopped_nor_edited() {
    let client = Client::start().await;
    let dataverse = &client.sandbox.dataverse;
    let (free, _) = seeded(&client);
    let used = dataverse.seed_segment(Seed::named("Used").group(contacts(0..1)).locked_by_journey());
    let content = json!({"SegmentIdList": [free.to_string(), used.to_string()]});
    let stopped = body(client.act("StopSegments", content).await).await;
    let results = stopped["stopSingleSegmentResults"]
        .as_array()
        .expect("there are results")
        .clone();
    let outcomes: Vec<_> = results.into_iter().map(|result| result["WasStopped"].clone()).collect();
    assert_eq!(outcomes, [true, false]);
    assert_eq!(dataverse.segment("Seeded").statuscode, 9);

    let view = dataverse.segment("Used");
    assert_eq!(
        code(client.add(used, view.groups[0].id, &contacts(1..2)).await).await.1,
        "0x80040265"
    );
    assert_eq!(code(client.publish(used).await).await.1, "0x80040265");
    let definition = view.definition_id.expect("it was put in");
    let row = format!("msdynmkt_segmentdefinitions({definition})");
    let change = json!({"msdynmkt_disablesegmentrefresh": true});
    assert_eq!(client.send(Method::PATCH, &row, &[], Some(&change)).await.status(), 400);
    assert_eq!(dataverse.segment("Used").members, contacts(0..1));
}

#[tokio::test]
async fn a_definition_takes_ten_groups_with_ids_of_their_own() {
    let client = Client::start().await;
    let group = |id: u128| {
        let id = Uuid::from_u128(id).to_string();
        json!({"groupId": id, "includeType": "Include", "name": "g", "inputType": "manualSelect"})
    };
    let create = async |groups: Vec<Value>| {
        let content = json!({"msdynmkt_name": "n", "msdynmkt_staticlistmembers": Value::from(groups).to_string()});
        let sent = client.send(Method::POST, "msdynmkt_segmentdefinitions", &[], Some(&content));
        sent.await.status().as_u16()
    };
    assert_eq!(create((0..10).map(group).collect()).await, 204);
    assert_eq!(create((0..11).map(group).collect()).await, 400);
    assert_eq!(create(vec![group(1), group(1)]).await, 400);
    client.sandbox.dataverse.seed_orphan("Orphan");
    assert_eq!(client.sandbox.dataverse.definitions().len(), 2);
    assert!(client.sandbox.dataverse.segments("Orphan").is_empty());
}
