//! The way to AWS Secrets Manager.

use super::{Credential, CredentialSource, Destination, Error};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use secrecy::{ExposeSecret, SecretString};

/// The secrets of one destination in AWS Secrets Manager, read anew on every call: a rotation needs no redeploy.
#[derive(Clone, Debug)]
pub struct Secrets {
    client: Client,
    destination_secret_id: String,
}

impl Secrets {
    /// Keeps the client and the name or ARN of the destination secret.
    pub fn new(client: Client, destination_secret_id: impl Into<String>) -> Self {
        Self {
            client,
            destination_secret_id: destination_secret_id.into(),
        }
    }

    /// Reads the destination secret.
    pub async fn destination(&self) -> Result<Destination, Error> {
        let text = self.text(&self.destination_secret_id).await?;
        Destination::parse(&self.destination_secret_id, text.expose_secret())
    }

    /// Reads the credential of the destination; one that is inline was read with it.
    pub async fn credential(&self, destination: &Destination) -> Result<Credential, Error> {
        match &destination.credential {
            CredentialSource::Inline(credential) => Ok(Credential::clone(credential)),
            CredentialSource::Secret(secret_id) => {
                let text = self.text(secret_id).await?;
                Credential::parse(secret_id, text.expose_secret(), &destination.organization)
            }
        }
    }

    /// Reads the credential once more, inline or not, for a client secret that was rotated during the run.
    pub async fn rotated_credential(&self, destination: &Destination) -> Result<Credential, Error> {
        match &destination.credential {
            CredentialSource::Secret(_) => self.credential(destination).await,
            CredentialSource::Inline(_) => self.credential(&self.destination().await?).await,
        }
    }

    async fn text(&self, secret_id: &str) -> Result<SecretString, Error> {
        let answer = self.client.get_secret_value().secret_id(secret_id).send().await;
        let value = answer.map_err(|error| failure(secret_id, error))?;
        match value.secret_string {
            Some(text) => Ok(text.into()),
            None => Err(Error::Binary {
                secret: secret_id.into(),
            }),
        }
    }
}

/// Sorts the SDK's errors by what a person can do; an answer that the SDK could not read is dropped, since it may hold the secret.
fn failure(secret_id: &str, error: SdkError<GetSecretValueError>) -> Error {
    let secret = secret_id.to_owned();
    let code = error.code().unwrap_or("an error without a code").to_owned();
    let status = error.raw_response().map(|response| response.status().as_u16());
    match error {
        SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) => Error::Unavailable {
            secret,
            problem: "did not answer".into(),
            source: error.into_source().ok(),
        },
        SdkError::ServiceError(_) => match code.as_str() {
            "ResourceNotFoundException" => Error::NotFound { secret },
            "AccessDeniedException" | "AccessDenied" => Error::AccessDenied { secret },
            "DecryptionFailure" => Error::Decryption { secret },
            "InternalServiceError" | "ThrottlingException" => unavailable(secret, code),
            _ if status.is_some_and(|status| status >= 500 || status == 429) => unavailable(secret, code),
            _ => Error::Rejected { secret, code },
        },
        _ => unavailable(secret, "an answer that cannot be read".into()),
    }
}

fn unavailable(secret: String, answer: String) -> Error {
    Error::Unavailable {
        secret,
        problem: format!("answered {answer}"),
        source: None,
    }
}
