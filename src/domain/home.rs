//! Whose a segment is.

use serde::{Deserialize, Serialize};

/// Where segments live: an environment of Dynamics or, where the destination names one, one business unit in it.
///
/// Functions that share a bucket keep apart by it: what was loaded in one environment says nothing about another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Home {
    /// The organization's host in lower case, with its port where there is one.
    pub environment: String,
    /// The id of the business unit, where one is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business_unit: Option<String>,
}

impl Home {
    /// Returns the environment as a whole.
    pub const fn environment(environment: String) -> Self {
        Self {
            environment,
            business_unit: None,
        }
    }
}
