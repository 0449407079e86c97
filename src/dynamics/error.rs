//! Why Dynamics or Entra ID did not do what was asked, in sentences for the person who must act.

use super::business_unit::Unfit;
use super::refusal::Refusal;
use super::throttle::THROTTLED;
use crate::domain::Fate;
use crate::{config, time};

/// Why a call to Entra ID or Dataverse failed for good.
///
/// No variant holds a secret, a contact id or a remote body.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Entra ID gives no token for this credential or organization.
    #[error("Entra ID gives no token for secret `{secret_id}`: {advice}{}", in_parentheses(code.as_deref()))]
    EntraRefused {
        /// The secret that holds the wrong value.
        secret_id: String,
        /// What is wrong and what to do.
        advice: String,
        /// `AADSTS<number>`, where Entra ID named one.
        code: Option<String>,
    },
    /// AWS STS gives no token for the function's own identity, which stands in for a client secret.
    #[error("AWS STS gives no token for the function's own identity (federation: aws): {advice}{}", in_parentheses(code.as_deref()))]
    TokenIssuerRefused {
        /// What is wrong and what to do.
        advice: &'static str,
        /// The error's name, where AWS gave one.
        code: Option<String>,
    },
    /// Entra ID could not be reached, or said that it cannot answer now.
    #[error("Entra ID gave no token after {tries} tries, the last one: {reason}")]
    EntraUnavailable {
        /// How often it was asked.
        tries: u32,
        /// What happened at the last try.
        reason: String,
    },
    /// AWS STS could not be reached, or said that it cannot answer now; Entra ID was not asked.
    #[error(
        "AWS STS gave no token for the function's own identity (federation: aws) after {tries} tries, the last one: {reason}"
    )]
    TokenIssuerUnavailable {
        /// How often it was asked.
        tries: u32,
        /// What happened at the last try.
        reason: String,
    },
    /// The secret could not be read again after Entra ID refused it.
    #[error("the secret could not be read again after Entra ID refused it: {0}")]
    Secret(#[from] Box<config::Error>),
    /// Dataverse refused a fresh token.
    #[error(
        "Dataverse does not accept the token that Entra ID gave for it; check that the environment URL and `authority_url` belong \
         to the same cloud and tenant. {0}"
    )]
    TokenRefused(Refusal),
    /// The application has no user in the environment.
    #[error(
        "the application has no user in this environment; add it as an application user in the Power Platform admin centre \
         (environment, Settings, Users + permissions, Application users) with the role `Marketing Manager - Business`. {0}"
    )]
    ApplicationUserMissing(Refusal),
    /// The application user is disabled, or has no role at all.
    #[error(
        "the application user is disabled or has no security role; enable it and give it the role `Marketing Manager - Business`. {0}"
    )]
    ApplicationUserDisabled(Refusal),
    /// The roles of the application user lack a privilege.
    #[error(
        "the application user lacks the privilege {privilege}; give it the role `Marketing Manager - Business`, or add the \
         privilege to its own role. {refusal}"
    )]
    PrivilegeMissing {
        /// The privilege's name, `prv...`.
        privilege: Box<str>,
        /// What Dataverse answered.
        refusal: Refusal,
    },
    /// The application user may not touch this row.
    #[error(
        "the application user has no access to this row of another owner or business unit; give its role organization-wide \
         access, or assign the segment to its business unit. {0}"
    )]
    RowAccessDenied(Refusal),
    /// The environment lacks the tables or actions of real-time segments.
    #[error(
        "Customer Insights - Journeys is not installed in this environment; install it, or name another environment in the \
         destination secret. {0}"
    )]
    JourneysNotInstalled(Refusal),
    /// The environment has real-time segments, and lacks one of their actions.
    #[error(
        "the release of Customer Insights - Journeys in this environment does not know how to do what was asked for; update the \
         solution in the Power Platform admin centre. {0}"
    )]
    ActionMissing(Refusal),
    /// The business unit that the destination names cannot own segments.
    #[error("the business unit {unit} of `owning_business_unit` {why}")]
    BusinessUnitUnknown {
        /// The unit, as the destination names it or by its id.
        unit: String,
        /// What is wrong with it, and what to do.
        why: Box<Unfit>,
    },
    /// Journeys or other segments use the segment, so that it can't be changed.
    #[error("the segment is in use: stop the journeys and the segments that use it, or choose another one. {0}")]
    SegmentInUse(Refusal),
    /// The segment is not there any more.
    #[error(
        "the segment was deleted in Dynamics while this run was at work; nothing was published, and the run is tried again: it looks \
         for a segment of this name then, and makes one where there is none, unless missing_segment is refuse. {0}"
    )]
    SegmentGone(Refusal),
    /// The segment could not be published.
    #[error("the segment could not be published; open it in Customer Insights - Journeys to see what it lacks. {0}")]
    PublishRefused(Refusal),
    /// Dynamics takes none of many contacts from the whole of a result, so that the fault is not theirs.
    #[error(
        "Dynamics took none of {count} contacts from the whole of the result, each of which was sent alone; check that the ids \
         are contacts of this environment which the application user may read. {refusal}"
    )]
    ContactsRefused {
        /// How many were tried.
        count: usize,
        /// The last answer.
        refusal: Refusal,
    },
    /// Dynamics refuses to remove members.
    #[error(
        "Dynamics refused to remove {count} members, each of which was sent alone; open the segment in Customer Insights - \
         Journeys and see whether they can be removed there. {refusal}"
    )]
    RemovalsRefused {
        /// How many were tried.
        count: usize,
        /// The last answer.
        refusal: Refusal,
    },
    /// Any other refusal.
    #[error("{0}")]
    DynamicsRefused(Refusal),
    /// Dynamics could not be reached, or failed again and again.
    #[error("could not {operation}: no good answer from Dynamics after {tries} tries, the last one: {reason}")]
    DynamicsUnavailable {
        /// What was to be done.
        operation: &'static str,
        /// How often it was tried.
        tries: u32,
        /// What happened at the last try.
        reason: String,
    },
    /// Dynamics answered something that follows no known shape.
    #[error(
        "could not {operation}, since the answer of Dynamics is not what was asked for: {what}. Nothing rests on it; \
         repeat the run, and report it if it happens again"
    )]
    UnexpectedAnswer {
        /// What was to be done.
        operation: &'static str,
        /// What is odd about the answer.
        what: String,
    },
    /// The planned stop before the invocation's deadline is reached, or would be before a wait ends.
    #[error("the invocation is out of time{}", since(because.as_deref()))]
    OutOfTime {
        /// What took the time, where it was not the work itself.
        because: Option<Box<str>>,
    },
    /// Another run owns the segment now.
    #[error("another run took over the lease of this segment")]
    LeaseLost,
}

impl Error {
    /// Says what is odd about an answer: the field, never its value.
    pub(super) fn unexpected(operation: &'static str, what: impl Into<String>) -> Self {
        Self::UnexpectedAnswer {
            operation,
            what: what.into(),
        }
    }

    /// Says what took the time, where it ran out and nobody has said so.
    pub(super) fn since(self, because: Option<String>) -> Self {
        match self {
            Self::OutOfTime { because: None } => Self::OutOfTime {
                because: because.map(Into::into),
            },
            error => error,
        }
    }

    /// Returns whether the time was over since Dynamics throttles.
    pub fn is_throttled(&self) -> bool {
        matches!(self, Self::OutOfTime { because: Some(because) } if because.starts_with(THROTTLED))
    }

    /// Returns the stable name for alarms.
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::EntraRefused { .. } => "EntraRefused",
            Self::TokenIssuerRefused { .. } => "TokenIssuerRefused",
            Self::EntraUnavailable { .. } => "EntraUnavailable",
            Self::TokenIssuerUnavailable { .. } => "TokenIssuerUnavailable",
            Self::Secret(error) => error.error_type(),
            Self::TokenRefused(_) => "TokenRefused",
            Self::ApplicationUserMissing(_) => "ApplicationUserMissing",
            Self::ApplicationUserDisabled(_) => "ApplicationUserDisabled",
            Self::PrivilegeMissing { .. } => "PrivilegeMissing",
            Self::RowAccessDenied(_) => "RowAccessDenied",
            Self::JourneysNotInstalled(_) => "JourneysNotInstalled",
            Self::BusinessUnitUnknown { .. } => "BusinessUnitUnknown",
            Self::SegmentInUse(_) => "SegmentInUse",
            Self::SegmentGone(_) => "SegmentChanged",
            Self::PublishRefused(_) => "PublishRefused",
            Self::ContactsRefused { .. } | Self::RemovalsRefused { .. } => "ContactsRefused",
            Self::ActionMissing(_) | Self::DynamicsRefused(_) => "DynamicsRefused",
            Self::DynamicsUnavailable { .. } => "DynamicsUnavailable",
            Self::UnexpectedAnswer { .. } => "DynamicsAnswerUnexpected",
            Self::OutOfTime { .. } => "OutOfTime",
            Self::LeaseLost => "LeaseLost",
        }
    }

    /// Returns whether the same run may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::EntraUnavailable { .. }
            | Self::TokenIssuerUnavailable { .. }
            | Self::DynamicsUnavailable { .. }
            | Self::OutOfTime { .. }
            | Self::LeaseLost => true,
            Self::Secret(error) => error.is_transient(),
            _ => false,
        }
    }

    /// Tells what becomes of a job that needed the call.
    pub const fn fate(&self) -> Fate {
        match self {
            Self::OutOfTime { .. } => Fate::Continue,
            Self::LeaseLost => Fate::LostLease,
            Self::EntraRefused { .. }
            | Self::TokenIssuerRefused { .. }
            | Self::EntraUnavailable { .. }
            | Self::TokenIssuerUnavailable { .. }
            | Self::Secret(_)
            | Self::TokenRefused(_)
            | Self::ApplicationUserMissing(_)
            | Self::ApplicationUserDisabled(_)
            | Self::PrivilegeMissing { .. }
            | Self::RowAccessDenied(_)
            | Self::JourneysNotInstalled(_)
            | Self::ActionMissing(_)
            | Self::BusinessUnitUnknown { .. }
            | Self::SegmentInUse(_)
            | Self::SegmentGone(_)
            | Self::PublishRefused(_)
            | Self::ContactsRefused { .. }
            | Self::RemovalsRefused { .. }
            | Self::DynamicsRefused(_)
            | Self::DynamicsUnavailable { .. }
            | Self::UnexpectedAnswer { .. } => Fate::Retry,
        }
    }

    /// Returns the `AADSTS` number or the Dataverse code, where there is one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::EntraRefused { code, .. } => code.as_deref(),
            _ => self
                .refusal()
                .map(|refusal| &*refusal.code)
                .filter(|code| !code.is_empty()),
        }
    }

    /// Returns whether a change was refused for a reason that nobody here understands, be it in another language, so that what
    /// uses the segment may be why.
    pub fn may_be_due_to_use(&self) -> bool {
        match self {
            Self::DynamicsRefused(refusal) | Self::PublishRefused(refusal) | Self::RowAccessDenied(refusal) => {
                refusal.is_unexplained()
            }
            Self::PrivilegeMissing { refusal, .. } => refusal.is_unexplained() && !refusal.names_a_privilege(),
            _ => false,
        }
    }

    /// Returns whether Dataverse says that what was asked for is not there.
    pub(super) fn is_absence(&self) -> bool {
        matches!(self, Self::DynamicsRefused(refusal) if refusal.status == 404)
    }

    /// Returns what Dataverse answered, where the error is a refusal.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::TokenRefused(refusal)
            | Self::ApplicationUserMissing(refusal)
            | Self::ApplicationUserDisabled(refusal)
            | Self::PrivilegeMissing { refusal, .. }
            | Self::RowAccessDenied(refusal)
            | Self::JourneysNotInstalled(refusal)
            | Self::ActionMissing(refusal)
            | Self::SegmentInUse(refusal)
            | Self::SegmentGone(refusal)
            | Self::PublishRefused(refusal)
            | Self::ContactsRefused { refusal, .. }
            | Self::RemovalsRefused { refusal, .. }
            | Self::DynamicsRefused(refusal) => Some(refusal),
            Self::BusinessUnitUnknown { why, .. } => match &**why {
                Unfit::Unreadable(refusal) | Unfit::Closed(refusal) => Some(refusal),
                Unfit::Missing | Unfit::Several(_) | Unfit::Disabled | Unfit::NotGranted | Unfit::NotTaken(_) => None,
            },
            _ => None,
        }
    }
}

impl From<time::Closed> for Error {
    fn from(closed: time::Closed) -> Self {
        match closed {
            time::Closed::OutOfTime => Self::OutOfTime { because: None },
            time::Closed::LeaseLost => Self::LeaseLost,
        }
    }
}

fn since(because: Option<&str>) -> String {
    because.map(|because| format!(", since {because}")).unwrap_or_default()
}

fn in_parentheses(code: Option<&str>) -> String {
    code.map(|code| format!(" ({code})")).unwrap_or_default()
}
