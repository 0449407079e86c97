//! Heads in S3: read, and written only in place of what was read.

use super::format::{self, Content, Moved};
use super::head::Head;
use super::legacy::Legacy;
use super::transition::LeaseLost;
use crate::domain::{Fate, Home, SegmentName, utc};
use crate::s3::{Denied, Keys, Missing, Only, Own, Reason, Small};
use chrono::{DateTime, Utc};
use std::borrow::Cow;

/// What is done to a head that is forgotten, in the words of an error.
const DELETED: &str = "deleted";

/// What is wrong with a head that does not lie where the one of its segment does.
const ELSEWHERE: &str = "is the state of another segment";

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
        /// `read`, `written` or `deleted`.
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
        /// `read`, `written` or `deleted`.
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
    /// A worker of an earlier version holds the segment by the head that it knows.
    #[error(
        "a run of an earlier version holds this segment until {} and may still be at work, or be dead; the next sweep after that \
         takes up what an event told of, and a direct load is to be asked for again then",
        utc(*.until)
    )]
    HeldByLegacy {
        /// When its lease is over, unless it is renewed.
        until: DateTime<Utc>,
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
            Self::HeldByLegacy { .. } | Self::LeaseLost(_) => "LeaseLost",
        }
    }

    /// Tells what becomes of a job whose head could not be read or written.
    pub const fn fate(&self) -> Fate {
        match self {
            Self::HeldByLegacy { .. } | Self::LeaseLost(_) => Fate::LostLease,
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
                    Denied::Action if action == DELETED => "s3:DeleteObject on it",
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

/// The heads of all segments of one home, below one prefix of one bucket; those of others lie among them.
#[derive(Clone, Debug)]
pub struct Heads {
    pub(super) own: Own,
    pub(super) home: Home,
}

/// What lies where a head may lie.
#[derive(Clone, Debug)]
pub enum KeyContent {
    /// The head of a segment of this home.
    Head(Stored),
    /// What earlier versions kept of a segment.
    Legacy(Legacy),
    /// What belongs to another home.
    Foreign,
}

/// A head and the version of it that was read.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The head.
    pub head: Head,
    /// What a write must name to replace it.
    pub etag: String,
}

impl Head {
    /// How many writes are remembered: an answer is awaited for 15 seconds, in which a lease is renewed 15 times at most, and others
    /// enqueue files.
    pub const WRITES: usize = 32;

    /// Gives the next write its name, and remembers those before it.
    pub fn begin_write(&mut self, nonce: String) {
        self.nonces_before.push(std::mem::replace(&mut self.nonce, nonce));
        let surplus = self.nonces_before.len().saturating_sub(Self::WRITES);
        self.nonces_before.drain(..surplus);
    }

    /// Returns whether this is what was written, or what others have made of it since.
    pub fn comes_of(&self, written: &Self) -> bool {
        self.nonce == written.nonce || self.nonces_before.contains(&written.nonce)
    }
}

impl Heads {
    /// The most heads that are listed: an organization has 13,000 segments at most (Microsoft's fair use policy), each with
    /// what is left of an earlier head, and several may share a bucket.
    pub(super) const MOST: usize = 100_000;

    /// How often a head is read once more: S3's first answer of all may tell a wrong time, by the second neither is known, by the
    /// third it is.
    pub(super) const LOOKS_MORE: u32 = 2;

    /// Opens the heads of this home among the function's own objects.
    pub(crate) const fn new(own: Own, home: Home) -> Self {
        Self { own, home }
    }

    /// Returns whose heads these are.
    pub const fn home(&self) -> &Home {
        &self.home
    }

    /// Reads a segment's head; a segment never loaded has none.
    pub async fn read(&self, segment_name: &SegmentName) -> Result<Option<Stored>, Error> {
        let key = self.key(segment_name);
        match self.fetch(&key).await? {
            Some(KeyContent::Head(stored)) => Ok(Some(stored)),
            Some(KeyContent::Legacy(_) | KeyContent::Foreign) => Err(self.unreadable(&key, ELSEWHERE)),
            None => Ok(None),
        }
    }

    /// Reads what earlier versions kept of a segment.
    pub async fn legacy(&self, segment_name: &SegmentName) -> Result<Option<Legacy>, Error> {
        let key = self.own.keys.legacy_head(segment_name);
        match self.fetch(&key).await? {
            Some(KeyContent::Legacy(legacy)) => Ok(Some(legacy)),
            Some(KeyContent::Head(_) | KeyContent::Foreign) => Err(self.unreadable(&key, ELSEWHERE)),
            None => Ok(None),
        }
    }

    /// Writes in place of an earlier head, whose version is `replacing`, that it has moved here; `head` is what it said, as
    /// long as the head of this home may not be there yet. Answers whether it was written.
    pub async fn move_legacy(
        &self,
        segment_name: &SegmentName,
        head: Option<&Head>,
        replacing: &str,
    ) -> Result<bool, Error> {
        let key = self.own.keys.legacy_head(segment_name);
        let moved = Moved::to(self.key(segment_name), &self.home, segment_name, head);
        let body = serde_json::to_vec_pretty(&moved).map_err(|_| self.unavailable(&key, "written", "it is no JSON"))?;
        Ok(self.put(&key, body, Some(replacing)).await?.is_some())
    }

    /// Writes a head in place of the version `replacing`, or where there is none yet; returns whether it was written.
    pub async fn write(&self, head: &Head, replacing: Option<&str>) -> Result<bool, Error> {
        let key = self.key(&head.segment_name);
        let body = serde_json::to_vec_pretty(head).map_err(|_| self.unavailable(&key, "written", "it is no JSON"))?;
        Ok(self.put(&key, body, replacing).await?.is_some())
    }

    /// Deletes a segment's head where it is still the version `etag`; returns whether it was deleted.
    pub async fn delete(&self, segment_name: &SegmentName, etag: &str) -> Result<bool, Error> {
        let key = self.key(segment_name);
        match self.own.delete_unchanged(&key, etag).await {
            Ok(()) => Ok(true),
            Err(Reason::Changed | Reason::Conflict | Reason::Missing(Missing::Object)) => Ok(false),
            Err(reason) => Err(self.failure(reason, &key, DELETED)),
        }
    }

    /// Writes an object in place of the version `replacing`, or where there is none yet; returns its `ETag` where it was
    /// written.
    pub(super) async fn put(&self, key: &str, body: Vec<u8>, replacing: Option<&str>) -> Result<Option<String>, Error> {
        let only = replacing.map_or(Only::New, Only::InPlaceOf);
        match self.own.put(key, "application/json", body, only).await {
            Ok(etag) => Ok(Some(etag)),
            Err(Reason::Changed | Reason::Conflict | Reason::Missing(Missing::Object)) => Ok(None),
            Err(reason) => Err(self.failure(reason, key, "written")),
        }
    }

    /// Lists where the heads of all segments lie, in order.
    pub async fn keys(&self) -> Result<Vec<String>, Error> {
        let prefix = self.own.keys.heads();
        let listed = self.own.list(&prefix, Self::MOST, Keys::is_head).await;
        let keys = listed.map_err(|reason| self.failure(reason, &prefix, "read"))?;
        if keys.len() > Self::MOST {
            return Err(self.unavailable(&prefix, "read", "there are more heads than an environment has segments"));
        }
        Ok(keys)
    }

    /// Names a segment's head for people.
    pub fn url(&self, segment_name: &SegmentName) -> String {
        self.own.url(&self.key(segment_name))
    }

    /// Names where a segment's head lies.
    pub fn key(&self, segment_name: &SegmentName) -> String {
        self.own.keys.head(&self.home, segment_name)
    }

    /// Reads what lies there; what is gone since it was listed is nothing any more.
    pub async fn fetch(&self, key: &str) -> Result<Option<KeyContent>, Error> {
        let mut read = self.look(key).await?;
        for _ in 0..Self::LOOKS_MORE {
            if self.own.knows_the_time() && !matches!(&read, Some((_, _, Some(_)))) {
                break;
            }
            read = self.look(key).await?;
        }
        let Some((content, etag, early)) = read else {
            return Ok(None);
        };
        self.place(key, content, etag, early).map(Some)
    }

    /// Says what lies there, as it was read: to whoever goes by it, and to whoever only tells of it.
    pub(super) fn understand(&self, key: &str, read: &Small) -> Result<KeyContent, Error> {
        let (content, early) = self.parse(key, read)?;
        self.place(key, content, read.etag.clone(), early)
    }

    /// Says whose it is, where it lies in its place and has no time that is still to come.
    fn place(&self, key: &str, content: Content, etag: String, early: Option<String>) -> Result<KeyContent, Error> {
        if let Some(what) = early {
            return Err(self.unreadable(key, &what));
        }
        let (lying, lies_at) = match content {
            Content::Foreign => return Ok(KeyContent::Foreign),
            Content::Head(head) => {
                let lies_at = self.key(&head.segment_name);
                (KeyContent::Head(Stored { head: *head, etag }), lies_at)
            }
            Content::Legacy(head) => {
                let lies_at = self.own.keys.legacy_head(&head.segment_name);
                (KeyContent::Legacy(Legacy::Head(Stored { head: *head, etag })), lies_at)
            }
            Content::Moved(moved) => {
                let lies_at = self.own.keys.legacy_head(&moved.segment_name);
                let is_here = moved.to == self.key(&moved.segment_name);
                let head = moved.head.filter(|_| is_here);
                let moved = head.map_or(Legacy::Moved, |head| Legacy::Moving(Stored { head: *head, etag }));
                (KeyContent::Legacy(moved), lies_at)
            }
        };
        if lies_at != key {
            return Err(self.unreadable(key, ELSEWHERE));
        }
        Ok(lying)
    }

    /// Reads what lies there, with its version, and what of it is a time that is still to come by what S3 says of the time.
    async fn look(&self, key: &str) -> Result<Option<(Content, String, Option<String>)>, Error> {
        let read = match self.own.read(key).await {
            Err(Reason::Missing(missing)) if missing != Missing::Bucket => return Ok(None),
            read => read.map_err(|reason| self.failure(reason, key, "read"))?,
        };
        let (content, early) = self.parse(key, &read)?;
        Ok(Some((content, read.etag, early)))
    }

    fn parse(&self, key: &str, read: &Small) -> Result<(Content, Option<String>), Error> {
        let content = format::parse(&read.content, &self.home).map_err(|what| self.unreadable(key, &what))?;
        let early = content.comes_too_early(self.own.now());
        Ok((content, early))
    }

    fn unreadable(&self, key: &str, what: &str) -> Error {
        Error::Unreadable {
            bucket: self.own.bucket.clone(),
            key: key.to_owned(),
            what: what.to_owned(),
        }
    }

    pub(super) fn failure(&self, reason: Reason, key: &str, action: &'static str) -> Error {
        Error::of(reason, &self.own.bucket, key, action)
    }

    fn unavailable(&self, key: &str, action: &'static str, what: &'static str) -> Error {
        self.failure(Reason::Unavailable(what.into()), key, action)
    }
}
