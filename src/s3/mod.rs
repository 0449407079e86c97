//! S3 as all who use it see it: what a refusal means, listings to their end, and small objects as a whole.

mod listing;
mod reason;
mod small;

pub(crate) use listing::list;
pub(crate) use reason::{Denied, Missing, Reason};
pub(crate) use small::read;
