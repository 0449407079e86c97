//! Listing, adding and removing the members of a group.

use super::{connected, contacts, seeded, uuids};
use sandbox::dataverse::{Encoding, UnknownContacts};
use sandbox::{Fault, Sandbox};
use segment_loader::domain::Batch;
use segment_loader::dynamics::Allowance;
use serde_json::json;

#[tokio::test]
async fn every_encoding_of_a_list_is_read() {
    for encoding in [
        Encoding::Text,
        Encoding::Object,
        Encoding::BareArray,
        Encoding::CommaSeparated,
    ] {
        let sandbox = Sandbox::start().await;
        sandbox.dataverse.modes(|modes| modes.encoding = encoding);
        let dataverse = connected(&sandbox).await;
        for count in [0, 3, 12_345] {
            let sandbox_members = uuids(count);
            let (segment, group) = seeded(&sandbox, &dataverse, &sandbox_members).await;
            for expected in [0, sandbox_members.len()] {
                let listed = dataverse.list_members(segment, &group, expected).await.unwrap();
                assert!(listed == contacts(&sandbox_members), "{encoding:?} {count}");
            }
            sandbox.dataverse.edit(|state| state.segments.clear());
        }
    }
}

#[tokio::test]
async fn a_full_group_is_listed_in_forty_calls_and_one_for_its_end() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    let members = uuids(200_000);
    let (segment, group) = seeded(&sandbox, &dataverse, &members).await;
    // Without a guess the pages of a whole window may turn out to be in vain.
    for (expected, most) in [(200_000, 41), (0, 44)] {
        sandbox.dataverse.clear_log();
        let listed = dataverse.list_members(segment, &group, expected).await.unwrap();
        assert!(listed == contacts(&members));
        assert!(sandbox.dataverse.count("ListGroupMembers") <= most);
        assert!(sandbox.dataverse.most_in_flight() <= 4);
    }
}

#[tokio::test]
async fn published_members_are_asked_for_up_to_200_000_and_believed_only_where_they_are_as_many_as_expected() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    let members = uuids(200_000);
    let (segment, _) = seeded(&sandbox, &dataverse, &members).await;
    for (page, expected, is_known) in [
        (200_000, 200_000, true),
        (1_000, 200_000, true),
        (1_000, 199_999, false),
        (399, 200_000, false),
    ] {
        sandbox.dataverse.modes(|modes| modes.members_page = page);
        let listed = dataverse.published_members(segment, expected).await.unwrap();
        assert!(listed == is_known.then(|| contacts(&members)), "{page} {expected}");
    }
    sandbox.dataverse.clear_log();
    assert_eq!(dataverse.published_members(segment, 200_001).await.unwrap(), None);
    assert_eq!(sandbox.dataverse.count("MembersList"), 0);
}

#[tokio::test]
async fn after_a_page_size_that_is_refused_smaller_ones_are_tried_once_for_all() {
    let sandbox = Sandbox::start().await;
    sandbox.dataverse.modes(|modes| modes.max_page_size = 1_300);
    let dataverse = connected(&sandbox).await;
    let members = uuids(3_000);
    let (segment, group) = seeded(&sandbox, &dataverse, &members).await;
    for refused in [2, 0] {
        sandbox.dataverse.clear_log();
        let listed = dataverse.list_members(segment, &group, 3_000).await.unwrap();
        assert!(listed == contacts(&members));
        let calls = sandbox.dataverse.requests();
        assert_eq!(calls.iter().filter(|call| call.status == Some(400)).count(), refused);
        assert_eq!(calls.len(), refused + 4);
    }
}

#[tokio::test]
async fn smaller_pages_than_asked_for_are_read_to_the_empty_one() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    let (segment, group) = seeded(&sandbox, &dataverse, &[]).await;
    let members = uuids(25);
    for page in members.chunks(10) {
        let ids: Vec<_> = page.iter().map(ToString::to_string).collect();
        let body = json!({"Response": json!({"entityIds": ids}).to_string()}).to_string();
        // A rule that has fired steps aside for the next one.
        sandbox.dataverse.fault(
            Fault::on("ListGroupMembers")
                .nth(page_number(page, &members))
                .answer(200)
                .body("application/json", &body),
        );
    }
    let listed = dataverse.list_members(segment, &group, 0).await.unwrap();
    assert!(listed == contacts(&members));
}

fn page_number(page: &[uuid::Uuid], members: &[uuid::Uuid]) -> u64 {
    let start = members.iter().position(|id| *id == page[0]).unwrap();
    (start / 10 + 1) as u64
}

#[tokio::test]
async fn the_same_page_again_and_again_is_an_error() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    let (segment, group) = seeded(&sandbox, &dataverse, &[]).await;
    let body = json!({"Response": uuids(3).iter().map(ToString::to_string).collect::<Vec<_>>()}).to_string();
    sandbox.dataverse.fault(
        Fault::on("ListGroupMembers")
            .always()
            .answer(200)
            .body("application/json", &body),
    );
    let error = dataverse.list_members(segment, &group, 0).await.unwrap_err();
    assert_eq!(error.error_type(), "DynamicsAnswerUnexpected");
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_list_is_read_again_and_never_taken_for_empty() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    let members = uuids(5);
    let (segment, group) = seeded(&sandbox, &dataverse, &members).await;
    sandbox.dataverse.fault(Fault::on("ListGroupMembers").truncate_to(200));
    assert!(dataverse.list_members(segment, &group, 0).await.unwrap() == contacts(&members));
    sandbox.dataverse.fault(
        Fault::on("ListGroupMembers")
            .always()
            .answer(200)
            .body("application/json", "{}"),
    );
    let error = dataverse.list_members(segment, &group, 0).await.unwrap_err();
    assert_eq!(error.error_type(), "DynamicsAnswerUnexpected");
}

#[tokio::test]
async fn contacts_are_added_and_removed() {
    for verbose in [false, true] {
        let sandbox = Sandbox::start().await;
        sandbox.dataverse.modes(|modes| modes.verbose_success = verbose);
        let dataverse = connected(&sandbox).await;
        let all = uuids(1_500);
        let (segment, group) = seeded(&sandbox, &dataverse, &all[..10]).await;
        for batch in Batch::split(&contacts(&all), Batch::MAX) {
            assert!(
                dataverse
                    .add_members(segment, &group, batch, &Allowance::boundless())
                    .await
                    .unwrap()
                    .is_empty()
            );
        }
        assert_eq!(sandbox.dataverse.segment("Socks").members, all);
        for batch in Batch::split(&contacts(&all[..1_200]), Batch::MAX) {
            dataverse.remove_members(segment, &group, batch).await.unwrap();
        }
        assert_eq!(sandbox.dataverse.segment("Socks").members, all[1_200..]);
    }
}

#[tokio::test]
async fn refused_contacts_are_singled_out() {
    let sandbox = Sandbox::start().await;
    sandbox
        .dataverse
        .modes(|modes| modes.unknown_contacts = UnknownContacts::Refuse);
    let dataverse = connected(&sandbox).await;
    let (segment, group) = seeded(&sandbox, &dataverse, &[]).await;
    let all = uuids(1_000);
    let bad = [0, 499, 500, 999].map(|index| all[index]);
    let good: Vec<_> = all.iter().copied().filter(|id| !bad.contains(id)).collect();
    sandbox.dataverse.set_known_contacts(good.iter().copied());
    let ids = contacts(&all);
    let mut refused = Vec::new();
    for batch in Batch::split(&ids, Batch::MAX) {
        refused.extend(
            dataverse
                .add_members(segment, &group, batch, &Allowance::boundless())
                .await
                .unwrap(),
        );
    }
    refused.sort_unstable();
    assert!(refused == contacts(&bad));
    assert_eq!(sandbox.dataverse.segment("Socks").members, good);
    assert!(dataverse.requests() < 90, "{}", dataverse.requests());
}

#[tokio::test]
async fn when_every_contact_is_refused_the_fault_lies_elsewhere() {
    let sandbox = Sandbox::start().await;
    sandbox
        .dataverse
        .modes(|modes| modes.unknown_contacts = UnknownContacts::Refuse);
    sandbox.dataverse.set_known_contacts([]);
    let dataverse = connected(&sandbox).await;
    let (segment, group) = seeded(&sandbox, &dataverse, &[]).await;
    let ids = contacts(&uuids(1_000));
    let [batch] = Batch::split(&ids, Batch::MAX).collect::<Vec<_>>()[..] else {
        panic!("one batch")
    };
    let allowance = Allowance::new(1_000, vec![(&group, &ids)]);
    let error = dataverse
        .add_members(segment, &group, batch, &allowance)
        .await
        .unwrap_err();
    assert_eq!(
        (error.error_type(), error.code()),
        ("ContactsRefused", Some("0x80040217"))
    );
    assert!(dataverse.requests() < 660, "{}", dataverse.requests());
    let shown = format!("{error} {error:?}");
    assert!(
        uuids(1_000).iter().all(|id| !shown.contains(&id.to_string())),
        "{shown}"
    );
}

#[tokio::test]
async fn other_refusals_are_not_bisected() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    let (segment, group) = seeded(&sandbox, &dataverse, &[]).await;
    let ids = contacts(&uuids(1_000));
    let [batch] = Batch::split(&ids, Batch::MAX).collect::<Vec<_>>()[..] else {
        panic!("one batch")
    };
    sandbox.dataverse.fault(
        Fault::on("AddStaticMembers")
            .answer(400)
            .error("0x80040265", "The group is full."),
    );
    let inside = json!({"StatusCode": 400, "ResultText": "The group is full."}).to_string();
    sandbox.dataverse.fault(
        Fault::on("AddStaticMembers")
            .nth(2)
            .answer(200)
            .body("application/json", &inside),
    );
    for calls in [1, 2] {
        let error = dataverse
            .add_members(segment, &group, batch, &Allowance::boundless())
            .await
            .unwrap_err();
        assert_eq!(error.error_type(), "DynamicsRefused");
        assert!(error.to_string().ends_with("The group is full"), "{error}");
        assert_eq!(sandbox.dataverse.count("AddStaticMembers"), calls);
    }
}
