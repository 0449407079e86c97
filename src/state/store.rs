//! Heads in S3: read, and written only in place of what was read.

use super::head::Head;
use super::transition::LeaseLost;
use crate::domain::SegmentName;
use crate::fate::Fate;
use crate::s3::{Denied, Keys, Missing, Only, Own, Reason};
use serde_json::Value;
use std::borrow::Cow;

/// What can go wrong with the function's own objects.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The function's role lacks a right.
    #[error("access to s3://{bucket}/{key} was denied: allow the function's role {advice}")]
    Forbidden {
        /// The state bucket.
        bucket: String,
        /// The object's key.
        key: String,
        /// The actions that it takes, and where.
        advice: &'static str,
    },
    /// S3 refuses for another reason, which trying again does not change.
    #[error("s3://{bucket}/{key} could not be {action}: {reason}")]
    Refused {
        /// The state bucket.
        bucket: String,
        /// The object's key.
        key: String,
        /// `read` or `written`.
        action: &'static str,
        /// S3's own reason, and what to do.
        reason: Cow<'static, str>,
    },
    /// The object is no head that this version understands.
    #[error(
        "s3://{bucket}/{key}, which the function keeps for itself, {what}; nothing was touched: deploy the version that \
         wrote it, or restore an older version of the object"
    )]
    Unreadable {
        /// The state bucket.
        bucket: String,
        /// The object's key.
        key: String,
        /// What is wrong with it.
        what: String,
    },
    /// S3 did not do what was asked, in spite of the SDK's retries.
    #[error("s3://{bucket}/{key} could not be {action}: {what}; the run can be repeated")]
    Unavailable {
        /// The state bucket.
        bucket: String,
        /// The object's key.
        key: String,
        /// `read` or `written`.
        action: &'static str,
        /// What happened, in two or three words.
        what: Cow<'static, str>,
    },
    /// Others changed the head each time.
    #[error("{head} was changed by others {tries} times in a row; the run can be repeated")]
    Contended {
        /// S3 URL of the head.
        head: String,
        /// How often it was tried.
        tries: u32,
    },
    /// Another worker has taken over.
    #[error(transparent)]
    LeaseLost(#[from] LeaseLost),
}

impl Error {
    /// Returns the stable name that alarms and the runtime's answer use.
    pub const fn error_type(&self) -> &'static str {
        match self {
            Self::Forbidden { .. } => "StateForbidden",
            Self::Refused { .. } => "StateRefused",
            Self::Unreadable { .. } => "StateUnreadable",
            Self::Unavailable { .. } | Self::Contended { .. } => "StateUnavailable",
            Self::LeaseLost(_) => "LeaseLost",
        }
    }

    /// Tells what becomes of a wish whose head could not be read or written.
    pub const fn fate(&self) -> Fate {
        match self {
            Self::LeaseLost(_) => Fate::LostLease,
            Self::Forbidden { .. }
            | Self::Refused { .. }
            | Self::Unreadable { .. }
            | Self::Unavailable { .. }
            | Self::Contended { .. } => Fate::Retry,
        }
    }

    /// Says what it means for one of the function's own objects that S3 did not do what was asked.
    pub(crate) fn of(reason: Reason, bucket: &str, key: &str, action: &'static str) -> Self {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        match reason {
            Reason::Denied(denied) => Self::Forbidden {
                bucket,
                key,
                advice: match denied {
                    Denied::Action => {
                        "s3:GetObject and s3:PutObject on it and s3:ListBucket on the bucket (without s3:ListBucket a \
                         missing object looks forbidden)"
                    }
                    Denied::Key => {
                        "kms:Decrypt and kms:GenerateDataKey on the key that encrypts it, in the role and in the key's own \
                         policy"
                    }
                    Denied::Explicitly => {
                        "it by taking away the explicit deny of a policy (of the bucket, the role, the VPC endpoint or the \
                         organization), or by excepting the role from it"
                    }
                },
            },
            Reason::Refused(reason) => Self::Refused {
                bucket,
                key,
                action,
                reason,
            },
            Reason::Missing(Missing::Bucket) => Self::Refused {
                bucket,
                key,
                action,
                reason: "there is no such bucket: correct STATE_BUCKET, or make the bucket".into(),
            },
            Reason::Missing(_) => Self::unavailable(bucket, key, action, "it is not there any more".into()),
            Reason::Changed => Self::unavailable(bucket, key, action, "another object lies there meanwhile".into()),
            Reason::Conflict => Self::unavailable(bucket, key, action, "a conflict with another request".into()),
            Reason::Unavailable(what) => Self::unavailable(bucket, key, action, what),
            Reason::TooLarge => Self::Unreadable {
                bucket,
                key,
                what: "is larger than 8 MiB, the most that is read".to_owned(),
            },
        }
    }

    fn unavailable(bucket: String, key: String, action: &'static str, what: Cow<'static, str>) -> Self {
        Self::Unavailable {
            bucket,
            key,
            action,
            what,
        }
    }
}

/// The heads of all segments, below one prefix of one bucket.
#[derive(Clone, Debug)]
pub struct Heads(pub(super) Own);

/// A head and the version of it that was read.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The head.
    pub head: Head,
    /// What a write must name to replace it.
    pub etag: String,
}

impl Heads {
    /// The most heads that are read: an organization has 13,000 segments at most (Microsoft's fair use policy).
    const MOST: usize = 20_000;

    /// Opens the heads among the function's own objects.
    pub(crate) const fn new(own: Own) -> Self {
        Self(own)
    }

    /// Reads a segment's head; a segment never loaded has none.
    pub async fn read(&self, segment_name: &SegmentName) -> Result<Option<Stored>, Error> {
        self.fetch(&self.key(segment_name)).await
    }

    /// Writes a head in place of the version `replacing`, or where there is none yet; answers whether it was written.
    pub async fn write(&self, head: &Head, replacing: Option<&str>) -> Result<bool, Error> {
        let key = self.key(&head.segment_name);
        let body = serde_json::to_vec_pretty(head).map_err(|_| self.unavailable(&key, "written", "it is no JSON"))?;
        Ok(self.put(&key, body, replacing).await?.is_some())
    }

    /// Writes an object in place of the version `replacing`, or where there is none yet; returns its `ETag` where it was
    /// written.
    pub(super) async fn put(&self, key: &str, body: Vec<u8>, replacing: Option<&str>) -> Result<Option<String>, Error> {
        let only = replacing.map_or(Only::New, Only::InPlaceOf);
        match self.0.put(key, "application/json", body, only).await {
            Ok(etag) => Ok(Some(etag)),
            Err(Reason::Changed | Reason::Conflict | Reason::Missing(Missing::Object)) => Ok(None),
            Err(reason) => Err(self.failure(reason, key, "written")),
        }
    }

    /// Lists where the heads of all segments lie, in order.
    pub async fn keys(&self) -> Result<Vec<String>, Error> {
        let prefix = self.0.keys.heads();
        let listed = self.0.list(&prefix, Self::MOST, Keys::is_head).await;
        let keys = listed.map_err(|reason| self.failure(reason, &prefix, "read"))?;
        if keys.len() > Self::MOST {
            return Err(self.unavailable(
                &prefix,
                "read",
                "there are more heads than an organization has segments",
            ));
        }
        Ok(keys)
    }

    /// Names a segment's head for people.
    pub fn url(&self, segment_name: &SegmentName) -> String {
        self.0.url(&self.key(segment_name))
    }

    /// Names where a segment's head lies.
    pub fn key(&self, segment_name: &SegmentName) -> String {
        self.0.keys.head(segment_name)
    }

    /// Reads the head that lies there; one that is gone since it was listed is no head any more.
    pub async fn fetch(&self, key: &str) -> Result<Option<Stored>, Error> {
        let read = match self.0.read(key).await {
            Err(Reason::Missing(missing)) if missing != Missing::Bucket => return Ok(None),
            read => read.map_err(|reason| self.failure(reason, key, "read"))?,
        };
        let head = parse(&read.content).map_err(|what| Error::Unreadable {
            bucket: self.0.bucket.clone(),
            key: key.to_owned(),
            what,
        })?;
        if self.key(&head.segment_name) != key {
            return Err(Error::Unreadable {
                bucket: self.0.bucket.clone(),
                key: key.to_owned(),
                what: "is the state of another segment".to_owned(),
            });
        }
        let etag = read.etag;
        Ok(Some(Stored { head, etag }))
    }

    pub(super) fn failure(&self, reason: Reason, key: &str, action: &'static str) -> Error {
        Error::of(reason, &self.0.bucket, key, action)
    }

    fn unavailable(&self, key: &str, action: &'static str, what: &'static str) -> Error {
        self.failure(Reason::Unavailable(what.into()), key, action)
    }
}

fn parse(body: &[u8]) -> Result<Head, String> {
    let json: Value = serde_json::from_slice(body).map_err(|error| format!("is no JSON (line {})", error.line()))?;
    match json["v"].as_u64() {
        Some(v) if v == u64::from(Head::VERSION) => {}
        Some(v) => {
            return Err(format!(
                "has format version {v}, and this program knows {}",
                Head::VERSION
            ));
        }
        None => return Err("has no format version".to_owned()),
    }
    check_names(&json)?;
    let head: Head =
        serde_json::from_value(json).map_err(|_| "has fields that this program does not understand".to_owned())?;
    match &head.lease {
        Some(lease) if !lease.is_possible() => Err("has a lease that no worker could have taken".to_owned()),
        _ => Ok(head),
    }
}

/// Says of a name in a head that it is none: the parser's own message would not tell it from any other field.
fn check_names(head: &Value) -> Result<(), String> {
    let pending = head["pending"].as_array().into_iter().flatten();
    let places = pending.chain([&head["applied"], head]);
    let mut names = places.filter_map(|place| place["segment_name"].as_str());
    names.try_for_each(|name| match SegmentName::try_from(name.to_owned()) {
        Ok(_) => Ok(()),
        Err(expected) => Err(format!("names a segment by what is not {expected}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn wish() -> Value {
        json!({
            "run_id": "da8ded9e30af2cca",
            "object": {"bucket": "results", "key": "incoming/Summer Sale/a.csv", "version_id": "1", "etag": "9b2c"},
            "order": {"last_modified": "2026-11-23T06:00:00Z", "key": "incoming/Summer Sale/a.csv", "version_id": "1"},
            "mode": "replace", "segment_name": "Summer Sale", "sample": null, "approved": false, "ordered": null,
        })
    }

    fn head() -> Value {
        let mut applied = wish();
        applied.as_object_mut().unwrap().extend([
            ("at".to_owned(), json!("2026-11-23T06:01:00.250Z")),
            ("contacts".to_owned(), json!(3)),
            ("segment_id".to_owned(), json!("5f1c")),
            ("confirmed".to_owned(), json!(true)),
        ]);
        json!({
            "v": 1, "nonce": "n", "segment_name": "Summer Sale",
            "newest": wish()["order"], "settled": null, "pending": [wish()], "applied": applied, "writing": null,
            "refused": [
                {"order": wish()["order"], "run_id": "00", "reason": "too small", "unreadable": false},
                {"order": wish()["order"], "run_id": "01", "reason": "gone", "unreadable": true, "error_type": "SourceMissing"},
            ],
            "counted": [{"order": wish()["order"], "run_id": "00"}],
            "lease": {"owner": "o", "run_id": null, "renewed": "2026-11-23T06:00:00.250Z", "seconds": 180},
            "failures": {"count": 1, "code": "SourceUnavailable", "next_try": "2026-11-23T06:15:00.250Z"},
        })
    }

    fn parsed(head: &Value) -> Result<Head, String> {
        parse(&serde_json::to_vec(head).unwrap())
    }

    #[test]
    fn a_head_of_before_is_read_and_written_as_it_was() {
        let read = parsed(&head()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), head());
    }

    #[test]
    fn a_lease_that_no_worker_could_have_taken_is_told_of_and_no_reason_to_panic() {
        for (seconds, renewed) in [
            (json!(10_000_000_000_000_u64), json!("2026-11-23T06:00:00Z")),
            (json!(u64::MAX), json!("2026-11-23T06:00:00Z")),
            (json!(u32::MAX), json!("+262142-12-31T23:59:59Z")),
        ] {
            let mut head = head();
            head["lease"]["seconds"] = seconds;
            head["lease"]["renewed"] = renewed;
            assert_eq!(
                parsed(&head).unwrap_err(),
                "has a lease that no worker could have taken"
            );
        }
    }

    #[test]
    fn a_name_that_no_segment_can_have_is_told_of_and_no_reason_to_panic() {
        for pointer in ["/segment_name", "/pending/0/segment_name", "/applied/segment_name"] {
            for name in ["", " Summer Sale", "a\nb", &"n".repeat(101)] {
                let mut head = head();
                *head.pointer_mut(pointer).unwrap() = json!(name);
                let what = parsed(&head).unwrap_err();
                assert!(
                    what.starts_with("names a segment by what is not a segment name of"),
                    "{what}"
                );
            }
        }
    }
}
