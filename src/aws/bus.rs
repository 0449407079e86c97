//! The bus that others are told on: one event at a time, and never for long.

use super::CONNECT_TIMEOUT;
use super::bounded::Bounded;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_eventbridge::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long one try may take: nobody's load waits for those who only listen.
const TRY: Duration = Duration::from_secs(2);
/// How often an event is put.
const TRIES: u32 = 2;

/// An EventBridge bus.
#[derive(Clone, Debug)]
pub(crate) struct Bus {
    client: aws_sdk_eventbridge::Client,
    /// Its name or ARN.
    name: String,
    /// The function that tells, by which rules of several stacks keep their events apart.
    function: Option<String>,
}

/// Why nobody hears of an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event could not be put on the bus {bus}: {reason}; nothing else depends on it")]
pub(crate) struct Lost {
    bus: String,
    reason: String,
    /// Nothing answered, so that the next event would wait as long for nothing.
    pub(crate) is_silent: bool,
}

/// Why a try came to nothing.
struct Failed {
    reason: String,
    is_silent: bool,
}

impl Bus {
    /// How long an event may take with all its tries.
    pub(crate) const LONGEST: Duration = TRY.saturating_mul(TRIES);
    /// What all events are from.
    const SOURCE: &str = env!("CARGO_PKG_NAME");

    pub(crate) fn new(config: &SdkConfig, name: String, function: Option<String>) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT.min(TRY))
            .operation_timeout(TRY)
            .build();
        let config = aws_sdk_eventbridge::config::Builder::from(config)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::disabled())
            .interceptor(Bounded)
            .build();
        Self {
            client: aws_sdk_eventbridge::Client::from_conf(config),
            name,
            function,
        }
    }

    /// Puts an event on the bus, until `stop_at` at the latest.
    pub(crate) async fn put(&self, detail_type: &str, detail: &str, stop_at: Instant) -> Result<(), Lost> {
        let mut failed = Failed::by("no time was left");
        for _ in 0..TRIES {
            if Instant::now() >= stop_at {
                break;
            }
            // Boxed, since the futures of the SDK are large.
            match timeout_at(stop_at, Box::pin(self.try_to_put(detail_type, detail))).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(why)) => failed = why,
                Err(_) => failed = Failed::by("no time was left"),
            }
        }
        let Failed { reason, is_silent } = failed;
        Err(self.lost(reason, is_silent))
    }

    /// Says that an event is not put, since those before it have taken too long.
    pub(crate) fn not_asked_again(&self) -> Lost {
        self.lost(
            "EventBridge did not answer in time, or only slowly, to events before this one".to_owned(),
            true,
        )
    }

    fn lost(&self, reason: String, is_silent: bool) -> Lost {
        let bus = self.name.clone();
        Lost { bus, reason, is_silent }
    }

    async fn try_to_put(&self, detail_type: &str, detail: &str) -> Result<(), Failed> {
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(Self::SOURCE)
            .detail_type(detail_type)
            .detail(detail)
            .set_resources(self.function.clone().map(|function| vec![function]))
            .build();
        let answer = self.client.put_events().entries(entry).send().await;
        let answer = answer.map_err(|error| match (&error, error.code()) {
            (_, Some("AccessDeniedException")) => Failed::by("allow the function's role events:PutEvents on it"),
            (_, Some(code)) => Failed::by(code),
            (SdkError::TimeoutError(_) | SdkError::DispatchFailure(_), None) => Failed {
                is_silent: true,
                ..Failed::by("EventBridge did not answer in time")
            },
            (_, None) => Failed::by("what answered was not EventBridge, or in trouble"),
        })?;
        // An entry can be refused in an answer that is a success.
        if answer.failed_entry_count() == 0 {
            return Ok(());
        }
        let code = answer.entries().iter().find_map(|entry| entry.error_code());
        Err(Failed::by(code.unwrap_or("EventBridge refused it")))
    }
}

impl Failed {
    fn by(reason: &str) -> Self {
        Self {
            reason: reason.to_owned(),
            is_silent: false,
        }
    }
}
