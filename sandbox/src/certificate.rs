//! Certificates of the application, made when they are asked for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use std::sync::LazyLock;
use time::{Duration, OffsetDateTime};

/// Two keys of 2,048 bits, since it takes a while to make one.
static KEYS: [LazyLock<KeyPair>; 2] = [LazyLock::new(key), LazyLock::new(key)];

/// A certificate with its private key.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The private key as unencrypted PKCS#8, in PEM.
    pub key: String,
    /// The certificate in PEM.
    pub certificate: String,
    pub(super) der: Vec<u8>,
    pub(super) public_key: Vec<u8>,
    pub(super) ends: i64,
}

impl Certificate {
    /// Makes one of the first key that is good from yesterday on, for so many days from now.
    pub fn for_days(days: i64) -> Self {
        Self::of(&KEYS[0], days)
    }

    /// Makes one of another key.
    pub fn of_another_key(days: i64) -> Self {
        Self::of(&KEYS[1], days)
    }

    /// Returns key and certificate as they stand in a secret.
    pub fn pem(&self) -> String {
        format!("{}{}", self.key, self.certificate)
    }

    /// Returns the private key as PKCS#1, as older tools write it.
    pub fn key_as_pkcs1(&self) -> String {
        let base64: String = self.key.lines().filter(|line| !line.starts_with('-')).collect();
        let pkcs8 = STANDARD.decode(base64).expect("the key is PEM");
        // What stands before the key of 2,048 bits: version, algorithm and two lengths.
        let key = STANDARD.encode(&pkcs8[26..]);
        format!("-----BEGIN RSA PRIVATE KEY-----\n{key}\n-----END RSA PRIVATE KEY-----\n")
    }

    fn of(key: &KeyPair, days: i64) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        let now = OffsetDateTime::now_utc();
        params.not_before = now - Duration::days(400);
        params.not_after = now + Duration::days(days);
        let certificate = params.self_signed(key).expect("the parameters are complete");
        Self {
            key: key.serialize_pem(),
            certificate: certificate.pem(),
            der: certificate.der().to_vec(),
            public_key: key.public_key_raw().to_vec(),
            ends: params.not_after.unix_timestamp(),
        }
    }
}

fn key() -> KeyPair {
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).expect("the library makes RSA keys")
}

/// Returns a key of the kind that Entra takes no certificate of.
pub fn elliptic_key() -> String {
    KeyPair::generate()
        .expect("the library makes elliptic keys")
        .serialize_pem()
}
