//! What is said of a published segment by the number of people whom Dynamics counts in it.

use super::{Telling, people};
use crate::state::Shortfall;
use crate::text::shown::grouped;
use chrono::{DateTime, Utc};

impl Telling<'_> {
    /// Tells what is seen of a segment some time after it was published.
    pub(super) fn seen_later(&self, at: DateTime<Utc>) -> String {
        let day = self.day(at);
        // How many it counts where it should count more is a sentence of its own.
        let count = self.report.member_count.filter(|_| self.missing().is_none());
        let counts = count.map(|count| format!(": Dynamics counts {}", people(count)));
        let counts = counts.unwrap_or_default();
        if self.background().is_unproven {
            return self.says(&format!(
                "was published on {day} and has been active since, but nothing proves that it shows what was published then{counts}. \
                 Look at it in Dynamics where that matters."
            ));
        }
        self.says(&format!("shows what was published on {day}{counts}."))
    }

    /// Says that Dynamics counts fewer than were published.
    pub(super) fn shortage(&self) -> Option<String> {
        let missing = self.missing()?;
        let count = self.report.member_count?;
        let what_now = match self.background().shortfall {
            Some(Shortfall::Stays) => {
                ", also after it was published again three times. Whoever looks after Dynamics has to look who they are, and why"
            }
            Some(Shortfall::AsBefore) => {
                ", no more than stayed missing when it was published again three times. It is not published again for them"
            }
            Some(Shortfall::PutOff) => ". It could not be published again for them, which is tried once more by itself",
            Some(Shortfall::Never) => ". It is not published again for them: look at it in Dynamics",
            Some(Shortfall::Again) => {
                ". Often that is over within hours: this program looks again by itself, and publishes it once more where it is not"
            }
            None => ". Look at it again in an hour",
        };
        let counts = match count {
            0 => "nobody".to_owned(),
            count => grouped(count),
        };
        let are = if missing == 1 { "is" } else { "are" };
        Some(format!(
            "Of its {} Dynamics counts {counts}: {} {are} missing{what_now}.",
            people(count + missing),
            grouped(missing)
        ))
    }

    /// Says that Dynamics counts more than were published.
    pub(super) fn surplus(&self) -> Option<String> {
        let people = people(self.background().surplus?);
        Some(format!(
            "Dynamics counts {people} more than were published: whoever runs this program has to look, and to load the file once more."
        ))
    }

    /// Returns how many of those who were published Dynamics does not count, where it lacks any.
    fn missing(&self) -> Option<u64> {
        self.report.published_missing.filter(|missing| *missing > 0)
    }
}
