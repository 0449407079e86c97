//! What a segment's status in Dynamics means for a load.

/// What a segment's `statuscode` means for a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentStatus {
    /// Published and computed.
    Active,
    /// Published and computed, with warnings that the segment's page in Dynamics shows.
    ActiveWithWarnings,
    /// Never published.
    Inactive,
    /// Publishing, computing or stopping; also every code that is not known.
    Busy,
    /// Stopped by a person: to be published again.
    Stopped,
    /// Unused for long: to be published again.
    Expired,
    /// Publishing or computing failed.
    Error,
    /// Computing failed.
    Faulted,
    /// Deleted, though the row is still there.
    Deleted,
}

impl SegmentStatus {
    /// Reads the status code; 1 to 7 are documented, 8, 9 and 11 observed, 10 is inferred.
    pub const fn of(code: i64) -> Self {
        match code {
            1 => Self::Active,
            2 => Self::Inactive,
            3 => Self::Error,
            4 => Self::Deleted,
            7 => Self::ActiveWithWarnings,
            9 => Self::Stopped,
            10 => Self::Expired,
            11 => Self::Faulted,
            _ => Self::Busy,
        }
    }

    /// Returns whether the segment shows a computed audience.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Active | Self::ActiveWithWarnings)
    }
}
