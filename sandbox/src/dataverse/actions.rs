//! The unbound actions on segments.

use super::modes::{Drafts, Encoding, MembersPaging, Repeats, UnknownContacts};
use super::refusal::{Refusal, Reply};
use super::state::{Definition, State};
use crate::server::{Answer, Call, empty, json};
use axum::http::StatusCode;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

/// The most ids of one call.
const IDS: usize = 1000;
/// The most members of one group.
const GROUP: usize = 200_000;

/// An action of the sandbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    Add,
    Remove,
    ListGroup,
    Publish,
    Members,
    Status,
    Stop,
}

/// A GUID in its only accepted form: 36 characters with hyphens, any case.
#[derive(Clone, Copy)]
struct Guid(Uuid);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Change {
    segment_id: Guid,
    group_id: Guid,
    entity_ids: Vec<Guid>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ListGroup {
    segment_id: Guid,
    group_id: Guid,
    page_no: usize,
    page_size: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfSegment {
    segment_id: Guid,
    page_number: Option<usize>,
    page_size: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Stop {
    segment_id_list: Vec<Guid>,
}

impl Action {
    /// Finds an action by its name in the URL.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "msdynmkt_AddStaticMembers" => Self::Add,
            "msdynmkt_RemoveStaticMembers" => Self::Remove,
            "msdynmkt_ListGroupMembers" => Self::ListGroup,
            "msdynmkt_PublishSegmentDefinition" => Self::Publish,
            "msdynmkt_MembersList" => Self::Members,
            "msdynmkt_SegmentStatus" => Self::Status,
            "msdynmkt_StopSegments" => Self::Stop,
            _ => return None,
        })
    }
}

/// Performs an action.
pub fn answer(state: &mut State, action: Action, root: &str, call: &Call) -> Reply {
    match action {
        Action::Add | Action::Remove => change(state, action, &body(call)?),
        Action::ListGroup => list_group(state, root, &body(call)?),
        Action::Publish => {
            let request: OfSegment = body(call)?;
            state.segment(request.segment_id.0)?.editable()?;
            state.publish(request.segment_id.0)?;
            Ok(empty(StatusCode::NO_CONTENT))
        }
        Action::Members => members(state, root, &body(call)?),
        Action::Status => status(state, root, &body(call)?),
        Action::Stop => stop(state, &body(call)?),
    }
}

fn change(state: &mut State, action: Action, request: &Change) -> Reply {
    if request.entity_ids.len() > IDS {
        return Err(Refusal::plug_in(format!(
            "The number of entity ids exceeds the limit of {IDS}."
        )));
    }
    state.segment(request.segment_id.0)?.editable()?;
    let ids = real_contacts(state, action, &request.entity_ids)?;
    let stale_reads = state.modes.stale_reads;
    let group = request.group_id.0;
    let repeats_refused = state.modes.repeats == Repeats::Refused;
    let definition = group_of(state, request.segment_id.0, group)?;
    let before = definition.members.entry(group).or_default();
    if repeats_refused && ids.iter().any(|id| before.contains(id) == (action == Action::Add)) {
        return Err(Refusal::plug_in("A contact is already what it is to be in this group."));
    }
    if action == Action::Add && before.len() + ids.len() > GROUP {
        let new = ids.iter().filter(|id| !before.contains(id)).collect::<BTreeSet<_>>();
        if before.len() + new.len() > GROUP {
            return Err(Refusal::plug_in(format!(
                "The group exceeds the limit of {GROUP} static members."
            )));
        }
    }
    if stale_reads > 0 {
        let snapshot = before.clone();
        let shown = definition.stale.entry(group).or_insert((snapshot, 0));
        shown.1 = stale_reads;
    }
    for id in &ids {
        match action {
            Action::Add => before.insert(*id),
            _ => before.remove(id),
        };
    }
    if state.modes.verbose_success {
        return Ok(json(
            StatusCode::OK,
            &json!({"StatusCode": 200, "ResultText": "{\"additionalProperties\":{}}"}),
        ));
    }
    Ok(empty(StatusCode::NO_CONTENT))
}

/// Leaves out what is no contact, or refuses the batch, by the mode; whatever is removed is removed.
fn real_contacts(state: &State, action: Action, ids: &[Guid]) -> Result<Vec<u128>, Refusal> {
    let ids = ids.iter().map(|id| id.0.as_u128());
    let Some(known) = state.contacts.known.as_ref().filter(|_| action == Action::Add) else {
        return Ok(ids.collect());
    };
    match state.modes.unknown_contacts {
        UnknownContacts::Ignore => Ok(ids.filter(|id| known.contains(id)).collect()),
        UnknownContacts::Accept => Ok(ids.collect()),
        UnknownContacts::Refuse => {
            let check = |id| known.contains(&id).then_some(id).ok_or(id);
            ids.map(check)
                .collect::<Result<_, _>>()
                .map_err(|id| Refusal::no_contact(Uuid::from_u128(id)))
        }
    }
}

fn list_group(state: &mut State, root: &str, request: &ListGroup) -> Reply {
    let (most, encoding) = (state.modes.max_page_size, state.modes.encoding);
    if request.page_no < 1 || !(1..=most).contains(&request.page_size) {
        return Err(Refusal::plug_in(format!(
            "PageNo must be at least 1 and PageSize between 1 and {most}."
        )));
    }
    let group = request.group_id.0;
    let size = request.page_size.min(state.modes.page_clamp);
    let skipped = (request.page_no - 1).saturating_mul(size);
    let before = state.page_starts.range(..=(group, skipped)).next_back();
    let known = before
        .filter(|((of, _), _)| *of == group)
        .map(|((_, at), id)| (*at, *id));
    let definition = group_of(state, request.segment_id.0, group)?;
    let ids = if let Some((shown, left)) = definition.stale.get_mut(&group) {
        *left -= 1;
        let ids = shown.iter().skip(skipped).take(size).copied().collect();
        if *left == 0 {
            definition.stale.remove(&group);
        }
        ids
    } else {
        let (at, first) = known.unwrap_or_default();
        let members = definition.members.get(&group);
        let rest = members.map(|members| members.range(first..).skip(skipped - at));
        let mut ids: Vec<u128> = rest.into_iter().flatten().take(size + 1).copied().collect();
        if let Some(next) = (ids.len() > size).then(|| ids.pop()).flatten() {
            state.page_starts.insert((group, skipped + size), next);
        }
        ids
    };
    let list = quoted(&ids);
    let context = format!("{root}$metadata#Microsoft.Dynamics.CRM.msdynmkt_ListGroupMembersResponse");
    let response = match encoding {
        Encoding::Text => Value::String(format!("{{\"entityIds\":[{list}],\"additionalProperties\":{{}}}}")),
        Encoding::Object => {
            json!({"entityIds": ids.iter().map(|id| Uuid::from_u128(*id).to_string()).collect::<Vec<_>>()})
        }
        Encoding::BareArray => Value::String(format!("[{list}]")),
        Encoding::CommaSeparated => {
            let joined = list.replace('"', "");
            let array = if ids.is_empty() { json!([]) } else { json!([joined]) };
            Value::String(json!({"entityIds": array, "additionalProperties": {}}).to_string())
        }
    };
    Ok(json(
        StatusCode::OK,
        &json!({"@odata.context": context, "Response": response}),
    ))
}

fn members(state: &mut State, root: &str, request: &OfSegment) -> Reply {
    let definition = state.definition_of(request.segment_id.0)?;
    let draft = (state.modes.drafts == Drafts::Shown).then(|| state.audience(definition));
    let published = state.segment(request.segment_id.0)?.published.clone();
    let published = draft.or(published).unwrap_or_default();
    let asked = request.page_number.unwrap_or(1).max(1);
    let number = match state.modes.members_paging {
        MembersPaging::Honoured => asked,
        MembersPaging::Refused if asked > 1 => return Err(Refusal::plug_in("PageNumber is no parameter.")),
        MembersPaging::Ignored | MembersPaging::Refused => 1,
    };
    let most = state.modes.members_page;
    let size = request.page_size.unwrap_or(most).clamp(1, most);
    let start = published.len().min((number - 1) * size);
    let end = published.len().min(start + size);
    let page = quoted(&published[start..end]);
    let (members, paging) = match state.modes.encoding {
        // As documented.
        Encoding::CommaSeparated => (format!("\"{}\"", page.replace('"', "")), String::new()),
        // As it was seen live.
        Encoding::Text | Encoding::Object | Encoding::BareArray => {
            let (total, is_more) = (published.len(), end < published.len());
            let paging = format!(
                "\"totalCount\":{total},\"pageNumber\":{number},\"pageSize\":{size},\"hasNextPage\":{is_more},"
            );
            (page, paging)
        }
    };
    let text = format!(
        "{{\"baseEntityLogicalName\":\"contact\",\"primaryKeyColumnName\":\"contactid\",\"members\":[{members}],{paging}\
         \"additionalProperties\":{{}}}}"
    );
    Ok(result_text(root, "msdynmkt_MembersListResponse", &text))
}

fn status(state: &mut State, root: &str, request: &OfSegment) -> Reply {
    let id = request.segment_id.0;
    let segment = state.segment(id)?;
    let status = match segment.row.number("statuscode") {
        Some(3 | 11) => "Failed",
        Some(5 | 6) => "InProgress",
        _ => "Success",
    };
    let text = json!({
        "segmentId": id.to_string(),
        "lastExecution": {
            "currentStrategy": "Full", "lastUsedStrategy": "Full", "strategyCalculationTime": null, "lastRunTime": null,
            "status": status, "statusMessage": null, "executionStatus": status, "executionReasonForUser": null,
            "nonLocalizedExecutionReasonForUser": null, "executionReasonMetadata": null,
        },
        "additionalProperties": {},
    });
    Ok(result_text(root, "msdynmkt_SegmentStatusResponse", &text.to_string()))
}

fn stop(state: &mut State, request: &Stop) -> Reply {
    let mut results = Vec::new();
    let mut stopped = 0;
    for Guid(id) in &request.segment_id_list {
        let journeys = state.segment(*id)?.row.number("msdynmkt_publishedjourneycount");
        let free = journeys.unwrap_or_default() == 0;
        if free {
            stopped += 1;
            state.set_segment(*id, &[("statecode", json!(1)), ("statuscode", json!(9))]);
        }
        results.push(json!({
            "SegmentId": id.to_string(), "WasStopped": free,
            "Message": if free { Value::Null } else { json!("The segment is used in a live journey.") },
            "DependentJourneys": if free { Value::Null } else { json!([Uuid::from_u128(9).to_string()]) },
            "DependentSegments": null,
        }));
    }
    let summary = format!(
        "Complete StopSegments operation. Successfully stopped {stopped} of {} in total",
        results.len()
    );
    Ok(json(
        StatusCode::OK,
        &json!({"summary": summary, "stopSingleSegmentResults": results}),
    ))
}

fn group_of(state: &mut State, segment: Uuid, group: Uuid) -> Result<&mut Definition, Refusal> {
    let definition = state.definition_of(segment)?;
    let definition = state.definitions.get_mut(&definition);
    definition
        .filter(|definition| definition.has_group(group))
        .ok_or_else(|| Refusal::plug_in("The group was not found in the segment definition."))
}

fn body<T: DeserializeOwned>(call: &Call) -> Result<T, Refusal> {
    serde_json::from_slice(&call.body).map_err(Refusal::body)
}

fn result_text(root: &str, kind: &str, text: &str) -> Answer {
    let context = format!("{root}$metadata#Microsoft.Dynamics.CRM.{kind}");
    json(
        StatusCode::OK,
        &json!({"@odata.context": context, "StatusCode": 200, "ResultText": text}),
    )
}

fn quoted(ids: &[u128]) -> String {
    let mut text = String::with_capacity(ids.len() * 39);
    let mut buffer = Uuid::encode_buffer();
    for id in ids {
        text.push_str(if text.is_empty() { "\"" } else { ",\"" });
        text.push_str(Uuid::from_u128(*id).hyphenated().encode_lower(&mut buffer));
        text.push('"');
    }
    text
}

impl<'de> Deserialize<'de> for Guid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&str>::deserialize(deserializer)?;
        let id = (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten();
        id.map(Self).ok_or_else(|| {
            D::Error::custom(format!(
                "Cannot convert the literal '{text}' to the expected type 'Edm.Guid'."
            ))
        })
    }
}
