//! Whether a segment may be created in a business unit: told before anything is written, as far as Dynamics tells it.

use crate::failures::{failure_of, outcomes, sweep};
use crate::units::{SHOES, SOCKS, published, with_unit};
use crate::world::{SEGMENT, World, contacts};
use sandbox::Fault;
use sandbox::dataverse::{Depth, Privileges, ROOT_UNIT, Role};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

const LOOK: &str = "RetrieveUserPrivilegeByPrivilegeName";
const PRIVILEGE: &str = "prvCreatemsdynmkt_segment";

fn own(depth: Depth, unit: Uuid) -> Role {
    Role {
        unit,
        depth,
        is_of_a_team: false,
    }
}

fn of_a_team(depth: Depth, unit: Uuid) -> Role {
    Role {
        is_of_a_team: true,
        ..own(depth, unit)
    }
}

/// An organization in which Shoes is below Socks, and the application user, who is in Socks, has these roles.
async fn with_roles(roles: &[Role], privileges: Privileges) -> World {
    let world = with_unit("Shoes").await;
    world.sandbox.dataverse.edit(|state| {
        let row = state.business_units.get_mut(&SHOES).unwrap();
        row.change(&[("_parentbusinessunitid_value", json!(SOCKS.to_string()))], 2);
        state.roles = roles.to_vec();
        state.user_unit = SOCKS;
        state.modes.privileges = privileges;
    });
    world
}

fn grant(world: &World, role: Role) {
    world.sandbox.dataverse.edit(|state| state.roles.push(role));
}

fn looks(world: &World) -> usize {
    world.sandbox.dataverse.count(LOOK)
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_a_role_reaches_is_given_its_segment_and_nobody_asks_again_once_it_is_there() {
    for roles in [
        vec![own(Depth::Global, SOCKS)],
        vec![own(Depth::Deep, SOCKS)],
        vec![own(Depth::Deep, ROOT_UNIT), own(Depth::Local, SOCKS)],
        vec![own(Depth::Local, SHOES)],
        vec![own(Depth::Basic, SHOES), own(Depth::Local, SOCKS)],
        vec![own(Depth::Nowhere, SOCKS), of_a_team(Depth::Local, SHOES)],
        vec![of_a_team(Depth::Deep, SOCKS)],
    ] {
        for privileges in [Privileges::Each, Privileges::Merged] {
            let world = with_roles(&roles, privileges).await;
            let shown = format!("{roles:?} {privileges:?}");
            world.load("monday.csv", &contacts(0..100)).await.assert_loaded();
            assert_eq!(looks(&world), 1, "{shown}");
            world.load("tuesday.csv", &contacts(0..110)).await.assert_loaded();
            assert_eq!(published(&world, SHOES), Some(contacts(0..110)), "{shown}");
            assert_eq!(looks(&world), 1, "there is a segment by now: {shown}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn where_no_unit_is_named_nobody_asks_who_may_create_what() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..100)).await.assert_loaded();
    assert_eq!((looks(&world), world.sandbox.dataverse.count("WhoAmI")), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_no_role_reaches_fails_before_anything_is_written_and_is_loaded_once_one_does() {
    for roles in [
        vec![own(Depth::Local, SOCKS)],
        vec![own(Depth::Basic, SOCKS), of_a_team(Depth::Local, SOCKS)],
        vec![own(Depth::Nowhere, SHOES)],
        Vec::new(),
    ] {
        for privileges in [Privileges::Each, Privileges::Merged] {
            let world = with_roles(&roles, privileges).await;
            let shown = format!("{roles:?} {privileges:?}");
            let key = world.drop_contacts("monday.csv", &contacts(0..100));
            let says_so = |reason: &str| {
                let parts = [
                    "cannot be given a segment, and nothing was written",
                    PRIVILEGE,
                    "owning_business_unit",
                ];
                for part in parts.into_iter().chain([&*SHOES.to_string()]) {
                    assert!(reason.contains(part), "{part}: {reason} {shown}");
                }
            };
            let (kind, reason) = failure_of(&world, &key).await;
            assert_eq!(kind, "BusinessUnitUnknown", "{reason} {shown}");
            says_so(&reason);
            let dry = world.load_directly(&key, &json!({"dry_run": true})).await;
            assert_eq!(dry["error_type"], json!("BusinessUnitUnknown"), "{dry} {shown}");
            let verified = world.invoke(json!({"action": "verify_environment"})).await.unwrap();
            let create = &verified["facts"][0];
            assert_eq!((&verified["ok"], &create["holds"]), (&json!(false), &json!(false)));
            says_so(create["detail"].as_str().unwrap());
            assert_eq!(verified["cleaned_up"], json!(true), "{verified} {shown}");
            assert_eq!(world.sandbox.dataverse.writes(), 0, "{shown}");
            assert_eq!(world.sandbox.dataverse.definitions().len(), 0, "{shown}");

            grant(&world, own(Depth::Local, SHOES));
            tokio::time::sleep(Duration::from_mins(16)).await;
            assert_eq!(outcomes(&sweep(&world).await), ["loaded"], "{shown}");
            assert_eq!(published(&world, SHOES), Some(contacts(0..100)), "{shown}");
        }
    }
}

/// Asserts that a load into a unit that is closed comes as far as the create, which says it, and leaves nothing behind.
async fn assert_told_by_the_create(world: &World, shown: &str) {
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let (kind, reason) = failure_of(world, &key).await;
    assert_eq!(kind, "BusinessUnitUnknown", "{reason} {shown}");
    assert!(!reason.contains("nothing was written"), "{reason} {shown}");
    let dataverse = &world.sandbox.dataverse;
    assert_eq!(dataverse.count("POST msdynmkt_segments"), 1, "{shown}");
    assert_eq!(
        (dataverse.segments(SEGMENT).len(), dataverse.definitions().len()),
        (0, 0),
        "{shown}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_told_beforehand_is_told_by_the_create() {
    let local = [own(Depth::Local, SOCKS)];
    for denied in [
        LOOK,
        "systemuserroles_association",
        "teammembership_association",
        "WhoAmI",
    ] {
        let world = with_roles(&local, Privileges::Each).await;
        world.sandbox.dataverse.deny(denied);
        assert_told_by_the_create(&world, denied).await;
    }
    let world = with_roles(&local, Privileges::Missing).await;
    assert_told_by_the_create(&world, "no such function").await;

    let world = with_roles(&[], Privileges::Renamed).await;
    assert_told_by_the_create(&world, "a privilege that has another name is held by nobody").await;

    let world = with_roles(&[own(Depth::Deep, SHOES)], Privileges::Each).await;
    world.destination(&json!({"owning_business_unit": "Socks & Süd"}));
    world.sandbox.dataverse.edit(|state| {
        let row = state.business_units.get_mut(&ROOT_UNIT).unwrap();
        row.change(&[("_parentbusinessunitid_value", json!(SOCKS.to_string()))], 2);
    });
    assert_told_by_the_create(&world, "units that are above each other").await;

    let world = with_roles(&local, Privileges::Each).await;
    world.sandbox.dataverse.latency(LOOK, Duration::from_mins(1));
    assert_told_by_the_create(&world, "an answer that does not come").await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_about_privileges_that_is_not_understood_says_nothing() {
    let right = json!({"Depth": "Local", "BusinessUnitId": SOCKS.to_string(), "PrivilegeName": PRIVILEGE});
    let with = |name: &str, value: Value| {
        let mut grant = right.clone();
        grant[name] = value;
        json!({"RolePrivileges": [grant]})
    };
    let answers = [
        with("Depth", json!("RecordFilter")),
        with("Depth", json!(1)),
        with("Depth", json!(null)),
        with("BusinessUnitId", json!(Uuid::nil().to_string())),
        with("BusinessUnitId", json!(SHOES.to_string()[1..])),
        with("BusinessUnitId", json!(ROOT_UNIT.to_string())),
        with("PrivilegeName", json!("prvCreateAccount")),
        with("PrivilegeName", json!(null)),
        json!({"RolePrivileges": [right], "@odata.nextLink": "https://example.com"}),
        json!({"RolePrivileges": null}),
        json!({"value": [right]}),
        json!([right]),
    ];
    for answer in answers {
        let world = with_roles(&[own(Depth::Local, SOCKS)], Privileges::Each).await;
        let odd = Fault::on(LOOK).always().answer(200);
        world
            .sandbox
            .dataverse
            .fault(odd.body("application/json", &answer.to_string()));
        assert_told_by_the_create(&world, &answer.to_string()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_that_the_answer_may_have_left_out_keeps_no_segment_from_being_created() {
    // Of two roles the higher one is answered, and the other one reaches the unit.
    for roles in [
        vec![own(Depth::Local, SOCKS), own(Depth::Local, SHOES)],
        vec![own(Depth::Local, SOCKS), of_a_team(Depth::Local, SHOES)],
        vec![own(Depth::Deep, SOCKS), own(Depth::Local, ROOT_UNIT)],
    ] {
        let world = with_roles(&roles, Privileges::Merged).await;
        let named = if roles[1].unit == ROOT_UNIT { ROOT_UNIT } else { SHOES };
        world.destination(&json!({"owning_business_unit": named.to_string()}));
        world.load("monday.csv", &contacts(0..100)).await.assert_loaded();
        assert_eq!(published(&world, named), Some(contacts(0..100)), "{roles:?}");
    }
}
