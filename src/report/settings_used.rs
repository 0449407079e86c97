//! The settings that a run went by, as a receipt shows them: no secret values.

use crate::config::{CheckContacts, CredentialSource, Destination, EmptyResult, ResultFiles, Settings};
use crate::domain::{Mode, SegmentName};
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
    /// The host of the Dynamics organization.
    pub organization: Option<String>,
    /// The segment of runs that name none.
    pub segment_name: Option<SegmentName>,
    /// The header of the id column.
    pub contactid_column: String,
    /// What a load does.
    pub mode: Mode,
    /// What an empty result means.
    pub empty_result: EmptyResult,
    /// What is looked up before it is written.
    pub check_contacts: CheckContacts,
    /// What starts a run.
    pub result_files: ResultFiles,
    /// The limit of the shrink guard.
    pub max_shrink_percent: f64,
    /// The limit of the growth guard.
    pub max_growth_percent: Option<f64>,
    /// The limit of the guard of invalid rows.
    pub max_invalid_percent: f64,
    /// How long to wait until the segment is Active.
    pub publish_wait_seconds: u64,
    /// Dataverse calls in flight at most.
    pub max_concurrent_requests: usize,
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
            segment_name,
            contactid_column,
            mode,
            empty_result,
            check_contacts,
            result_files,
            max_shrink_percent,
            max_growth_percent,
            max_invalid_percent,
            publish_wait,
            max_concurrent_requests,
        } = settings.destination.clone();
        let expires_on = settings.credential.client_secret_expires_on;
        Self {
            name,
            description,
            destination_secret: secret_id,
            credential_secret: match credential {
                CredentialSource::Secret(id) => Some(id),
                CredentialSource::Inline(_) => None,
            },
            client_secret_expires_on: expires_on.map(|date| date.to_string()),
            organization: organization.url().host_str().map(str::to_owned),
            segment_name,
            contactid_column,
            mode,
            empty_result,
            check_contacts,
            result_files,
            max_shrink_percent,
            max_growth_percent,
            max_invalid_percent,
            publish_wait_seconds: publish_wait.as_secs(),
            max_concurrent_requests,
        }
    }
}
