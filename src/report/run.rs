//! The report of an attempt, made from its account.

use super::account::{Account, Content, Cost, Ending, Missing, Reading};
use super::before::about_what_is_newer;
use super::{Background, Outcome, Past, RunReport, Source, ToldBy, sentences};
use crate::domain::{Fate, Mode};
use crate::error::Error;
use crate::means::{Lists, Unwritten};
use crate::source::{ObjectVersion, Rejected};
use crate::state::{End, Job, Lost, Overtaken, Shortfall, Unreported};
use std::time::Duration;

/// One attempt at a job, at its end.
pub(crate) struct Attempt<'a> {
    pub(crate) job: &'a Job,
    /// Names the attempt in its objects' keys.
    pub(crate) number: String,
    pub(crate) account: Account,
    pub(crate) cost: Cost,
    pub(crate) lists: Lists,
    pub(crate) ending: Ending,
}

impl RunReport {
    /// How many rejected lines the report names; the rejected rows' own object has the others.
    pub const LINES_NAMED: usize = 10;

    /// The error type of an attempt that ended without a word.
    pub(super) const LOST: &str = "AttemptLost";

    /// Tells of an attempt.
    pub(crate) fn of_attempt(attempt: Attempt<'_>) -> Self {
        let Attempt {
            job,
            number,
            account,
            cost,
            lists,
            ending,
        } = attempt;
        let mut report = Self {
            attempt: number,
            requests: cost.requests,
            throttled_ms: millis(cost.throttled),
            duration_ms: millis(cost.duration),
            phases_ms: cost.phases,
            ..Self::of(job, Outcome::Failed)
        };
        report.background = Background::of(&account, &ending);
        report.tell_the_reading(&account.reading);
        report.tell_the_segment(&account);
        report.tell_the_ending(&account, ending);
        report = report.tell_who_is_kept_out();
        report.tell_the_throttling();
        report.tell_the_lists(lists, &account.reading.rejected);
        let consequences = sentences::consequences(&report, account.comparison.found.as_ref());
        report.warnings.extend(consequences);
        report.added = report.added.filter(|_| account.is_change_known());
        report.removed = report.removed.filter(|_| account.is_change_known());
        report.after(account.past)
    }

    /// Tells what a run means after those before it: that the segment is well again, or that the same is wrong once more.
    pub(crate) fn after(mut self, past: Past) -> Self {
        let is_good = matches!(self.outcome, Outcome::Loaded | Outcome::Unchanged);
        let is_bad = matches!(self.outcome, Outcome::Refused | Outcome::Failed);
        self.recovered = is_good && past.recovery.is_some();
        self.repeated = is_bad && past.ended_badly.as_deref() == Some(self.error_type().unwrap_or_default());
        self.background.past = past;
        self
    }

    /// Tells of a job that another one overtook.
    pub(crate) fn of_overtaken(job: &Job, by: &Job) -> Self {
        Self {
            reason: Some(sentences::overtaken(by)),
            ..Self::of(job, Outcome::Superseded)
        }
    }

    /// Tells of a job that another one overtook whose worker was killed before it could tell; the next one says so.
    pub(crate) fn of_untold(overtaken: &Overtaken) -> Self {
        Self {
            told_by: ToldBy::TheNext,
            ..Self::of_overtaken(&overtaken.job, &overtaken.by)
        }
    }

    /// Tells that the file was not read once more, and why.
    pub(crate) fn finished_unread(mut self, error: &Error) -> Self {
        self.warnings.push(sentences::finished_unread(error));
        self
    }

    /// Tells of an attempt that ended without a word; the next one says so.
    pub(crate) fn of_lost(lost: &Lost) -> Self {
        Self {
            told_by: ToldBy::TheNext,
            error_type: Some(Self::LOST.into()),
            reason: Some(sentences::LOST.to_owned()),
            needs_attention: lost.needs_attention,
            repeated: lost.is_repeated,
            warnings: sentences::attention(lost.needs_attention),
            background: Background {
                past: Past::seen(lost.last_seen),
                is_tried_again: true,
                ..Background::default()
            },
            ..Self::of(&lost.job, Outcome::Failed)
        }
    }

    /// Tells of an attempt that came to its end and was killed before it could report; the next one says so.
    pub(crate) fn of_unreported(unreported: &Unreported) -> Self {
        let Unreported { job, end, recovery } = unreported;
        let mut warnings = vec![sentences::UNREPORTED.to_owned()];
        if matches!(end, End::Applied(applied, _) if applied.is_computed_by_others) {
            warnings.push(sentences::COMPUTED_BY_OTHERS.to_owned());
        }
        let report = match end {
            End::Applied(applied, loaded) => Self {
                segment_id: applied.segment_id.clone(),
                contacts: Some(applied.contacts),
                ..Self::of(job, (*loaded).into())
            },
            End::Known(known) => Self::of_known(job, known.clone()).told_for_the_first_time(),
        };
        let mut report = Self {
            told_by: ToldBy::TheNext,
            // Nobody has heard of it before.
            repeated: false,
            recovered: recovery.is_some(),
            warnings,
            ..report
        };
        report.background.past.recovery = *recovery;
        report
    }

    /// Tells of a job for which an attempt failed before it could read anything.
    pub(crate) fn of_failed(job: &Job, error: Error, needs_attention: bool) -> Self {
        let mut report = Self::of(job, Outcome::Failed);
        report.background.is_tried_again = error.fate() == Fate::Retry;
        let outcome = Outcome::Failed;
        report.tell_the_ending(
            &Account::default(),
            Ending::Failed {
                outcome,
                error,
                needs_attention,
            },
        );
        report
    }

    /// Tells under which number the run is kept, and where the lists are.
    pub(crate) fn with_lists(mut self, number: String, lists: Lists) -> Self {
        self.attempt = number;
        self.tell_the_lists(lists, &Rejected::default());
        self
    }

    /// Adds what a person should know.
    pub(crate) fn warning(mut self, warning: Option<String>) -> Self {
        self.warnings.extend(warning);
        self
    }

    fn tell_the_reading(&mut self, reading: &Reading) {
        if let Some(source) = &mut self.source {
            let files = reading.parts.iter().map(ObjectVersion::reference);
            source.files = files.filter(|file| *file != source.object).collect();
        }
        self.warnings.extend(reading.remarks.iter().map(ToString::to_string));
        self.warnings.extend(about_what_is_newer(reading));
        let Some(Content {
            rows,
            contacts,
            duplicates,
        }) = reading.content
        else {
            return;
        };
        self.rows = Some(rows);
        self.contacts = Some(contacts as u64);
        self.duplicates = Some(duplicates);
        self.rejected = Some(reading.rejected.count);
        let reasons = reading.rejected.by_reason.iter();
        self.rejected_by_reason = reasons.map(|(reason, count)| (reason.as_str(), *count)).collect();
        let lines = reading.rejected.rows.iter().map(|row| row.line);
        self.rejected_lines = lines.take(Self::LINES_NAMED).collect();
    }

    fn tell_the_segment(&mut self, account: &Account) {
        let count = |number: usize| number as u64;
        let Account {
            comparison, writing, ..
        } = account;
        let found = comparison.found.as_ref();
        let found_id = found.map(|found| found.segment_id.clone());
        self.segment_id = writing.segment_id.clone().or(found_id);
        self.created = comparison.difference.is_some() && found.is_none() && writing.segment_id.is_some();
        self.used_by = account.used_by().cloned();
        self.live_journeys = self.used_by.as_ref().and_then(|used_by| used_by.journeys);
        self.not_found = comparison.looked_up.map(|_| count(comparison.not_found.len()));
        self.inactive = comparison.looked_up.map(|_| count(comparison.inactive.len()));
        self.merged = comparison.looked_up.map(|_| count(comparison.merged.len()));
        self.members_before = comparison.difference.map(|difference| count(difference.members_before));
        self.added = account.change().map(|(added, _)| count(added));
        self.removed = account.change().map(|(_, removed)| count(removed));
        self.not_accepted = writing.written.map(|_| count(writing.not_accepted.len()));
        self.match_rate_percent = account
            .match_rate()
            .filter(|_| self.mode != Some(Mode::Remove))
            .and_then(|(accepted, contacts)| percent(accepted, contacts));
        self.member_count = writing.shown.and_then(|shown| shown.member_count);
        self.published_missing = writing.shown.and_then(|shown| shown.missing());
        self.warnings.extend(sentences::about_no_segment(self, comparison));
        self.warnings.extend(sentences::about_a_new_segment(self, comparison));
        self.tell_of_the_one_left(comparison.left.as_ref());
        self.needs_attention |= stays(writing.missing.as_ref());
        self.needs_attention |= writing.shown.is_some_and(|shown| shown.has_strangers());
        self.warnings.extend(sentences::about_the_segment(account));
        self.warnings.extend(writing.undescribed.clone());
    }

    /// Says whom Exclude groups keep out; where that is everybody, a person has to look whether it is meant.
    pub(super) fn tell_who_is_kept_out(mut self) -> Self {
        if let Some(kept_out) = self.background.kept_out {
            self.warnings.push(sentences::about_those_kept_out(kept_out));
            self.needs_attention |= kept_out.is_everybody();
        }
        self
    }

    fn tell_the_ending(&mut self, account: &Account, ending: Ending) {
        match ending {
            Ending::Done(outcome) => self.outcome = outcome,
            Ending::Failed {
                outcome,
                error,
                needs_attention,
            } => {
                self.outcome = outcome;
                let is_told = matches!(outcome, Outcome::Failed | Outcome::Refused);
                self.error_type = error.told_type().filter(|_| is_told);
                self.needs_attention |= needs_attention || error.asks_for_attention();
                self.warnings.extend(sentences::attention(needs_attention));
                self.reason = Some(error.to_string());
            }
            Ending::DryRun(estimate) => {
                self.is_dry_run = true;
                self.outcome = Outcome::DryRun;
                let planned = account
                    .comparison
                    .difference
                    .filter(|_| account.comparison.found.is_none());
                self.created = planned.is_some_and(|planned| planned.added > 0);
                self.estimated_requests = Some(estimate.requests);
                self.estimated_duration_ms = Some(millis(estimate.duration));
                let (before, removed) = (self.members_before.unwrap_or(0), self.removed.unwrap_or(0));
                self.unchanged = Some(before.saturating_sub(removed));
                self.guards.clone_from(&account.comparison.evaluations);
                self.warnings
                    .extend(sentences::objections(&account.comparison.evaluations));
            }
            Ending::FailedDryRun(error) => self.tell_the_failed_dry_run(&error),
        }
    }

    /// Adds to a run that goes on how much of its time it has waited since Dynamics throttles.
    fn tell_the_throttling(&mut self) {
        let waited = sentences::about_throttling(self.throttled_ms);
        if let (Outcome::Continues, Some(reason), Some(waited)) = (self.outcome, &mut self.reason, waited) {
            reason.push_str(&waited);
        }
    }

    fn tell_the_failed_dry_run(&mut self, error: &Error) {
        self.is_dry_run = true;
        self.outcome = if error.is_refusal() {
            Outcome::Refused
        } else {
            Outcome::Failed
        };
        self.error_type = Some(error.error_type().into());
        self.needs_attention = error.asks_for_attention();
        self.reason = Some(error.to_string());
    }

    /// Tells where the lists are of what did not come into the segment.
    fn tell_the_lists(&mut self, lists: Lists, rejected: &Rejected) {
        let kept = rejected.rows.len() as u64;
        if lists.rejected_rows.is_some() && kept < rejected.count {
            self.warnings.push(sentences::list_ends(kept, rejected.count));
        }
        self.rejected_rows = self.address_of(lists.rejected_rows);
        self.not_accepted_contacts = self.address_of(lists.not_accepted_contacts);
    }

    fn address_of(&mut self, list: Option<Result<String, Unwritten>>) -> Option<String> {
        let written = list?.inspect_err(|unwritten| self.warnings.push(unwritten.to_string()));
        written.ok()
    }

    /// Starts the report of a job.
    pub(super) fn of(job: &Job, outcome: Outcome) -> Self {
        Self {
            run_id: Some(job.run_id.clone()),
            segment_name: Some(job.segment_name.clone()),
            source: Some(Source {
                object: job.object.clone(),
                files: Vec::new(),
            }),
            mode: Some(job.mode),
            sample: job.sample,
            approved: job.approved,
            ..Self::new(outcome)
        }
    }
}

/// Returns whether members are missing although all was tried, so that a person has to look.
pub(super) fn stays(missing: Option<&Missing>) -> bool {
    missing.is_some_and(|missing| missing.shortfall == Shortfall::Stays)
}

/// Returns a share in percent with two decimals; nothing of nothing.
#[expect(clippy::cast_precision_loss, reason = "counts of contacts stay far below 2^52")]
fn percent(share: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| (share as f64 * 10_000.0 / whole as f64).round() / 100.0)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
