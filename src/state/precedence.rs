//! Where what was asked for directly stands among what events have brought.

use crate::domain::{Place, Position};
use serde::{Deserialize, Serialize};

/// Compares inputs: the result at which one stands, whether it stands above that, and which of the direct loads it is.
pub type Rank<'p> = (Place<'p>, bool, u64);

/// Where a direct load stands among the jobs: above all that was known when it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Precedence {
    /// The highest position known when it was asked for.
    pub above: Position,
    /// Counts the direct loads, so that the later of two wins.
    #[serde(rename = "turn")]
    pub number: u64,
    /// What its event had brought was refused, and is approved now: it stands where its event stood, so that what is newer
    /// than its file goes over it all the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_in_place: bool,
}

impl Precedence {
    /// Returns the result at or above which an input stands that was asked for in this way: with none, by its event.
    pub(super) fn place<'p>(asked: Option<&'p Self>, own: &'p Position) -> &'p Position {
        let above = asked.filter(|asked| !asked.is_in_place);
        above.map_or(own, |asked| &asked.above)
    }

    /// Returns what compares an input that was asked for in this way with others: at one place what stands in its own below what
    /// was asked for above it, whichever came later.
    pub(super) fn rank<'p>(asked: Option<&'p Self>, own: &'p Position) -> Rank<'p> {
        let is_above = asked.is_some_and(|asked| !asked.is_in_place);
        let number = asked.map_or(0, |asked| asked.number);
        (Self::place(asked, own).place(), is_above, number)
    }
}
