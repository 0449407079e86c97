//! The stable names of errors.

use serde::{Deserialize, Serialize};

/// The stable name of an error, for alarms and for whoever reads a report; no decision goes by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ErrorType(String);

impl ErrorType {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ErrorType {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}
