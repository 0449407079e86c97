//! What runs tell people in words; the words of an error are its own.

use super::account::{Account, Comparison, Difference, Found, KeptOut, Lapsed, Missing};
use super::before::about_an_attempt_before;
use super::sentence::people;
use super::{Outcome, RunReport, left};
use crate::domain::{Mode, SegmentName, utc};
use crate::error::Error;
use crate::reconcile::{Evaluation, Shown, guard};
use crate::state::{Job, Shortfall};
use crate::text::json::to_paste;
use crate::text::shown;
use chrono::{DateTime, Utc};
use serde_json::json;

const NEEDS_ATTENTION: &str = "the last runs of this segment all failed: it needs a person's attention; a new \
                                          file or a direct load tries again at once";
pub(super) const LOST: &str = "the attempt before this one ended without a word: it was killed, ran into its memory or its time, \
                               or stood still; where that happens again, give the function more memory or time, or look \
                               what is special about this file";
pub(super) const UNREPORTED: &str = "the attempt that came to this end was killed before it could report: what it read, added \
                                     and removed is not told any more";
pub(super) const COMPUTED_BY_OTHERS: &str = "Dynamics has computed the segment, or counts others in it than before, while this run was at work and before \
                        it published: somebody else has published or refreshed it, a refresh was under way, Dynamics shows \
                        drafts, or its count came late; whoever uses the segment may have seen a part of this result until it was published";
/// Says that a segment has another name since it was published.
pub(super) fn renamed(now: &str) -> String {
    format!(
        "the segment that was published is called {} now; as long as it is, the next result for the old name is refused: rename \
         it back, or send the results to the new name",
        shown::word(now)
    )
}

/// Says what the guards found, and prints the whole command that approves exactly this input.
///
/// Where the refusal `is_told_in_dynamics` more may have been written there than nothing.
pub(crate) fn refusal(findings: &[String], job: &Job, is_told_in_dynamics: bool) -> String {
    let mut command = json!({
        "action": "load",
        "bucket": job.object.bucket,
        "key": job.object.key,
        "segment_name": job.segment_name,
        "mode": job.mode,
        "approve": job.run_id,
    });
    if let (Some(size), Some(name)) = (job.sample, job.segment_name.of_sample()) {
        command["sample"] = size.into();
        command["segment_name"] = name.as_str().into();
    }
    let nothing = if is_told_in_dynamics {
        "; no member was changed"
    } else {
        ". Nothing was written"
    };
    format!(
        "{}{nothing}. If this is right, approve exactly this input: {}",
        findings.join("; "),
        to_paste(&command)
    )
}

/// Says why a result that comes late cannot be loaded, and what to do.
pub(crate) fn refusal_of_late(why: &str, job: &Job) -> String {
    let command = json!({
        "action": "load",
        "bucket": job.object.bucket,
        "key": job.object.key,
        "segment_name": job.segment_name,
        "mode": job.mode,
    });
    format!(
        "{why}: loaded now, it would undo what they changed. Nothing was written. If it is to be loaded all the same, load it \
         directly, which stands above them, and then directly, one after another, those that are to hold: {}",
        to_paste(&command)
    )
}

/// Says that a person has to look, where one has to.
pub(super) fn attention(is_needed: bool) -> Vec<String> {
    is_needed.then(|| NEEDS_ATTENTION.to_owned()).into_iter().collect()
}

/// Says that another run has the segment, which may have died: then nothing renews its lease.
pub(super) fn busy(until: Option<DateTime<Utc>>) -> String {
    let lease = until.map_or_else(
        || "its lease".to_owned(),
        |until| format!("its lease, until {},", utc(until)),
    );
    format!(
        "another run works on this segment and takes this result up; as long as it works {lease} is renewed: where that is not, \
         it is dead, and the first sweep after that goes on with this result"
    )
}

/// Says how long a run has waited since Dynamics throttles, at the end of a sentence.
pub(super) fn about_throttling(waited_ms: u64) -> Option<String> {
    let seconds = waited_ms.div_ceil(1_000);
    (waited_ms > 0).then(|| format!("; {seconds} s of the run were waited since Dynamics throttles"))
}

pub(super) fn overtaken(by: &Job) -> String {
    if by.stands_above() {
        return format!("{}, which was loaded directly since, counts instead", by.object);
    }
    format!("the newer result {} counts instead", by.object)
}

pub(super) fn waits_for(first: &Job, code: &str) -> String {
    format!(
        "{} goes first: its last attempt failed ({code}), and the sweep tries it again after a pause",
        first.object
    )
}

pub(super) fn finished_unread(error: &Error) -> String {
    format!(
        "the file was read, and its members were written and read back, by an attempt that died before it could note that it \
         published them; they were published without reading it once more, which failed: {error}"
    )
}

pub(super) fn objections(evaluations: &[Evaluation]) -> impl Iterator<Item = String> {
    guard::objections(evaluations)
        .into_iter()
        .map(|objection| format!("a load would be refused: {objection}"))
}

pub(super) fn list_ends(kept: u64, count: u64) -> String {
    format!("the list of rejected rows holds the first {kept} of {count}")
}

/// Says that nobody is removed, since there is no segment to remove anybody from.
pub(super) fn about_no_segment(report: &RunReport, comparison: &Comparison) -> Option<String> {
    let is_missing = comparison.difference.is_some() && comparison.found.is_none();
    let name = report.segment_name.as_ref().map_or("", SegmentName::as_str);
    (is_missing && report.mode == Some(Mode::Remove)).then(|| {
        format!(
            "there is no segment of exactly the name {name:?}, so that nobody is removed from any: if the name is wrong, load \
             the file with the right one"
        )
    })
}

/// Says that the segment is new, beside which others: its name may be one that nobody meant.
pub(super) fn about_a_new_segment(report: &RunReport, comparison: &Comparison) -> Option<String> {
    let near = comparison.beside.as_ref()?;
    let name = report.segment_name.as_ref().map_or("", SegmentName::as_str);
    let is = if report.created { "is" } else { "would be" };
    let there_was = left::who_had_none(comparison);
    let folder = if report.is_named_by_an_odd_folder() {
        "; it is the name of the folder that the file lies in, and looks like a date, a number or a file: if another segment is meant, \
         name it by `segment_name`, by the object's metadata, or by the first folder below the prefix of results"
    } else {
        ""
    };
    Some(format!(
        "the segment {name:?} {is} new, since {there_was} none of exactly this name{near}{folder}"
    ))
}

/// Says what was noticed on the way to the published segment, in the order in which it was.
pub(super) fn about_the_segment(account: &Account) -> Vec<String> {
    let Account {
        comparison, writing, ..
    } = account;
    let mut sentences = Vec::new();
    if let Some(looked_up) = comparison.looked_up
        && let missing = comparison.not_found.len()
        && missing > 0
    {
        sentences.push(format!(
            "{missing} of {looked_up} ids to be added are no contacts of this environment, or none that the application \
             user may read; they are left out"
        ));
    }
    let (inactive, merged) = (comparison.inactive.len(), comparison.merged.len());
    if inactive + merged > 0 {
        sentences.push(format!(
            "of the contacts to be added {inactive} are inactive, and {merged} were merged into another contact; they are \
             treated as the file says, and listed: narrow the query to active contacts where they are not meant"
        ));
    }
    if comparison.is_use_unknown {
        let sentence = "Dynamics does not tell all of what may use the segment, journeys and other segments, so that when_in_use = refuse \
                        keeps nothing back: look in Customer Insights - Journeys who uses it";
        sentences.push(sentence.to_owned());
    }
    if let Some(members) = writing.begun_with.filter(|_| writing.written.is_some()) {
        sentences.push(about_an_attempt_before(members));
    }
    if let (Some(shown), Some(Difference { members_before, .. })) = (comparison.shown_before, comparison.difference) {
        sentences.push(format!(
            "somebody took members out of the segment in Dynamics and has not published that: journeys saw {shown} people, and what \
             came and went is counted from the {members_before} of the draft"
        ));
    }
    let lapsed = comparison.found.as_ref().and_then(|found| found.lapsed);
    if let Some(lapsed) = lapsed.filter(|_| writing.segment_id.is_some()) {
        let sentence = match lapsed {
            Lapsed::Stopped => "the segment was stopped; it is published again",
            Lapsed::Expired => "the segment had expired; it is published again",
        };
        sentences.push(sentence.to_owned());
    }
    if writing.refresh_was_on {
        let sentence = "the segment was refreshed automatically; this was switched off, so that journeys see a change \
                        only when it is published";
        sentences.push(sentence.to_owned());
    }
    if writing.written.is_some_and(|written| written.is_unversioned) {
        let sentence = "Dynamics keeps no versions of segment definitions: what somebody else changes in the very moment in \
                        which this run saves its own change can be lost";
        sentences.push(sentence.to_owned());
    }
    if writing.is_computed_by_others {
        sentences.push(COMPUTED_BY_OTHERS.to_owned());
    }
    if let Some(shown) = &writing.shown {
        sentences.extend(about_what_is_shown(shown, writing.missing.as_ref()));
    }
    sentences.extend(about_those_not_accepted(account));
    sentences
}

/// Says that the segment's description does not tell how the last load went.
pub(crate) fn undescribed(why: &str) -> String {
    format!(
        "how the last load went could not be written into the segment's description, which is all that is wrong: {why}"
    )
}

/// Says what is to be known of a segment that shows what was published.
pub(super) fn about_what_is_shown(shown: &Shown, missing: Option<&Missing>) -> Vec<String> {
    let warnings = "Dynamics computed the segment with warnings: open it in Dynamics to see them";
    let lasted = "nothing that Dynamics shows proves that it has computed the segment since it was published; it has been Active \
                  for 75 minutes, and is taken to show what was published: open it in Dynamics where it matters";
    let said = [(shown.with_warnings, warnings), (shown.has_lasted, lasted)];
    let said = said.into_iter().filter(|(is_so, _)| *is_so);
    let said = said.map(|(_, sentence)| sentence.to_owned());
    let follows = missing.map(about_what_follows);
    said.chain(about_the_count(shown)).chain(follows).collect()
}

/// Says that what was published had no effect, where that is why it was published again.
pub(super) fn about_a_publish_without_effect(is_so: bool) -> Vec<String> {
    let said = "Dynamics answered that it publishes the segment, and has not computed it since, by the times that it tells itself: it \
                was published again; until it is computed, whoever uses the segment goes on with the audience from before. Look in \
                Customer Insights - Journeys whether it waits in a queue there, or something keeps it from being computed";
    is_so.then(|| said.to_owned()).into_iter().collect()
}

/// Says that nothing is seen of what was published, for too long.
pub(super) fn not_seen_since(since: DateTime<Utc>) -> String {
    format!(
        "nothing that was published since {} has been seen in Dynamics: until it is, whoever uses the segment goes on with the audience \
         from before. Look in Customer Insights - Journeys whether the segment waits in a queue there, or something keeps it from being \
         computed; sweeps go on looking, and this is not told again",
        utc(since)
    )
}

/// Says what follows from members that Dynamics does not count.
fn about_what_follows(missing: &Missing) -> String {
    let follows = match missing.shortfall {
        Shortfall::Again => {
            "sweeps publish the segment again after `republish_minutes`, three times at most, as long as members are missing"
        }
        Shortfall::PutOff => {
            "the segment could not be published again for them: it shows whom it showed before, and sweeps try again, less often"
        }
        Shortfall::Never => "the segment is not published again, since `republish_minutes` is 0",
        Shortfall::AsBefore => {
            "no more members are missing than stayed missing when the segment was published again three times: it is not \
             published again for them"
        }
        Shortfall::Stays => {
            "the segment was published again three times, and members are still missing: look in Dynamics whether they are \
             active, of the business unit of the segment's owner, and no duplicates that were merged"
        }
    };
    let who = match (&missing.who, missing.shortfall) {
        (Some(who), _) => format!(
            "; the {} whom Dynamics does not list are in `not_accepted_contacts`",
            who.len()
        ),
        (None, Shortfall::Stays) => {
            "; who they are could not be found out, which takes 200,000 members at most, a list of Dynamics with as many as it \
             counts, and a draft that is still what was published"
                .to_owned()
        }
        (None, _) => String::new(),
    };
    format!("{follows}{who}")
}

/// Says that members are kept out by groups that are not ours.
pub(super) fn about_those_kept_out(kept_out: KeptOut) -> String {
    let KeptOut { count, members } = kept_out;
    let nobody = if kept_out.is_everybody() {
        ": nobody is left whom a journey could reach by the segment; look in Customer Insights - Journeys whether that is meant"
    } else {
        ""
    };
    format!(
        "{count} of the segment's {members} members are kept out by its Exclude groups, which this function leaves as they \
         are, and Dynamics does not count them{nobody}"
    )
}

/// Says the same in a sentence for people.
pub(super) fn kept_out_plainly(kept_out: KeptOut) -> String {
    let members = people(kept_out.members);
    if kept_out.is_everybody() {
        format!(
            "Its Exclude groups keep out everybody in it ({members}): whoever looks after Dynamics has to look whether that is meant."
        )
    } else {
        format!(
            "Its Exclude groups keep out {} of its {members}.",
            shown::grouped(kept_out.count)
        )
    }
}

/// Says that contacts were not taken.
fn about_those_not_accepted(account: &Account) -> Option<String> {
    let not_accepted = account.writing.not_accepted.len();
    let is_told = not_accepted > 0 && account.writing.shown.is_some();
    is_told.then(|| {
        format!("Dynamics did not accept {not_accepted} contacts: they may be deleted, inactive, or of another business unit")
    })
}

/// Says that Dynamics counts other members than were published.
fn about_the_count(shown: &Shown) -> Option<String> {
    let asked = shown.asked;
    let counted = shown.member_count.filter(|counted| *counted != asked)?;
    let why = if shown.has_strangers() {
        "somebody else may have added members, or a change of an earlier load have come late, after the members were read back: \
         load the result once more, which takes out who does not belong in it and publishes it again; until then there may be \
         people in the audience who are not in the result"
    } else {
        "contacts created in the last minutes, or of another business unit than the segment's owner, are not counted (yet); or somebody \
         has changed members or groups in Dynamics after they were read back"
    };
    Some(format!(
        "Dynamics counts {counted} members where {asked} were published (those whom Exclude groups keep out not counted): \
         {why}"
    ))
}

/// Says what the run means to people besides its numbers: to those in live journeys, and to whoever made the segment.
pub(super) fn consequences(report: &RunReport, found: Option<&Found>) -> Vec<String> {
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
    let mut sentences = Vec::new();
    if let Some(used_by) = report.used_by.as_ref().filter(|used_by| used_by.is_used()) {
        let people = counted(added, "person", "people");
        let verb = if added == 1 { is } else { are };
        sentences.push(format!(
            "the segment {name:?} is used by {used_by}: {people} {verb} added to it, and {removed} removed from it; \
             whether they enter a journey depends on the journey: on its kind (one that runs once has read its audience \
             by then), and on whether it includes or excludes the segment"
        ));
    }
    if found.is_some_and(|found| found.is_taken_over) {
        let members = report.members_before.unwrap_or(0);
        sentences.push(format!(
            "the segment {name:?} was there before and {is} taken over: {removed} of its {members} members {are} removed"
        ));
    }
    sentences
}

pub(super) fn counted(number: u64, one: &str, several: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {several}"),
    }
}
