//! A server without an end: bodies, pages, links.

use super::{connected, contacts, name, seeded, uuids};
use crate::world::{self, SEGMENT, World};
use sandbox::dataverse::Seed;
use sandbox::{Fault, Sandbox};
use segment_loader::domain::Batch;
use segment_loader::dynamics::Allowance;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

const SEGMENTS: &str = "GET msdynmkt_segments";
const LIMIT: &str = "larger than";

#[tokio::test(start_paused = true)]
async fn an_answer_without_an_end_is_not_held() {
    for (operation, says) in [
        (SEGMENTS, "could not find the segment"),
        (
            "GET msdynmkt_segmentdefinitions",
            "could not read the segment's definition",
        ),
        ("ListGroupMembers", "could not list the members of a group"),
        ("AddStaticMembers", "could not add members to the segment"),
        ("PublishSegmentDefinition", "could not publish the segment"),
    ] {
        for announced in [false, true] {
            let world = World::start().await;
            let seed = Seed::named(SEGMENT).group(world::contacts(0..100));
            world.sandbox.dataverse.seed_segment(seed);
            let mut rule = Fault::on(operation).always().endless();
            if announced {
                rule = rule
                    .answer(200)
                    .header("content-length", "200000000")
                    .body("application/json", "{}");
            }
            world.sandbox.dataverse.fault(rule);
            let key = world.drop_contacts("monday.csv", &world::contacts(0..110));
            let run = world.load_directly(&key, &json!({})).await;
            run.as_type("DynamicsAnswerUnexpected");
            let reason = run.reason();
            assert!(reason.starts_with(says) && reason.contains(LIMIT), "{reason}");
            assert_eq!(world.sandbox.dataverse.segments(SEGMENT).len(), 1);
            if operation != "PublishSegmentDefinition" || announced {
                assert_eq!(world.published(), world::contacts(0..100));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_answer_has_no_end_makes_one_segment() {
    for set in ["POST msdynmkt_segmentdefinitions", "POST msdynmkt_segments"] {
        let sandbox = Sandbox::start().await;
        let dataverse = connected(&sandbox).await;
        sandbox.dataverse.fault(Fault::on(set).endless());
        let (segment, definition) = dataverse.create_segment(&name("Socks"), "").await.expect(set);
        assert_eq!(sandbox.dataverse.segment("Socks").id, segment.id.0, "{set}");
        assert_eq!(sandbox.dataverse.definitions(), [definition.id.0], "{set}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_counts_whatever_follows_its_beginning() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    for every in [Duration::ZERO, Duration::from_secs(1)] {
        let rule = Fault::on("WhoAmI").answer(403).dripping(every);
        sandbox
            .dataverse
            .fault(rule.error("0x80072560", "The user is not a member of the organization."));
        let start = Instant::now();
        let error = dataverse.who_am_i().await.unwrap_err();
        assert_eq!(error.error_type(), "ApplicationUserMissing", "{error}");
        assert!(start.elapsed() <= Duration::from_secs(6));
        sandbox.dataverse.clear_faults();
    }
    let long = format!(
        "{{\"error\":{{\"code\":\"0x80040220\",\"message\":\"prvReadX {}",
        "x".repeat(100_000)
    );
    let rule = Fault::on("WhoAmI").answer(403).body("application/json", &long);
    sandbox.dataverse.fault(rule);
    let error = dataverse.who_am_i().await.unwrap_err();
    assert_eq!(error.error_type(), "PrivilegeMissing", "{error}");
    assert!(error.to_string().len() < 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_penalty_holds_from_the_header_on_whatever_becomes_of_the_body() {
    for rule in [
        Fault::on("AddStaticMembers").answer(429).endless(),
        Fault::on("AddStaticMembers")
            .answer(429)
            .dripping(Duration::from_secs(1)),
        Fault::on("AddStaticMembers")
            .answer(503)
            .dripping(Duration::from_secs(1)),
        Fault::on("AddStaticMembers").answer(500).code("0x80044151"),
    ] {
        let sandbox = Sandbox::start().await;
        let dataverse = connected(&sandbox).await;
        let (segment, group) = seeded(&sandbox, &dataverse, &[]).await;
        let shown = format!("{rule:?}");
        sandbox.dataverse.fault(rule.header("Retry-After", "27"));
        let ids = contacts(&uuids(2_500));
        let start = Instant::now();
        for batch in Batch::split(&ids, Batch::MAX) {
            dataverse
                .add_members(segment, &group, batch, &Allowance::boundless())
                .await
                .expect(&shown);
        }
        assert!(start.elapsed() >= Duration::from_secs(27), "{shown}");
        let violations = sandbox.dataverse.violations();
        assert!(violations.is_empty(), "{shown}: {violations:?}");
        assert_eq!(sandbox.dataverse.segment("Socks").members, uuids(2_500));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_drips_ends_with_the_time_of_its_call() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    sandbox
        .dataverse
        .fault(Fault::on("WhoAmI").dripping(Duration::from_secs(1)));
    let start = Instant::now();
    dataverse.who_am_i().await.unwrap();
    assert!(start.elapsed() >= Duration::from_mins(2) && start.elapsed() < Duration::from_secs(125));
    assert_eq!(sandbox.dataverse.count("WhoAmI"), 2);
}

fn row(number: u64) -> Value {
    json!({
        "@odata.etag": "W/\"1\"", "msdynmkt_segmentid": Uuid::from_u128(number.into()).to_string(),
        "msdynmkt_displayname": "Other", "statuscode": 1,
    })
}

fn page(rows: &Value, link: impl Into<String>) -> Value {
    json!({"value": rows, "@odata.nextLink": link.into()})
}

fn own(number: u64) -> String {
    format!("msdynmkt_segments?$skiptoken={number}")
}

#[tokio::test(start_paused = true)]
async fn pages_of_rows_are_not_followed_for_ever() {
    for (rule, says, calls) in [
        (
            Fault::on(SEGMENTS).says(move |n| page(&json!([row(n)]), own(n))),
            "its pages do not end",
            500,
        ),
        (
            Fault::on(SEGMENTS).says(move |n| {
                let rows: Vec<_> = (0..5_000).map(|k| row(n * 5_000 + k)).collect();
                page(&json!(rows), own(n))
            }),
            "its rows do not end",
            5,
        ),
        (
            Fault::on(SEGMENTS).says(move |n| page(&json!([row(n)]), own(7))),
            "its pages lead in a circle",
            2,
        ),
        (
            Fault::on(SEGMENTS).says(move |n| page(&json!([row(n)]), own(n % 3))),
            "its pages lead in a circle",
            4,
        ),
        (
            Fault::on(SEGMENTS).says(move |n| page(&json!([row(7)]), own(n))),
            "the same row twice",
            2,
        ),
        (
            Fault::on(SEGMENTS).says(move |n| page(&json!([]), own(n))),
            "a page without rows leads to another one",
            1,
        ),
    ] {
        assert_ends(rule, says, calls).await;
    }
}

#[tokio::test(start_paused = true)]
async fn links_to_more_rows_are_not_followed_elsewhere() {
    for (rule, says, calls) in [
        (
            Fault::on(SEGMENTS).says(move |n| page(&json!([row(n)]), "contacts?$top=1")),
            "not one of the same list",
            1,
        ),
        (
            Fault::on(SEGMENTS)
                .says(move |n| page(&json!([row(n)]), "https://example.com/api/data/v9.2/msdynmkt_segments")),
            "an address outside of the environment",
            1,
        ),
        (
            Fault::on(SEGMENTS).says(move |n| page(&json!([row(n)]), "")),
            "not one of the same list",
            1,
        ),
    ] {
        assert_ends(rule, says, calls).await;
    }
}

/// Asserts that a load ends after so many pages, with nothing written.
async fn assert_ends(rule: Fault, says: &str, calls: usize) {
    let world = World::start().await;
    let dataverse = &world.sandbox.dataverse;
    dataverse.seed_segment(Seed::named(SEGMENT).group(world::contacts(0..100)));
    dataverse.fault(rule.always());
    let key = world.drop_contacts("monday.csv", &world::contacts(0..110));
    let run = world.load_directly(&key, &json!({})).await;
    run.as_type("DynamicsAnswerUnexpected");
    assert!(run.reason().contains(says), "{says}: {run}");
    assert_eq!((dataverse.count(SEGMENTS), dataverse.writes()), (calls, 0), "{says}");
    assert_eq!(world.published(), world::contacts(0..100));
}

fn page_of(ids: &[Uuid]) -> Value {
    json!({"Response": {"entityIds": ids.iter().map(ToString::to_string).collect::<Vec<_>>()}})
}

#[tokio::test(start_paused = true)]
async fn pages_of_members_that_do_not_lead_on_are_no_list() {
    let ids = uuids(100);
    let (cycle, same) = (ids.clone(), ids.clone());
    let rules: Vec<(Fault, &str)> = vec![
        (
            Fault::on("ListGroupMembers").says(move |_| page_of(&same[..10])),
            "the same page comes again",
        ),
        (
            Fault::on("ListGroupMembers").says(move |n| {
                let start = usize::try_from(n % 3).unwrap() * 10;
                page_of(&cycle[start..start + 10])
            }),
            "the same page comes again",
        ),
        (
            Fault::on("ListGroupMembers").says(move |n| {
                let first = u128::from(n) * 5_000;
                let fresh: Vec<_> = (first..first + 5_000).map(|id| Uuid::from_u128(id << 64 | 1)).collect();
                page_of(&fresh)
            }),
            "more members than the 200,000",
        ),
    ];
    for (rule, says) in rules {
        let sandbox = Sandbox::start().await;
        let dataverse = connected(&sandbox).await;
        let (segment, group) = seeded(&sandbox, &dataverse, &ids).await;
        sandbox.dataverse.fault(rule.always());
        let error = dataverse.list_members(segment, &group, 100).await.unwrap_err();
        assert_eq!(error.error_type(), "DynamicsAnswerUnexpected");
        assert!(error.to_string().contains(says), "{error}");
        assert!(sandbox.dataverse.count("ListGroupMembers") < 300);
    }
}

#[tokio::test(start_paused = true)]
async fn pages_that_moved_once_are_read_again() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    let (segment, group) = seeded(&sandbox, &dataverse, &uuids(20)).await;
    let again = uuids(20);
    sandbox
        .dataverse
        .fault(Fault::on("ListGroupMembers").times(2).says(move |_| page_of(&again)));
    let listed = dataverse.list_members(segment, &group, 0).await.unwrap();
    assert!(listed == contacts(&uuids(20)));
    assert_eq!(sandbox.dataverse.count("ListGroupMembers"), 4);
}

#[tokio::test]
async fn a_short_page_in_the_middle_is_not_the_end() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    let (segment, group) = seeded(&sandbox, &dataverse, &[]).await;
    let ids = uuids(12_000);
    let pages = [&ids[..5_000], &ids[5_000..9_999], &ids[9_999..], &[]].map(page_of);
    sandbox.dataverse.fault(
        Fault::on("ListGroupMembers")
            .always()
            .says(move |n| pages[usize::try_from(n - 1).unwrap().min(3)].clone()),
    );
    let listed = dataverse.list_members(segment, &group, 0).await.unwrap();
    assert!(listed == contacts(&ids));
}

#[tokio::test]
async fn members_are_listed_whatever_size_of_page_a_server_takes_or_serves() {
    for size in [1, 2, 7, 100, 250, 300, 999] {
        for refuses in [true, false] {
            let sandbox = Sandbox::start().await;
            sandbox.dataverse.modes(|modes| {
                let size_of_pages = if refuses {
                    &mut modes.max_page_size
                } else {
                    &mut modes.page_clamp
                };
                *size_of_pages = size;
            });
            let dataverse = connected(&sandbox).await;
            for count in [0, 1, 310] {
                let members = uuids(count);
                let (segment, group) = seeded(&sandbox, &dataverse, &members).await;
                for expected in [0, members.len()] {
                    let listed = dataverse.list_members(segment, &group, expected).await.unwrap();
                    assert!(listed == contacts(&members), "{size} {refuses} {count}");
                }
                sandbox.dataverse.edit(|state| state.segments.clear());
            }
        }
    }
}
