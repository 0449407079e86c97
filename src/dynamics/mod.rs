//! Dynamics 365: the Entra token, the Dataverse client, the static segment of Customer Insights - Journeys.

mod body;
mod call;
mod client;
mod collation;
mod contacts;
mod create;
mod encoding;
mod entra;
mod entra_advice;
mod error;
mod escapes;
mod group;
mod json;
mod list;
mod members;
mod odata;
mod paging;
mod phrases;
mod redaction;
mod refusal;
mod retry;
mod rows;
mod segment;
mod throttle;
mod trial;
mod used_by;
mod verdict;
mod version;

pub use create::{LATE_COMMIT, LOOK_EVERY};
pub use entra::TokenCache;
pub use error::Error;
pub use group::{Definition, DefinitionId, Group, GroupId};
pub use refusal::Refusal;
pub use segment::{Dataverse, Segment, SegmentId};
pub use trial::Described;
pub use version::Saved;
