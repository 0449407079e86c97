//! Lists: `$select`, `$filter`, `$top`, `$orderby`, `$count`, pages.

use super::filter::Filter;
use super::modes::{Filtering, Modes};
use super::refusal::{Refusal, Reply};
use super::rows::{Address, set_header};
use super::state::{Contacts, State};
use super::tables::{Fields, Row, Table};
use crate::server::{Call, json};
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use uuid::Uuid;

/// The most rows of one page, and how many come without a wish.
const PAGE: usize = 5000;

/// The system query options of a request.
#[derive(Default)]
pub struct Query {
    select: Option<Vec<String>>,
    filter: Option<Filter>,
    top: Option<usize>,
    order: Vec<(String, bool)>,
    count: bool,
    offset: usize,
    /// Columns that no row has.
    lacking: BTreeSet<&'static str>,
}

/// Answers a list.
pub fn list(state: &State, address: &Address<'_>, call: &Call) -> Reply {
    let table = address.table;
    let query = Query::parse(call, table, &state.modes)?;
    let mut rows = query.candidates(state, table);
    let is_obeyed = state.modes.filtering == Filtering::Exact;
    if let Some(filter) = query.filter.as_ref().filter(|_| is_obeyed) {
        rows.retain(|(id, row)| {
            let key = json!(id.to_string());
            let column = |name: &str| {
                if name == table.key() {
                    Some(&key)
                } else {
                    row.fields.get(name)
                }
            };
            filter.accepts(&column)
        });
    }
    rows.sort_by(|left, right| query.ordering(&left.1, &right.1));

    let total = rows.len();
    let wish = page_size(call)?;
    let size = query.top.unwrap_or(wish.unwrap_or(PAGE).min(state.modes.row_page));
    let end = total.min(query.offset.saturating_add(size));
    let page = rows.get(query.offset..end).unwrap_or_default();
    let values: Vec<Value> = page
        .iter()
        .map(|(id, row)| Value::Object(query.rendered(table, *id, row)))
        .collect();
    let mut body = json!({
        "@odata.context": format!("{}$metadata#{}", address.root, table.set()), "value": values,
    });
    if query.count {
        body["@odata.count"] = json!(total);
    }
    if query.top.is_none() && end < total {
        body["@odata.nextLink"] = json!(next_link(address, call, end));
    }
    let mut answer = json(StatusCode::OK, &body);
    if let Some(wish) = wish {
        set_header(&mut answer, "preference-applied", &format!("odata.maxpagesize={wish}"));
    }
    Ok(answer)
}

impl Query {
    /// Reads the query options of a request and checks every column named.
    pub fn parse(call: &Call, table: Table, modes: &Modes) -> Result<Self, Refusal> {
        let mut query = Self::default();
        for (name, value) in call.query() {
            match name.as_str() {
                "$select" => query.select = Some(columns(&value, table)?),
                "$filter" => query.filter = Some(Filter::parse(&value, table)?),
                "$top" => query.top = Some(number(&name, &value)?),
                "$count" => query.count = value == "true",
                "$skiptoken" => query.offset = offset(&value)?,
                "$orderby" => query.order = order(&value, table)?,
                _ => {
                    return Err(Refusal::uri(format!("The query parameter {name} is not supported.")));
                }
            }
        }
        let mut selected = query.select.iter().flatten();
        if let Some(name) = selected.find(|name| modes.lacking.contains(name.as_str())) {
            return Err(Refusal::no_column(name, table));
        }
        query.lacking.clone_from(&modes.lacking);
        Ok(query)
    }

    /// Writes a row with its etag, its key and the columns selected.
    pub fn rendered(&self, table: Table, id: Uuid, row: &Row) -> Fields {
        let mut fields = Fields::new();
        fields.insert("@odata.etag".to_owned(), json!(row.etag()));
        for (name, _) in table.columns() {
            let selected = self
                .select
                .as_ref()
                .is_none_or(|names| names.iter().any(|known| known == name));
            if *name == table.key() {
                fields.insert((*name).to_owned(), json!(id.to_string()));
            } else if selected && !self.lacking.contains(name) {
                let value = row.fields.get(*name).cloned().unwrap_or_default();
                fields.insert((*name).to_owned(), value);
            }
        }
        fields
    }

    fn candidates(&self, state: &State, table: Table) -> Vec<(Uuid, Row)> {
        match table {
            Table::Segments => (state.segments.iter())
                .map(|(id, segment)| (*id, segment.row.clone()))
                .collect(),
            Table::Definitions => (state.definitions.iter())
                .map(|(id, definition)| (*id, definition.row.clone()))
                .collect(),
            Table::Executions => state.executions.iter().map(|(id, row)| (*id, row.clone())).collect(),
            Table::Contacts => self.contacts(state),
            Table::BusinessUnits => state
                .business_units
                .iter()
                .map(|(id, row)| (*id, row.clone()))
                .collect(),
        }
    }

    /// Contacts are looked up by the ids that the filter names; without any, the known ones are listed, or all members where
    /// any id is a contact.
    fn contacts(&self, state: &State) -> Vec<(Uuid, Row)> {
        let contacts = &state.contacts;
        let mut ids = Vec::new();
        if let Some(filter) = &self.filter {
            filter.named_ids(&mut ids);
        }
        if ids.is_empty() {
            let groups = state
                .definitions
                .values()
                .flat_map(|definition| definition.members.values());
            let members = groups.filter(|_| contacts.known.is_none());
            let listed = contacts.known.iter().chain(members).flatten();
            ids.extend(listed.map(|id| Uuid::from_u128(*id)));
        }
        ids.sort();
        ids.dedup();
        ids.into_iter().filter_map(|id| Some((id, contacts.row(id)?))).collect()
    }

    fn ordering(&self, left: &Row, right: &Row) -> Ordering {
        let by = |(column, descending): &(String, bool)| {
            let ordering = compared(left.fields.get(column), right.fields.get(column));
            if *descending { ordering.reverse() } else { ordering }
        };
        self.order
            .iter()
            .map(by)
            .find(|ordering| ordering.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl Contacts {
    /// Returns a contact's row if there is such a contact.
    pub fn row(&self, id: Uuid) -> Option<Row> {
        let known = self.known.as_ref().is_none_or(|known| known.contains(&id.as_u128()));
        known.then(|| {
            let mut row = Row::default();
            let state = i64::from(self.inactive.contains(&id.as_u128()));
            let master = self
                .merged
                .contains(&id.as_u128())
                .then(|| json!(Uuid::from_u128(1).to_string()));
            let master = ("_masterid_value", master.unwrap_or_default());
            row.change(
                &[("statecode", json!(state)), ("statuscode", json!(state + 1)), master],
                1,
            );
            row
        })
    }
}

fn columns(value: &str, table: Table) -> Result<Vec<String>, Refusal> {
    let names = value.split(',').map(str::trim);
    names.map(|name| table.kind(name).map(|_| name.to_owned())).collect()
}

fn order(value: &str, table: Table) -> Result<Vec<(String, bool)>, Refusal> {
    let parts = value.split(',').map(str::trim);
    parts
        .map(|part| {
            let (column, direction) = part.split_once(' ').unwrap_or((part, "asc"));
            table.kind(column)?;
            Ok((column.to_owned(), direction == "desc"))
        })
        .collect()
}

fn number(name: &str, value: &str) -> Result<usize, Refusal> {
    let refused = || Refusal::uri(format!("Invalid value '{value}' for {name} query option found."));
    value.parse().map_err(|_| refused())
}

/// Reads `odata.maxpagesize` of the `Prefer` header, at most 5000.
fn page_size(call: &Call) -> Result<Option<usize>, Refusal> {
    let prefer = call.header("prefer").unwrap_or_default();
    let wish = prefer
        .split(',')
        .find_map(|part| part.trim().strip_prefix("odata.maxpagesize="));
    let wish = wish
        .map(|value| number("odata.maxpagesize", value.trim_matches('"')))
        .transpose()?;
    Ok(wish.map(|wish| wish.clamp(1, PAGE)))
}

/// The link must be followed as it is: its cookie does not survive another encoding.
fn next_link(address: &Address<'_>, call: &Call, offset: usize) -> String {
    let kept = call.uri.query().unwrap_or_default().split('&');
    let kept = kept.filter(|part| !part.is_empty() && !part.contains("skiptoken="));
    let kept: String = kept.flat_map(|part| [part, "&"]).collect();
    let set = address.table.set();
    let cookie = format!("%3Ccookie%20pagenumber=%222%22%20offset=%22{offset}%22%20/%3E");
    format!("{}{set}?{kept}$skiptoken={cookie}", address.root)
}

fn offset(cookie: &str) -> Result<usize, Refusal> {
    let digits = cookie
        .strip_prefix("<cookie pagenumber=\"2\" offset=\"")
        .and_then(|rest| rest.strip_suffix("\" />"));
    let refused = || Refusal::uri("Malformed XML was passed as paging cookie.");
    digits.and_then(|digits| digits.parse().ok()).ok_or_else(refused)
}

fn compared(left: Option<&Value>, right: Option<&Value>) -> Ordering {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_lowercase);
    let number = |value: Option<&Value>| value.and_then(Value::as_i64);
    number(left)
        .cmp(&number(right))
        .then_with(|| text(left).cmp(&text(right)))
}
