//! The whole story: from an event to the answer.

use crate::connection;
use crate::dynamics::Dataverse;
use crate::environment::{self, Environment};
use crate::error::Error;
use crate::event::scope::Relevance;
use crate::event::{self, LoadCommand, Message, ObjectEvent, Request};
use crate::fence::Fence;
use crate::report::{Outcome, Receipts, RunReport, Source, Trigger};
use crate::settings::{Mode, SegmentName, Secrets, Settings};
use crate::source::{ObjectVersion, Objects};
use crate::state::{Enlisted, Heads, Hold, ObjectRef, Order, RunId, S3Clock, Wish, transition};
use crate::turn::{Turn, report_of};
use chrono::DateTime;
use aws_config::{BehaviorVersion, SdkConfig};
use lambda_runtime::Context;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Everything that lives as long as the Lambda environment: the configuration and the clients.
#[derive(Clone, Debug)]
pub struct App {
    environment: Environment,
    secrets: Secrets,
    s3: aws_sdk_s3::Client,
    clock: S3Clock,
    objects: Objects,
    http: reqwest::Client,
}

/// One object to look at, and what a direct command said about it.
struct Hint {
    bucket: String,
    key: String,
    version_id: Option<String>,
    command: Option<LoadCommand>,
}

/// What a hint comes to: a wish, with the settings of its destination.
struct Intent {
    settings: Settings,
    wish: Wish,
    is_order: bool,
    dry_run: bool,
}

/// How long connecting to Microsoft may take; a host that does not answer in 3 seconds is tried again rather than awaited.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Sending stops this long before Lambda's deadline, or a fifth of the time given where that is less.
const LONGEST_MARGIN: Duration = Duration::from_mins(1);

impl App {
    /// Builds the app from the process's environment.
    pub async fn from_process() -> Result<Self, environment::Error> {
        let environment = Environment::from_process()?;
        // Pinned, so that an update of the SDK does not change how it retries.
        let aws = aws_config::load_defaults(BehaviorVersion::v2026_01_12()).await;
        Ok(Self::new(environment, &aws))
    }

    /// Builds the app: every client once, so that warm invocations reuse connections.
    pub fn new(environment: Environment, aws: &SdkConfig) -> Self {
        let clock = S3Clock::default();
        let config = aws_sdk_s3::config::Builder::from(aws).interceptor(clock.clone()).build();
        let s3 = aws_sdk_s3::Client::from_conf(config);
        let secrets_manager = aws_sdk_secretsmanager::Client::new(aws);
        Self {
            secrets: Secrets::new(secrets_manager, &environment.destination_secret_id),
            objects: Objects::new(s3.clone()),
            http: http_client(),
            environment,
            clock,
            s3,
        }
    }

    /// Answers one invocation.
    ///
    /// A run that fails is an error of an asynchronous event, so that Lambda delivers it again, and an answer of a
    /// direct command.
    pub async fn handle(&self, event: Value, time_left: Duration) -> Result<Value, Error> {
        let stop_at = Instant::now() + time_left.saturating_sub(LONGEST_MARGIN.min(time_left / 5));
        match event::parse(event)? {
            Request::Ignored => Ok(answer(&[])),
            Request::Objects(objects) => {
                let reports = self.load_objects(&objects, stop_at).await;
                fail_if_any_failed(&reports)?;
                Ok(answer(&reports))
            }
            Request::Batch(messages) => Ok(self.load_batch(messages, stop_at).await),
            Request::Load(command) => Ok(answer(&self.load_ordered(command, stop_at).await)),
            Request::Sweep => Ok(answer(&self.sweep(stop_at).await?)),
            Request::TestConnection => Ok(connection::test(&self.secrets, &self.http, stop_at).await),
        }
    }

    /// Looks at every object that an event names and that may be a result.
    async fn load_objects(&self, objects: &[ObjectEvent], stop_at: Instant) -> Vec<RunReport> {
        let mut reports = Vec::new();
        for object in objects {
            match self.environment.scope().of(&object.bucket, &object.key) {
                Relevance::Ignored(reason) => {
                    tracing::info!(bucket = object.bucket, key = object.key, reason, "the object is ignored");
                }
                Relevance::Result => {
                    let ObjectEvent { bucket, key, version_id, .. } = object.clone();
                    let hint = Hint { bucket, key, version_id, command: None };
                    reports.extend(self.load(hint, Trigger::Event, stop_at).await);
                }
            }
        }
        reports
    }

    /// Loads what a queue delivered; only the messages that failed are delivered again.
    async fn load_batch(&self, messages: Vec<Message>, stop_at: Instant) -> Value {
        let mut failed = Vec::new();
        for Message { message_id, objects } in messages {
            let result = match objects {
                Ok(objects) => fail_if_any_failed(&self.load_objects(&objects, stop_at).await),
                Err(error) => Err(error.into()),
            };
            if let Err(error) = result {
                tracing::error!(message_id, error = %error, "a message failed; it is delivered again");
                failed.push(message_id);
            }
        }
        json!(event::sqs::batch_answer(failed))
    }

    /// Carries out a direct command.
    async fn load_ordered(&self, command: LoadCommand, stop_at: Instant) -> Vec<RunReport> {
        let bucket = match command.bucket.clone().map_or_else(|| self.results_bucket(), Ok) {
            Ok(bucket) => bucket,
            Err(error) => return vec![failed(&error)],
        };
        let hint = Hint { bucket, key: command.key.clone(), version_id: None, command: Some(command) };
        self.load(hint, Trigger::Command, stop_at).await
    }

    /// Goes on with what earlier runs left unfinished.
    async fn sweep(&self, stop_at: Instant) -> Result<Vec<RunReport>, Error> {
        let bucket = self.results_bucket()?;
        let heads = self.heads(&bucket);
        let mut reports = Vec::new();
        for name in heads.segment_names().await? {
            let settings = self.settings().await?;
            if !heads.read(&name).await?.pending.is_empty() {
                reports.extend(self.work(&settings, &heads, &name, None, stop_at).await?);
            }
        }
        Ok(self.leave_receipts(reports, &bucket, Trigger::Sweep).await)
    }

    /// Follows one hint to its end: settles what is wished, enlists it, and works until nothing is pending.
    async fn load(&self, hint: Hint, trigger: Trigger, stop_at: Instant) -> Vec<RunReport> {
        let bucket = hint.bucket.clone();
        let source = hint.source();
        let reports = match self.try_load(hint, stop_at).await {
            Ok(reports) => reports,
            Err(error) => vec![RunReport { source: Some(source), ..failed(&error) }],
        };
        self.leave_receipts(reports, &bucket, trigger).await
    }

    async fn try_load(&self, hint: Hint, stop_at: Instant) -> Result<Vec<RunReport>, Error> {
        let Intent { settings, wish, is_order, dry_run } = self.settle(hint).await?;
        let heads = self.heads(&wish.object.bucket);
        if dry_run {
            let head = heads.read(&wish.segment_name).await?;
            let fence = Fence::stopping_at(stop_at);
            let dataverse = self.dataverse(&settings, &fence);
            let turn = Turn { settings: &settings, objects: &self.objects, dataverse: &dataverse, fence: &fence };
            return Ok(vec![turn.rehearse(&wish, &head).await]);
        }
        let enlisted = heads.update(&wish.segment_name, |head, _| head.enlist(wish.clone(), is_order)).await?;
        let own = match enlisted {
            Enlisted::Queued => None,
            Enlisted::Pending => Some(&wish.run_id),
            known => return Ok(vec![report_of_known(&wish, known)]),
        };
        let mut reports = self.work(&settings, &heads, &wish.segment_name, own, stop_at).await?;
        put_own_first(&mut reports, &wish);
        Ok(reports)
    }

    /// Takes the segment and carries out everything that is pending for it.
    async fn work(
        &self,
        settings: &Settings,
        heads: &Heads,
        segment_name: &str,
        own: Option<&RunId>,
        stop_at: Instant,
    ) -> Result<Vec<RunReport>, Error> {
        let fence = Fence::new(stop_at, Instant::now());
        let lease = self.environment.lease;
        let Some(hold) = Hold::take(heads, segment_name, own, lease, &fence).await? else {
            return Ok(Vec::new());
        };
        let dataverse = self.dataverse(settings, &fence);
        let turn = Turn { settings, objects: &self.objects, dataverse: &dataverse, fence: &fence };
        Ok(turn.work(hold).await)
    }

    /// Learns from S3 and the secrets what a hint asks for.
    async fn settle(&self, hint: Hint) -> Result<Intent, Error> {
        let settings = self.settings().await?;
        let object = self.objects.head(&hint.bucket, &hint.key, hint.version_id.as_deref()).await?;
        let command = hint.command.as_ref();
        let name = SegmentName::settle(
            command.and_then(|command| command.segment_name.as_deref()),
            object.metadata.get("segment-name").map(String::as_str),
            &hint.key,
            &self.environment.results_prefix,
            settings.destination.segment_name.as_deref(),
        )?;
        let wish = wish_for(&object, name, command, settings.destination.mode)?;
        let dry_run = command.is_some_and(|command| command.dry_run);
        Ok(Intent { settings, wish, is_order: command.is_some(), dry_run })
    }

    async fn settings(&self) -> Result<Settings, Error> {
        let destination = self.secrets.destination().await?;
        let credential = self.secrets.credential(&destination).await?;
        let settings = Settings { destination, credential };
        for warning in settings.warnings(SystemTime::now()) {
            tracing::warn!(warning, "the settings need attention");
        }
        Ok(settings)
    }

    async fn leave_receipts(&self, mut reports: Vec<RunReport>, bucket: &str, trigger: Trigger) -> Vec<RunReport> {
        let receipts =
            Receipts::new(self.s3.clone(), self.state_bucket(bucket), self.environment.state_prefix.clone());
        for report in &mut reports {
            if report.outcome != Outcome::DryRun {
                receipts.leave(report, trigger, self.clock.now()).await;
            }
            log(report);
        }
        reports
    }

    fn dataverse(&self, settings: &Settings, fence: &Fence) -> Dataverse {
        let request_timeout = transition::call_time(self.environment.lease);
        Dataverse::new(self.http.clone(), settings, self.secrets.clone(), request_timeout, fence.clone())
    }

    fn heads(&self, bucket: &str) -> Heads {
        let prefix = self.environment.state_prefix.clone();
        Heads::new(self.s3.clone(), self.clock.clone(), self.state_bucket(bucket), prefix)
    }

    fn state_bucket(&self, bucket: &str) -> String {
        self.environment.state_bucket_for(bucket).to_owned()
    }

    fn results_bucket(&self) -> Result<String, Error> {
        let missing = environment::Error::Missing {
            variable: "RESULTS_BUCKET",
            advice: "give the bucket of the query results, which a sweep and a command without `bucket` look in",
        };
        Ok(self.environment.results_bucket.clone().ok_or(missing)?)
    }
}

/// Returns how long the invocation may still take.
pub fn time_left(context: &Context) -> Duration {
    context.deadline().duration_since(SystemTime::now()).unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "this is the one place where the HTTP client is built")]
fn http_client() -> reqwest::Client {
    let builder = reqwest::Client::builder()
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        // A redirect would carry the token elsewhere; the Web API sends none.
        .redirect(reqwest::redirect::Policy::none());
    builder.build().expect("the settings above are valid and the TLS provider is compiled in")
}

fn wish_for(
    object: &ObjectVersion,
    name: SegmentName,
    command: Option<&LoadCommand>,
    mode: Mode,
) -> Result<Wish, Error> {
    let sample = command.and_then(|command| command.sample);
    let (name, mode) = match sample {
        Some(_) => (name.for_sample().map_err(Error::unfit_sample_name)?, Mode::Replace),
        None => (name, command.and_then(|command| command.mode).unwrap_or(mode)),
    };
    let object_ref = ObjectRef {
        bucket: object.bucket.clone(),
        key: object.key.clone(),
        version_id: object.version_id.clone(),
        etag: object.etag.clone(),
    };
    let (seconds, nanos) = object.last_modified;
    let order = Order {
        last_modified: DateTime::from_timestamp(seconds, nanos).unwrap_or_default(),
        key: object.key.clone(),
        version_id: object.version_id.clone(),
    };
    let run_id = RunId::of(name.as_str(), &object_ref);
    let approved = match command.and_then(|command| command.approve.as_deref()) {
        Some(approved) if approved != run_id.as_str() => {
            return Err(Error::Refused(format!(
                "the approval names run {approved}, but this input is run {run_id}: what was approved is another file, \
                 version or segment; look at this one's numbers first"
            )));
        }
        approval => approval.is_some(),
    };
    Ok(Wish {
        run_id,
        object: object_ref,
        mode,
        segment_name: name.as_str().to_owned(),
        sample: sample.map(std::num::NonZero::get),
        approved,
        ordered: None,
        order,
    })
}

fn report_of_known(wish: &Wish, known: Enlisted) -> RunReport {
    let (outcome, reason) = match known {
        Enlisted::Refused(refused) if refused.unreadable => (Outcome::Failed, refused.reason),
        Enlisted::Refused(refused) => (Outcome::Refused, refused.reason),
        Enlisted::Applied => (Outcome::Unchanged, "this version was loaded before".to_owned()),
        _ => (Outcome::Superseded, "a newer result was loaded before".to_owned()),
    };
    let mut report = report_of(wish, outcome);
    report.error_type = (outcome == Outcome::Failed).then_some("SourceInvalid");
    report.reason = Some(reason);
    report
}

/// Moves the event's own run to the front; where another worker has the segment, or an earlier wish failed, says so.
fn put_own_first(reports: &mut Vec<RunReport>, wish: &Wish) {
    let is_own = |report: &RunReport| report.run_id.as_ref() == Some(&wish.run_id);
    if let Some(index) = reports.iter().position(is_own) {
        reports[..=index].rotate_right(1);
        return;
    }
    let (outcome, reason) = if reports.is_empty() {
        (Outcome::Busy, "another run works on this segment and takes this result up")
    } else {
        (Outcome::Continues, "an earlier wish for this segment did not finish; the next sweep goes on with this one")
    };
    let mut own = report_of(wish, outcome);
    own.reason = Some(reason.to_owned());
    reports.insert(0, own);
}

fn failed(error: &Error) -> RunReport {
    let outcome = if matches!(error, Error::Refused(_)) { Outcome::Refused } else { Outcome::Failed };
    let mut report = RunReport::new(outcome);
    report.error_type = (outcome == Outcome::Failed).then(|| error.error_type());
    report.reason = Some(error.to_string());
    report
}

fn fail_if_any_failed(reports: &[RunReport]) -> Result<(), Error> {
    match reports.iter().find(|report| report.outcome == Outcome::Failed) {
        Some(report) => Err(Error::Run {
            error_type: report.error_type.unwrap_or("RunFailed"),
            reason: report.reason.clone().unwrap_or_default(),
        }),
        None => Ok(()),
    }
}

fn answer(reports: &[RunReport]) -> Value {
    json!({ "runs": reports })
}

fn log(report: &RunReport) {
    let run = serde_json::to_string(report).unwrap_or_default();
    match report.outcome {
        Outcome::Failed => tracing::error!(run, "the run failed"),
        Outcome::Refused => tracing::warn!(run, "the result was refused"),
        _ => tracing::info!(run, "the run ended"),
    }
}

impl Hint {
    fn source(&self) -> Source {
        let object = ObjectRef {
            bucket: self.bucket.clone(),
            key: self.key.clone(),
            version_id: self.version_id.clone(),
            etag: String::new(),
        };
        Source { object, files: Vec::new() }
    }
}
