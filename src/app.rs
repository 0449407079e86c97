//! The whole story: from an event to the answer.

use crate::aws;
use crate::config::{self, Settings, Variables};
use crate::domain::{Fate, ObjectRef, SegmentName};
use crate::error::Error;
use crate::event::{self, HistoryCommand, LoadCommand, Message, ObjectEvent, Request};
use crate::production::{Clients, Occasion, Production, http_client};
use crate::report::{
    Forgotten, Heard, Noticed, Reporter, RunReport, Swept, Trigger, TriggerKind, answer, fail_if_own_failed, fitting,
    status_answer,
};
use crate::state::Doubts;
use crate::time::Fence;
use crate::verify;
use crate::verify::connection;
use crate::worker::{Candidate, Worker, by, margin};
use aws_config::SdkConfig;
use chrono::Utc;
use futures_util::FutureExt as _;
use lambda_runtime::Context;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};

/// The function, as long as its Lambda environment lives.
#[derive(Clone, Debug)]
pub struct App {
    clients: Clients,
    /// What was seen of the environment, as far as this invocation has asked.
    doubts: Arc<OnceCell<Doubts>>,
    /// What failed before its segment was known.
    heard: Heard,
}

/// An invocation that has not ended by then, this long before its deadline or a quarter of the margin where that is less,
/// ends with an error: what happened to it is then told, and what a kill leaves behind tells nothing.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// The longest that Lambda lets a function run.
const LONGEST_INVOCATION: Duration = Duration::from_mins(15);

impl App {
    /// Builds the app from the process's environment.
    pub async fn from_process() -> Result<Self, config::VariableError> {
        let variables = Variables::from_process()?;
        // Both ways to the network begin with the root certificates, and take most of a start to read them: side by side.
        let to_aws = tokio::task::spawn_blocking(aws::http_client);
        let http = http_client()?;
        // Without root certificates that one may panic.
        let to_aws = to_aws.await.map_err(|_| config::VariableError::NoRootCertificates)?;
        Ok(Self::with(Clients::new(variables, http, &aws::config(to_aws).await)))
    }

    /// Builds the app: every client once, so that warm invocations reuse connections.
    pub fn new(variables: Variables, config: &SdkConfig) -> Result<Self, config::VariableError> {
        Ok(Self::with(Clients::new(variables, http_client()?, config)))
    }

    fn with(clients: Clients) -> Self {
        Self {
            clients,
            doubts: Arc::default(),
            heard: Heard::default(),
        }
    }

    /// Answers one invocation.
    ///
    /// A run that fails is an error of an asynchronous event, so that Lambda delivers it again, and an answer of a
    /// direct command.
    pub async fn handle(&self, event: Value, time_left: Duration) -> Result<Value, Error> {
        let margin = margin(time_left);
        let deadline = Instant::now() + time_left;
        let invocation = Self {
            doubts: Arc::default(),
            ..self.clone()
        };
        let answer = Box::pin(invocation.answer(event, deadline - margin));
        let answered = timeout_at(deadline - LAST_WORDS.min(margin / 4), answer).await;
        answered
            .unwrap_or_else(|_| Err(Error::out_of_time("it waited for the last answers")))
            .map(fitting)
    }

    async fn answer(&self, event: Value, stop_at: Instant) -> Result<Value, Error> {
        match event::parse(&event)? {
            Request::Ignored => Ok(answer(&[])),
            Request::Objects(objects) => {
                let (reports, outcome) = Box::pin(self.load_objects(&objects, stop_at)).await;
                outcome.map(|()| answer(&reports))
            }
            Request::Batch(messages) => Ok(Box::pin(self.load_batch(messages, stop_at)).await),
            Request::Load(command) => Ok(answer(&Box::pin(self.load_directly(command, stop_at)).await)),
            Request::Sweep { now } => {
                let swept = self.sweep(now, stop_at).boxed_local().await?;
                Ok(swept.answer())
            }
            Request::Status(name) => {
                by(
                    stop_at,
                    "the heads were read",
                    self.status(name.as_ref(), stop_at).boxed_local(),
                )
                .await
            }
            Request::History(command) => {
                by(
                    stop_at,
                    "the receipts were read",
                    self.history(&command, stop_at).boxed_local(),
                )
                .await
            }
            Request::Forget(segment_name) => Ok(self.forget(&segment_name, stop_at).boxed_local().await?.answer()),
            Request::VerifyEnvironment { keep } => self.verify(keep, stop_at).boxed_local().await,
            Request::TestConnection => Ok(connection::test(&self.clients.secrets, &self.clients.http, stop_at)
                .boxed_local()
                .await),
        }
    }

    /// Looks at every object that an event names and that may be a result; returns also whether a run of its own failed.
    async fn load_objects(&self, objects: &[ObjectEvent], stop_at: Instant) -> (Vec<RunReport>, Result<(), Error>) {
        let (mut reports, mut outcome) = (Vec::new(), Ok(()));
        for object in objects {
            let ObjectEvent { object, requester } = object.clone();
            if let Some(reason) = self.clients.variables.scope().outside(&object.bucket, &object.key) {
                tracing::info!(
                    bucket = object.bucket,
                    key = object.key,
                    reason,
                    "the object is ignored"
                );
                continue;
            }
            let trigger = Trigger {
                kind: TriggerKind::Event,
                requester,
                object: Some(object.clone()),
            };
            let candidate = Candidate { object, command: None };
            let runs = self.load(candidate, trigger, stop_at).await;
            outcome = outcome.and(fail_if_own_failed(&runs));
            reports.extend(runs);
        }
        (reports, outcome)
    }

    /// Loads what a queue delivered; only the messages that failed are delivered again.
    async fn load_batch(&self, messages: Vec<Message>, stop_at: Instant) -> Value {
        let mut failed = Vec::new();
        for Message { message_id, objects } in messages {
            let result = match objects {
                Ok(objects) => Box::pin(self.load_objects(&objects, stop_at)).await.1,
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
    async fn load_directly(&self, command: LoadCommand, stop_at: Instant) -> Vec<RunReport> {
        let bucket = match command.bucket.clone().map_or_else(|| self.results_bucket(), Ok) {
            Ok(bucket) => bucket,
            Err(error) => return vec![RunReport::failed(&error, None).told_to_nobody_else()],
        };
        let candidate = Candidate {
            object: ObjectRef::unseen(bucket, command.key.clone(), None),
            command: Some(command),
        };
        self.load(candidate, TriggerKind::Command.into(), stop_at).await
    }

    /// Follows one candidate to its end: resolves which job it is, enqueues it, and works until nothing is pending.
    async fn load(&self, candidate: Candidate, trigger: Trigger, stop_at: Instant) -> Vec<RunReport> {
        let bucket = candidate.object.bucket.clone();
        let source = candidate.source();
        let is_dry_run = candidate.command.as_ref().is_some_and(|command| command.dry_run);
        let failed = |(segment_name, error)| {
            let report = RunReport::failed(&error, Some(source)).about(segment_name);
            if is_dry_run { report.into_dry_run() } else { report }
        };
        let settings = match self.settings(stop_at).boxed_local().await {
            Ok(settings) => settings,
            Err(error) => {
                if !is_dry_run {
                    self.show_trouble(&bucket, &error, Occasion::Load, stop_at).await;
                }
                let reporter = self.reporter(&bucket, None, trigger, stop_at);
                let report = failed((candidate.named(), error));
                return vec![self.heard.tell(&reporter, report).boxed_local().await];
            }
        };
        let reporter = self.reporter(&bucket, Some(&settings), trigger, stop_at);
        let worker = self.worker(&settings, &bucket, &reporter, stop_at);
        let reports = match Box::pin(worker.load(&candidate)).await {
            Ok(reports) => {
                self.heard.forget(&candidate.source());
                reports
            }
            Err(error) => vec![self.heard.tell(&reporter, failed(error)).boxed_local().await],
        };
        if reports.iter().any(RunReport::is_of_a_segment) {
            self.show(&bucket, &settings, Occasion::Load, stop_at).await;
        }
        reports
    }

    /// Sweeps all segments.
    async fn sweep(&self, now: bool, stop_at: Instant) -> Result<Swept, Error> {
        let bucket = self.results_bucket()?;
        let settings = match self.settings(stop_at).await {
            Ok(settings) => settings,
            Err(error) => {
                self.show_trouble(&bucket, &error, Occasion::Sweep, stop_at).await;
                return Err(error);
            }
        };
        let reporter = self.reporter(&bucket, Some(&settings), TriggerKind::Sweep.into(), stop_at);
        let worker = self.worker(&settings, &bucket, &reporter, stop_at);
        let mut swept = Box::pin(worker.sweep(&bucket, now)).await?;
        let left = Box::pin(verify::sweep(&self.clients, &settings, &bucket, stop_at)).await;
        let left = left.into_iter().map(|left| Noticed::TrialLeft(left.to_string()));
        swept.noticed.extend(left);
        reporter.report_sweep(&swept);
        self.show(&bucket, &settings, Occasion::Sweep, stop_at).await;
        Ok(swept)
    }

    /// Writes the status page, where it shows something else by now.
    async fn show(&self, bucket: &str, settings: &Settings, occasion: Occasion, stop_at: Instant) {
        let showing = self.clients.show(bucket, Ok(settings), occasion, stop_at);
        showing.boxed_local().await;
    }

    /// Writes on the status page why no run can even begin.
    async fn show_trouble(&self, bucket: &str, error: &Error, occasion: Occasion, stop_at: Instant) {
        if error.fate() != Fate::Continue {
            let why = RunReport::failed(error, None).told();
            self.clients
                .show(bucket, Err(&why), occasion, stop_at)
                .boxed_local()
                .await;
        }
    }

    /// Tries in the environment what its documents leave open.
    async fn verify(&self, keep: bool, stop_at: Instant) -> Result<Value, Error> {
        let bucket = self.own_bucket()?;
        let verification = match self.settings(stop_at).await {
            Ok(settings) => {
                let verification = verify::verify(&self.clients, &settings, &bucket, keep, stop_at).await;
                self.show(&bucket, &settings, Occasion::Sweep, stop_at).await;
                verification
            }
            Err(error) => verify::untried(&error),
        };
        Ok(json!(verification))
    }

    /// Deletes what is known of a segment.
    async fn forget(&self, segment_name: &SegmentName, stop_at: Instant) -> Result<Forgotten, Error> {
        let bucket = self.results_bucket()?;
        let settings = self.settings(stop_at).await?;
        let reporter = self.reporter(&bucket, Some(&settings), TriggerKind::Command.into(), stop_at);
        let worker = self.worker(&settings, &bucket, &reporter, stop_at);
        let forgotten = Box::pin(worker.forget(&bucket, segment_name)).await?;
        self.show(&bucket, &settings, Occasion::Sweep, stop_at).await;
        Ok(forgotten)
    }

    /// Answers what the heads of all segments know, without asking Dynamics.
    async fn status(&self, segment_name: Option<&SegmentName>, stop_at: Instant) -> Result<Value, Error> {
        let bucket = self.own_bucket()?;
        let destination = by(stop_at, "the secrets were read", self.clients.secrets.destination()).await;
        let mut segments = self.clients.statuses(&bucket, destination.as_ref().ok()).await?;
        if let Some(name) = segment_name {
            segments.retain(|status| status.segment_name.as_ref() == Some(name));
        }
        let unmarked = match &destination {
            Ok(destination) => match self.clients.variables.results_bucket.as_deref() {
                Some(bucket) => self
                    .clients
                    .unmarked(bucket, &destination.rules)
                    .await
                    .map_err(Error::from),
                None => Ok(Vec::new()),
            },
            Err(_) => Ok(Vec::new()),
        };
        Ok(status_answer(&segments, &unmarked, destination.as_ref().err()))
    }

    /// Answers with the receipts of the last runs in the function's environment; of all where nobody can tell which it is.
    async fn history(&self, command: &HistoryCommand, stop_at: Instant) -> Result<Value, Error> {
        let destination = by(stop_at, "the secrets were read", self.clients.secrets.destination()).await;
        let bucket = self.own_bucket()?;
        let archive = self.clients.archive(&bucket);
        let history = archive
            .history(command.segment_name.as_ref(), destination.as_ref().ok(), command.limit)
            .await?;
        let unknown = destination.as_ref().err();
        let unknown = unknown
            .map(|error| format!("the runs of all environments are told, since the destination is unknown: {error}"));
        let warnings: Vec<_> = unknown.into_iter().chain(history.warnings()).collect();
        let runs = if command.brief { history.brief() } else { history.runs };
        Ok(json!({ "runs": runs, "warnings": warnings }))
    }

    /// Tells of runs on results of this bucket.
    fn reporter<'a>(
        &'a self,
        bucket: &str,
        settings: Option<&'a Settings>,
        trigger: Trigger,
        stop_at: Instant,
    ) -> Reporter<'a> {
        Reporter {
            archive: self.clients.archive(bucket),
            function: self.clients.variables.function_name.as_deref(),
            bus: self.clients.bus.as_ref(),
            patience: Reporter::patience(stop_at),
            stop_at,
            clock: &self.clients.clock,
            trials: settings.map(|settings| self.clients.trials(bucket, settings)),
            doubts: &self.doubts,
            settings,
            trigger,
        }
    }

    /// Sets a worker to work on results of this bucket.
    fn worker<'a>(
        &'a self,
        settings: &'a Settings,
        bucket: &'a str,
        reporter: &'a Reporter<'a>,
        stop_at: Instant,
    ) -> Worker<'a, Production<'a>> {
        // Without a lease; the work on a segment gets a fence of its own.
        let fence = Fence::stopping_at(stop_at);
        Worker {
            settings,
            variables: &self.clients.variables,
            reporter,
            stop_at,
            means: Production::new(&self.clients, settings, bucket, &fence),
            fence,
        }
    }

    /// Reads the secrets anew, logs what a person should look at, and asks which business unit is meant, where one is named.
    async fn settings(&self, stop_at: Instant) -> Result<Settings, Error> {
        let reading = async {
            let destination = self.clients.secrets.destination().await?;
            let credential = self.clients.secrets.credential(&destination).await?;
            Ok::<_, Error>(Settings {
                destination,
                credential,
                business_unit: None,
            })
        };
        let mut settings = by(stop_at, "the secrets were read", reading).await?;
        if let Some(unit) = &settings.destination.rules.owning_business_unit {
            let dataverse = self.clients.dataverse(&settings, &Fence::stopping_at(stop_at));
            settings.business_unit = Some(dataverse.find_business_unit(unit).boxed_local().await?);
        }
        for warning in settings.warnings(Utc::now()) {
            warning.log();
        }
        Ok(settings)
    }

    /// Returns the bucket of the function's own objects, for commands that are about no result.
    fn own_bucket(&self) -> Result<String, Error> {
        let bucket = self.clients.variables.state_bucket.clone();
        bucket.map_or_else(|| self.results_bucket(), Ok)
    }

    fn results_bucket(&self) -> Result<String, Error> {
        let missing = config::VariableError::Missing {
            variable: "RESULTS_BUCKET",
            advice: "give the bucket of the query results, which a sweep and a command without `bucket` look in",
        };
        Ok(self.clients.variables.results_bucket.clone().ok_or(missing)?)
    }
}

/// Returns how long the invocation may still take; a deadline that has passed before it began is none.
pub fn time_left(context: &Context) -> Duration {
    let left = context.deadline().duration_since(SystemTime::now());
    left.ok().filter(|left| !left.is_zero()).unwrap_or(LONGEST_INVOCATION)
}
