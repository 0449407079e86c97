//! Ten nights: each is really played, and what people see of it the next morning stands in one snapshot, to be read by somebody
//! who knows nothing else: the sentence, the event that mails are made of, and the segment's card on the status page.

use crate::failures::{A_LEASE, kill_at, sweep};
use crate::page;
use crate::world::{SEGMENT, World, contacts};
use sandbox::dataverse::Seed;
use sandbox::{BUCKET, Fault, Sandbox};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

/// The first evening, 1 March 2048, 6:00 and 30 seconds, so that every night is told with the same days, for years to come.
const EVENING: Duration = Duration::from_secs(2_466_655_230);
const A_DAY: Duration = Duration::from_hours(24);
/// What of an event tells how it went; mails are made of it.
const TOLD: [&str; 9] = [
    "outcome",
    "error_type",
    "created",
    "contacts",
    "added",
    "removed",
    "recovered",
    "repeated",
    "needs_attention",
];

/// A segment that has had a good load the day before, in an environment with others.
struct Night {
    world: World,
    /// How many events were put before.
    before: usize,
}

impl Night {
    async fn begin() -> Self {
        let variables = [
            ("EVENT_BUS_NAME", "marketing"),
            ("AWS_LAMBDA_FUNCTION_NAME", "segment-loader"),
        ];
        let world = World::in_sandbox(Sandbox::start().await, &variables);
        let clock = world.sandbox.s3.clock();
        let now = clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        clock.advance(EVENING.checked_sub(now).unwrap());
        world
            .sandbox
            .dataverse
            .seed_segment(Seed::named("Winter Sale").group(contacts(0..3)));
        world.load("monday.csv", &contacts(0..1_000)).await.assert_loaded();
        clock.advance(A_DAY);
        let before = world.sandbox.events.events().len();
        Self { world, before }
    }

    /// Drops a file and delivers its event; whether it fails is told by the morning.
    async fn drop(&self, people: std::ops::Range<u32>) {
        let key = self.world.drop_contacts("tuesday.csv", &contacts(people));
        let _ = self
            .world
            .invoke(self.world.sandbox.s3.notification(BUCKET, &key))
            .await;
    }

    async fn pass(&self, time: Duration) {
        self.world.sandbox.s3.clock().advance(time);
        sweep(&self.world).await;
    }

    /// Tells what people see in the morning: the events of the night, and the page.
    fn morning(&self, name: &str) -> String {
        let mut told = format!("== {name}\n");
        for event in &self.world.sandbox.events.events()[self.before..] {
            let _ = writeln!(told, "\nEvent {}, {}", event.detail_type, fields(&event.detail));
            let _ = writeln!(told, "  {}", event.detail["sentence"].as_str().unwrap());
        }
        told.push_str("\nPage\n");
        let lines = page::lines(&self.world);
        // Without what is the same on every page.
        let end = lines.len() - 1;
        for line in &lines[2..end] {
            let behind = |words, end| line.split(words).nth(1).and_then(|rest: &str| rest.split(end).next());
            // Both have the run's id, which is another one every time.
            let id = behind(" --payload ", ' ').or_else(|| behind("\"approve\":\"", '"'));
            let line = id.map_or_else(|| line.clone(), |id| line.replace(id, "..."));
            let host = self.world.head()["environment"].as_str().unwrap_or_default().to_owned();
            let _ = writeln!(told, "  {}", line.replace(&host, "socktown.crm4.dynamics.com"));
        }
        told.push('\n');
        told
    }
}

fn fields(detail: &Value) -> String {
    let told = TOLD
        .iter()
        .filter(|name| !detail[**name].is_null() && detail[**name] != json!(false));
    let told: Vec<_> = told.map(|name| format!("{name}: {}", detail[*name])).collect();
    told.join(", ").replace('"', "")
}

async fn good() -> String {
    let night = Night::begin().await;
    night.drop(5..1_010).await;
    night.morning("good")
}

async fn unchanged() -> String {
    let night = Night::begin().await;
    night.drop(0..1_000).await;
    night.morning("unchanged")
}

async fn refused() -> String {
    let night = Night::begin().await;
    night.drop(0..499).await;
    night.morning("refused")
}

async fn failed() -> String {
    let night = Night::begin().await;
    night
        .world
        .sandbox
        .dataverse
        .fault(Fault::on("AddStaticMembers").always().answer(403));
    night.drop(0..1_010).await;
    night.morning("failed")
}

async fn late() -> String {
    let night = Night::begin().await;
    night
        .world
        .sandbox
        .dataverse
        .modes(|modes| modes.publish_delay = Duration::from_hours(1));
    night.drop(0..1_010).await;
    night.morning("late")
}

async fn stale() -> String {
    let night = Night::begin().await;
    night.world.destination(&json!({"stale_after_hours": 36}));
    night.pass(A_DAY).await;
    night.morning("stale")
}

async fn recovered() -> String {
    let night = Night::begin().await;
    night
        .world
        .sandbox
        .dataverse
        .fault(Fault::on("AddStaticMembers").always().answer(403));
    night.drop(0..1_010).await;
    night.world.sandbox.dataverse.clear_faults();
    night.pass(Duration::from_mins(20)).await;
    night.morning("recovered")
}

async fn created_by_mistake() -> String {
    let night = Night::begin().await;
    let key = "incoming/Sumer Sale/tuesday.csv";
    night
        .world
        .sandbox
        .s3
        .put(BUCKET, key, crate::world::csv(&contacts(0..1_010)));
    night.world.run(key).await.assert_loaded();
    night.morning("created by mistake")
}

async fn short() -> String {
    let night = Night::begin().await;
    night.world.sandbox.dataverse.drop_at_compute(contacts(0..3));
    night.drop(0..1_010).await;
    night.morning("short")
}

async fn crashed() -> String {
    let night = Night::begin().await;
    let key = night.world.drop_contacts("tuesday.csv", &contacts(0..1_010));
    let event = night.world.sandbox.s3.notification(BUCKET, &key);
    kill_at(&night.world, event, "AddStaticMembers", 2).await;
    night.pass(Duration::from_mins(1)).await;
    let soon = night.morning("crashed, a minute later");
    tokio::time::sleep(A_LEASE).await;
    night.pass(Duration::from_mins(15)).await;
    soon + &night.morning("crashed, after the next sweep")
}

#[tokio::test(start_paused = true)]
async fn of_ten_nights_people_can_say_in_the_morning_whether_the_audience_is_right_and_what_to_do() {
    let nights = [
        good().await,
        unchanged().await,
        refused().await,
        failed().await,
        late().await,
        stale().await,
        recovered().await,
        created_by_mistake().await,
        short().await,
        crashed().await,
    ];
    assert!(nights.iter().all(|night| night.contains(SEGMENT)));
    insta::assert_snapshot!(nights.concat());
}
