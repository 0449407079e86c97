//! A run in one plain sentence, for people who do not know this program: in the answer, in events, mails and Dynamics.
//!
//! What a sentence says is known; what is not, it leaves out. It names no id and no content, and holds no character that a
//! template of somebody else would have to escape.

mod counted;
mod done;
mod refused;
mod stale;
mod unnamed;

pub(crate) use refused::to_remember;
pub(super) use stale::of_stale;

use super::why::{Group, group};
use super::{Audience, Background, Outcome, RunReport};
use crate::text::shown::grouped;
use chrono::{DateTime, Datelike, Utc};

/// Tells a run in one sentence, or a few short ones, as it is known at `now`.
pub(super) fn sentence(report: &RunReport, now: DateTime<Utc>) -> String {
    let told = match &report.segment_name {
        Some(name) => Telling {
            report,
            name: format!("“{name}”"),
            now,
        }
        .tell(),
        None => unnamed::tell(report),
    };
    plain(&told)
}

/// Replaces what a template, a page or a line would stumble over.
pub(super) fn plain(text: &str) -> String {
    let replaced = text.chars().map(|c| match c {
        '"' => '\'',
        '\\' => '/',
        '<' => '‹',
        '>' => '›',
        c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => ' ',
        // What follows would be read from the other side.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
        c => c,
    });
    replaced.collect()
}

/// Tells a run of a segment.
struct Telling<'a> {
    report: &'a RunReport,
    /// The segment's name, in quotes.
    name: String,
    now: DateTime<Utc>,
}

impl Telling<'_> {
    fn tell(&self) -> String {
        let Background { is_gone, .. } = self.background();
        match self.report.outcome {
            _ if *is_gone => {
                self.says("is not in Dynamics any more as it was published: that one was deleted, renamed or given to another business unit.")
            }
            Outcome::Loaded | Outcome::Computing | Outcome::Unchanged => self.tell_what_is_done(),
            Outcome::DryRun => self.tell_the_dry_run(),
            Outcome::Refused => self.tell_the_refusal(),
            Outcome::Superseded => format!(
                "This file is not loaded into {}: another one counts instead.",
                self.name
            ),
            Outcome::Busy => self.says("is being worked on already: this file has its turn after that, by itself."),
            Outcome::Continues => self.tell_that_it_goes_on(),
            Outcome::Failed => self.tell_the_failure(),
        }
    }

    fn tell_the_dry_run(&self) -> String {
        let refusing: Vec<_> = self.report.guards.iter().filter_map(|guard| guard.refusal()).collect();
        if !refusing.is_empty() {
            let why = refusing.join("; ");
            return format!(
                "A dry run: {} would not be refreshed: {why}. Nothing was changed.",
                self.name
            );
        }
        let (added, removed) = (self.report.added.unwrap_or(0), self.report.removed.unwrap_or(0));
        let would = match self.members_now() {
            Some(members) if self.report.created => format!("would be created, with {}", people(members)),
            Some(members) if added > 0 || removed > 0 => format!(
                "would have {}: {} would come and {} would go",
                people(members),
                grouped(added),
                grouped(removed)
            ),
            _ => "would stay as it is".to_owned(),
        };
        format!("A dry run: {} {would}. Nothing was changed.", self.name)
    }

    fn tell_that_it_goes_on(&self) -> String {
        if self.background().waits_for_another {
            return self
                .says("waits with this file: another one goes first and is not done yet. That goes on by itself.");
        }
        let throttled = if self.report.throttled_ms > 0 || self.background().is_throttled {
            ", since Dynamics let this program make fewer calls than it wanted"
        } else {
            ""
        };
        format!(
            "The time was too short to see {} finished{throttled}: it goes on by itself where anything is left to do.",
            self.name
        )
    }

    fn tell_the_failure(&self) -> String {
        let Background {
            past,
            may_be_published,
            followed_up,
            is_tried_again,
            waits_for_another,
            is_known,
            ..
        } = self.background();
        let group = group_of(self.report);
        let why = group.why;
        if self.report.is_dry_run {
            return format!(
                "A dry run for {} came to nothing: {why}. Nothing was changed.",
                self.name
            );
        }
        let failed = match followed_up {
            _ if *is_known => self.says(&format!("was not refreshed: this file came to nothing before: {why}.")),
            _ if *waits_for_another && self.report.error_type().is_none() => {
                self.says("waits with this file: another one goes first.")
            }
            _ if *waits_for_another => self.says(&format!(
                "waits with this file: another one goes first, and failed: {why}."
            )),
            Some(at) => self.says(&format!(
                "was published on {}, and Dynamics does not show that yet: {why}.",
                self.day(*at)
            )),
            None if self.report.error_type() == Some(RunReport::LOST) => {
                format!("An attempt to load {} {why}.", self.name)
            }
            None if *may_be_published => format!("It is not known yet whether {} was refreshed: {why}.", self.name),
            None if past.is_clear => self.says(&format!("was not refreshed: {why}.")),
            None => self.says(&format!("could not be worked on: {why}.")),
        };
        let to_do = group.to_do(*is_tried_again);
        let attention = if self.report.needs_attention {
            "It failed again and again: whoever runs this program has to look."
        } else {
            ""
        };
        self.with_standing(failed, [to_do.as_str(), attention])
    }

    /// Adds who the journeys go on with, as far as that was seen, and what is to be done.
    fn with_standing<'t>(&self, sentence: String, to_do: impl IntoIterator<Item = &'t str>) -> String {
        let Background {
            journeys,
            past,
            may_be_published,
            followed_up,
            ..
        } = self.background();
        let standing = match (journeys, past.last) {
            _ if *may_be_published || followed_up.is_some() => None,
            (Some(Audience { people, since }), _) => Some(format!(
                "Journeys go on with the {} of {}.",
                grouped(*people),
                self.day(*since)
            )),
            (None, Some(Audience { people: count, since })) => Some(format!(
                "The last load that was seen in Dynamics was that of {}, with {}.",
                self.day(since),
                people(count)
            )),
            (None, None) => None,
        };
        let to_do = to_do.into_iter().filter(|to_do| !to_do.is_empty()).map(str::to_owned);
        [sentence]
            .into_iter()
            .chain(standing)
            .chain(to_do)
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Returns how many people are in the segment after the run, or would be.
    fn members_now(&self) -> Option<u64> {
        let RunReport {
            members_before,
            added,
            removed,
            ..
        } = self.report;
        let members = ((*members_before)? + (*added)?).checked_sub((*removed)?)?;
        // Whom Exclude groups keep out are members and no audience.
        match (self.report.member_count, self.report.published_missing) {
            (Some(count), Some(0)) => Some(count),
            (Some(count), Some(missing)) => Some(count + missing),
            _ => Some(members),
        }
    }

    fn says(&self, what: &str) -> String {
        format!("{} {what}", self.name)
    }

    fn day(&self, at: DateTime<Utc>) -> String {
        day(at, self.now)
    }

    const fn background(&self) -> &Background {
        &self.report.background
    }
}

/// Returns what went wrong, and what is to be done.
fn group_of(report: &RunReport) -> Group<'_> {
    let Background { misfit, remembered, .. } = &report.background;
    let told = remembered.as_ref().and_then(|remembered| remembered.told.as_ref());
    let known = group(report.error_type().unwrap_or_default());
    Group {
        why: misfit.or_else(|| Some(&told?.why)).unwrap_or(known.why),
        ..known
    }
}

/// Writes a day, with its year where that is not this one.
pub(super) fn day(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let form = if at.year() == now.year() { "%-d %B" } else { "%-d %B %Y" };
    at.format(form).to_string()
}

pub(super) fn people(number: u64) -> String {
    match number {
        0 => "nobody".to_owned(),
        1 => "1 person".to_owned(),
        _ => format!("{} people", grouped(number)),
    }
}

pub(super) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests;
