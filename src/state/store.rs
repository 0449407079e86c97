//! Heads in S3: read, and changed by compare-and-swap only.

use super::clock::S3Clock;
use super::head::Head;
use super::order::segment_hash;
use super::transition::LeaseLost;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use chrono::{DateTime, Utc};
use std::time::Duration;
use tokio::time::timeout;
use uuid::Uuid;

/// What can go wrong with the function's own objects.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The function's role lacks a right.
    #[error(
        "access to s3://{bucket}/{key} was denied: allow the function's role s3:GetObject and s3:PutObject on it and \
         s3:ListBucket on the bucket (without s3:ListBucket a missing object looks forbidden)"
    )]
    Forbidden {
        /// The state bucket.
        bucket: String,
        /// The object's key.
        key: String,
    },
    /// The object is no head that this version understands.
    #[error(
        "the state of this segment, s3://{bucket}/{key}, {what}; nothing was touched: deploy the version that wrote it, \
         or restore an older version of the object"
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
        /// The SDK's words.
        what: String,
    },
    /// Others changed the head each time.
    #[error("s3://{bucket}/{key} was changed by others {tries} times in a row; the run can be repeated")]
    Contended {
        /// The state bucket.
        bucket: String,
        /// The object's key.
        key: String,
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
            Self::Unreadable { .. } => "StateUnreadable",
            Self::Unavailable { .. } | Self::Contended { .. } => "StateUnavailable",
            Self::LeaseLost(_) => "LeaseLost",
        }
    }

    /// Tells whether the same run may succeed later.
    pub const fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. } | Self::Contended { .. } | Self::LeaseLost(_)
        )
    }
}

/// The heads of all segments, below one prefix of one bucket.
#[derive(Clone, Debug)]
pub struct Heads {
    s3: aws_sdk_s3::Client,
    clock: S3Clock,
    bucket: String,
    prefix: String,
}

/// A head and the version of it that was read.
struct Stored {
    head: Head,
    etag: Option<String>,
}

enum Written {
    Done,
    Conflict,
}

impl Heads {
    /// How often a contended change is tried: at two changes a second and worker, several workers pass in this.
    const TRIES: u32 = 12;
    /// The longest pause between two tries; the first ones are shorter.
    const LONGEST_PAUSE: Duration = Duration::from_millis(800);

    /// How long the content of a head may take, which is a few kilobytes: as long as a call at most.
    const LONGEST_BODY: Duration = Duration::from_secs(15);

    /// Opens the heads below `prefix` (with its trailing slash); `clock` must be an interceptor of the client.
    pub const fn new(s3: aws_sdk_s3::Client, clock: S3Clock, bucket: String, prefix: String) -> Self {
        Self {
            s3,
            clock,
            bucket,
            prefix,
        }
    }

    /// Reads a segment's head; a segment never loaded has a new one.
    pub async fn read(&self, segment_name: &str) -> Result<Head, Error> {
        Ok(self.fetch(segment_name).await?.head)
    }

    /// Returns S3's time.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Changes a head: reads it, applies the pure `change`, and writes it unless somebody else was faster; then again.
    ///
    /// A change that leaves the head as it is writes nothing. Returns what `change` returned on the head that was kept.
    pub async fn update<T>(
        &self,
        segment_name: &str,
        mut change: impl FnMut(&mut Head, DateTime<Utc>) -> T,
    ) -> Result<T, Error> {
        for attempt in 0..Self::TRIES {
            let Stored { mut head, etag } = self.fetch(segment_name).await?;
            let before = head.clone();
            let outcome = change(&mut head, self.clock.now());
            if head == before && etag.is_some() {
                return Ok(outcome);
            }
            head.nonce = Uuid::new_v4().simple().to_string();
            match self.write(&head, etag).await? {
                Written::Done => return Ok(outcome),
                Written::Conflict => tokio::time::sleep(pause_before_retry(attempt)).await,
            }
        }
        Err(Error::Contended {
            bucket: self.bucket.clone(),
            key: self.key(segment_name),
            tries: Self::TRIES,
        })
    }

    /// Reads the heads of all segments; one that cannot be read does not hide the others.
    pub async fn all(&self) -> Result<Vec<Result<Head, Error>>, Error> {
        let prefix = format!("{}segments/", self.prefix);
        let mut pages = self
            .s3
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(&prefix)
            .into_paginator()
            .send();
        let mut heads = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.failure(&prefix, "read", &error))?;
            for key in page.contents().iter().filter_map(aws_sdk_s3::types::Object::key) {
                if key.ends_with("/head.json") {
                    heads.push(self.fetch_key(key, None).await.map(|stored| stored.head));
                }
            }
        }
        Ok(heads)
    }

    /// Returns the bucket that holds the heads.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    fn key(&self, segment_name: &str) -> String {
        format!("{}segments/{}/head.json", self.prefix, segment_hash(segment_name))
    }

    async fn fetch(&self, segment_name: &str) -> Result<Stored, Error> {
        self.fetch_key(&self.key(segment_name), Some(segment_name)).await
    }

    async fn fetch_key(&self, key: &str, segment_name: Option<&str>) -> Result<Stored, Error> {
        let answer = self.s3.get_object().bucket(&self.bucket).key(key).send().await;
        let object = match (answer, segment_name) {
            (Err(error), Some(name)) if status(&error) == Some(404) => {
                return Ok(Stored {
                    head: Head::new(name),
                    etag: None,
                });
            }
            (answer, _) => answer.map_err(|error| self.failure(key, "read", &error))?,
        };
        let etag = object.e_tag.clone();
        let body = match timeout(Self::LONGEST_BODY, object.body.collect()).await {
            Ok(body) => body.map_err(|error| self.unavailable(key, "read", error.to_string()))?,
            Err(_) => return Err(self.unavailable(key, "read", "its content did not come in time".to_owned())),
        };
        let head = parse(&body.into_bytes()).map_err(|what| Error::Unreadable {
            bucket: self.bucket.clone(),
            key: key.to_owned(),
            what,
        })?;
        Ok(Stored { head, etag })
    }

    async fn write(&self, head: &Head, etag: Option<String>) -> Result<Written, Error> {
        let key = self.key(&head.segment_name);
        let body =
            serde_json::to_vec_pretty(head).map_err(|error| self.unavailable(&key, "written", error.to_string()))?;
        let request = self
            .s3
            .put_object()
            .bucket(&self.bucket)
            .key(&key)
            .content_type("application/json");
        let request = match etag {
            Some(etag) => request.if_match(etag),
            None => request.if_none_match("*"),
        };
        match request.body(body.into()).send().await {
            Ok(_) => Ok(Written::Done),
            // The SDK repeats a write whose answer was lost, and the repetition finds the first one's content.
            Err(error) if matches!(status(&error), Some(404 | 409 | 412)) => {
                let is_ours = self.fetch(&head.segment_name).await?.head.nonce == head.nonce;
                Ok(if is_ours { Written::Done } else { Written::Conflict })
            }
            Err(error) => Err(self.failure(&key, "written", &error)),
        }
    }

    fn failure<E>(&self, key: &str, action: &'static str, error: &SdkError<E>) -> Error
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        if status(error) == Some(403) {
            return Error::Forbidden {
                bucket: self.bucket.clone(),
                key: key.to_owned(),
            };
        }
        let what = match (error, error.code()) {
            (_, Some(code)) => code.to_owned(),
            (SdkError::TimeoutError(_), None) => "S3 did not answer in time".to_owned(),
            (SdkError::DispatchFailure(failure), None) if failure.is_timeout() => {
                "S3 did not answer in time".to_owned()
            }
            (_, None) => DisplayErrorContext(error).to_string(),
        };
        self.unavailable(key, action, what)
    }

    fn unavailable(&self, key: &str, action: &'static str, what: String) -> Error {
        Error::Unavailable {
            bucket: self.bucket.clone(),
            key: key.to_owned(),
            action,
            what,
        }
    }
}

fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

fn parse(body: &[u8]) -> Result<Head, String> {
    let json: serde_json::Value =
        serde_json::from_slice(body).map_err(|error| format!("is no JSON (line {})", error.line()))?;
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
    serde_json::from_value(json).map_err(|_| "has fields that this program does not understand".to_owned())
}

fn pause_before_retry(attempt: u32) -> Duration {
    let ceiling = Duration::from_millis(50)
        .saturating_mul(1 << attempt.min(8))
        .min(Heads::LONGEST_PAUSE);
    // Any two random bytes do: they only keep two workers apart.
    let [first, second, ..] = *Uuid::new_v4().as_bytes();
    ceiling.mul_f64(f64::from(u16::from_be_bytes([first, second])) / f64::from(u16::MAX))
}
