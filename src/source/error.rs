//! Why a result could not be read, and what follows from it.

use crate::domain::Fate;
use crate::source::object::ObjectVersion;
use crate::source::parts::Change;
use crate::source::problem::Problem;
use crate::time::Closed;
use std::borrow::Cow;

/// A result that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such object, or it was deleted before it was read to its end.
    #[error("{object} does not exist{what}")]
    Missing {
        /// S3 URL of the object.
        object: String,
        /// What is known about it, and what to do.
        what: &'static str,
    },
    /// The function may not read the object.
    #[error("access to {object} is denied: allow the function {advice}")]
    Forbidden {
        /// S3 URL of the object.
        object: String,
        /// The actions that it takes, and where.
        advice: &'static str,
    },
    /// Another object was written under the same key while this one was read.
    #[error("{object} was replaced while it was read: what lies there now counts instead, and is a result of its own")]
    Replaced {
        /// S3 URL of the object.
        object: String,
    },
    /// Another marker or manifest was written where the one lay that was taken up.
    #[error(
        "{object} was replaced after it was taken up: the one that lies there now is a result of its own and counts instead; \
         outside the results prefix it has to be loaded directly"
    )]
    Renewed {
        /// S3 URL of the marker or manifest.
        object: String,
    },
    /// The files of a result in several are not those that were taken up.
    #[error(
        "{object}: {change}; nothing of it was published. Let the job write all files and its marker or manifest last: a new \
         one is a result of its own (a folder without a marker has to be loaded directly again)"
    )]
    Changed {
        /// S3 URL of the marker, the manifest or the folder.
        object: String,
        /// What has changed.
        change: Change,
    },
    /// S3 refuses to give the object for another reason, which trying again does not change.
    #[error("S3 refuses to give {object}: {reason}")]
    Refused {
        /// S3 URL of the object.
        object: String,
        /// S3's own reason, and what to do.
        reason: Cow<'static, str>,
    },
    /// S3 did not deliver the object, however often it was asked.
    #[error("S3 did not deliver {object} ({cause}): the next attempt reads it again")]
    Unavailable {
        /// S3 URL of the object.
        object: String,
        /// What happened last, in two or three words.
        cause: String,
    },
    /// Reading ended before the result did: at the planned stop, or since another run owns the segment now.
    #[error(transparent)]
    Stopped(#[from] Closed),
    /// The object was read, but is no result.
    #[error("{object}: {problem}")]
    Invalid {
        /// S3 URL of the object.
        object: String,
        /// What is wrong with it.
        problem: Problem,
    },
}

impl Error {
    /// Returns the stable name of the error for alarms.
    pub const fn error_type(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "SourceMissing",
            Self::Forbidden { .. } => "SourceForbidden",
            Self::Replaced { .. } | Self::Renewed { .. } => "SourceReplaced",
            Self::Changed { .. } => "ResultChanged",
            Self::Refused { .. } => "SourceRefused",
            Self::Unavailable { .. } => "SourceUnavailable",
            Self::Stopped(Closed::OutOfTime) => "OutOfTime",
            Self::Stopped(Closed::LeaseLost) => "LeaseLost",
            Self::Invalid {
                problem: Problem::Empty,
                ..
            } => "SourceEmpty",
            Self::Invalid {
                problem: Problem::Parts(misfit),
                ..
            } => misfit.error_type(),
            Self::Invalid { .. } => "SourceInvalid",
        }
    }

    /// Returns whether reading again later may succeed.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Stopped(_))
    }

    /// Tells what becomes of a job for this object.
    pub const fn fate(&self) -> Fate {
        match self {
            Self::Forbidden { .. } | Self::Refused { .. } | Self::Unavailable { .. } => Fate::Retry,
            Self::Stopped(closed) => closed.fate(),
            Self::Missing { .. } | Self::Changed { .. } => Fate::PutAside,
            Self::Replaced { .. } | Self::Renewed { .. } => Fate::Drop,
            Self::Invalid { problem, .. } => match problem {
                Problem::Empty => Fate::Refuse,
                Problem::Parts(misfit) if misfit.is_refusal() => Fate::Refuse,
                _ => Fate::PutAside,
            },
        }
    }

    pub(crate) fn invalid(object: &ObjectVersion, problem: Problem) -> Self {
        Self::Invalid {
            object: object.url(),
            problem,
        }
    }
}
