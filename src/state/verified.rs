//! What was seen of an environment when it was verified last.

use super::store::Error;
use super::trials::Trials;
use crate::domain::{Fact, SegmentName};
use crate::s3::{Missing, Only, Own, Reason};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How often it is tried to keep an answer while others keep theirs.
const TRIES: usize = 3;

/// What became of a fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The fact.
    pub name: Fact,
    /// Whether it holds; `None` if it could not be tried.
    pub holds: Option<bool>,
    /// How long it took to find out.
    pub took_ms: u64,
    /// What was seen, or why it could not be tried.
    pub detail: String,
}

/// The answer to `verify_environment`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Whether loads may be trusted to do what they promise.
    pub ok: bool,
    /// The organization's host; `None` if the secrets could not be read.
    pub environment: Option<String>,
    /// The trial segment; `None` if none was even named.
    pub segment_name: Option<SegmentName>,
    /// Whether nothing of the trial is left.
    pub cleaned_up: bool,
    /// All facts, in their order.
    pub facts: Vec<Finding>,
}

/// Facts that were seen not to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doubts {
    /// When, by S3's clock.
    pub at: Option<DateTime<Utc>>,
    /// Which.
    pub facts: Vec<Fact>,
}

/// What came of it when an environment was verified last, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The organization's host.
    pub environment: String,
    /// When, by S3's clock.
    pub at: DateTime<Utc>,
    /// Whether loads may be trusted to do what they promise.
    pub ok: bool,
    /// Which facts were seen not to hold.
    pub doubts: Vec<Fact>,
}

impl Verified {
    /// Reads what was seen of an environment; `None` where nobody has looked, or what was kept cannot be read.
    pub(crate) async fn read(own: &Own, environment: String) -> Option<Self> {
        let read = own.read(&own.keys.verified(&environment)).await.ok()?;
        let kept = Read::of(&read.content)?;
        Some(Self {
            environment,
            at: kept.at,
            ok: kept.ok,
            doubts: kept.doubts(),
        })
    }
}

/// An answer as it lies in S3.
#[derive(Serialize)]
struct Kept<'a> {
    v: u32,
    at: DateTime<Utc>,
    #[serde(flatten)]
    answer: &'a Verification,
}

/// As much of it as is read: facts that this version does not know are none of its business.
#[derive(Deserialize)]
struct Read {
    v: u32,
    at: DateTime<Utc>,
    #[serde(default)]
    ok: bool,
    facts: Vec<Value>,
}

impl Read {
    fn of(content: &[u8]) -> Option<Self> {
        let read = serde_json::from_slice::<Self>(content).ok();
        read.filter(|read| read.v == Verification::VERSION)
    }

    fn doubts(&self) -> Vec<Fact> {
        let is_false = |finding: &&Value| finding["holds"] == false;
        let facts = self.facts.iter().filter(is_false);
        facts
            .filter_map(|finding| Fact::deserialize(&finding["name"]).ok())
            .collect()
    }
}

impl Verification {
    /// The version of the format.
    const VERSION: u32 = 1;

    /// Returns whether anything was found out.
    pub fn tells_something(&self) -> bool {
        self.facts.iter().any(|fact| fact.holds.is_some())
    }
}

impl Trials {
    /// Keeps an answer as the last one of its environment.
    pub async fn keep(&self, answer: &Verification) -> Result<(), Error> {
        let key = self.own.keys.verified(&self.environment);
        let kept = Kept {
            v: Verification::VERSION,
            at: self.own.now(),
            answer,
        };
        // Plain fields, which always serialize.
        let body = serde_json::to_vec_pretty(&kept).unwrap_or_default();
        let mut outcome = Err(Reason::Conflict);
        for _ in 0..TRIES {
            let etag = match self.own.read(&key).await {
                Ok(read) => Some(read.etag),
                Err(Reason::TooLarge | Reason::Missing(_)) => None,
                Err(reason) => return Err(self.failure(reason, &key, "read")),
            };
            let only = etag.as_deref().map_or(Only::New, Only::InPlaceOf);
            outcome = self.own.put(&key, "application/json", body.clone(), only).await;
            if !matches!(outcome, Err(Reason::Changed | Reason::Conflict)) {
                break;
            }
        }
        outcome
            .map(drop)
            .map_err(|reason| self.failure(reason, &key, "written"))
    }

    /// Reads which facts were seen not to hold; where nobody has looked, or what was kept cannot be read, there are none.
    pub async fn doubts(&self) -> Doubts {
        let key = self.own.keys.verified(&self.environment);
        let read = match self.own.read(&key).await {
            Ok(read) => read,
            Err(Reason::Missing(missing)) if missing != Missing::Bucket => return Doubts::default(),
            Err(reason) => {
                let error = self.failure(reason, &key, "read");
                tracing::info!(error = %error, "what was seen of the environment is not known");
                return Doubts::default();
            }
        };
        Doubts::read(&read.content)
    }
}

impl Doubts {
    fn read(content: &[u8]) -> Self {
        Read::of(content).map_or_else(Self::default, |read| Self {
            at: Some(read.at),
            facts: read.doubts(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_was_seen_not_to_hold_is_in_doubt() {
        let kept = json!({
            "v": 1, "at": "2026-11-23T06:00:00Z", "ok": false,
            "facts": [
                {"name": "create", "holds": true},
                {"name": "draft_is_hidden", "holds": false, "took_ms": 3, "detail": "x"},
                {"name": "publish", "holds": null},
                {"name": "of_a_later_version", "holds": false},
            ],
        });
        let doubts = Doubts::read(kept.to_string().as_bytes());
        assert_eq!(doubts.facts, [Fact::DraftIsHidden]);
        assert_eq!(doubts.at, DateTime::from_timestamp(1_795_413_600, 0));
    }

    #[test]
    fn what_cannot_be_read_raises_no_doubt() {
        for content in [
            "",
            "{",
            "[]",
            r#"{"v":2,"at":"2026-11-23T06:00:00Z","facts":[{"name":"add","holds":false}]}"#,
        ] {
            assert_eq!(Doubts::read(content.as_bytes()), Doubts::default(), "{content}");
        }
    }
}
