//! What the oracle finds.

/// What must never happen, and happened.
#[derive(Clone, Debug)]
#[expect(
    dead_code,
    reason = "what happened is for people, who read it in the failed test's message"
)]
pub(super) enum Breach {
    /// A part of a file was visible or published.
    Partial(String),
    /// `applied` was ahead of the published audience.
    Ahead(String),
    /// An older file was published although a newer one was known.
    Overtaken(String),
    /// Two workers sent writes at the same time.
    TwoSenders(String),
    /// A good file was refused.
    Refusal(String),
    /// The guards were opened for what nobody had approved.
    Approval(String),
    /// Dynamics is said to have refused contacts that it takes.
    Blamed(String),
    /// Something was said of a run that is not true.
    Untrue(String),
    /// A dry run wrote something.
    Trace(String),
    /// A file waited for no reason.
    Late(String),
    /// Nobody heard of what could not be loaded.
    Unheard(String),
    /// A segment tells in Dynamics what is not known yet, or what somebody wrote there is lost.
    Described(String),
    /// When everything was over, something was wrong.
    End(String),
}
