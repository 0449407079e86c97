//! Loads query results from S3 into static segments of Dynamics 365 Customer Insights - Journeys.

pub mod contact;
pub mod source;
