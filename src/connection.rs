//! `test_connection`: five checks in order, no further than the first failure.

use crate::dynamics::Dataverse;
use crate::error::Error;
use crate::fence::Fence;
use crate::settings::{Secrets, Settings};
use serde::Serialize;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// How long one call of the test may take: a person waits for it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    detail: String,
}

/// Tries the way from the secrets to the segment tables, and says how far it leads.
pub(crate) async fn test(secrets: &Secrets, http: &reqwest::Client, stop_at: Instant) -> Value {
    let mut checks = Vec::new();
    let result = run_checks(secrets, http, stop_at, &mut checks).await;
    if let Err((name, error)) = &result {
        checks.push(Check {
            name,
            ok: false,
            detail: error.to_string(),
        });
    }
    json!({ "ok": result.is_ok(), "checks": checks })
}

async fn run_checks(
    secrets: &Secrets,
    http: &reqwest::Client,
    stop_at: Instant,
    checks: &mut Vec<Check>,
) -> Result<(), (&'static str, Error)> {
    let mut passed = |name, detail| checks.push(Check { name, ok: true, detail });
    let in_check = |name: &'static str| move |error: Error| (name, error);

    let destination = secrets
        .destination()
        .await
        .map_err(Error::from)
        .map_err(in_check("destination_secret"))?;
    let organization = destination.organization.url().to_string();
    let title = destination
        .name
        .as_ref()
        .map(|name| format!("{name:?}, "))
        .unwrap_or_default();
    let warning = destination
        .organization
        .warning()
        .map(|warning| format!("; {warning}"))
        .unwrap_or_default();
    passed(
        "destination_secret",
        format!("{title}organization {organization}{warning}"),
    );

    let credential = secrets.credential(&destination).await;
    let credential = credential.map_err(Error::from).map_err(in_check("credential_secret"))?;
    let title = credential
        .name
        .as_ref()
        .map(|name| format!("{name:?}, "))
        .unwrap_or_default();
    let expiry = credential
        .expiry_warning(SystemTime::now())
        .map(|warning| format!("; {warning}"))
        .unwrap_or_default();
    passed(
        "credential_secret",
        format!(
            "{title}tenant {}, client {}{expiry}",
            credential.tenant_id, credential.client_id
        ),
    );

    let settings = Settings {
        destination,
        credential,
    };
    let fence = Fence::stopping_at(stop_at);
    let dataverse = Dataverse::new(http.clone(), &settings, secrets.clone(), REQUEST_TIMEOUT, fence);
    dataverse
        .token_check()
        .await
        .map_err(Error::from)
        .map_err(in_check("token"))?;
    passed("token", format!("signed in at {}", settings.credential.authority));
    dataverse
        .who_am_i()
        .await
        .map_err(Error::from)
        .map_err(in_check("who_am_i"))?;
    passed("who_am_i", format!("the application user exists in {organization}"));
    dataverse
        .check_segment_tables()
        .await
        .map_err(Error::from)
        .map_err(in_check("segment_tables"))?;
    passed(
        "segment_tables",
        "Customer Insights - Journeys is installed and its segments can be read".to_owned(),
    );
    Ok(())
}
