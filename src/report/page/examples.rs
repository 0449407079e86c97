//! Segments as the tests of the page show them.

use crate::domain::{Home, Outcome, Position, SegmentName};
use crate::state::{Glance, Glances, LastRun, Load, Loaded, Refusal, Refused, State, Status};
use chrono::{DateTime, TimeDelta, Utc};

pub(super) fn at(day: u32, hour: u32) -> DateTime<Utc> {
    let date = chrono::NaiveDate::from_ymd_opt(2026, 11, day).unwrap();
    date.and_hms_opt(hour, 1, 0).unwrap().and_utc()
}

pub(super) fn glance(name: &str, state: State, outcome: Outcome, sentence: &str) -> Glance {
    let home = Home::environment("socktown.crm4.dynamics.com".to_owned());
    let load = |days_ago: u32| Load {
        at: at(27, 6) - TimeDelta::days(i64::from(days_ago)),
        contacts: 1_000 - u64::from(days_ago) * 9 + u64::from(days_ago * 7 % 5) * 12,
        people: None,
        outcome: Loaded::Loaded,
    };
    Glance {
        status: Status {
            segment_name: Some(SegmentName::parse(name).unwrap()),
            environment: Some(home.environment.clone()),
            business_unit: home.business_unit.clone(),
            state,
            last_load: Some(at(25, 6)),
            computing_since: None,
            contacts: Some(1_000),
            people: Some(1_000),
            pending: 0,
            waiting_until: None,
            lease_until: None,
            failures: 0,
            reason: None,
        },
        home,
        stale_after: None,
        is_overdue: false,
        is_unseen: state == State::Computing,
        missing: None,
        has_died: false,
        last_run: Some(LastRun {
            at: at(27, 6),
            outcome,
            sentence: sentence.to_owned(),
            created: false,
            near_name: false,
            needs_attention: false,
        }),
        loads: (2..62).rev().map(load).collect(),
        refused: None,
    }
}

pub(super) fn refused(key: &str, reason: &str) -> Refused {
    Refused {
        position: Position {
            last_modified: at(27, 6),
            key: key.to_owned(),
            version_id: None,
            etag: None,
            nth: 0,
        },
        run_id: serde_json::from_value(serde_json::json!("da8ded9e30af2cca")).unwrap(),
        mode: None,
        direct: None,
        refusal: Refusal {
            reason: reason.to_owned(),
            unreadable: false,
            error_type: None,
            told: None,
            waiting: None,
        },
    }
}

/// Every light, in two environments.
pub(super) fn lights() -> Glances {
    Glances {
        segments: well().into_iter().chain(under_way()).chain(wrong()).collect(),
        has_more: false,
    }
}

pub(super) fn fresh(name: &str, sentence: &str) -> Glance {
    glance(name, State::Fresh, Outcome::Loaded, sentence)
}

pub(super) fn well() -> [Glance; 2] {
    let mut created = fresh(
        "Sumer Sale",
        "“Sumer Sale” was created, with 1,000 people. There is also “Summer Sale”.",
    );
    let run = created.last_run.as_mut().unwrap();
    (run.created, run.near_name) = (true, true);
    created.loads.truncate(1);
    let loaded = fresh("Autumn", "“Autumn” was loaded: it has 1,000 people, 5 came and 3 went.");
    [loaded, created]
}

fn under_way() -> [Glance; 2] {
    let mut loading = glance(
        "Spring",
        State::Loading,
        Outcome::Loaded,
        "“Spring” was loaded: it has 1,000 people.",
    );
    loading.status.lease_until = Some(at(27, 7));
    let sentence = "“Summer Sale” was published with 3 people, and [...]";
    let elsewhere = Glance {
        home: Home::environment("test.crm4.dynamics.com".to_owned()),
        ..glance("Summer Sale", State::Computing, Outcome::Computing, sentence)
    };
    [loading, elsewhere]
}

pub(super) fn wrong() -> [Glance; 6] {
    let reason = "the result holds 499 contacts, 501 fewer than now (limit 50 %). Nothing was written. If this is right, approve \
                  exactly this input: {\"action\":\"load\",\"key\":\"incoming/Summer Sale/a.csv\",\"approve\":\"da8ded9e30af2cca\"}";
    let sentence = "“Summer Sale” was not refreshed: [...] Approve, or drop a better file.";
    let refused = Glance {
        refused: Some(refused("incoming/Summer Sale/a.csv", reason)),
        ..glance("Summer Sale", State::Refused, Outcome::Refused, sentence)
    };
    let mut failing = glance(
        "Winter",
        State::Failing,
        Outcome::Failed,
        "“Winter” was not refreshed: [...]",
    );
    (failing.status.pending, failing.status.waiting_until) = (2, Some(at(27, 7)));
    let stale = Glance {
        stale_after: Some(TimeDelta::hours(24)),
        ..glance(
            "Old",
            State::Stale,
            Outcome::Unchanged,
            "“Old” was not changed: nobody came or went.",
        )
    };
    let mut short = Glance {
        missing: Some(2),
        ..fresh(
            "Short",
            "“Short” was loaded: it has 1,000 people. Dynamics counts only 998 people, 2 fewer than it should.",
        )
    };
    short.status.people = Some(998);
    let killed = Glance {
        has_died: true,
        ..glance(
            "Killed",
            State::Waiting,
            Outcome::Loaded,
            "“Killed” was loaded: it has 1,000 people.",
        )
    };
    let what = "s3://b/_state/x, which the function keeps for itself, is no JSON".to_owned();
    let unreadable = Glance {
        status: Status::unreadable(None, None, None, what),
        home: Home::environment(String::new()),
        last_run: None,
        loads: Vec::new(),
        ..fresh("Damaged", "")
    };
    [refused, failing, stale, short, killed, unreadable]
}
