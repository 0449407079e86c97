//! EventBridge: `PutEvents`, in the JSON 1.1 protocol; what was put is kept for whoever looks.

use super::faults::Fault;
use super::front::{Front, Logged};
use super::secrets::{amazon_json, error_body, exception, signature_refusal};
use super::server::{Answer, Call, Dropped};
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// The largest entry that is taken (AWS, "Amazon EventBridge quotas": 256 KB a request).
const LARGEST: usize = 256 << 10;

/// The sandbox's EventBridge.
#[derive(Clone)]
pub struct Events {
    inner: Arc<Inner>,
}

struct Inner {
    front: Front,
    put: Mutex<Put>,
}

#[derive(Default)]
struct Put {
    events: Vec<Event>,
    /// How many of the next entries are refused in an answer that is a success.
    failing: usize,
}

/// An event that was put.
#[derive(Clone, Debug)]
pub struct Event {
    pub bus: String,
    pub source: String,
    pub detail_type: String,
    pub detail: Value,
    pub resources: Value,
    /// How many bytes the detail had.
    pub size: usize,
}

impl Events {
    pub(super) fn new() -> Self {
        Self {
            inner: Arc::new(Inner {
                front: Front::new(error_body),
                put: Mutex::default(),
            }),
        }
    }

    /// Returns the events so far, in their order.
    pub fn events(&self) -> Vec<Event> {
        self.put().events.clone()
    }

    /// Refuses the next entries one by one, as EventBridge does: the answer itself is a success.
    pub fn fail_entries(&self, count: usize) {
        self.put().failing = count;
    }

    /// Adds a fault rule; the operation is `PutEvents`, a code is an exception's name.
    pub fn fault(&self, fault: Fault) {
        self.inner.front.fault(fault);
    }

    /// Removes every fault rule.
    pub fn clear_faults(&self) {
        self.inner.front.clear_faults();
    }

    /// Returns the requests so far.
    pub fn requests(&self) -> Vec<Logged> {
        self.inner.front.requests()
    }

    pub(super) async fn serve(self, call: Call) -> Result<Answer, Dropped> {
        let inner = &self.inner;
        inner
            .front
            .serve("PutEvents", call, async |call| Ok(self.answer(&call)))
            .await
    }

    fn answer(&self, call: &Call) -> Answer {
        if let Some(refusal) = signature_refusal(call, "events") {
            return refusal.into_answer();
        }
        let request: Value = serde_json::from_slice(&call.body).unwrap_or_default();
        if call.body.len() > LARGEST {
            return exception(
                "ValidationException",
                "Total size of the entries in the request is over the limit.",
            )
            .into_answer();
        }
        let entries = request["Entries"].as_array().cloned().unwrap_or_default();
        let answers: Vec<_> = entries.iter().map(|entry| self.take(entry)).collect();
        let failed = answers
            .iter()
            .filter(|answer| answer.get("ErrorCode").is_some())
            .count();
        amazon_json(StatusCode::OK, &json!({"FailedEntryCount": failed, "Entries": answers}))
    }

    fn take(&self, entry: &Value) -> Value {
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let detail = serde_json::from_str::<Value>(&text("Detail"))
            .ok()
            .filter(Value::is_object);
        let Some(detail) = detail else {
            return json!({"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."});
        };
        let mut put = self.put();
        if put.failing > 0 {
            put.failing -= 1;
            return json!({"ErrorCode": "InternalFailure", "ErrorMessage": "Internal failure"});
        }
        put.events.push(Event {
            bus: text("EventBusName"),
            source: text("Source"),
            detail_type: text("DetailType"),
            resources: entry["Resources"].clone(),
            size: text("Detail").len(),
            detail,
        });
        json!({"EventId": Uuid::new_v4().to_string()})
    }

    fn put(&self) -> MutexGuard<'_, Put> {
        self.inner.put.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
