//! The client of S3.

use super::S3Clock;
use super::metadata::MissingMetadata;
use crate::aws;
use crate::aws::bounded::Bounded;
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;

/// Builds the client; every answer sets the clock.
pub(crate) fn client(config: &SdkConfig, clock: S3Clock) -> Client {
    let config = Builder::from(config)
        .timeout_config(aws::timeouts())
        .interceptor(clock)
        .interceptor(Bounded)
        .interceptor(MissingMetadata)
        .build();
    Client::from_conf(config)
}
