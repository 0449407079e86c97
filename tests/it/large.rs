//! The largest segment there is, over several invocations.

use crate::run::Run;
use crate::world::{World, contacts};
use sandbox::BUCKET;
use serde_json::json;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn two_million_contacts_over_several_short_invocations_end_exact() {
    let world = World::start().await;
    world
        .sandbox
        .dataverse
        .latency("AddStaticMembers", Duration::from_secs(1));
    let everyone = contacts(0..2_000_000);
    let key = world.drop_contacts("everyone.csv", &everyone);
    let event = world.sandbox.s3.notification(BUCKET, &key);
    let time = Duration::from_mins(4);
    let first = world.invoke_for(event, time).await.unwrap();
    Run::first(&first).assert_continues();
    let mut sweeps = 0;
    while world.head()["applied"].is_null() {
        assert!(
            world.segment().published.is_none(),
            "nothing is shown before it is whole"
        );
        world.invoke_for(json!({"action": "sweep"}), time).await.unwrap();
        sweeps += 1;
        assert!(sweeps < 8);
    }
    assert!(sweeps >= 2, "{sweeps} sweeps were enough");
    let segment = world.segment();
    assert_eq!((segment.publishes, segment.groups.len()), (1, 10));
    assert!(segment.published == Some(everyone), "the audience differs");
}
