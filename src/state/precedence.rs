//! Where what was asked for directly stands among what events have brought.

use crate::domain::{Place, Position};
use serde::{Deserialize, Serialize};

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

    /// Returns what compares an input that was asked for in this way with others.
    pub(super) fn rank<'p>(asked: Option<&'p Self>, own: &'p Position) -> (Place<'p>, u64) {
        (Self::place(asked, own).place(), asked.map_or(0, |asked| asked.number))
    }
}
