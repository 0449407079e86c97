//! How much of an answer of AWS is read: one that does not end, or is larger than any that AWS gives, is none.

use aws_sdk_s3::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use http_body_util::{LengthLimitError, Limited};
use std::error::Error;

/// The largest answer that is read: a page of a listing takes 4 MB at most (1,000 keys of 1,024 bytes, each written with three
/// characters), a head or a receipt some KB, a secret 64 KB.
const LARGEST: usize = 8 << 20;

/// What a sentence says of an answer that is larger.
pub(crate) const TOO_LARGE: &str = "an answer larger than 8 MiB, the most that is read";

/// Ends the reading of every answer behind [`LARGEST`] bytes, whatever it announces; to be added to every client of AWS.
///
/// Only bytes of a range that was asked for are no part of this: they are read piece by piece, by a reader that knows how many
/// there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounded;

/// Notes that the request that is under way is for a range.
#[derive(Clone, Copy, Debug)]
struct IsForARange(bool);

impl Storable for IsForARange {
    type Storer = StoreReplace<Self>;
}

impl Intercept for Bounded {
    fn name(&self) -> &'static str {
        "Bounded"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        state: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let is_for_a_range = context.request().headers().contains_key("range");
        state.interceptor_state().store_put(IsForARange(is_for_a_range));
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        state: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let is_for_a_range = state.load::<IsForARange>().is_some_and(|noted| noted.0);
        if is_for_a_range && context.response().status().is_success() {
            return Ok(());
        }
        let body = context.response_mut().body_mut();
        let whole = std::mem::replace(body, SdkBody::taken());
        *body = SdkBody::from_body_1_x(Limited::new(whole, LARGEST));
        Ok(())
    }
}

/// Returns whether an answer could not be read since it is too large.
pub(crate) fn is_too_large(error: &(dyn Error + 'static)) -> bool {
    error.is::<LengthLimitError>() || error.source().is_some_and(is_too_large)
}
