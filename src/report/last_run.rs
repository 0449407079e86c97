//! A run as it is remembered, and shown on the status page.

use super::sentence::sentence;
use super::{Outcome, RunReport};
use crate::state::LastRun;
use chrono::{DateTime, Utc};

impl RunReport {
    /// Tells a run in one plain sentence, for people who hear of it nowhere else.
    pub(crate) fn told(&self) -> String {
        sentence(self, Utc::now())
    }

    /// Tells a run that is answered, and kept nowhere.
    pub(crate) fn told_to_nobody_else(self) -> Self {
        let sentence = self.told();
        Self { sentence, ..self }
    }

    /// Returns the run as its segment's head remembers it, told at `at`; `None` if it was none of the segment's own.
    pub(crate) fn as_last_run(&self, at: DateTime<Utc>) -> Option<LastRun> {
        self.is_of_a_segment().then(|| LastRun {
            at,
            outcome: self.outcome,
            sentence: self.sentence.clone(),
            created: self.created,
            near_name: self.created && (self.background.near.is_some() || self.is_named_by_an_odd_folder()),
            needs_attention: self.needs_attention,
        })
    }

    /// Returns whether its segment has the name of a folder that nobody is likely to have meant for an audience, such as that of a
    /// day.
    pub(super) fn is_named_by_an_odd_folder(&self) -> bool {
        let name = self.segment_name.as_ref().filter(|name| name.is_like_a_date_or_file());
        let source = self.source.as_ref();
        name.zip(source).is_some_and(|(name, source)| {
            source
                .object
                .key
                .split('/')
                .rev()
                .skip(1)
                .any(|folder| folder.trim() == name.as_str())
        })
    }

    /// Returns whether the run may have changed what is known of a segment.
    pub(crate) fn is_of_a_segment(&self) -> bool {
        let is_own = !matches!(self.outcome, Outcome::DryRun | Outcome::Superseded | Outcome::Busy);
        is_own && !self.is_dry_run && !self.background.is_known && self.segment_name.is_some()
    }
}
