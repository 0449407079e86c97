//! The credential secret: who signs in at Entra.

use super::certificate::Certificate;
use super::fields::Fields;
use super::organization::{self, Organization};
use super::{Error, Urgency, Warning};
use chrono::{DateTime, NaiveDate, Utc};
use secrecy::SecretString;
use std::fmt;
use url::Url;
use uuid::Uuid;

/// An application registration in Entra and how it signs in; `Debug` shows only where it came from.
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
    /// What shows that it is the application that asks.
    pub proof: Proof,
    /// Where tokens come from: `authority_url`, or the authority of the organization's cloud.
    pub authority: Url,
}

/// What shows Entra that it is the application that asks.
#[derive(Clone)]
pub enum Proof {
    /// A client secret.
    ClientSecret {
        /// The secret's value.
        value: SecretString,
        /// The day on which it ends, where somebody noted it.
        expires_on: Option<NaiveDate>,
    },
    /// An assertion that a certificate signs.
    Certificate(Certificate),
    /// A token for the function's own AWS identity: nothing is kept, so that nothing ends.
    AwsIdentity,
}

impl Credential {
    const KNOWN: [&str; 10] = [
        "tenant_id",
        "client_id",
        "client_secret",
        "certificate",
        "federation",
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

    /// Returns how many days the client secret, where somebody noted its end, or the certificate still lasts; negative once it
    /// has ended.
    pub fn days_left(&self, now: DateTime<Utc>) -> Option<i64> {
        Some((self.proof.ends_on()? - now.date_naive()).num_days())
    }

    /// Returns a sentence where the client secret or certificate ends within 30 days or has ended; it becomes more urgent with
    /// the days.
    pub fn expiry_warning(&self, now: DateTime<Utc>) -> Option<Warning> {
        let date = self.proof.ends_on()?;
        let days = self.days_left(now)?;
        let urgency = Urgency::of_days_left(days)?;
        let (what, by, remedy) = match self.proof {
            Proof::Certificate(_) => (
                "certificate",
                "",
                "make a new one, add it to the app registration and store it there with its key",
            ),
            _ => (
                "client secret",
                " by its `client_secret_expires_on`",
                "make a new one in Entra and store it there",
            ),
        };
        let when = match days {
            ..0 => format!("ended on {date}{by}"),
            0 => format!("ends today, {date}"),
            Urgency::LAST_DAYS => format!("ends tomorrow, {date}"),
            _ => format!("ends in {days} days, on {date}"),
        };
        let text = format!("the {what} in `{}` {when}: {remedy}", self.secret_id);
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
            proof: Proof::read(fields)?,
            authority,
        })
    }
}

impl Proof {
    fn read(fields: &Fields<'_>) -> Result<Self, Error> {
        const ONE: &str = "left out where another one of `client_secret`, `certificate` and `federation` is given";
        let secret = fields.text("client_secret")?;
        let certificate = fields.text("certificate")?;
        let federation = fields.text("federation")?;
        let expires_on = fields.date("client_secret_expires_on")?;
        if expires_on.is_some() && secret.is_none() && (certificate.is_some() || federation.is_some()) {
            return Err(fields.invalid("client_secret_expires_on", "left out where no `client_secret` is given"));
        }
        match (secret, certificate, federation) {
            (Some(value), None, None) => Ok(Self::ClientSecret {
                value: value.into(),
                expires_on,
            }),
            (None, Some(pem), None) => {
                let certificate = Certificate::parse(pem).map_err(|expected| fields.invalid("certificate", expected))?;
                Ok(Self::Certificate(certificate))
            }
            (None, None, Some(_)) => {
                fields.choice("federation", &[("aws", ())], ())?;
                Ok(Self::AwsIdentity)
            }
            (None, None, None) => Err(fields.missing(
                "client_secret",
                "the value (not the ID) of a client secret of the app registration; or give `certificate` or `federation`",
            )),
            (_, Some(_), _) => Err(fields.invalid("certificate", ONE)),
            (_, None, Some(_)) => Err(fields.invalid("federation", ONE)),
        }
    }

    /// Returns the last day on which it works, where that is known.
    pub fn ends_on(&self) -> Option<NaiveDate> {
        match self {
            Self::ClientSecret { expires_on, .. } => *expires_on,
            Self::Certificate(certificate) => certificate.ends_on(),
            Self::AwsIdentity => None,
        }
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof(..)")
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
        let Proof::ClientSecret { value, .. } = &credential.proof else {
            panic!("no client secret");
        };
        assert_eq!(value.expose_secret(), "leak~8Q~leak");
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
            (json!({"federation": "aws"}), "`federation`"),
            (json!({"certificate": "leak"}), "`certificate`"),
            (json!({"client_secret": null, "certificate": "leak"}), "`certificate`"),
            (json!({"client_secret": null, "federation": "leak"}), "`federation`"),
            (
                json!({"client_secret": null, "federation": "aws", "client_secret_expires_on": "2026-02-01"}),
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
