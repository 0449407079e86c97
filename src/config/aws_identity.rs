//! The way to AWS STS: the function's own identity, as a token that Entra ID can be told to trust.

use crate::aws::bounded;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::get_web_identity_token::GetWebIdentityTokenError;
use aws_sdk_sts::{Client, Config};
use secrecy::SecretString;

/// The audience of tokens for Entra ID. Microsoft:
/// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-create-trust>
const AUDIENCE: &str = "api://AzureADTokenExchange";
/// The algorithm that Entra ID verifies; STS knows ES384 beside it.
const ALGORITHM: &str = "RS256";
/// How long a token is good for, in seconds: it is sent at once.
const LIFETIME: i32 = 300;

/// The identity that AWS gives the function.
#[derive(Clone, Debug)]
pub struct AwsIdentity(Config);

/// Why there is no token for it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// AWS does not give one, whoever asks again.
    #[error("{advice}")]
    Refused {
        /// What is wrong and what to do.
        advice: &'static str,
        /// The error's name, where AWS gave one.
        code: Option<String>,
    },
    /// AWS may give one a little later.
    #[error("{0}")]
    NotNow(String),
}

impl AwsIdentity {
    /// Keeps what STS is asked with. The client is built once it is asked: most functions sign in with a secret and never do.
    pub const fn new(config: Config) -> Self {
        Self(config)
    }

    /// Asks for a token that Entra ID takes for an application which trusts this identity.
    pub async fn token(&self) -> Result<SecretString, IdentityError> {
        let asked = Client::from_conf(self.0.clone())
            .get_web_identity_token()
            .audience(AUDIENCE)
            .signing_algorithm(ALGORITHM)
            .duration_seconds(LIFETIME);
        let answer = Box::pin(asked.send()).await.map_err(|error| failure(&error))?;
        let token = answer.web_identity_token.filter(|token| !token.is_empty());
        token
            .map(Into::into)
            .ok_or_else(|| IdentityError::NotNow("an answer without one".to_owned()))
    }
}

/// Sorts the SDK's errors by what a person can do; an answer that it could not read is dropped, since it may hold a token.
fn failure(error: &SdkError<GetWebIdentityTokenError>) -> IdentityError {
    let is_code = |code: &&str| code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let status = error.raw_response().map(|response| response.status().as_u16());
    let code = error.code().filter(is_code).unwrap_or_default().to_owned();
    let is_passing = status.is_some_and(|status| status >= 500 || status == 429) || code.starts_with("Throttling");
    match error {
        _ if bounded::is_too_large(error) => IdentityError::NotNow(bounded::TOO_LARGE.to_owned()),
        SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) => IdentityError::NotNow("no answer".to_owned()),
        SdkError::ServiceError(_) if is_passing => IdentityError::NotNow(answered(status, &code)),
        SdkError::ServiceError(_) => IdentityError::Refused {
            advice: advice(&code),
            code: Some(code).filter(|code| !code.is_empty()),
        },
        _ => IdentityError::NotNow("an answer that cannot be read".to_owned()),
    }
}

/// Says what STS answered that may be otherwise a little later.
fn answered(status: Option<u16>, code: &str) -> String {
    let status = status.map(|status| format!("HTTP {status}")).unwrap_or_default();
    match code {
        "" => status,
        code => format!("{status} ({code})"),
    }
}

fn advice(code: &str) -> &'static str {
    match code {
        "OutboundWebIdentityFederationDisabled" | "OutboundWebIdentityFederationDisabledException" => {
            "this AWS account gives no tokens for its identities; switch them on once with `aws iam \
             enable-outbound-web-identity-federation`"
        }
        "AccessDenied" | "AccessDeniedException" => {
            "the function's role may not call sts:GetWebIdentityToken; deploy with the parameter Federation=aws, and see whether a \
             policy of the organization or a permissions boundary forbids it"
        }
        "RegionDisabledException" | "RegionDisabled" => {
            "AWS STS is switched off in the function's region; switch it on in the account's settings of IAM"
        }
        _ => {
            "it was refused; look the code up in the documentation of AWS STS, GetWebIdentityToken, or give a `client_secret` or a \
             `certificate` instead of `federation`"
        }
    }
}
