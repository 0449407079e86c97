//! Members that were published and are not counted: told on every road to the published segment.

use crate::failures::{A_LEASE, kill_at, sweep};
use crate::run::Run;
use crate::world::{SEGMENT, World, contacts};
use sandbox::dataverse::{Encoding, MembersPaging, Modes, Seed, State};
use sandbox::{BUCKET, Fault};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

fn told(run: &Value) -> (&str, Option<u64>, Option<u64>) {
    let outcome = run["outcome"].as_str().unwrap_or_default();
    (outcome, run["member_count"].as_u64(), run["published_missing"].as_u64())
}

#[tokio::test(start_paused = true)]
async fn members_that_are_missing_are_told_after_the_wait_by_a_sweep_and_after_an_unchanged_file_in_every_mode() {
    for mode in ["replace", "append"] {
        let world = World::start().await;
        world.destination(&json!({"mode": mode}));
        world.sandbox.dataverse.drop_at_compute(contacts(0..3));
        let run = world.load("monday.csv", &contacts(0..100)).await;
        assert_eq!(told(&run), ("loaded", Some(97), Some(3)), "{run}");
        run.warns("97 members where 100");
        let run = world.load("tuesday.csv", &contacts(0..100)).await;
        assert_eq!(told(&run), ("unchanged", Some(97), Some(3)), "{run}");
        run.warns("97 members where 100");

        world.destination(&json!({"publish_wait_seconds": 1}));
        world
            .sandbox
            .dataverse
            .modes(|modes| modes.publish_delay = Duration::from_mins(1));
        let run = world.load("wednesday.csv", &contacts(0..110)).await;
        assert_eq!(told(&run), ("computing", None, None), "{run}");
        tokio::time::sleep(Duration::from_mins(1)).await;
        let run = Run::first(&sweep(&world).await);
        assert_eq!(told(&run), ("loaded", Some(107), Some(3)), "{run}");
        run.warns("107 members where 110");
    }
}

#[tokio::test(start_paused = true)]
async fn whom_an_exclude_group_keeps_out_is_not_missing_after_an_unchanged_file_either() {
    let world = World::start().await;
    let seed = Seed::named(SEGMENT).group(contacts(0..50)).exclude(contacts(40..60));
    world.sandbox.dataverse.seed_segment(seed);
    let run = world.load("monday.csv", &contacts(0..60)).await;
    assert_eq!(told(&run), ("loaded", Some(40), Some(0)), "{run}");
    let run = world.load("tuesday.csv", &contacts(0..60)).await;
    assert_eq!(told(&run), ("unchanged", Some(40), Some(0)), "{run}");
    run.warns("20 of the segment's 60 members are kept out by its Exclude groups");
    assert_eq!(run["warnings"].as_array().map(Vec::len), Some(1), "{run}");
}

/// Lets the pause pass after which a segment is published again.
async fn sweep_after_the_pause(world: &World) -> Value {
    world.sandbox.s3.clock().advance(Duration::from_mins(76));
    sweep(world).await["runs"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_lacks_members_is_published_again_after_the_pause_until_they_are_there() {
    let world = World::start().await;
    world.sandbox.dataverse.drop_at_compute(contacts(0..3));
    let run = world.load("monday.csv", &contacts(0..100)).await;
    assert_eq!(told(&run), ("loaded", Some(97), Some(3)), "{run}");
    run.warns("sweeps publish the segment again");
    assert_eq!(sweep(&world).await["runs"], json!([]), "the pause is not over");
    assert_eq!(world.segment().publishes, 1);
    let runs = sweep_after_the_pause(&world).await;
    assert_eq!(told(&runs[0]), ("loaded", Some(97), Some(3)), "{runs}");
    assert_eq!(
        (world.segment().publishes, &runs[0]["needs_attention"]),
        (2, &json!(null))
    );
    world.sandbox.dataverse.drop_at_compute([]);
    assert_eq!(sweep(&world).await["runs"], json!([]), "the pause is not over");
    let runs = sweep_after_the_pause(&world).await;
    assert_eq!(told(&runs[0]), ("loaded", Some(100), Some(0)), "{runs}");
    assert_eq!((world.segment().publishes, world.published()), (3, contacts(0..100)));
    assert_eq!(sweep_after_the_pause(&world).await, json!([]));
    assert_eq!(world.segment().publishes, 3);
}

/// Otherwise everybody who is missing later, for another reason, would be missing for good.
#[tokio::test(start_paused = true)]
async fn a_shortage_that_stayed_and_is_over_excuses_no_later_one() {
    let world = World::start().await;
    world.sandbox.dataverse.drop_at_compute(contacts(0..3));
    world.load("monday.csv", &contacts(0..100)).await;
    for _ in 1..=3 {
        sweep_after_the_pause(&world).await;
    }
    world.sandbox.dataverse.drop_at_compute([]);
    let run = world.load("tuesday.csv", &contacts(0..110)).await;
    assert_eq!(told(&run), ("loaded", Some(110), Some(0)), "{run}");
    world.sandbox.dataverse.drop_at_compute(contacts(5..7));
    let run = world.load("wednesday.csv", &contacts(0..120)).await;
    assert_eq!(told(&run), ("loaded", Some(118), Some(2)), "{run}");
    world.sandbox.dataverse.drop_at_compute([]);
    let runs = sweep_after_the_pause(&world).await;
    assert_eq!(told(&runs[0]), ("loaded", Some(120), Some(0)), "{runs}");
    assert_eq!(world.published(), contacts(0..120));
}

#[tokio::test(start_paused = true)]
async fn after_three_more_publishes_a_person_is_called_once_and_no_smaller_shortage_is_news() {
    let world = World::start().await;
    world.sandbox.dataverse.drop_at_compute(contacts(0..3));
    world.load("monday.csv", &contacts(0..100)).await;
    for publish in 1..=3 {
        let runs = sweep_after_the_pause(&world).await;
        assert_eq!(told(&runs[0]), ("loaded", Some(97), Some(3)), "{runs}");
        let needs_attention = runs[0]["needs_attention"] == json!(true);
        assert_eq!(needs_attention, publish == 3, "{publish}: {runs}");
    }
    assert_eq!(sweep_after_the_pause(&world).await, json!([]));
    assert_eq!(world.segment().publishes, 4);
    let run = world.load("tuesday.csv", &contacts(0..110)).await;
    assert_eq!(
        (told(&run), &run["needs_attention"]),
        (("loaded", Some(107), Some(3)), &json!(null)),
        "{run}"
    );
    run.warns("no more members are missing than stayed missing");
    assert_eq!(sweep_after_the_pause(&world).await, json!([]));
    world.sandbox.dataverse.drop_at_compute(contacts(0..5));
    world.load("wednesday.csv", &contacts(0..120)).await;
    let runs = sweep_after_the_pause(&world).await;
    assert_eq!(
        told(&runs[0]),
        ("loaded", Some(115), Some(5)),
        "a larger one is: {runs}"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_published_again_where_the_destination_says_never_or_the_draft_is_another_by_now() {
    let world = World::start().await;
    world.destination(&json!({"republish_minutes": 0}));
    world.sandbox.dataverse.drop_at_compute(contacts(0..3));
    let run = world.load("monday.csv", &contacts(0..100)).await;
    run.warns("not published again");
    assert_eq!(sweep_after_the_pause(&world).await, json!([]));
    assert_eq!(world.segment().publishes, 1);

    let world = World::start().await;
    world.sandbox.dataverse.drop_at_compute(contacts(0..3));
    world.load("monday.csv", &contacts(0..100)).await;
    let (segment, stranger) = (world.segment(), contacts(500..501)[0].as_u128());
    let (definition, group) = (segment.definition_id.unwrap(), segment.groups[0].id);
    world.sandbox.dataverse.edit(|state| {
        let members = &mut state.definitions.get_mut(&definition).unwrap().members;
        members.get_mut(&group).unwrap().insert(stranger);
    });
    world.sandbox.dataverse.drop_at_compute([]);
    let runs = sweep_after_the_pause(&world).await;
    assert_eq!(runs.as_array().unwrap().len(), 1, "{runs}");
    assert_eq!(world.published(), contacts(0..100), "its file is loaded again: {runs}");
}

/// Plays a segment of 100 whose members stay short of these 3 until all was tried, and returns the sweep's last run.
async fn stays_short(world: &World, dropped: &[Uuid]) -> Value {
    world.sandbox.dataverse.drop_at_compute(dropped.to_vec());
    world.load("monday.csv", &contacts(0..100)).await;
    let mut last = json!(null);
    for _ in 1..=3 {
        last = sweep_after_the_pause(world).await[0].clone();
    }
    assert_eq!(told(&last), ("loaded", Some(97), Some(3)), "{last}");
    assert_eq!(last["needs_attention"], json!(true), "{last}");
    last
}

/// Reads the list of those whom Dynamics did not take or does not show.
fn listed(world: &World, run: &Value) -> Option<Vec<String>> {
    let url = run["not_accepted_contacts"].as_str()?;
    let key = url.strip_prefix(&format!("s3://{BUCKET}/")).unwrap();
    let list = String::from_utf8(world.sandbox.s3.get(BUCKET, key).unwrap().to_vec()).unwrap();
    Some(list.lines().skip(1).map(str::to_owned).collect())
}

fn rows(ids: &[Uuid]) -> Vec<String> {
    let row = |id: &Uuid| format!("{id},published and not shown by Dynamics");
    ids.iter().map(row).collect()
}

#[tokio::test(start_paused = true)]
async fn who_stays_missing_is_listed_in_whatever_shape_and_pages_dynamics_says_who_is_there() {
    type Mode = fn(&mut Modes);
    let modes: [Mode; 4] = [
        |_| {},
        |modes| modes.encoding = Encoding::CommaSeparated,
        |modes| modes.members_page = 7,
        |modes| (modes.encoding, modes.members_page) = (Encoding::CommaSeparated, 30),
    ];
    for mode in modes {
        let world = World::start().await;
        world.sandbox.dataverse.modes(mode);
        let missing = contacts([3, 50, 99]);
        let run = stays_short(&world, &missing).await;
        assert_eq!(listed(&world, &run), Some(rows(&missing)), "{run}");
        let warnings = run["warnings"].to_string();
        assert!(warnings.contains("the 3 whom Dynamics does not list are in"), "{run}");
        assert_eq!(sweep_after_the_pause(&world).await, json!([]), "told once");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_of_the_published_members_may_be_larger_than_other_answers() {
    let world = World::start().await;
    world.sandbox.dataverse.modes(|modes| modes.members_page = 200_000);
    let missing = contacts(40_000..40_003);
    world.sandbox.dataverse.drop_at_compute(missing.clone());
    world.load("monday.csv", &contacts(0..40_003)).await;
    for _ in 1..=2 {
        sweep_after_the_pause(&world).await;
    }
    let run = sweep_after_the_pause(&world).await[0].clone();
    assert_eq!(listed(&world, &run), Some(rows(&missing)), "{run}");
}

#[tokio::test(start_paused = true)]
async fn whom_an_exclude_group_keeps_out_is_not_listed_among_those_who_stay_missing() {
    let world = World::start().await;
    let seed = Seed::named(SEGMENT).group(contacts(0..50)).exclude(contacts(100..200));
    world.sandbox.dataverse.seed_segment(seed);
    world.sandbox.dataverse.drop_at_compute(contacts(0..3));
    world.load("monday.csv", &contacts(0..120)).await;
    for _ in 1..=2 {
        sweep_after_the_pause(&world).await;
    }
    let run = sweep_after_the_pause(&world).await[0].clone();
    assert_eq!(told(&run), ("loaded", Some(97), Some(3)), "{run}");
    assert_eq!(listed(&world, &run), Some(rows(&contacts(0..3))), "{run}");
}

#[tokio::test(start_paused = true)]
async fn where_dynamics_does_not_list_as_many_as_it_counts_nobody_is_called_missing_and_the_run_says_so() {
    type Spoil = fn(&World);
    let spoils: [Spoil; 5] = [
        |world| world.sandbox.dataverse.deny("MembersList"),
        |world| {
            world.sandbox.dataverse.modes(|modes| {
                (modes.members_page, modes.members_paging) = (50, MembersPaging::Ignored);
            });
        },
        |world| {
            world.sandbox.dataverse.modes(|modes| {
                (modes.members_page, modes.members_paging) = (50, MembersPaging::Refused);
            });
        },
        |world| {
            let odd = Fault::on("MembersList").always();
            world
                .sandbox
                .dataverse
                .fault(odd.answer(200).body("application/json", r#"{"ResultText":"busy"}"#));
        },
        |world| {
            let odd = Fault::on("MembersList").always();
            let body = format!("{{\"ResultText\":\"{}\"}}", "x".repeat(17 * 1_024 * 1_024));
            world
                .sandbox
                .dataverse
                .fault(odd.answer(200).body("application/json", &body));
        },
    ];
    for spoil in spoils {
        let world = World::start().await;
        spoil(&world);
        let run = stays_short(&world, &contacts(0..3)).await;
        assert_eq!(listed(&world, &run), None, "{run}");
        assert!(
            run["warnings"]
                .to_string()
                .contains("who they are could not be found out"),
            "{run}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_file_that_finds_more_missing_than_stayed_says_who_they_are() {
    let world = World::start().await;
    stays_short(&world, &contacts(0..3)).await;
    let id = world.segment().id;
    let fewer = |state: &mut State| {
        let published = &mut state.segments.get_mut(&id).unwrap().published;
        *published = Some(published.as_deref().unwrap()[2..].to_vec().into());
        state.set_segment(id, &[("msdynmkt_membercount", json!(95))]);
    };
    world.sandbox.dataverse.edit(fewer);
    let run = world.load("tuesday.csv", &contacts(0..100)).await;
    assert_eq!(told(&run), ("unchanged", Some(95), Some(5)), "{run}");
    assert_eq!(run["needs_attention"], json!(true), "{run}");
    assert_eq!(listed(&world, &run), Some(rows(&contacts(0..5))), "{run}");
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_somebody_stopped_since_is_not_published_again_for_the_members_that_were_missing() {
    for status in [9, 10, 2] {
        let world = World::start().await;
        world.sandbox.dataverse.drop_at_compute(contacts(0..3));
        world.load("monday.csv", &contacts(0..100)).await;
        let id = world.segment().id;
        let stopped = [("statecode", json!(1)), ("statuscode", json!(status))];
        world.sandbox.dataverse.edit(|state| state.set_segment(id, &stopped));
        assert_eq!(sweep_after_the_pause(&world).await, json!([]), "{status}");
        assert_eq!(sweep_after_the_pause(&world).await, json!([]), "{status}");
        assert_eq!((world.segment().publishes, world.segment().statuscode), (1, status));
        world.load("tuesday.csv", &contacts(0..100)).await.assert_loaded();
        assert_eq!(world.segment().publishes, 2, "the next file is: {status}");
    }
}

#[tokio::test(start_paused = true)]
async fn members_that_come_by_themselves_are_told_and_nothing_is_published_for_them() {
    let world = World::start().await;
    world.sandbox.dataverse.drop_at_compute(contacts(0..3));
    world.load("monday.csv", &contacts(0..100)).await;
    let id = world.segment().id;
    let busy = [("statecode", json!(1)), ("statuscode", json!(6))];
    world.sandbox.dataverse.edit(|state| state.set_segment(id, &busy));
    assert_eq!(sweep_after_the_pause(&world).await, json!([]), "somebody computes it");
    let counted = [
        ("statecode", json!(0)),
        ("statuscode", json!(1)),
        ("msdynmkt_membercount", json!(100)),
    ];
    world.sandbox.dataverse.edit(|state| state.set_segment(id, &counted));
    let runs = sweep(&world).await["runs"].clone();
    assert_eq!(told(&runs[0]), ("loaded", Some(100), Some(0)), "{runs}");
    assert_eq!(world.segment().publishes, 1);
    assert_eq!(sweep_after_the_pause(&world).await, json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_kill_while_it_is_asked_who_stays_missing_leaves_it_to_the_next_sweep_to_tell() {
    let world = World::start().await;
    world.sandbox.dataverse.drop_at_compute(contacts(0..3));
    world.load("monday.csv", &contacts(0..100)).await;
    for _ in 1..=2 {
        sweep_after_the_pause(&world).await;
    }
    world.sandbox.s3.clock().advance(Duration::from_mins(76));
    kill_at(&world, json!({"action": "sweep"}), "MembersList", 1).await;
    tokio::time::sleep(A_LEASE).await;
    let mut told = Vec::new();
    for _ in 1..=4 {
        let runs = sweep_after_the_pause(&world).await;
        told.extend(
            runs.as_array()
                .unwrap()
                .iter()
                .filter(|run| run["needs_attention"] == true)
                .cloned(),
        );
    }
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(listed(&world, &told[0]), Some(rows(&contacts(0..3))), "{told:?}");
    assert_eq!(world.segment().publishes, 4, "and no fourth one");
}

#[tokio::test(start_paused = true)]
async fn whoever_notes_that_a_publish_was_seen_notes_in_the_same_step_who_is_missing() {
    let mut confirmed = 0;
    for write in 1..=9 {
        let world = World::start().await;
        world.sandbox.dataverse.drop_at_compute(contacts(0..3));
        let refused = Fault::on("PutObject").path("head.json").nth(write).always();
        world.sandbox.s3.fault(refused.answer(403).code("AccessDenied"));
        let key = world.drop_contacts("monday.csv", &contacts(0..100));
        let _ = world.invoke(world.sandbox.s3.notification(BUCKET, &key)).await;
        let head = world.head();
        if head["applied"]["confirmed"] == true {
            confirmed += 1;
            assert_eq!(head["shortage"]["missing"], 3, "write {write}: {head}");
        }
    }
    assert!(confirmed > 1, "the head was written after it, too");
}
