//! The destination secret: which environment and segment, and the rules of a load.

use super::fields::Fields;
use super::organization::{InvalidPart, Organization};
use super::{Credential, Error, SegmentName};
use serde::{Deserialize, Serialize};
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
    pub segment_name: Option<String>,
    /// The header of the id column.
    pub contactid_column: String,
    /// What a load does with the members it finds.
    pub mode: Mode,
    /// What an empty result means.
    pub empty_result: EmptyResult,
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

/// Where a credential is kept.
#[derive(Clone, Debug)]
pub enum CredentialSource {
    /// In a secret of its own, of this name or ARN.
    Secret(String),
    /// In the destination's secret.
    Inline(Box<Credential>),
}

/// What a load does with the members it finds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The segment ends as exactly the file.
    Replace,
    /// The file's contacts are added.
    Append,
    /// The file's contacts are removed.
    Remove,
}

impl Mode {
    /// Every mode by its name outside.
    pub const NAMES: [(&str, Self); 3] = [
        ("replace", Self::Replace),
        ("append", Self::Append),
        ("remove", Self::Remove),
    ];
}

/// What an empty result means.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmptyResult {
    /// An accident: the load is refused.
    Refuse,
    /// The segment is to be emptied.
    Clear,
}

/// What starts a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResultFiles {
    /// Each object is a whole result.
    Single,
    /// A manifest, which lists the parts of the result.
    Manifest,
    /// A marker such as `_SUCCESS`; the data files beside it are the result.
    Folder,
}

impl Destination {
    const KNOWN: [&str; 16] = [
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
    pub(super) fn parse(secret: &str, text: &str) -> Result<Self, Error> {
        let fields = &Fields::parse(secret, text, &Self::KNOWN)?;
        let organization = organization(fields)?;
        Ok(Self {
            secret_id: secret.into(),
            name: fields.text("name")?.map(Into::into),
            description: fields.text("description")?.map(Into::into),
            credential: credential(fields, &organization)?,
            organization,
            segment_name: segment_name(fields)?,
            contactid_column: fields.text("contactid_column")?.unwrap_or("contactid").into(),
            mode: fields.choice("mode", &Mode::NAMES)?.unwrap_or(Mode::Replace),
            empty_result: fields
                .choice(
                    "empty_result",
                    &[("refuse", EmptyResult::Refuse), ("clear", EmptyResult::Clear)],
                )?
                .unwrap_or(EmptyResult::Refuse),
            result_files: fields
                .choice(
                    "result_files",
                    &[
                        ("single", ResultFiles::Single),
                        ("manifest", ResultFiles::Manifest),
                        ("folder", ResultFiles::Folder),
                    ],
                )?
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

/// Tells whether Secrets Manager could know a secret of this name or ARN.
///
/// What is pasted here by mistake, such as the client secret itself, must not come back as a "name" in a message.
fn is_secret_id(text: &str) -> bool {
    (1..=2048).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/_+=.@-:".contains(&byte))
}

fn segment_name(fields: &Fields<'_>) -> Result<Option<String>, Error> {
    let Some(text) = fields.text("segment_name")? else {
        return Ok(None);
    };
    let name = SegmentName::parse(text).map_err(|expected| fields.invalid("segment_name", expected))?;
    Ok(Some(name.as_str().into()))
}

fn publish_wait(fields: &Fields<'_>) -> Result<Duration, Error> {
    let seconds = fields.whole_number("publish_wait_seconds", 0..=Destination::MAX_PUBLISH_WAIT_SECONDS)?;
    Ok(Duration::from_secs(seconds.unwrap_or(300).into()))
}

fn max_concurrent_requests(fields: &Fields<'_>) -> Result<usize, Error> {
    let requests = fields.whole_number("max_concurrent_requests", 1..=Destination::MAX_CONCURRENT_REQUESTS)?;
    Ok(requests.unwrap_or(4) as usize)
}
