//! The bytes of an object, in order, whatever happens to the answers that bring them.

use crate::s3::Reason;
use crate::source::error::Error;
use crate::source::object::{ObjectVersion, Objects, etag, unexpected};
use crate::source::refusal::{Asked, explain};
use crate::time::Backoff;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use bytes::{Buf, Bytes, BytesMut};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// How many answers in a row may bring not a single byte before the reader gives up.
///
/// Each of these is itself three attempts of the SDK where S3 does not answer at all.
const MAX_TRIES: u32 = 5;

/// The waits after answers that brought nothing: the last is the longest.
const PAUSES: Backoff = Backoff {
    first: Duration::from_millis(200),
    longest: Duration::from_millis(1_600),
};

/// A range of exactly one version of an object.
///
/// An answer that is cut or stalls is followed by another one from its last byte on: the SDK retries a request, but never
/// a body that it has begun to hand out.
pub(crate) struct Body {
    objects: Objects,
    object: Arc<ObjectVersion>,
    /// What has not yet come.
    range: Range<u64>,
    answer: Option<Answer>,
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
        let cut = || self.unexpected("the body was cut or stalled");
        let mut bytes = answer.body.next().await.ok_or_else(cut)?.map_err(|_| cut())?;
        let before = answer.before.min(bytes.len() as u64);
        answer.before -= before;
        bytes.advance(usize::try_from(before).unwrap_or(bytes.len()));
        if bytes.len() > missing && !answer.goes_on {
            return Err(self.unexpected("more bytes than it announced"));
        }
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
            tokio::time::sleep(PAUSES.pause(self.fruitless)).await;
        }
        Ok(())
    }

    async fn ask(&self) -> Result<Answer, Error> {
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
            .map_err(|error| explain(Reason::of(&error), Asked::Object, &object.bucket, &object.key))?;
        self.check(answer)
    }

    /// Sees that an answer is about this version and the bytes that were asked for.
    fn check(&self, answer: GetObjectOutput) -> Result<Answer, Error> {
        match etag(answer.e_tag()) {
            Some(etag) if etag == self.object.etag => {}
            Some(_) => {
                return Err(Error::Replaced {
                    object: self.object.url(),
                });
            }
            None => return Err(self.unexpected("an answer without an ETag")),
        }
        let length = answer.content_length().and_then(|length| u64::try_from(length).ok());
        // Without a range the answer is the whole object (RFC 9110, 14.2).
        let whole = ContentRange {
            start: 0,
            end: self.object.size,
            total: length,
        };
        let told = answer.content_range();
        let given = told.map_or(Some(whole), ContentRange::parse);
        let given = given.filter(|given| {
            let holds = given.start..given.end;
            let announces = length.is_none_or(|length| length == given.end - given.start);
            holds.contains(&self.range.start) && announces && given.total.is_none_or(|total| total == self.object.size)
        });
        let given =
            given.filter(|given| told.is_none() || (given.start == self.range.start && given.end <= self.range.end));
        let given = given.ok_or_else(|| self.unexpected("other bytes than were asked for"))?;
        Ok(Answer {
            body: answer.body,
            before: self.range.start - given.start,
            goes_on: given.end > self.range.end,
        })
    }

    fn unexpected(&self, what: &str) -> Error {
        unexpected(&self.object.bucket, &self.object.key, what)
    }
}

/// An answer that is being read.
struct Answer {
    body: ByteStream,
    /// How many bytes come first that nobody asked for.
    before: u64,
    /// Whether there are more bytes behind those that were asked for.
    goes_on: bool,
}

/// Which bytes an answer says it holds, and how many the object has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ContentRange {
    start: u64,
    /// The byte behind the last.
    end: u64,
    pub(super) total: Option<u64>,
}

impl ContentRange {
    /// Reads `bytes 0-9/10` or `bytes 0-9/*`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (unit, range) = text.trim().split_once(' ')?;
        let (range, total) = range.split_once('/')?;
        let (start, last) = range.split_once('-')?;
        let number = |digits: &str| digits.trim().parse::<u64>().ok();
        let (start, end) = (number(start)?, number(last)?.checked_add(1)?);
        let total = match total.trim() {
            "*" => None,
            total => Some(number(total)?),
        };
        let is_sound = start < end && total.is_none_or(|total| end <= total);
        (unit.eq_ignore_ascii_case("bytes") && is_sound).then_some(Self { start, end, total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_range_is_read_or_is_none() {
        let range = |start, end, total| Some(ContentRange { start, end, total });
        for (text, expected) in [
            ("bytes 0-9/10", range(0, 10, Some(10))),
            ("Bytes 5-9/ 10", range(5, 10, Some(10))),
            ("bytes 5-9/*", range(5, 10, None)),
            ("bytes 9-5/10", None),
            ("bytes 0-10/10", None),
            ("bytes */10", None),
            ("items 0-9/10", None),
            ("bytes 0-18446744073709551615/*", None),
            ("bytes -1-9/10", None),
            ("0-9/10", None),
            ("", None),
        ] {
            assert_eq!(ContentRange::parse(text), expected, "{text}");
        }
    }
}
