//! Secrets Manager: reading, storing and listing secrets in the JSON 1.1 protocol.

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
        if let Some(refusal) = signature_refusal(call, "secretsmanager") {
            return refusal.into_answer();
        }
        let request: Value = serde_json::from_slice(&call.body).unwrap_or_default();
        let answered = match operation {
            "GetSecretValue" => self.get(&request),
            "CreateSecret" => self.create(&request),
            "DescribeSecret" => self.describe(&request),
            // Without a value it changes what nobody here reads.
            "UpdateSecret" if request["SecretString"].is_null() => self.describe(&request),
            "PutSecretValue" | "UpdateSecret" => self.update(&request),
            "ListSecrets" => Ok(self.list()),
            _ => Err(exception("UnknownOperationException", "")),
        };
        answered.unwrap_or_else(Exception::into_answer)
    }

    fn get(&self, request: &Value) -> Result<Answer, Exception> {
        let state = self.state();
        let id = asked_for(request, "SecretId")?;
        if state.denied.iter().any(|name| is_named(name, id)) {
            return Err(exception(
                "AccessDeniedException",
                &format!(
                    "User: arn:aws:sts::{ACCOUNT}:assumed-role/segment-loader is not authorized to perform: \
                     secretsmanager:GetSecretValue on resource: {id} because no identity-based policy allows the \
                     secretsmanager:GetSecretValue action"
                ),
            ));
        }
        let name = state.named(id)?;
        let (text, _) = &state.secrets[&name];
        let created = UNIX_EPOCH.elapsed().map(|age| age.as_secs()).unwrap_or_default();
        let mut told = state.described(&name);
        told["SecretString"] = json!(text);
        told["CreatedDate"] = json!(created);
        Ok(amazon_json(StatusCode::OK, &told))
    }

    fn create(&self, request: &Value) -> Result<Answer, Exception> {
        let name = asked_for(request, "Name")?;
        if self.state().named(name).is_ok() {
            return Err(exception(
                "ResourceExistsException",
                &format!("The operation failed because the secret {name} already exists."),
            ));
        }
        self.put_text(name, asked_for(request, "SecretString")?);
        Ok(amazon_json(StatusCode::OK, &self.state().described(name)))
    }

    fn update(&self, request: &Value) -> Result<Answer, Exception> {
        let name = self.state().named(asked_for(request, "SecretId")?)?;
        self.put_text(&name, asked_for(request, "SecretString")?);
        Ok(amazon_json(StatusCode::OK, &self.state().described(&name)))
    }

    fn describe(&self, request: &Value) -> Result<Answer, Exception> {
        let state = self.state();
        let name = state.named(asked_for(request, "SecretId")?)?;
        Ok(amazon_json(StatusCode::OK, &state.described(&name)))
    }

    fn list(&self) -> Answer {
        let state = self.state();
        let names = state.secrets.keys();
        let listed: Vec<_> = names
            .map(|name| json!({"ARN": Self::arn(name), "Name": name}))
            .collect();
        amazon_json(StatusCode::OK, &json!({"SecretList": listed}))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Finds the name of a secret by its name or ARN.
    fn named(&self, id: &str) -> Result<String, Exception> {
        let found = self.secrets.keys().find(|name| is_named(name, id));
        found.cloned().ok_or_else(|| {
            exception(
                "ResourceNotFoundException",
                "Secrets Manager can't find the specified secret.",
            )
        })
    }

    fn described(&self, name: &str) -> Value {
        let (_, version) = &self.secrets[name];
        json!({
            "ARN": Secrets::arn(name), "Name": name, "VersionId": version.to_string(),
            "VersionStages": ["AWSCURRENT"],
        })
    }
}

/// Says whether this is the secret's name, its ARN, or that without the end that AWS adds.
fn is_named(name: &str, id: &str) -> bool {
    name == id || Secrets::arn(name) == id || Secrets::arn(name) == format!("{id}-AbCdEf")
}

fn asked_for<'a>(request: &'a Value, field: &str) -> Result<&'a str, Exception> {
    let value = request[field].as_str().filter(|value| !value.is_empty());
    value.ok_or_else(|| exception("ValidationException", &format!("{field} must not be null")))
}

/// Refuses a request that does not carry a version 4 signature by the sandbox's key (the signature itself is S3's to prove).
pub(super) fn signature_refusal(call: &Call, service: &str) -> Option<Exception> {
    let Some(authorization) = call.header("authorization") else {
        return Some(exception(
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        ));
    };
    let ours = authorization
        .strip_prefix("AWS4-HMAC-SHA256 Credential=")
        .is_some_and(|rest| rest.starts_with(ACCESS_KEY) && rest.contains(&format!("/{service}/aws4_request")));
    if ours && authorization.contains("Signature=") {
        return None;
    }
    Some(exception(
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    ))
}

/// An error as Secrets Manager answers it.
pub(super) struct Exception(String, String);

impl Exception {
    pub(super) fn into_answer(self) -> Answer {
        let Self(kind, message) = self;
        amazon_json(StatusCode::BAD_REQUEST, &json!({"__type": kind, "Message": message}))
    }
}

pub(super) fn exception(kind: &str, message: &str) -> Exception {
    Exception(kind.to_owned(), message.to_owned())
}

pub(super) fn amazon_json(status: StatusCode, body: &Value) -> Answer {
    let mut answer = json(status, body);
    answer
        .headers_mut()
        .insert("content-type", HeaderValue::from_static("application/x-amz-json-1.1"));
    answer
}

pub(super) fn error_body(code: &str, message: &str) -> (&'static str, String) {
    (
        "application/x-amz-json-1.1",
        json!({"__type": code, "Message": message}).to_string(),
    )
}
