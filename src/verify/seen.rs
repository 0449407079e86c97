//! What became of one fact.

use crate::domain::Fact;
use crate::dynamics;
use crate::state::Finding;
use std::time::Duration;

/// Whether a fact holds, and how that was seen.
pub(super) struct Seen {
    holds: Option<bool>,
    detail: String,
}

impl Seen {
    /// It was seen to hold.
    pub(super) fn holds(detail: impl Into<String>) -> Self {
        Self::told(Some(true), detail)
    }

    /// It was seen not to hold.
    pub(super) fn fails(detail: impl Into<String>) -> Self {
        Self::told(Some(false), detail)
    }

    /// It could not be tried, or nobody can tell.
    pub(super) fn untried(detail: impl Into<String>) -> Self {
        Self::told(None, detail)
    }

    /// What was tried ended with this error: a refusal is an answer, and no answer is none.
    pub(super) fn of_refusal(error: &dynamics::Error) -> Self {
        let is_an_answer = error.refusal().is_some() && !matches!(error, dynamics::Error::TokenRefused(_));
        Self::told(is_an_answer.then_some(false), error.to_string())
    }

    /// Names the fact and how long it took.
    pub(super) fn finding(self, fact: Fact, took: Duration) -> Finding {
        Finding {
            name: fact,
            holds: self.holds,
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            detail: self.detail,
        }
    }

    fn told(holds: Option<bool>, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { holds, detail }
    }
}
