//! AWS: the configuration, the one way that all its clients take to the network, and how long they wait.

pub(crate) mod bounded;
mod bus;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
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

/// Reads the process's configuration, for clients that take that way to the network.
pub(crate) async fn config(http_client: SharedHttpClient) -> SdkConfig {
    // Pinned, so that an update of the SDK does not change how it retries.
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http_client)
        .load()
        .await
}

/// Builds the way to the network that all clients share, as the SDK builds it.
///
/// Each of them would otherwise build one of its own, and one more to try its settings, and look through the root
/// certificates every time.
pub(crate) fn http_client() -> SharedHttpClient {
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT);
    let connector = Connector::builder()
        .tls_provider(Provider::rustls(CryptoMode::AwsLc))
        .proxy_config(ProxyConfig::from_env())
        .connector_settings(settings.build())
        .build();
    let connector = SharedHttpConnector::new(connector);
    http_client_fn(move |_, _| connector.clone())
}

/// Builds the client of Secrets Manager.
pub(crate) fn secrets_manager(config: &SdkConfig) -> aws_sdk_secretsmanager::Client {
    let config = aws_sdk_secretsmanager::config::Builder::from(config)
        .timeout_config(timeouts())
        .interceptor(Bounded)
        .build();
    aws_sdk_secretsmanager::Client::from_conf(config)
}

/// Says how STS is asked.
pub(crate) fn sts(config: &SdkConfig) -> aws_sdk_sts::Config {
    aws_sdk_sts::config::Builder::from(config)
        .timeout_config(timeouts())
        .interceptor(Bounded)
        .build()
}

/// Without these the SDK waits for an answer as long as the connection stands.
pub(crate) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(CALL_TIMEOUT)
        .build()
}
