//! The destination secret: which environment and segment, and the rules of a load.

use super::fields::Fields;
use super::organization::{InvalidPart, Organization};
use super::{Credential, Error, Rules, SecretName};
use serde_json::Value;
use std::fmt;

/// One destination: an environment, a segment and the rules of a load; `Debug` shows only where it came from.
#[derive(Clone)]
pub struct Destination {
    /// The name or ARN of the secret that it stands in.
    pub secret_id: String,
    /// A name for people.
    pub name: Option<String>,
    /// A description for people.
    pub description: Option<String>,
    /// Where the credential is.
    pub credential: CredentialSource,
    /// The Dataverse organization.
    pub organization: Organization,
    /// How results are loaded.
    pub rules: Rules,
}

/// Where a credential is kept; `Debug` does not show the name, which may be a secret that was pasted there.
#[derive(Clone)]
pub enum CredentialSource {
    /// In a secret of its own, of this name or ARN.
    Secret(String),
    /// In the destination's secret.
    Inline(Box<Credential>),
}

impl fmt::Debug for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret(_) => "Secret(..)",
            Self::Inline(_) => "Inline(..)",
        })
    }
}

impl Destination {
    /// The names of what is no rule.
    const NAMES: [&str; 6] = [
        "name",
        "description",
        "credential",
        "environment_region",
        "environment_name",
        "environment_url",
    ];

    /// Reads the text of a destination secret.
    pub fn parse(secret: &str, text: &str) -> Result<Self, Error> {
        let known = [&Self::NAMES, Rules::NAMES].concat();
        let fields = &Fields::parse(secret, text, &known)?;
        let organization = organization(fields)?;
        Ok(Self {
            secret_id: secret.into(),
            name: fields.text("name")?.map(Into::into),
            description: fields.text("description")?.map(Into::into),
            credential: credential(fields, &organization)?,
            organization,
            rules: Rules::read(fields)?,
        })
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Destination")
            .field("secret_id", &self.secret_id)
            .finish_non_exhaustive()
    }
}

/// Reads which organization is meant: `environment_url` stands instead of region and name, so it wins.
fn organization(fields: &Fields<'_>) -> Result<Organization, Error> {
    let region = fields.text("environment_region")?;
    let name = fields.text("environment_name")?;
    if let Some(url) = fields.text("environment_url")? {
        return Organization::from_url(url).map_err(|expected| fields.invalid("environment_url", expected));
    }
    let (region, name) = match (region, name) {
        (Some(region), Some(name)) => (region, name),
        (None, None) => {
            return Err(Error::NoEnvironment {
                secret: fields.secret().into(),
            });
        }
        (None, _) => {
            return Err(fields.missing(
                "environment_region",
                "the part after the name in the address, such as `crm4`",
            ));
        }
        (_, None) => {
            return Err(fields.missing("environment_name", "the first part of the address, such as `socktown`"));
        }
    };
    Organization::from_parts(region, name).map_err(|part| match part {
        InvalidPart::Region => fields.invalid(
            "environment_region",
            "a region such as `crm4` or `crm4.dynamics.com`; a whole address belongs in `environment_url`",
        ),
        InvalidPart::Name => fields.invalid(
            "environment_name",
            "the first part of the address, such as `socktown`; a whole address belongs in `environment_url`",
        ),
    })
}

fn credential(fields: &Fields<'_>, organization: &Organization) -> Result<CredentialSource, Error> {
    const FIELD: &str = "credential";
    match fields.value(FIELD) {
        None => Err(fields.missing(
            FIELD,
            "the name or ARN of the credential secret, or the credential itself as an object",
        )),
        Some(Value::Object(object)) => {
            let credential = Credential::inline(fields.secret(), object.clone(), organization)?;
            Ok(CredentialSource::Inline(Box::new(credential)))
        }
        Some(Value::String(id)) if SecretName::may_be(id.trim()) => Ok(CredentialSource::Secret(id.trim().into())),
        Some(_) => Err(fields.invalid(FIELD, "the name or ARN of a secret in quotes, or an object")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CheckContacts, EmptyResult, ResultFiles};
    use crate::domain::Mode;
    use serde_json::json;
    use std::time::Duration;

    /// A destination that has all it needs, changed by `change`; null takes a field away.
    fn parse(change: Value) -> Result<Destination, Error> {
        let mut secret = json!({
            "credential": "socktown/credential",
            "environment_region": "crm4",
            "environment_name": "socktown",
        });
        let (Value::Object(fields), Value::Object(change)) = (&mut secret, change) else {
            unreachable!("both are objects");
        };
        fields.extend(change);
        Destination::parse("socktown/destination", &secret.to_string())
    }

    #[test]
    fn the_least_destination_gets_the_defaults() {
        let destination = parse(json!({})).unwrap();
        assert_eq!(destination.secret_id, "socktown/destination");
        assert_eq!(
            destination.organization.url().as_str(),
            "https://socktown.crm4.dynamics.com/"
        );
        assert!(matches!(destination.credential, CredentialSource::Secret(id) if id == "socktown/credential"));
        assert_eq!(destination.rules.segment_name, None);
        assert_eq!(destination.rules.contactid_column, "contactid");
        assert_eq!(destination.rules.mode, Mode::Replace);
        assert_eq!(destination.rules.empty_result, EmptyResult::Refuse);
        assert_eq!(destination.rules.check_contacts, CheckContacts::None);
        assert_eq!(destination.rules.result_files, ResultFiles::Single);
        assert_eq!(
            (
                destination.rules.max_shrink_percent,
                destination.rules.max_growth_percent,
                destination.rules.max_invalid_percent
            ),
            (50.0, None, 5.0)
        );
        assert_eq!(destination.rules.publish_wait(), Duration::from_mins(5));
        assert_eq!(destination.rules.max_concurrent_requests, 4);
    }

    #[test]
    fn every_field_is_read() {
        let destination = parse(json!({
            "name": "Sock Town", "description": " Newsletter ", "segment_name": "Summer/Sale\n",
            "contactid_column": "Contact",
            "mode": "append", "empty_result": "clear", "result_files": "folder", "max_shrink_percent": 12.5,
            "max_growth_percent": 250, "max_invalid_percent": 0, "check_contacts": "added", "publish_wait_seconds": 0,
            "max_concurrent_requests": 52,
            "environment_url": "https://other.crm.dynamics.com/",
        }))
        .unwrap();
        assert_eq!(destination.name.as_deref(), Some("Sock Town"));
        assert_eq!(destination.description.as_deref(), Some("Newsletter"));
        assert_eq!(destination.rules.segment_name.as_ref().unwrap().as_str(), "Summer/Sale");
        assert_eq!(destination.rules.contactid_column, "Contact");
        assert_eq!(destination.rules.mode, Mode::Append);
        assert_eq!(destination.rules.empty_result, EmptyResult::Clear);
        assert_eq!(destination.rules.check_contacts, CheckContacts::Added);
        assert_eq!(destination.rules.result_files, ResultFiles::Folder);
        assert_eq!(
            (
                destination.rules.max_shrink_percent,
                destination.rules.max_growth_percent,
                destination.rules.max_invalid_percent
            ),
            (12.5, Some(250.0), 0.0)
        );
        assert_eq!(destination.rules.publish_wait(), Duration::ZERO);
        assert_eq!(destination.rules.max_concurrent_requests, 52);
        assert_eq!(
            destination.organization.url().as_str(),
            "https://other.crm.dynamics.com/",
            "the URL wins"
        );
    }

    #[test]
    fn null_and_blank_text_count_as_absent() {
        let destination = parse(json!({
            "segment_name": " ", "contactid_column": "", "max_growth_percent": null, "mode": null, "environment_url": ""
        }))
        .unwrap();
        assert_eq!(destination.rules.segment_name, None);
        assert_eq!(destination.rules.contactid_column, "contactid");
    }

    #[test]
    fn every_error_names_the_secret_and_the_field_and_no_value() {
        for (change, field) in [
            (json!({"credential": null}), "`credential`"),
            (json!({"credential": 7}), "`credential`"),
            (json!({"credential": "leak~8Q~leak"}), "`credential`"),
            (json!({"credential": "{\"client_secret\":\"leak\"}"}), "`credential`"),
            (json!({"credential": ["leak"]}), "`credential`"),
            (json!({"credential": {"client_id": "leak"}}), "`credential.tenant_id`"),
            (json!({"credential": {"clientid": "leak"}}), "credential.clientid"),
            (json!({"environment_region": null}), "`environment_region`"),
            (json!({"environment_region": "leak"}), "`environment_region`"),
            (json!({"environment_name": null}), "`environment_name`"),
            (json!({"environment_name": "le.ak"}), "`environment_name`"),
            (
                json!({"environment_name": null, "environment_region": null}),
                "`environment_url`",
            ),
            (json!({"environment_url": "https://leak.example"}), "`environment_url`"),
            (json!({"environment_url": 1}), "`environment_url`"),
            (json!({"segment_name": "leak".repeat(26)}), "`segment_name`"),
            (json!({"contactid_column": {"leak": 1}}), "`contactid_column`"),
            (
                json!({"contactid_column": "abc8Q~leak.leak-leak"}),
                "`contactid_column`",
            ),
            (json!({"contactid_column": "{\"leak\":1}"}), "`contactid_column`"),
            (json!({"contactid_column": "leak".repeat(76)}), "`contactid_column`"),
            (json!({"mode": "leak"}), "`mode`"),
            (json!({"mode": "Replace"}), "`mode`"),
            (json!({"mode": true}), "`mode`"),
            (json!({"empty_result": "leak"}), "`empty_result`"),
            (json!({"result_files": "leak"}), "`result_files`"),
            (json!({"check_contacts": "leak"}), "`check_contacts`"),
            (json!({"max_shrink_percent": "50"}), "`max_shrink_percent`"),
            (json!({"max_shrink_percent": 100.1}), "`max_shrink_percent`"),
            (json!({"max_growth_percent": -1}), "`max_growth_percent`"),
            (json!({"max_invalid_percent": -0.5}), "`max_invalid_percent`"),
            (json!({"publish_wait_seconds": 901}), "`publish_wait_seconds`"),
            (json!({"publish_wait_seconds": 1.5}), "`publish_wait_seconds`"),
            (json!({"publish_wait_seconds": "300"}), "`publish_wait_seconds`"),
            (json!({"max_concurrent_requests": 0}), "`max_concurrent_requests`"),
            (json!({"max_concurrent_requests": 53}), "`max_concurrent_requests`"),
            (
                json!({"max_concurrent_requests": 4_294_967_300_u64}),
                "`max_concurrent_requests`",
            ),
            (json!({"name": 1}), "`name`"),
            (json!({"segmentname": "leak"}), "segmentname"),
        ] {
            let error = parse(change.clone()).unwrap_err();
            let (shown, debug) = (error.to_string(), format!("{error:?}"));
            assert!(
                shown.contains("`socktown/destination`") && shown.contains(field),
                "{change}: {shown}"
            );
            assert!(!shown.contains("leak") && !debug.contains("leak"), "{change}: {shown}");
            assert_eq!((error.error_type(), error.is_transient()), ("InvalidSecret", false));
        }
    }

    #[test]
    fn an_unknown_field_is_answered_with_the_known_ones() {
        let error = parse(json!({"segment": "x"})).unwrap_err().to_string();
        for field in Destination::NAMES.iter().chain(Rules::NAMES) {
            assert!(error.contains(field), "{error}");
        }
    }

    #[test]
    fn text_that_is_no_json_object_is_placed_but_never_quoted() {
        for (text, expected) in [
            ("leak", "not valid JSON (line 1, column 1)"),
            ("{\n  \"mode\": leak\n}", "not valid JSON (line 2, column 11)"),
            ("", "secret `s` is empty"),
            ("[\"leak\"]", "must hold a JSON object"),
            ("\"leak\"", "must hold a JSON object"),
        ] {
            let error = Destination::parse("s", text).unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("leak"), "{error}");
        }
    }

    #[test]
    fn debug_output_shows_only_where_it_came_from() {
        let destination = parse(json!({"name": "leak"})).unwrap();
        assert_eq!(
            format!("{destination:?}"),
            "Destination { secret_id: \"socktown/destination\", .. }"
        );
    }
}
