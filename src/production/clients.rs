//! What lives as long as the Lambda environment: the configuration and the clients.

use crate::aws::{self, Bus};
use crate::config::{AwsIdentity, Destination, ResultFiles, Rules, Secrets, Settings, VariableError, Variables};
use crate::domain::Home;
use crate::dynamics::{Dataverse, TokenCache};
use crate::means::{LOOK_BACK, MOST_RESULTS};
use crate::report::Archive;
use crate::s3::{self, Own, S3Clock};
use crate::source::{self, Manner, ObjectVersion, Objects, Unmarked, unmarked};
use crate::state::{self, Glance, Glances, Heads, Status, Trials, transition};
use crate::time::Fence;
use aws_config::SdkConfig;
use chrono::TimeDelta;

/// The configuration and every client, each built once, so that warm invocations reuse connections.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    pub(crate) variables: Variables,
    pub(crate) secrets: Secrets,
    pub(crate) objects: Objects,
    pub(crate) clock: S3Clock,
    /// Where others are told, where there is such a place.
    pub(crate) bus: Option<Bus>,
    pub(crate) http: reqwest::Client,
    s3: aws_sdk_s3::Client,
    tokens: TokenCache,
}

impl Clients {
    pub(crate) fn new(variables: Variables, http: reqwest::Client, config: &SdkConfig) -> Self {
        let clock = S3Clock::default();
        let s3 = s3::client(config, clock.clone());
        Self {
            secrets: Secrets::new(
                aws::secrets_manager(config),
                AwsIdentity::new(aws::sts(config)),
                &variables.destination_secret_id,
            ),
            objects: Objects::new(s3.clone()).within(variables.memory),
            http,
            tokens: TokenCache::default(),
            bus: variables
                .event_bus
                .clone()
                .map(|name| Bus::new(config, name, variables.function_name.clone())),
            variables,
            clock,
            s3,
        }
    }

    /// Opens the function's records for results of this bucket.
    pub(crate) fn archive(&self, bucket: &str) -> Archive {
        Archive::new(self.own(bucket))
    }

    /// Opens the heads of the destination's segments that results of this bucket go to.
    pub(crate) fn heads(&self, bucket: &str, settings: &Settings) -> Heads {
        Heads::new(self.own(bucket), settings.home())
    }

    /// Opens the notes of trials in an environment, beside the heads of the segments that results of this bucket go to.
    pub(crate) fn trials(&self, bucket: &str, settings: &Settings) -> Trials {
        Trials::new(self.own(bucket), settings.destination.organization.environment())
    }

    /// Prepares calls to Dataverse, which leave through the fence only.
    pub(crate) fn dataverse(&self, settings: &Settings, fence: &Fence) -> Dataverse {
        let request_timeout = transition::call_time(self.variables.lease);
        Dataverse::with_tokens(
            self.http.clone(),
            settings,
            self.secrets.clone(),
            request_timeout,
            fence.clone(),
            self.tokens.clone(),
        )
    }

    /// Describes all segments that have a head beside results of this bucket, whatever home they are of.
    pub(crate) async fn statuses(
        &self,
        bucket: &str,
        destination: Option<&Destination>,
    ) -> Result<Vec<Status>, state::Error> {
        let glances = Glances::read_all(&self.own(bucket), Self::stale_after(destination)).await?;
        // What names none is an earlier version's, and goes to whoever looks first.
        let may_live_in = |home: &Home| {
            home.environment.is_empty() || destination.is_none_or(|destination| destination.may_live_in(home))
        };
        let described = |glance: Glance| {
            if may_live_in(&glance.home) {
                glance.status
            } else {
                glance.status.of_another()
            }
        };
        Ok(glances.segments.into_iter().map(described).collect())
    }

    /// Says how old the audiences of a home may be, as far as the destination tells.
    fn stale_after(destination: Option<&Destination>) -> impl Fn(&Home) -> Option<TimeDelta> {
        move |home| {
            let own = destination.filter(|destination| destination.may_live_in(home))?;
            own.rules.stale_after()
        }
    }

    /// Lists the data files in a bucket that wait for a marker or manifest.
    pub(crate) async fn unmarked(&self, bucket: &str, rules: &Rules) -> Result<Vec<String>, source::Error> {
        let waiting = |objects: &[ObjectVersion], manner: Manner<'_>| {
            unmarked(objects, manner).into_iter().map(ObjectVersion::url).collect()
        };
        self.in_parts(bucket, rules, waiting).await
    }

    /// Says which of them have waited for longer than writing takes.
    pub(super) async fn overdue(&self, bucket: &str, rules: &Rules) -> Result<Option<Unmarked>, source::Error> {
        let now = self.clock.now();
        let overdue = |objects: &[ObjectVersion], manner: Manner<'_>| Unmarked::among(objects, manner, now, LOOK_BACK);
        self.in_parts(bucket, rules, overdue).await
    }

    /// Looks at the objects of results; where a result is one file, there is nothing to look for.
    async fn in_parts<T: Default>(
        &self,
        bucket: &str,
        rules: &Rules,
        look: impl FnOnce(&[ObjectVersion], Manner<'_>) -> T,
    ) -> Result<T, source::Error> {
        if rules.result_files == ResultFiles::Single {
            return Ok(T::default());
        }
        let prefix = &self.variables.results_prefix;
        let objects = self.objects.list(bucket, prefix, MOST_RESULTS).await?;
        let manner = Manner {
            files: rules.result_files,
            mode: rules.mode,
            scope: &self.variables.scope(),
        };
        Ok(look(&objects, manner))
    }

    pub(super) fn own(&self, bucket: &str) -> Own {
        let bucket = self.variables.state_bucket_for(bucket).to_owned();
        let prefix = self.variables.state_prefix.clone();
        Own::new(self.s3.clone(), self.clock.clone(), bucket, prefix)
    }
}

/// Builds the client for Entra ID and Dataverse; without root certificates there can be none.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place where the HTTP client is built"
)]
pub(crate) fn http_client() -> Result<reqwest::Client, VariableError> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(aws::CONNECT_TIMEOUT)
        // A redirect would carry the token elsewhere; the Web API sends none.
        .redirect(reqwest::redirect::Policy::none());
    // The settings above are valid, and the TLS provider is compiled in: what can be missing are root certificates.
    builder.build().map_err(|_| VariableError::NoRootCertificates)
}
