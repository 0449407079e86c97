//! What the application user may do in which business unit, and what it is told of that.

use super::modes::Privileges;
use super::refusal::{Refusal, Reply, USER};
use super::state::State;
use crate::server::{Call, json};
use axum::http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

/// The privilege to create segments.
pub const CREATE: &str = "prvCreatemsdynmkt_segment";

/// A role of the application user with the privilege to create segments.
#[derive(Clone, Copy, Debug)]
pub struct Role {
    /// The business unit whose role it is.
    pub unit: Uuid,
    pub depth: Depth,
    /// The user has it as a member of a team.
    pub is_of_a_team: bool,
}

/// How far a privilege reaches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Depth {
    /// The role does not have the privilege.
    Nowhere,
    Basic,
    Local,
    Deep,
    Global,
}

/// Answers what is asked about the application user or about privileges; `None` if it is something else.
pub fn answer(state: &State, resource: &str, root: &str, call: &Call) -> Option<Reply> {
    let of_the_user = resource
        .strip_prefix("systemusers(")
        .and_then(|rest| rest.split_once(")/"));
    Some(match of_the_user {
        _ if resource == "privileges" => Ok(json(StatusCode::OK, &privileges(state, root, call))),
        Some((id, _)) if Uuid::try_parse(id) != Ok(USER) => Err(Refusal::uri(format!("Bad user '{id}'."))),
        Some((_, "systemuserroles_association")) => Ok(json(StatusCode::OK, &json!({"value": own_roles(state)}))),
        Some((_, "teammembership_association")) => Ok(json(StatusCode::OK, &json!({"value": teams(state)}))),
        Some((_, function)) => {
            let name =
                function.strip_prefix("Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeName(PrivilegeName='");
            match name.and_then(|name| name.strip_suffix("')")) {
                Some(name) if state.modes.privileges != Privileges::Missing => held(state, root, name),
                _ => Err(Refusal::no_resource(function)),
            }
        }
        None => return None,
    })
}

/// Names a call of [`answer`]'s for the log.
pub fn operation(resource: &str) -> Option<&str> {
    let (_, operation) = resource.strip_prefix("systemusers(")?.split_once(")/")?;
    let operation = operation.split('(').next()?;
    operation.rsplit('.').next()
}

fn held(state: &State, root: &str, name: &str) -> Reply {
    if name != CREATE {
        return Err(Refusal::plug_in(format!("The privilege {name} does not exist.")));
    }
    let held = state.roles.iter().filter(|role| role.depth > Depth::Nowhere);
    let grants: Vec<Value> = match state.modes.privileges {
        Privileges::Each => held.map(|role| grant(role.depth, role.unit)).collect(),
        Privileges::Merged => {
            let highest = held.map(|role| role.depth).max();
            highest.map(|depth| grant(depth, state.user_unit)).into_iter().collect()
        }
        Privileges::Renamed | Privileges::Missing => Vec::new(),
    };
    Ok(json(
        StatusCode::OK,
        &json!({
            "@odata.context":
                format!("{root}$metadata#Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeNameResponse"),
            "RolePrivileges": grants,
        }),
    ))
}

fn grant(depth: Depth, unit: Uuid) -> Value {
    json!({
        "Depth": format!("{depth:?}"), "PrivilegeId": Uuid::from_u128(7).to_string(),
        "BusinessUnitId": unit.to_string(), "PrivilegeName": CREATE,
        "RecordFilterId": Uuid::nil().to_string(), "RecordFilterUniqueName": "",
    })
}

fn privileges(state: &State, root: &str, call: &Call) -> Value {
    let asked = call
        .query()
        .into_iter()
        .any(|(name, value)| name == "$filter" && value.contains(CREATE));
    let row = json!({"privilegeid": Uuid::from_u128(7).to_string(), "name": CREATE});
    let rows: Vec<_> = Some(row)
        .into_iter()
        .filter(|_| asked && state.modes.privileges != Privileges::Renamed)
        .collect();
    json!({"@odata.context": format!("{root}$metadata#privileges"), "value": rows})
}

fn own_roles(state: &State) -> Vec<Value> {
    let own = state.roles.iter().enumerate().filter(|(_, role)| !role.is_of_a_team);
    own.map(|(index, role)| row(index, role)).collect()
}

fn teams(state: &State) -> Vec<Value> {
    let team = |(index, roles): (usize, Vec<Value>)| json!({"teamid": Uuid::from_u128(1_000 + index as u128).to_string(), "teamroles_association": roles});
    let with_roles = state.roles.iter().enumerate().filter(|(_, role)| role.is_of_a_team);
    let roles = with_roles.map(|(index, role)| vec![row(index, role)]);
    // The default team of the user's unit, which has no roles here.
    std::iter::once(Vec::new()).chain(roles).enumerate().map(team).collect()
}

fn row(index: usize, role: &Role) -> Value {
    let id = Uuid::from_u128(2_000 + index as u128);
    json!({"roleid": id.to_string(), "_businessunitid_value": role.unit.to_string()})
}

impl State {
    /// Returns whether the application user may create segments of a business unit.
    pub fn may_create(&self, unit: Uuid) -> bool {
        self.roles.iter().any(|role| match role.depth {
            Depth::Nowhere => false,
            Depth::Basic | Depth::Local => role.unit == unit,
            Depth::Deep => self.is_within(unit, role.unit),
            Depth::Global => true,
        })
    }

    /// Returns whether a business unit is another one, or below it.
    fn is_within(&self, unit: Uuid, above: Uuid) -> bool {
        let parent = |unit: &Uuid| {
            let row = self.business_units.get(unit)?;
            Uuid::try_parse(row.text("_parentbusinessunitid_value")).ok()
        };
        std::iter::successors(Some(unit), parent)
            .take(50)
            .any(|unit| unit == above)
    }
}
