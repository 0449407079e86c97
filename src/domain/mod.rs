//! The words of the house: what every room speaks of, without any I/O.

mod contact;
mod error_type;
mod fact;
mod fate;
mod home;
mod mode;
mod near_names;
mod object;
mod older_files;
mod outcome;
mod position;
mod pinned;
mod run_id;
mod segment_name;
mod segment_status;
mod unanswered;
mod used_by;
mod watch;

pub use contact::{Batch, Census, Collector, ContactId, ContactSet, TooManyContacts};
pub use error_type::ErrorType;
pub use fact::Fact;
pub use fate::Fate;
pub use home::Home;
pub use mode::Mode;
pub use near_names::NearNames;
pub use object::{ObjectRef, folder, s3_url};
pub use older_files::{OlderFiles, utc};
pub use outcome::Outcome;
pub use pinned::Pinned;
pub use position::{Place, Position};
pub use run_id::RunId;
pub use segment_name::SegmentName;
pub use segment_status::SegmentStatus;
pub use unanswered::{LATE_COMMIT, LONGEST_LEASE};
pub use used_by::UsedBy;
pub use watch::{Computation, Sign, View, Watch};
