//! The way to what the function signs in with: AWS Secrets Manager, and its own identity.

use super::{AwsIdentity, Credential, CredentialSource, Destination, Error, SecretName};
use crate::aws::bounded;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use secrecy::{ExposeSecret, SecretString};

/// The secrets of one destination in AWS Secrets Manager, read anew on every call: a rotation needs no redeploy.
#[derive(Clone, Debug)]
pub struct Secrets {
    client: Client,
    identity: AwsIdentity,
    destination_secret_id: String,
}

impl Secrets {
    /// Keeps the client, the function's own identity, and the name or ARN of the destination secret.
    pub fn new(client: Client, identity: AwsIdentity, destination_secret_id: impl Into<String>) -> Self {
        Self {
            client,
            identity,
            destination_secret_id: destination_secret_id.into(),
        }
    }

    /// Returns the function's own identity, which may stand in for a secret.
    pub(crate) const fn identity(&self) -> &AwsIdentity {
        &self.identity
    }

    /// Reads the destination secret.
    pub async fn destination(&self) -> Result<Destination, Error> {
        let text = self
            .text(&self.destination_secret_id, self.destination_secret_id.as_str().into())
            .await?;
        Destination::parse(&self.destination_secret_id, text.expose_secret())
    }

    /// Reads the credential of the destination; one that is inline was read with it.
    pub async fn credential(&self, destination: &Destination) -> Result<Credential, Error> {
        match &destination.credential {
            CredentialSource::Inline(credential) => Ok(Credential::clone(credential)),
            CredentialSource::Secret(secret_id) => {
                let name = SecretName::CredentialOf(destination.secret_id.clone());
                let text = self.text(secret_id, name).await?;
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

    async fn text(&self, secret_id: &str, name: SecretName) -> Result<SecretString, Error> {
        let answer = self.client.get_secret_value().secret_id(secret_id).send().await;
        let value = match answer {
            Ok(value) => value,
            Err(error) => return Err(failure(name, error)),
        };
        match (value.secret_string, value.secret_binary) {
            (Some(text), _) => Ok(text.into()),
            (None, Some(_)) => Err(Error::Binary { secret: name }),
            (None, None) => Err(unavailable(name, "without a value")),
        }
    }
}

/// Sorts the SDK's errors by what a person can do.
///
/// An answer that the SDK could not read is dropped, since it may hold the secret.
fn failure(secret: SecretName, error: SdkError<GetSecretValueError>) -> Error {
    if bounded::is_too_large(&error) {
        return Error::Unavailable {
            secret,
            problem: format!("gave {}", bounded::TOO_LARGE),
            source: None,
        };
    }
    let is_code = |code: &&str| code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let code = error
        .code()
        .filter(is_code)
        .unwrap_or("an error without a code")
        .to_owned();
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
            "InternalServiceError" | "ThrottlingException" => unavailable(secret, &code),
            _ if status.is_some_and(|status| status >= 500 || status == 429) => unavailable(secret, &code),
            _ => Error::Rejected { secret, code },
        },
        _ => unavailable(secret, "something that cannot be read"),
    }
}

fn unavailable(secret: SecretName, answer: &str) -> Error {
    Error::Unavailable {
        secret,
        problem: format!("answered {answer}"),
        source: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Proof;
    use aws_sdk_secretsmanager::config::retry::RetryConfig;
    use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region};
    use axum::Router;
    use axum::http::StatusCode;
    use serde_json::{Value, json};
    use std::collections::HashMap;
    use std::net::SocketAddr;

    fn client(address: SocketAddr) -> Client {
        let config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-central-1"))
            .credentials_provider(Credentials::new("id", "key", None, None, "test"))
            .endpoint_url(format!("http://{address}"))
            .retry_config(RetryConfig::disabled())
            .build();
        Client::from_conf(config)
    }

    fn nobody() -> AwsIdentity {
        let config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .build();
        AwsIdentity::new(config)
    }

    /// Serves one answer per secret id over HTTP and returns the way to it.
    async fn secrets(answers: impl IntoIterator<Item = (&'static str, u16, Value)>) -> Secrets {
        let answers: HashMap<_, _> = answers
            .into_iter()
            .map(|(id, status, body)| (id.to_owned(), (StatusCode::from_u16(status).unwrap(), body.to_string())))
            .collect();
        let answer = move |body: String| async move {
            let request: Value = serde_json::from_str(&body).unwrap();
            answers[request["SecretId"].as_str().unwrap()].clone()
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async { axum::serve(listener, Router::new().fallback(answer)).await });
        Secrets::new(client(address), nobody(), "destination")
    }

    fn text(secret: &Value) -> Value {
        json!({"Name": "any", "SecretString": secret.to_string()})
    }

    fn credential() -> Value {
        json!({"tenant_id": "a.b", "client_id": "66666666-7777-8888-9999-aaaaaaaaaaaa", "client_secret": "s"})
    }

    #[tokio::test]
    async fn a_destination_and_its_credential_are_read() {
        for (credential_field, secret_id) in [(json!("credential"), "credential"), (credential(), "destination")] {
            let destination =
                json!({"credential": credential_field, "environment_url": "https://socktown.crm4.dynamics.com"});
            let secrets = secrets([
                ("destination", 200, text(&destination)),
                ("credential", 200, text(&credential())),
            ])
            .await;
            let destination = secrets.destination().await.unwrap();
            for credential in [
                secrets.credential(&destination).await.unwrap(),
                secrets.rotated_credential(&destination).await.unwrap(),
            ] {
                assert_eq!(credential.secret_id, secret_id);
                assert!(matches!(&credential.proof, Proof::ClientSecret { value, .. } if value.expose_secret() == "s"));
                assert_eq!(credential.authority.as_str(), "https://login.microsoftonline.com/");
            }
        }
    }

    #[tokio::test]
    async fn every_refusal_has_its_own_name_and_names_the_secret() {
        for (status, body, error_type, words) in [
            (
                400,
                json!({"__type": "ResourceNotFoundException"}),
                "SecretNotFound",
                "does not exist",
            ),
            (
                400,
                json!({"__type": "AccessDeniedException"}),
                "SecretAccessDenied",
                "secretsmanager:GetSecretValue",
            ),
            (
                400,
                json!({"__type": "DecryptionFailure"}),
                "SecretDecryptionFailed",
                "kms:Decrypt",
            ),
            (
                400,
                json!({"__type": "InvalidRequestException"}),
                "SecretRejected",
                "InvalidRequestException",
            ),
            (
                400,
                json!({"__type": "ThrottlingException"}),
                "SecretsManagerUnavailable",
                "ThrottlingException",
            ),
            (
                500,
                json!({"__type": "InternalServiceError"}),
                "SecretsManagerUnavailable",
                "InternalServiceError",
            ),
            (503, json!({}), "SecretsManagerUnavailable", "cannot be read now"),
            (200, json!({"SecretBinary": "bGVhaw=="}), "InvalidSecret", "binary"),
            (
                200,
                json!({"SecretString": ["leak"]}),
                "SecretRejected",
                "cannot be read",
            ),
        ] {
            let secrets = secrets([("destination", status, body.clone())]).await;
            let error = secrets.destination().await.unwrap_err();
            let (shown, debug) = (error.to_string(), format!("{error:?}"));
            assert_eq!(error.error_type(), error_type, "{body}");
            assert_eq!(error.is_transient(), error_type == "SecretsManagerUnavailable");
            assert!(shown.contains("`destination`") && shown.contains(words), "{shown}");
            assert!(!shown.contains("leak") && !debug.contains("leak"), "{debug}");
        }
    }

    #[tokio::test]
    async fn what_stands_where_the_credentials_name_belongs_is_never_shown_before_it_is_known_to_be_a_name() {
        for (status, body, error_type) in [
            (400, json!({"__type": "ResourceNotFoundException"}), "SecretNotFound"),
            (400, json!({"__type": "AccessDeniedException"}), "SecretAccessDenied"),
            (400, json!({"__type": "DecryptionFailure"}), "SecretDecryptionFailed"),
            (
                400,
                json!({"__type": "ValidationException", "Message": "leak"}),
                "SecretRejected",
            ),
            (400, json!({"__type": "leak leak"}), "SecretRejected"),
            (500, json!({}), "SecretsManagerUnavailable"),
            (200, json!({}), "SecretsManagerUnavailable"),
            (200, json!({"SecretBinary": "bGVhaw=="}), "InvalidSecret"),
        ] {
            let pasted = "abc8Q_leak.leak-leakleakleakleakleakleak";
            let destination = json!({"credential": pasted, "environment_url": "https://socktown.crm4.dynamics.com"});
            let secrets = secrets([("destination", 200, text(&destination)), (pasted, status, body.clone())]).await;
            let destination = secrets.destination().await.unwrap();
            let error = secrets.credential(&destination).await.unwrap_err();
            assert_eq!(error.error_type(), error_type, "{body}");
            let told = format!("{error} {error:?} {destination:?} {:?}", destination.credential);
            assert!(
                told.contains("the secret that `credential` names in secret `destination`"),
                "{told}"
            );
            assert!(!told.contains("leak"), "{told}");
        }
    }

    #[tokio::test]
    async fn a_service_that_cannot_be_reached_is_transient() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let error = Secrets::new(client(address), nobody(), "destination")
            .destination()
            .await
            .unwrap_err();
        assert_eq!(error.error_type(), "SecretsManagerUnavailable");
        assert!(error.is_transient() && std::error::Error::source(&error).is_some());
    }
}
