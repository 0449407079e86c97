//! The Dataverse Web API over HTTP: headers, retries, throttling, tokens; no word about segments.

use super::body;
use super::call::{Answer, Call, Odd};
use super::entra::{Entra, Token};
use super::error::Error;
use super::refusal::{Kind, Refusal};
use super::retry::{self, Budget, MAX_TRIES};
use super::said;
use super::throttle::Gate;
use super::verdict::{Verdict, verdict};
use crate::time::{Closed, Fence};
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// The Web API's current version (Microsoft, "Compose HTTP requests and handle errors").
const API: &str = "api/data/v9.2/";

/// What is said of an answer that throttles.
const TOO_MANY: &str = "HTTP 429, it throttles";

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
    /// When an answer to a change was given up last.
    pub(super) unanswered: Mutex<Option<Instant>>,
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

impl Client {
    /// Sends a call that may be repeated until it is answered, refused, or there is no patience left.
    pub(super) async fn call<T>(&self, call: &Call, read: impl Fn(&Answer) -> Result<T, Odd>) -> Result<T, Error> {
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

    /// Sends a call; an unreadable answer counts as none, an unexpected one is final where the call may be repeated.
    pub(super) async fn send<T>(&self, call: &Call, read: impl Fn(&Answer) -> Result<T, Odd>) -> Result<T, Failure> {
        let mut tries = 0;
        let mut renewed = false;
        let mut last = None;
        loop {
            let answer = self.attempt(call).await;
            let read = answer.and_then(|answer| read(&answer).map_err(|odd| Miss::odd(call, odd)));
            // The row of a create is looked for; a description contradicts nothing.
            let is_change = call.kind != Kind::Read && call.repeatable;
            if is_change && matches!(read, Err(Miss::Unavailable(_, true))) {
                *self.unanswered.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            }
            match read {
                Ok(value) => {
                    self.budget.give_back();
                    return Ok(value);
                }
                Err(Miss::Final(error)) => {
                    return Err(Failure::Final(
                        error.since(last.map(|reason: String| no_good_answer(call.operation, &reason))),
                    ));
                }
                Err(Miss::Contention(refusal)) => return Err(Failure::Contention(refusal)),
                Err(Miss::Unauthorized(refused)) if !renewed => {
                    renewed = true;
                    self.entra.other_than(&refused.0).await?;
                }
                Err(Miss::Unauthorized(refused)) => return Err(refused.1.into_error(call.kind).into()),
                // Whether a refused request was carried out is not documented.
                Err(Miss::Throttled) if !call.repeatable => return Err(Failure::Unclear(TOO_MANY.to_owned())),
                // The gate makes it wait; only the fence ends this.
                Err(Miss::Throttled) => last = Some(TOO_MANY.to_owned()),
                Err(Miss::Unavailable(reason, true)) if !call.repeatable => return Err(Failure::Unclear(reason)),
                Err(Miss::Unavailable(reason, _)) => {
                    tries += 1;
                    last = Some(reason.clone());
                    self.back_off(call.operation, tries, reason).await?;
                }
            }
        }
    }

    /// Sends a call once whose answer nobody depends on.
    pub(super) async fn once<T>(&self, call: &Call, read: impl Fn(&Answer) -> Result<T, Odd>) -> Option<T> {
        let answer = self.attempt(call).await.ok()?;
        read(&answer).ok()
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
        let wait = retry::BACKOFF.jittered(tries);
        tracing::info!(
            operation,
            reason,
            tries,
            wait_ms = wait.as_millis(),
            "Dynamics gave no good answer, trying again"
        );
        self.sleep(wait, operation, &reason).await
    }

    /// Sleeps after an answer that was no good one.
    pub(super) async fn sleep(&self, wait: Duration, operation: &str, reason: &str) -> Result<(), Error> {
        let slept = self.fence.sleep(wait).await;
        slept.map_err(|closed| Error::from(closed).since(Some(no_good_answer(operation, reason))))
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
        let mut response = request.send().await.map_err(|error| {
            let has_left = !error.is_connect();
            Miss::Unavailable(transport_reason(error), has_left)
        })?;
        let headers = std::mem::take(response.headers_mut());
        if let Some(hint) = number(&headers, "x-ms-dop-hint") {
            self.gate.recommended(hint);
        }
        let status = response.status();
        if !status.is_success() {
            let is_throttled = status == StatusCode::TOO_MANY_REQUESTS;
            self.pause_by_status(status, &headers, sent_at);
            let body = body::beginning(response).await;
            let refusal = Refusal::read(call.operation, status.as_u16(), &body);
            return Err(self.refused(call, refusal, &headers, token, (!is_throttled).then_some(sent_at)));
        }
        if text(&headers, "content-encoding").is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
            let reason = "an answer in a compression that was not asked for, perhaps of a proxy in between";
            return Err(Miss::Unavailable(reason.to_owned(), true));
        }
        let body = body::whole(response, call.largest).await.map_err(|error| match error {
            body::Error::Broken(error) => Miss::Unavailable(transport_reason(error), true),
            body::Error::TooLarge => Miss::odd(call, too_large(call.largest)),
        })?;
        let answer = Answer { headers, body };
        if let Some(status) = said::own_status(call, &answer).map_err(|odd| Miss::odd(call, odd))? {
            let refusal = Refusal::read(call.operation, status, &answer.body);
            return Err(self.refused(call, refusal, &answer.headers, token, Some(sent_at)));
        }
        self.gate.answered();
        Ok(answer)
    }

    /// Begins the pause that an answer asks for by status and header alone: it holds before its body is there.
    fn pause_by_status(&self, status: StatusCode, headers: &HeaderMap, sent_at: Instant) {
        let asked = retry_after(headers);
        match (status.as_u16(), asked) {
            (429, _) => self.throttled(asked, sent_at),
            (408 | 500.., Some(asked)) => {
                self.gate.unavailable(asked);
            }
            _ => {}
        }
    }

    fn throttled(&self, asked: Option<Duration>, sent_at: Instant) {
        let pause = self.gate.throttled(asked, sent_at);
        let limit = self.gate.limit();
        tracing::warn!(
            pause_ms = pause.as_millis(),
            limit,
            "Dynamics throttles: all requests wait"
        );
    }

    /// Says what a refusal asks for; one that throttles without the status for it, `unpaused`, begins its pause here.
    fn refused(
        &self,
        call: &Call,
        refusal: Refusal,
        headers: &HeaderMap,
        token: Token,
        unpaused: Option<Instant>,
    ) -> Miss {
        tracing::debug!(
            operation = call.operation,
            status = refusal.status,
            code = &*refusal.code,
            service_request_id = id(headers, "x-ms-service-request-id").or_else(|| id(headers, "REQ_ID")),
            "Dynamics did not do what was asked"
        );
        match verdict(&refusal) {
            Verdict::Throttled => {
                if let Some(sent_at) = unpaused {
                    self.throttled(retry_after(headers), sent_at);
                }
                Miss::Throttled
            }
            Verdict::Unauthorized => Miss::Unauthorized(Box::new((token, refusal))),
            Verdict::Contention if call.returns_contention => Miss::Contention(refusal),
            Verdict::Contention | Verdict::Unavailable => {
                let code = if refusal.code.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", refusal.code)
                };
                Miss::Unavailable(format!("HTTP {}{code}", refusal.status), true)
            }
            Verdict::Elsewhere => Miss::Final(Error::unexpected(
                call.operation,
                format!(
                    "it points to another address (HTTP {}), which the token is not sent to; check the environment URL",
                    refusal.status
                ),
            )),
            Verdict::Refused => match refusal.into_error(call.kind) {
                // The tables were there before any action was called.
                Error::JourneysNotInstalled(refusal) if call.is_action => Miss::Final(Error::ActionMissing(refusal)),
                error => Miss::Final(error),
            },
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
            let version = call.version.clone();
            request = request.header(header::IF_MATCH, version.unwrap_or(HeaderValue::from_static("*")));
        }
        if let Some(body) = &call.body {
            request = request
                .header(header::CONTENT_TYPE, "application/json")
                .body(body.clone());
        }
        Ok(request)
    }

    /// Returns the path of an address that is relative to the API's root or whole.
    pub(super) fn path_of(&self, link: &str) -> Option<String> {
        let root = self.organization.join(API).ok()?;
        Some(root.join(link).ok()?.path().to_owned())
    }

    /// Makes the whole address; the token goes to the organization only, wherever a next link points.
    fn address(&self, call: &Call) -> Result<Url, Error> {
        let root = self.organization.join(API);
        root.and_then(|root| root.join(&call.path))
            .ok()
            .filter(|url| url.origin() == self.organization.origin() && url.username().is_empty())
            .ok_or_else(|| Error::unexpected(call.operation, "it names an address outside of the environment"))
    }
}

impl Miss {
    fn odd(call: &Call, odd: Odd) -> Self {
        match odd {
            Odd::Unexpected(what) if call.repeatable => Self::Final(Error::unexpected(call.operation, what)),
            Odd::Unexpected(reason) | Odd::Unreadable(reason) => Self::Unavailable(reason, true),
        }
    }
}

/// Says what Dynamics answered until the time was over.
fn no_good_answer(operation: &str, reason: &str) -> String {
    format!("Dynamics gave no good answer to the request to {operation}, the last one: {reason}")
}

fn too_large(limit: usize) -> Odd {
    Odd::Unexpected(format!(
        "it is larger than {} MiB, the most that is read",
        limit / 1_024 / 1_024
    ))
}

/// Reads `Retry-After`, where there is one.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let date = text(headers, "date");
    let values = headers.get_all("retry-after").iter();
    // Where there are several, the longest satisfies all of them.
    values
        .filter_map(|value| retry::retry_after(value.to_str().ok()?, date))
        .max()
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

/// Returns an id that a header holds; a header may hold anything else.
fn id(headers: &HeaderMap, name: &str) -> Option<String> {
    let id = uuid::Uuid::try_parse(text(headers, name)?.trim()).ok()?;
    Some(id.to_string())
}

fn number(headers: &HeaderMap, name: &str) -> Option<usize> {
    text(headers, name)?.trim().parse().ok()
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
