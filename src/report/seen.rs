//! What is seen of a segment some time after it was published, and its report.

use super::account::{KeptOut, Missing};
use super::run::stays;
use super::{Background, Outcome, RunReport, left, sentences};
use crate::error::Error;
use crate::means::Leftovers;
use crate::reconcile::{Left, Shown};
use crate::state::Applied;
use chrono::{DateTime, Utc};

/// What was seen of a segment that was published before.
pub(crate) enum Seen {
    /// It shows what was published.
    Active(Shown, Option<Missing>),
    /// It was published again, and is not seen yet.
    PublishedAgain {
        /// By Dynamics' own times nothing was computed since it was published before.
        is_without_effect: bool,
    },
    /// Nothing of it yet, nor of what was published before it, since then: too long for nobody to look.
    NotForLong {
        /// When the first of that was published.
        since: DateTime<Utc>,
    },
    /// Somebody calls it otherwise by now.
    Renamed(String),
    /// It is there no more as the one that is meant.
    Left(Left),
}

impl Seen {
    /// Returns whom Exclude groups keep out of what is shown, where that is known.
    fn kept_out(&self, applied: &Applied) -> Option<KeptOut> {
        match self {
            Self::Active(shown, _) => KeptOut::of(applied.members?.count, shown.asked),
            _ => None,
        }
    }

    const fn overdue_since(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::NotForLong { since } => Some(*since),
            _ => None,
        }
    }

    /// Returns who is not shown, where that is known.
    pub(crate) fn leftovers(&self) -> Leftovers<'_> {
        let not_shown = match self {
            Self::Active(_, missing) => Missing::those(missing.as_ref()),
            _ => &[],
        };
        Leftovers {
            not_shown,
            ..Leftovers::default()
        }
    }
}

impl RunReport {
    /// Tells that what was published could not be seen in the segment.
    pub(crate) fn of_unconfirmed(applied: &Applied, error: Error, needs_attention: bool) -> Self {
        let mut report = Self::of_failed(&applied.job, error, needs_attention);
        report.background.followed_up = Some(applied.at);
        report
    }

    /// Tells that the segment could not be published again for the members that are missing, and whether that calls a person.
    pub(crate) fn put_off(mut self, why: String, calls: bool) -> Self {
        self.warnings.push(why);
        self.needs_attention |= calls;
        self
    }

    /// Tells that others had published a part of what was taken back since, which this has published over.
    pub(crate) fn over_what_others_published(mut self) -> Self {
        self.warnings.push(sentences::COMPUTED_BY_OTHERS.to_owned());
        self
    }

    /// Tells of a segment that was looked at after it was published.
    pub(crate) fn of_published(applied: &Applied, seen: &Seen, requests: u64) -> Self {
        let background = Background {
            followed_up: Some(applied.at),
            kept_out: seen.kept_out(applied),
            is_gone: matches!(seen, Seen::Renamed(_) | Seen::Left(_)),
            is_unproven: matches!(seen, Seen::Active(shown, _) if shown.has_lasted),
            shortfall: match seen {
                Seen::Active(_, missing) => missing.as_ref().map(|missing| missing.shortfall),
                _ => None,
            },
            surplus: match seen {
                Seen::Active(shown, _) => shown.surplus(),
                _ => None,
            },
            overdue_since: seen.overdue_since(),
            is_without_effect: matches!(
                seen,
                Seen::PublishedAgain {
                    is_without_effect: true
                }
            ),
            ..Background::default()
        };
        let report = Self {
            segment_id: applied.segment_id.clone(),
            background,
            ..Self::of(&applied.job, Outcome::Computing)
        };
        let report = report.tell_who_is_kept_out();
        match seen {
            Seen::Active(shown, missing) => Self {
                outcome: Outcome::Loaded,
                member_count: shown.member_count,
                published_missing: shown.missing(),
                warnings: [sentences::about_what_is_shown(shown, missing.as_ref()), report.warnings].concat(),
                needs_attention: report.needs_attention || stays(missing.as_ref()) || shown.has_strangers(),
                requests,
                ..report
            },
            Seen::PublishedAgain { is_without_effect } => Self {
                warnings: sentences::about_a_publish_without_effect(*is_without_effect),
                needs_attention: *is_without_effect,
                requests,
                ..report
            },
            Seen::NotForLong { since } => Self {
                warnings: vec![sentences::not_seen_since(*since)],
                needs_attention: true,
                requests,
                ..report
            },
            Seen::Renamed(now) => Self {
                warnings: vec![sentences::renamed(now)],
                ..report
            },
            Seen::Left(what) => Self {
                warnings: vec![left::since_it_was_published(what)],
                ..report
            },
        }
    }
}
