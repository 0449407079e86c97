//! The functions that share the bucket, and how they are set up.

use super::calls::BUCKET;
use super::kinds::ENVIRONMENTS;
use super::scenario::Scenario;
use segment_loader::config::{CredentialSource, Destination, Settings, Variables};
use segment_loader::domain::Mode;

/// Returns the variables of all functions.
pub(super) fn variables() -> Variables {
    let lookup = |name: &str| match name {
        "DESTINATION_SECRET_ID" => Some("destination".to_owned()),
        "RESULTS_BUCKET" => Some(BUCKET.to_owned()),
        _ => None,
    };
    Variables::read(lookup).unwrap()
}

/// All modes, as they are numbered.
const MODES: [Mode; 3] = [Mode::Replace, Mode::Append, Mode::Remove];

/// Returns the settings of each environment and mode.
pub(super) fn of_all_functions(scenario: &Scenario) -> Vec<Settings> {
    let environments = 0..ENVIRONMENTS.len();
    let of_modes = |environment| MODES.map(|mode| settings(scenario, environment, mode));
    environments.flat_map(of_modes).collect()
}

/// Returns the settings of one environment and mode.
pub(super) fn settings_of(all: &[Settings], environment: usize, mode: Mode) -> &Settings {
    &all[environment * MODES.len() + mode as usize]
}

/// The settings' defaults, but for a mode and an allowance for contacts that Dynamics does not take.
fn settings(scenario: &Scenario, environment: usize, mode: Mode) -> Settings {
    let secret = r#"{
        "credential": {"tenant_id": "socktown.example", "client_id": "4ad2dd37-35a9-4a4d-9c1e-0f4e8a3a6c11", "client_secret": "s"},
        "environment_region": "crm",
        "environment_name": "socktown",
        "max_invalid_percent": 100
    }"#;
    let secret = secret.replace("socktown", ENVIRONMENTS[environment]);
    let mut destination = Destination::parse("destination", &secret).unwrap();
    destination.rules.mode = mode;
    destination.rules.result_files = scenario.result_files;
    let CredentialSource::Inline(credential) = destination.credential.clone() else {
        unreachable!("it stands above")
    };
    Settings {
        destination,
        credential: *credential,
        business_unit: None,
    }
}
