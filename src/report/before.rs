//! What runs tell of those before them, in words.

use super::account::Reading;
use super::sentences::counted;
use crate::state::Undone;

/// Says that an attempt before did not come to its end, before which so many members were published.
pub(super) fn about_an_attempt_before(members: u64) -> String {
    let published = (members > 0).then(|| counted(members, "member was", "members were"));
    let published = published.map_or_else(|| ",".to_owned(), |were| format!(": {were} published before it, and"));
    format!(
        "an attempt before this one began to write and did not come to its end{published} what was added and removed is counted \
         for this attempt alone"
    )
}

/// Says how a result and newer additions and removals, which were counted before, go together.
pub(super) fn about_what_is_newer(reading: &Reading) -> Vec<String> {
    let are = |count: usize| match count {
        1 => "1 addition or removal that is newer than this result was".to_owned(),
        _ => format!("{count} additions and removals that are newer than this result were"),
    };
    let are_above = |count: usize, more: &str| match (count, more) {
        (1, "") => {
            "1 addition or removal that is newer than this result, or was asked for directly since, was".to_owned()
        }
        _ => format!(
            "{count} additions and removals that are newer than this result, or were asked for directly since,{more} were"
        ),
    };
    let are_undone = |undone: Undone| match (undone.count, undone.may_be_more) {
        (count, false) => are_above(count, ""),
        (0, true) => {
            "additions and removals that may be newer than this result, and are not remembered, were".to_owned()
        }
        (count, true) => are_above(count, " and perhaps more that are not remembered,"),
    };
    let (newer, undone) = (reading.newer, reading.undone);
    let goes_under = format!(
        "{} counted before it came, and what they say goes over it: whom they removed is not brought in again, and whom they \
         added is not taken out",
        are(newer)
    );
    let stands_above = format!(
        "{} counted before, and a direct load stands above them: what they changed is undone as far as this result says \
         otherwise; load directly once more those that are to hold",
        are_undone(undone)
    );
    let overtakes = format!(
        "{} not carried out yet: a direct load stands above what waits, so that it is superseded; load directly \
         afterwards what is to hold",
        are_above(undone.waiting, "")
    );
    let said = [
        (newer > 0, goes_under),
        (!undone.is_nothing(), stands_above),
        (undone.waiting > 0, overtakes),
    ];
    said.into_iter()
        .filter(|(is_so, _)| *is_so)
        .map(|(_, said)| said)
        .collect()
}
