//! What can be wrong with a secret.

use crate::text::json;
use std::borrow::Cow;
use std::fmt;

/// How a message calls a secret.
///
/// What stands where a secret's name belongs may be the secret itself, pasted there by mistake: it is shown only once
/// Secrets Manager has given a secret of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretName {
    /// A secret of this name or ARN.
    Known(String),
    /// What the key `credential` of this destination secret names.
    CredentialOf(String),
}

impl SecretName {
    /// The longest name or ARN in characters (AWS, `GetSecretValue`).
    const LONGEST: usize = 2_048;

    /// Returns whether Secrets Manager could know a secret of this name or ARN.
    ///
    /// What is pasted there by mistake, such as the client secret itself, must not come back as a "name" in a message.
    pub(super) fn may_be(text: &str) -> bool {
        let is_in_names = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@-:".contains(&byte);
        (1..=Self::LONGEST).contains(&text.len()) && text.bytes().all(is_in_names)
    }
}

impl From<&str> for SecretName {
    fn from(name: &str) -> Self {
        Self::Known(name.into())
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(name) => write!(f, "secret `{name}`"),
            Self::CredentialOf(destination) => {
                write!(f, "the secret that `credential` names in secret `{destination}`")
            }
        }
    }
}

/// Tells why a secret cannot be used: which secret, which field, what to do; never a value.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is no JSON; the parser's own message would quote it.
    #[error("{secret} is {problem}: it must hold a JSON object, {{\"name\": value, ...}}")]
    NotJson {
        /// The secret.
        secret: SecretName,
        /// What is wrong, told by its place.
        problem: json::Error,
    },
    /// The JSON is a list, a string or a number.
    #[error("{secret} must hold a JSON object, {{\"name\": value, ...}}, and nothing around it")]
    NotAnObject {
        /// The secret.
        secret: SecretName,
    },
    /// A required field is not there, is null or is blank.
    #[error("{secret} lacks the field `{field}`: {advice}")]
    Missing {
        /// The secret.
        secret: SecretName,
        /// The field.
        field: String,
        /// What the field holds or where to find it.
        advice: &'static str,
    },
    /// A field holds the wrong type of value or one that cannot be used.
    #[error("{secret}: the field `{field}` must be {expected}")]
    Invalid {
        /// The secret.
        secret: SecretName,
        /// The field.
        field: String,
        /// What would be right.
        expected: Cow<'static, str>,
    },
    /// A field that this program does not know, most likely misspelled; one that comes near none may be a value.
    #[error("{secret} has {which}; known fields are {known}")]
    Unknown {
        /// The secret.
        secret: SecretName,
        /// The field, by name or by place.
        which: String,
        /// The known ones, as a list for people.
        known: String,
    },
    /// Nothing says which environment is meant.
    #[error(
        "{secret} names no environment: give `environment_region` (such as `crm4`) and `environment_name` \
         (such as `socktown`), or `environment_url`"
    )]
    NoEnvironment {
        /// The secret.
        secret: SecretName,
    },
    /// Secrets Manager knows no such secret.
    #[error("{secret} does not exist in this account and region: check the name or ARN, or create it")]
    NotFound {
        /// The secret.
        secret: SecretName,
    },
    /// The function's role must not read the secret.
    #[error(
        "{secret} may not be read: the function's role needs secretsmanager:GetSecretValue on it and, where a \
         customer managed key encrypts it, kms:Decrypt on that key"
    )]
    AccessDenied {
        /// The secret.
        secret: SecretName,
    },
    /// The key that encrypts the secret is gone or switched off.
    #[error(
        "{secret} cannot be decrypted: its KMS key must exist and be enabled, and the function's role needs \
         kms:Decrypt on it"
    )]
    Decryption {
        /// The secret.
        secret: SecretName,
    },
    /// The secret was stored as bytes.
    #[error("{secret} is binary: store the JSON as its text (SecretString)")]
    Binary {
        /// The secret.
        secret: SecretName,
    },
    /// Secrets Manager refuses for another reason, such as a secret that is marked for deletion.
    #[error("{secret} cannot be read: Secrets Manager answered {code}")]
    Rejected {
        /// The secret.
        secret: SecretName,
        /// AWS's name of the error.
        code: String,
    },
    /// Secrets Manager did not answer, or asked to come back later.
    #[error("{secret} cannot be read now: Secrets Manager {problem}")]
    Unavailable {
        /// The secret.
        secret: SecretName,
        /// What was seen of it.
        problem: String,
        /// The network's own words.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

impl Error {
    /// Returns the stable name that alarms and retries see.
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::NotJson { .. }
            | Self::NotAnObject { .. }
            | Self::Missing { .. }
            | Self::Invalid { .. }
            | Self::Unknown { .. }
            | Self::NoEnvironment { .. }
            | Self::Binary { .. } => "InvalidSecret",
            Self::NotFound { .. } => "SecretNotFound",
            Self::AccessDenied { .. } => "SecretAccessDenied",
            Self::Decryption { .. } => "SecretDecryptionFailed",
            Self::Rejected { .. } => "SecretRejected",
            Self::Unavailable { .. } => "SecretsManagerUnavailable",
        }
    }

    /// Returns whether the same call may succeed a little later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
