//! What the application shows Entra ID, and what else it has to show.

use super::entra_advice::Refused;
use crate::config::{Credential, Proof};
use chrono::Utc;
use std::time::Duration;
use tokio::time::Instant;

/// A refused secret is read again at most once in this time.
const READ_AGAIN_AFTER: Duration = Duration::from_mins(1);

/// The credential as it is shown now.
pub(super) struct Held {
    pub(super) credential: Credential,
    read_again: Option<Instant>,
    /// The app registration does not know the certificate that ends last, and another one of the secret is shown.
    pub(super) shows_another_certificate: bool,
}

impl Held {
    pub(super) const fn new(credential: Credential) -> Self {
        Self {
            credential,
            read_again: None,
            shows_another_certificate: false,
        }
    }

    /// Shows the next certificate of the secret where the app registration does not know the one that was shown, perhaps not
    /// yet; returns whether there is one.
    pub(super) fn show_another_certificate(&mut self, refused: &Refused) -> bool {
        let Proof::Certificate(certificate) = &self.credential.proof else {
            return false;
        };
        let others = certificate.without_best(Utc::now());
        let Some(others) = others.filter(|_| refused.does_not_know_the_certificate()) else {
            return false;
        };
        self.credential.proof = Proof::Certificate(others);
        self.shows_another_certificate = true;
        true
    }

    /// Takes note that the secret is read again; returns whether it may be, after the last time.
    pub(super) fn read_again(&mut self) -> bool {
        let may_be_read = self.read_again.is_none_or(|read| read.elapsed() >= READ_AGAIN_AFTER);
        if may_be_read {
            self.read_again = Some(Instant::now());
        }
        may_be_read
    }

    /// Shows what was read again.
    pub(super) fn show(&mut self, credential: Credential) {
        self.credential = credential;
        self.shows_another_certificate = false;
    }
}
