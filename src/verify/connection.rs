//! `test_connection`: five checks in order, and a sixth where a business unit is named; no further than the first failure.

use crate::config::{Secrets, Settings};
use crate::dynamics::{Dataverse, Error};
use crate::time::Fence;
use chrono::Utc;
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt::Display;
use std::time::Duration;
use tokio::time::Instant;

/// How long the test may take: a person waits for it. Longer pauses that Dynamics asks for are told instead.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is said where not the certificate signs that should.
const ANOTHER_CERTIFICATE: &str = "the app registration does not know the certificate that ends last, and another one of \
                                   `certificate` has signed: add the new one there under Certificates & secrets, Certificates, \
                                   or wait some minutes, and keep the other one until this is said no more";

#[derive(Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    detail: String,
}

/// Checks in their order, up to the first that fails.
#[derive(Default)]
struct Checks(Vec<Check>);

/// A check has failed, so that the ones after it are not made.
struct Failed;

/// Tries the way from the secrets to the segment tables, and says how far it leads.
pub(crate) async fn test(secrets: &Secrets, http: &reqwest::Client, stop_at: Instant) -> Value {
    let mut checks = Checks::default();
    let ok = checks.make(secrets, http, stop_at).await.is_ok();
    json!({ "ok": ok, "checks": checks.0 })
}

impl Checks {
    async fn make(&mut self, secrets: &Secrets, http: &reqwest::Client, stop_at: Instant) -> Result<(), Failed> {
        let gives_up_at = Instant::now() + PATIENCE;
        let destination = self.note("destination_secret", secrets.destination().await, |destination| {
            let organization = &destination.organization;
            let warning = suffix(organization.warning());
            format!(
                "{}environment {}{warning}",
                title(destination.name.as_deref()),
                organization.url()
            )
        })?;
        let credential = secrets.credential(&destination).await;
        let credential = self.note("credential_secret", credential, |credential| {
            let (tenant, client) = (&credential.tenant_id, &credential.client_id);
            let expiry = suffix(credential.expiry_warning(Utc::now()));
            format!(
                "{}tenant {tenant}, client {client}{expiry}",
                title(credential.name.as_deref())
            )
        })?;
        let settings = Settings {
            destination,
            credential,
            business_unit: None,
        };
        let fence = Fence::stopping_at(stop_at.min(gives_up_at));
        let dataverse = Dataverse::new(http.clone(), &settings, secrets.clone(), PATIENCE, fence);
        let in_time = |error| told(error, gives_up_at < stop_at);
        self.note("token", dataverse.token_check().await.map_err(in_time), |is_known| {
            let another = (!is_known).then_some(ANOTHER_CERTIFICATE);
            format!("signed in at {}{}", settings.credential.authority, suffix(another))
        })?;
        self.note("who_am_i", dataverse.who_am_i().await.map_err(in_time), |()| {
            let organization = settings.destination.organization.url();
            format!("the application user exists in {organization}")
        })?;
        self.note(
            "segment_tables",
            dataverse.check_segment_tables().await.map_err(in_time),
            |()| "Customer Insights - Journeys is installed and its segments can be read".to_owned(),
        )?;
        let Some(unit) = &settings.destination.rules.owning_business_unit else {
            return Ok(());
        };
        let found = dataverse.find_business_unit(unit).await.map_err(in_time);
        self.note("business_unit", found, |id| format!("the business unit {unit} is {id}"))
            .map(drop)
    }

    /// Takes note of how a check ended; `detail` says what a good one found.
    fn note<T, E: Display>(
        &mut self,
        name: &'static str,
        outcome: Result<T, E>,
        detail: impl FnOnce(&T) -> String,
    ) -> Result<T, Failed> {
        self.0.push(Check {
            name,
            ok: outcome.is_ok(),
            detail: match &outcome {
                Ok(found) => detail(found),
                Err(error) => error.to_string(),
            },
        });
        outcome.map_err(|_| Failed)
    }
}

/// Says what Dynamics told where the test's own patience was over, and not the invocation's time.
fn told(error: Error, is_own_patience: bool) -> String {
    match error {
        Error::OutOfTime { because } if is_own_patience => {
            let because = because.as_deref().unwrap_or("the checks before took so long");
            format!(
                "the test gives up after {} s, since {because}; try again later",
                PATIENCE.as_secs()
            )
        }
        error => error.to_string(),
    }
}

fn title(name: Option<&str>) -> String {
    name.map(|name| format!("{name:?}, ")).unwrap_or_default()
}

fn suffix(warning: Option<impl Display>) -> String {
    warning.map(|warning| format!("; {warning}")).unwrap_or_default()
}
