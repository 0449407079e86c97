//! Whatever happened, its sentence is true and harms no template.

use super::*;
use crate::domain::{Mode, SegmentName};
use crate::error::{Objection, WayOut};
use crate::state::{Recovery, Shortfall};
use proptest::prelude::*;

fn at(day: &str) -> DateTime<Utc> {
    format!("{day}T06:00:00Z").parse().unwrap()
}

fn run(outcome: Outcome) -> RunReport {
    RunReport {
        segment_name: SegmentName::parse("Summer Sale").ok(),
        mode: Some(Mode::Replace),
        contacts: Some(499),
        ..RunReport::new(outcome)
    }
}

fn told(report: &RunReport) -> String {
    sentence(report, at("2026-11-27"))
}

fn thousand(since: &str) -> Audience {
    Audience {
        people: 1_000,
        since: at(since),
    }
}

#[test]
fn a_refusal_says_why_who_the_journeys_go_on_with_and_what_to_do() {
    let objection = Some(Objection {
        reason: String::new(),
        plain: "the file holds 499 people, 501 fewer than now (limit 50 %)".to_owned(),
        way_out: WayOut::Approve,
    });
    let mut refused = run(Outcome::Refused);
    refused.background = Background {
        objection,
        journeys: Some(thousand("2026-11-25")),
        ..Background::default()
    };
    assert_eq!(
        told(&refused),
        "“Summer Sale” was not refreshed: the file holds 499 people, 501 fewer than now (limit 50 %). Journeys go on with the \
         1,000 of 25 November. Approve, or drop a better file."
    );
    refused.background.journeys = None;
    refused.background.past.last = Some(thousand("2025-12-31"));
    assert!(
        told(&refused)
            .contains("The last load that was seen in Dynamics was that of 31 December 2025, with 1,000 people.")
    );
    refused.background.past.last = None;
    assert!(!told(&refused).contains("1,000"));
}

#[test]
fn a_failure_says_no_more_of_the_audience_than_is_known() {
    let mut failed = run(Outcome::Failed);
    failed.error_type = Some("PrivilegeMissing".into());
    failed.background.journeys = Some(thousand("2026-11-25"));
    assert!(told(&failed).starts_with("“Summer Sale” could not be worked on: the user of this program may not"));
    failed.background.past.is_clear = true;
    failed.background.is_tried_again = true;
    assert_eq!(
        told(&failed),
        "“Summer Sale” was not refreshed: the user of this program may not do in Dynamics what it has to. Journeys go on with \
         the 1,000 of 25 November. Whoever looks after Dynamics has to look. Once that is mended, it goes on by itself."
    );
    failed.error_type = Some("DynamicsRefused".into());
    assert!(
        told(&failed)
            .ends_with("It is tried again by itself. Where that fails, too, whoever runs this program has to look.")
    );
    failed.error_type = Some("DynamicsUnavailable".into());
    assert!(told(&failed).ends_with("of 25 November. It is tried again by itself."));
    failed.background.may_be_published = true;
    let doubtful = told(&failed);
    assert!(doubtful.starts_with("It is not known yet whether “Summer Sale” was refreshed: "));
    assert!(!doubtful.contains("Journeys go on"), "{doubtful}");
}

#[test]
fn what_is_done_is_told_in_people() {
    let mut loaded = RunReport {
        members_before: Some(1_000),
        added: Some(200),
        removed: Some(500),
        ..run(Outcome::Loaded)
    };
    assert_eq!(
        told(&loaded),
        "“Summer Sale” was loaded: it has 700 people, 200 came and 500 went."
    );
    loaded.member_count = Some(690);
    loaded.published_missing = Some(10);
    loaded.rejected = Some(4);
    loaded.not_accepted = Some(1);
    loaded.recovered = true;
    loaded.background.past.recovery = Some(Recovery::Whole);
    assert_eq!(
        told(&loaded),
        "“Summer Sale” was loaded: it has 700 people, 200 came and 500 went. Of its 700 people Dynamics counts 690: 10 are \
         missing. Look at it again in an hour. 4 rows of the file were unusable, and 1 contact of it was not accepted by \
         Dynamics. What went wrong before is over."
    );
    loaded.background.shortfall = Some(Shortfall::AsBefore);
    assert!(told(&loaded).contains("10 are missing, no more than stayed missing when it was published again"));
    loaded.background.shortfall = Some(Shortfall::Stays);
    assert!(
        told(&loaded)
            .contains("10 are missing, also after it was published again three times. Whoever looks after Dynamics")
    );
    loaded.background.goes_on = true;
    assert!(told(&loaded).starts_with("“Summer Sale” was loaded: it has 700 people."));
    loaded.created = true;
    assert!(told(&loaded).starts_with("“Summer Sale” was created, with 700 people."));
    loaded.outcome = Outcome::Computing;
    assert!(told(&loaded).contains("was created and published with 700 people, and Dynamics is still computing it"));
}

#[test]
fn a_run_of_no_segment_is_told_without_one() {
    let objection = Some(Objection {
        reason: String::new(),
        plain: "its time is still to come".to_owned(),
        way_out: WayOut::Mend,
    });
    let mut nameless = RunReport::new(Outcome::Failed);
    nameless.error_type = Some("SourceMissing".into());
    assert_eq!(
        told(&nameless),
        "This program could not do its work: the file is not there. Drop a better file."
    );
    nameless.is_dry_run = true;
    assert_eq!(
        told(&nameless),
        "A dry run came to nothing: the file is not there. Nothing was changed."
    );
    nameless.outcome = Outcome::Refused;
    nameless.background.objection = objection;
    assert_eq!(
        told(&nameless),
        "A dry run: this file would not be loaded: its time is still to come. Nothing was changed."
    );
    nameless.is_dry_run = false;
    assert_eq!(
        told(&nameless),
        "This file was not loaded: its time is still to come. Mend that, or drop a better file."
    );
}

proptest! {
    #[test]
    fn no_name_breaks_a_template(name in ".{1,90}", outcome in 0..9_usize) {
        let outcomes = [
            Outcome::Loaded, Outcome::Computing, Outcome::Unchanged, Outcome::DryRun, Outcome::Refused, Outcome::Superseded,
            Outcome::Busy, Outcome::Continues, Outcome::Failed,
        ];
        let mut report = run(outcomes[outcome]);
        report.segment_name = SegmentName::parse(&name).ok();
        let told = told(&report);
        prop_assert!(!told.contains(['"', '\\', '<', '>', '\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']), "{told}");
        prop_assert!(told.ends_with('.'), "{told}");
    }
}
