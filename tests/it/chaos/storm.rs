//! A hundred kills at random points of loads and sweeps.

use super::{DEADLINE, Deployed, Lane};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::task::JoinSet;

/// Where the random points come from; a lane's seed is this and its number, and stands in every message.
const SEED: u64 = 0x5EED_0004;
const LANES: u64 = 8;
const KILLS_PER_LANE: u32 = 13;
/// Longer than the longest pause of a result whose attempts died.
const A_PAUSE: Duration = Duration::from_hours(25);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_random_kills_never_show_a_partial_audience_and_end_as_the_newest_file() {
    let mut lanes = JoinSet::new();
    for number in 0..LANES {
        lanes.spawn(async move { storm(SEED + number).await });
    }
    let mut kills = 0;
    while let Some(lane) = lanes.join_next().await {
        kills += lane.unwrap();
    }
    assert!(kills >= 100, "{kills} kills");
}

/// Drops one file after the other and kills their loads until the lane has had its share; returns the number of kills.
async fn storm(seed: u64) -> u32 {
    let mut lane = Lane::start(format!("seed {seed:#x}"), 0..3_000).await;
    for operation in ["AddStaticMembers", "RemoveStaticMembers"] {
        lane.sandbox.dataverse.latency(operation, Duration::from_millis(15));
    }
    let mut killer = Killer {
        random: seed,
        kills: 0,
        function: lane.deploy().await,
    };
    let mut first = 0;
    while killer.kills < KILLS_PER_LANE {
        first += 400;
        let mut event = lane.drop_file(first..first + 3_000 + killer.below(3) * 700);
        if killer.below(3) == 0 {
            first += 100;
            event = lane.drop_file(first..first + 3_500);
        }
        killer.load(&lane, &event).await;
        lane.assert_is_exact();
    }
    killer.kills
}

/// Plays the asynchronous queue and the schedule, and kills the process in between.
struct Killer {
    random: u64,
    kills: u32,
    function: Deployed,
}

impl Killer {
    /// Delivers an event up to three times, then sweeps until nothing is left.
    async fn load(&mut self, lane: &Lane, event: &Value) {
        for _ in 0..3 {
            if self.attempt(lane, event, true).await {
                break;
            }
        }
        let sweep = json!({"action": "sweep"});
        for number in 0..12 {
            // What died again and again waits, a day at most.
            lane.sandbox.s3.clock().advance(A_PAUSE);
            let may_kill = number < 6 && self.below(2) == 0;
            if self.attempt(lane, &sweep, may_kill).await && lane.head()["pending"] == json!([]) {
                return;
            }
        }
        panic!("{}: twelve sweeps did not finish: {}", lane.name, lane.head());
    }

    /// Invokes once and tells whether the function answered before it was killed.
    async fn attempt(&mut self, lane: &Lane, event: &Value, may_kill: bool) -> bool {
        let (s3, dataverse) = (&lane.sandbox.s3, &lane.sandbox.dataverse);
        s3.clear_log();
        dataverse.clear_log();
        let is_by_s3 = self.below(3) == 0;
        let nth = usize::try_from(1 + self.below(if is_by_s3 { 14 } else { 24 })).unwrap();
        let moment = Duration::from_millis(u64::from(self.below(16)));
        let the_point = async {
            match may_kill {
                true if is_by_s3 => s3.arrived(nth, |_| true).await,
                true => dataverse.arrived("*", nth).await,
                false => std::future::pending().await,
            }
            tokio::time::sleep(moment).await;
        };
        let answer = tokio::select! {
            answer = self.function.invoke_for(event, DEADLINE) => Some(answer),
            () = the_point => None,
        };
        let Some(answer) = answer else {
            self.function.0.kill().await;
            self.kills += 1;
            lane.assert_history_is_clean();
            lane.outlive_the_lease().await;
            return false;
        };
        let answer = answer.unwrap_or_else(|error| panic!("{}: {error}", lane.name));
        let mut runs = answer["runs"].as_array().into_iter().flatten();
        let is_told = |run: &Value| run["outcome"] != "failed" || run["error_type"] == "AttemptLost";
        assert!(runs.all(is_told), "{}: {answer}", lane.name);
        true
    }

    /// Draws a number below `end` from `SplitMix64`.
    fn below(&mut self, end: u32) -> u32 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        u32::try_from((mixed >> 33) % u64::from(end)).unwrap()
    }
}
