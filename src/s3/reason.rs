//! What S3 means where it does not do what was asked: its own reason, and what to do about it.

use crate::aws::bounded;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use std::borrow::Cow;
use std::error::Error;

/// Why S3 did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// What was asked for is not there.
    Missing(Missing),
    /// Another object lies there than the one that was meant.
    Changed,
    /// Somebody else writes there at the same time.
    Conflict,
    /// The function may not.
    Denied(Denied),
    /// Trying again does not change it; the sentence says what does.
    Refused(Cow<'static, str>),
    /// It may be different the next time; in two or three words.
    Unavailable(Cow<'static, str>),
    /// The object is larger than all that is read of a small one.
    TooLarge,
}

/// What is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The bucket.
    Bucket,
    /// The object, which was deleted.
    Deleted,
    /// The version: it only says that the object was deleted.
    DeleteMarker,
    /// The version.
    Version,
    /// The object.
    Object,
}

/// What the function may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// The action itself; S3 says so of an object that is missing, too.
    Action,
    /// Using the KMS key.
    Key,
    /// The action, by a policy that denies it in so many words.
    Explicitly,
}

/// A refusal as it came; the answer to a `HEAD` has neither code nor message.
#[derive(Clone, Copy, Debug, Default)]
struct Refusal<'a> {
    status: u16,
    code: &'a str,
    message: &'a str,
    /// The region of the bucket, as S3 tells it.
    region: Option<&'a str>,
    /// Whether the newest version, or the one that was asked for, says that the object was deleted.
    is_delete_marker: bool,
}

impl Reason {
    /// Reads a refusal, or says why there was no answer at all.
    pub(crate) fn of<E>(error: &SdkError<E>) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        if bounded::is_too_large(error) {
            return Self::Unavailable(bounded::TOO_LARGE.into());
        }
        let Some(response) = error.raw_response() else {
            return match error {
                SdkError::TimeoutError(_) => Self::Unavailable("no answer in time".into()),
                SdkError::DispatchFailure(failure) if failure.is_timeout() => {
                    Self::Unavailable("no answer in time".into())
                }
                SdkError::DispatchFailure(_) => Self::Unavailable("no connection".into()),
                SdkError::ConstructionFailure(_) => {
                    Self::Refused("this is no bucket, key or version that S3 could have, correct it".into())
                }
                _ => Self::Unavailable("no answer".into()),
            };
        };
        let headers = response.headers();
        let refusal = Refusal {
            status: response.status().as_u16(),
            code: error.code().filter(|code| is_code(code)).unwrap_or_default(),
            message: error.message().unwrap_or_default(),
            region: headers.get("x-amz-bucket-region").filter(|region| is_region(region)),
            is_delete_marker: headers.get("x-amz-delete-marker") == Some("true"),
        };
        refusal.reason()
    }

    /// Returns whether S3 may have a reason that its answer does not give: a `HEAD` has no body.
    pub(crate) fn is_lacking<E>(error: &SdkError<E>) -> bool {
        let status = error.raw_response().map_or(0, |response| response.status().as_u16());
        matches!(status, 300..500) && !matches!(status, 408 | 412 | 429)
    }
}

impl Refusal<'_> {
    fn reason(self) -> Reason {
        let refused = |reason: &'static str| Reason::Refused(reason.into());
        if let Some(reason) = self.unreadable() {
            return Reason::Refused(reason);
        }
        match (self.status, self.code) {
            (_, "NoSuchBucket") => Reason::Missing(Missing::Bucket),
            (404 | 405, _) if self.is_delete_marker => Reason::Missing(Missing::Deleted),
            (405, _) => Reason::Missing(Missing::DeleteMarker),
            (_, "NoSuchVersion") => Reason::Missing(Missing::Version),
            (404, _) => Reason::Missing(Missing::Object),
            (412, _) => Reason::Changed,
            (409, _) => Reason::Conflict,
            (416, _) => Reason::Unavailable("the object is shorter than S3 said".into()),
            (_, "ExpiredToken" | "TokenRefreshRequired" | "RequestTimeout" | "InternalError") => {
                Reason::Unavailable(self.code.to_owned().into())
            }
            (_, "RequestTimeTooSkewed") => {
                Reason::Unavailable("RequestTimeTooSkewed: the function's clock is more than 15 minutes wrong".into())
            }
            (_, "SignatureDoesNotMatch") => refused(
                "the signature of the request is not accepted (SignatureDoesNotMatch); see that nothing on the way changes \
                 requests, and that nobody has set AWS keys among the function's variables",
            ),
            (_, "InvalidAccessKeyId" | "InvalidToken" | "InvalidClientTokenId") => Reason::Refused(
                format!(
                    "the function's own AWS keys are not known there ({}); see that nobody has set AWS keys or another \
                     endpoint among the function's variables",
                    self.code
                )
                .into(),
            ),
            (_, "AccountProblem" | "AllAccessDisabled" | "NotSignedUp" | "UserSuspended") => Reason::Refused(
                format!(
                    "AWS has closed the account or the bucket ({}); look at the account's billing, and ask AWS Support",
                    self.code
                )
                .into(),
            ),
            (403, code) if code.starts_with("KMS.") || self.says("kms:") => Reason::Denied(Denied::Key),
            (403, _) if self.says("explicit deny") => Reason::Denied(Denied::Explicitly),
            (401 | 403, "" | "AccessDenied" | "Forbidden") => Reason::Denied(Denied::Action),
            (200..=299, _) => Reason::Unavailable("an answer that cannot be read".into()),
            (408 | 429 | 500.., _) => Reason::Unavailable(self.answer().into()),
            _ => Reason::Refused(format!("it answered {}", self.answer()).into()),
        }
    }

    /// Says why nobody could read the object as it lies there, where that is so.
    fn unreadable(self) -> Option<Cow<'static, str>> {
        let reason = match (self.status, self.code) {
            (301 | 307 | 308, _)
            | (_, "AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException") => {
                return Some(self.other_region().into());
            }
            (_, "InvalidObjectState") => {
                "it is archived (S3 Glacier, or an archive tier of Intelligent-Tiering); restore it and try again, and keep \
                 what the function reads in a class that can be read at once"
            }
            (_, "KMS.DisabledException") => {
                "the KMS key that encrypts it is disabled; enable the key, or write it again under another key"
            }
            (_, "KMS.KMSInvalidStateException" | "KMS.InvalidStateException") => {
                "the KMS key that encrypts it cannot be used, most likely since it is about to be deleted; cancel the \
                 deletion and enable the key, or write it again under another key"
            }
            (_, "KMS.NotFoundException") => {
                "the KMS key that encrypts it does not exist any more; write it again under another key"
            }
            (400, "InvalidRequest") if self.says("server side encryption") => {
                "it is encrypted with a key of its uploader's own (SSE-C), which the function does not have; write it again \
                 with SSE-S3 or SSE-KMS"
            }
            (403, _) if self.says("requester pays") || self.says("requester-pays") => {
                "its bucket lets requesters pay, which the function does not; switch Requester Pays off, or use another \
                 bucket"
            }
            _ => return None,
        };
        Some(reason.into())
    }

    fn says(self, words: &str) -> bool {
        self.message.to_ascii_lowercase().contains(words)
    }

    fn answer(self) -> String {
        match self.code {
            "" => format!("status {} without a reason", self.status),
            code => format!("status {} {code}", self.status),
        }
    }

    fn other_region(self) -> String {
        let expecting = self
            .message
            .rsplit_once("expecting '")
            .and_then(|(_, rest)| rest.split_once('\''));
        let told = self
            .region
            .or(expecting.map(|(region, _)| region).filter(|region| is_region(region)));
        match told {
            Some(region) => format!(
                "its bucket is in the region {region} and the function in another one; use a bucket of the function's region, \
                 or deploy the function in {region}"
            ),
            None => {
                "its bucket is in another region than the function; use a bucket of the function's region".to_owned()
            }
        }
    }
}

/// Returns whether text has the form of S3's codes; others are no words for a sentence.
fn is_code(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
}

fn is_region(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
