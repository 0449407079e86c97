//! A Lambda Runtime API with the real binary as its child, and the asynchronous queue in front of it.

mod function;
mod runtime;

pub use function::{Function, OnLine};
pub use runtime::{InvocationError, Runtime};

use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// A deployed function: one binary, one environment, at most one running instance.
pub struct Lambda {
    runtime: Runtime,
    binary: PathBuf,
    environment: Vec<(String, String)>,
    on_line: OnLine,
    instance: Option<Function>,
    output: Vec<String>,
    killing: Arc<Notify>,
}

/// Kills a function in the middle of an invocation, from wherever that is seen.
#[derive(Clone, Debug)]
pub struct Killer(Arc<Notify>);

impl Killer {
    /// Kills with SIGKILL; without an invocation nothing happens.
    pub fn kill(&self) {
        self.0.notify_waiters();
    }
}

impl Lambda {
    /// Deploys a binary; its first instance starts with the first invocation.
    pub async fn deploy(binary: &Path, environment: &[(String, String)]) -> Self {
        Self::deploy_with(binary, environment, Arc::new(|_| {})).await
    }

    /// Deploys a binary whose every line of output goes to `on_line`.
    pub async fn deploy_with(binary: &Path, environment: &[(String, String)], on_line: OnLine) -> Self {
        Self {
            runtime: Runtime::start().await,
            binary: binary.to_owned(),
            environment: environment.to_vec(),
            on_line,
            instance: None,
            output: Vec::new(),
            killing: Arc::default(),
        }
    }

    /// Returns what kills the function while it is invoked.
    pub fn killer(&self) -> Killer {
        Killer(Arc::clone(&self.killing))
    }

    /// Invokes once and kills the instance where it does not answer by the deadline.
    pub async fn invoke(&mut self, event: &Value, deadline: Duration) -> Result<Value, InvocationError> {
        self.invoke_bytes(event.to_string().as_bytes(), deadline).await
    }

    /// Invokes once with any bytes as the event.
    pub async fn invoke_bytes(&mut self, event: &[u8], deadline: Duration) -> Result<Value, InvocationError> {
        let request_id = uuid::Uuid::new_v4().to_string();
        self.attempt(&request_id, event, deadline).await
    }

    /// Plays the asynchronous queue: up to three attempts of one request, with these pauses after the first two failures.
    ///
    /// Returns what every attempt answered.
    pub async fn deliver(
        &mut self,
        event: &Value,
        deadline: Duration,
        pauses: [Duration; 2],
    ) -> Vec<Result<Value, InvocationError>> {
        let request_id = uuid::Uuid::new_v4().to_string();
        let mut attempts = Vec::new();
        for pause in pauses.into_iter().map(Some).chain([None]) {
            let attempt = self.attempt(&request_id, event.to_string().as_bytes(), deadline).await;
            let done = attempt.is_ok();
            attempts.push(attempt);
            match pause {
                Some(pause) if !done => tokio::time::sleep(pause).await,
                _ => break,
            }
        }
        attempts
    }

    /// Kills the running instance with SIGKILL; the next invocation starts another.
    pub async fn kill(&mut self) {
        if let Some(mut instance) = self.instance.take() {
            instance.kill().await;
            self.output.extend(instance.output());
        }
        self.runtime.forget();
    }

    /// Deploys another binary; a running instance keeps the old one until it ends.
    pub fn update(&mut self, binary: &Path) {
        binary.clone_into(&mut self.binary);
    }

    /// Returns every line that any instance wrote to stdout or stderr.
    pub fn output(&self) -> Vec<String> {
        let running = self.instance.iter().flat_map(Function::output);
        self.output.iter().cloned().chain(running).collect()
    }

    /// Returns the running instance.
    pub fn instance(&self) -> Option<&Function> {
        self.instance.as_ref()
    }

    /// Starts an instance if none is running.
    pub fn warm(&mut self) -> io::Result<()> {
        let ended = self.instance.as_mut().is_none_or(|instance| !instance.is_running());
        if ended {
            if let Some(old) = self.instance.take() {
                self.output.extend(old.output());
            }
            let on_line = Arc::clone(&self.on_line);
            let instance = Function::spawn_with(&self.runtime, &self.binary, &self.environment, on_line)?;
            self.instance = Some(instance);
        }
        Ok(())
    }

    async fn attempt(&mut self, request_id: &str, event: &[u8], deadline: Duration) -> Result<Value, InvocationError> {
        self.warm().map_err(|error| InvocationError {
            error_type: "Sandbox.Spawn".to_owned(),
            error_message: error.to_string(),
        })?;
        let invoked = self.runtime.invoke_as(request_id, event.to_vec(), deadline);
        let ended = async {
            match self.instance.as_mut() {
                Some(instance) => instance.ended().await,
                None => std::future::pending().await,
            }
        };
        let dead = |how: &str| {
            Err(InvocationError {
                error_type: "Runtime.ExitError".to_owned(),
                error_message: format!("the function's process {how} during the invocation"),
            })
        };
        let answer = tokio::select! {
            // What the function said counts, even if it ended right after.
            biased;
            answer = invoked => answer,
            () = self.killing.notified() => dead("was killed"),
            () = ended => dead("ended"),
        };
        let death = answer
            .as_ref()
            .err()
            .filter(|error| matches!(error.error_type.as_str(), "Sandbox.Timedout" | "Runtime.ExitError"));
        if let Some(death) = death {
            // As Lambda itself writes into the function's log.
            (self.on_line)(&format!("RequestId: {request_id} Error: {}", death.error_message));
            self.kill().await;
        }
        answer
    }
}
