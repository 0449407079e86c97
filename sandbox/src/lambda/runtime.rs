//! The Runtime API: hands invocations to a child and takes its answers.

use crate::server::{Answer, Call, Dropped, Server, empty, json, text};
use crate::{ACCOUNT, REGION};
use axum::http::{HeaderValue, Method, StatusCode};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{Notify, oneshot};

/// The Runtime API on a loopback port.
pub struct Runtime {
    inner: Arc<Inner>,
    server: Server,
}

/// How an invocation failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InvocationError {
    /// The function's error type; `Sandbox.Timedout` where it did not answer in time.
    pub error_type: String,
    /// The function's message.
    pub error_message: String,
}

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Invocation>,
    running: BTreeMap<String, oneshot::Sender<Result<Value, InvocationError>>>,
    init_error: Option<InvocationError>,
}

struct Invocation {
    request_id: String,
    event: Vec<u8>,
    deadline: SystemTime,
    reply: oneshot::Sender<Result<Value, InvocationError>>,
}

impl Runtime {
    /// Starts without a function.
    pub async fn start() -> Self {
        let inner = Arc::new(Inner::default());
        let handler = inner.clone();
        // Not detached: a killed function's long poll must not swallow the next invocation.
        let server = Server::start(move |call| handler.clone().serve(call)).await;
        Self { inner, server }
    }

    /// Returns host and port for `AWS_LAMBDA_RUNTIME_API`.
    pub fn endpoint(&self) -> String {
        self.server.address().to_string()
    }

    /// Invokes the function and waits for its answer, at most until the deadline.
    pub async fn invoke(&self, event: &Value, deadline: Duration) -> Result<Value, InvocationError> {
        let request_id = uuid::Uuid::new_v4().to_string();
        self.invoke_as(&request_id, event.to_string().into_bytes(), deadline)
            .await
    }

    /// Invokes the function with a given request id, as a retry does.
    pub async fn invoke_as(
        &self,
        request_id: &str,
        event: Vec<u8>,
        deadline: Duration,
    ) -> Result<Value, InvocationError> {
        let (reply, answer) = oneshot::channel();
        self.inner.state().waiting.push_back(Invocation {
            request_id: request_id.to_owned(),
            event,
            deadline: SystemTime::now() + deadline,
            reply,
        });
        self.inner.arrived.notify_one();
        let timed_out = || InvocationError {
            error_type: "Sandbox.Timedout".to_owned(),
            error_message: format!("Task timed out after {:.2} seconds", deadline.as_secs_f64()),
        };
        match tokio::time::timeout(deadline, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(InvocationError {
                error_type: "Sandbox.Forgotten".to_owned(),
                error_message: "the invocation was given up".to_owned(),
            }),
            Err(_) => Err(timed_out()),
        }
    }

    /// Returns what the function reported to `/init/error`.
    pub fn init_error(&self) -> Option<InvocationError> {
        self.inner.state().init_error.clone()
    }

    /// Gives up every invocation, because the instance was killed.
    pub fn forget(&self) {
        let mut state = self.inner.state();
        state.waiting.clear();
        state.running.clear();
    }
}

impl Inner {
    async fn serve(self: Arc<Self>, call: Call) -> Result<Answer, Dropped> {
        let path = call.path();
        let Some(resource) = path.strip_prefix("/2018-06-01/runtime/") else {
            return Ok(empty(StatusCode::NOT_FOUND));
        };
        let parts: Vec<&str> = resource.split('/').collect();
        match (&call.method, parts.as_slice()) {
            (&Method::GET, ["invocation", "next"]) => Ok(self.next().await),
            (&Method::POST, ["invocation", id, "response"]) => {
                let answer = serde_json::from_slice(&call.body).unwrap_or_default();
                Ok(self.finish(id, Ok(answer)))
            }
            (&Method::POST, ["invocation", id, "error"]) => Ok(self.finish(id, Err(reported(&call)))),
            (&Method::POST, ["init", "error"]) => {
                let error = reported(&call);
                let mut state = self.state();
                for invocation in state.waiting.drain(..) {
                    let _ = invocation.reply.send(Err(error.clone()));
                }
                state.init_error = Some(error);
                Ok(accepted())
            }
            _ => Ok(empty(StatusCode::NOT_FOUND)),
        }
    }

    async fn next(&self) -> Answer {
        loop {
            let notified = self.arrived.notified();
            let invocation = self.state().waiting.pop_front();
            if let Some(invocation) = invocation {
                return self.handed_over(invocation);
            }
            notified.await;
        }
    }

    fn handed_over(&self, invocation: Invocation) -> Answer {
        let deadline = invocation.deadline.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut answer = text(StatusCode::OK, "application/json", invocation.event);
        let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:segment-loader");
        let headers = [
            ("lambda-runtime-aws-request-id", invocation.request_id.clone()),
            ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
            ("lambda-runtime-invoked-function-arn", arn),
            (
                "lambda-runtime-trace-id",
                "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700".to_owned(),
            ),
        ];
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                answer.headers_mut().insert(name, value);
            }
        }
        self.state().running.insert(invocation.request_id, invocation.reply);
        answer
    }

    fn finish(&self, id: &str, result: Result<Value, InvocationError>) -> Answer {
        let Some(reply) = self.state().running.remove(id) else {
            return json(StatusCode::BAD_REQUEST, &json!({"errorType": "InvalidRequestID"}));
        };
        let _ = reply.send(result);
        accepted()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn accepted() -> Answer {
    json(StatusCode::ACCEPTED, &json!({"status": "OK"}))
}

fn reported(call: &Call) -> InvocationError {
    let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let field = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    InvocationError {
        error_type: field("errorType"),
        error_message: field("errorMessage"),
    }
}

impl fmt::Display for InvocationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type, self.error_message)
    }
}

impl std::error::Error for InvocationError {}
