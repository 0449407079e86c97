//! Create, read, change and delete rows.

use super::modes::{Times, Units, Versions};
use super::privileges::CREATE;
use super::query::{self, Query};
use super::refusal::{Refusal, Reply};

use super::state::{Definition, Group, OWNER, Segment, State};
use super::tables::{Fields, Row, Table};
use crate::server::{Answer, Call, empty, json};
use axum::http::{HeaderValue, Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

/// The most groups of a definition.
const GROUPS: usize = 10;

/// What a table of definitions without them lacks.
const COMPUTATION_TIMES: [&str; 2] = ["msdynmkt_computationstartedon", "msdynmkt_computationfinishedon"];

/// Where an entity set is addressed.
pub struct Address<'a> {
    /// `<organization>/api/data/v9.x/`
    pub root: &'a str,
    pub table: Table,
    pub id: Option<Uuid>,
}

/// Answers a request on an entity set or a row of it.
pub fn answer(state: &mut State, address: &Address<'_>, call: &Call) -> Reply {
    match (&call.method, address.id) {
        (&Method::GET, None) => query::list(state, address, call),
        (&Method::GET, Some(id)) => read(state, address, call, id),
        (&Method::POST | &Method::PATCH | &Method::DELETE, _) if address.table == Table::BusinessUnits => {
            Err(Refusal::plug_in("Business units are made in the admin centre."))
        }
        (&Method::POST, None) => create(state, address, call, None),
        (&Method::PATCH, Some(id)) => change(state, address, call, id),
        (&Method::DELETE, Some(id)) => delete(state, address, call, id),
        _ => Err(Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "0x80060888",
            "The requested resource does not support this method.",
        )),
    }
}

/// Finds a row.
pub fn row(state: &State, table: Table, id: Uuid) -> Option<Row> {
    match table {
        Table::Segments => {
            let segment = state.segments.get(&id)?;
            Some(segment.seen(state.modes.row_lag).clone())
        }
        Table::Definitions => state.definitions.get(&id).map(|definition| definition.row.clone()),
        Table::Executions => state.executions.get(&id).cloned(),
        Table::Contacts => state.contacts.row(id),
        Table::BusinessUnits => state.business_units.get(&id).cloned(),
    }
}

fn read(state: &State, address: &Address<'_>, call: &Call, id: Uuid) -> Reply {
    let table = address.table;
    let query = Query::parse(call, table, &state.modes)?;
    let row = row(state, table, id).ok_or_else(|| Refusal::no_row(table.logical(), id))?;
    if call.header("if-none-match").is_some_and(|etag| etag == row.etag()) {
        return Ok(empty(StatusCode::NOT_MODIFIED));
    }
    let mut body = query.rendered(table, id, &row);
    if state.modes.times == Times::Missing {
        body.retain(|name, _| !COMPUTATION_TIMES.contains(&name.as_str()));
    }
    let context = format!("{}$metadata#{}/$entity", address.root, table.set());
    body.insert("@odata.context".to_owned(), Value::String(context));
    let mut answer = json(StatusCode::OK, &Value::Object(body));
    set_header(&mut answer, "etag", &row.etag());
    Ok(answer)
}

fn create(state: &mut State, address: &Address<'_>, call: &Call, chosen: Option<Uuid>) -> Reply {
    let table = address.table;
    let body = body(call)?;
    let owner = owner(state, table, &body)?;
    let (fields, key) = table.writable(body)?;
    let id = chosen.or(key).unwrap_or_else(Uuid::new_v4);
    if row(state, table, id).is_some() {
        return Err(Refusal::new(
            StatusCode::PRECONDITION_FAILED,
            "0x80040237",
            "A record with matching key values already exists.",
        ));
    }
    let mut created = Row {
        version: state.next_version(),
        fields: defaults(table),
    };
    created.fields.extend(fields);
    if let Some(owner) = owner {
        created.fields.insert(OWNER.to_owned(), json!(owner.to_string()));
    }
    match table {
        Table::BusinessUnits => {}
        Table::Segments => {
            state.segments.insert(id, Segment::new(created));
        }
        Table::Definitions => {
            checked_groups(&created)?;
            let definition = Definition {
                row: created,
                ..Definition::default()
            };
            state.definitions.insert(id, definition);
        }
        Table::Executions => {
            state.executions.insert(id, created);
        }
        Table::Contacts => {
            state.contacts.known.get_or_insert_default().insert(id.as_u128());
        }
    }
    Ok(written(state, address, call, id, StatusCode::CREATED))
}

fn change(state: &mut State, address: &Address<'_>, call: &Call, id: Uuid) -> Reply {
    let table = address.table;
    let condition = call.header("if-match");
    let Some(current) = row(state, table, id) else {
        // Without `If-Match` a PATCH creates the row.
        return match condition {
            Some(_) => Err(Refusal::no_row(table.logical(), id)),
            None => create(state, address, call, Some(id)),
        };
    };
    let create_only = call.header("if-none-match") == Some("*");
    let version = condition.filter(|etag| *etag != "*");
    let versions = match table {
        Table::Definitions => state.modes.versions,
        _ => Versions::Kept,
    };
    match versions {
        Versions::Unknown if version.is_some() => return Err(Refusal::no_versions(table.logical())),
        Versions::Kept if version.is_some_and(|etag| etag != current.etag()) => return Err(Refusal::version()),
        _ if create_only => return Err(Refusal::version()),
        _ => {}
    }
    let (fields, _) = table.writable(body(call)?)?;
    let mut changed = current;
    changed.version = state.next_version();
    changed.fields.extend(fields);
    match table {
        Table::Segments => state.segment(id)?.row = changed,
        Table::Definitions => {
            checked_groups(&changed)?;
            editable(state, id)?;
            if let Some(definition) = state.definitions.get_mut(&id) {
                definition.row = changed;
            }
        }
        Table::Executions => {
            state.executions.insert(id, changed);
        }
        Table::Contacts | Table::BusinessUnits => {}
    }
    Ok(written(state, address, call, id, StatusCode::OK))
}

fn delete(state: &mut State, address: &Address<'_>, call: &Call, id: Uuid) -> Reply {
    let table = address.table;
    let current = row(state, table, id).ok_or_else(|| Refusal::no_row(table.logical(), id))?;
    let condition = call.header("if-match");
    if condition.is_some_and(|etag| etag != "*" && etag != current.etag()) {
        return Err(Refusal::version());
    }
    match table {
        Table::BusinessUnits => {}
        Table::Segments => drop(state.segments.remove(&id)),
        Table::Definitions => drop(state.definitions.remove(&id)),
        Table::Executions => drop(state.executions.remove(&id)),
        Table::Contacts => {
            if let Some(known) = &mut state.contacts.known {
                known.remove(&id.as_u128());
            }
        }
    }
    Ok(empty(StatusCode::NO_CONTENT))
}

/// Refuses to change what is locked.
fn editable(state: &State, definition: Uuid) -> Result<(), Refusal> {
    let shows = |segment: &&Segment| Uuid::try_parse(segment.row.text("msdynmkt_sourcesegmentuid")) == Ok(definition);
    state.segments.values().filter(shows).try_for_each(Segment::editable)
}

fn written(state: &State, address: &Address<'_>, call: &Call, id: Uuid, with_row: StatusCode) -> Answer {
    let table = address.table;
    let wanted = call
        .header("prefer")
        .is_some_and(|prefer| prefer.contains("return=representation"));
    let stored = row(state, table, id).filter(|_| wanted);
    let mut answer = match stored {
        None => empty(StatusCode::NO_CONTENT),
        Some(row) => {
            let mut answer = json(with_row, &Value::Object(Query::default().rendered(table, id, &row)));
            set_header(&mut answer, "preference-applied", "return=representation");
            answer
        }
    };
    let entity = format!("{}{}({id})", address.root, table.set());
    set_header(&mut answer, "odata-entityid", &entity);
    answer
}

fn body(call: &Call) -> Result<Fields, Refusal> {
    serde_json::from_slice(&call.body).map_err(Refusal::body)
}

/// Returns the business unit that owns a new row: the one that its body is bound to, or else the application user's.
fn owner(state: &State, table: Table, body: &Fields) -> Result<Option<Uuid>, Refusal> {
    if table != Table::Segments {
        return Ok(None);
    }
    let closed = || Refusal::no_privilege(CREATE, "msdynmkt_segment");
    let Some(bound) = body.get("owningbusinessunit@odata.bind").and_then(Value::as_str) else {
        let owner = Some(state.user_unit).filter(|unit| state.may_create(*unit));
        return owner.ok_or_else(closed).map(Some);
    };
    let id = bound
        .strip_prefix("/businessunits(")
        .and_then(|rest| rest.strip_suffix(')'));
    let id = id.and_then(|id| Uuid::try_parse(id).ok());
    let id = id.ok_or_else(|| Refusal::uri("The binding of owningbusinessunit leads nowhere."))?;
    match state.modes.units {
        _ if !state.business_units.contains_key(&id) => Err(Refusal::no_row("businessunit", id)),
        _ if !state.may_create(id) => Err(closed()),
        Units::Bound => Ok(Some(id)),
        Units::Ignored => Ok(Some(state.user_unit)),
        Units::Closed => Err(closed()),
    }
}

/// What a new row has where the body says nothing.
fn defaults(table: Table) -> Fields {
    let values = match table {
        Table::Segments => json!({"statecode": 0, "statuscode": 1, "msdynmkt_publishedjourneycount": 0}),
        Table::Definitions => json!({
            "statecode": 0, "statuscode": 723_270_001, "msdynmkt_disablesegmentrefresh": false,
            "msdynmkt_computationstatus": 723_270_003,
        }),
        Table::Executions | Table::Contacts | Table::BusinessUnits => json!({"statecode": 0}),
    };
    values.as_object().cloned().unwrap_or_default()
}

/// Checks the groups column: a string that holds a JSON array of at most ten groups with ids of their own.
fn checked_groups(row: &Row) -> Result<(), Refusal> {
    let text = row.text("msdynmkt_staticlistmembers");
    if text.is_empty() {
        return Ok(());
    }
    let refused = || Refusal::plug_in("The value of msdynmkt_staticlistmembers is not a valid list of groups.");
    let groups: Vec<Group> = serde_json::from_str(text).map_err(|_| refused())?;
    if groups.len() > GROUPS {
        return Err(Refusal::plug_in(format!(
            "A segment can have at most {GROUPS} groups of static members."
        )));
    }
    let mut ids = BTreeSet::new();
    for group in &groups {
        let id = Uuid::try_parse(&group.group_id).map_err(|_| refused())?;
        let known = matches!(group.include_type.as_str(), "Include" | "Exclude") && group.input_type == "manualSelect";
        if !known || !ids.insert(id) {
            return Err(refused());
        }
    }
    Ok(())
}

pub fn set_header(answer: &mut Answer, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}
