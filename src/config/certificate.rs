//! A certificate that signs the application in, with its private key.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{KeyPair, RSA_PSS_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::SecretString;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use uuid::Uuid;
use x509_cert::der::Decode;

/// How long an assertion can be used: Microsoft's own samples take five to ten minutes, and it is sent at once.
const LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// A certificate of an app registration, and the private key that it was issued for.
#[derive(Clone)]
pub struct Certificate {
    key: Arc<RsaKeyPair>,
    /// SHA-256 of the certificate, by which Entra ID finds it.
    thumbprint: String,
    ends: DateTime<Utc>,
}

impl Certificate {
    /// Reads a private key and its certificate from PEM; others, such as those that issued it, may stand beside it.
    ///
    /// Says what would be right where there is no such pair.
    pub(super) fn parse(pem: &str) -> Result<Self, &'static str> {
        let key = key(pem)?;
        let mut certificates = CertificateDer::pem_slice_iter(pem.as_bytes()).peekable();
        if certificates.peek().is_none() {
            return Err("a PEM with the certificate, too (BEGIN CERTIFICATE), behind its private key");
        }
        for certificate in certificates {
            const UNREADABLE: &str =
                "a PEM whose certificate can be read: export it again, as text with its line breaks";
            let der = certificate.map_err(|_| UNREADABLE)?;
            let read = x509_cert::Certificate::from_der(&der).map_err(|_| UNREADABLE)?;
            let content = read.tbs_certificate();
            if content.subject_public_key_info().subject_public_key.raw_bytes() == key.public_key().as_ref() {
                let ends = content.validity().not_after.to_unix_duration();
                return Ok(Self {
                    key: Arc::new(key),
                    thumbprint: URL_SAFE_NO_PAD.encode(Sha256::digest(&der)),
                    ends: DateTime::UNIX_EPOCH + ends,
                });
            }
        }
        Err("a PEM with a private key and the certificate that was issued for it: these two do not belong together")
    }

    /// Returns the last day on which it can be used.
    pub fn ends_on(&self) -> NaiveDate {
        self.ends.date_naive()
    }

    /// Signs that it is the application `client_id` that asks at the address `audience`.
    ///
    /// Microsoft: <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>. `None` if the key signs nothing.
    pub(crate) fn assertion(&self, client_id: &str, audience: &str, now: DateTime<Utc>) -> Option<SecretString> {
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = part(json!({"alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint}));
        let claims = part(json!({
            "aud": audience, "iss": client_id, "sub": client_id, "jti": Uuid::new_v4().to_string(),
            "iat": now.timestamp(), "nbf": now.timestamp(), "exp": (now + LIFETIME).timestamp(),
        }));
        let signed = format!("{header}.{claims}");
        let mut signature = vec![0; self.key.public_modulus_len()];
        let random = SystemRandom::new();
        self.key
            .sign(&RSA_PSS_SHA256, &random, signed.as_bytes(), &mut signature)
            .ok()?;
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
    }
}

fn key(pem: &str) -> Result<RsaKeyPair, &'static str> {
    if pem.contains("ENCRYPTED") {
        return Err(
            "a PEM whose private key is not encrypted, since the function has no passphrase: take it off with `openssl pkey`",
        );
    }
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| {
        "a PEM with a private key (BEGIN PRIVATE KEY) and its certificate, each line break as \\n: `jq -Rs` writes a file so"
    })?;
    let key = match &key {
        PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
        _ => return Err("a PEM with an RSA key: Entra ID takes no certificate of another kind"),
    };
    key.map_err(|_| "a PEM with an RSA key of 2,048 to 8,192 bits: Entra ID takes no certificate of another kind")
}
