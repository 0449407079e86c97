//! AWS: the configuration, the clients of Secrets Manager and STS, and how long all its clients wait.

pub(crate) mod bounded;
mod bus;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use bounded::Bounded;
pub(crate) use bus::{Bus, Lost};
use std::time::Duration;

/// How long connecting may take; a host that does not answer in 3 seconds is tried again rather than awaited.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long one attempt at a call may take until its answer begins; what S3 and Secrets Manager do for us takes them less
/// than a second, so that an attempt of five is lost rather than slow.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a call may take with all its attempts: three, and the pauses between them. Only the bodies of objects take
/// longer; the SDK ends one that stands still, and its readers one that drips.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// Reads the process's configuration.
pub(crate) async fn config() -> SdkConfig {
    // Pinned, so that an update of the SDK does not change how it retries.
    aws_config::load_defaults(BehaviorVersion::v2026_01_12()).await
}

/// Builds the client of Secrets Manager.
pub(crate) fn secrets_manager(config: &SdkConfig) -> aws_sdk_secretsmanager::Client {
    let config = aws_sdk_secretsmanager::config::Builder::from(config)
        .timeout_config(timeouts())
        .interceptor(Bounded)
        .build();
    aws_sdk_secretsmanager::Client::from_conf(config)
}

/// Builds the client of STS.
pub(crate) fn sts(config: &SdkConfig) -> aws_sdk_sts::Client {
    let config = aws_sdk_sts::config::Builder::from(config)
        .timeout_config(timeouts())
        .interceptor(Bounded)
        .build();
    aws_sdk_sts::Client::from_conf(config)
}

/// Without these the SDK waits for an answer as long as the connection stands.
pub(crate) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(CALL_TIMEOUT)
        .build()
}
