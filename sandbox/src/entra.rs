//! Entra ID: the token endpoint for client credentials, with its errors.

use super::assertion::{self, Known, Trust};
use super::certificate::Certificate;
use super::faults::Fault;
use super::front::{Front, Logged};
use super::server::{Answer, Call, Dropped, Server, detached, json};
use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// The tenant that exists.
pub const TENANT: &str = "11111111-aaaa-4bbb-8ccc-222222222222";
/// The application that exists.
pub const CLIENT: &str = "33333333-dddd-4eee-8fff-444444444444";
/// The application's secret until it is rotated; the characters need URL encoding.
pub const CLIENT_SECRET: &str = "Sandbox~Secret+/=&%.1";
/// What every token begins with, so that one in a log is recognised.
pub const TOKEN: &str = "sandbox-token-";

/// The sandbox's Entra ID.
#[derive(Clone)]
pub struct Entra {
    inner: Arc<Inner>,
}

struct Inner {
    front: Front,
    state: Mutex<State>,
}

struct State {
    tenants: BTreeSet<String>,
    client: String,
    /// The application's client secrets, and whether each is still valid.
    secrets: BTreeMap<String, bool>,
    /// Who may ask without one.
    known: Known,
    resources: BTreeSet<String>,
    lifetime: Duration,
    failure: Option<Failure>,
    tokens: BTreeMap<String, Token>,
}

struct Token {
    expires: Instant,
    audience: String,
}

/// What goes wrong with a request that is right in itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// AADSTS90002.
    UnknownTenant,
    /// AADSTS700016.
    UnknownClient,
    /// AADSTS7000215.
    WrongSecret,
    /// AADSTS7000222.
    ExpiredSecret,
    /// AADSTS7000218.
    NoCredential,
    /// AADSTS900144.
    MissingField,
    /// AADSTS70011.
    BadScope,
    /// AADSTS500011.
    UnknownResource,
    /// AADSTS500014.
    ResourceDisabled,
    /// AADSTS650057.
    ResourceNotListed,
    /// AADSTS7000112.
    ApplicationDisabled,
    /// AADSTS53003.
    ConditionalAccess,
    /// AADSTS70021.
    FederationMismatch,
    /// AADSTS700027.
    CertificateKeyNotFound,
    /// AADSTS700024.
    CertificateNotValidNow,
    /// AADSTS50027.
    MalformedAssertion,
    /// AADSTS700211.
    FederationIssuer,
    /// AADSTS700212.
    FederationAudience,
    /// AADSTS700213.
    FederationSubject,
    /// 429 with `Retry-After: 60`.
    Throttled,
    /// AADSTS90033.
    Transient,
}

impl Entra {
    pub(super) async fn start() -> (Self, Server) {
        let entra = Self {
            inner: Arc::new(Inner {
                front: Front::new(error_body),
                state: Mutex::new(State {
                    tenants: BTreeSet::from([TENANT.to_owned(), "socktown.onmicrosoft.com".to_owned()]),
                    client: CLIENT.to_owned(),
                    secrets: BTreeMap::from([(CLIENT_SECRET.to_owned(), true)]),
                    known: Known::default(),
                    resources: BTreeSet::new(),
                    // What Microsoft documents.
                    lifetime: Duration::from_secs(3599),
                    failure: None,
                    tokens: BTreeMap::new(),
                }),
            }),
        };
        let handler = entra.clone();
        let server = Server::start(move |call| detached(handler.clone().serve(call))).await;
        (entra, server)
    }

    /// Lets tokens be asked for this resource, the base URL of an organization.
    pub fn allow_resource(&self, url: &str) {
        self.state().resources.insert(url.trim_end_matches('/').to_owned());
    }

    /// Fails every request this way until told otherwise.
    pub fn fail_with(&self, failure: Option<Failure>) {
        self.state().failure = failure;
    }

    /// Gives every later token this lifetime.
    pub fn expires_in(&self, lifetime: Duration) {
        self.state().lifetime = lifetime;
    }

    /// Replaces the client secret; tokens issued before stay valid.
    pub fn rotate_secret(&self, secret: &str) {
        self.state().secrets = BTreeMap::from([(secret.to_owned(), true)]);
    }

    /// Lets every client secret have expired, and the tokens that they got; adds this one.
    pub fn expire_secrets(&self, next: &str) {
        let mut state = self.state();
        state.secrets.values_mut().for_each(|is_valid| *is_valid = false);
        state.secrets.insert(next.to_owned(), true);
        state.tokens.clear();
    }

    /// Lets every client secret be valid again that was added and not replaced.
    pub fn extend_secrets(&self) {
        self.state().secrets.values_mut().for_each(|is_valid| *is_valid = true);
    }

    /// Lets these certificates, and no others, sign for the application.
    pub fn certify(&self, certificates: &[Certificate]) {
        self.state().known.certify(certificates);
    }

    /// Lets an identity of another provider stand for the application.
    pub fn trust(&self, trust: Option<Trust>) {
        self.state().known.trust(trust);
    }

    /// Makes every token issued so far worthless.
    pub fn revoke_tokens(&self) {
        self.state().tokens.clear();
    }

    /// Adds a fault rule; the operation is `Token`, a code is the field `error`.
    pub fn fault(&self, fault: Fault) {
        self.inner.front.fault(fault);
    }

    /// Returns the requests so far.
    pub fn requests(&self) -> Vec<Logged> {
        self.inner.front.requests()
    }

    /// Forgets the requests so far.
    pub fn clear_log(&self) {
        self.inner.front.clear_log();
    }

    /// Says whether a bearer token is valid for this audience now.
    pub(super) fn accepts(&self, token: &str, audience: &str) -> bool {
        self.state()
            .tokens
            .get(token)
            .is_some_and(|token| token.audience == audience && Instant::now() < token.expires)
    }

    async fn serve(self, call: Call) -> Result<Answer, Dropped> {
        self.inner
            .front
            .serve("Token", call, async |call| Ok(self.answer(&call)))
            .await
    }

    fn answer(&self, call: &Call) -> Answer {
        let path = call.path();
        let tenant = path
            .strip_prefix('/')
            .and_then(|path| path.strip_suffix("/oauth2/v2.0/token"));
        let Some(tenant) = tenant.filter(|_| call.method == Method::POST) else {
            return super::server::empty(StatusCode::NOT_FOUND);
        };
        let form: BTreeMap<String, String> = url::form_urlencoded::parse(&call.body).into_owned().collect();
        let mut state = self.state();
        let host = call.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let endpoint = format!("http://{}{path}", host.unwrap_or_default());
        match state.check(tenant, &form, &endpoint) {
            Err((failure, detail)) => failure.answer(&detail),
            Ok(audience) => state.issue(audience),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Checks a request in the order in which Entra does, and returns the audience asked for.
    fn check(
        &self,
        tenant: &str,
        form: &BTreeMap<String, String>,
        endpoint: &str,
    ) -> Result<String, (Failure, String)> {
        if let Some(failure) = self.failure {
            return Err((failure, self.client.clone()));
        }
        let field = |name: &str| form.get(name).filter(|value| !value.is_empty()).cloned();
        let required = |name: &str| field(name).ok_or((Failure::MissingField, name.to_owned()));
        let grant = required("grant_type")?;
        let client = required("client_id")?;
        let scope = required("scope")?;
        if grant != "client_credentials" {
            return Err((Failure::MissingField, "grant_type".to_owned()));
        }
        if !self.tenants.contains(&tenant.to_ascii_lowercase()) {
            return Err((Failure::UnknownTenant, tenant.to_owned()));
        }
        if !client.eq_ignore_ascii_case(&self.client) {
            return Err((Failure::UnknownClient, client));
        }
        let audience = scope.strip_suffix("/.default").filter(|url| url.starts_with("http"));
        let Some(audience) = audience.filter(|url| !url.ends_with('/')) else {
            return Err((Failure::BadScope, scope));
        };
        if !self.resources.contains(audience) {
            return Err((Failure::UnknownResource, audience.to_owned()));
        }
        if let Some(assertion) = field("client_assertion") {
            let is_typed = field("client_assertion_type").is_some_and(|kind| kind == assertion::TYPE);
            if !is_typed || field("client_secret").is_some() {
                return Err((Failure::MalformedAssertion, client));
            }
            let checked = self.known.check(&assertion, endpoint, &client);
            return checked
                .map(|()| audience.to_owned())
                .map_err(|failure| (failure, client));
        }
        let Some(secret) = field("client_secret") else {
            return Err((Failure::NoCredential, client));
        };
        match self.secrets.get(&secret) {
            None => Err((Failure::WrongSecret, client)),
            Some(false) => Err((Failure::ExpiredSecret, client)),
            Some(true) => Ok(audience.to_owned()),
        }
    }

    fn issue(&mut self, audience: String) -> Answer {
        let token = format!("{TOKEN}{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let expires = Instant::now() + self.lifetime;
        self.tokens.insert(token.clone(), Token { expires, audience });
        json(
            StatusCode::OK,
            &json!({
                "token_type": "Bearer", "expires_in": self.lifetime.as_secs(),
                "ext_expires_in": self.lifetime.as_secs(), "access_token": token,
            }),
        )
    }
}

impl Failure {
    /// Returns status, `error`, AADSTS number and text.
    fn row(self, detail: &str) -> (u16, &'static str, u32, String) {
        match self {
            Self::UnknownTenant => (400, "invalid_request", 90002, format!(
                "Tenant '{detail}' not found. Check to make sure you have the correct tenant ID and are signing into the \
                 correct cloud. Check with your subscription administrator, this may happen if there are no active \
                 subscriptions for the tenant.")),
            Self::UnknownClient => (400, "unauthorized_client", 700_016, format!(
                "Application with identifier '{detail}' was not found in the directory 'Socktown'. This can happen if the \
                 application has not been installed by the administrator of the tenant.")),
            Self::WrongSecret => (401, "invalid_client", 7_000_215, format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, \
                 not the client secret ID, for a secret added to app '{detail}'.")),
            Self::ExpiredSecret => (401, "invalid_client", 7_000_222, format!(
                "The provided client secret keys for app '{detail}' are expired. Visit the Azure portal to create new \
                 keys for your app.")),
            Self::NoCredential => (401, "invalid_client", 7_000_218,
                "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.".to_owned()),
            Self::MissingField => (400, "invalid_request", 900_144, format!(
                "The request body must contain the following parameter: '{detail}'.")),
            Self::BadScope => (400, "invalid_scope", 70011, format!(
                "The provided value for the input parameter 'scope' is not valid. The scope {detail} is not valid.")),
            Self::UnknownResource => (400, "invalid_resource", 500_011, format!(
                "The resource principal named {detail} was not found in the tenant named Socktown. This can happen if the \
                 application has not been installed by the administrator of the tenant.")),
            Self::ResourceDisabled => (400, "invalid_resource", 500_014, format!(
                "The service principal for resource '{detail}' is disabled. This indicate that a subscription within the \
                 tenant has lapsed, or that the administrator for this tenant has disabled the application, preventing \
                 tokens from being issued for it.")),
            Self::ResourceNotListed => (401, "invalid_client", 650_057, format!(
                "Invalid resource. The client has requested access to a resource which is not listed in the requested \
                 permissions in the client's application registration. Client app ID: {detail}(socks).")),
            Self::ApplicationDisabled => (400, "unauthorized_client", 7_000_112, format!(
                "Application '{detail}' is disabled.")),
            Self::ConditionalAccess => (400, "invalid_grant", 53003,
                "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.".to_owned()),
            Self::FederationMismatch => (400, "invalid_request", 70021,
                "No matching federated identity record found for presented assertion.".to_owned()),
            Self::CertificateKeyNotFound => (401, "invalid_client", 700_027,
                "The certificate with identifier used to sign the client assertion is not registered on application.".to_owned()),
            Self::CertificateNotValidNow => (401, "invalid_client", 700_024,
                "Client assertion is not within its valid time range.".to_owned()),
            Self::MalformedAssertion => (401, "invalid_client", 50027, "JWT token is invalid or malformed.".to_owned()),
            Self::FederationIssuer => (401, "invalid_client", 700_211,
                "No matching federated identity record found for presented assertion issuer.".to_owned()),
            Self::FederationAudience => (401, "invalid_client", 700_212,
                "No matching federated identity record found for presented assertion audience.".to_owned()),
            Self::FederationSubject => (401, "invalid_client", 700_213,
                "No matching federated identity record found for presented assertion subject.".to_owned()),
            Self::Throttled => (429, "temporarily_unavailable", 90055, "The request was throttled.".to_owned()),
            Self::Transient => (503, "temporarily_unavailable", 90033,
                "A transient error has occurred. Please try again.".to_owned()),
        }
    }

    fn answer(self, detail: &str) -> Answer {
        let (status, error, number, text) = self.row(detail);
        let status = StatusCode::from_u16(status).expect("the table holds valid statuses");
        let mut answer = json(status, &body(error, number, &text));
        if self == Self::Throttled {
            let seconds = "60".parse().expect("digits are a valid header value");
            answer.headers_mut().insert("retry-after", seconds);
        }
        answer
    }
}

fn body(error: &str, number: u32, text: &str) -> Value {
    let (trace, correlation) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
    let timestamp = "2026-11-23 06:00:00Z";
    json!({
        "error": error,
        "error_description": format!(
            "AADSTS{number}: {text}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {timestamp}"
        ),
        "error_codes": [number], "timestamp": timestamp, "trace_id": trace, "correlation_id": correlation,
        "error_uri": format!("https://login.microsoftonline.com/error?code={number}"),
    })
}

fn error_body(code: &str, message: &str) -> (&'static str, String) {
    ("application/json", body(code, 50000, message).to_string())
}
