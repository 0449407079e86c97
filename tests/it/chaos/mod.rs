//! The real binary, killed and stopped at random points; the published audience is only ever one that was asked for.
//!
//! Each lane is a sandbox of its own with one segment: after a kill the clock of its S3 is moved past the lease, so that the
//! next attempt need not wait for it. Where a worker lives on, the lease ends in real time.

mod storm;
mod workers;

use crate::deployed::binary;
use crate::leaks;
use crate::world::{SEGMENT, assert_objects_tell_nothing, contacts, csv};
use sandbox::dataverse::{Audience, Seed};
use sandbox::lambda::{InvocationError, Lambda};
use sandbox::{BUCKET, Sandbox};
use serde_json::{Value, json};
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

/// The shortest lease that the function takes.
const LEASE_SECONDS: u64 = 6;
/// Longer than the lease and its rounding.
const A_LEASE: Duration = Duration::from_secs(LEASE_SECONDS + 2);
/// The time of one invocation; long enough for every load here.
const DEADLINE: Duration = Duration::from_mins(1);

/// A sandbox with one segment, and every audience that it may ever show, oldest first.
struct Lane {
    sandbox: Sandbox,
    name: String,
    wanted: Vec<Vec<u128>>,
}

impl Lane {
    /// Starts with a published segment of these contacts.
    async fn start(name: impl Into<String>, old: Range<u32>) -> Self {
        let sandbox = Sandbox::start().await;
        sandbox
            .dataverse
            .modes(|modes| modes.publish_delay = Duration::from_millis(20));
        let mut lane = Self {
            sandbox,
            name: name.into(),
            wanted: Vec::new(),
        };
        let seed = Seed::named(SEGMENT).group(contacts(old.clone()));
        lane.sandbox.dataverse.seed_segment(seed);
        lane.want(old);
        lane
    }

    /// Deploys the function into this sandbox.
    async fn deploy(&self) -> Deployed {
        self.deploy_binary(&binary()).await
    }

    async fn deploy_binary(&self, binary: &Path) -> Deployed {
        let mut environment = self.sandbox.environment();
        environment.push(("LEASE_SECONDS".to_owned(), LEASE_SECONDS.to_string()));
        Deployed(Lambda::deploy(binary, &environment).await)
    }

    /// Drops a file and returns S3's event about it.
    fn drop_file(&mut self, numbers: Range<u32>) -> Value {
        // Named by a day, as exports are: a number of its own would count parts.
        let day = self.wanted.len();
        let key = format!("incoming/{SEGMENT}/2026-{:02}-{:02}.csv", 1 + day / 28, 1 + day % 28);
        self.sandbox.s3.put(BUCKET, &key, csv(&contacts(numbers.clone())));
        self.sandbox.s3.clock().advance(Duration::from_secs(1));
        self.want(numbers);
        self.sandbox.s3.notification(BUCKET, &key)
    }

    fn want(&mut self, numbers: Range<u32>) {
        let ids = contacts(numbers).into_iter().map(|id| id.as_u128());
        self.wanted.push(ids.collect());
    }

    /// Moves S3's time past the lease of a worker that was killed, once all that it sent has been carried out.
    async fn outlive_the_lease(&self) {
        self.sandbox.dataverse.quiet().await;
        self.sandbox.s3.quiet().await;
        // What the dead process had written to its sockets comes in at once, if at all.
        tokio::time::sleep(Duration::from_millis(10)).await;
        self.sandbox.dataverse.quiet().await;
        self.sandbox.s3.clock().advance(A_LEASE);
    }

    fn head(&self) -> Value {
        let keys = self.sandbox.s3.keys(BUCKET, "_state/segments/");
        let head = keys.first().and_then(|key| self.sandbox.s3.get_json(BUCKET, key));
        head.unwrap_or_default()
    }

    /// Proves that only wanted audiences were ever shown, never an older one after a newer.
    fn assert_history_is_clean(&self) {
        let mut newest = 0;
        for (_, audience) in self.sandbox.dataverse.segment(SEGMENT).history {
            let place = self.place_of(&audience);
            assert!(
                place >= newest,
                "{}: audience {place} was shown after {newest}",
                self.name
            );
            newest = place;
        }
    }

    /// Proves that the newest file is what is shown, and that nothing is left to do.
    fn assert_is_exact(&self) {
        self.assert_history_is_clean();
        let segment = self.sandbox.dataverse.segment(SEGMENT);
        let shown = segment.history.last().map(|(_, audience)| self.place_of(audience));
        assert_eq!(shown, Some(self.wanted.len() - 1), "{}: not the newest file", self.name);
        let draft: Vec<u128> = segment.members.iter().map(uuid::Uuid::as_u128).collect();
        assert!(self.wanted.ends_with(&[draft]), "{}: the draft differs", self.name);
        let head = self.head();
        assert_eq!(
            (&head["pending"], &head["writing"]),
            (&json!([]), &json!(null)),
            "{}",
            self.name
        );
        assert_eq!(self.sandbox.dataverse.definitions().len(), 1, "{}", self.name);
        assert_objects_tell_nothing(&self.sandbox);
    }

    fn place_of(&self, audience: &Audience) -> usize {
        let place = self.wanted.iter().rposition(|wanted| *wanted == **audience);
        place.unwrap_or_else(|| {
            panic!(
                "{}: {} contacts that no file holds were shown",
                self.name,
                audience.len()
            )
        })
    }
}

/// A deployed function; whatever it answers or prints is looked at.
struct Deployed(Lambda);

impl Deployed {
    async fn invoke(&mut self, event: &Value) -> Value {
        let answer = self.invoke_for(event, DEADLINE).await;
        answer.unwrap_or_else(|error| panic!("{error}"))
    }

    async fn invoke_for(&mut self, event: &Value, deadline: Duration) -> Result<Value, InvocationError> {
        let answer = self.0.invoke(event, deadline).await;
        leaks::assert_tells_nothing("the answer", &format!("{answer:?}"));
        answer
    }

    async fn sweep(&mut self) -> Value {
        self.invoke(&json!({"action": "sweep"})).await
    }

    /// Starts the process and returns its id.
    fn process(&mut self) -> u32 {
        self.0.warm().unwrap();
        self.0.instance().and_then(sandbox::lambda::Function::id).unwrap()
    }
}

impl Drop for Deployed {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            for line in self.0.output() {
                leaks::assert_tells_nothing("the log", &line);
            }
        }
    }
}

/// Sends a signal such as `STOP` to a process.
async fn signal(process: u32, name: &str) {
    let sent = tokio::process::Command::new("kill")
        .args([format!("-{name}"), process.to_string()])
        .status();
    assert!(sent.await.unwrap().success());
}
