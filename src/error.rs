//! The union of the stages' errors, each with a stable name for alarms.

use crate::domain::{ErrorType, Fate, UsedBy};
use crate::source::{Misfit, Problem};
use crate::state::Whose;
use crate::{config, dynamics, event, reconcile, source, state};
use lambda_runtime::Diagnostic;
use std::fmt;

/// Why an invocation or a run failed.
///
/// The Lambda runtime logs an invocation's error by its `Debug`, so that is the sentence, too.
#[derive(thiserror::Error)]
pub enum Error {
    /// The function's environment variables.
    #[error(transparent)]
    Variable(#[from] config::VariableError),
    /// The event.
    #[error(transparent)]
    Event(#[from] event::Error),
    /// The secrets.
    #[error(transparent)]
    Settings(#[from] config::Error),
    /// The segment's name.
    #[error(transparent)]
    SegmentName(#[from] config::SegmentNameError),
    /// The function's own objects.
    #[error(transparent)]
    State(#[from] state::Error),
    /// The result file.
    #[error(transparent)]
    Source(#[from] source::Error),
    /// The load itself.
    #[error(transparent)]
    Reconcile(#[from] reconcile::Error),
    /// A guard forbids the load; the sentence says which and how to let it pass.
    #[error("{}", .0.reason)]
    Refused(Objection),
    /// The destination forbids the load as long as others use the segment; the sentence says what uses it.
    #[error("{}", .0.reason)]
    RefusedWhileUsed(Objection),
    /// The planned stop came while something was awaited that is no part of a load.
    #[error(
        "the invocation ran out of time while {doing}: run it again, and where that does not help give the function a \
         longer timeout"
    )]
    OutOfTime {
        /// What was done.
        doing: &'static str,
    },
    /// The planned stop came while the row of a create was awaited whose answer nobody heard.
    #[error(
        "too little time was left to wait for the row of the segment that an attempt asked Dynamics to create, and whose \
         answer nobody heard: it may come for two minutes, as long as none is created a second time; the next sweep goes on"
    )]
    AwaitsCreate,
    /// The planned stop came while a change was awaited that may still take effect.
    #[error(
        "too little time was left to wait for a change of the segment that an attempt asked Dynamics for, and that nobody heard \
         the answer of: it may take effect for two minutes, and would be published with this result unseen; the next sweep \
         goes on"
    )]
    AwaitsUnanswered,
    /// A file cannot be read of which a part is in the draft, and nobody could take it out.
    #[error(
        "{}, and a part of this file may be in the segment's draft, which could not be brought back to what it was: no other file \
         of the segment is published until this one can be read, or a complete result is loaded directly, by a command with \
         \"mode\":\"replace\"", unread(.0)
    )]
    InTheDraft(source::Error),
    /// A run of an asynchronous event failed; Lambda is to deliver it again.
    #[error("{reason}")]
    Run {
        /// The run's own error type.
        error_type: ErrorType,
        /// The run's reason.
        reason: String,
    },
}

/// Why a result is not loaded, where nothing went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// For whoever runs the function: what it is, in numbers and names, and what to do.
    pub reason: String,
    /// For people who do not know it, as the end of a sentence: no name, no id, no command.
    pub plain: String,
    /// What helps.
    pub way_out: WayOut,
}

/// What helps where a result is not loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayOut {
    /// An approval, or a better file.
    Approve,
    /// Waiting until nothing uses the segment any more, or an approval.
    Wait,
    /// Another file; no approval opens it.
    Mend,
    /// What the sentence says: no other file would fare better.
    Do(&'static str),
    /// What the sentence says, by a person who has to look first: nobody else can tell what is right.
    Decide(&'static str),
}

impl Error {
    /// Returns the stable name that alarms and the runtime's answer use.
    pub fn error_type(&self) -> &str {
        match self {
            Self::Variable(error) => error.error_type(),
            Self::Event(error) => error.error_type(),
            Self::Settings(error) => error.error_type(),
            Self::SegmentName(error) => error.error_type(),
            Self::State(error) => error.error_type(),
            Self::Source(error) | Self::InTheDraft(error) => error.error_type(),
            Self::Reconcile(error) => error.error_type(),
            Self::Refused(_) | Self::RefusedWhileUsed(_) => "Refused",
            Self::OutOfTime { .. } | Self::AwaitsCreate | Self::AwaitsUnanswered => "OutOfTime",
            Self::Run { error_type, .. } => error_type.as_str(),
        }
    }

    /// Tells what becomes of a job that ended with this error.
    pub(crate) fn fate(&self) -> Fate {
        match self {
            Self::Variable(_)
            | Self::Event(_)
            | Self::Settings(_)
            | Self::SegmentName(_)
            | Self::InTheDraft(_)
            | Self::Run { .. } => Fate::Retry,
            Self::State(error) => error.fate(),
            Self::Source(error) => error.fate(),
            Self::Reconcile(error) => error.fate(),
            Self::Refused(_) | Self::RefusedWhileUsed(_) => Fate::Refuse,
            Self::OutOfTime { .. } | Self::AwaitsCreate | Self::AwaitsUnanswered => Fate::Continue,
        }
    }

    /// Returns whether a guard or the result itself forbids the load.
    pub(crate) fn is_refusal(&self) -> bool {
        self.fate() == Fate::Refuse
    }

    /// Returns whether the time was over since Dynamics throttles.
    pub(crate) fn is_throttled(&self) -> bool {
        matches!(self, Self::Reconcile(reconcile::Error::Dynamics(error)) if error.is_throttled())
    }

    /// Tells whose fault it is: another input of the segment may fare better, or no other would.
    pub(crate) const fn whose(&self) -> Whose {
        match self {
            Self::Source(_)
            | Self::InTheDraft(_)
            | Self::Refused(_)
            | Self::RefusedWhileUsed(_)
            | Self::Reconcile(
                reconcile::Error::TooManyNotAccepted { .. }
                | reconcile::Error::Dynamics(
                    dynamics::Error::ContactsRefused { .. } | dynamics::Error::RemovalsRefused { .. },
                ),
            ) => Whose::Input,
            _ => Whose::Segment,
        }
    }

    /// Tells people what is wrong with how a result is put together, as the end of a sentence, where it is that.
    pub(crate) const fn misfit(&self) -> Option<&'static str> {
        match self {
            Self::Source(source::Error::Invalid {
                problem: Problem::Parts(misfit),
                ..
            }) => misfit.plain(),
            _ => None,
        }
    }

    /// Returns whether a person has to look: the segment holds one part of a result, or nobody else can tell who belongs in it.
    pub(crate) const fn asks_for_attention(&self) -> bool {
        match self {
            Self::Source(source::Error::Invalid {
                problem: Problem::Parts(Misfit::OneOfSeveral(part)),
                ..
            }) => part.was_loaded_alone(),
            Self::Reconcile(reconcile::Error::NotPublishedAgain(_) | reconcile::Error::LeftHalfWritten { .. }) => true,
            Self::Refused(Objection { way_out, .. }) => matches!(way_out, WayOut::Decide(_)),
            _ => false,
        }
    }

    /// Returns the type that a run tells: what a guard refuses has none, an object that is no result and a segment that
    /// cannot take one have.
    pub(crate) fn told_type(&self) -> Option<ErrorType> {
        (!matches!(self, Self::Refused(_) | Self::RefusedWhileUsed(_))).then(|| self.error_type().into())
    }
}

impl Error {
    /// Says what was done when the time was over.
    pub(crate) const fn out_of_time(doing: &'static str) -> Self {
        Self::OutOfTime { doing }
    }

    /// Refuses what no approval opens.
    pub(crate) fn refused(reason: String, plain: &str) -> Self {
        Self::refused_until(WayOut::Mend, reason, plain)
    }

    /// Refuses what no approval opens, and only this way out.
    pub(crate) fn refused_until(way_out: WayOut, reason: String, plain: &str) -> Self {
        Self::Refused(Objection {
            reason,
            plain: plain.to_owned(),
            way_out,
        })
    }

    /// Returns why a result is not loaded, where nothing went wrong with it.
    pub(crate) const fn objection(&self) -> Option<&Objection> {
        match self {
            Self::Refused(objection) | Self::RefusedWhileUsed(objection) => Some(objection),
            _ => None,
        }
    }

    /// Says what uses the segment, where that is why Dynamics lets nobody change it.
    pub(crate) fn naming(self, used_by: Option<&UsedBy>) -> Self {
        match self {
            Self::Reconcile(error) => Self::Reconcile(error.naming(used_by)),
            error => error,
        }
    }

    /// Says that a file stays in the way of others which cannot be read.
    pub(crate) fn in_the_draft(self) -> Self {
        match self {
            Self::Source(error) => Self::InTheDraft(error),
            error => error,
        }
    }

    /// Says that a sample cannot go to a segment of the longer name.
    pub(crate) fn unfit_sample_name(expected: &'static str) -> Self {
        Self::refused_until(
            WayOut::Do("Give the segment a shorter name, or load the file without a sample."),
            format!("a sample goes to \"<segment name> (test)\", which takes {expected}"),
            "the name of the segment is too long for a sample beside it",
        )
    }
}

/// Tells why a file cannot be read; of one that was replaced no other counts instead as long as a part of it is in the draft.
fn unread(error: &source::Error) -> String {
    if error.fate() == Fate::Drop {
        return "the file was replaced, so that it cannot be read as it was".to_owned();
    }
    error.to_string()
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.error_type())
    }
}

impl From<dynamics::Error> for Error {
    fn from(error: dynamics::Error) -> Self {
        Self::Reconcile(error.into())
    }
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        Self {
            error_type: error.error_type().to_owned(),
            error_message: error.to_string(),
        }
    }
}
