//! A head that somebody has edited.

use crate::failures::failure_of;
use crate::world::{SEGMENT, World, contacts};
use sandbox::BUCKET;
use serde_json::json;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_time_that_is_still_to_come_in_a_head_is_told_of_and_waits_for_nobody_in_silence() {
    let changes: [(&str, &str); 6] = [
        ("/settled/last_modified", "settled"),
        ("/newest/last_modified", "newest"),
        ("/applied/at", "applied"),
        ("/last_good", "last_good"),
        ("/lease", "lease"),
        ("/creating", "creating"),
    ];
    for (pointer, field) in changes {
        let world = World::start().await;
        world.load("monday.csv", &contacts(0..100)).await;
        let key = world.sandbox.s3.keys(BUCKET, "_state/segments/").remove(0);
        let mut head = world.head();
        head["creating"] = json!(null);
        *head.pointer_mut(pointer).unwrap() = match field {
            "lease" => json!({"owner": "o", "run_id": null, "renewed": "2199-01-01T00:00:00Z", "seconds": 180}),
            _ => json!("2199-01-01T00:00:00Z"),
        };
        world.sandbox.s3.put(BUCKET, &key, head.to_string());
        let file = world.drop_contacts("tuesday.csv", &contacts(0..110));
        let (kind, reason) = failure_of(&world, &file).await;
        assert_eq!(kind, "StateUnreadable", "{reason}");
        assert!(reason.contains(&format!("`{field}`")), "{reason}");
        assert_eq!(world.head(), head);
    }
}

#[tokio::test(start_paused = true)]
async fn a_damaged_head_is_in_the_history_of_its_segment() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..100)).await.assert_loaded();
    let key = world.sandbox.s3.keys(BUCKET, "_state/segments/").remove(0);
    world.sandbox.s3.put(BUCKET, &key, "{");
    world.sandbox.s3.clock().advance(Duration::from_secs(5));
    let file = world.drop_contacts("tuesday.csv", &contacts(0..110));
    failure_of(&world, &file).await;
    let history = json!({"action": "history", "segment_name": SEGMENT});
    let told = world.invoke(history).await.unwrap();
    let types: Vec<_> = told["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| &run["error_type"])
        .collect();
    assert_eq!(types, [&json!("StateUnreadable"), &json!(null)], "{told}");
}
