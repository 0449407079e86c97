//! The destination secret: which environment and segment, and the rules of a load.

use super::fields::Fields;
use super::organization::{InvalidPart, Organization};
use super::{CheckContacts, Credential, EmptyResult, Error, ResultFiles};
use crate::domain::{Mode, SegmentName};
use serde_json::Value;
use std::fmt;
use std::time::Duration;

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
    /// The segment's name where the run itself gives none.
    pub segment_name: Option<SegmentName>,
    /// The header of the id column.
    pub contactid_column: String,
    /// What a load does with the members it finds.
    pub mode: Mode,
    /// What an empty result means.
    pub empty_result: EmptyResult,
    /// Which ids are looked up before they are written.
    pub check_contacts: CheckContacts,
    /// What starts a run.
    pub result_files: ResultFiles,
    /// The largest share of the members that a replace may remove, 0 to 100.
    pub max_shrink_percent: f64,
    /// The largest share of the members that a run may add; none is no limit.
    pub max_growth_percent: Option<f64>,
    /// The largest share of the rows that may lack a valid contact id, 0 to 100.
    pub max_invalid_percent: f64,
    /// How long to wait for the published segment to become Active.
    pub publish_wait: Duration,
    /// Dataverse calls in flight at most.
    pub max_concurrent_requests: usize,
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
    const KNOWN: [&str; 17] = [
        "name",
        "description",
        "credential",
        "environment_region",
        "environment_name",
        "environment_url",
        "segment_name",
        "contactid_column",
        "mode",
        "empty_result",
        "check_contacts",
        "result_files",
        "max_shrink_percent",
        "max_growth_percent",
        "max_invalid_percent",
        "publish_wait_seconds",
        "max_concurrent_requests",
    ];

    /// The longest wait for Active that means anything: a Lambda function lives 900 seconds at most.
    const MAX_PUBLISH_WAIT_SECONDS: u32 = 900;

    /// Dataverse refuses more calls than these at a time from one user (Microsoft's service protection limits).
    const MAX_CONCURRENT_REQUESTS: u32 = 52;

    /// Reads the text of a destination secret.
    pub fn parse(secret: &str, text: &str) -> Result<Self, Error> {
        let fields = &Fields::parse(secret, text, &Self::KNOWN)?;
        let organization = organization(fields)?;
        Ok(Self {
            secret_id: secret.into(),
            name: fields.text("name")?.map(Into::into),
            description: fields.text("description")?.map(Into::into),
            credential: credential(fields, &organization)?,
            organization,
            segment_name: segment_name(fields)?,
            contactid_column: fields.column("contactid_column")?.unwrap_or("contactid").into(),
            mode: fields.choice("mode", &Mode::NAMES)?.unwrap_or(Mode::Replace),
            empty_result: fields
                .choice("empty_result", &EmptyResult::NAMES)?
                .unwrap_or(EmptyResult::Refuse),
            check_contacts: fields
                .choice("check_contacts", &CheckContacts::NAMES)?
                .unwrap_or(CheckContacts::None),
            result_files: fields
                .choice("result_files", &ResultFiles::NAMES)?
                .unwrap_or(ResultFiles::Single),
            max_shrink_percent: fields.number("max_shrink_percent", 0.0..=100.0)?.unwrap_or(50.0),
            max_growth_percent: fields.number("max_growth_percent", 0.0..=f64::INFINITY)?,
            max_invalid_percent: fields.number("max_invalid_percent", 0.0..=100.0)?.unwrap_or(5.0),
            publish_wait: publish_wait(fields)?,
            max_concurrent_requests: max_concurrent_requests(fields)?,
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
        Some(Value::String(id)) if is_secret_id(id.trim()) => Ok(CredentialSource::Secret(id.trim().into())),
        Some(_) => Err(fields.invalid(FIELD, "the name or ARN of a secret in quotes, or an object")),
    }
}

/// Returns whether Secrets Manager could know a secret of this name or ARN.
///
/// What is pasted here by mistake, such as the client secret itself, must not come back as a "name" in a message.
fn is_secret_id(text: &str) -> bool {
    (1..=2048).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/_+=.@-:".contains(&byte))
}

fn segment_name(fields: &Fields<'_>) -> Result<Option<SegmentName>, Error> {
    let name = fields.text("segment_name")?.map(SegmentName::parse).transpose();
    name.map_err(|expected| fields.invalid("segment_name", expected))
}

fn publish_wait(fields: &Fields<'_>) -> Result<Duration, Error> {
    let seconds = fields.whole_number("publish_wait_seconds", 0..=Destination::MAX_PUBLISH_WAIT_SECONDS)?;
    Ok(Duration::from_secs(seconds.unwrap_or(300).into()))
}

fn max_concurrent_requests(fields: &Fields<'_>) -> Result<usize, Error> {
    let requests = fields.whole_number("max_concurrent_requests", 1..=Destination::MAX_CONCURRENT_REQUESTS)?;
    Ok(requests.unwrap_or(4) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
        assert_eq!(destination.segment_name, None);
        assert_eq!(destination.contactid_column, "contactid");
        assert_eq!(destination.mode, Mode::Replace);
        assert_eq!(destination.empty_result, EmptyResult::Refuse);
        assert_eq!(destination.check_contacts, CheckContacts::None);
        assert_eq!(destination.result_files, ResultFiles::Single);
        assert_eq!(
            (
                destination.max_shrink_percent,
                destination.max_growth_percent,
                destination.max_invalid_percent
            ),
            (50.0, None, 5.0)
        );
        assert_eq!(destination.publish_wait, Duration::from_mins(5));
        assert_eq!(destination.max_concurrent_requests, 4);
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
        assert_eq!(destination.segment_name.unwrap().as_str(), "Summer/Sale");
        assert_eq!(destination.contactid_column, "Contact");
        assert_eq!(destination.mode, Mode::Append);
        assert_eq!(destination.empty_result, EmptyResult::Clear);
        assert_eq!(destination.check_contacts, CheckContacts::Added);
        assert_eq!(destination.result_files, ResultFiles::Folder);
        assert_eq!(
            (
                destination.max_shrink_percent,
                destination.max_growth_percent,
                destination.max_invalid_percent
            ),
            (12.5, Some(250.0), 0.0)
        );
        assert_eq!(destination.publish_wait, Duration::ZERO);
        assert_eq!(destination.max_concurrent_requests, 52);
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
        assert_eq!(destination.segment_name, None);
        assert_eq!(destination.contactid_column, "contactid");
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
        for field in Destination::KNOWN {
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
