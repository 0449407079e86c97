//! Loads query results from S3 into static segments of Dynamics 365 Customer Insights - Journeys.
pub mod contact;
pub mod environment;
pub mod event;
pub mod fence;
mod percent;
pub mod settings;
pub mod state;
pub mod load {
    //! One result into one segment.
    pub mod guard;
    pub mod plan;
}
