//! What the environment lacks or forbids, in errors that say what to do.

use super::{connected, contacts, name, uuids};
use sandbox::dataverse::Seed;
use sandbox::{Fault, Sandbox};
use segment_loader::domain::Batch;
use segment_loader::dynamics::Allowance;

#[tokio::test]
async fn the_checks_of_a_good_environment_pass() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    dataverse.token_check().await.unwrap();
    dataverse.who_am_i().await.unwrap();
    dataverse.check_segment_tables().await.unwrap();
    assert_eq!(sandbox.dataverse.writes(), 0);
    assert_eq!(sandbox.entra.requests().len(), 1);
}

#[tokio::test]
async fn an_environment_without_journeys_is_recognised() {
    let sandbox = Sandbox::start().await;
    sandbox.dataverse.modes(|modes| modes.no_journeys = true);
    let dataverse = connected(&sandbox).await;
    dataverse.who_am_i().await.unwrap();
    let error = dataverse.check_segment_tables().await.unwrap_err();
    assert_eq!(
        (error.error_type(), error.code()),
        ("JourneysNotInstalled", Some("0x80060888"))
    );
    assert!(
        error
            .to_string()
            .starts_with("Customer Insights - Journeys is not installed"),
        "{error}"
    );
}

#[tokio::test]
async fn a_missing_application_user_is_recognised() {
    let sandbox = Sandbox::start().await;
    sandbox.dataverse.modes(|modes| modes.user_missing = true);
    let error = connected(&sandbox).await.who_am_i().await.unwrap_err();
    assert_eq!(
        (error.error_type(), error.code()),
        ("ApplicationUserMissing", Some("0x80072560"))
    );
}

#[tokio::test]
async fn a_missing_privilege_is_named() {
    let sandbox = Sandbox::start().await;
    sandbox.dataverse.deny("GET msdynmkt_segmentdefinitions");
    let error = connected(&sandbox).await.check_segment_tables().await.unwrap_err();
    assert_eq!(
        (error.error_type(), error.code()),
        ("PrivilegeMissing", Some("0x80040220"))
    );
    assert!(
        error.to_string().contains("prvReadmsdynmkt_segmentdefinition"),
        "{error}"
    );
}

#[tokio::test]
async fn a_segment_in_a_live_journey_says_how_to_go_on() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    sandbox
        .dataverse
        .seed_segment(Seed::named("Socks").group(uuids(3)).locked_by_journey());
    let segment = dataverse.find_segments(&name("Socks")).await.unwrap().remove(0);
    let definition = dataverse.definition(segment.definition_id).await.unwrap();
    let ids = contacts(&uuids(5));
    let [batch] = Batch::split(&ids, Batch::MAX).collect::<Vec<_>>()[..] else {
        panic!("one batch")
    };
    let group = &definition.groups[0].id;
    for error in [
        dataverse
            .add_members(segment.id, group, batch, &Allowance::boundless())
            .await
            .map(drop)
            .unwrap_err(),
        dataverse.remove_members(segment.id, group, batch).await.unwrap_err(),
        dataverse.save_groups(&definition, &[]).await.unwrap_err(),
        dataverse.disable_refresh(&definition).await.unwrap_err(),
        dataverse.publish(segment.id).await.unwrap_err(),
    ] {
        assert_eq!(error.error_type(), "SegmentInUse");
        assert!(
            error
                .to_string()
                .contains("stop the journeys and the segments that use it"),
            "{error}"
        );
        assert!(!error.is_transient());
    }
}

#[tokio::test]
async fn a_refused_publish_is_an_error_of_its_own() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    sandbox.dataverse.seed_segment(Seed::named("Socks").group(uuids(3)));
    let segment = dataverse.find_segments(&name("Socks")).await.unwrap().remove(0);
    sandbox.dataverse.fault(
        Fault::on("PublishSegmentDefinition")
            .answer(400)
            .error("0x80040265", "Query is 'secret' bad"),
    );
    let error = dataverse.publish(segment.id).await.unwrap_err();
    assert_eq!(error.error_type(), "PublishRefused");
    assert!(error.to_string().ends_with("Query is <value> bad"), "{error}");
}

#[tokio::test]
async fn what_dynamics_says_names_no_contact_however_its_id_is_joined() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    sandbox.dataverse.seed_segment(Seed::named("Socks").group(uuids(3)));
    let segment = dataverse.find_segments(&name("Socks")).await.unwrap().remove(0);
    let [id, other, _] = uuids(3)[..] else {
        panic!("three contacts")
    };
    for message in [
        format!("Row contact-{id} is locked by a plug-in."),
        format!("Key {id}-{other} exists."),
        format!("Record id{id} is read-only"),
        format!("Record _{}_ is read-only", id.simple()),
        format!("contacts%28%7B{id}%7D%29 is read-only"),
        id.to_string().replace('-', "\u{200b}-"),
        format!("\u{1b}[31m{id}\u{1b}[0m of ann@socks.example"),
    ] {
        let rule = Fault::on("PublishSegmentDefinition").answer(400);
        sandbox.dataverse.fault(rule.error("0x80040265", &message));
        let error = dataverse.publish(segment.id).await.unwrap_err();
        assert_eq!(error.error_type(), "PublishRefused");
        let shown = format!("{error} {error:?}");
        assert!(
            shown.contains("<guid>") && !shown.contains(['@', '\u{1b}', '\u{200b}']),
            "{shown}"
        );
        crate::leaks::assert_tells_nothing("the error", &shown);
    }
}
