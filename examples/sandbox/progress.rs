//! What the function is doing, as seen from the services that it talks to.

use crate::say;
use crate::segment::several;
use sandbox::{BUCKET, Logged, Sandbox};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// How often the services are asked.
const TELL_EVERY: Duration = Duration::from_millis(50);
/// How often a step that lasts is told of where nobody watches the line that counts.
const COUNT_EVERY: Duration = Duration::from_secs(10);

/// Waits for `work` and tells every step when it is taken for the first time.
pub async fn told<T>(sandbox: &Sandbox, work: impl Future<Output = T>) -> T {
    let mut narrator = Narrator::start(sandbox);
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => {
                narrator.tell();
                narrator.end();
                return done;
            }
            () = tokio::time::sleep(TELL_EVERY) => narrator.tell(),
        }
    }
}

struct Narrator<'a> {
    sandbox: &'a Sandbox,
    started: Instant,
    steps: Vec<Step>,
    counted: Instant,
}

/// A step that was taken, and what is known of it.
struct Step {
    service: &'static str,
    does: &'static str,
    since: Instant,
    calls: u64,
}

impl<'a> Narrator<'a> {
    fn start(sandbox: &'a Sandbox) -> Self {
        sandbox.s3.clear_log();
        sandbox.entra.clear_log();
        sandbox.dataverse.clear_log();
        Self {
            sandbox,
            started: Instant::now(),
            steps: Vec::new(),
            counted: Instant::now(),
        }
    }

    fn tell(&mut self) {
        let Sandbox {
            s3,
            secrets,
            entra,
            dataverse,
            ..
        } = self.sandbox;
        let mut requests = [
            s3.requests(),
            secrets.requests(),
            entra.requests(),
            dataverse.requests(),
        ]
        .concat();
        requests.retain(|request| request.at >= self.started);
        requests.sort_by_key(|request| request.at);
        for step in &mut self.steps {
            step.calls = 0;
        }
        for request in requests {
            let Some((service, does)) = step(&request) else {
                continue;
            };
            let known = self.steps.iter_mut().find(|step| step.does == does);
            if let Some(known) = known {
                known.calls += 1;
            } else {
                self.begin(Step {
                    service,
                    does,
                    since: request.at,
                    calls: 1,
                });
            }
        }
        self.count();
    }

    fn begin(&mut self, step: Step) {
        self.end();
        self.counted = Instant::now();
        if !say::is_watched() {
            say::line(&self.head_of(&step), step.does);
        }
        self.steps.push(step);
    }

    /// Tells the last step for good where it was counted until now.
    fn end(&self) {
        if let Some(last) = self.steps.last().filter(|_| say::is_watched()) {
            say::line(&self.head_of(last), last.does);
        }
    }

    /// Counts what the last step does: on a terminal all the time, elsewhere now and then.
    fn count(&mut self) {
        let Some(last) = self.steps.last() else { return };
        let lasts = last.since.elapsed().as_secs();
        let so_far = format!(" ({}, {lasts} s)", several(last.calls, "call"));
        let step = format!("{}{}", self.head_of(last), last.does);
        if say::is_watched() {
            say::live(&step, &so_far);
        } else if self.counted.elapsed() >= COUNT_EVERY {
            self.counted = Instant::now();
            println!("{step}{so_far}");
        }
    }

    fn head_of(&self, step: &Step) -> String {
        let seconds = (step.since - self.started).as_secs_f64();
        format!("  {seconds:5.2} s  {:<15}  ", step.service)
    }
}

/// Names the service and the step that a request belongs to.
fn step(request: &Logged) -> Option<(&'static str, &'static str)> {
    let key = request.path.strip_prefix(&format!("/{BUCKET}/"));
    let is_state = key.is_some_and(|key| key.starts_with("_state/"));
    let is_trial = key.is_some_and(|key| key.starts_with("_state/trials/"));
    let is_verified = key.is_some_and(|key| key.starts_with("_state/verified/"));
    let is_receipt = key.is_some_and(|key| key.starts_with("_state/receipts/"));
    Some(match request.operation.as_str() {
        "GetSecretValue" => ("Secrets Manager", "reads the destination and the credential"),
        "HeadObject" => ("S3", "looks at the file that was dropped"),
        "GetObject" if !is_state => ("S3", "reads the rows"),
        "PutObject" if is_receipt => ("S3", "leaves the receipt"),
        "PutObject" if is_trial => ("S3", "notes the name of a trial segment"),
        "PutObject" if is_verified => ("S3", "keeps the answer"),
        "PutObject" if is_state => ("S3", "notes the file as wanted, and takes the segment for itself"),
        "Token" => ("Entra ID", "gets a token with the client secret"),
        "WhoAmI" => ("Dataverse", "asks who it is"),
        "GET msdynmkt_segments" => ("Dataverse", "looks for the segment of that name"),
        "POST msdynmkt_segmentdefinitions" => ("Dataverse", "creates the segment"),
        "ListGroupMembers" => ("Dataverse", "reads the members"),
        "AddStaticMembers" => ("Dataverse", "adds contacts, up to 1,000 a call"),
        "RemoveStaticMembers" => ("Dataverse", "removes contacts, up to 1,000 a call"),
        "MembersList" => ("Dataverse", "looks at who is seen as a member"),
        "StopSegments" => ("Dataverse", "stops the segment"),
        "DELETE msdynmkt_segments" => ("Dataverse", "deletes the segment"),
        operation if operation.starts_with("Publish") => (
            "Dataverse",
            "publishes, and waits until Dynamics has computed the audience",
        ),
        _ => return None,
    })
}

/// Passes on what the function logs to be heeded; how a run ended is told by its report.
pub fn relay(line: &str) {
    let Ok(log) = serde_json::from_str::<Value>(line) else {
        // No log line but a panic, or the linker's word on why nothing starts.
        say::settle();
        eprintln!("           function:  {line}");
        return;
    };
    let is_grave = matches!(log["level"].as_str(), Some("WARN" | "ERROR"));
    // The runtime repeats what the run's report says.
    let is_own = log["target"]
        .as_str()
        .is_some_and(|target| target.starts_with("segment_loader"));
    if is_grave && is_own && log["run"].is_null() {
        let detail = log["warning"]
            .as_str()
            .or(log["reason"].as_str())
            .or(log["error"].as_str())
            .or(log["place"].as_str());
        let message = log["message"].as_str().unwrap_or_default();
        let detail = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
        say::line("           function:  ", &format!("{message}{detail}"));
    }
}
