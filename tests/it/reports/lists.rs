//! The lists of what was left out, and the look at contacts before they are written.

use super::{receipt, text};
use crate::world::{SEGMENT, World, contact, contacts, csv};
use sandbox::BUCKET;
use sandbox::dataverse::UnknownContacts;
use serde_json::json;

/// A CSV file of these contacts with more lines below them.
fn file(numbers: std::ops::Range<u32>, more: &str) -> String {
    String::from_utf8(csv(&contacts(numbers))).unwrap() + more
}

#[tokio::test(start_paused = true)]
async fn rejected_rows_are_listed_with_file_line_reason_and_cell() {
    let world = World::start().await;
    let key = world.drop_file(
        "monday.csv",
        file(
            0..96,
            "nobody@example.com\n\"=1,2\"\n00000000-0000-0000-0000-000000000000\n\"\"\n",
        ),
    );
    let run = world.run(&key).await;
    run.assert_loaded();
    assert_eq!(
        run["rejected_by_reason"],
        json!({"empty": 1, "nil GUID": 1, "not a GUID": 2})
    );
    let expected = format!(
        "file,line,reason,cell\n{key},98,not a GUID,nobody@example.com\n{key},99,not a GUID,\"'=1,2\"\n\
         {key},100,nil GUID,00000000-0000-0000-0000-000000000000\n{key},101,empty,\n"
    );
    assert_eq!(text(&world, &run["rejected_rows"]), expected);
    let receipt = receipt(&world, &run);
    assert_eq!(receipt["rejected_rows"], run["rejected_rows"]);
    assert!(!receipt.to_string().contains("nobody@"), "the receipt holds no cell");
}

#[tokio::test(start_paused = true)]
async fn a_refused_run_lists_its_rejected_rows_and_says_where_the_list_ends() {
    let world = World::start().await;
    world.destination(&json!({"max_invalid_percent": 50}));
    let key = world.drop_file("monday.csv", file(0..3, &"nobody\n".repeat(10_002)));
    let run = world.run(&key).await;
    run.assert_refused();
    assert_eq!(text(&world, &run["rejected_rows"]).lines().count(), 10_001);
    run.warns("first 10000 of 10002");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_cannot_be_written_is_a_warning() {
    let world = World::start().await;
    world.sandbox.s3.deny(BUCKET, "_state/rejected/");
    let key = world.drop_file("monday.csv", file(0..99, "nobody\n"));
    let run = world.run(&key).await;
    run.assert_loaded();
    assert_eq!(run["rejected_rows"], json!(null), "{run}");
    run.warns("list of rejected rows");
    assert_eq!(world.published(), contacts(0..99));
}

#[tokio::test(start_paused = true)]
async fn contacts_that_dynamics_does_not_take_are_listed() {
    for behaviour in [UnknownContacts::Ignore, UnknownContacts::Refuse] {
        let world = World::start().await;
        world
            .sandbox
            .dataverse
            .modes(|modes| modes.unknown_contacts = behaviour);
        world.sandbox.dataverse.set_known_contacts(contacts(0..98));
        let run = world.load("monday.csv", &contacts(0..100)).await;
        run.assert_loaded().not_accepted(2);
        assert_eq!(run["match_rate_percent"], 98.0);
        let [a, b] = [contact(98), contact(99)];
        let expected = format!("contactid,reason\n{a},not accepted by Dynamics\n{b},not accepted by Dynamics\n");
        assert_eq!(text(&world, &run["not_accepted_contacts"]), expected);
        assert_eq!(world.published(), contacts(0..98));
    }
}

#[tokio::test(start_paused = true)]
async fn ids_to_be_added_are_looked_up_and_what_is_no_contact_is_left_out() {
    let world = World::start().await;
    world.destination(&json!({"check_contacts": "added"}));
    world.sandbox.dataverse.set_known_contacts(contacts(0..2_450));
    let run = world.load("monday.csv", &contacts(0..2_500)).await;
    run.assert_loaded();
    assert_eq!(
        (
            &run["added"],
            &run["not_found"],
            &run["not_accepted"],
            &run["match_rate_percent"]
        ),
        (&json!(2_450), &json!(50), &json!(0), &json!(98.0)),
        "{run}"
    );
    let list = text(&world, &run["not_accepted_contacts"]);
    assert_eq!(list.lines().count(), 51);
    assert!(list.contains(&format!("{},not found\n", contact(2_499))));
    assert_eq!(world.published(), contacts(0..2_450));
    assert_eq!(
        world.sandbox.dataverse.count("GET contacts"),
        7,
        "2,500 ids take seven requests of 400"
    );

    world.sandbox.dataverse.clear_log();
    let key = format!("incoming/{SEGMENT}/monday.csv");
    let again = world.load_directly(&key, &json!({})).await;
    again.assert_unchanged().not_found(50);
    assert_eq!(
        world.sandbox.dataverse.count("GET contacts"),
        1,
        "only what would be added is looked up"
    );
    assert_eq!(world.sandbox.dataverse.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn too_many_ids_that_are_no_contacts_fail_before_the_first_write_and_are_listed() {
    let world = World::start().await;
    world.destination(&json!({"check_contacts": "added"}));
    world.sandbox.dataverse.set_known_contacts(contacts(0..94));
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let run = world.load_directly(&key, &json!({})).await;
    run.assert_failed().as_type("ContactsNotAccepted");
    assert_eq!(world.sandbox.dataverse.writes(), 0);
    assert_eq!(text(&world, &run["not_accepted_contacts"]).lines().count(), 7);

    world.sandbox.dataverse.set_known_contacts(contacts(0..95));
    let run = world.load_directly(&key, &json!({})).await;
    run.assert_loaded().not_found(5);
    assert_eq!(world.published(), contacts(0..95));
}

#[tokio::test(start_paused = true)]
async fn contacts_are_listed_also_where_too_many_of_them_fail_the_load() {
    let world = World::start().await;
    world.sandbox.dataverse.set_known_contacts(contacts(0..94));
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let run = world.load_directly(&key, &json!({})).await;
    run.assert_failed().as_type("ContactsNotAccepted");
    assert_eq!(text(&world, &run["not_accepted_contacts"]).lines().count(), 7);
    assert_eq!(world.segment().published, None, "nothing was published");
}

#[tokio::test(start_paused = true)]
async fn without_the_setting_nothing_is_looked_up() {
    let world = World::start().await;
    let run = world.load("monday.csv", &contacts(0..100)).await;
    assert_eq!(run["not_found"], json!(null));
    assert_eq!(world.sandbox.dataverse.count("GET contacts"), 0);
}

#[tokio::test(start_paused = true)]
async fn inactive_and_merged_contacts_are_told_apart_from_missing_ones_and_loaded_as_the_file_says() {
    let world = World::start().await;
    world.destination(&json!({"check_contacts": "added"}));
    world.sandbox.dataverse.set_known_contacts(contacts(0..98));
    world.sandbox.dataverse.merge_away(contacts(3..5));
    let inactive = contacts(1..2).into_iter().map(|id| id.as_u128());
    world
        .sandbox
        .dataverse
        .edit(|state| state.contacts.inactive.extend(inactive));
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let dry = world.load_directly(&key, &json!({"dry_run": true})).await;
    assert_eq!(
        (&dry["inactive"], &dry["merged"], &dry["not_found"]),
        (&json!(1), &json!(2), &json!(2)),
        "{dry}"
    );
    let run = world.load_directly(&key, &json!({})).await;
    assert_eq!(
        (&run["outcome"], &run["inactive"], &run["merged"]),
        (&json!("loaded"), &json!(1), &json!(2)),
        "{run}"
    );
    assert!(
        run["warnings"]
            .to_string()
            .contains("1 are inactive, and 2 were merged into another contact"),
        "{run}"
    );
    let list = text(&world, &run["not_accepted_contacts"]);
    for (number, reason) in [(1, "inactive"), (3, "merged into another contact"), (98, "not found")] {
        assert!(
            list.contains(&format!("{},{reason}", contacts([number])[0])),
            "{number}"
        );
    }
    assert_eq!(list.lines().count(), 6);
    assert_eq!(world.published(), contacts(0..98));
    let run = world.load("tuesday.csv", &contacts(5..98)).await;
    assert_eq!((&run["inactive"], &run["merged"]), (&json!(0), &json!(0)), "{run}");
    assert_eq!(world.published(), contacts(5..98));
}
