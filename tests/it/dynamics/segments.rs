//! Finding, creating and publishing segments.

use super::{connected, contacts, name, uuids};
use sandbox::dataverse::{Outcome, Seed};
use sandbox::{Fault, Sandbox};
use segment_loader::domain::{Batch, SegmentStatus};
use segment_loader::dynamics::{Allowance, Definition, Group, Saved};
use serde_json::Value;
use std::time::Duration;

/// Returns what a create knows of a definition: neither its version nor its computations.
fn as_created(definition: &Definition) -> Definition {
    Definition {
        etag: None,
        computation: None,
        dependents: None,
        ..definition.clone()
    }
}

#[tokio::test]
async fn a_segment_is_created_filled_and_published() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    let summer = name("Summer O'Sale & Co 100 %");
    assert!(dataverse.find_segments(&summer).await.unwrap().is_empty());
    let (segment, definition) = dataverse.create_segment(&summer, "for tests").await.unwrap();
    assert_eq!((segment.status, segment.member_count), (SegmentStatus::Inactive, None));
    assert!(definition.refresh_disabled && definition.query.is_empty());
    let read = dataverse.definition(segment.definition_id).await.unwrap();
    assert_eq!(as_created(&read), as_created(&definition));
    let ids = contacts(&uuids(10));
    let group = &definition.groups[0];
    assert!(group.include);
    for batch in Batch::split(&ids, Batch::MAX) {
        dataverse
            .add_members(segment.id, &group.id, batch, &Allowance::boundless())
            .await
            .unwrap();
    }
    dataverse.publish(segment.id).await.unwrap();
    let mut now = dataverse.segment(segment.id).await.unwrap();
    while now.status != SegmentStatus::Active {
        assert_eq!(now.status, SegmentStatus::Busy);
        tokio::time::sleep(Duration::from_millis(20)).await;
        now = dataverse.segment(segment.id).await.unwrap();
    }
    assert_eq!(
        (now.member_count, now.status_code, now.published_journeys),
        (Some(10), 1, now.published_journeys)
    );
    assert_eq!(sandbox.dataverse.segment(summer.as_str()).published, Some(uuids(10)));
    assert_eq!(dataverse.find_segments(&summer).await.unwrap()[0].id, segment.id);
}

#[tokio::test]
async fn a_segment_is_not_called_absent_among_rows_of_other_names_or_by_half_a_deletion() {
    for (field, value) in [
        ("msdynmkt_displayname", "Winter".into()),
        ("statuscode", Value::from(4)),
    ] {
        let sandbox = Sandbox::start().await;
        let dataverse = connected(&sandbox).await;
        sandbox.dataverse.seed_segment(Seed::named("Socks"));
        let fault = Fault::on("GET msdynmkt_segments").rewrite(move |body| {
            body["value"][0][field] = value.clone();
            body["value"][0]["statecode"] = 0.into();
        });
        sandbox.dataverse.fault(fault);
        let error = dataverse.find_segments(&name("Socks")).await.unwrap_err();
        assert_eq!(error.error_type(), "DynamicsAnswerUnexpected", "{field}: {error}");
    }
}

#[tokio::test]
async fn only_living_segments_of_exactly_the_name_are_found() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    sandbox.dataverse.seed_segment(Seed::named("socks"));
    sandbox.dataverse.seed_segment(Seed::named("Socks").status(4));
    let stopped = sandbox
        .dataverse
        .seed_segment(Seed::named("Socks").status(9).live_journeys(2));
    sandbox.dataverse.seed_segment(Seed::named("Socks and more"));
    let found = dataverse.find_segments(&name("Socks")).await.unwrap();
    assert_eq!(found.iter().map(|segment| segment.id.0).collect::<Vec<_>>(), [stopped]);
    let segment = dataverse.segment(found[0].id).await.unwrap();
    assert_eq!(
        (segment.status, segment.published_journeys),
        (SegmentStatus::Stopped, Some(2))
    );
    sandbox.dataverse.seed_segment(Seed::named("Socks"));
    assert_eq!(dataverse.find_segments(&name("Socks")).await.unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_answer_is_lost_makes_one_segment() {
    for set in ["POST msdynmkt_segmentdefinitions", "POST msdynmkt_segments"] {
        for rule in [
            Fault::on(set).commit_then_reset(),
            Fault::on(set).drop_connection(),
            Fault::on(set).times(3).answer(503),
            Fault::on(set).answer(429).header("Retry-After", "3").code("0x80072322"),
            Fault::on(set).late_answer(Duration::from_secs(130)),
            Fault::on(set).answer(401),
        ] {
            let sandbox = Sandbox::start().await;
            let dataverse = connected(&sandbox).await;
            let shown = format!("{set} {rule:?}");
            sandbox.dataverse.fault(rule);
            let (segment, definition) = dataverse.create_segment(&name("Socks"), "").await.expect(&shown);
            assert_eq!(sandbox.dataverse.segment("Socks").id, segment.id.0, "{shown}");
            assert_eq!(sandbox.dataverse.definitions(), [definition.id.0], "{shown}");
            let read = dataverse.definition(definition.id).await.unwrap();
            assert_eq!(as_created(&read), as_created(&definition), "{shown}");
            assert!(sandbox.dataverse.violations().is_empty());
        }
    }
}

#[tokio::test]
async fn a_definition_left_without_a_segment_is_used() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    // Not an orphan: its segment is deleted, but there.
    sandbox.dataverse.seed_segment(Seed::named("Socks").draft().status(4));
    let refusal = Fault::on("POST msdynmkt_segments")
        .answer(400)
        .error("0x80048408", "State code is invalid");
    sandbox.dataverse.fault(refusal);
    sandbox.dataverse.deny("DELETE msdynmkt_segmentdefinitions");
    assert!(dataverse.create_segment(&name("Socks"), "").await.is_err());
    assert_eq!(sandbox.dataverse.definitions().len(), 2);
    let (segment, definition) = dataverse.create_segment(&name("Socks"), "").await.unwrap();
    assert_eq!(sandbox.dataverse.definitions().len(), 2);
    assert_eq!(segment.definition_id, definition.id);
    assert_eq!(definition.groups.len(), 1);
}

#[tokio::test]
async fn refresh_is_switched_off_and_groups_are_added_beside_those_of_people() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    sandbox
        .dataverse
        .seed_segment(Seed::named("Socks").with_refresh().group(uuids(3)).exclude(uuids(1)));
    let segment = dataverse.find_segments(&name("Socks")).await.unwrap().remove(0);
    let mut definition = dataverse.definition(segment.definition_id).await.unwrap();
    assert!(!definition.refresh_disabled);
    let saved = dataverse.disable_refresh(&definition).await.unwrap();
    assert_eq!(saved, Saved::Done);
    let outdated = definition.clone();
    definition = dataverse.definition(definition.id).await.unwrap();
    let fresh = Group::fresh("more");
    definition.groups.push(fresh.clone());
    let saved = dataverse.save_groups(&outdated, &definition.groups).await.unwrap();
    assert_eq!(saved, Saved::Outdated, "the refresh was switched off since it was read");
    let saved = dataverse.save_groups(&definition, &definition.groups).await.unwrap();
    assert_eq!(saved, Saved::Done);
    let saved = dataverse.definition(definition.id).await.unwrap();
    assert!(saved.refresh_disabled);
    assert_eq!(saved.groups, definition.groups);
    assert_eq!(
        sandbox
            .dataverse
            .segment("Socks")
            .groups
            .iter()
            .map(|group| group.count)
            .collect::<Vec<_>>(),
        [3, 1, 0]
    );
    assert!(
        dataverse
            .list_members(segment.id, &fresh.id, 0)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn every_way_a_publish_ends_is_told_apart() {
    for (outcome, status) in [
        (Outcome::Active, SegmentStatus::Active),
        (Outcome::Warnings, SegmentStatus::ActiveWithWarnings),
        (Outcome::Error, SegmentStatus::Error),
        (Outcome::Faulted, SegmentStatus::Faulted),
        (Outcome::Never, SegmentStatus::Busy),
        (Outcome::Status(10), SegmentStatus::Expired),
        (Outcome::Status(77), SegmentStatus::Busy),
    ] {
        let sandbox = Sandbox::start().await;
        sandbox
            .dataverse
            .modes(|modes| (modes.outcome, modes.publish_delay) = (outcome, Duration::ZERO));
        let dataverse = connected(&sandbox).await;
        sandbox.dataverse.seed_segment(Seed::named("Socks").group(uuids(3)));
        let segment = dataverse.find_segments(&name("Socks")).await.unwrap().remove(0);
        dataverse.publish(segment.id).await.unwrap();
        assert_eq!(
            dataverse.segment(segment.id).await.unwrap().status,
            status,
            "{outcome:?}"
        );
    }
}
