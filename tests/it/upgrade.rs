//! What an earlier version has kept is taken over, once, and by the first environment that needs it.

use crate::failures::{kill_when, outcomes, sweep};
use crate::run::Run;
use crate::world::{FIFTEEN_MINUTES, SEGMENT, World, contacts};
use sandbox::{BUCKET, Fault};
use segment_loader::domain::{Mode, ObjectRef, RunId, SegmentName};
use serde_json::{Value, json};
use std::time::Duration;

/// Where earlier versions kept the head of [`SEGMENT`]: by the hash of the name alone.
pub(crate) const FORMER: &str = "_state/segments/b5a6898e4b728234d428749d7b62cf93/head.json";

/// Turns the head into what an earlier version has written, and returns the runs' names of then.
pub(crate) fn age_the_head(world: &World) -> Vec<String> {
    let mut head = world.head();
    let s3 = &world.sandbox.s3;
    let is_it = |key: &String| s3.get_json(BUCKET, key).is_some_and(|other| other == head);
    let key = s3.keys(BUCKET, "_state/segments/").into_iter().find(is_it).unwrap();
    s3.delete(BUCKET, &key);
    let mut ids = Vec::new();
    for list in ["refused", "counted"] {
        for (number, entry) in head[list].as_array_mut().unwrap().iter_mut().enumerate() {
            let id = format!("{list}-{number}");
            entry["run_id"] = json!(id);
            ids.push(id);
        }
    }
    for pointer in ["/pending/0", "/pending/1", "/applied"] {
        let Some(job) = head.pointer_mut(pointer).filter(|job| job["object"].is_object()) else {
            continue;
        };
        let id = id_of_before(&job["object"]);
        job.as_object_mut().unwrap().remove("parts");
        let new_id = std::mem::replace(&mut job["run_id"], json!(id));
        if head["writing"]["run_id"] == new_id {
            head["writing"]["run_id"] = json!(id);
        }
        ids.push(id);
    }
    forget_tags(&mut head);
    let fields = head.as_object_mut().unwrap();
    for field in ["environment", "markers", "attempt", "troubles"] {
        fields.remove(field);
    }
    fields.insert("v".to_owned(), json!(1));
    s3.put(BUCKET, FORMER, head.to_string());
    ids
}

fn id_of_before(object: &Value) -> String {
    let name = SegmentName::parse(SEGMENT).unwrap();
    let object: ObjectRef = serde_json::from_value(object.clone()).unwrap();
    let [_, first] = RunId::of_before(&name, Mode::Replace, &object, None);
    first.to_string()
}

/// Takes out of every order what earlier versions did not note.
fn forget_tags(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(forget_tags),
        Value::Object(fields) => {
            if fields.contains_key("last_modified") {
                fields.retain(|name, _| ["last_modified", "key", "version_id"].contains(&name.as_str()));
            }
            fields.values_mut().for_each(forget_tags);
        }
        _ => {}
    }
}

fn legacy(world: &World) -> Value {
    world.sandbox.s3.get_json(BUCKET, FORMER).unwrap()
}

async fn own(world: &World, key: &str) -> Run {
    world.run(key).await
}

/// Lets the lease of whoever was killed run out.
async fn wait_for_the_lease() {
    tokio::time::sleep(Duration::from_secs(182)).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_loaded_counted_and_refused_before_is_known_after_an_upgrade() {
    for mode in ["replace", "append"] {
        let world = World::start().await;
        world.destination(&json!({"mode": mode}));
        let files = [0, 1, 2].map(|number| {
            let name = ["a.csv", "b.csv", "c.csv"][number];
            world.drop_contacts(name, &contacts(0..u32::try_from(number).unwrap() * 10 + 100))
        });
        for file in &files {
            assert_eq!(own(&world, file).await.outcome(), "loaded");
        }
        let refused = world.drop_file("refused.csv", "contactid\nx\nx\n");
        assert_eq!(own(&world, &refused).await.outcome(), "refused");
        let ids = age_the_head(&world);
        let publishes = world.segment().publishes;
        assert_eq!(outcomes(&sweep(&world).await), [""; 0]);
        for file in &files {
            let run = own(&world, file).await;
            assert!(run.outcome() == "unchanged" || run.outcome() == "superseded", "{run}");
        }
        let run = own(&world, &refused).await;
        run.assert_refused();
        assert!(ids.iter().any(|id| run["run_id"] == id.as_str()), "{ids:?} {run}");
        assert_eq!(world.segment().publishes, publishes);
        let newer = world.drop_contacts("newer.csv", &contacts(0..130));
        assert_eq!(own(&world, &newer).await.outcome(), "loaded");
        assert_eq!((&legacy(&world)["v"], &world.head()["v"]), (&json!(2), &json!(2)));
        sweep(&world).await;
        assert_eq!(legacy(&world).get("head"), None, "it is not kept for good");
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_of_before_is_carried_out_after_an_upgrade_and_is_one_entry() {
    let world = World::start().await;
    let old = world.drop_contacts("old.csv", &contacts(0..100));
    own(&world, &old).await;
    let new = world.drop_contacts("new.csv", &contacts(0..110));
    own(&world, &new).await;
    world
        .sandbox
        .dataverse
        .fault(Fault::on("GET msdynmkt_segments").answer(403));
    let failed = world.load_directly(&old, &json!({})).await;
    failed.assert_failed();
    world.sandbox.dataverse.clear_faults();
    age_the_head(&world);
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(outcomes(&sweep(&world).await), ["loaded"]);
    assert_eq!(world.published(), contacts(0..100));
    assert_eq!(
        own(&world, &new).await.outcome(),
        "superseded",
        "it was known when the order was given"
    );
}

#[tokio::test(start_paused = true)]
async fn a_half_written_draft_of_before_is_finished_after_an_upgrade_wherever_that_is_killed() {
    for put in 0..5 {
        let world = World::start().await;
        let monday = world.drop_contacts("monday.csv", &contacts(0..100));
        own(&world, &monday).await;
        let tuesday = world.drop_contacts("tuesday.csv", &contacts(0..3_000));
        let event = world.sandbox.s3.notification(BUCKET, &tuesday);
        let writes = world.sandbox.dataverse.arrived("AddStaticMembers", 2);
        kill_when(&world, event.clone(), writes).await;
        wait_for_the_lease().await;
        age_the_head(&world);
        assert_eq!(world.head()["writing"]["published"], 100);
        world.sandbox.s3.clear_log();
        if put > 0 {
            let arrived = async {
                while puts(&world) < put {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            world.sandbox.s3.latency("PutObject", Duration::from_millis(10));
            kill_when(&world, event.clone(), arrived).await;
            wait_for_the_lease().await;
        }
        sweep(&world).await;
        tokio::time::sleep(Duration::from_hours(1)).await;
        sweep(&world).await;
        assert_eq!(world.published(), contacts(0..3_000), "killed at write {put}");
        let run = own(&world, &tuesday).await;
        assert_eq!(run.outcome(), "unchanged", "{put}: {run}");
        assert_eq!(own(&world, &monday).await.outcome(), "superseded");
        assert_eq!(legacy(&world).get("head"), None);
    }
}

fn puts(world: &World) -> usize {
    let is_put = |operation: &str, path: &str| operation == "PutObject" && path.contains("_state/segments/");
    let requests = world.sandbox.s3.requests();
    requests
        .iter()
        .filter(|call| is_put(&call.operation, &call.path))
        .count()
}

#[tokio::test(start_paused = true)]
async fn a_live_lease_of_before_is_waited_for_and_nothing_is_lost() {
    let world = World::start().await;
    let monday = world.drop_contacts("monday.csv", &contacts(0..100));
    own(&world, &monday).await;
    let tuesday = world.drop_contacts("tuesday.csv", &contacts(0..3_000));
    let event = world.sandbox.s3.notification(BUCKET, &tuesday);
    let writes = world.sandbox.dataverse.arrived("AddStaticMembers", 2);
    kill_when(&world, event, writes).await;
    age_the_head(&world);
    let before = legacy(&world);
    let wednesday = world.drop_contacts("wednesday.csv", &contacts(0..3_010));
    world.sandbox.dataverse.clear_log();
    let run = own(&world, &wednesday).await;
    run.assert_busy().says("earlier version");
    assert_eq!(world.load_directly(&wednesday, &json!({})).await.outcome(), "busy");
    assert_eq!(outcomes(&sweep(&world).await), [""; 0]);
    assert_eq!(legacy(&world), before, "its worker goes on by it");
    assert_eq!(world.sandbox.dataverse.requests().len(), 0);
    wait_for_the_lease().await;
    sweep(&world).await;
    assert_eq!(world.published(), contacts(0..3_010));
}

#[tokio::test(start_paused = true)]
async fn two_workers_that_upgrade_at_once_load_one_past() {
    let world = World::start().await;
    let monday = world.drop_contacts("monday.csv", &contacts(0..100));
    own(&world, &monday).await;
    age_the_head(&world);
    let tuesday = world.drop_contacts("tuesday.csv", &contacts(0..110));
    let event = || world.sandbox.s3.notification(BUCKET, &tuesday);
    let other = World::app(&world.sandbox, &[]);
    let (one, two) = tokio::join!(
        Box::pin(world.app.handle(event(), FIFTEEN_MINUTES)),
        Box::pin(other.handle(event(), FIFTEEN_MINUTES))
    );
    for answer in [one.unwrap(), two.unwrap()] {
        let outcome = answer["runs"][0]["outcome"].clone();
        assert!(
            ["loaded", "unchanged", "busy"].map(Value::from).contains(&outcome),
            "{answer}"
        );
    }
    assert_eq!(own(&world, &monday).await.outcome(), "superseded", "the past is known");
    assert_eq!(world.published(), contacts(0..110));
    assert_eq!(world.segment().publishes, 2);
}

#[tokio::test(start_paused = true)]
async fn going_back_keeps_what_was_loaded_and_so_does_going_forward_again() {
    let world = World::start().await;
    let monday = world.drop_contacts("monday.csv", &contacts(0..100));
    own(&world, &monday).await;
    age_the_head(&world);
    let tuesday = world.drop_contacts("tuesday.csv", &contacts(0..110));
    own(&world, &tuesday).await;
    // What docs/state.md says to do.
    let s3 = &world.sandbox.s3;
    let own_key = legacy(&world)["moved_to"].as_str().unwrap().to_owned();
    let mut head = s3.get_json(BUCKET, &own_key).unwrap();
    head["v"] = json!(1);
    head.as_object_mut().unwrap().remove("environment");
    s3.put(BUCKET, FORMER, head.to_string());
    s3.delete(BUCKET, &own_key);
    assert_eq!(own(&world, &tuesday).await.outcome(), "unchanged");
    assert_eq!(own(&world, &monday).await.outcome(), "superseded");
    assert_eq!(world.segment().publishes, 2);
    let wednesday = world.drop_contacts("wednesday.csv", &contacts(0..120));
    assert_eq!(own(&world, &wednesday).await.outcome(), "loaded");
}
