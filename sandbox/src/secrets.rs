//! Secrets Manager: `GetSecretValue` in the JSON 1.1 protocol.

use super::faults::Fault;
use super::front::{Front, Logged};
use super::server::{Answer, Call, Dropped, json};
use super::{ACCESS_KEY, ACCOUNT, REGION};
use axum::http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;
use uuid::Uuid;

/// The sandbox's Secrets Manager.
#[derive(Clone)]
pub struct Secrets {
    inner: Arc<Inner>,
}

struct Inner {
    front: Front,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    secrets: BTreeMap<String, (String, Uuid)>,
    denied: BTreeSet<String>,
}

impl Secrets {
    pub(super) fn new() -> Self {
        Self {
            inner: Arc::new(Inner {
                front: Front::new(error_body),
                state: Mutex::default(),
            }),
        }
    }

    /// Puts a secret whose value is this JSON.
    pub fn put(&self, name: &str, value: &Value) {
        self.put_text(name, &value.to_string());
    }

    /// Puts a secret whose value is any text.
    pub fn put_text(&self, name: &str, value: &str) {
        let version = Uuid::new_v4();
        self.state()
            .secrets
            .insert(name.to_owned(), (value.to_owned(), version));
    }

    /// Changes fields of a JSON secret; `null` removes a field.
    pub fn merge(&self, name: &str, changes: &Value) {
        let mut value: Value = serde_json::from_str(&self.text(name)).expect("the secret holds JSON");
        let fields = value.as_object_mut().expect("the secret holds a JSON object");
        for (key, change) in changes.as_object().expect("the changes are an object") {
            if change.is_null() {
                fields.remove(key);
            } else {
                fields.insert(key.clone(), change.clone());
            }
        }
        self.put(name, &value);
    }

    /// Returns a secret's text.
    pub fn text(&self, name: &str) -> String {
        let state = self.state();
        let (text, _) = state.secrets.get(name).expect("the secret was put before");
        text.clone()
    }

    /// Removes a secret.
    pub fn remove(&self, name: &str) {
        self.state().secrets.remove(name);
    }

    /// Refuses to show a secret from now on.
    pub fn deny(&self, name: &str) {
        self.state().denied.insert(name.to_owned());
    }

    /// Returns a secret's ARN.
    pub fn arn(name: &str) -> String {
        format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-AbCdEf")
    }

    /// Adds a fault rule; the operation is `GetSecretValue`, a code is an exception's name.
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
        let target = call.header("x-amz-target").unwrap_or_default().to_owned();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let inner = &self.inner;
        inner
            .front
            .serve(operation, call, async |call| Ok(self.answer(operation, &call)))
            .await
    }

    fn answer(&self, operation: &str, call: &Call) -> Answer {
        if let Some(refusal) = signature_refusal(call) {
            return refusal;
        }
        if operation != "GetSecretValue" {
            return failure("UnknownOperationException", "");
        }
        let request: Value = serde_json::from_slice(&call.body).unwrap_or_default();
        let Some(id) = request["SecretId"].as_str() else {
            return failure("ValidationException", "SecretId must not be null");
        };
        let state = self.state();
        let named = |name: &&String| *name == id || Self::arn(name) == id || Self::arn(name) == format!("{id}-AbCdEf");
        if state.denied.iter().any(|name| named(&name)) {
            return failure(
                "AccessDeniedException",
                &format!(
                    "User: arn:aws:sts::{ACCOUNT}:assumed-role/segment-loader is not authorized to perform: \
                     secretsmanager:GetSecretValue on resource: {id} because no identity-based policy allows the \
                     secretsmanager:GetSecretValue action"
                ),
            );
        }
        let Some((name, (text, version))) = state.secrets.iter().find(|(name, _)| named(name)) else {
            return failure(
                "ResourceNotFoundException",
                "Secrets Manager can't find the specified secret.",
            );
        };
        let created = UNIX_EPOCH.elapsed().map(|age| age.as_secs()).unwrap_or_default();
        amazon_json(
            StatusCode::OK,
            &json!({
                "ARN": Self::arn(name), "Name": name, "VersionId": version.to_string(), "SecretString": text,
                "VersionStages": ["AWSCURRENT"], "CreatedDate": created,
            }),
        )
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Refuses a request that does not carry a version 4 signature by the sandbox's key (the signature itself is S3's to prove).
fn signature_refusal(call: &Call) -> Option<Answer> {
    let Some(authorization) = call.header("authorization") else {
        return Some(failure(
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        ));
    };
    let ours = authorization
        .strip_prefix("AWS4-HMAC-SHA256 Credential=")
        .is_some_and(|rest| rest.starts_with(ACCESS_KEY) && rest.contains("/secretsmanager/aws4_request"));
    if ours && authorization.contains("Signature=") {
        return None;
    }
    Some(failure(
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    ))
}

fn failure(kind: &str, message: &str) -> Answer {
    amazon_json(StatusCode::BAD_REQUEST, &json!({"__type": kind, "Message": message}))
}

fn amazon_json(status: StatusCode, body: &Value) -> Answer {
    let mut answer = json(status, body);
    answer
        .headers_mut()
        .insert("content-type", HeaderValue::from_static("application/x-amz-json-1.1"));
    answer
}

fn error_body(code: &str, message: &str) -> (&'static str, String) {
    (
        "application/x-amz-json-1.1",
        json!({"__type": code, "Message": message}).to_string(),
    )
}
