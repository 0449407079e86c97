//! What is done, for people: loaded, published or unchanged.

use super::{Telling, capitalised, people};
use crate::domain::{Mode, Watch};
use crate::report::sentences::kept_out_plainly;
use crate::report::{Background, Outcome, left};
use crate::state::Recovery;
use crate::text::shown::grouped;

impl Telling<'_> {
    pub(super) fn tell_what_is_done(&self) -> String {
        let mut sentences = vec![match self.report.outcome {
            Outcome::Loaded => self.loaded(),
            Outcome::Computing => self.computing(),
            _ => self.unchanged(),
        }];
        sentences.extend(self.never_seen());
        sentences.extend(self.background().kept_out.map(kept_out_plainly));
        sentences.extend(self.near_name());
        sentences.extend(self.left_behind());
        sentences.extend(self.shortage());
        sentences.extend(self.surplus());
        sentences.extend(self.left_out());
        sentences.extend(self.recovered().map(str::to_owned));
        sentences.join(" ")
    }

    /// Says that all is well again, as far as it is.
    fn recovered(&self) -> Option<&'static str> {
        let recovery = self.background().past.recovery.filter(|_| self.report.recovered)?;
        Some(match recovery {
            Recovery::Whole => "What went wrong before is over.",
            Recovery::LeavesOut => {
                "What went wrong before is over, but a file that was refused before is still not loaded."
            }
        })
    }

    fn loaded(&self) -> String {
        if let Some(at) = self.background().followed_up {
            return self.seen_later(at);
        }
        match self.members_now() {
            Some(members) if self.report.created => self.says(&format!("was created, with {}.", people(members))),
            Some(members) => self.says(&format!("was loaded: it has {}{}.", people(members), self.change())),
            None => self.says("was loaded."),
        }
    }

    fn computing(&self) -> String {
        if let Some(since) = self.background().overdue_since {
            return format!(
                "Nothing that was published of {} since {} has been seen in Dynamics: until it is, journeys may see the audience from \
                 before. Whoever looks after Dynamics has to look.",
                self.name,
                self.day(since)
            );
        }
        if self.background().is_without_effect {
            return self.says(
                "was published again, since Dynamics has not computed it after it was published before: until it does, journeys may \
                 see the audience from before. Whoever looks after Dynamics has to look.",
            );
        }
        let members = self.members_now();
        let with = members
            .map(|members| format!(" with {}", people(members)))
            .unwrap_or_default();
        let done = match (self.background().followed_up, self.report.created) {
            (Some(_), _) => "was published again".to_owned(),
            (None, true) => format!("was created and published{with}"),
            (None, false) => format!("was published{with}{}", self.change()),
        };
        self.says(&format!(
            "{done}, and Dynamics is still computing it: until that has ended, journeys may see the audience from before. This program looks \
             again by itself."
        ))
    }

    /// Says of a load that what was published before it was never seen, where that had long been to be seen.
    fn never_seen(&self) -> Option<String> {
        let Background {
            past,
            journeys,
            followed_up,
            ..
        } = self.background();
        let is_known = followed_up.is_some() || journeys.is_some() || self.report.created;
        let since = past
            .unseen_since
            .filter(|since| !is_known && self.now - *since > Watch::LONG_ENOUGH)?;
        (self.report.outcome != Outcome::Unchanged).then(|| {
            let since = self.day(since);
            format!("What was published from {since} on, before this load, was never seen in Dynamics.")
        })
    }

    fn unchanged(&self) -> String {
        if self.background().is_missing {
            return format!("There is no segment {}, and this file asks for none.", self.name);
        }
        match (self.report.contacts, self.report.mode) {
            (None, _) => self.says(
                "was not changed: this file was loaded before, and Dynamics was not asked what has become of it since.",
            ),
            (Some(_), Some(Mode::Append)) => self.says("was not changed: this file adds nobody to it."),
            (Some(_), Some(Mode::Remove)) => self.says("was not changed: this file takes nobody out of it."),
            _ => match self.members_now() {
                Some(members) => self.says(&format!(
                    "was not changed: it has {}, and nobody came or went.",
                    people(members)
                )),
                None => self.says("was not changed: nobody came or went."),
            },
        }
    }

    /// Says that a segment that was made has nearly the name of another one.
    fn near_name(&self) -> Option<String> {
        if !self.report.created {
            return None;
        }
        let is_folder = || self.report.is_named_by_an_odd_folder();
        match &self.background().near {
            Some(near) => Some(format!(
                "There is also “{near}”, of nearly the same name, and this file has not changed that one: if it was meant, have the file \
                 loaded into it, and delete this one in Dynamics."
            )),
            None => is_folder().then(|| {
                "It has the name of the folder that the file lies in, which looks like a date, a number or a file: if another segment was \
                 meant, have the file loaded into that one, and delete this one in Dynamics."
                    .to_owned()
            }),
        }
    }

    /// Says that this is not the segment that was loaded before.
    fn left_behind(&self) -> Option<String> {
        left::plainly(self.background().left.as_ref()?, self.report.mode?)
    }

    /// Says how many rows and contacts of the file came to nothing.
    fn left_out(&self) -> Option<String> {
        let report = self.report;
        let refused = report.not_found.unwrap_or(0) + report.not_accepted.unwrap_or(0);
        let rows = report.rejected.filter(|rows| *rows > 0).map(|rows| match rows {
            1 => "1 row of the file was unusable".to_owned(),
            rows => format!("{} rows of the file were unusable", grouped(rows)),
        });
        let refused = (refused > 0).then(|| match refused {
            1 => "1 contact of it was not accepted by Dynamics".to_owned(),
            refused => format!("{} contacts of it were not accepted by Dynamics", grouped(refused)),
        });
        let parts: Vec<_> = rows.into_iter().chain(refused).collect();
        (!parts.is_empty()).then(|| capitalised(&format!("{}.", parts.join(", and "))))
    }

    fn change(&self) -> String {
        if self.background().goes_on {
            return String::new();
        }
        let (added, removed) = (self.report.added.unwrap_or(0), self.report.removed.unwrap_or(0));
        match (added, removed) {
            (0, 0) => ", and nobody came or went".to_owned(),
            (added, 0) => format!(", {} came", grouped(added)),
            (0, removed) => format!(", {} went", grouped(removed)),
            (added, removed) => format!(", {} came and {} went", grouped(added), grouped(removed)),
        }
    }
}
