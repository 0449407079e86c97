//! S3 with versions, conditional writes, ranges and listings, in memory.

mod answers;
mod events;
mod listing;
mod operations;
mod store;

pub use events::sqs_batch;
pub use store::PutResult;

use super::clock::Clock;
use super::faults::Fault;
use super::front::{Front, Logged};
use super::server::{Answer, Call, Dropped};
use super::{ACCESS_KEY, ACCOUNT, SECRET_KEY};
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Method, Request};
use operations::Operations;
use s3s::auth::SimpleAuth;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Error, S3ErrorCode, S3Result};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::{Object, Store};

/// The sandbox's S3.
#[derive(Clone)]
pub struct S3 {
    inner: Arc<Inner>,
    service: S3Service,
}

/// What the operations share.
pub struct Inner {
    front: Front,
    clock: Clock,
    store: Mutex<Store>,
    denied: Mutex<Denied>,
    ignores_ranges: AtomicBool,
}

#[derive(Default)]
struct Denied {
    prefixes: Vec<(String, String)>,
    listing: Vec<String>,
}

impl S3 {
    pub(super) fn new() -> Self {
        let inner = Arc::new(Inner {
            front: Front::new(error_body),
            clock: Clock::new(),
            store: Mutex::default(),
            denied: Mutex::default(),
            ignores_ranges: AtomicBool::new(false),
        });
        let mut config = S3Config::default();
        // Clients sign with the host's clock corrected by our `Date`, which tests skew and paused clocks move by hours.
        config.presigned_url_max_skew_time_secs = u32::MAX;
        let mut builder = S3ServiceBuilder::new(Operations(inner.clone()));
        builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        Self {
            inner,
            service: builder.build(),
        }
    }

    /// Creates a bucket, or switches the versioning of one that is there.
    pub fn create_bucket(&self, bucket: &str, versioned: bool) {
        let mut store = self.inner.store();
        store.buckets.entry(bucket.to_owned()).or_default().versioned = versioned;
    }

    /// Puts an object.
    pub fn put(&self, bucket: &str, key: &str, bytes: impl Into<Bytes>) -> PutResult {
        self.put_with_metadata(bucket, key, bytes, &[])
    }

    /// Puts an object with user metadata.
    pub fn put_with_metadata(
        &self,
        bucket: &str,
        key: &str,
        bytes: impl Into<Bytes>,
        metadata: &[(&str, &str)],
    ) -> PutResult {
        let pairs = metadata
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let object = Object {
            metadata: pairs.collect(),
            ..Object::new(bytes.into())
        };
        let now = self.inner.now();
        let mut store = self.inner.store();
        let bucket = store.buckets.get_mut(bucket).expect("the bucket was created before");
        bucket.put(key, object, now)
    }

    /// Puts an object of which an event that was written down names the version.
    pub fn put_version(&self, bucket: &str, key: &str, version_id: &str, bytes: impl Into<Bytes>) {
        self.put(bucket, key, bytes);
        self.change_newest(bucket, key, |newest| newest.id = Some(version_id.to_owned()));
    }

    /// Lets the newest content of a key have come at this time.
    pub fn date(&self, bucket: &str, key: &str, modified: SystemTime) {
        self.change_newest(bucket, key, |newest| newest.modified = modified);
    }

    fn change_newest(&self, bucket: &str, key: &str, change: impl FnOnce(&mut store::Version)) {
        let mut store = self.inner.store();
        let versions = store
            .buckets
            .get_mut(bucket)
            .and_then(|bucket| bucket.keys.get_mut(key));
        if let Some(newest) = versions.and_then(|versions| versions.last_mut()) {
            change(newest);
        }
    }

    /// Returns an object's content.
    pub fn get(&self, bucket: &str, key: &str) -> Option<Bytes> {
        let store = self.inner.store();
        let (_, object) = store.buckets.get(bucket)?.current(key)?;
        Some(object.bytes.clone())
    }

    /// Returns an object's content as JSON; `None` if it is missing or none.
    pub fn get_json(&self, bucket: &str, key: &str) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.get(bucket, key)?).ok()
    }

    /// Returns an object's user metadata.
    pub fn metadata(&self, bucket: &str, key: &str) -> Option<BTreeMap<String, String>> {
        let store = self.inner.store();
        let (_, object) = store.buckets.get(bucket)?.current(key)?;
        Some(object.metadata.clone())
    }

    /// Returns the keys under a prefix, in order.
    pub fn keys(&self, bucket: &str, prefix: &str) -> Vec<String> {
        let store = self.inner.store();
        let bucket = store.buckets.get(bucket);
        bucket.map_or_else(Vec::new, |bucket| {
            bucket.objects(prefix).map(|(key, ..)| key.to_owned()).collect()
        })
    }

    /// Deletes an object (with a delete marker where the bucket keeps versions).
    pub fn delete(&self, bucket: &str, key: &str) {
        let now = self.inner.now();
        if let Some(bucket) = self.inner.store().buckets.get_mut(bucket) {
            bucket.delete(key, now);
        }
    }

    /// Returns the clock behind `Date` and `Last-Modified`.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Sets `Date` and `Last-Modified` this much ahead of the host's clock.
    pub fn skew(&self, ahead: Duration) {
        self.inner.clock.skew_ahead(ahead);
    }

    /// Refuses every operation on keys under this prefix, and listings of it.
    pub fn deny(&self, bucket: &str, prefix: &str) {
        let denied = (bucket.to_owned(), prefix.to_owned());
        self.inner.denied().prefixes.push(denied);
    }

    /// Takes `s3:ListBucket` away: listings are refused and a missing key answers 403 instead of 404.
    pub fn deny_list(&self, bucket: &str) {
        self.inner.denied().listing.push(bucket.to_owned());
    }

    /// Allows everything again.
    pub fn allow_all(&self) {
        *self.inner.denied() = Denied::default();
    }

    /// Answers every `GetObject` with the whole object from now on, as HTTP allows.
    pub fn ignore_ranges(&self) {
        self.inner.ignores_ranges.store(true, Ordering::Relaxed);
    }

    /// Adds a fault rule; operations are named as in IAM, a code is an S3 error code.
    pub fn fault(&self, fault: Fault) {
        self.inner.front.fault(fault);
    }

    /// Removes every fault rule.
    pub fn clear_faults(&self) {
        self.inner.front.clear_faults();
    }

    /// Makes every call of an operation take this long; `*` is any.
    pub fn latency(&self, operation: &str, latency: Duration) {
        self.inner.front.latency(operation, latency);
    }

    /// Returns the requests since the start or the last clearing.
    pub fn requests(&self) -> Vec<Logged> {
        self.inner.front.requests()
    }

    /// Waits until so many requests whose operation and path satisfy a condition have arrived since the last clearing.
    pub async fn arrived(&self, count: usize, condition: impl Fn(&Logged) -> bool) {
        self.inner.front.arrived(count, condition).await;
    }

    /// Waits until nothing is in flight.
    pub async fn quiet(&self) {
        self.inner.front.quiet().await;
    }

    /// Forgets the requests so far.
    pub fn clear_log(&self) {
        self.inner.front.clear_log();
    }

    pub(super) async fn serve(self, call: Call) -> Result<Answer, Dropped> {
        let operation = operation_of(&call);
        let inner = &self.inner;
        let mut answer = inner.front.serve(operation, call, |call| self.process(call)).await?;
        let date = httpdate::fmt_http_date(inner.clock.now());
        let headers = answer.headers_mut();
        if let Ok(date) = HeaderValue::from_str(&date) {
            headers.entry("date").or_insert(date);
        }
        headers
            .entry("x-amz-request-id")
            .or_insert(HeaderValue::from_static("SANDBOX00REQUEST"));
        Ok(answer)
    }

    async fn process(&self, call: Call) -> Result<Answer, Dropped> {
        let mut request = Request::new(s3s::Body::from(call.body));
        *request.method_mut() = call.method;
        *request.uri_mut() = call.uri;
        *request.headers_mut() = call.headers;
        let answer = self.service.call(request).await.map_err(|_| Dropped)?;
        Ok(answer.map(Body::new))
    }
}

impl Inner {
    /// Returns the clock's time in whole seconds: S3 keeps no finer.
    fn now(&self) -> SystemTime {
        let age = self.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UNIX_EPOCH + Duration::from_secs(age.as_secs())
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn denied(&self) -> MutexGuard<'_, Denied> {
        self.denied.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ignores_ranges(&self) -> bool {
        self.ignores_ranges.load(Ordering::Relaxed)
    }

    fn may_list(&self, bucket: &str) -> bool {
        !self.denied().listing.iter().any(|denied| denied == bucket)
    }

    fn allow(&self, bucket: &str, key: &str) -> S3Result {
        let denied = self.denied();
        let hit = |(name, prefix): &(String, String)| name == bucket && key.starts_with(prefix.as_str());
        if denied.prefixes.iter().any(hit) {
            return Err(access_denied(bucket, key));
        }
        Ok(())
    }

    fn allow_list(&self, bucket: &str, prefix: &str) -> S3Result {
        if self.may_list(bucket) {
            return self.allow(bucket, prefix);
        }
        Err(access_denied(bucket, ""))
    }
}

fn access_denied(bucket: &str, key: &str) -> S3Error {
    S3Error::with_message(
        S3ErrorCode::AccessDenied,
        format!(
            "User: arn:aws:sts::{ACCOUNT}:assumed-role/segment-loader is not authorized on resource: \
             \"arn:aws:s3:::{bucket}/{key}\" because no identity-based policy allows the action"
        ),
    )
}

fn operation_of(call: &Call) -> &'static str {
    let query = call.query();
    let has = |name: &str| query.iter().any(|(key, _)| key == name);
    let has_key = call.uri.path().trim_start_matches('/').split_once('/');
    let has_key = has_key.is_some_and(|(_, key)| !key.is_empty());
    match (&call.method, has_key) {
        (&Method::GET, true) => "GetObject",
        (&Method::HEAD, true) => "HeadObject",
        (&Method::DELETE, true) if has("uploadId") => "AbortMultipartUpload",
        (&Method::DELETE, true) => "DeleteObject",
        (&Method::PUT, true) if has("uploadId") => "UploadPart",
        (&Method::PUT, true) if call.headers.contains_key("x-amz-copy-source") => "CopyObject",
        (&Method::PUT, true) => "PutObject",
        (&Method::POST, true) if has("uploads") => "CreateMultipartUpload",
        (&Method::POST, true) => "CompleteMultipartUpload",
        (&Method::GET, false) if has("versions") => "ListObjectVersions",
        (&Method::GET, false) if has("versioning") => "GetBucketVersioning",
        (&Method::GET, false) => "ListObjectsV2",
        (&Method::HEAD, false) => "HeadBucket",
        (&Method::PUT, false) if has("versioning") => "PutBucketVersioning",
        (&Method::PUT, false) => "CreateBucket",
        _ => "Other",
    }
}

fn error_body(code: &str, message: &str) -> (&'static str, String) {
    let head = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
    (
        "application/xml",
        format!(
            "{head}\n<Error><Code>{code}</Code><Message>{message}</Message><RequestId>SANDBOX00REQUEST</RequestId></Error>"
        ),
    )
}
