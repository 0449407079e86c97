//! Which result a segment should end as, and who works on it: one head per segment in S3.
//!
//! A head is changed by pure transitions ([`transition`]), and written only in place of what was read ([`store`]). This module knows files
//! and segments' names, no contacts.

pub mod bookmark;
pub mod counted;
mod failures;
mod format;
mod future;
mod glance;
mod lease;
mod ledger;
mod legacy;
mod page;
pub mod head;
pub mod markers;
pub mod past;
mod overtaken;
mod precedence;
mod prints;
mod refused;
mod shortage;
pub mod status;
pub mod store;
pub mod transition;
mod trials;
mod unproven;
mod unseen;
mod verified;
mod well;

pub use bookmark::Bookmark;
pub use counted::{Undone, Untold};
pub use glance::{Glance, Glances};
pub use head::{Applied, Change, Head, Job, ReadBack};
pub use legacy::Legacy;
pub use overtaken::Overtaken;
pub use page::Page;
pub use past::{LastRun, Load, Loaded, UnderWay};
pub use precedence::{Precedence, Rank};
pub use refused::{Help, Refusal, Refused, Told};
pub use status::{State, Status, Waiting};
pub use store::{Error, Heads, KeyContent, Stored};
pub use transition::{Achievement, Claim, End, Enqueued, LeaseLost, Lost, Shortfall, Unreported, Whose};
pub use trials::{Noted, Trial, Trials};
pub use unseen::Unseen;
pub use verified::{Doubts, Finding, Verification, Verified};
pub use well::Recovery;
