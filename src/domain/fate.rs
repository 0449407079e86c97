//! What becomes of a job whose attempt ended with an error.

/// What an error means for the job that it ended; every error of a run has one by its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stays queued, and is tried again after a pause that grows with each failure.
    Retry,
    /// It stays queued, and the next sweep goes on with it: only the time was over.
    Continue,
    /// Another worker goes on with it; this one touches the segment no more.
    LostLease,
    /// It is refused for what it is, which is no failure; only a direct load tries it again.
    Refuse,
    /// It can never be read; only a direct load tries it again.
    PutAside,
    /// It is dropped: another file took its object's place, and is a job of its own.
    Drop,
}
