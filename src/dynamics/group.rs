//! A segment's definition: its query and its static member groups.

use crate::domain::Computation;
use crate::text::json::Unique;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::fmt;
use uuid::Uuid;

/// The key of a row in `msdynmkt_segmentdefinitions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DefinitionId(pub Uuid);

/// What a segment consists of.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// The key.
    pub id: DefinitionId,
    /// The dynamic query; empty in a purely static segment.
    pub query: String,
    /// The static member groups, ours and those that people made.
    pub groups: Vec<Group>,
    /// Whether Dynamics leaves the published members alone until the next publish.
    pub refresh_disabled: bool,
    /// The segments that build on this one, in ascending order; `None` if the table does not tell.
    pub dependents: Option<Vec<Uuid>>,
    /// When its members were computed last, where the table says it.
    pub computation: Option<Computation>,
    /// The version that was read, which a change is tied to; `None` if it is not known, or where the table has none.
    pub etag: Option<String>,
}

/// The key of a group, unique within its segment; chosen by whoever made the group, usually a GUID.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct GroupId(String);

impl GroupId {
    /// Takes a key as it was noted.
    pub fn noted(id: &str) -> Self {
        Self(id.to_owned())
    }

    /// Returns the key to be noted; `None` where it is no GUID, since it may be anything then.
    pub fn to_note(&self) -> Option<String> {
        Uuid::try_parse(&self.0).is_ok().then(|| self.0.clone())
    }
}

/// How the name of a group begins that was made for a business unit.
const UNIT: &str = "Business unit ";

/// A static member group; fields that this product does not know are kept as they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The key.
    pub id: GroupId,
    /// Whether its members belong to the segment; otherwise they are kept out of it.
    pub include: bool,
    raw: Map<String, Value>,
}

impl Group {
    /// The most members of one group (Microsoft's documentation of the segment API).
    pub const MAX_MEMBERS: usize = 200_000;
    /// The most groups of one definition (same source).
    pub const MAX_PER_DEFINITION: usize = 10;

    /// Makes a new Include group with an id of its own, to be saved before members are added.
    pub fn fresh(name: &str) -> Self {
        let id = Uuid::new_v4().to_string();
        let fields = [
            ("groupId", id.as_str()),
            ("includeType", "Include"),
            ("name", name),
            ("inputType", "manualSelect"),
        ];
        let raw = fields
            .map(|(key, value)| (key.to_owned(), value.into()))
            .into_iter()
            .collect();
        Self {
            id: GroupId(id),
            include: true,
            raw,
        }
    }

    /// Names the first group of what is made for a business unit: its definition says nowhere else whose it is to be.
    pub(super) fn name_for(unit: Uuid) -> String {
        format!("{UNIT}{unit}")
    }

    /// Returns the business unit that the group was made for.
    pub(super) fn unit(&self) -> Option<Uuid> {
        let name = self.raw.get("name").and_then(Value::as_str)?;
        Uuid::try_parse(name.strip_prefix(UNIT)?).ok()
    }

    /// Reads `msdynmkt_staticlistmembers`, a string that holds a JSON array; null or empty means no groups.
    ///
    /// A group that says neither that it includes nor that it excludes decides about contacts in a way that nobody knows.
    pub(super) fn read_all(column: Option<&str>) -> Result<Vec<Self>, &'static str> {
        let Some(text) = column.filter(|text| !text.trim().is_empty()) else {
            return Ok(Vec::new());
        };
        let Unique(groups) =
            serde_json::from_str(text).map_err(|_| "is no list of groups, or one with a field twice")?;
        let groups: Option<Vec<Map<String, Value>>> =
            serde_json::from_value(groups).map_err(|_| "is no list of groups")?;
        let groups: Vec<Self> = groups.into_iter().flatten().map(Self::read).collect::<Result<_, _>>()?;
        let ids: HashSet<&GroupId> = groups.iter().map(|group| &group.id).collect();
        if ids.len() < groups.len() {
            return Err("holds the same group twice");
        }
        Ok(groups)
    }

    /// Writes the column.
    pub(super) fn write_all(groups: &[Self]) -> String {
        Value::Array(groups.iter().map(|group| Value::Object(group.raw.clone())).collect()).to_string()
    }

    fn read(raw: Map<String, Value>) -> Result<Self, &'static str> {
        let text = |key: &str| raw.get(key).and_then(Value::as_str).unwrap_or_default();
        let id = GroupId(text("groupId").to_owned());
        if id.0.trim().is_empty() {
            return Err("holds a group without `groupId`");
        }
        let include = match text("includeType").to_ascii_lowercase().as_str() {
            "include" => true,
            "exclude" => false,
            _ => return Err("holds a group whose `includeType` is neither Include nor Exclude"),
        };
        Ok(Self { id, include, raw })
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for DefinitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_keep_the_fields_that_nobody_here_knows() {
        let column = r#"[{"groupId":"a","includeType":"Exclude","name":"x","inputType":"csv","later":{"y":[1]}},{"groupId":"b","includeType":"include"}]"#;
        let groups = Group::read_all(Some(column)).unwrap();
        assert_eq!(
            groups.iter().map(|group| group.include).collect::<Vec<_>>(),
            [false, true]
        );
        let written: Value = serde_json::from_str(&Group::write_all(&groups)).unwrap();
        assert_eq!(written, serde_json::from_str::<Value>(column).unwrap());
    }

    #[test]
    fn a_definition_may_have_no_groups() {
        for column in [None, Some(""), Some(" "), Some("[]"), Some("null")] {
            assert_eq!(Group::read_all(column), Ok(Vec::new()));
        }
    }

    #[test]
    fn groups_that_cannot_be_read_are_an_error_not_nothing() {
        for (column, expected) in [
            ("{", "is no list of groups, or one with a field twice"),
            (
                r#"[{"groupId":"a","includeType":"Include","includeType":"Exclude"}]"#,
                "is no list of groups, or one with a field twice",
            ),
            ("{}", "is no list of groups"),
            ("[7]", "is no list of groups"),
            (r#"[{"includeType":"Include"}]"#, "holds a group without `groupId`"),
            (
                r#"[{"includeType":"Include","groupId":" "}]"#,
                "holds a group without `groupId`",
            ),
            (
                r#"[{"includeType":"Include","groupId":7}]"#,
                "holds a group without `groupId`",
            ),
            (
                r#"[{"groupId":"a"}]"#,
                "holds a group whose `includeType` is neither Include nor Exclude",
            ),
            (
                r#"[{"groupId":"a","includeType":null}]"#,
                "holds a group whose `includeType` is neither Include nor Exclude",
            ),
            (
                r#"[{"groupId":"a","includeType":1}]"#,
                "holds a group whose `includeType` is neither Include nor Exclude",
            ),
            (
                r#"[{"groupId":"a","includeType":"Include"},{"groupId":"a","includeType":"Exclude"}]"#,
                "holds the same group twice",
            ),
        ] {
            assert_eq!(Group::read_all(Some(column)), Err(expected), "{column}");
        }
    }

    #[test]
    fn a_fresh_group_is_an_include_group_of_its_own() {
        let (one, other) = (Group::fresh("x"), Group::fresh("x"));
        assert_ne!(one.id, other.id);
        assert_eq!(
            Group::read_all(Some(&Group::write_all(std::slice::from_ref(&one)))),
            Ok(vec![one])
        );
    }
}
