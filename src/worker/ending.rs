//! How a wish ends: what a failure leaves in the head, and what the report says to a person.

use super::hold::Hold;
use crate::domain::{Mode, SegmentName};
use crate::dynamics::{Segment, SegmentStatus};
use crate::error::Error;
use crate::fate::Fate;
use crate::load::{Published, Wanted};
use crate::means::Means;
use crate::report::{Outcome, RunReport};
use crate::state::{self, Wish};
use serde_json::json;

/// Whether the worker goes on with the next wish.
pub(super) enum Next {
    GoOn,
    Stop,
}

/// Decides what a failed wish leaves in the head, and whether the turn goes on with older wishes.
pub(super) async fn settle_failure<M: Means>(
    hold: &Hold<M>,
    wish: &Wish,
    error: Error,
    report: &mut RunReport,
) -> Next {
    let (outcome, next, kept) = match error.fate() {
        Fate::Drop => (Outcome::Superseded, Next::GoOn, hold.forget(wish).await),
        Fate::Refuse => {
            let kept = hold.refuse(wish, &error.to_string(), false).await;
            (Outcome::Refused, Next::GoOn, kept)
        }
        Fate::PutAside => {
            let kept = hold.refuse(wish, &error.to_string(), true).await;
            (Outcome::Failed, Next::GoOn, kept)
        }
        Fate::LostLease => (Outcome::Busy, Next::Stop, Ok(())),
        Fate::Continue => (Outcome::Continues, Next::Stop, hold.release().await),
        Fate::Retry => (
            Outcome::Failed,
            Next::Stop,
            fail(hold, error.error_type(), report).await,
        ),
    };
    if let Err(error) = kept {
        tracing::warn!(error = %error, "the end of the run could not be noted; the lease runs out by itself");
    }
    report.outcome = outcome;
    report.reason = Some(error.to_string());
    let is_told = matches!(outcome, Outcome::Failed | Outcome::Refused);
    report.error_type = error.told_type().filter(|_| is_told);
    next
}

async fn fail<M: Means>(hold: &Hold<M>, error_type: &str, report: &mut RunReport) -> Result<(), state::Error> {
    if hold.fail(error_type).await? {
        report.needs_attention = true;
        report.warnings.push(
            "the last runs of this segment all failed: it needs a person's attention; a new file or a direct load tries \
             again at once"
                .to_owned(),
        );
    }
    hold.release().await
}

/// Says what the guards found, and prints the whole command that approves exactly this input.
pub(super) fn refusal_sentence(findings: &[String], wish: &Wish) -> String {
    let mut command = json!({
        "action": "load",
        "bucket": wish.object.bucket,
        "key": wish.object.key,
        "segment_name": wish.segment_name,
        "mode": wish.mode,
        "approve": wish.run_id,
    });
    if let (Some(size), Some(name)) = (wish.sample, wish.segment_name.of_sample()) {
        command["sample"] = size.into();
        command["segment_name"] = json!(name);
    }
    format!(
        "{}. Nothing was written. If this is right, approve exactly this input: {command}",
        findings.join("; ")
    )
}

/// Says what the run means to people besides its numbers: to those in live journeys, and to whoever made the segment.
pub(super) fn explain_consequences(report: &mut RunReport) {
    let is_done = matches!(
        report.outcome,
        Outcome::Loaded | Outcome::Computing | Outcome::Unchanged
    );
    let (are, is) = if is_done {
        ("are", "is")
    } else {
        ("would be", "would be")
    };
    let (added, removed) = (report.added.unwrap_or(0), report.removed.unwrap_or(0));
    let name = report.segment_name.as_ref().map_or("", SegmentName::as_str);
    if let Some(journeys) = report.live_journeys.filter(|journeys| *journeys > 0) {
        let journeys = if journeys == 1 {
            "1 live journey".to_owned()
        } else {
            format!("{journeys} live journeys")
        };
        let people = if added == 1 {
            "1 person".to_owned()
        } else {
            format!("{added} people")
        };
        let verb = if added == 1 { is } else { are };
        let sentence = format!("the segment {name:?} feeds {journeys}; {people} {verb} added to them");
        report.warnings.push(sentence);
    }
    if report.is_taken_over {
        let members = report.members_before.unwrap_or(0);
        let sentence = format!(
            "the segment {name:?} was there before and {is} taken over: {removed} of its {members} members {are} removed"
        );
        report.warnings.push(sentence);
    }
}

pub(super) fn explain_republishing(segment: &Segment, report: &mut RunReport) {
    match segment.status {
        SegmentStatus::Stopped => report
            .warnings
            .push("the segment was stopped; it is published again".to_owned()),
        SegmentStatus::Expired => report
            .warnings
            .push("the segment had expired; it is published again".to_owned()),
        _ => {}
    }
}

pub(super) fn warn_about_members(report: &mut RunReport, wanted: &Wanted<'_>, published: &Published) {
    if published.with_warnings {
        report
            .warnings
            .push("Dynamics computed the segment with warnings: open it in Dynamics to see them".to_owned());
    }
    if let Some(count) = report.not_accepted.filter(|count| *count > 0) {
        report.warnings.push(format!(
            "Dynamics did not accept {count} contacts: they may be deleted, inactive, or of another business unit"
        ));
    }
    let expected = (wanted.contacts.len() as u64).saturating_sub(report.not_accepted.unwrap_or(0));
    if let Some(counted) = published
        .member_count
        .filter(|counted| wanted.mode == Mode::Replace && *counted != expected)
    {
        report.warnings.push(format!(
            "Dynamics counts {counted} members where {expected} were written: contacts created in the last minutes, or of \
             another business unit than the segment's owner, are not counted (yet)"
        ));
    }
}
