//! What earlier versions left of a segment, under a key that knew no environment.

use super::head::Head;
use super::store::Stored;

/// What lies under a segment's earlier key.
#[derive(Clone, Debug)]
pub enum Legacy {
    /// A head that such a version wrote, by which one of its workers may still be at work.
    Head(Stored),
    /// It has moved to this home, whose own head may not be there yet.
    Moving(Stored),
    /// It has moved: to this home, and that is done with, or to another one, and this one begins without a past.
    Moved,
}

impl Legacy {
    /// Returns what of it this home's head is to begin with.
    pub fn into_past(self) -> Option<Head> {
        match self {
            Self::Head(stored) | Self::Moving(stored) => Some(stored.head),
            Self::Moved => None,
        }
    }
}
