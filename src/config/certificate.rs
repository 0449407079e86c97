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

/// The certificates of an app registration that were issued for one private key, and that key.
#[derive(Clone)]
pub struct Certificate {
    key: Arc<RsaKeyPair>,
    /// At least one; a renewal with the same key may stand beside the one that it replaces.
    issued: Vec<Issued>,
}

/// One certificate.
#[derive(Clone)]
struct Issued {
    /// SHA-256 of the certificate, by which Entra ID finds it.
    thumbprint: String,
    begins: DateTime<Utc>,
    ends: DateTime<Utc>,
}

impl Certificate {
    /// Reads a private key and its certificates from PEM; others, such as those that issued them, may stand beside them.
    ///
    /// Says what would be right where there is no such pair.
    pub(super) fn parse(pem: &str) -> Result<Self, &'static str> {
        let pem = plain(pem);
        let key = key(&pem)?;
        let (mut issued, mut others, mut unreadable) = (Vec::new(), 0_usize, 0_usize);
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            match certificate.ok().map(|der| Issued::read(&der, &key)) {
                Some(Ok(Some(fitting))) => issued.push(fitting),
                Some(Ok(None)) => others += 1,
                Some(Err(_)) | None => unreadable += 1,
            }
        }
        match (issued.len(), unreadable, others) {
            (1.., _, _) => Ok(Self {
                key: Arc::new(key),
                issued,
            }),
            (0, 1.., _) => Err("a PEM whose certificate can be read: export it again, as text with its line breaks"),
            (0, 0, 1..) => Err(
                "a PEM with a private key and the certificate that was issued for it: these two do not belong together",
            ),
            (0, 0, 0) => Err("a PEM with the certificate, too (BEGIN CERTIFICATE), behind its private key"),
        }
    }

    /// Returns the last day on which the last of them can be used.
    pub fn ends_on(&self) -> Option<NaiveDate> {
        Some(self.issued.iter().map(|issued| issued.ends).max()?.date_naive())
    }

    /// Returns the one to sign with at `now`: of those that are valid, the one that ends last.
    fn best(&self, now: DateTime<Utc>) -> Option<&Issued> {
        let issued = self.issued.iter();
        issued.max_by_key(|issued| (issued.is_valid(now), issued.ends))
    }

    /// Leaves out the one that signs at `now`, where Entra ID does not know it, perhaps not yet; `None` if no other is valid.
    pub(crate) fn without_best(&self, now: DateTime<Utc>) -> Option<Self> {
        let best = &self.best(now)?.thumbprint;
        let others = self.issued.iter();
        let others = others.filter(|issued| issued.is_valid(now) && issued.thumbprint != *best);
        let issued: Vec<_> = others.cloned().collect();
        (!issued.is_empty()).then(|| Self {
            key: Arc::clone(&self.key),
            issued,
        })
    }

    /// Signs that it is the application `client_id` that asks at the address `audience`.
    ///
    /// Microsoft: <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>. `None` if the key signs nothing.
    pub(crate) fn assertion(&self, client_id: &str, audience: &str, now: DateTime<Utc>) -> Option<SecretString> {
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = part(json!({"alg": "PS256", "typ": "JWT", "x5t#S256": self.best(now)?.thumbprint}));
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

impl Issued {
    fn is_valid(&self, now: DateTime<Utc>) -> bool {
        (self.begins..=self.ends).contains(&now)
    }

    /// Reads a certificate; `None` if it was issued for another key.
    fn read(der: &[u8], key: &RsaKeyPair) -> Result<Option<Self>, x509_cert::der::Error> {
        let read = x509_cert::Certificate::from_der(der)?;
        let content = read.tbs_certificate();
        let is_of_the_key =
            content.subject_public_key_info().subject_public_key.raw_bytes() == key.public_key().as_ref();
        let validity = content.validity();
        let at = |time: x509_cert::time::Time| DateTime::UNIX_EPOCH + time.to_unix_duration();
        Ok(is_of_the_key.then(|| Self {
            thumbprint: URL_SAFE_NO_PAD.encode(Sha256::digest(der)),
            begins: at(validity.not_before),
            ends: at(validity.not_after),
        }))
    }
}

/// Takes away what editors and shells put around the lines of a PEM: marks of the byte order, also where files were joined, and
/// blanks; and ends each line in the same way.
fn plain(pem: &str) -> String {
    let is_around = |c: char| c.is_whitespace() || c == '\u{feff}';
    let lines = pem.split(['\n', '\r']).map(|line| line.trim_matches(is_around));
    lines.collect::<Vec<_>>().join("\n")
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
