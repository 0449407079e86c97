//! S3 as all who use it see it: what a refusal means, listings to their end, small objects as a whole, metadata that is kept back.

mod listing;
mod metadata;
mod reason;
mod small;

pub(crate) use listing::list;
pub(crate) use metadata::MissingMetadata;
pub(crate) use reason::{Denied, Missing, Reason};
pub(crate) use small::read;
