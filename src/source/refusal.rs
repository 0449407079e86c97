//! What it means for a result that S3 does not do what was asked.

use crate::aws::bounded;
use crate::domain::s3_url;
use crate::s3::{Denied, Missing, Reason};
use crate::source::error::Error;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// An object, or bytes of it.
    Object,
    /// The objects of a folder.
    Listing,
}

/// Says what became of the result, and what to do.
pub(super) fn explain(reason: Reason, asked: Asked, bucket: &str, key: &str) -> Error {
    let object = s3_url(bucket, key);
    match reason {
        Reason::Missing(missing) => Error::Missing {
            object,
            what: match missing {
                Missing::Bucket => "; there is no such bucket: correct its name where it was given",
                Missing::Deleted => " any more; it was deleted: drop the query result again",
                Missing::DeleteMarker => " any more; this version is a delete marker: drop the query result again",
                Missing::Version => " in the version asked for; it was deleted: drop the query result again",
                Missing::Object => "; it was deleted, moved or never written there: drop the query result again",
            },
        },
        Reason::Changed => Error::Replaced { object },
        Reason::Denied(denied) => Error::Forbidden {
            object,
            advice: match (denied, asked) {
                (Denied::Key, _) => {
                    "kms:Decrypt on the key that encrypts it, by the function's role and by the key's own policy"
                }
                (Denied::Explicitly, _) => {
                    "it by taking away the explicit deny of a policy (of the bucket, the role, the VPC endpoint or the \
                     organization), or by excepting the function's role from it"
                }
                (Denied::Action, Asked::Listing) => "s3:ListBucket on the bucket",
                (Denied::Action, Asked::Object) => {
                    "s3:GetObject and s3:GetObjectVersion on the object and s3:ListBucket on the bucket (without the last \
                     one a missing object looks like this, too), and kms:Decrypt if it is encrypted"
                }
            },
        },
        Reason::Refused(reason) => Error::Refused { object, reason },
        Reason::Conflict => Error::Unavailable {
            object,
            cause: "a conflict with another request".to_owned(),
        },
        Reason::Unavailable(cause) => Error::Unavailable {
            object,
            cause: cause.into_owned(),
        },
        Reason::TooLarge => Error::Unavailable {
            object,
            cause: bounded::TOO_LARGE.to_owned(),
        },
    }
}
