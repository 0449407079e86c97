//! Several environments behind one bucket: each has its own past, and none touches another's.

use crate::failures::{deliver_to, kill_at, outcomes, sweep};
use crate::upgrade::{FORMER, age_the_head};
use crate::world::{FIFTEEN_MINUTES, World, contacts};
use sandbox::{BUCKET, DESTINATION_SECRET, Fault, Sandbox};
use serde_json::{Value, json};
use std::time::Duration;

/// Another environment, and what the destination secret says to be sent there.
async fn another() -> (Sandbox, Value) {
    let sandbox = Sandbox::start().await;
    let destination = json!({
        "environment_url": sandbox.organization_url(),
        "credential": {
            "tenant_id": sandbox::entra::TENANT, "client_id": sandbox::entra::CLIENT,
            "client_secret": sandbox::entra::CLIENT_SECRET, "authority_url": sandbox.authority_url(),
        },
    });
    (sandbox, destination)
}

fn host(sandbox: &Sandbox) -> String {
    sandbox.organization_url().replace("http://", "").replace('/', "")
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_is_switched_to_another_environment_begins_with_no_past() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let first = world.run(&key).await;
    first.assert_loaded();
    assert_eq!(first["environment"], json!(host(&world.sandbox)), "{first}");
    let (other, destination) = another().await;
    world.destination(&destination);
    let second = world.run(&key).await;
    second.assert_loaded();
    assert_eq!(second["environment"], json!(host(&other)), "{second}");
    assert_ne!(first["run_id"], second["run_id"]);
    assert_eq!(
        other.dataverse.segment(crate::world::SEGMENT).published,
        Some(contacts(0..100))
    );
    world.run(&key).await.assert_unchanged();

    let history = |answer: Value| -> Vec<Value> {
        let runs = answer["runs"].as_array().unwrap().clone();
        runs.into_iter().map(|run| run["run_id"].clone()).collect()
    };
    let shown = history(world.invoke(json!({"action": "history"})).await.unwrap());
    assert!(
        shown.contains(&second["run_id"]) && !shown.contains(&first["run_id"]),
        "{shown:?}"
    );
    let limited = json!({"action": "history", "limit": 1, "segment_name": crate::world::SEGMENT});
    assert_eq!(history(world.invoke(limited).await.unwrap()).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_approval_for_another_environment_is_refused() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..1_000)).await;
    let small = world.drop_contacts("small.csv", &contacts(0..10));
    let refused = world.run(&small).await;
    refused.assert_refused();
    let (other, destination) = another().await;
    world.destination(&destination);
    let run = world.load_directly(&small, &json!({"approve": refused.run_id()})).await;
    run.assert_refused().says("environment");
    assert_eq!(other.dataverse.requests().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_touches_no_head_of_another_environment() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..3_000));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    Box::pin(kill_at(&world, event, "AddStaticMembers", 1)).await;
    let theirs = world.head();
    // Long enough for the file to be too old for a sweep to find.
    tokio::time::sleep(Duration::from_hours(24 * 8)).await;
    let (other, destination) = another().await;
    world.destination(&destination);
    assert_eq!(outcomes(&sweep(&world).await), [""; 0]);
    assert_eq!(world.head(), theirs);
    assert_eq!(other.dataverse.requests().len(), 0);
    let newer = world.sandbox.s3.keys(BUCKET, "_state/segments/").remove(0);
    let mut foreign = theirs.clone();
    foreign["v"] = json!(3);
    world.sandbox.s3.put(BUCKET, &newer, foreign.to_string());
    let swept = sweep(&world).await;
    assert_eq!(swept["runs"], json!([]), "another's newer format is another's: {swept}");
    world.sandbox.s3.put(BUCKET, &newer, theirs.to_string());
    world.sandbox.put_default_secrets();
    assert_eq!(outcomes(&sweep(&world).await), ["loaded"], "its own goes on");
}

#[tokio::test(start_paused = true)]
async fn two_functions_on_one_bucket_load_each_file_once_each() {
    let world = World::start().await;
    let (other, destination) = another().await;
    let secret = "segment-loader/other";
    world.sandbox.secrets.put(secret, &destination);
    let second = World::app(&world.sandbox, &[("DESTINATION_SECRET_ID", secret)]);
    for (name, count) in [("a.csv", 100), ("b.csv", 110)] {
        let key = world.drop_contacts(name, &contacts(0..count));
        let event = || world.sandbox.s3.notification(BUCKET, &key);
        assert_eq!(deliver_to(&world.app, event()).await.outcome(), "loaded");
        assert_eq!(deliver_to(&second, event()).await.outcome(), "loaded");
    }
    let lost = world.drop_contacts("lost.csv", &contacts(0..120));
    for (app, environment) in [(&world.app, &world.sandbox), (&second, &other)] {
        let swept = Box::pin(app.handle(json!({"action": "sweep"}), FIFTEEN_MINUTES))
            .await
            .unwrap();
        assert_eq!(outcomes(&swept), ["loaded"], "{lost}: {swept}");
        let published = environment.dataverse.segment(crate::world::SEGMENT).published;
        assert_eq!(published, Some(contacts(0..120)));
    }
    let bookmark = world.sandbox.s3.get_json(BUCKET, "_state/sweep.json").unwrap();
    let behind = bookmark["behind"].as_object().unwrap();
    assert_eq!(behind.len(), 2, "each begins where its own last sweep was: {bookmark}");
    assert_ne!(DESTINATION_SECRET, secret);
}

#[tokio::test(start_paused = true)]
async fn a_past_of_before_goes_to_the_first_environment_alone() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    world.deliver(&key).await;
    age_the_head(&world);
    world.run(&key).await.assert_unchanged();
    let newer = world.drop_contacts("tuesday.csv", &contacts(0..110));
    world.run(&newer).await.assert_loaded();
    let moved = world.sandbox.s3.get_json(BUCKET, FORMER).unwrap();
    assert_eq!(moved["home"]["environment"], json!(host(&world.sandbox)));
    let (other, destination) = another().await;
    world.destination(&destination);
    world.run(&newer).await.assert_loaded();
    assert_eq!(
        other.dataverse.segment(crate::world::SEGMENT).published,
        Some(contacts(0..110))
    );
}

/// Neither `status` nor the page promises that what failed there is tried again by a function that never does.
#[tokio::test(start_paused = true)]
async fn what_failed_in_another_environment_is_not_told_as_tried_again_by_this_function() {
    let world = World::start().await;
    let refused = Fault::on("AddStaticMembers").always().answer(403);
    world.sandbox.dataverse.fault(refused);
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    world
        .invoke(world.sandbox.s3.notification(BUCKET, &key))
        .await
        .unwrap_err();
    let told = async || {
        let status = world.invoke(json!({"action": "status"})).await.unwrap();
        status["segments"][0].clone()
    };
    let shown = || crate::page::lines(&world).join("\n");
    assert!(told().await["waiting_until"].is_string());
    assert!(shown().contains("it is tried again after"), "{}", shown());
    tokio::time::sleep(Duration::from_hours(24 * 8)).await;
    world.destination(&another().await.1);
    sweep(&world).await;
    let (failing, shown) = (told().await, shown());
    assert_eq!(
        (&failing["state"], &failing["waiting_until"]),
        (&json!("failing"), &json!(null)),
        "{failing}"
    );
    let only = format!("one whose destination is {}", host(&world.sandbox));
    assert!(failing["reason"].as_str().unwrap().contains(&only), "{failing}");
    assert!(
        shown.contains(&only) && !shown.contains("it is tried again after"),
        "{shown}"
    );
}
