//! STS: tokens for the function's own identity, in the query protocol.

use super::assertion::Trust;
use super::faults::Fault;
use super::front::{Front, Logged};
use super::server::{Answer, Call, Dropped};
use super::{ACCOUNT, REGION};
use axum::body::Body;
use axum::http::{Response, StatusCode, header};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use uuid::Uuid;

/// The key that the account's tokens are signed with.
static KEY: LazyLock<KeyPair> = LazyLock::new(|| {
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).expect("the library makes RSA keys")
});

/// The function's role.
pub const ROLE: &str = "arn:aws:iam::123456789012:role/segment-loader";

/// The sandbox's STS; it gives tokens once outbound federation is switched on.
#[derive(Clone)]
pub struct Sts {
    inner: Arc<Inner>,
}

struct Inner {
    front: Front,
    /// Where the account's identities are looked up.
    issuer: Mutex<Option<String>>,
}

impl Sts {
    pub(super) fn new() -> Self {
        Self {
            inner: Arc::new(Inner {
                front: Front::new(error_body),
                issuer: Mutex::default(),
            }),
        }
    }

    /// Switches tokens for the account's identities on, and returns what an application has to trust.
    pub fn enable(&self) -> Trust {
        let issuer = format!("https://{}.tokens.sts.global.api.aws", Uuid::new_v4());
        *self.issuer() = Some(issuer.clone());
        Trust {
            issuer,
            subject: ROLE.to_owned(),
            public_key: KEY.public_key_raw().to_vec(),
        }
    }

    /// Adds a fault rule; the operation is `GetWebIdentityToken`.
    pub fn fault(&self, fault: Fault) {
        self.inner.front.fault(fault);
    }

    /// Returns the requests so far.
    pub fn requests(&self) -> Vec<Logged> {
        self.inner.front.requests()
    }

    pub(super) async fn serve(self, call: Call) -> Result<Answer, Dropped> {
        let form: BTreeMap<String, String> = url::form_urlencoded::parse(&call.body).into_owned().collect();
        let action = form.get("Action").cloned().unwrap_or_default();
        let answer = async |_| Ok(self.answer(&action, &form));
        self.inner.front.serve(&action, call, answer).await
    }

    fn answer(&self, action: &str, form: &BTreeMap<String, String>) -> Answer {
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        if action != "GetWebIdentityToken" {
            return failed("InvalidAction", "no such action");
        }
        let seconds: u64 = field("DurationSeconds").parse().unwrap_or(300);
        if field("SigningAlgorithm") != "RS256"
            || field("Audience.member.1").is_empty()
            || !(60..=3600).contains(&seconds)
        {
            return failed("ValidationError", "audience, algorithm or duration");
        }
        let Some(issuer) = self.issuer().clone() else {
            return failed(
                "OutboundWebIdentityFederationDisabled",
                "it is not enabled for this account",
            );
        };
        let now = get_current_timestamp();
        let claims = json!({
            "iss": issuer, "sub": ROLE, "aud": field("Audience.member.1"), "iat": now, "nbf": now, "exp": now + seconds,
            "jti": Uuid::new_v4().to_string(),
            "https://sts.amazonaws.com/": {"aws_account": ACCOUNT, "source_region": REGION, "principal_id": ROLE},
        });
        let key = EncodingKey::from_rsa_pem(KEY.serialize_pem().as_bytes()).expect("the key is RSA in PEM");
        let token = encode(&Header::new(Algorithm::RS256), &claims, &key).expect("the claims can be signed");
        xml(
            StatusCode::OK,
            format!(
                "<GetWebIdentityTokenResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetWebIdentityTokenResult>\
                 <WebIdentityToken>{token}</WebIdentityToken><Expiration>2099-01-01T00:00:00Z</Expiration>\
                 </GetWebIdentityTokenResult><ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata>\
                 </GetWebIdentityTokenResponse>",
                Uuid::new_v4()
            ),
        )
    }

    fn issuer(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.inner.issuer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(code: &str, message: &str) -> Answer {
    let (_, body) = error_body(code, message);
    xml(StatusCode::BAD_REQUEST, body)
}

fn xml(status: StatusCode, body: String) -> Answer {
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = status;
    let kind = "text/xml".parse().expect("the type is a valid header value");
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer
}

fn error_body(code: &str, message: &str) -> (&'static str, String) {
    let body = format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>{code}</Code>\
         <Message>{message}</Message></Error><RequestId>{}</RequestId></ErrorResponse>",
        Uuid::new_v4()
    );
    ("text/xml", body)
}
