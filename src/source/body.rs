//! The bytes of an object, in order, whatever happens to the answers that bring them.

use crate::source::error::Error;
use crate::source::object::{ObjectVersion, Objects, explain};
use aws_sdk_s3::primitives::ByteStream;
use bytes::{Bytes, BytesMut};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// How many answers in a row may bring not a single byte before the reader gives up.
///
/// Each of these is itself three attempts of the SDK where S3 does not answer at all.
const MAX_TRIES: u32 = 5;

/// The wait after the first answer that brought nothing; doubled after every further one.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// A range of exactly one version of an object.
///
/// An answer that is cut or stalls is followed by another one from its last byte on: the SDK retries a request, but never
/// a body that it has begun to hand out.
pub(crate) struct Body {
    objects: Objects,
    object: Arc<ObjectVersion>,
    /// What has not yet come.
    range: Range<u64>,
    answer: Option<ByteStream>,
    /// Whether the answer that is being read has brought anything.
    fruitful: bool,
    /// How many answers in a row have brought nothing.
    fruitless: u32,
}

impl Body {
    pub(crate) const fn new(objects: Objects, object: Arc<ObjectVersion>, range: Range<u64>) -> Self {
        Self {
            objects,
            object,
            range,
            answer: None,
            fruitful: false,
            fruitless: 0,
        }
    }

    /// Returns all that is still to come.
    pub(crate) async fn rest(mut self) -> Result<Bytes, Error> {
        let mut bytes = BytesMut::with_capacity(self.missing());
        while let Some(more) = self.next().await? {
            bytes.extend_from_slice(&more);
        }
        Ok(bytes.freeze())
    }

    /// Closes the answer that is being read, for a reader that will not go on soon.
    pub(crate) fn let_go(&mut self) {
        self.answer = None;
    }

    /// Returns how many bytes have not yet come.
    fn missing(&self) -> usize {
        usize::try_from(self.range.end.saturating_sub(self.range.start)).unwrap_or(usize::MAX)
    }

    /// Returns what comes next, as much as there is at once and at least a byte, or nothing at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        while !self.range.is_empty() {
            match self.receive().await {
                // Nothing, which is not the end.
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => {
                    self.range.start += bytes.len() as u64;
                    self.fruitful = true;
                    return Ok(Some(bytes));
                }
                Err(error) if error.is_transient() => self.bear(error).await?,
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Returns what the answer brings next, the first time from an answer of its own.
    async fn receive(&mut self) -> Result<Bytes, Error> {
        let missing = self.missing();
        let mut answer = match self.answer.take() {
            Some(answer) => answer,
            None => self.ask().await?,
        };
        let cut = || Error::Unavailable {
            object: self.object.url(),
            cause: "the body was cut or stalled".to_owned(),
        };
        let mut bytes = answer.next().await.ok_or_else(cut)?.map_err(|_| cut())?;
        bytes.truncate(missing);
        self.answer = Some(answer);
        Ok(bytes)
    }

    /// Waits before the next answer is asked for, or gives up.
    async fn bear(&mut self, failure: Error) -> Result<(), Error> {
        self.fruitless = if self.fruitful { 0 } else { self.fruitless + 1 };
        self.fruitful = false;
        if self.fruitless >= MAX_TRIES {
            return Err(failure);
        }
        tracing::debug!(
            key = self.object.key,
            offset = self.range.start,
            fruitless = self.fruitless,
            "the object is resumed: {failure}"
        );
        // A body that brought something was cut on its way: nothing says that S3 wants to be left in peace.
        if self.fruitless > 0 {
            tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(self.fruitless - 1)).await;
        }
        Ok(())
    }

    async fn ask(&self) -> Result<ByteStream, Error> {
        let object = &*self.object;
        let answer = self
            .objects
            .client
            .get_object()
            .bucket(&object.bucket)
            .key(&object.key)
            .set_version_id(object.version_id.clone())
            .if_match(format!("\"{}\"", object.etag))
            .range(format!("bytes={}-{}", self.range.start, self.range.end - 1))
            .send()
            .await
            .map_err(|error| explain(&error, &object.bucket, &object.key))?;
        let starts_right = answer
            .content_range()
            .is_some_and(|content| content.starts_with(&format!("bytes {}-", self.range.start)));
        if starts_right {
            Ok(answer.body)
        } else {
            Err(Error::Refused {
                object: object.url(),
                code: "no byte ranges".to_owned(),
            })
        }
    }
}
