//! What S3 means where it does not give an object: its own reason, and what to do about it.

use crate::domain::s3_url;
use crate::source::error::Error;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use std::borrow::Cow;

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

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// An object, or bytes of it.
    Object,
    /// The objects of a folder.
    Listing,
}

/// Says what a refusal means, or why there was no answer at all.
pub(super) fn explain<E: ProvideErrorMetadata>(error: &SdkError<E>, asked: Asked, bucket: &str, key: &str) -> Error {
    let object = s3_url(bucket, key);
    let unavailable = |cause: &str| Error::Unavailable {
        object: s3_url(bucket, key),
        cause: cause.to_owned(),
    };
    let Some(response) = error.raw_response() else {
        return match error {
            SdkError::TimeoutError(_) => unavailable("no answer in time"),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => unavailable("no answer in time"),
            SdkError::DispatchFailure(_) => unavailable("no connection"),
            SdkError::ConstructionFailure(_) => Error::Refused {
                object,
                reason: "this is no bucket, key or version that S3 could have, correct it".into(),
            },
            _ => unavailable("no answer"),
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
    refusal.explain(asked, object)
}

/// Tells whether S3 may have a reason that its answer does not give: a `HEAD` has no body.
pub(super) fn lacks_reason<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    matches!(status, 300..500) && !matches!(status, 408 | 412 | 429)
}

impl Refusal<'_> {
    fn explain(self, asked: Asked, object: String) -> Error {
        let forbidden = |advice| Error::Forbidden {
            object: object.clone(),
            advice,
        };
        let refused = |reason: Cow<'static, str>| Error::Refused {
            object: object.clone(),
            reason,
        };
        let missing = |what| Error::Missing {
            object: object.clone(),
            what,
        };
        let unavailable = |cause: String| Error::Unavailable {
            object: object.clone(),
            cause,
        };
        let says = |words: &str| self.message.to_ascii_lowercase().contains(words);
        match (self.status, self.code) {
            (_, "NoSuchBucket") => missing("; there is no such bucket: correct its name where it was given"),
            (404 | 405, _) if self.is_delete_marker => missing(" any more; it was deleted: drop the query result again"),
            (405, _) => missing(" any more; this version is a delete marker: drop the query result again"),
            (_, "NoSuchVersion") => missing(" in the version asked for; it was deleted: drop the query result again"),
            (404, _) => missing("; it was deleted, moved or never written there: drop the query result again"),
            (412, _) => Error::Replaced { object },
            (416, _) => unavailable("the object is shorter than S3 said".to_owned()),
            (301 | 307 | 308, _) | (_, "AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException") => {
                refused(self.other_region().into())
            }
            (_, "InvalidObjectState") => refused(
                "it is archived (S3 Glacier, or an archive tier of Intelligent-Tiering); restore it and load it then, and \
                 keep results in a class that can be read at once"
                    .into(),
            ),
            (_, "KMS.DisabledException") => {
                refused("the KMS key that encrypts it is disabled; enable the key, or drop it again under another key".into())
            }
            (_, "KMS.KMSInvalidStateException" | "KMS.InvalidStateException") => refused(
                "the KMS key that encrypts it cannot be used, most likely since it is about to be deleted; cancel the \
                 deletion and enable the key, or drop the result again under another key"
                    .into(),
            ),
            (_, "KMS.NotFoundException") => {
                refused("the KMS key that encrypts it does not exist any more; drop it again under another key".into())
            }
            (400, "InvalidRequest") if says("server side encryption") => refused(
                "it is encrypted with a key of its uploader's own (SSE-C), which the function does not have; drop it again \
                 with SSE-S3 or SSE-KMS"
                    .into(),
            ),
            (403, _) if says("requester pays") || says("requester-pays") => refused(
                "its bucket lets requesters pay, which the function does not; switch Requester Pays off, or drop results \
                 into another bucket"
                    .into(),
            ),
            (_, "RequestTimeTooSkewed" | "ExpiredToken" | "TokenRefreshRequired" | "RequestTimeout" | "InternalError") => {
                unavailable(self.code.to_owned())
            }
            (403, code) if code.starts_with("KMS.") || says("kms:") => forbidden(
                "kms:Decrypt on the key that encrypts it, by the function's role and by the key's own policy",
            ),
            (403, _) if says("explicit deny") => forbidden(
                "it by taking away the explicit deny of a policy (of the bucket, the role, the VPC endpoint or the \
                 organization), or by excepting the function's role from it",
            ),
            (401 | 403, "" | "AccessDenied" | "Forbidden") if asked == Asked::Listing => {
                forbidden("s3:ListBucket on the bucket")
            }
            (401 | 403, "" | "AccessDenied" | "Forbidden") => forbidden(
                "s3:GetObject and s3:GetObjectVersion on the object and s3:ListBucket on the bucket (without the last one \
                 a missing object looks like this, too), and kms:Decrypt if it is encrypted",
            ),
            (200..=299, _) => unavailable("an answer that cannot be read".to_owned()),
            (408 | 409 | 429 | 500.., _) => unavailable(self.answer()),
            _ => refused(format!("it answered {}", self.answer()).into()),
        }
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
                "its bucket is in the region {region} and the function in another one; drop results into a bucket of the \
                 function's region, or deploy the function in {region}"
            ),
            None => {
                "its bucket is in another region than the function; drop results into a bucket of the function's region"
                    .to_owned()
            }
        }
    }
}

/// Tells whether text has the form of S3's codes; others are no words for a sentence.
fn is_code(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
}

fn is_region(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
