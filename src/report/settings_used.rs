//! The settings that a run went by, as a receipt shows them: no secret values.

use crate::config::{CredentialSource, Destination, Proof, Rules, Settings};
use serde::Serialize;

/// The settings of a run; where a command says otherwise, the report shows it.
#[derive(Clone, Debug, Serialize)]
pub struct SettingsUsed {
    /// The destination's name, for people.
    pub name: Option<String>,
    /// The destination's description, for people.
    pub description: Option<String>,
    /// The destination's secret, by name or ARN.
    pub destination_secret: String,
    /// The credential's secret, where it has one of its own.
    pub credential_secret: Option<String>,
    /// The day on which the client secret ends, where somebody noted it.
    pub client_secret_expires_on: Option<String>,
    /// The day on which the certificate ends that signs the application in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_expires_on: Option<String>,
    /// The host of the Dynamics organization.
    pub organization: Option<String>,
    /// The id of the business unit that the destination names, once Dynamics was asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business_unit: Option<String>,
    /// How it was loaded.
    #[serde(flatten)]
    pub rules: Rules,
}

impl SettingsUsed {
    /// Takes what may be shown.
    pub fn of(settings: &Settings) -> Self {
        let Destination {
            secret_id,
            name,
            description,
            credential,
            organization,
            rules,
        } = settings.destination.clone();
        let ends_on = settings.credential.proof.ends_on().map(|date| date.to_string());
        let (client_secret_expires_on, certificate_expires_on) = match settings.credential.proof {
            Proof::Certificate(_) => (None, ends_on),
            _ => (ends_on, None),
        };
        Self {
            name,
            description,
            destination_secret: secret_id,
            credential_secret: match credential {
                CredentialSource::Secret(id) => Some(id),
                CredentialSource::Inline(_) => None,
            },
            client_secret_expires_on,
            certificate_expires_on,
            organization: organization.url().host_str().map(str::to_owned),
            business_unit: settings.home().business_unit,
            rules,
        }
    }
}
