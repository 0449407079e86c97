//! How S3 says that it keeps some of an object's metadata to itself.

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;

/// The header that counts what S3 could not hand out.
const MISSING: &str = "x-amz-missing-meta";

/// Has the SDK read every count that is not 0, a number or not, as one that says so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MissingMetadata;

impl Intercept for MissingMetadata {
    fn name(&self) -> &'static str {
        "MissingMetadata"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.response_mut().headers_mut();
        let is_missing = headers.get_all(MISSING).any(|count| count.trim() != "0");
        if is_missing {
            headers.insert(MISSING, "1");
        }
        Ok(())
    }
}
