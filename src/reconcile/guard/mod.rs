//! Whether a result may become the audience: pure, and decided before the first write.

use super::plan::MAX_MEMBERS;
use crate::config::{EmptyResult, Rules, WhenInUse};
use crate::domain::{Mode, ObjectRef, OlderFiles, UsedBy};
use crate::text::shown::grouped;
use serde::Serialize;

/// The numbers that the guards evaluate.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// How the file changes the segment.
    pub mode: Mode,
    /// Rows read.
    pub rows: u64,
    /// Distinct contacts in the file.
    pub contacts: usize,
    /// Distinct contacts of the result itself, before what is newer went over it.
    pub held: usize,
    /// Newer removals that took some of them out again.
    pub removals: &'a [ObjectRef],
    /// Ids of it that were looked up and are no contacts.
    pub not_found: usize,
    /// Rows that hold no contact.
    pub rejected: u64,
    /// Members of the segment as it stands.
    pub members: usize,
    /// Members published before an unfinished load left the draft half-written; `None` if the draft is whole.
    pub published: Option<u64>,
    /// Members that journeys see, where people have taken some out of the draft since it was published; `None` where they have
    /// not.
    pub shown: Option<u64>,
    /// Contacts to be added.
    pub added: usize,
    /// Members to be removed.
    pub removed: usize,
    /// Files that may be left over from an earlier result.
    pub older_files: Option<OlderFiles>,
    /// What uses the segment that is to be written; `None` if Dynamics does not tell, or nothing is to be written.
    pub used_by: Option<&'a UsedBy>,
    /// A sample goes to a test segment, which may shrink and grow as it likes.
    pub is_sample: bool,
    /// Somebody has approved exactly this input.
    pub is_approved: bool,
}

impl Facts<'_> {
    /// Returns whether nobody is left of the result: it held nobody, or none of whom it held is there.
    const fn is_empty(&self) -> bool {
        self.held == 0 || self.contacts == 0
    }
}

/// The smallest audience whose shrinking is evaluated: below it a few contacts are a large share.
pub const SHRINK_FROM: u64 = 100;
/// The smallest audience whose growth is evaluated: new segments grow by leaps.
pub const GROWTH_FROM: u64 = 1_000;

/// The guard whose refusal ends by itself, once nothing uses the segment.
const WHEN_IN_USE: &str = "when_in_use";

/// What one guard says about a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evaluation {
    /// The setting that the guard goes by.
    pub guard: &'static str,
    /// What it decides.
    pub verdict: Verdict,
    /// What it found, in numbers, where it has something against the result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
    /// The same for people who do not know the settings, as the end of a sentence.
    #[serde(skip)]
    pub plain: Option<String>,
}

/// What a guard has found: for those who know the settings, and for those who do not.
struct Finding {
    exact: String,
    plain: String,
}

/// What a guard decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It has nothing against the result.
    Passes,
    /// It forbids the load.
    Refuses,
    /// It would forbid the load, but somebody has approved exactly this input.
    Approved,
}

/// Judges a result: what each guard says about it, in numbers, with the setting that forbids it.
///
/// An approval opens all of these guards, for exactly the input that it names.
pub fn evaluate(facts: &Facts<'_>, limits: &Rules) -> Vec<Evaluation> {
    let findings = [
        ("empty_result", empty_result(facts, limits)),
        ("max_invalid_percent", too_many_invalid(facts, limits)),
        ("max_shrink_percent", shrinks_too_much(facts, limits)),
        ("max_growth_percent", grows_too_much(facts, limits)),
        (WHEN_IN_USE, is_in_use(facts, limits)),
    ];
    // What only results in several files meet is told where it is met.
    let older_files = facts.older_files.map(|files| ("result_files", Some(left_over(files))));
    findings
        .into_iter()
        .chain(older_files)
        .map(|(guard, finding)| Evaluation {
            guard,
            verdict: match &finding {
                None => Verdict::Passes,
                Some(_) if facts.is_approved => Verdict::Approved,
                Some(_) => Verdict::Refuses,
            },
            plain: finding.as_ref().map(|finding| finding.plain.clone()),
            finding: finding.map(|finding| finding.exact),
        })
        .collect()
}

/// Returns what the guards that forbid the load have found; nothing means that it may be loaded.
pub fn objections(evaluations: &[Evaluation]) -> Vec<String> {
    let refusing = evaluations
        .iter()
        .filter(|evaluation| evaluation.verdict == Verdict::Refuses);
    refusing.filter_map(|evaluation| evaluation.finding.clone()).collect()
}

/// Returns what [`objections`] does for people who do not know the settings.
pub fn in_plain_words(evaluations: &[Evaluation]) -> Vec<String> {
    evaluations
        .iter()
        .filter_map(Evaluation::refusal)
        .map(str::to_owned)
        .collect()
}

impl Evaluation {
    /// Returns what the guard forbids the load for, in plain words; `None` if it does not forbid it.
    pub fn refusal(&self) -> Option<&str> {
        self.plain.as_deref().filter(|_| self.verdict == Verdict::Refuses)
    }
}

/// Returns whether one of the objections is that others use the segment, which ends by itself.
pub fn waits_for_use(evaluations: &[Evaluation]) -> bool {
    let is_of_use = |evaluation: &Evaluation| evaluation.guard == WHEN_IN_USE && evaluation.verdict == Verdict::Refuses;
    evaluations.iter().any(is_of_use)
}

/// Refuses what no segment can hold, whoever approves it.
pub fn check_size(contacts: usize) -> Result<(), TooManyContacts> {
    if contacts > MAX_MEMBERS {
        Err(TooManyContacts { contacts })
    } else {
        Ok(())
    }
}

/// The result holds more contacts than a static segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the result holds {contacts} distinct contacts and a static segment at most {MAX_MEMBERS}: narrow the query, or \
     split it over several segments"
)]
pub struct TooManyContacts {
    /// How many distinct contacts there are.
    pub contacts: usize,
}

/// Returns whether `share` of `whole`, in percent, is above `limit`.
pub fn exceeds(share: u64, whole: u64, limit: f64) -> bool {
    percent(share, whole) > limit
}

/// Returns how many of `whole` are `limit` percent, rounded up.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "counts of contacts stay far below 2^52, and no limit is negative"
)]
pub fn allowed(whole: usize, limit: f64) -> usize {
    (whole as f64 * limit / 100.0).ceil() as usize
}

fn left_over(files: OlderFiles) -> Finding {
    Finding {
        exact: files.finding(),
        plain: format!(
            "{} of its {} files may be left over from an earlier result",
            grouped(files.older as u64),
            grouped(files.files as u64)
        ),
    }
}

fn empty_result(facts: &Facts<'_>, limits: &Rules) -> Option<Finding> {
    let is_forbidden = facts.mode == Mode::Replace && facts.is_empty() && limits.empty_result == EmptyResult::Refuse;
    let left = match facts.contacts {
        0 => "would empty the segment".to_owned(),
        added => format!(
            "would leave {} contacts in the segment that were added since",
            grouped(added as u64)
        ),
    };
    let held = grouped(facts.held as u64);
    let (exact, plain) = match facts.held {
        0 => (
            format!("the result holds no contact ({} rows)", facts.rows),
            "the file holds nobody".to_owned(),
        ),
        _ if facts.removals.is_empty() => (
            format!("none of the {held} contacts of the result is one of this environment"),
            format!("none of its {held} people is a contact in Dynamics"),
        ),
        _ if facts.not_found == 0 => (
            format!(
                "the {held} contacts of the result were all taken out again by newer removals ({})",
                first_of(facts.removals)
            ),
            format!("its {held} people were all removed by newer files"),
        ),
        _ => (
            format!(
                "none of the {held} contacts of the result is left: newer removals ({}) took them out again, or they are none of \
                 this environment",
                first_of(facts.removals)
            ),
            format!("its {held} people were removed by newer files, or are no contacts in Dynamics"),
        ),
    };
    is_forbidden.then(|| Finding {
        exact: format!("{exact}, which {left}; empty_result is refuse"),
        plain: format!("{plain}, so that an approval {left}"),
    })
}

/// Names the first files of some.
fn first_of(files: &[ObjectRef]) -> String {
    const NAMED: usize = 3;
    let named: Vec<_> = files.iter().take(NAMED).map(ToString::to_string).collect();
    let named = named.join(", ");
    match files.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

fn too_many_invalid(facts: &Facts<'_>, limits: &Rules) -> Option<Finding> {
    exceeds(facts.rejected, facts.rows, limits.max_invalid_percent).then(|| Finding {
        exact: format!(
            "{} of {} rows ({}) {} no valid contact id or a wrong number of fields; \
             max_invalid_percent is {}",
            facts.rejected,
            facts.rows,
            shown(facts.rejected, facts.rows),
            if facts.rejected == 1 {
                "is rejected, since it holds"
            } else {
                "are rejected, since they hold"
            },
            limits.max_invalid_percent
        ),
        plain: format!(
            "{} of the {} rows of the file {} unusable (limit {} %)",
            grouped(facts.rejected),
            grouped(facts.rows),
            if facts.rejected == 1 { "is" } else { "are" },
            limits.max_invalid_percent
        ),
    })
}

fn shrinks_too_much(facts: &Facts<'_>, limits: &Rules) -> Option<Finding> {
    let is_desired_empty = facts.is_empty() && limits.empty_result == EmptyResult::Clear;
    if facts.mode != Mode::Replace || facts.is_sample || is_desired_empty {
        return None;
    }
    let since = |published: u64| (published.saturating_sub(facts.contacts as u64), published);
    let draft = (facts.removed as u64, facts.members as u64);
    let (lost, of) = match (facts.published, facts.shown) {
        (Some(published), _) => since(published),
        // Journeys lose whom people have taken out, too.
        (None, Some(shown)) if percent_of(since(shown)) >= percent_of(draft) => since(shown),
        (None, _) => draft,
    };
    (of >= SHRINK_FROM && exceeds(lost, of, limits.max_shrink_percent)).then(|| Finding {
        exact: format!(
            "the segment would lose {lost} of {of} members ({}); max_shrink_percent is {}",
            shown(lost, of),
            limits.max_shrink_percent
        ),
        plain: in_plain_words_shrinking(facts, lost, of, limits.max_shrink_percent),
    })
}

fn percent_of((share, whole): (u64, u64)) -> f64 {
    percent(share, whole)
}

fn in_plain_words_shrinking(facts: &Facts<'_>, lost: u64, of: u64, limit: f64) -> String {
    // Where others come in their place, the file is smaller by fewer than go; and whom it held may be left out for other reasons.
    let is_left_out = facts.contacts == 0 && facts.held > 0;
    if is_left_out || facts.contacts as u64 + lost != of {
        return format!(
            "{} of its {} people would go (limit {limit} %)",
            grouped(lost),
            grouped(of)
        );
    }
    let holds = match facts.contacts {
        0 => "nobody".to_owned(),
        1 => "1 person".to_owned(),
        contacts => format!("{} people", grouped(contacts as u64)),
    };
    let than = if facts.published.is_some() {
        "were published last"
    } else {
        "now"
    };
    format!(
        "the file holds {holds}, {} fewer than {than} (limit {limit} %)",
        grouped(lost)
    )
}

fn grows_too_much(facts: &Facts<'_>, limits: &Rules) -> Option<Finding> {
    let limit = limits.max_growth_percent.filter(|_| !facts.is_sample)?;
    let (gained, of) = match (facts.published, facts.mode) {
        (Some(published), Mode::Replace) => ((facts.contacts as u64).saturating_sub(published), published),
        (Some(published), _) => (facts.added as u64, published),
        (None, _) => (facts.added as u64, facts.members as u64),
    };
    (of >= GROWTH_FROM && exceeds(gained, of, limit)).then(|| Finding {
        exact: format!(
            "the segment would gain {gained} contacts on {of} members ({}); max_growth_percent is {limit}",
            shown(gained, of)
        ),
        plain: format!(
            "{} people would come to the {} that it has (limit {limit} %)",
            grouped(gained),
            grouped(of)
        ),
    })
}

fn is_in_use(facts: &Facts<'_>, limits: &Rules) -> Option<Finding> {
    let used_by = facts.used_by.filter(|used_by| used_by.is_used())?;
    (limits.when_in_use == WhenInUse::Refuse).then(|| Finding {
        exact: format!(
            "the segment is used by {used_by}; when_in_use is refuse: once nothing uses it any more, a sweep tries again by itself"
        ),
        plain: "live journeys or other segments use it".to_owned(),
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts of rows stay far below 2^52")]
fn percent(share: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        share as f64 * 100.0 / whole as f64
    }
}

fn shown(share: u64, whole: u64) -> String {
    format!("{:.1} %", percent(share, whole))
}

#[cfg(test)]
mod tests;
