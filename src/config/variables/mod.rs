//! The environment variables, read once.

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
        let text = |name| lookup(name).filter(|text| !text.trim().is_empty());
        let variables = Self {
            destination_secret_id: text("DESTINATION_SECRET_ID").ok_or(VariableError::Missing {
                variable: "DESTINATION_SECRET_ID",
                advice: "give the name or ARN of the destination secret in Secrets Manager",
            })?,
            results_bucket: text("RESULTS_BUCKET"),
            results_prefix: folder(lookup("RESULTS_PREFIX").unwrap_or_else(|| "incoming/".into())),
            state_bucket: text("STATE_BUCKET"),
            state_prefix: folder(lookup("STATE_PREFIX").unwrap_or_else(|| "_state/".into())),
            lease: lease(text("LEASE_SECONDS"))?,
            event_bus: text("EVENT_BUS_NAME"),
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
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Variables, VariableError> {
        let all = [&[("DESTINATION_SECRET_ID", "socktown/destination")], variables].concat();
        // The last one counts, so that a test can overrule the first.
        Variables::read(|name| {
            all.iter()
                .rev()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).into())
        })
    }

    #[test]
    fn the_secret_alone_is_enough() {
        let expected = Variables {
            destination_secret_id: "socktown/destination".into(),
            results_bucket: None,
            results_prefix: "incoming/".into(),
            state_bucket: None,
            state_prefix: "_state/".into(),
            lease: Duration::from_mins(3),
            event_bus: None,
            function_name: None,
            memory: u64::MAX,
        };
        assert_eq!(read(&[]), Ok(expected));
        for nothing in ["", " "] {
            let error = read(&[("DESTINATION_SECRET_ID", nothing)]).unwrap_err();
            assert!(
                error.to_string().contains("`DESTINATION_SECRET_ID` is not set"),
                "{error}"
            );
        }
    }

    #[test]
    fn prefixes_get_a_missing_slash_and_results_may_have_none() {
        let variables = read(&[("RESULTS_PREFIX", "a/b"), ("STATE_PREFIX", "c")]).unwrap();
        assert_eq!((&*variables.results_prefix, &*variables.state_prefix), ("a/b/", "c/"));
        assert_eq!(read(&[("RESULTS_PREFIX", "")]).unwrap().results_prefix, "");
    }

    #[test]
    fn results_never_lie_inside_the_state_of_one_bucket() {
        for variables in [
            &[("STATE_PREFIX", "")] as &[_],
            &[("RESULTS_PREFIX", "_state")],
            &[("RESULTS_PREFIX", "_state/in")],
            &[("RESULTS_PREFIX", "a"), ("STATE_PREFIX", "a")],
            &[
                ("RESULTS_PREFIX", "_state/in"),
                ("RESULTS_BUCKET", "b"),
                ("STATE_BUCKET", "b"),
            ],
            &[("RESULTS_PREFIX", "_state/in"), ("RESULTS_BUCKET", "b")],
        ] {
            let error = read(variables).unwrap_err();
            assert!(error.to_string().contains("_PREFIX` must be"), "{error}");
        }
        for variables in [
            &[
                ("RESULTS_PREFIX", "_state/in"),
                ("RESULTS_BUCKET", "b"),
                ("STATE_BUCKET", "c"),
            ] as &[_],
            &[("RESULTS_PREFIX", "_statement")],
            &[("STATE_PREFIX", "incoming/_state")],
        ] {
            assert!(read(variables).is_ok(), "{variables:?}");
        }
    }

    #[test]
    fn the_state_lies_where_it_is_told_else_with_the_results() {
        for (variables, expected) in [
            (&[] as &[_], "event"),
            (&[("RESULTS_BUCKET", "results")], "results"),
            (&[("STATE_BUCKET", "state")], "state"),
            (&[("RESULTS_BUCKET", "results"), ("STATE_BUCKET", "state")], "state"),
            (&[("RESULTS_BUCKET", ""), ("STATE_BUCKET", "")], "event"),
        ] {
            let variables = read(variables).unwrap();
            assert_eq!(variables.state_bucket_for("event"), expected);
            assert!(variables.scope().is_own(expected, "_state/x"));
        }
    }

    #[test]
    fn the_memory_is_what_lambda_says() {
        let memory = |text| read(&[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", text)]).unwrap().memory;
        assert_eq!(memory("256"), 256 << 20);
        assert_eq!((memory(""), memory("all")), (u64::MAX, u64::MAX));
    }

    #[test]
    fn a_lease_is_at_least_six_seconds() {
        assert_eq!(read(&[("LEASE_SECONDS", "6")]).unwrap().lease, Duration::from_secs(6));
        assert_eq!(read(&[("LEASE_SECONDS", "")]).unwrap().lease, Duration::from_mins(3));
        for text in ["5", "0", "-6", "6.5", "three", "99999999999"] {
            assert!(read(&[("LEASE_SECONDS", text)]).is_err(), "{text}");
        }
    }
}
