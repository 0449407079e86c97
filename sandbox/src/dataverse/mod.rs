//! A stateful Dataverse organization with the real-time segment API.

mod actions;
mod filter;
mod inspect;
mod limits;
mod modes;
mod privileges;
mod publishing;
mod query;
mod refusal;
mod rows;
mod state;
mod tables;

pub use inspect::{GroupView, Seed, SegmentView};
pub use limits::{Limits, Violation};
pub use modes::{
    Drafts, Encoding, Filtering, MembersPaging, Modes, Outcome, Privileges, Repeats, Scoping, Times, Units,
    UnknownContacts, Versions,
};
pub use privileges::{Depth, Role};
pub use state::{Audience, Contacts, Definition, OWNER, ROOT_UNIT, Segment, State};
pub use tables::{Fields, Row};

use super::entra::Entra;
use super::faults::Fault;
use super::front::{Front, Logged};
use super::server::{Answer, Call, Dropped, Server, detached, empty, json};
use actions::Action;
use axum::http::{HeaderValue, Method, StatusCode};
use limits::Windows;
use refusal::{Refusal, Reply, USER, error_body};
use rows::{Address, set_header};
use serde_json::json;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tables::Table;
use tokio::time::Instant;
use uuid::Uuid;

/// The sandbox's Dataverse organization.
#[derive(Clone)]
pub struct Dataverse {
    inner: Arc<Inner>,
}

struct Inner {
    front: Front,
    entra: Entra,
    url: OnceLock<String>,
    state: Mutex<State>,
    windows: Mutex<Windows>,
}

impl Dataverse {
    pub(super) async fn start(entra: Entra) -> (Self, Server) {
        let dataverse = Self {
            inner: Arc::new(Inner {
                front: Front::new(error_body),
                entra,
                url: OnceLock::new(),
                state: Mutex::new(State::with_root_unit()),
                windows: Mutex::default(),
            }),
        };
        let handler = dataverse.clone();
        let server = Server::start(move |call| detached(handler.clone().serve(call))).await;
        dataverse.inner.url.get_or_init(|| server.url());
        (dataverse, server)
    }

    /// Changes anything about the organization, after the clock has done its part.
    pub fn edit<T>(&self, edit: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state();
        state.advance(Instant::now());
        state.page_starts.clear();
        edit(&mut state)
    }

    /// Changes how the organization behaves.
    pub fn modes(&self, change: impl FnOnce(&mut Modes)) {
        self.edit(|state| change(&mut state.modes));
    }

    /// Refuses an operation, named as in the log, for want of a privilege.
    pub fn deny(&self, operation: &str) {
        self.modes(|modes| {
            modes.denied.insert(operation.to_owned());
        });
    }

    /// Replaces the service protection limits.
    pub fn set_limits(&self, limits: Limits) {
        self.windows().limits = limits;
    }

    /// Returns the requests inside a `Retry-After` or above the concurrency limit.
    pub fn violations(&self) -> Vec<Violation> {
        self.windows().violations()
    }

    /// Forgets violations, penalties and what counts towards the limits.
    pub fn reset_limits(&self) {
        self.windows().reset();
    }

    /// Adds a fault rule; a code is the error object's.
    pub fn fault(&self, fault: Fault) {
        self.inner.front.fault(fault);
    }

    /// Removes every fault rule.
    pub fn clear_faults(&self) {
        self.inner.front.clear_faults();
    }

    /// Makes every call of an operation take this long; `*` is any without its own.
    pub fn latency(&self, operation: &str, latency: Duration) {
        self.inner.front.latency(operation, latency);
    }

    /// Returns the requests since the start or the last clearing.
    pub fn requests(&self) -> Vec<Logged> {
        self.inner.front.requests()
    }

    /// Counts the requests of one operation.
    pub fn count(&self, operation: &str) -> usize {
        self.inner.front.count(|logged| logged.operation == operation)
    }

    /// Waits until so many requests of an operation (`*` is any) have arrived since the start or the last clearing.
    pub async fn arrived(&self, operation: &str, count: usize) {
        let is_meant = |logged: &Logged| operation == "*" || logged.operation == operation;
        self.inner.front.arrived(count, is_meant).await;
    }

    /// Waits until nothing is in flight.
    pub async fn quiet(&self) {
        self.inner.front.quiet().await;
    }

    /// Counts the requests that write, refused ones included.
    pub fn writes(&self) -> usize {
        let reads = ["ListGroupMembers", "MembersList", "SegmentStatus"];
        self.inner
            .front
            .count(|logged| logged.method != Method::GET && !reads.contains(&logged.operation.as_str()))
    }

    /// Returns how many requests were at most in flight.
    pub fn most_in_flight(&self) -> usize {
        self.inner.front.most_in_flight()
    }

    /// Returns how many requests are in flight: what a killed client sent is still carried out.
    pub fn in_flight(&self) -> usize {
        self.inner.front.in_flight()
    }

    /// Forgets the requests so far; members, limits and violations stay.
    pub fn clear_log(&self) {
        self.inner.front.clear_log();
    }

    async fn serve(self, call: Call) -> Result<Answer, Dropped> {
        let arrived = call.arrived;
        let limited = self.windows().arrive(arrived);
        let operation = operation_of(&call);
        let inner = &self.inner;
        let answer = inner
            .front
            .serve(&operation, call, async |call| {
                Ok(limited.unwrap_or_else(|| self.answer(&operation, &call)))
            })
            .await;
        let penalty = answer.as_ref().ok().and_then(retry_after);
        self.windows().leave(arrived, Instant::now(), penalty);
        let mut answer = answer?;
        if answer.status() != StatusCode::TOO_MANY_REQUESTS {
            self.decorate(&mut answer);
        }
        Ok(answer)
    }

    fn answer(&self, operation: &str, call: &Call) -> Answer {
        if !self.is_authorized(call) {
            return self.unauthorized();
        }
        self.process(operation, call).unwrap_or_else(Refusal::into_answer)
    }

    fn process(&self, operation: &str, call: &Call) -> Reply {
        check_headers(call)?;
        let mut state = self.state();
        state.advance(Instant::now());
        if state.modes.user_missing {
            return Err(Refusal::no_user());
        }
        let path = call.path();
        let Some((version, resource)) = resource_of(&path) else {
            return Err(Refusal::no_resource(path.trim_matches('/')));
        };
        let root = format!("{}/api/data/{version}/", self.url());
        let is_denied = state.modes.denied.contains(operation);
        match privileges::answer(&state, resource, &root, call) {
            Some(_) if is_denied => return Err(Refusal::no_privilege("prvReadRole", "role")),
            Some(reply) => return reply,
            None => {}
        }
        let (name, id) = addressed(resource)?;
        if state.modes.no_journeys && name.starts_with("msdynmkt_") {
            return Err(Refusal::no_resource(name));
        }
        let (table, action) = (Table::of(name), Action::of(name));
        if call.method != Method::GET && action != Some(Action::ListGroup) {
            state.page_starts.clear();
        }
        if is_denied {
            let table = table.map_or("msdynmkt_segment", Table::logical);
            return Err(Refusal::no_privilege(&privilege(&call.method, table, action), table));
        }
        if let Some(table) = table {
            let root = root.as_str();
            return rows::answer(&mut state, &Address { root, table, id }, call);
        }
        match action {
            Some(action) if call.method == Method::POST => actions::answer(&mut state, action, &root, call),
            _ if name == "WhoAmI" && call.method == Method::GET => Ok(json(
                StatusCode::OK,
                &json!({
                    "@odata.context": format!("{root}$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse"),
                    "BusinessUnitId": state.user_unit.to_string(), "UserId": USER.to_string(),
                    "OrganizationId": Uuid::from_u128(2).to_string(),
                }),
            )),
            _ => Err(Refusal::no_resource(name)),
        }
    }

    fn is_authorized(&self, call: &Call) -> bool {
        let authorization = call.header("authorization").unwrap_or_default();
        let token = authorization.strip_prefix("Bearer ");
        token.is_some_and(|token| self.inner.entra.accepts(token, self.url()))
    }

    fn unauthorized(&self) -> Answer {
        let mut answer = empty(StatusCode::UNAUTHORIZED);
        let challenge = format!(
            "Bearer authorization_uri=https://login.microsoftonline.com/common/oauth2/authorize, resource_id={}/",
            self.url()
        );
        set_header(&mut answer, "www-authenticate", &challenge);
        answer
    }

    fn decorate(&self, answer: &mut Answer) {
        let hint = self.state().modes.dop_hint;
        if let Some(hint) = hint {
            set_header(answer, "x-ms-dop-hint", &hint.to_string());
        }
        set_header(answer, "x-ms-service-request-id", &Uuid::new_v4().to_string());
        let date = self.state().clock.now();
        set_header(answer, "date", &httpdate::fmt_http_date(date));
        let headers = answer.headers_mut();
        headers.insert("odata-version", HeaderValue::from_static("4.0"));
    }

    fn url(&self) -> &str {
        self.inner.url.get().map(String::as_str).unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn windows(&self) -> MutexGuard<'_, Windows> {
        self.inner.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Names a call: `WhoAmI`, `AddStaticMembers`, `GET msdynmkt_segments`.
fn operation_of(call: &Call) -> String {
    let path = call.path();
    let name = resource_of(&path).map_or(path.as_str(), |(_, resource)| resource);
    if let Some(operation) = privileges::operation(name) {
        return operation.to_owned();
    }
    let name = name.split('(').next().unwrap_or_default();
    if Table::of(name).is_some() {
        return format!("{} {name}", call.method);
    }
    name.strip_prefix("msdynmkt_").unwrap_or(name).to_owned()
}

/// Splits a path into the version and the rest.
fn resource_of(path: &str) -> Option<(&str, &str)> {
    let (version, resource) = path.strip_prefix("/api/data/")?.split_once('/')?;
    matches!(version, "v9.0" | "v9.1" | "v9.2").then_some((version, resource))
}

/// Splits `set(guid)`; empty parentheses call a function.
fn addressed(resource: &str) -> Result<(&str, Option<Uuid>), Refusal> {
    let Some((name, key)) = resource.split_once('(') else {
        return Ok((resource, None));
    };
    let key = key.strip_suffix(')').ok_or_else(|| Refusal::no_resource(resource))?;
    if key.is_empty() {
        return Ok((name, None));
    }
    let id = Uuid::try_parse(key).map_err(|_| Refusal::uri(format!("Bad key '{key}' in the request URI.")))?;
    Ok((name, Some(id)))
}

fn check_headers(call: &Call) -> Result<(), Refusal> {
    for name in ["odata-version", "odata-maxversion"] {
        if call.header(name).is_some_and(|version| version != "4.0") {
            return Err(Refusal::uri(format!(
                "The value of the header {name} is not supported."
            )));
        }
    }
    let typed = call
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("application/json"));
    if !call.body.is_empty() && !typed {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "0x0",
            "A supported MIME type could not be found that matches the content type of the response.",
        ));
    }
    Ok(())
}

fn privilege(method: &Method, table: &str, action: Option<Action>) -> String {
    let verb = match (action, method) {
        (Some(Action::ListGroup | Action::Members | Action::Status), _) | (_, &Method::GET) => "Read",
        (None, &Method::POST) => "Create",
        (None, &Method::DELETE) => "Delete",
        _ => "Write",
    };
    format!("prv{verb}{table}")
}

/// Reads the longest of the headers, with fractions of seconds; dates are for the tests themselves.
fn retry_after(answer: &Answer) -> Option<Duration> {
    let values = answer.headers().get_all("retry-after").iter();
    let seconds = values.filter_map(|value| value.to_str().ok()?.trim().parse().ok());
    seconds.reduce(f64::max).map(Duration::from_secs_f64)
}
