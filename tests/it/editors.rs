//! People who edit a segment while it is loaded: its groups, its query, its refresh.

use crate::failures::{failure_of, published_sizes, sweep};
use crate::run::Run;
use crate::world::{SEGMENT, World, contacts};
use sandbox::Fault;
use sandbox::dataverse::{Seed, State, Versions};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

const GROUPS: &str = "msdynmkt_staticlistmembers";
const DEFINITION: &str = "GET msdynmkt_segmentdefinitions";

/// Changes the definition as somebody in Dynamics would.
pub(crate) fn edit(world: &World, change: impl FnOnce(&mut State, Uuid)) {
    let id = world.segment().definition_id.unwrap();
    world.sandbox.dataverse.edit(|state| change(state, id));
}

pub(crate) fn set(world: &World, column: &str, value: Value) {
    edit(world, |state, id| state.set_definition(id, &[(column, value)]));
}

/// Adds a group of a marketer's.
pub(crate) fn add_group(world: &World, kind: &str, members: &[Uuid]) {
    edit(world, |state, id| {
        let group = Uuid::new_v4();
        let definition = state.definitions.get_mut(&id).unwrap();
        let mut groups: Vec<Value> = serde_json::from_str(definition.row.text(GROUPS)).unwrap();
        groups.push(
            json!({"groupId": group.to_string(), "includeType": kind, "name": "mine", "inputType": "manualSelect"}),
        );
        let members = members.iter().map(Uuid::as_u128).collect();
        definition.members.insert(group, members);
        state.set_definition(id, &[(GROUPS, json!(Value::Array(groups).to_string()))]);
    });
}

/// Returns whether each group includes, and how many members it has.
fn groups(world: &World) -> Vec<(bool, usize)> {
    let groups = world.segment().groups;
    groups.iter().map(|group| (group.include, group.count)).collect()
}

/// Loads contacts into a segment of 1,000 while somebody does something as soon as the nth request of an operation has come.
pub(crate) async fn load_while(world: &World, at: (&str, usize), does: impl FnOnce()) -> Result<Run, (String, String)> {
    let key = world.drop_contacts("monday.csv", &contacts(0..1_100));
    let event = world.sandbox.s3.notification(sandbox::BUCKET, &key);
    world.sandbox.dataverse.clear_log();
    let (answer, ()) = tokio::join!(world.invoke(event), async {
        world.sandbox.dataverse.arrived(at.0, at.1).await;
        does();
    });
    answer
        .map(|answer| Run::first(&answer))
        .map_err(|error| (error.error_type().to_owned(), error.to_string()))
}

pub(crate) async fn with_audience() -> World {
    let world = World::start().await;
    let seed = Seed::named(SEGMENT).group(contacts(0..1_000));
    world.sandbox.dataverse.seed_segment(seed);
    world
}

#[tokio::test(start_paused = true)]
async fn an_include_group_that_somebody_adds_during_the_load_is_brought_to_the_result_too() {
    let world = with_audience().await;
    let dataverse = &world.sandbox.dataverse;
    for operation in ["AddStaticMembers", "ListGroupMembers"] {
        dataverse.latency(operation, Duration::from_secs(5));
    }
    let run = load_while(&world, ("AddStaticMembers", 1), || {
        add_group(&world, "Include", &contacts(1_095..1_110));
    });
    run.await.unwrap().assert_loaded();
    assert_eq!(world.published(), contacts(0..1_100));
    assert_eq!(groups(&world), [(true, 1_100), (true, 5)]);
    let run = load_while(&world, ("ListGroupMembers", 2), || {
        add_group(&world, "Include", &contacts(7_000..7_010));
    });
    run.await.unwrap().assert_unchanged();
}

#[tokio::test(start_paused = true)]
async fn an_include_group_that_goes_during_the_load_leaves_the_result_whole() {
    let world = with_audience().await;
    let dataverse = &world.sandbox.dataverse;
    add_group(&world, "Include", &contacts(0..500));
    dataverse.latency("ListGroupMembers", Duration::from_secs(5));
    let run = load_while(&world, ("AddStaticMembers", 1), || {
        edit(&world, |state, id| {
            let definition = &state.definitions[&id];
            let mut groups: Vec<Value> = serde_json::from_str(definition.row.text(GROUPS)).unwrap();
            groups.pop();
            state.set_definition(id, &[(GROUPS, json!(Value::Array(groups).to_string()))]);
        });
    });
    run.await.unwrap().assert_loaded();
    assert_eq!(world.published(), contacts(0..1_100));
}

/// A segment that needs a group of its own to be saved, into which somebody adds an Exclude group meanwhile.
async fn exclude_while(at: (&str, usize), with: impl FnOnce(&World)) -> (World, Run) {
    let world = World::start().await;
    world.destination(&json!({"check_contacts": "added"}));
    let seed = Seed::named(SEGMENT).exclude(contacts(0..10));
    world.sandbox.dataverse.seed_segment(seed);
    with(&world);
    let run = load_while(&world, at, || add_group(&world, "Exclude", &contacts(10..20)));
    let run = run.await.unwrap();
    (world, run)
}

#[tokio::test(start_paused = true)]
async fn an_exclude_group_that_somebody_adds_before_the_groups_are_saved_is_kept() {
    for versions in [Versions::Kept, Versions::Ignored] {
        let (world, run) = exclude_while(("GET contacts", 1), |world| {
            let dataverse = &world.sandbox.dataverse;
            dataverse.modes(|modes| modes.versions = versions);
            dataverse.latency("GET contacts", Duration::from_secs(5));
        })
        .await;
        run.assert_loaded();
        assert_eq!(groups(&world), [(false, 10), (false, 10), (true, 1_100)]);
        assert_eq!(world.published(), contacts(20..1_100));
    }
}

#[tokio::test(start_paused = true)]
async fn an_exclude_group_that_comes_in_the_moment_of_saving_is_kept() {
    let (world, run) = exclude_while(("PATCH msdynmkt_segmentdefinitions", 1), |world| {
        let dataverse = &world.sandbox.dataverse;
        dataverse.latency("PATCH msdynmkt_segmentdefinitions", Duration::from_secs(5));
    })
    .await;
    run.assert_loaded();
    assert_eq!(groups(&world), [(false, 10), (false, 10), (true, 1_100)]);
    assert_eq!(world.published(), contacts(20..1_100));
}

#[tokio::test(start_paused = true)]
async fn groups_are_saved_in_a_table_without_versions_too_and_the_report_says_so() {
    let (world, run) = exclude_while(("GET contacts", 1), |world| {
        let dataverse = &world.sandbox.dataverse;
        dataverse.modes(|modes| modes.versions = Versions::Unknown);
        dataverse.latency("GET contacts", Duration::from_secs(5));
    })
    .await;
    run.assert_loaded();
    assert_eq!(groups(&world), [(false, 10), (false, 10), (true, 1_100)]);
    let warnings = run.warnings();
    assert_eq!(warnings.matches("no versions").count(), 1, "{warnings}");
}

#[tokio::test(start_paused = true)]
async fn a_definition_that_somebody_changes_again_and_again_publishes_nothing() {
    let world = with_audience().await;
    let dataverse = &world.sandbox.dataverse;
    dataverse.seed_segment(Seed::named("Winter"));
    let key = world.drop_contacts("monday.csv", &contacts(0..1_100));
    let somebody = async {
        for number in 2.. {
            dataverse.arrived(DEFINITION, number).await;
            if groups(&world).len() == 9 {
                edit(&world, |state, id| state.set_definition(id, &[(GROUPS, json!("[]"))]));
            }
            add_group(&world, "Exclude", &contacts(5_000..5_001));
        }
    };
    dataverse.latency(DEFINITION, Duration::from_secs(1));
    let (kind, reason) = tokio::select! {
        failure = failure_of(&world, &key) => failure,
        () = somebody => unreachable!("somebody never ends"),
    };
    assert_eq!(kind, "SegmentChanged", "{reason}");
    assert_eq!(published_sizes(&world), [1_000]);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_saved_after_four_refusals_is_saved_and_five_are_told_as_what_they_are() {
    for refusals in [4, 5] {
        let world = World::start().await;
        let seed = Seed::named(SEGMENT).group(contacts(0..1_000)).with_refresh();
        world.sandbox.dataverse.seed_segment(seed);
        let outdated = Fault::on("PATCH msdynmkt_segmentdefinitions")
            .times(refusals)
            .answer(412);
        let outdated = outdated.error("0x80060882", "The version of the existing record doesn't match.");
        world.sandbox.dataverse.fault(outdated);
        let key = world.drop_contacts("monday.csv", &contacts(0..1_100));
        let run = world.load_directly(&key, &json!({})).await;
        if refusals == 4 {
            run.assert_loaded().warns("this was switched off");
            assert_eq!(world.published(), contacts(0..1_100));
            continue;
        }
        run.assert_failed().as_type("SegmentChanged");
        let reason = run.reason();
        assert!(
            reason.contains("five times") && !reason.contains("verified"),
            "{reason}"
        );
        assert!(!world.segment().refresh_disabled);
        assert_eq!(world.segment().publishes, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_was_switched_off_is_told_of_by_a_run_that_fails_afterwards_too() {
    let world = World::start().await;
    let seed = Seed::named(SEGMENT).group(contacts(0..1_000)).with_refresh();
    world.sandbox.dataverse.seed_segment(seed);
    world
        .sandbox
        .dataverse
        .fault(Fault::on("AddStaticMembers").always().answer(403));
    let key = world.drop_contacts("monday.csv", &contacts(0..1_100));
    let run = world.load_directly(&key, &json!({})).await;
    run.assert_failed().warns("this was switched off");
    assert!(world.segment().refresh_disabled);
}

#[tokio::test(start_paused = true)]
async fn a_query_that_comes_during_the_load_stops_it_before_publishing() {
    let world = with_audience().await;
    world
        .sandbox
        .dataverse
        .latency("AddStaticMembers", Duration::from_secs(5));
    let query = json!("PROFILE(contact)");
    let failed = load_while(&world, ("AddStaticMembers", 1), || {
        set(&world, "msdynmkt_segmentquery", query);
    });
    let (kind, reason) = failed.await.unwrap_err();
    assert_eq!(kind, "SegmentChanged", "{reason}");
    assert!(
        reason.contains("query") && reason.contains("nothing was published"),
        "{reason}"
    );
    assert_eq!(published_sizes(&world), [1_000]);
    world.sandbox.s3.clock().advance(Duration::from_mins(16));
    Run::first(&sweep(&world).await).assert_refused();
    assert_eq!(published_sizes(&world), [1_000]);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_comes_back_during_the_load_stops_it_and_the_next_attempt_switches_it_off() {
    let world = with_audience().await;
    world
        .sandbox
        .dataverse
        .latency("AddStaticMembers", Duration::from_secs(5));
    let failed = load_while(&world, ("AddStaticMembers", 1), || {
        set(&world, "msdynmkt_disablesegmentrefresh", json!(false));
    });
    let (kind, reason) = failed.await.unwrap_err();
    assert_eq!(kind, "SegmentChanged", "{reason}");
    assert_eq!(published_sizes(&world), [1_000]);
    world.sandbox.s3.clock().advance(Duration::from_mins(16));
    let run = Run::first(&sweep(&world).await);
    run.assert_loaded();
    assert!(world.segment().refresh_disabled);
    assert_eq!(world.published(), contacts(0..1_100));
}

#[tokio::test(start_paused = true)]
async fn what_changes_after_the_members_were_verified_is_not_published() {
    let change: [&dyn Fn(&World); 3] = [
        &|world| add_group(world, "Include", &contacts(7_000..7_010)),
        &|world| set(world, "msdynmkt_segmentquery", json!("PROFILE(contact)")),
        &|world| set(world, "msdynmkt_disablesegmentrefresh", json!(false)),
    ];
    for change in change {
        let world = with_audience().await;
        // The look with the read-back is answered late: it saw the segment as it was.
        let late = Fault::on(DEFINITION).nth(3).late_answer(Duration::from_secs(5));
        world.sandbox.dataverse.fault(late);
        world.sandbox.dataverse.latency(DEFINITION, Duration::from_secs(1));
        let key = world.drop_contacts("monday.csv", &contacts(0..1_100));
        world.sandbox.dataverse.clear_log();
        let ((kind, reason), ()) = tokio::join!(failure_of(&world, &key), async {
            world.sandbox.dataverse.arrived(DEFINITION, 3).await;
            tokio::time::sleep(Duration::from_secs(3)).await;
            change(&world);
        });
        assert_eq!(kind, "SegmentChanged", "{reason}");
        assert_eq!(world.segment().publishes, 0, "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_segment_of_other_people_than_contacts_is_refused_before_the_first_write() {
    for (entity, outcome) in [
        (json!("lead"), "refused"),
        (json!("msdynmkt_profile"), "refused"),
        (json!("Contact"), "loaded"),
        (json!(" "), "loaded"),
        (Value::Null, "loaded"),
    ] {
        let world = World::start().await;
        let seed = Seed::named(SEGMENT).group(contacts(9_000..9_080));
        let id = world.sandbox.dataverse.seed_segment(seed);
        let column = [("msdynmkt_baseentitylogicalname", entity.clone())];
        world.sandbox.dataverse.edit(|state| state.set_segment(id, &column));
        let key = world.drop_contacts("monday.csv", &contacts(0..50));
        let run = world.run(&key).await;
        assert_eq!(run.outcome(), outcome, "{entity}: {run}");
        if outcome == "refused" {
            run.as_type("WrongBaseEntity")
                .says("load the file directly with another segment name");
            let told = run["sentence"].as_str().unwrap();
            assert!(
                told.ends_with("Mend that in Dynamics, then load this file directly again."),
                "{told}"
            );
            let approved = world.load_directly(&key, &json!({"approve": run.run_id()})).await;
            assert_eq!(
                approved.outcome(),
                "refused",
                "no approval makes people of other kinds contacts"
            );
            assert_eq!(world.segment().members, contacts(9_000..9_080));
            assert_eq!(world.segment().publishes, 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whom_an_exclude_group_keeps_out_is_not_expected_to_be_counted() {
    let world = World::start().await;
    let dataverse = &world.sandbox.dataverse;
    let seed = Seed::named(SEGMENT).group(contacts(0..50)).group(contacts(40..60));
    dataverse.seed_segment(seed.exclude(contacts(0..10)).exclude(contacts(5..15)));
    let key = world.drop_contacts("monday.csv", &contacts(0..60));
    let (answer, announced) = tokio::join!(world.deliver(&key), async {
        dataverse.arrived("PublishSegmentDefinition", 1).await;
        world.head()["writing"]["publishing"].clone()
    });
    let run = Run::first(&answer);
    run.assert_loaded().counted(45);
    assert_eq!(
        announced, 45,
        "what Dynamics will count is what the next attempt compares with"
    );
    assert!(!run.warnings().contains("Dynamics counts"), "{run}");

    dataverse.drop_at_compute(contacts(20..22));
    let run = world.load("tuesday.csv", &contacts(0..61)).await;
    let warnings = run.warnings();
    assert!(warnings.contains("counts 44 members where 46 were published"), "{run}");
    assert!(warnings.contains("changed members or groups in Dynamics"), "{run}");
}
