//! What the function is told before any event: environment variables and the two secrets become checked types.
//!
//! Every value is checked once, and every error names the variable, or the secret and the field, and never a value.

mod credential;
mod destination;
mod encoded_words;
mod error;
mod expiry;
mod fields;
mod organization;
mod rules;
mod secrets;
mod segment_name;
mod variables;

pub use credential::Credential;
pub use destination::{CredentialSource, Destination};
pub use error::{Error, SecretName};
pub use expiry::{Urgency, Warning};
pub use organization::Organization;
pub use rules::{CheckContacts, EmptyResult, ResultFiles, Rules, WhenInUse};
pub use secrets::Secrets;
pub use segment_name::{Error as SegmentNameError, Metadata, resolve as resolve_segment_name};
pub use variables::{VariableError, Variables};

use crate::domain::Home;
use chrono::{DateTime, Utc};

/// Everything that one run is told by its secrets.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which environment and segment, and by which rules.
    pub destination: Destination,
    /// Who signs in.
    pub credential: Credential,
}

impl Destination {
    /// Returns where the segments live. Where the destination names the business unit that owns them, it belongs here.
    pub fn home(&self) -> Home {
        Home::environment(self.organization.environment())
    }
}

impl Settings {
    /// Returns what a person should look at although nothing is wrong yet.
    pub fn warnings(&self, now: DateTime<Utc>) -> Vec<Warning> {
        let organization = self.destination.organization.warning().map(|text| Warning {
            urgency: Urgency::Warning,
            text,
        });
        organization
            .into_iter()
            .chain(self.credential.expiry_warning(now))
            .collect()
    }
}
