//! The words of the house: what every room speaks of, without any I/O.

mod contact;
mod mode;
mod object;
mod order;
mod run_id;
mod segment_name;

pub use contact::{Batch, Collector, ContactId, ContactSet, TooManyContacts};
pub use mode::Mode;
pub use object::{ObjectRef, s3_url};
pub use order::Order;
pub use run_id::RunId;
pub use segment_name::SegmentName;
