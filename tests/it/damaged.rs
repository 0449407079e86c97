//! A head that somebody has edited.

use crate::failures::failure_of;
use crate::world::{World, contacts};
use sandbox::BUCKET;
use serde_json::json;

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
