//! S3 as all who use it see it: one client, what a refusal means, listings to their end, small objects as a whole, metadata that is
//! kept back, S3's clock, and the function's own objects with the layout of their keys.

mod client;
mod clock;
mod keys;
mod listing;
mod metadata;
mod own;
mod reason;
mod small;

pub(crate) use client::client;
pub(crate) use clock::S3Clock;
pub(crate) use keys::{Folder, Keys, Names};
pub(crate) use listing::list;
pub(crate) use own::{Look, Only, Own};
pub(crate) use reason::{Denied, Missing, Reason};
pub(crate) use small::Small;
