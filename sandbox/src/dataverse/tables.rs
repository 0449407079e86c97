//! The tables: their columns, types and states.

use super::refusal::Refusal;
use serde_json::{Map, Value};
use uuid::Uuid;

/// The columns of a row.
pub type Fields = Map<String, Value>;

/// A row with its version.
#[derive(Clone, Default, Debug)]
pub struct Row {
    pub fields: Fields,
    pub version: u64,
}

/// An entity set of the sandbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Table {
    Segments,
    Definitions,
    Executions,
    Contacts,
    BusinessUnits,
}

/// The type of a column; text has a maximum length in UTF-16 units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Text(usize),
    Number,
    Flag,
    Guid,
    Date,
}

const SEGMENTS: &[(&str, Kind)] = &[
    ("msdynmkt_segmentid", Kind::Guid),
    ("msdynmkt_displayname", Kind::Text(100)),
    ("msdynmkt_type", Kind::Number),
    ("msdynmkt_source", Kind::Number),
    ("msdynmkt_baseentitylogicalname", Kind::Text(100)),
    ("statecode", Kind::Number),
    ("statuscode", Kind::Number),
    ("msdynmkt_sourcesegmentuid", Kind::Text(100)),
    ("msdynmkt_scope", Kind::Number),
    ("msdynmkt_cdmpartitionprimarykeycolumn", Kind::Text(100)),
    ("msdynmkt_description", Kind::Text(1000)),
    ("msdynmkt_membercount", Kind::Number),
    ("msdynmkt_membercount_state", Kind::Number),
    ("msdynmkt_membercount_date", Kind::Date),
    ("msdynmkt_publishedjourneycount", Kind::Number),
    ("msdynmkt_datalakefolderid", Kind::Text(100)),
    ("msdynmkt_lastupdatedon", Kind::Date),
    ("_owningbusinessunit_value", Kind::Guid),
    ("createdon", Kind::Date),
    ("modifiedon", Kind::Date),
];

const DEFINITIONS: &[(&str, Kind)] = &[
    ("msdynmkt_segmentdefinitionid", Kind::Guid),
    ("msdynmkt_name", Kind::Text(100)),
    ("msdynmkt_segmentquery", Kind::Text(1_048_576)),
    ("statecode", Kind::Number),
    ("statuscode", Kind::Number),
    ("msdynmkt_staticlistmembers", Kind::Text(1_048_576)),
    ("msdynmkt_disablesegmentrefresh", Kind::Flag),
    ("msdynmkt_segmentrefreshintervalminutes", Kind::Number),
    ("msdynmkt_sourcesegmentcreatedon", Kind::Date),
    ("msdynmkt_sourcesegmentcreatedby", Kind::Text(100)),
    ("msdynmkt_computationstatus", Kind::Number),
    ("msdynmkt_computationstartedon", Kind::Date),
    ("msdynmkt_computationfinishedon", Kind::Date),
    ("msdynmkt_definitionmodifiedon", Kind::Date),
    ("msdynmkt_includedmembers", Kind::Text(1_048_576)),
    ("msdynmkt_excludedmembers", Kind::Text(4000)),
    ("msdynmkt_dependentsegmentids", Kind::Text(1_048_576)),
    ("createdon", Kind::Date),
    ("modifiedon", Kind::Date),
];

const EXECUTIONS: &[(&str, Kind)] = &[
    ("msdynmkt_segmentexecutionid", Kind::Guid),
    ("_msdynmkt_segmentdefinitionid_value", Kind::Guid),
    ("statecode", Kind::Number),
    ("statuscode", Kind::Number),
    ("msdynmkt_membershipcount", Kind::Number),
    ("createdon", Kind::Date),
];

const CONTACTS: &[(&str, Kind)] = &[
    ("contactid", Kind::Guid),
    ("statecode", Kind::Number),
    ("statuscode", Kind::Number),
    ("_masterid_value", Kind::Guid),
    ("_owningbusinessunit_value", Kind::Guid),
];

const BUSINESS_UNITS: &[(&str, Kind)] = &[
    ("businessunitid", Kind::Guid),
    ("name", Kind::Text(160)),
    ("isdisabled", Kind::Flag),
    ("_parentbusinessunitid_value", Kind::Guid),
];

impl Table {
    const ALL: [Self; 5] = [
        Self::Segments,
        Self::Definitions,
        Self::Executions,
        Self::Contacts,
        Self::BusinessUnits,
    ];

    /// Finds a table by the name of its entity set.
    pub fn of(set: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.set() == set)
    }

    /// Returns the name of the entity set.
    pub fn set(self) -> &'static str {
        match self {
            Self::Segments => "msdynmkt_segments",
            Self::Definitions => "msdynmkt_segmentdefinitions",
            Self::Executions => "msdynmkt_segmentexecutions",
            Self::Contacts => "contacts",
            Self::BusinessUnits => "businessunits",
        }
    }

    /// Returns the logical name: the set's without its plural.
    pub fn logical(self) -> &'static str {
        let set = self.set();
        &set[..set.len() - 1]
    }

    /// Returns the key column.
    pub fn key(self) -> &'static str {
        self.columns()[0].0
    }

    /// Returns every column with its type, the key first.
    pub fn columns(self) -> &'static [(&'static str, Kind)] {
        match self {
            Self::Segments => SEGMENTS,
            Self::Definitions => DEFINITIONS,
            Self::Executions => EXECUTIONS,
            Self::Contacts => CONTACTS,
            Self::BusinessUnits => BUSINESS_UNITS,
        }
    }

    /// Returns a column's type; an unknown column in a query is an error.
    pub fn kind(self, column: &str) -> Result<Kind, Refusal> {
        self.find(column).ok_or_else(|| Refusal::no_column(column, self))
    }

    /// Checks the columns of a body and takes over what may be written; the key is returned apart.
    pub fn writable(self, body: Fields) -> Result<(Fields, Option<Uuid>), Refusal> {
        let mut fields = Fields::new();
        let mut key = None;
        for (name, value) in body {
            if name.contains("@odata.") {
                // Annotations, and the binding to a business unit, which the create reads.
                continue;
            }
            let Some(kind) = self.find(&name) else {
                return Err(Refusal::body(format!(
                    "The property '{name}' does not exist on type 'Microsoft.Dynamics.CRM.{}'. Make sure to only use \
                     property names that are defined by the type.",
                    self.logical()
                )));
            };
            kind.check(&name, &value)?;
            if name == self.key() {
                key = value.as_str().and_then(|id| Uuid::try_parse(id).ok());
            } else if !READ_ONLY.contains(&name.as_str()) {
                fields.insert(name, value);
            }
        }
        self.check_state(&fields)?;
        Ok((fields, key))
    }

    fn find(self, column: &str) -> Option<Kind> {
        let found = self.columns().iter().find(|(name, _)| *name == column);
        found.map(|(_, kind)| *kind)
    }

    fn check_state(self, fields: &Fields) -> Result<(), Refusal> {
        let number = |name: &str| fields.get(name).and_then(Value::as_i64);
        let Some(status) = number("statuscode") else {
            return Ok(());
        };
        let state = match (self, status) {
            (Self::Segments, 1) | (Self::Definitions, 723_270_000..=723_270_002 | 723_270_004) => 0,
            (Self::Segments, 2..=11) | (Self::Definitions, 723_270_003) => 1,
            (Self::Executions | Self::Contacts | Self::BusinessUnits, _) => return Ok(()),
            _ => return Err(invalid_state(format!("{status} is not a valid status code"))),
        };
        if number("statecode").is_some_and(|given| given != state) {
            return Err(invalid_state(
                "State code is invalid or state code is valid but status code is invalid for a specified state code.",
            ));
        }
        Ok(())
    }
}

/// Columns that Dataverse computes; a body that sends them is accepted and they are ignored.
const READ_ONLY: &[&str] = &[
    "msdynmkt_membercount",
    "msdynmkt_membercount_state",
    "msdynmkt_membercount_date",
    "msdynmkt_publishedjourneycount",
    "msdynmkt_computationstatus",
    "msdynmkt_computationstartedon",
    "msdynmkt_computationfinishedon",
    "createdon",
    "modifiedon",
];

impl Kind {
    fn check(self, name: &str, value: &Value) -> Result<(), Refusal> {
        let fits = match (self, value) {
            (_, Value::Null) | (Self::Flag, Value::Bool(_)) | (Self::Date, Value::String(_)) => true,
            (Self::Text(most), Value::String(text)) => {
                if text.encode_utf16().count() > most {
                    return Err(Refusal::new(
                        axum::http::StatusCode::BAD_REQUEST,
                        "0x80044331",
                        format!(
                            "A validation error occurred. The length of the '{name}' attribute exceeded the maximum allowed length of '{most}'."
                        ),
                    ));
                }
                true
            }
            (Self::Number, Value::Number(number)) => number.is_i64(),
            (Self::Guid, Value::String(text)) => Uuid::try_parse(text).is_ok(),
            _ => false,
        };
        if fits {
            return Ok(());
        }
        Err(Refusal::body(format!(
            "Cannot convert the value of '{name}' to its type."
        )))
    }
}

fn invalid_state(message: impl Into<String>) -> Refusal {
    Refusal::new(axum::http::StatusCode::BAD_REQUEST, "0x80048408", message)
}
