//! The Entra ID token of the application: cached, renewed early, one request for all who wait.

use super::call::Odd;
use super::entra_advice::{Culprit, Refused};
use super::error::Error;
use super::held::Held;
use super::json::{self, Row};
use super::token_giver::Giver;
use super::{body, odata, retry};
use crate::config::{Credential, Destination, IdentityError, Proof, Secrets, Settings};
use crate::time::Fence;
use chrono::Utc;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long before its end a token is renewed: longer than any call with its retries is likely to wait.
const RENEWAL_MARGIN: Duration = Duration::from_mins(5);
/// How long one token request may take; Entra ID usually answers within a second.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer with a token: one takes 2 KB, with many groups and roles some 10.
const LARGEST_TOKEN: usize = 64 * 1_024;
/// How often Entra ID is asked before the run fails; the invocation is tried again later anyway.
const TOKEN_TRIES: u32 = 6;

/// Keeps the token for the next run of a warm function; cheap to clone, all clones hold the same token.
#[derive(Clone, Default)]
pub struct TokenCache(Arc<Mutex<Option<Token>>>);

/// A token as it is sent; never printed.
#[derive(Clone)]
pub(super) struct Token {
    /// `Bearer ...`, marked as sensitive.
    pub(super) header: HeaderValue,
    /// Whom it was given to, and for what.
    owner: String,
    renew_at: Instant,
}

/// Asks Entra ID for tokens by the client credentials grant.
///
/// Microsoft: <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>
pub(super) struct Entra {
    http: reqwest::Client,
    fence: Fence,
    secrets: Secrets,
    scope: String,
    destination: Destination,
    cache: TokenCache,
    held: Mutex<Held>,
}

/// What is sent to show that it is the application that asks.
type Shown = Vec<(&'static str, SecretString)>;

/// Why one request gave no token.
enum Miss {
    Refused(Refused),
    Unproven(Error),
    NotNow {
        giver: Giver,
        reason: String,
        retry_after: Option<Duration>,
    },
}

impl Entra {
    pub(super) fn new(
        http: reqwest::Client,
        settings: &Settings,
        secrets: Secrets,
        fence: Fence,
        cache: TokenCache,
    ) -> Self {
        Self {
            http,
            fence,
            secrets,
            scope: settings.destination.organization.scope(),
            destination: settings.destination.clone(),
            cache,
            held: Mutex::new(Held::new(settings.credential.clone())),
        }
    }

    /// Returns the cached token, or a new one where it is missing or about to end.
    pub(super) async fn token(&self) -> Result<Token, Error> {
        let mut cached = self.cache.0.lock().await;
        let mut held = self.held.lock().await;
        let owner = self.owner(&held.credential);
        match cached.as_ref() {
            Some(token) if token.owner == owner && Instant::now() < token.renew_at => Ok(token.clone()),
            _ => self.renewed(&mut cached, &mut held).await,
        }
    }

    /// Returns a token other than the one that was not accepted; whoever comes second gets what the first one fetched.
    pub(super) async fn other_than(&self, stale: &Token) -> Result<Token, Error> {
        let mut cached = self.cache.0.lock().await;
        let mut held = self.held.lock().await;
        match cached.as_ref() {
            Some(token) if token.owner == stale.owner && token.header != stale.header => Ok(token.clone()),
            _ => self.renewed(&mut cached, &mut held).await,
        }
    }

    /// Fetches a token whatever is cached: only this shows that the credential works now.
    pub(super) async fn fresh(&self) -> Result<Token, Error> {
        let mut cached = self.cache.0.lock().await;
        let mut held = self.held.lock().await;
        self.renewed(&mut cached, &mut held).await
    }

    /// Returns whether another certificate of the secret is shown than the one that ends last, which the app registration does not
    /// know.
    pub(super) async fn shows_another_certificate(&self) -> bool {
        self.held.lock().await.shows_another_certificate
    }

    async fn renewed(&self, cached: &mut Option<Token>, held: &mut Held) -> Result<Token, Error> {
        *cached = None;
        let token = self.granted(held).await?;
        *cached = Some(token.clone());
        Ok(token)
    }

    /// Asks until there is a token, a refusal, or no patience left; a refused secret is read again once.
    async fn granted(&self, held: &mut Held) -> Result<Token, Error> {
        let mut tries = 0;
        let mut last = None;
        loop {
            let passed = self.fence.pass().await;
            let left = passed.map_err(|closed| Error::from(closed).since(last.clone()))?;
            let timeout = left.min(TOKEN_TIMEOUT);
            tries += 1;
            match self.ask(&held.credential, timeout).await {
                Ok(token) => return Ok(token),
                Err(Miss::Refused(refused)) => self.show_something_else(held, &refused).await?,
                Err(Miss::Unproven(error)) => return Err(error),
                Err(Miss::NotNow { giver, reason, .. }) if tries >= TOKEN_TRIES => {
                    return Err(giver.is_unavailable(tries, reason));
                }
                Err(Miss::NotNow {
                    giver,
                    reason,
                    retry_after,
                }) => {
                    let backoff = retry::BACKOFF.jittered(tries);
                    let wait = retry_after.map_or(backoff, |asked| asked + backoff.min(Duration::from_secs(1)));
                    tracing::info!(
                        reason,
                        wait_ms = wait.as_millis(),
                        "{giver} gave no token, asking again"
                    );
                    let no_token = giver.gave_no_token_yet(&reason, retry_after);
                    let slept = self.fence.sleep(wait).await;
                    slept.map_err(|closed| Error::from(closed).since(Some(no_token.clone())))?;
                    last = Some(no_token);
                }
            }
        }
    }

    /// Takes up what else may be shown where Entra ID refused what was: another certificate of the secret, or what it holds by
    /// now. Fails where there is nothing else.
    async fn show_something_else(&self, held: &mut Held, refused: &Refused) -> Result<(), Error> {
        let code = refused.code();
        if held.show_another_certificate(refused) {
            tracing::warn!(
                code,
                "the app registration does not know the certificate that ends last; another one of the secret is shown"
            );
            return Ok(());
        }
        if !refused.is_about(&held.credential.proof) || !held.read_again() {
            return Err(self.refusal(&held.credential, refused));
        }
        tracing::warn!(code, "Entra ID refused what stands in the secret: reading it again");
        let read = self.secrets.rotated_credential(&self.destination).await;
        held.show(read.map_err(Box::new)?);
        Ok(())
    }

    async fn ask(&self, credential: &Credential, timeout: Duration) -> Result<Token, Miss> {
        // The lifetime counts from before the request, so that a slow answer makes it shorter, never longer.
        let asked_at = Instant::now();
        let shown = tokio::time::timeout(timeout, self.proof(credential));
        let shown = shown
            .await
            .map_err(|_| gave_none(Giver::Sts, "no answer in time".to_owned()))??;
        let mut form = vec![
            ("client_id", credential.client_id.as_str()),
            ("scope", &self.scope),
            ("grant_type", "client_credentials"),
        ];
        form.extend(shown.iter().map(|(field, value)| (*field, value.expose_secret())));
        let response = self
            .http
            .post(token_url(credential))
            .form(&form)
            .timeout(timeout)
            .send()
            .await
            .map_err(not_now)?;
        let status = response.status();
        let retry_after = super::client::retry_after(response.headers());
        if status.is_success() {
            let body = body::whole(response, LARGEST_TOKEN)
                .await
                .map_err(|error| match error {
                    body::Error::Broken(error) => not_now(error),
                    body::Error::TooLarge => gave_none(Giver::Entra, "an answer larger than any token".to_owned()),
                })?;
            let read = self.read_token(credential, &body, asked_at);
            return read.map_err(|reason| gave_none(Giver::Entra, reason));
        }
        let refused = if status.is_redirection() {
            Refused::elsewhere()
        } else {
            Refused::read(&body::beginning(response).await)
        };
        if status.is_server_error() || matches!(status.as_u16(), 408 | 429) || refused.is_transient() {
            let code = refused.code().map(|code| format!(" ({code})")).unwrap_or_default();
            return Err(Miss::NotNow {
                giver: Giver::Entra,
                reason: format!("HTTP {}{code}", status.as_u16()),
                retry_after,
            });
        }
        Err(Miss::Refused(refused))
    }

    /// Makes what shows that it is the application that asks.
    async fn proof(&self, credential: &Credential) -> Result<Shown, Miss> {
        const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let assertion = match &credential.proof {
            Proof::ClientSecret { value, .. } => return Ok(vec![("client_secret", value.clone())]),
            Proof::Certificate(certificate) => certificate
                .assertion(&credential.client_id, &token_url(credential), Utc::now())
                .ok_or_else(|| gave_none(Giver::Entra, "the certificate's key signed nothing".to_owned()))?,
            Proof::AwsIdentity => self.secrets.identity().token().await.map_err(|error| match error {
                IdentityError::NotNow(reason) => gave_none(Giver::Sts, reason),
                IdentityError::Refused { advice, code } => Miss::Unproven(Error::TokenIssuerRefused { advice, code }),
            })?,
        };
        Ok(vec![
            ("client_assertion_type", TYPE.into()),
            ("client_assertion", assertion),
        ])
    }

    fn read_token(&self, credential: &Credential, body: &[u8], asked_at: Instant) -> Result<Token, String> {
        let (token, lifetime) = granted(body).map_err(|odd| match odd {
            Odd::Unexpected(what) => format!("an answer without a token: {what}"),
            Odd::Unreadable(reason) => reason,
        })?;
        let mut header = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| "an answer without a token: `access_token` is none".to_owned())?;
        header.set_sensitive(true);
        Ok(Token {
            header,
            owner: self.owner(credential),
            renew_at: asked_at + time_of_use(lifetime),
        })
    }

    fn refusal(&self, credential: &Credential, refused: &Refused) -> Error {
        let (culprit, advice) = refused.advice(&credential.proof);
        let secret_id = match culprit {
            Culprit::Credential => &credential.secret_id,
            Culprit::Destination => &self.destination.secret_id,
        };
        Error::EntraRefused {
            secret_id: secret_id.clone(),
            advice: advice.to_owned(),
            code: refused.code(),
        }
    }

    fn owner(&self, credential: &Credential) -> String {
        format!("{} {} {}", token_url(credential), credential.client_id, self.scope)
    }
}

fn token_url(credential: &Credential) -> String {
    let authority = credential.authority.as_str().trim_end_matches('/');
    format!(
        "{authority}/{}/oauth2/v2.0/token",
        odata::encoded(&credential.tenant_id)
    )
}

/// Reads the token and how long it lives; a token of another type, or one that has ended already, is none.
fn granted(body: &[u8]) -> Result<(String, Duration), Odd> {
    let granted = Row::of(json::value(body)?)?;
    let token = granted.text("access_token")?;
    if token.trim().is_empty() {
        return Err(Odd::Unexpected("`access_token` is empty".to_owned()));
    }
    if !granted.text("token_type")?.eq_ignore_ascii_case("Bearer") {
        return Err(Odd::Unexpected("`token_type` is not Bearer".to_owned()));
    }
    let seconds = granted.count_or_digits("expires_in")?;
    if seconds == 0 {
        return Err(Odd::Unexpected("`expires_in` is 0".to_owned()));
    }
    Ok((token.to_owned(), Duration::from_secs(seconds).min(retry::A_DAY)))
}

fn gave_none(giver: Giver, reason: String) -> Miss {
    Miss::NotNow {
        giver,
        reason,
        retry_after: None,
    }
}

/// How long a token is used: short-lived ones get a smaller margin, else every call would fetch its own.
fn time_of_use(lifetime: Duration) -> Duration {
    lifetime.saturating_sub(RENEWAL_MARGIN.min(lifetime / 4))
}

fn not_now(error: reqwest::Error) -> Miss {
    gave_none(Giver::Entra, super::client::transport_reason(error))
}

impl std::fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenCache(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bearer_token_that_lives_is_one() {
        let answer = |field: &str, value: serde_json::Value| {
            let mut answer = serde_json::json!({"token_type": "Bearer", "expires_in": 3_599, "access_token": "secret"});
            answer[field] = value;
            granted(answer.to_string().as_bytes()).map(|(token, lifetime)| (token, lifetime.as_secs()))
        };
        for (field, value, lifetime) in [
            ("expires_in", 3_599.into(), 3_599),
            ("expires_in", "3599".into(), 3_599),
            ("expires_in", u64::MAX.into(), 86_400),
            ("token_type", "bearer".into(), 3_599),
            ("ext_expires_in", serde_json::Value::Null, 3_599),
        ] {
            assert!(matches!(answer(field, value), Ok((token, lives)) if token == "secret" && lives == lifetime));
        }
        for (field, value, expected) in [
            ("expires_in", 0.into(), "`expires_in` is 0"),
            ("expires_in", (-5).into(), "`expires_in` is no count"),
            ("expires_in", "soon".into(), "`expires_in` is no count"),
            ("expires_in", serde_json::Value::Null, "`expires_in` is null"),
            ("token_type", "pop".into(), "`token_type` is not Bearer"),
            ("token_type", serde_json::Value::Null, "`token_type` is null"),
            ("access_token", " ".into(), "`access_token` is empty"),
            ("access_token", 7.into(), "`access_token` is no text"),
        ] {
            let said = answer(field, value);
            assert!(
                matches!(&said, Err(Odd::Unexpected(what)) if what == expected),
                "{expected}"
            );
        }
    }

    #[test]
    fn a_token_is_renewed_early_and_a_short_one_still_used() {
        for (lifetime, used) in [(3_599, 3_299.0), (86_399, 86_099.0), (600, 450.0), (4, 3.0), (0, 0.0)] {
            let used = Duration::from_secs_f64(used);
            assert_eq!(time_of_use(Duration::from_secs(lifetime)), used);
        }
    }
}
