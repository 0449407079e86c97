//! Whether a result may become the audience: pure, and decided before the first write.

use super::plan::MAX_MEMBERS;
use crate::settings::{Destination, EmptyResult, Mode};

/// The numbers that the guards judge.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// How the file changes the segment.
    pub mode: Mode,
    /// Rows read.
    pub rows: u64,
    /// Distinct contacts in the file.
    pub contacts: usize,
    /// Rows without a valid contact id.
    pub rejected: u64,
    /// Members of the segment as it stands.
    pub members: usize,
    /// Members published before an unfinished load left the draft half-written; none where the draft is whole.
    pub published: Option<u64>,
    /// Contacts to be added.
    pub added: usize,
    /// Members to be removed.
    pub removed: usize,
    /// A sample goes to a test segment, which may shrink and grow as it likes.
    pub is_sample: bool,
    /// Somebody has approved exactly this input.
    pub is_approved: bool,
}

/// The smallest audience whose shrinking is judged: below it a few contacts are a large share.
pub const SHRINK_FROM: u64 = 100;
/// The smallest audience whose growth is judged: new segments grow by leaps.
pub const GROWTH_FROM: u64 = 1_000;

/// Judges a result: what was found, in numbers, with the setting that forbids it. Nothing means that it may be loaded.
///
/// An approval opens all of these guards, for exactly the input that it names.
pub fn judge(facts: &Facts, limits: &Destination) -> Vec<String> {
    if facts.is_approved {
        return Vec::new();
    }
    let findings = [
        empty_result(facts, limits),
        too_many_invalid(facts, limits),
        shrinks_too_much(facts, limits),
        grows_too_much(facts, limits),
    ];
    findings.into_iter().flatten().collect()
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

/// Tells whether `share` of `whole`, in percent, is above `limit`.
pub fn exceeds(share: u64, whole: u64, limit: f64) -> bool {
    percent(share, whole) > limit
}

fn empty_result(facts: &Facts, limits: &Destination) -> Option<String> {
    let is_forbidden = facts.mode == Mode::Replace && facts.contacts == 0 && limits.empty_result == EmptyResult::Refuse;
    is_forbidden.then(|| {
        format!(
            "the result holds no contact ({} rows), which would empty the segment; empty_result is refuse",
            facts.rows
        )
    })
}

fn too_many_invalid(facts: &Facts, limits: &Destination) -> Option<String> {
    exceeds(facts.rejected, facts.rows, limits.max_invalid_percent).then(|| {
        format!(
            "{} of {} rows ({}) hold no valid contact id; max_invalid_percent is {}",
            facts.rejected,
            facts.rows,
            shown(facts.rejected, facts.rows),
            limits.max_invalid_percent
        )
    })
}

fn shrinks_too_much(facts: &Facts, limits: &Destination) -> Option<String> {
    let is_wanted_empty = facts.contacts == 0 && limits.empty_result == EmptyResult::Clear;
    if facts.mode != Mode::Replace || facts.is_sample || is_wanted_empty {
        return None;
    }
    let (lost, of) = match facts.published {
        Some(published) => (published.saturating_sub(facts.contacts as u64), published),
        None => (facts.removed as u64, facts.members as u64),
    };
    (of >= SHRINK_FROM && exceeds(lost, of, limits.max_shrink_percent)).then(|| {
        format!(
            "the segment would lose {lost} of {of} members ({}); max_shrink_percent is {}",
            shown(lost, of),
            limits.max_shrink_percent
        )
    })
}

fn grows_too_much(facts: &Facts, limits: &Destination) -> Option<String> {
    let limit = limits.max_growth_percent.filter(|_| !facts.is_sample)?;
    let (gained, of) = match (facts.published, facts.mode) {
        (Some(published), Mode::Replace) => ((facts.contacts as u64).saturating_sub(published), published),
        (Some(published), _) => (facts.added as u64, published),
        (None, _) => (facts.added as u64, facts.members as u64),
    };
    (of >= GROWTH_FROM && exceeds(gained, of, limit)).then(|| {
        format!(
            "the segment would gain {gained} contacts on {of} members ({}); max_growth_percent is {limit}",
            shown(gained, of)
        )
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
mod tests {
    use super::*;

    /// The default limits with whatever the test changes.
    fn limits(change: impl FnOnce(&mut Destination)) -> Destination {
        let secret = r#"{"credential": "c", "environment_region": "crm", "environment_name": "socktown"}"#;
        let mut limits = Destination::parse("destination", secret).unwrap();
        change(&mut limits);
        limits
    }

    /// A replace of an audience of 1,000 by a file of as many.
    fn facts() -> Facts {
        Facts {
            mode: Mode::Replace,
            rows: 1_000,
            contacts: 1_000,
            rejected: 0,
            members: 1_000,
            published: None,
            added: 0,
            removed: 0,
            is_sample: false,
            is_approved: false,
        }
    }

    fn passes(facts: Facts, limits: &Destination) -> bool {
        judge(&facts, limits).is_empty()
    }

    #[test]
    fn an_empty_result_is_refused_unless_the_destination_or_a_person_clears() {
        let empty = Facts {
            rows: 0,
            contacts: 0,
            removed: 1_000,
            ..facts()
        };
        assert!(!passes(empty, &limits(|_| ())));
        assert!(passes(
            empty,
            &limits(|limits| limits.empty_result = EmptyResult::Clear)
        ));
        assert!(passes(
            Facts {
                is_approved: true,
                ..empty
            },
            &limits(|_| ())
        ));
        assert!(passes(
            Facts {
                mode: Mode::Append,
                ..empty
            },
            &limits(|_| ())
        ));
    }

    #[test]
    fn a_file_of_invalid_rows_is_not_an_empty_result_to_clear_with() {
        let invalid = Facts {
            rows: 10,
            contacts: 0,
            rejected: 10,
            removed: 1_000,
            ..facts()
        };
        assert!(!passes(
            invalid,
            &limits(|limits| limits.empty_result = EmptyResult::Clear)
        ));
    }

    #[test]
    fn losing_half_the_members_passes_and_one_more_is_refused() {
        let limits = limits(|_| ());
        assert!(passes(
            Facts {
                contacts: 500,
                removed: 500,
                ..facts()
            },
            &limits
        ));
        let too_small = Facts {
            contacts: 499,
            removed: 501,
            ..facts()
        };
        let findings = judge(&too_small, &limits);
        assert_eq!(
            findings,
            ["the segment would lose 501 of 1000 members (50.1 %); max_shrink_percent is 50"]
        );
        assert!(passes(
            Facts {
                is_approved: true,
                ..too_small
            },
            &limits
        ));
        assert!(passes(
            Facts {
                is_sample: true,
                ..too_small
            },
            &limits
        ));
        assert!(passes(
            Facts {
                mode: Mode::Remove,
                ..too_small
            },
            &limits
        ));
    }

    #[test]
    fn a_small_audience_may_shrink_as_it_likes() {
        let limits = limits(|_| ());
        assert!(passes(
            Facts {
                members: 99,
                contacts: 1,
                removed: 98,
                ..facts()
            },
            &limits
        ));
        assert!(!passes(
            Facts {
                members: 100,
                contacts: 1,
                removed: 99,
                ..facts()
            },
            &limits
        ));
    }

    #[test]
    fn after_a_crash_the_published_count_is_the_yardstick() {
        let limits = limits(|_| ());
        // The draft holds 10 of 1,000 new contacts and all old ones; the next good file is as large as the audience was.
        let good = Facts {
            members: 1_010,
            removed: 1_010,
            published: Some(1_000),
            ..facts()
        };
        assert!(passes(good, &limits));
        assert!(!passes(Facts { contacts: 499, ..good }, &limits));
        assert!(
            passes(
                Facts {
                    contacts: 5_000,
                    ..good
                },
                &limits
            ),
            "growth is no loss"
        );
    }

    #[test]
    fn growth_is_judged_only_where_a_limit_is_set_and_from_a_thousand_members_on() {
        let limits_with_growth = limits(|limits| limits.max_growth_percent = Some(20.0));
        let grown = Facts {
            contacts: 1_201,
            added: 201,
            ..facts()
        };
        assert!(passes(grown, &limits(|_| ())));
        assert!(!passes(grown, &limits_with_growth));
        assert!(passes(
            Facts {
                contacts: 1_200,
                added: 200,
                ..grown
            },
            &limits_with_growth
        ));
        assert!(passes(Facts { members: 999, ..grown }, &limits_with_growth));
        assert!(!passes(
            Facts {
                mode: Mode::Append,
                ..grown
            },
            &limits_with_growth
        ));
        assert!(passes(
            Facts {
                is_approved: true,
                ..grown
            },
            &limits_with_growth
        ));
    }

    #[test]
    fn five_percent_of_invalid_rows_pass_and_one_row_more_is_refused() {
        let limits = limits(|_| ());
        assert!(passes(
            Facts {
                rejected: 50,
                ..facts()
            },
            &limits
        ));
        assert!(!passes(
            Facts {
                rejected: 51,
                ..facts()
            },
            &limits
        ));
        assert!(passes(
            Facts {
                rejected: 51,
                is_approved: true,
                ..facts()
            },
            &limits
        ));
    }

    #[test]
    fn nobody_can_approve_more_than_a_segment_holds() {
        assert_eq!(check_size(2_000_000), Ok(()));
        assert_eq!(check_size(2_000_001), Err(TooManyContacts { contacts: 2_000_001 }));
    }
}
