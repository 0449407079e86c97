//! The status page, written after runs and by sweeps; whatever keeps it from being written keeps nothing else.

use super::Clients;
use crate::config::{Destination, Settings};
use crate::domain::Home;
use crate::report::StatusPage;
use crate::source::Unmarked;
use crate::state::{self, Glances, Page, Verified};
use futures_util::{StreamExt as _, stream};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How often it is tried while others write it: whoever comes second twice finds his own run on their page (see [`Page`]).
const TRIES: u32 = 3;
/// How many environments are looked up among those that were verified.
const MOST_ENVIRONMENTS: usize = 20;

/// Who has the page written: it says what that may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// A load, which nobody wants to wait for: it leaves the page to the next sweep where there are many segments.
    Load,
    /// A sweep, which looks at every segment anyway, or a person who asks for something rare.
    Sweep,
}

impl Occasion {
    /// The most heads that are read. A load reads 200 in 0.3 s; a sweep 10,000, nearly all that an organization can have
    /// (Microsoft's fair use policy: 13,000), in 15 s; of 20 ms each, 16 at a time.
    const fn most(self) -> usize {
        match self {
            Self::Load => 200,
            Self::Sweep => 10_000,
        }
    }

    const fn longest(self) -> Duration {
        match self {
            Self::Load => Duration::from_secs(5),
            Self::Sweep => Duration::from_mins(1),
        }
    }
}

/// Returns the homes that are not known to be the function's own.
fn elsewhere(glances: &Glances, own: Option<&Home>) -> Vec<Home> {
    let homes = glances.segments.iter().map(|glance| &glance.home);
    let homes: BTreeSet<_> = homes.filter(|home| Some(*home) != own).collect();
    homes.into_iter().cloned().collect()
}

impl Clients {
    /// Writes the status page beside results of this bucket where it shows something else, or is old; says in the log where it
    /// could not.
    ///
    /// `settings` are what could be read of the secrets, with the business unit that they name, or why that could not be read.
    pub(crate) async fn show(
        &self,
        bucket: &str,
        settings: Result<&Settings, &str>,
        occasion: Occasion,
        stop_at: Instant,
    ) {
        let until = stop_at.min(Instant::now() + occasion.longest());
        let writing = Box::pin(self.write_page(bucket, settings, occasion));
        match timeout_at(until, writing).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = %error, "the status page could not be written; the next run tries again");
            }
            Err(_) => tracing::warn!("the status page could not be written in time; the next run tries again"),
        }
    }

    async fn write_page(
        &self,
        bucket: &str,
        settings: Result<&Settings, &str>,
        occasion: Occasion,
    ) -> Result<(), state::Error> {
        let own = self.own(bucket);
        let destination = settings.ok().map(|settings| &settings.destination);
        let home = settings.ok().map(Settings::home);
        let stale_after = |home_of: &Home| {
            let own = destination.filter(|_| home.as_ref() == Some(home_of))?;
            own.rules.stale_after()
        };
        for _ in 0..TRIES {
            // Before the heads: whoever replaces this page has seen all that they said when it was written.
            let found = Page::look(&own).await?;
            let now = own.now();
            let glances = Glances::read(&own, occasion.most(), stale_after).await?;
            if glances.has_more && occasion == Occasion::Load {
                return Ok(());
            }
            let verified = self.verified(bucket, destination, &glances).await;
            let unmarked = self.overdue_files(destination).await;
            let elsewhere = elsewhere(&glances, home.as_ref());
            let page = StatusPage {
                glances: &glances,
                verified: &verified,
                unmarked: unmarked.as_ref(),
                trouble: settings.err(),
                function: self.variables.function_name.as_deref(),
                elsewhere: &elsewhere,
            };
            let shows = page.fingerprint();
            let is_shown = found.as_ref().is_some_and(|found| found.shows(&shows, now));
            if is_shown || Page::write(&own, found.as_ref(), &shows, page.html(now)).await? {
                return Ok(());
            }
        }
        tracing::info!("others write the status page; they have seen this run");
        Ok(())
    }

    /// Looks for data files whose marker is overdue; what cannot be listed is not shown, and the log says so.
    async fn overdue_files(&self, destination: Option<&Destination>) -> Option<Unmarked> {
        let bucket = self.variables.results_bucket.as_deref()?;
        let overdue = self.overdue(bucket, &destination?.rules).await;
        overdue.unwrap_or_else(|error| {
            tracing::warn!(error = %error, "the status page does not say which files wait for a marker");
            None
        })
    }

    /// Reads what was seen of the environments that segments live in, and of the destination's own.
    async fn verified(&self, bucket: &str, destination: Option<&Destination>, glances: &Glances) -> Vec<Verified> {
        let own = self.own(bucket);
        let named = glances.segments.iter().map(|glance| &glance.home.environment);
        let named = named.filter(|environment| !environment.is_empty()).cloned();
        let configured = destination.map(|destination| destination.organization.environment());
        let environments: BTreeSet<_> = named.chain(configured).collect();
        let reads = environments.into_iter().take(MOST_ENVIRONMENTS);
        let reads = reads.map(|environment| Verified::read(&own, environment));
        let read: Vec<_> = stream::iter(reads).buffered(MOST_ENVIRONMENTS).collect().await;
        read.into_iter().flatten().collect()
    }
}
