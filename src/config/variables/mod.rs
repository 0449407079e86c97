//! The environment variables, read once.

use super::SecretName;
use crate::domain::LONGEST_LEASE;
use crate::event::scope::Scope;
use std::time::Duration;

/// What the function is told by its environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variables {
    /// The name or ARN of the destination secret.
    pub destination_secret_id: String,
    /// The bucket that scheduled and direct runs look in.
    pub results_bucket: Option<String>,
    /// The prefix under which results are dropped: empty, or it ends in `/`.
    pub results_prefix: String,
    /// The bucket of the function's own objects, where it is not the bucket of the results.
    pub state_bucket: Option<String>,
    /// The prefix of the function's own objects; it ends in `/`.
    pub state_prefix: String,
    /// How long a crashed run keeps its segment from others.
    pub lease: Duration,
    /// The name or ARN of the bus that others are told on; nobody is told where there is none.
    pub event_bus: Option<String>,
    /// The function's name, as Lambda gives it; without one there is nobody to read metrics.
    pub function_name: Option<String>,
    /// How many bytes of memory the function has, as Lambda gives them; endless where it does not.
    pub memory: u64,
}

/// Tells what of the process's environment cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VariableError {
    /// A variable that has no default is not set.
    #[error("the environment variable `{variable}` is not set: {advice}")]
    Missing {
        /// The variable.
        variable: &'static str,
        /// What it holds.
        advice: &'static str,
    },
    /// A variable holds what cannot be used.
    #[error("the environment variable `{variable}` must be {expected}")]
    Invalid {
        /// The variable.
        variable: &'static str,
        /// What would be right.
        expected: &'static str,
    },
    /// The environment has no root certificates, as an image without them has none: nobody could be known by theirs.
    #[error(
        "no root certificate can be read here, so that no server can be trusted: install the package `ca-certificates` in \
         the image, or name a PEM file of root certificates by the environment variable `SSL_CERT_FILE`"
    )]
    NoRootCertificates,
}

impl VariableError {
    /// Returns the stable name that alarms see.
    pub fn error_type(&self) -> &'static str {
        "InvalidEnvironment"
    }
}

impl Variables {
    /// The default of `LEASE_SECONDS`; two thirds of it are the two minutes that Dataverse gives an operation.
    const LEASE_SECONDS: u32 = 180;

    /// The shortest lease: its renewal every sixth of it must not be more often than once a second.
    const MIN_LEASE_SECONDS: u32 = 6;

    /// Reads the variables of the process.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    pub fn from_process() -> Result<Self, VariableError> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads the variables that `lookup` knows; an empty one counts as not set, except that results may have no prefix.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, VariableError> {
        let text = |name: &str| lookup(name).filter(|text| !text.trim().is_empty());
        let variables = Self {
            destination_secret_id: secret_id("DESTINATION_SECRET_ID", text)?,
            results_bucket: bucket("RESULTS_BUCKET", text)?,
            results_prefix: folder(results_prefix(lookup("RESULTS_PREFIX"))?),
            state_bucket: bucket("STATE_BUCKET", text)?,
            state_prefix: folder(lookup("STATE_PREFIX").unwrap_or_else(|| "_state/".into())),
            lease: lease(text("LEASE_SECONDS"))?,
            event_bus: bus("EVENT_BUS_NAME", text)?,
            function_name: text("AWS_LAMBDA_FUNCTION_NAME"),
            memory: memory(text("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").as_deref()),
        };
        variables.check_prefixes()?;
        Ok(variables)
    }

    /// Returns the bucket of the function's own objects for a result in this bucket.
    pub fn state_bucket_for<'a>(&'a self, bucket: &'a str) -> &'a str {
        self.fixed_state_bucket().unwrap_or(bucket)
    }

    /// Returns which objects are results and which are the function's own.
    pub fn scope(&self) -> Scope {
        Scope {
            results_prefix: self.results_prefix.clone(),
            state_prefix: self.state_prefix.clone(),
            state_bucket: self.fixed_state_bucket().map(Into::into),
        }
    }

    fn fixed_state_bucket(&self) -> Option<&str> {
        self.state_bucket.as_deref().or(self.results_bucket.as_deref())
    }

    /// Refuses prefixes with which every result would be taken for one of the function's own objects.
    fn check_prefixes(&self) -> Result<(), VariableError> {
        let invalid = |variable, expected| Err(VariableError::Invalid { variable, expected });
        let is_one_bucket = self.state_bucket.is_none() || self.state_bucket == self.results_bucket;
        if self.state_prefix.is_empty() {
            return invalid("STATE_PREFIX", "a prefix such as `_state/`, never empty");
        }
        if is_one_bucket && self.results_prefix.starts_with(&self.state_prefix) {
            return invalid(
                "RESULTS_PREFIX",
                "outside `STATE_PREFIX`, whose objects are never results",
            );
        }
        Ok(())
    }
}

/// Reads the name or ARN of a secret. What is neither may be the secret itself, pasted there by mistake: it is never shown, and
/// nobody is asked for it.
fn secret_id(variable: &'static str, text: impl Fn(&str) -> Option<String>) -> Result<String, VariableError> {
    let id = text(variable).ok_or(VariableError::Missing {
        variable,
        advice: "give the name or ARN of the destination secret in Secrets Manager",
    })?;
    if SecretName::may_be(id.trim()) {
        return Ok(id.trim().to_owned());
    }
    let expected = "the name or ARN of a secret in Secrets Manager, of letters, digits and /_+=.@-, and not what the secret holds; what it \
                    is now is not shown, since it may be secret";
    Err(VariableError::Invalid { variable, expected })
}

/// Reads the name of a bucket: S3 would look for one whose name is its ARN or address.
fn bucket(variable: &'static str, text: impl Fn(&str) -> Option<String>) -> Result<Option<String>, VariableError> {
    let is_in_names = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let name = text(variable).map(|name| name.trim().to_owned());
    if name.as_ref().is_none_or(|name| name.chars().all(is_in_names)) {
        return Ok(name);
    }
    let expected = "the name of a bucket alone, such as `socktown-results`, without arn:aws:s3::: or s3:// before it and a key behind it";
    Err(VariableError::Invalid { variable, expected })
}

/// Reads the name or ARN of a bus, of characters that those have (AWS, `PutEvents`): warnings show it.
fn bus(variable: &'static str, text: impl Fn(&str) -> Option<String>) -> Result<Option<String>, VariableError> {
    let is_in_names = |c: char| c.is_ascii_alphanumeric() || "/.-_:".contains(c);
    let name = text(variable).map(|name| name.trim().to_owned());
    if name.as_ref().is_none_or(|name| name.chars().all(is_in_names)) {
        return Ok(name);
    }
    let expected = "`default`, or the name or ARN of a bus of EventBridge";
    Err(VariableError::Invalid { variable, expected })
}

/// Reads the prefix of results: what no key begins with would keep every file out without a word.
fn results_prefix(text: Option<String>) -> Result<String, VariableError> {
    let prefix = text.unwrap_or_else(|| "incoming/".into());
    let is_like_keys = !prefix.starts_with('/') && !prefix.contains("//") && prefix.trim() == prefix;
    if is_like_keys {
        return Ok(prefix);
    }
    let expected = "what the keys of results begin with, such as `incoming/`: without a bucket, a slash or a blank before it, and without \
                    two slashes in a row";
    Err(VariableError::Invalid {
        variable: "RESULTS_PREFIX",
        expected,
    })
}

/// Adds the `/` that is missing behind a prefix.
fn folder(mut prefix: String) -> String {
    if !prefix.is_empty() && !prefix.ends_with('/') {
        prefix.push('/');
    }
    prefix
}

/// Returns in bytes what Lambda gives in MiB.
fn memory(text: Option<&str>) -> u64 {
    let mebibytes = text.and_then(|text| text.parse::<u64>().ok());
    mebibytes.map_or(u64::MAX, |mebibytes| mebibytes.saturating_mul(1 << 20))
}

fn lease(text: Option<String>) -> Result<Duration, VariableError> {
    let seconds = text.map_or(Ok(Variables::LEASE_SECONDS), |text| text.trim().parse::<u32>());
    match seconds {
        Ok(seconds) if (Variables::MIN_LEASE_SECONDS.into()..=LONGEST_LEASE.as_secs()).contains(&seconds.into()) => {
            Ok(Duration::from_secs(seconds.into()))
        }
        _ => Err(VariableError::Invalid {
            variable: "LEASE_SECONDS",
            expected: "a whole number of seconds, from 6 to 86400",
        }),
    }
}

#[cfg(test)]
mod tests;
