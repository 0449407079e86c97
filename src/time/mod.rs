//! Until when calls may leave, and how long to wait before the next try.

mod backoff;
mod fence;

pub(crate) use backoff::Backoff;
pub use fence::{Closed, Fence};
