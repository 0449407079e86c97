//! Who gives a token, and may give none.

use super::error::Error;
use std::fmt;
use std::time::Duration;

/// Who is asked for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Giver {
    /// It gives the token that Dataverse takes.
    Entra,
    /// It gives the one that is shown to Entra ID, which is not asked without it.
    Sts,
}

impl Giver {
    /// Says what it answered until the time was over, and for how long it wants to be left alone.
    pub(super) fn gave_no_token_yet(self, reason: &str, retry_after: Option<Duration>) -> String {
        let wait = retry_after.map(|wait| format!("; requests have to wait {} s more", wait.as_secs()));
        format!(
            "{self} gave no token, the last answer: {reason}{}",
            wait.unwrap_or_default()
        )
    }

    /// Says that it was asked often enough.
    pub(super) const fn is_unavailable(self, tries: u32, reason: String) -> Error {
        match self {
            Self::Entra => Error::EntraUnavailable { tries, reason },
            Self::Sts => Error::TokenIssuerUnavailable { tries, reason },
        }
    }
}

impl fmt::Display for Giver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Entra => "Entra ID",
            Self::Sts => "AWS STS",
        })
    }
}
