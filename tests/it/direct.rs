//! Direct loads beside what was itself loaded directly before, and no event told of.

use crate::failures::sweep;
use crate::late::load_as;
use crate::world::{World, contacts, csv};
use sandbox::BUCKET;
use serde_json::json;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_direct_load_stands_above_what_was_loaded_directly_before_though_no_event_told_of_it() {
    for (mode, newest, between) in [
        ("replace", None, "remove"),
        ("replace", None, "append"),
        ("replace", Some(contacts(0..8)), "remove"),
        ("replace", Some(contacts(0..8)), "append"),
        ("append", None, "remove"),
        ("append", Some(contacts(0..8)), "remove"),
        ("remove", None, "append"),
        ("remove", Some(contacts(0..15)), "append"),
    ] {
        let case = format!("{mode} {newest:?} {between}");
        let world = World::start().await;
        world.load("base.csv", &contacts(0..12)).await.assert_loaded();
        let people = match mode {
            "replace" => contacts(0..10),
            "append" => contacts(5..15),
            _ => contacts([3, 7]),
        };
        load_as(&world, mode, "yesterday.csv", &people).await;
        if let Some(people) = &newest {
            load_as(&world, "replace", "today.csv", people).await;
        }
        // Its event is lost.
        let change = world.drop_contacts("change.csv", &contacts([7, 20]));
        world
            .load_directly(&change, &json!({"mode": between}))
            .await
            .assert_loaded();
        let key = "incoming/Summer Sale/yesterday.csv";
        let warning = "a direct load stands above them";
        for is_dry in [true, false] {
            let run = world
                .load_directly(key, &json!({"mode": mode, "dry_run": is_dry}))
                .await;
            run.assert_outcome(if is_dry { "dry_run" } else { "loaded" })
                .warns(warning);
        }
        let published = world.published();
        let is_in = |contact| published.contains(contact);
        match mode {
            "replace" => assert_eq!(published, people, "{case}"),
            "append" => assert!(people.iter().all(is_in), "{case}: {published:?}"),
            _ => assert!(!people.iter().any(is_in), "{case}: {published:?}"),
        }
        world.destination(&json!({"mode": between}));
        world.run(&change).await.assert_unchanged();
        sweep(&world).await;
        assert_eq!(world.published(), published, "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_complete_result_that_is_loaded_directly_again_is_whole_after_a_removal_of_a_file_of_any_key() {
    for is_older in [false, true] {
        let world = World::start().await;
        let put = |key, people| {
            world.sandbox.s3.put(BUCKET, key, csv(people));
            world.sandbox.s3.clock().advance(Duration::from_secs(1));
        };
        let removed = contacts(0..2);
        if is_older {
            put("adhoc/complaints.csv", &removed);
        }
        world.load("today.csv", &contacts(0..10)).await.assert_loaded();
        if !is_older {
            put("adhoc/complaints.csv", &removed);
        }
        let by_hand = json!({"mode": "remove", "segment_name": "Summer Sale"});
        world
            .load_directly("adhoc/complaints.csv", &by_hand)
            .await
            .assert_loaded();
        world
            .load_directly("incoming/Summer Sale/today.csv", &json!({}))
            .await
            .assert_loaded()
            .warns("or was asked for directly since, was counted before");
        assert_eq!(world.published(), contacts(0..10), "{is_older}");
        sweep(&world).await;
        assert_eq!(world.published(), contacts(0..10), "{is_older}");
    }
}
