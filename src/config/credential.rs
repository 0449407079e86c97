//! The credential secret: who signs in at Entra.

use super::fields::Fields;
use super::organization::{self, Organization};
use super::{Error, Urgency, Warning};
use chrono::{DateTime, NaiveDate, Utc};
use secrecy::SecretString;
use std::fmt;
use url::Url;
use uuid::Uuid;

/// An application registration in Entra and its client secret; `Debug` shows only where it came from.
#[derive(Clone)]
pub struct Credential {
    /// The secret that it stands in: its own, or the destination's where it is inline.
    pub secret_id: String,
    /// A name for people.
    pub name: Option<String>,
    /// A description for people.
    pub description: Option<String>,
    /// The tenant, a GUID or a domain.
    pub tenant_id: String,
    /// The application's client id, a GUID.
    pub client_id: String,
    /// The client secret's value.
    pub client_secret: SecretString,
    /// The day on which the client secret ends, where somebody noted it.
    pub client_secret_expires_on: Option<NaiveDate>,
    /// Where tokens come from: `authority_url`, or the authority of the organization's cloud.
    pub authority: Url,
}

impl Credential {
    const KNOWN: [&str; 8] = [
        "tenant_id",
        "client_id",
        "client_secret",
        "client_secret_expires_on",
        "authority_url",
        "name",
        "description",
        "type",
    ];

    /// Reads a credential secret of its own.
    pub(super) fn parse(secret: &str, text: &str, organization: &Organization) -> Result<Self, Error> {
        Self::read(&Fields::parse(secret, text, &Self::KNOWN)?, organization)
    }

    /// Reads the object that stands at `credential` in a destination secret.
    pub(super) fn inline(
        secret: &str,
        object: serde_json::Map<String, serde_json::Value>,
        organization: &Organization,
    ) -> Result<Self, Error> {
        Self::read(&Fields::of(secret, "credential.", object, &Self::KNOWN)?, organization)
    }

    /// Returns how many days the client secret still lasts, where somebody noted its end; negative once it has passed.
    pub fn days_left(&self, now: DateTime<Utc>) -> Option<i64> {
        let date = self.client_secret_expires_on?;
        Some((date - now.date_naive()).num_days())
    }

    /// Returns a sentence where the client secret ends within 30 days or has ended; it becomes more urgent with the days.
    pub fn expiry_warning(&self, now: DateTime<Utc>) -> Option<Warning> {
        let date = self.client_secret_expires_on?;
        let days = self.days_left(now)?;
        let urgency = Urgency::of_days_left(days)?;
        let when = match days {
            ..0 => format!("ended on {date} by its `client_secret_expires_on`"),
            0 => format!("ends today, {date}"),
            Urgency::LAST_DAYS => format!("ends tomorrow, {date}"),
            _ => format!("ends in {days} days, on {date}"),
        };
        let text = format!(
            "the client secret in `{}` {when}: make a new one in Entra and store it there",
            self.secret_id
        );
        Some(Warning { urgency, text })
    }

    fn read(fields: &Fields<'_>, organization: &Organization) -> Result<Self, Error> {
        fields.choice("type", &[("dynamics-365-marketing", ())], ())?;
        let tenant_id = fields.required_text(
            "tenant_id",
            "the directory (tenant) ID of the app registration in Entra",
        )?;
        if !is_guid(tenant_id) && !is_domain(tenant_id) {
            return Err(fields.invalid("tenant_id", "the tenant's GUID or one of its domains, never `common`"));
        }
        let client_id = fields.required_text(
            "client_id",
            "the application (client) ID of the app registration in Entra",
        )?;
        if !is_guid(client_id) {
            return Err(fields.invalid("client_id", "a GUID, the application (client) ID"));
        }
        let client_secret = fields.required_text(
            "client_secret",
            "the value (not the ID) of a client secret of the app registration",
        )?;
        let authority = match fields.text("authority_url")? {
            Some(text) => {
                organization::authority(text).map_err(|expected| fields.invalid("authority_url", expected))?
            }
            None => organization.authority().ok_or_else(|| {
                fields.missing(
                    "authority_url",
                    "an environment on loopback has no authority of its own, give its address",
                )
            })?,
        };
        Ok(Self {
            secret_id: fields.secret().into(),
            name: fields.text("name")?.map(Into::into),
            description: fields.text("description")?.map(Into::into),
            tenant_id: tenant_id.into(),
            client_id: client_id.into(),
            client_secret: client_secret.into(),
            client_secret_expires_on: fields.date("client_secret_expires_on")?,
            authority,
        })
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("secret_id", &self.secret_id)
            .finish_non_exhaustive()
    }
}

fn is_guid(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok_and(|guid| !guid.is_nil())
}

/// Returns whether the text is a domain of at least two labels; `common` and `organizations` are none.
fn is_domain(text: &str) -> bool {
    let is_label =
        |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    text.len() <= 253 && text.contains('.') && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;
    use serde_json::{Value, json};
    use std::time::Duration;

    fn parse(change: Value) -> Result<Credential, Error> {
        let mut secret = json!({
            "tenant_id": "11111111-2222-3333-4444-555555555555",
            "client_id": "66666666-7777-8888-9999-aaaaaaaaaaaa",
            "client_secret": "leak~8Q~leak",
        });
        let (Value::Object(fields), Value::Object(change)) = (&mut secret, change) else {
            unreachable!("both are objects");
        };
        fields.extend(change);
        let organization = Organization::from_parts("crm4", "socktown").unwrap();
        Credential::parse("socktown/credential", &secret.to_string(), &organization)
    }

    #[test]
    fn pasted_blanks_and_line_breaks_are_dropped() {
        let credential = parse(json!({
            "tenant_id": " socktown.onmicrosoft.com\n", "client_id": "\t66666666-7777-8888-9999-AAAAAAAAAAAA ",
            "client_secret": " leak~8Q~leak\r\n", "type": "dynamics-365-marketing", "name": "Loader", "description": "",
        }))
        .unwrap();
        assert_eq!(credential.tenant_id, "socktown.onmicrosoft.com");
        assert_eq!(credential.client_id, "66666666-7777-8888-9999-AAAAAAAAAAAA");
        assert_eq!(credential.client_secret.expose_secret(), "leak~8Q~leak");
        assert_eq!(credential.name.as_deref(), Some("Loader"));
        assert_eq!(credential.description, None);
    }

    #[test]
    fn the_authority_is_the_clouds_unless_the_secret_names_one() {
        assert_eq!(
            parse(json!({})).unwrap().authority.as_str(),
            "https://login.microsoftonline.com/"
        );
        for url in ["https://login.microsoftonline.us/", "http://127.0.0.1:9/"] {
            assert_eq!(parse(json!({"authority_url": url})).unwrap().authority.as_str(), url);
        }
        let loopback = Organization::from_url("http://127.0.0.1:8080").unwrap();
        let text =
            json!({"tenant_id": "a.b", "client_id": "66666666-7777-8888-9999-aaaaaaaaaaaa", "client_secret": "s"});
        let error = Credential::parse("s", &text.to_string(), &loopback).unwrap_err();
        assert!(error.to_string().contains("lacks the field `authority_url`"), "{error}");
    }

    #[test]
    fn every_error_names_the_secret_and_the_field_and_no_value() {
        for (change, field) in [
            (json!({"tenant_id": null}), "`tenant_id`"),
            (json!({"tenant_id": "common"}), "`tenant_id`"),
            (json!({"tenant_id": "organizations"}), "`tenant_id`"),
            (json!({"tenant_id": "leak.example/x"}), "`tenant_id`"),
            (json!({"tenant_id": "leak..example"}), "`tenant_id`"),
            (json!({"client_id": ""}), "`client_id`"),
            (json!({"client_id": "leak"}), "`client_id`"),
            (
                json!({"client_id": "00000000-0000-0000-0000-000000000000"}),
                "`client_id`",
            ),
            (json!({"client_secret": "  "}), "`client_secret`"),
            (json!({"client_secret": 12}), "`client_secret`"),
            (json!({"client_secret": ["leak"]}), "`client_secret`"),
            (
                json!({"client_secret_expires_on": "leak"}),
                "`client_secret_expires_on`",
            ),
            (
                json!({"client_secret_expires_on": "2026-02-30"}),
                "`client_secret_expires_on`",
            ),
            (json!({"authority_url": "https://leak.example"}), "`authority_url`"),
            (json!({"type": "leak"}), "`type`"),
            (json!({"clientSecret": "leak"}), "clientSecret"),
        ] {
            let error = parse(change.clone()).unwrap_err();
            let (shown, debug) = (error.to_string(), format!("{error:?}"));
            assert!(
                shown.contains("`socktown/credential`") && shown.contains(field),
                "{change}: {shown}"
            );
            assert!(!shown.contains("leak") && !debug.contains("leak"), "{change}: {shown}");
        }
    }

    #[test]
    fn an_ending_client_secret_is_announced_thirty_days_ahead() {
        let day = |day: u64| DateTime::UNIX_EPOCH + Duration::from_hours(24 * day);
        let credential = parse(json!({"client_secret_expires_on": "1970-03-01"})).unwrap();
        for (now, expected) in [
            (day(28), None),
            (day(29), Some("ends in 30 days, on 1970-03-01")),
            (day(52), Some("ends in 7 days, on 1970-03-01")),
            (day(58), Some("ends tomorrow, 1970-03-01")),
            (day(59), Some("ends today, 1970-03-01")),
            (day(60), Some("ended on 1970-03-01")),
        ] {
            let warning = credential.expiry_warning(now);
            assert_eq!(warning.is_some(), expected.is_some());
            let text = warning.map(|warning| warning.text).unwrap_or_default();
            assert!(text.contains(expected.unwrap_or_default()), "{text}");
        }
        assert_eq!(parse(json!({})).unwrap().expiry_warning(day(0)), None);
    }

    #[test]
    fn debug_output_shows_only_where_it_came_from() {
        let shown = format!("{:?}", parse(json!({"name": "leak"})).unwrap());
        assert_eq!(shown, "Credential { secret_id: \"socktown/credential\", .. }");
    }
}
