//! What the function is told before any event: environment variables and the two secrets become checked types.
//!
//! Every value is checked once, and every error names the variable, or the secret and the field, and never a value.

mod aws_identity;
mod business_unit;
mod certificate;
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

pub use aws_identity::{AwsIdentity, IdentityError};
pub use business_unit::BusinessUnit;
pub use certificate::Certificate;
pub use credential::{Credential, Proof};
pub use destination::{CredentialSource, Destination};
pub use error::{Error, SecretName};
pub use expiry::{Urgency, Warning};
pub use organization::Organization;
pub use rules::{CheckContacts, EmptyResult, MissingSegment, ResultFiles, Rules, WhenInUse};
pub use secrets::Secrets;
pub use segment_name::{Error as SegmentNameError, Metadata, resolve as resolve_segment_name};
pub use variables::{VariableError, Variables};

use crate::domain::Home;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Everything that one run is told by its secrets.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which environment and segment, and by which rules.
    pub destination: Destination,
    /// Who signs in.
    pub credential: Credential,
    /// The id of the business unit that the destination names, where it names one and Dynamics was asked for it.
    pub business_unit: Option<Uuid>,
}

impl Destination {
    /// Returns whether its segments may live there; where it names a business unit by its name, only Dynamics could tell which
    /// one that is.
    pub fn may_live_in(&self, home: &Home) -> bool {
        let is_unit = match (&self.rules.owning_business_unit, home.business_unit.as_deref()) {
            (None, None) => true,
            (Some(unit), Some(id)) => unit.may_be(id),
            _ => false,
        };
        is_unit && home.environment == self.organization.environment()
    }

    /// Returns whether a run was one of its segments' that lived there, where its destination named the business unit so; an
    /// earlier version, or a run that did not come so far, has not kept which unit that is.
    pub fn may_have_told_of(&self, home: &Home, named: Option<&str>) -> bool {
        let own = self.rules.owning_business_unit.as_ref();
        let are_names = named.is_some_and(|named| own.is_some_and(|own| own.is_another_name(named)));
        let is_unknown = named.is_some() && home.business_unit.is_none();
        match home.environment == self.organization.environment() {
            true if is_unknown => own.is_some() && !are_names,
            true => !are_names && self.may_live_in(home),
            false => false,
        }
    }
}

impl Settings {
    /// Returns where the segments live.
    pub fn home(&self) -> Home {
        Home {
            environment: self.destination.organization.environment(),
            business_unit: self.business_unit.map(|unit| unit.to_string()),
        }
    }

    /// Returns the settings for segments of whatever business unit.
    pub fn in_any_unit(&self) -> Self {
        Self {
            business_unit: None,
            ..self.clone()
        }
    }

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
