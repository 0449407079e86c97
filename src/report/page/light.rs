//! The light of a segment: a colour, a shape and a word for it.

use crate::domain::Outcome;
use crate::state::{Glance, State};

/// How much a segment asks for a person; the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Light {
    /// It is wrong, and goes on being wrong.
    Bad,
    /// Somebody has to look, or to decide.
    Warn,
    /// It is under way.
    Busy,
    /// It is right.
    Good,
}

impl Light {
    /// Returns the light of a segment, and the word for it.
    pub(super) fn of(glance: &Glance) -> (Self, &'static str) {
        let last = glance.last_run.as_ref();
        let is_unreadable = glance
            .refused
            .as_ref()
            .is_some_and(|refused| refused.refusal.unreadable);
        match glance.status.state {
            State::Unreadable => (Self::Bad, "State unreadable"),
            State::Loading => (Self::Busy, "Being loaded"),
            State::Failing => (Self::Bad, "Failing"),
            _ if glance.has_died => (Self::Bad, "Interrupted"),
            State::Waiting => (Self::Busy, "Waiting"),
            State::Computing if glance.is_overdue => (Self::Warn, "Not seen yet"),
            State::Computing => (Self::Busy, "Being computed"),
            State::Refused if is_unreadable => (Self::Warn, "Not refreshed"),
            State::Refused => (Self::Warn, "Refused"),
            State::Stale => (Self::Warn, "Too old"),
            State::Fresh if glance.missing.is_some() => (Self::Warn, "Not fully counted"),
            State::Fresh if last.is_some_and(|run| run.needs_attention) => (Self::Warn, "Somebody has to look"),
            State::Fresh if glance.refused.is_some() && is_unreadable => (Self::Warn, "Not refreshed"),
            State::Fresh if glance.refused.is_some() => (Self::Warn, "Refused"),
            State::Fresh if last.is_some_and(|run| run.outcome == Outcome::Failed) => (Self::Warn, "Not refreshed"),
            State::Fresh if last.is_some_and(|run| run.outcome == Outcome::Refused) => (Self::Warn, "Refused"),
            State::Fresh if last.is_some_and(|run| run.near_name) => (Self::Warn, "Name to check"),
            State::Fresh if last.is_some_and(|run| run.created) => (Self::Good, "Created"),
            State::Fresh => (Self::Good, "Up to date"),
        }
    }

    /// Returns the class of what is in this light.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Bad => "card bad",
            Self::Warn => "card warn",
            Self::Busy => "card busy",
            Self::Good => "card good",
        }
    }

    /// Returns its shape, for who cannot tell the colours apart.
    pub(super) const fn shape(self) -> &'static str {
        match self {
            Self::Bad => "\u{25a0}",
            Self::Warn => "\u{25b2}",
            Self::Busy => "\u{25d0}",
            Self::Good => "\u{25cf}",
        }
    }
}
