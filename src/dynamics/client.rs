//! The Dataverse Web API over HTTP: headers, retries, throttling, tokens; no word about segments.

use super::entra::{Entra, Token};
use super::error::Error;
use super::refusal::{Kind, Refusal};
use super::retry::{self, Budget, MAX_TRIES};
use super::throttle::Gate;
use crate::fence::{Closed, Fence};
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// The Web API's current version (Microsoft, "Compose HTTP requests and handle errors").
const API: &str = "api/data/v9.2/";

/// The HTTP client of one organization; everything that is shared by its calls.
pub(super) struct Client {
    pub(super) http: reqwest::Client,
    pub(super) organization: Url,
    pub(super) entra: Entra,
    pub(super) gate: Gate,
    pub(super) budget: Budget,
    pub(super) fence: Fence,
    /// How long one call may take.
    pub(super) request_timeout: Duration,
    pub(super) requests: AtomicU64,
    pub(super) retries: AtomicU64,
}

/// One request, ready to be sent as often as needed.
pub(super) struct Call {
    pub(super) operation: &'static str,
    kind: Kind,
    method: Method,
    /// Relative to the API's root, already encoded; or the whole address of a next page.
    path: String,
    body: Option<Vec<u8>>,
    /// Whether sending it twice does no more than sending it once.
    repeatable: bool,
    /// Whether the caller deals with a deadlock itself, by sending less.
    returns_contention: bool,
}

/// A success.
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Why a call gave no answer.
pub(super) enum Failure {
    /// It will not.
    Final(Error),
    /// A call that must not be repeated blindly may have been carried out or not.
    Unclear(String),
    /// Two calls got in each other's way, or one was too much at once.
    Contention(Refusal),
}

/// Why one try gave no answer.
enum Miss {
    Final(Error),
    Unauthorized(Box<(Token, Refusal)>),
    Throttled,
    /// The text says what happened; `false` tells that the request never left.
    Unavailable(String, bool),
    Contention(Refusal),
}

impl Call {
    pub(super) fn get(operation: &'static str, path: String) -> Self {
        Self::new(operation, Kind::Read, Method::GET, path, None)
    }

    /// An action that may be repeated.
    pub(super) fn action(operation: &'static str, kind: Kind, name: &str, body: &impl Serialize) -> Self {
        Self::new(operation, kind, Method::POST, name.to_owned(), Some(json(body)))
    }

    /// A row that must not come into being twice.
    pub(super) fn create(operation: &'static str, set: &str, body: &impl Serialize) -> Self {
        let call = Self::new(operation, Kind::Edit, Method::POST, set.to_owned(), Some(json(body)));
        Self {
            repeatable: false,
            ..call
        }
    }

    /// A change of a row that exists.
    pub(super) fn update(operation: &'static str, row: String, body: &impl Serialize) -> Self {
        Self::new(operation, Kind::Edit, Method::PATCH, row, Some(json(body)))
    }

    pub(super) fn returning_contention(self) -> Self {
        Self {
            returns_contention: true,
            ..self
        }
    }

    fn new(operation: &'static str, kind: Kind, method: Method, path: String, body: Option<Vec<u8>>) -> Self {
        Self {
            operation,
            kind,
            method,
            path,
            body,
            repeatable: true,
            returns_contention: false,
        }
    }

    fn is_action(&self) -> bool {
        self.method == Method::POST && self.repeatable
    }
}

impl Answer {
    /// Reads the body; the parser's own message is dropped, since it may quote the body.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_slice(&self.body).map_err(|error| {
            format!(
                "an answer that cannot be read (line {}, column {})",
                error.line(),
                error.column()
            )
        })
    }
}

impl Client {
    /// Sends a call that may be repeated until it is answered, refused, or there is no patience left.
    pub(super) async fn call<T>(&self, call: &Call, read: impl Fn(&Answer) -> Result<T, String>) -> Result<T, Error> {
        self.send(call, read).await.map_err(|failure| match failure {
            Failure::Final(error) => error,
            Failure::Unclear(reason) => Error::DynamicsUnavailable {
                operation: call.operation,
                tries: 1,
                reason,
            },
            Failure::Contention(refusal) => refusal.into_error(call.kind),
        })
    }

    /// Sends a call; an unreadable answer counts as none.
    pub(super) async fn send<T>(&self, call: &Call, read: impl Fn(&Answer) -> Result<T, String>) -> Result<T, Failure> {
        let mut tries = 0;
        let mut renewed = false;
        loop {
            let answer = self.attempt(call).await;
            let read = answer.and_then(|answer| read(&answer).map_err(|reason| Miss::Unavailable(reason, true)));
            match read {
                Ok(value) => {
                    self.budget.give_back();
                    return Ok(value);
                }
                Err(Miss::Final(error)) => return Err(Failure::Final(error)),
                Err(Miss::Contention(refusal)) => return Err(Failure::Contention(refusal)),
                Err(Miss::Unauthorized(refused)) if !renewed => {
                    renewed = true;
                    self.entra.other_than(&refused.0).await?;
                }
                Err(Miss::Unauthorized(refused)) => return Err(refused.1.into_error(call.kind).into()),
                // Whether a refused request was carried out is not documented.
                Err(Miss::Throttled) if !call.repeatable => return Err(Failure::Unclear("HTTP 429".to_owned())),
                // The gate makes it wait; only the fence ends this.
                Err(Miss::Throttled) => {}
                Err(Miss::Unavailable(reason, true)) if !call.repeatable => return Err(Failure::Unclear(reason)),
                Err(Miss::Unavailable(reason, _)) => {
                    tries += 1;
                    self.back_off(call.operation, tries, reason).await?;
                }
            }
            self.retries.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits before another try, or gives up: after too many tries, without budget, or out of time.
    pub(super) async fn back_off(&self, operation: &'static str, tries: u32, reason: String) -> Result<(), Error> {
        if tries >= MAX_TRIES || !self.budget.take() {
            return Err(Error::DynamicsUnavailable {
                operation,
                tries,
                reason,
            });
        }
        let wait = retry::backoff(tries);
        tracing::info!(
            operation,
            reason,
            tries,
            wait_ms = wait.as_millis(),
            "Dynamics gave no good answer, trying again"
        );
        Ok(self.fence.sleep(wait).await?)
    }

    /// Sends the request once, as soon as it may leave.
    async fn attempt(&self, call: &Call) -> Result<Answer, Miss> {
        let (_permit, token, left) = loop {
            let permit = self.gate.enter(&self.fence).await?;
            let token = self.entra.token().await?;
            let left = self.fence.pass().await?;
            // Token and fence may have taken their time: a penalty that began meanwhile holds for this request, too.
            if !self.gate.is_paused() {
                break (permit, token, left);
            }
        };
        let sent_at = Instant::now();
        let request = self.request(call, &token)?.timeout(left.min(self.request_timeout));
        self.requests.fetch_add(1, Ordering::Relaxed);
        let answered = match request.send().await {
            Ok(response) => whole(response).await,
            Err(error) => Err(error),
        };
        let (status, answer) = answered.map_err(|error| {
            let has_left = !error.is_connect();
            Miss::Unavailable(transport_reason(error), has_left)
        })?;
        if let Some(hint) = number(&answer.headers, "x-ms-dop-hint") {
            self.gate.recommended(hint);
        }
        self.judge(call, status, answer, token, sent_at)
    }

    fn judge(
        &self,
        call: &Call,
        status: StatusCode,
        answer: Answer,
        token: Token,
        sent_at: Instant,
    ) -> Result<Answer, Miss> {
        let status = if status.is_success() && call.is_action() {
            inner_status(&answer)?.unwrap_or(status)
        } else {
            status
        };
        if status.is_success() {
            self.gate.answered();
            return Ok(answer);
        }
        let refusal = Refusal::read(call.operation, status.as_u16(), &answer.body);
        tracing::debug!(
            operation = call.operation,
            status = refusal.status,
            code = &*refusal.code,
            service_request_id = text(&answer.headers, "x-ms-service-request-id").or(text(&answer.headers, "REQ_ID")),
            "Dynamics did not do what was asked"
        );
        let retry_after = retry_after(&answer.headers);
        match verdict(&refusal) {
            Verdict::Throttled => {
                let pause = self.gate.throttled(retry_after, sent_at);
                let limit = self.gate.limit();
                tracing::warn!(
                    code = &*refusal.code,
                    pause_ms = pause.as_millis(),
                    limit,
                    "Dynamics throttles: all requests wait"
                );
                Err(Miss::Throttled)
            }
            Verdict::Unauthorized => Err(Miss::Unauthorized(Box::new((token, refusal)))),
            Verdict::Contention if call.returns_contention => Err(Miss::Contention(refusal)),
            Verdict::Contention | Verdict::Unavailable => {
                if let Some(asked) = retry_after {
                    self.gate.unavailable(asked);
                }
                let code = if refusal.code.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", refusal.code)
                };
                Err(Miss::Unavailable(format!("HTTP {}{code}", refusal.status), true))
            }
            Verdict::Refused => Err(Miss::Final(refusal.into_error(call.kind))),
        }
    }

    fn request(&self, call: &Call, token: &Token) -> Result<reqwest::RequestBuilder, Error> {
        let mut request = self
            .http
            .request(call.method.clone(), self.address(call)?)
            .header(header::AUTHORIZATION, token.header.clone())
            .header(header::ACCEPT, "application/json")
            .header("OData-MaxVersion", "4.0")
            .header("OData-Version", "4.0");
        if call.method == Method::GET {
            // Avoids stale rows from a cache in between.
            request = request.header(header::IF_NONE_MATCH, "null");
        }
        if call.method == Method::PATCH {
            // Without it a PATCH would create a row that does not exist.
            request = request.header(header::IF_MATCH, "*");
        }
        if let Some(body) = &call.body {
            request = request
                .header(header::CONTENT_TYPE, "application/json")
                .body(body.clone());
        }
        Ok(request)
    }

    /// Makes the whole address; the token goes to the organization only, wherever a next link points.
    fn address(&self, call: &Call) -> Result<Url, Error> {
        let root = self.organization.join(API);
        root.and_then(|root| root.join(&call.path))
            .ok()
            .filter(|url| url.origin() == self.organization.origin())
            .ok_or_else(|| Error::UnexpectedAnswer {
                operation: call.operation,
                what: "Dynamics named an address outside of the organization".to_owned(),
            })
    }
}

/// What an answer other than success asks for.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Throttled,
    Unauthorized,
    Contention,
    Unavailable,
    Refused,
}

fn verdict(refusal: &Refusal) -> Verdict {
    match (refusal.status, &*refusal.code) {
        (429, _) | (_, "0x80072321" | "0x80072322" | "0x80072326") => Verdict::Throttled,
        (401, _) => Verdict::Unauthorized,
        (501, _) => Verdict::Refused,
        _ if refusal.is_contention() => Verdict::Contention,
        // A plug-in's own exception comes back the same at every try, unless it says otherwise.
        (500.., "0x80040265") if !refusal.asks_to_retry() => Verdict::Refused,
        (408 | 500.., _) => Verdict::Unavailable,
        _ => Verdict::Refused,
    }
}

/// Some actions answer 200 and put the real status into the body.
fn inner_status(answer: &Answer) -> Result<Option<StatusCode>, Miss> {
    #[derive(serde::Deserialize)]
    struct Inner {
        #[serde(rename = "StatusCode")]
        status: Option<u16>,
    }
    if answer.body.is_empty() {
        return Ok(None);
    }
    let inner: Inner = answer.json().map_err(|reason| Miss::Unavailable(reason, true))?;
    Ok(inner
        .status
        .filter(|status| *status >= 400)
        .and_then(|status| StatusCode::from_u16(status).ok()))
}

async fn whole(mut response: reqwest::Response) -> reqwest::Result<(StatusCode, Answer)> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
    }
    let headers = std::mem::take(response.headers_mut());
    Ok((response.status(), Answer { headers, body }))
}

/// Reads `Retry-After`, where there is one.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    retry::retry_after(text(headers, "retry-after")?, text(headers, "date"))
}

/// Says what went wrong on the way, without the address.
pub(super) fn transport_reason(error: reqwest::Error) -> String {
    let what = match &error {
        error if error.is_timeout() => "no answer in time",
        error if error.is_connect() => "no connection",
        _ => "the connection broke",
    };
    let error = error.without_url();
    let mut root: &dyn std::error::Error = &error;
    while let Some(source) = root.source() {
        root = source;
    }
    format!("{what} ({root})")
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok())
}

fn number(headers: &HeaderMap, name: &str) -> Option<usize> {
    text(headers, name)?.trim().parse().ok()
}

/// Our own request bodies are plain structs with string keys, which always serialize.
fn json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).unwrap_or_default()
}

impl From<Error> for Miss {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

impl From<Closed> for Miss {
    fn from(closed: Closed) -> Self {
        Self::Final(closed.into())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_gets_its_verdict() {
        for (status, code, message, expected) in [
            (429, "0x80072322", "", Verdict::Throttled),
            (429, "", "", Verdict::Throttled),
            (503, "0x80072321", "", Verdict::Throttled),
            (400, "-2147015898", "", Verdict::Throttled),
            (401, "", "", Verdict::Unauthorized),
            (500, "0x80040216", "", Verdict::Unavailable),
            (502, "", "", Verdict::Unavailable),
            (503, "", "", Verdict::Unavailable),
            (504, "", "", Verdict::Unavailable),
            (408, "", "", Verdict::Unavailable),
            (501, "", "", Verdict::Refused),
            (500, "0x80040265", "Plug-in failed", Verdict::Refused),
            (500, "0x80040265", "Please try again later", Verdict::Unavailable),
            (500, "0x80044151", "", Verdict::Contention),
            (500, "0x80040216", "deadlock victim", Verdict::Contention),
            (400, "", "", Verdict::Refused),
            (403, "0x80040220", "", Verdict::Refused),
            (412, "", "", Verdict::Refused),
        ] {
            let body = serde_json::json!({"error": {"code": code, "message": message}}).to_string();
            let refusal = Refusal::read("x", status, body.as_bytes());
            assert_eq!(verdict(&refusal), expected, "{status} {code} {message}");
        }
    }
}
