//! One request to the Web API, and its answer.

use super::refusal::Kind;
use bytes::Bytes;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// One request, ready to be sent as often as needed.
pub(super) struct Call {
    pub(super) operation: &'static str,
    pub(super) kind: Kind,
    pub(super) method: Method,
    /// Relative to the API's root, already encoded; or the whole address of a next page.
    pub(super) path: String,
    /// Shared by all tries.
    pub(super) body: Option<Bytes>,
    /// Whether sending it twice does no more than sending it once.
    pub(super) repeatable: bool,
    /// Whether the caller deals with a deadlock itself, by sending less.
    pub(super) returns_contention: bool,
}

/// A success.
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
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

    fn new(operation: &'static str, kind: Kind, method: Method, path: String, body: Option<Bytes>) -> Self {
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

    /// Tells whether the answer may hold a status of its own.
    pub(super) fn is_action(&self) -> bool {
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

/// Our own request bodies are plain structs with string keys, which always serialize.
fn json(body: &impl Serialize) -> Bytes {
    serde_json::to_vec(body).unwrap_or_default().into()
}
