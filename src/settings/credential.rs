//! The credential secret: who signs in at Entra.

use super::fields::Fields;
use super::organization::{self, Organization};
use super::{Date, Error};
use secrecy::SecretString;
use std::fmt;
use std::time::SystemTime;
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
    pub client_secret_expires_on: Option<Date>,
    /// Where tokens come from: `authority_url`, or the authority of the organization's cloud.
    pub authority: Url,
}

impl Credential {
    /// How many days ahead an ending client secret is announced: time enough to make a new one without hurry.
    const WARNING_DAYS: i64 = 30;

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

    /// Returns a sentence where the client secret ends within 30 days or has ended.
    pub fn expiry_warning(&self, now: SystemTime) -> Option<String> {
        let date = self.client_secret_expires_on?;
        let days = date.days_until(now);
        let when = match days {
            ..0 => format!("ended on {date} by its `client_secret_expires_on`"),
            0 => format!("ends today, {date}"),
            1..=Self::WARNING_DAYS => format!("ends on {date}, days from now: {days}"),
            _ => return None,
        };
        Some(format!(
            "the client secret in `{}` {when}: make a new one in Entra and store it there",
            self.secret_id
        ))
    }

    fn read(fields: &Fields<'_>, organization: &Organization) -> Result<Self, Error> {
        fields.choice("type", &[("dynamics-365-marketing", ())])?;
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

/// Tells whether the text is a domain of at least two labels; `common` and `organizations` are none.
fn is_domain(text: &str) -> bool {
    let is_label =
        |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    text.len() <= 253 && text.contains('.') && text.split('.').all(is_label)
}
