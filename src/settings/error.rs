//! What can be wrong with a secret.

use std::borrow::Cow;

/// Tells why a secret cannot be used: which secret, which field, what to do; never a value.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is no JSON; the parser's own message would quote it.
    #[error("secret `{secret}` is not valid JSON (line {line}, column {column})")]
    NotJson {
        /// The secret.
        secret: String,
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// The JSON is a list, a string or a number.
    #[error("secret `{secret}` must hold a JSON object: {{\"name\": value, ...}}")]
    NotAnObject {
        /// The secret.
        secret: String,
    },
    /// A required field is not there, is null or is blank.
    #[error("secret `{secret}` lacks the field `{field}`: {advice}")]
    Missing {
        /// The secret.
        secret: String,
        /// The field.
        field: String,
        /// What the field holds or where to find it.
        advice: &'static str,
    },
    /// A field holds the wrong type of value or one that cannot be used.
    #[error("secret `{secret}`: the field `{field}` must be {expected}")]
    Invalid {
        /// The secret.
        secret: String,
        /// The field.
        field: String,
        /// What would be right.
        expected: Cow<'static, str>,
    },
    /// A field that this program does not know, most likely misspelled.
    #[error("secret `{secret}` has the unknown field {field:?}; known fields are {known}")]
    Unknown {
        /// The secret.
        secret: String,
        /// The field as written.
        field: String,
        /// The known ones, as a list for people.
        known: String,
    },
    /// Nothing says which environment is meant.
    #[error(
        "secret `{secret}` names no environment: give `environment_region` (such as `crm4`) and `environment_name` \
         (such as `socktown`), or `environment_url`"
    )]
    NoEnvironment {
        /// The secret.
        secret: String,
    },
    /// Secrets Manager knows no such secret.
    #[error("secret `{secret}` does not exist in this account and region: check the name or ARN, or create it")]
    NotFound {
        /// The secret.
        secret: String,
    },
    /// The function's role must not read the secret.
    #[error(
        "secret `{secret}` may not be read: the function's role needs secretsmanager:GetSecretValue on it and, where a \
         customer managed key encrypts it, kms:Decrypt on that key"
    )]
    AccessDenied {
        /// The secret.
        secret: String,
    },
    /// The key that encrypts the secret is gone or switched off.
    #[error(
        "secret `{secret}` cannot be decrypted: its KMS key must exist and be enabled, and the function's role needs \
         kms:Decrypt on it"
    )]
    Decryption {
        /// The secret.
        secret: String,
    },
    /// The secret was stored as bytes.
    #[error("secret `{secret}` is binary: store the JSON as its text (SecretString)")]
    Binary {
        /// The secret.
        secret: String,
    },
    /// Secrets Manager refuses for another reason, such as a secret that is marked for deletion.
    #[error("secret `{secret}` cannot be read: Secrets Manager answered {code}")]
    Rejected {
        /// The secret.
        secret: String,
        /// AWS's name of the error.
        code: String,
    },
    /// Secrets Manager did not answer, or asked to come back later.
    #[error("secret `{secret}` cannot be read now: Secrets Manager {problem}")]
    Unavailable {
        /// The secret.
        secret: String,
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

    /// Tells whether the same call may succeed a little later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
