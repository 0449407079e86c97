//! The organization through plain HTTP.

use super::{Client, body, code, contacts, seeded};
use reqwest::{Method, Response};
use sandbox::Fault;
use sandbox::dataverse::{Depth, Encoding, Outcome, Role, Seed, UnknownContacts};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

fn created(answer: &Response) -> Uuid {
    let url = answer.headers()["odata-entityid"].to_str().expect("it is text");
    let id = url.rsplit(['(', ')']).nth(1).expect("the id is in parentheses");
    id.parse().expect("it is a GUID")
}

#[tokio::test(start_paused = true)]
async fn a_segment_is_created_filled_and_published() {
    let client = Client::start().await;
    let group = Uuid::from_u128(77);
    let groups =
        json!([{"groupId": group.to_string(), "includeType": "Include", "name": "g", "inputType": "manualSelect"}]);
    let definition = json!({
        "msdynmkt_name": "O'Bryan", "msdynmkt_segmentquery": "", "msdynmkt_disablesegmentrefresh": true,
        "msdynmkt_staticlistmembers": groups.to_string(),
    });
    let answer = client
        .send(Method::POST, "msdynmkt_segmentdefinitions", &[], Some(&definition))
        .await;
    assert_eq!(answer.status(), 204);
    let definition = created(&answer);
    let segment = json!({
        "msdynmkt_displayname": "O'Bryan", "msdynmkt_type": 10, "msdynmkt_source": 12, "statecode": 1, "statuscode": 2,
        "msdynmkt_sourcesegmentuid": definition.to_string(),
    });
    let wish = [("Prefer", "return=representation")];
    let answer = client
        .send(Method::POST, "msdynmkt_segments", &wish, Some(&segment))
        .await;
    assert_eq!(answer.status(), 201);
    let segment = created(&answer);

    let ids = contacts(0..1500);
    assert_eq!(client.add(segment, group, &ids[..1000]).await.status(), 204);
    assert_eq!(client.add(segment, group, &ids[500..]).await.status(), 204);
    let page = json!({"SegmentId": segment.to_string(), "GroupId": group.to_string(), "PageNo": 2, "PageSize": 1000});
    let list = body(client.act("ListGroupMembers", page).await).await;
    let inner: Value = serde_json::from_str(list["Response"].as_str().expect("it is a string")).expect("it is JSON");
    assert_eq!(inner["entityIds"].as_array().map(Vec::len), Some(500));

    assert_eq!(client.publish(segment).await.status(), 204);
    let mut seen = Vec::new();
    for _ in 0..4 {
        let filter = "msdynmkt_segments?$select=statuscode,msdynmkt_membercount&$filter=msdynmkt_displayname%20eq%20%27o%27%27bryan%27";
        let row = body(client.get(filter).await).await["value"][0].clone();
        seen.push((row["statuscode"].as_i64(), row["msdynmkt_membercount"].as_i64()));
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    let settled = (Some(1), Some(1500));
    assert_eq!(seen, [(Some(5), None), (Some(6), None), settled, settled]);
    let view = client.sandbox.dataverse.segment("O'Bryan");
    assert_eq!(view.published, Some(ids.clone()));
    assert_eq!((view.members, view.fields["msdynmkt_type"].as_i64()), (ids, Some(11)));
    assert_eq!(client.sandbox.dataverse.writes(), 5);
}

#[tokio::test]
async fn mistakes_get_the_documented_errors() {
    let client = Client::start().await;
    let (segment, group) = seeded(&client);
    for (resource, expected) in [
        ("msdynmkt_unknowns", (404, "0x80060888")),
        ("msdynmkt_segments?$select=nothing", (400, "0x80060888")),
        (
            "msdynmkt_segments?$filter=msdynmkt_displayname%20eq%20'O'Bryan'",
            (400, "0x80060888"),
        ),
        (
            "msdynmkt_segments(00000000-0000-0000-0000-000000000001)",
            (404, "0x80040217"),
        ),
    ] {
        let (status, code) = code(client.get(resource).await).await;
        assert_eq!((status, code.as_str()), expected, "{resource}");
    }
    assert_eq!(client.add(segment, group, &contacts(0..1001)).await.status(), 400);
    assert_eq!(
        client.add(segment, Uuid::from_u128(5), &contacts(0..1)).await.status(),
        400
    );
    let wrong = json!({"SegmentId": segment.to_string(), "GroupId": group.to_string(), "EntityIds": ["no-guid"]});
    assert_eq!(client.act("AddStaticMembers", wrong).await.status(), 400);
    let row = format!("msdynmkt_segments({segment})");
    let unknown = json!({"unknown": 1});
    assert_eq!(
        client.send(Method::PATCH, &row, &[], Some(&unknown)).await.status(),
        400
    );
    let change = json!({"msdynmkt_description": "x"});
    let old = [("If-Match", "W/\"1\"")];
    assert_eq!(
        code(client.send(Method::PATCH, &row, &old, Some(&change)).await)
            .await
            .1,
        "0x80060882"
    );
    let any = [("If-Match", "*")];
    assert_eq!(
        client.send(Method::PATCH, &row, &any, Some(&change)).await.status(),
        204
    );
    let nowhere = format!("msdynmkt_segments({})", Uuid::from_u128(3));
    assert_eq!(
        client.send(Method::PATCH, &nowhere, &any, Some(&change)).await.status(),
        404
    );
}

#[tokio::test]
async fn modes_change_the_organization() {
    let client = Client::start().await;
    let (segment, group) = seeded(&client);
    let dataverse = &client.sandbox.dataverse;
    dataverse.deny("PublishSegmentDefinition");
    assert_eq!(code(client.publish(segment).await).await.1, "0x80040220");
    dataverse.set_known_contacts(contacts(0..10));
    client.add(segment, group, &contacts(0..20)).await;
    assert_eq!(dataverse.segment("Seeded").members.len(), 10);
    dataverse.modes(|modes| modes.unknown_contacts = UnknownContacts::Refuse);
    assert_eq!(
        code(client.add(segment, group, &contacts(0..20)).await).await.1,
        "0x80040217"
    );
    dataverse.modes(|modes| modes.encoding = Encoding::CommaSeparated);
    let page = json!({"SegmentId": segment.to_string(), "GroupId": group.to_string(), "PageNo": 1, "PageSize": 5000});
    let list = body(client.act("ListGroupMembers", page.clone()).await).await;
    assert_eq!(
        list["Response"].as_str().map(|text| text.matches("00000000-").count()),
        Some(10)
    );
    dataverse.modes(|modes| modes.max_page_size = 100);
    assert_eq!(client.act("ListGroupMembers", page).await.status(), 400);
    dataverse.modes(|modes| modes.user_missing = true);
    assert_eq!(code(client.get("WhoAmI").await).await.1, "0x80072560");
    dataverse.modes(|modes| (modes.user_missing, modes.no_journeys) = (false, true));
    assert_eq!(client.get("WhoAmI").await.status(), 200);
    assert_eq!(
        code(client.get("msdynmkt_segments").await).await,
        (404, "0x80060888".to_owned())
    );
}

#[tokio::test]
async fn lists_are_paged_and_contacts_are_looked_up() {
    let client = Client::start().await;
    for index in 0..5 {
        client.sandbox.dataverse.seed_segment(Seed::named(&format!("S{index}")));
    }
    let wish = [("Prefer", "odata.maxpagesize=2")];
    let mut resource = "msdynmkt_segments?$select=msdynmkt_displayname&$orderby=msdynmkt_displayname desc".to_owned();
    let mut names = Vec::new();
    loop {
        let page = body(client.send(Method::GET, &resource, &wish, None).await).await;
        let rows = page["value"].as_array().expect("there are rows").clone();
        names.extend(rows.into_iter().map(|row| row["msdynmkt_displayname"].clone()));
        let Some(next) = page["@odata.nextLink"].as_str() else {
            break;
        };
        resource = next.rsplit_once("/v9.2/").expect("the link is ours").1.to_owned();
    }
    assert_eq!(names, ["S4", "S3", "S2", "S1", "S0"]);
    client.sandbox.dataverse.set_known_contacts(contacts(0..3));
    let ids: Vec<String> = contacts(1..5).iter().map(|id| format!("'{id}'")).collect();
    let filter = format!(
        "Microsoft.Dynamics.CRM.In(PropertyName='contactid',PropertyValues=[{}])",
        ids.join(",")
    );
    let found = body(
        client
            .get(&format!("contacts?$select=contactid&$filter={filter}"))
            .await,
    )
    .await;
    assert_eq!(found["value"].as_array().map(Vec::len), Some(2));
}

#[tokio::test(start_paused = true)]
async fn only_publish_or_the_refresh_clock_changes_the_audience() {
    let client = Client::start().await;
    let dataverse = &client.sandbox.dataverse;
    dataverse.seed_segment(Seed::named("Refreshing").group(contacts(0..1)).with_refresh());
    let (segment, group) = seeded(&client);
    let refreshing = dataverse.segment("Refreshing");
    client.add(segment, group, &contacts(0..3)).await;
    client
        .add(refreshing.id, refreshing.groups[0].id, &contacts(0..3))
        .await;
    let published = |name: &str| dataverse.segment(name).published.map_or(0, |ids| ids.len());
    assert_eq!((published("Seeded"), published("Refreshing")), (0, 1));
    tokio::time::sleep(Duration::from_mins(31)).await;
    assert_eq!((published("Seeded"), published("Refreshing")), (0, 3));

    dataverse.modes(|modes| modes.outcome = Outcome::Faulted);
    client.sandbox.entra.expires_in(Duration::from_secs(3599));
    assert_eq!(client.publish(segment).await.status(), 204);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((dataverse.segment("Seeded").statuscode, published("Seeded")), (11, 0));
    dataverse.modes(|modes| (modes.outcome, modes.publish_lag) = (Outcome::Active, Duration::from_secs(1)));
    client.publish(segment).await;
    assert_eq!(
        dataverse.segment("Seeded").statuscode,
        11,
        "the row still shows its old state"
    );
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((dataverse.segment("Seeded").statuscode, published("Seeded")), (1, 3));
}

#[tokio::test]
async fn the_network_fails_before_or_after_the_commit_and_lists_lag() {
    let client = Client::start().await;
    let (segment, group) = seeded(&client);
    let dataverse = &client.sandbox.dataverse;
    let try_add = async |range| {
        let ids: Vec<String> = contacts(range).iter().map(Uuid::to_string).collect();
        let url = format!(
            "{}/api/data/v9.0/msdynmkt_AddStaticMembers",
            client.sandbox.organization_url()
        );
        let content = json!({"SegmentId": segment.to_string(), "GroupId": group.to_string(), "EntityIds": ids});
        let sent = client
            .http
            .post(url)
            .bearer_auth(&client.token)
            .json(&content)
            .send()
            .await;
        sent.is_ok()
    };
    let members = || dataverse.segment("Seeded").members.len();
    dataverse.fault(Fault::on("AddStaticMembers").drop_connection());
    assert!(!try_add(0..5).await);
    assert_eq!(members(), 0);
    dataverse.fault(Fault::on("AddStaticMembers").commit_then_reset());
    assert!(!try_add(0..5).await);
    assert_eq!(members(), 5);

    let same = dataverse.clone();
    dataverse.fault(Fault::on("AddStaticMembers").commit_then(move || {
        same.fault(Fault::on("AddStaticMembers").drop_connection());
    }));
    assert!(!try_add(0..1).await, "it is carried out, and the next one is not");
    assert!(!try_add(5..7).await);
    assert_eq!(members(), 5);

    dataverse.modes(|modes| modes.stale_reads = 1);
    assert!(try_add(5..7).await);
    let page = json!({"SegmentId": segment.to_string(), "GroupId": group.to_string(), "PageNo": 1, "PageSize": 100});
    for expected in [5, 7] {
        let list = body(client.act("ListGroupMembers", page.clone()).await).await;
        let text = list["Response"].as_str().expect("it is a string");
        assert_eq!(text.matches("00000000-").count(), expected);
    }
    dataverse.fault(Fault::on("ListGroupMembers").truncate_to(60));
    let cut = client.act("ListGroupMembers", page).await;
    assert!(cut.json::<Value>().await.is_err());
    dataverse.fault(Fault::on("GET msdynmkt_segments").answer(503).html());
    let html = client.get("msdynmkt_segments").await;
    assert_eq!(
        (html.status().as_u16(), html.headers()["content-type"].as_bytes()),
        (503, &b"text/html"[..])
    );
}

/// Creates a segment that a unit is to own, and returns the status of the answer.
async fn created_in(client: &Client, unit: Uuid) -> u16 {
    let segment = json!({
        "msdynmkt_displayname": "Socks", "msdynmkt_sourcesegmentuid": "x",
        "owningbusinessunit@odata.bind": format!("/businessunits({unit})"),
    });
    let answer = client
        .send(Method::POST, "msdynmkt_segments", &[], Some(&segment))
        .await;
    answer.status().as_u16()
}

#[tokio::test(start_paused = true)]
async fn a_unit_is_given_segments_by_whom_a_role_reaches_it_and_privileges_and_roles_tell() {
    let client = Client::start().await;
    let (above, below) = (Uuid::from_u128(11), Uuid::from_u128(12));
    client.sandbox.dataverse.edit(|state| {
        state.add_business_unit(above, "Above");
        state.add_business_unit(below, "Below");
        let parent = [("_parentbusinessunitid_value", json!(above.to_string()))];
        let row = state.business_units.get_mut(&below).expect("it is there");
        row.change(&parent, 9);
    });
    let me = body(client.get("WhoAmI").await).await["UserId"].clone();
    let me = format!("systemusers({})/", me.as_str().expect("it is text"));
    let function = "RetrieveUserPrivilegeByPrivilegeName(PrivilegeName=%27prvCreatemsdynmkt_segment%27)";
    let asked = async |of_the_user: &str| body(client.get(&format!("{me}{of_the_user}")).await).await;
    for (depth, unit, allowed) in [
        (Depth::Global, above, [204, 204]),
        (Depth::Deep, above, [204, 204]),
        (Depth::Local, above, [204, 403]),
        (Depth::Basic, below, [403, 204]),
        (Depth::Nowhere, above, [403, 403]),
    ] {
        let is_of_a_team = unit == below;
        let role = Role {
            unit,
            depth,
            is_of_a_team,
        };
        client.sandbox.dataverse.edit(|state| state.roles = vec![role]);
        let statuses = [created_in(&client, above).await, created_in(&client, below).await];
        assert_eq!(statuses, allowed, "{depth:?}");
        let held = asked(&format!("Microsoft.Dynamics.CRM.{function}")).await["RolePrivileges"].clone();
        let held = held.as_array().expect("it is a list").iter();
        let expected = (depth > Depth::Nowhere).then(|| json!(format!("{depth:?}")));
        assert!(held.map(|grant| grant["Depth"].clone()).eq(expected), "{depth:?}");
        let own = asked("systemuserroles_association?$select=roleid").await;
        let teams = asked("teammembership_association?$select=teamid").await;
        let roles = [own, teams].map(|list| list.to_string().contains(&unit.to_string()));
        assert_eq!(roles, [!is_of_a_team, is_of_a_team], "{depth:?}");
    }
}
