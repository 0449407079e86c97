//! The Dataverse Web API over HTTP: headers, retries, throttling, tokens; no word about segments.

use super::call::{Answer, Call};
use super::entra::{Entra, Token};
use super::error::Error;
use super::refusal::Refusal;
use super::retry::{self, Budget, MAX_TRIES};
use super::throttle::Gate;
use super::verdict::{Verdict, verdict};
use crate::fence::{Closed, Fence};
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// The Web API's current version (Microsoft, "Compose HTTP requests and handle errors").
const API: &str = "api/data/v9.2/";

/// Room that is made for a body at once: a page of 5,000 members takes 215 KB.
const LIKELY_BODY: usize = 256 * 1_024;

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
    let mut body = Vec::with_capacity(
        response
            .content_length()
            .and_then(|length| length.try_into().ok())
            .unwrap_or(0)
            .min(LIKELY_BODY),
    );
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
