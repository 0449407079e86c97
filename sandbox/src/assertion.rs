//! What stands in for a client secret: assertions that a certificate of the application or another identity provider signs.

use super::certificate::Certificate;
use super::entra::Failure;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use time::OffsetDateTime;

/// What every client assertion is sent as.
pub(super) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The audience of a token of another provider for Entra.
pub const AUDIENCE: &str = "api://AzureADTokenExchange";

/// An identity of another provider that the application trusts.
#[derive(Clone)]
pub struct Trust {
    /// Who signs for it.
    pub issuer: String,
    /// Whom it is about.
    pub subject: String,
    /// The issuer's public key: RSA, as PKCS#1.
    pub public_key: Vec<u8>,
}

/// Whom the application's registration knows.
#[derive(Default)]
pub(super) struct Known {
    certificates: BTreeMap<String, Certificate>,
    trust: Option<Trust>,
}

impl Known {
    pub(super) fn certify(&mut self, certificates: &[Certificate]) {
        let named = |certificate: &Certificate| (thumbprint(&certificate.der), certificate.clone());
        self.certificates = certificates.iter().map(named).collect();
    }

    pub(super) fn trust(&mut self, trust: Option<Trust>) {
        self.trust = trust;
    }

    /// Checks an assertion that was sent to the address `endpoint` for the application `client`.
    pub(super) fn check(&self, assertion: &str, endpoint: &str, client: &str) -> Result<(), Failure> {
        let header = decode_header(assertion).map_err(|_| Failure::MalformedAssertion)?;
        match header.x5t_s256 {
            Some(thumbprint) => self.check_signed(assertion, &thumbprint, endpoint, client),
            None => self.check_federated(assertion),
        }
    }

    fn check_signed(&self, assertion: &str, thumbprint: &str, endpoint: &str, client: &str) -> Result<(), Failure> {
        let known = self.certificates.get(thumbprint);
        let known = known.ok_or(Failure::CertificateKeyNotFound)?;
        if known.ends < OffsetDateTime::now_utc().unix_timestamp() {
            return Err(Failure::CertificateNotValidNow);
        }
        let validation = validation(Algorithm::PS256, endpoint, client, client);
        let key = DecodingKey::from_rsa_der(&known.public_key);
        let read = decode::<Value>(assertion, &key, &validation);
        let read = read.map_err(|error| match error.kind() {
            ErrorKind::ExpiredSignature | ErrorKind::ImmatureSignature => Failure::CertificateNotValidNow,
            ErrorKind::InvalidSignature | ErrorKind::InvalidAlgorithm => Failure::CertificateKeyNotFound,
            _ => Failure::MalformedAssertion,
        })?;
        let lives = read.claims["exp"].as_i64().zip(read.claims["nbf"].as_i64());
        match lives {
            Some((exp, nbf)) if exp - nbf <= 600 && read.claims["jti"].is_string() => Ok(()),
            _ => Err(Failure::MalformedAssertion),
        }
    }

    fn check_federated(&self, assertion: &str) -> Result<(), Failure> {
        let trust = self.trust.as_ref().ok_or(Failure::FederationMismatch)?;
        let validation = validation(Algorithm::RS256, AUDIENCE, &trust.issuer, &trust.subject);
        let key = DecodingKey::from_rsa_der(&trust.public_key);
        let read = decode::<Value>(assertion, &key, &validation);
        read.map(drop).map_err(|error| mismatch(&error))
    }
}

fn mismatch(error: &Error) -> Failure {
    match error.kind() {
        ErrorKind::ExpiredSignature | ErrorKind::ImmatureSignature => Failure::CertificateNotValidNow,
        ErrorKind::InvalidIssuer => Failure::FederationIssuer,
        ErrorKind::InvalidAudience => Failure::FederationAudience,
        ErrorKind::InvalidSubject => Failure::FederationSubject,
        _ => Failure::FederationMismatch,
    }
}

fn validation(algorithm: Algorithm, audience: &str, issuer: &str, subject: &str) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.set_audience(&[audience]);
    validation.set_issuer(&[issuer]);
    validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
    validation.sub = Some(subject.to_owned());
    validation.validate_nbf = true;
    validation
}

fn thumbprint(der: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(der))
}
