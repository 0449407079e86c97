//! One request to the Web API, and its answer.

use super::json::{self, Row};
use super::refusal::Kind;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use reqwest::Method;
use reqwest::header::{self, HeaderMap, HeaderValue};
use serde::Serialize;

/// The largest answer to a read: 5,000 rows, the most of a page, with the longest names take 4.5 MB, and a definition with
/// its two columns of 1,048,576 characters about as much.
const LARGEST_ROWS: usize = 8 * 1_024 * 1_024;
/// The largest answer to anything else: changes answer with a row or nothing, and 5,000 members, the most that is asked
/// for, take 215 KB as they are written today.
const LARGEST_RESULT: usize = 1_024 * 1_024;

/// One request, ready to be sent as often as needed.
pub(super) struct Call {
    pub(super) operation: &'static str,
    pub(super) kind: Kind,
    pub(super) method: Method,
    /// Relative to the API's root, already encoded; or the whole address of a next page.
    pub(super) path: String,
    /// Shared by all tries.
    pub(super) body: Option<Bytes>,
    /// Whether it calls an action of Journeys, rather than a table.
    pub(super) is_action: bool,
    /// Whether sending it twice does no more than sending it once.
    pub(super) repeatable: bool,
    /// Whether the caller deals with a deadlock itself, by sending less.
    pub(super) returns_contention: bool,
    /// The largest answer that is read, in bytes.
    pub(super) largest: usize,
    /// The version of the row that a change is for; any, where there is none.
    pub(super) version: Option<HeaderValue>,
}

/// A success.
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Why a success is no answer.
#[derive(Debug)]
pub(super) enum Odd {
    /// It is broken, or not of the Web API: another try may bring a good one.
    Unreadable(String),
    /// It is whole, and not what was asked for.
    Unexpected(String),
}

impl Call {
    pub(super) fn get(operation: &'static str, path: String) -> Self {
        Self::new(operation, Kind::Read, Method::GET, path, None).at_most(LARGEST_ROWS)
    }

    /// An action that may be repeated.
    pub(super) fn action(operation: &'static str, kind: Kind, name: &str, body: &impl Serialize) -> Self {
        Self {
            is_action: true,
            ..Self::new(operation, kind, Method::POST, name.to_owned(), Some(written(body)))
        }
    }

    /// A row that must not come into being twice.
    pub(super) fn create(operation: &'static str, set: &str, body: &impl Serialize) -> Self {
        Self::new(operation, Kind::Edit, Method::POST, set.to_owned(), Some(written(body))).once()
    }

    /// A change of a row that exists.
    pub(super) fn update(operation: &'static str, row: String, body: &impl Serialize) -> Self {
        Self::new(operation, Kind::Edit, Method::PATCH, row, Some(written(body)))
    }

    /// Deletes a row that exists.
    pub(super) fn delete(operation: &'static str, row: String) -> Self {
        Self::new(operation, Kind::Edit, Method::DELETE, row, None)
    }

    /// Ties a change to the version of the row that was read.
    pub(super) fn of_version(self, etag: Option<&str>) -> Self {
        Self {
            version: etag.and_then(|etag| HeaderValue::from_str(etag).ok()),
            ..self
        }
    }

    /// Is not sent again where nobody knows what became of it.
    pub(super) fn once(self) -> Self {
        Self {
            repeatable: false,
            ..self
        }
    }

    /// Reads a larger answer than changes have.
    pub(super) fn at_most(self, largest: usize) -> Self {
        Self { largest, ..self }
    }

    pub(super) fn returning_contention(self) -> Self {
        Self {
            returns_contention: true,
            ..self
        }
    }

    fn new(operation: &'static str, kind: Kind, method: Method, path: String, body: Option<Bytes>) -> Self {
        Self {
            operation,
            kind,
            method,
            path,
            body,
            is_action: false,
            repeatable: true,
            returns_contention: false,
            largest: LARGEST_RESULT,
            version: None,
        }
    }
}

impl Answer {
    /// Returns when the answer was given, by Dynamics' clock.
    pub(super) fn date(&self) -> Option<DateTime<Utc>> {
        let date = self.headers.get(header::DATE)?.to_str().ok()?;
        Some(httpdate::parse_http_date(date.trim()).ok()?.into())
    }

    /// Reads the body as one object.
    pub(super) fn row(&self) -> Result<Row, Odd> {
        Row::of(json::value(&self.body)?)
    }
}

/// Our own request bodies are plain structs with string keys, which always serialize.
fn written(body: &impl Serialize) -> Bytes {
    serde_json::to_vec(body).unwrap_or_default().into()
}
