//! Finding the business unit that is to own segments.

use super::call::{Answer, Call, Odd};
use super::error::Error;
use super::json::Row;
use super::odata;
use super::privileges::CREATE;
use super::refusal::Refusal;
use super::rows::Strangers;
use super::segment::{Dataverse, SegmentId};
use crate::config::BusinessUnit;
use uuid::Uuid;

pub(super) const OPERATION: &str = "find the business unit";
pub(super) const KEY: &str = "businessunitid";

/// Why a business unit cannot own what is created.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// There is none, or nobody says so.
    #[error(
        "is not found: correct its name, in upper and lower case too, or its id (Power Platform admin centre, environment, Settings, Users + permissions, Business \
         units), or give the role of the application user Read on Business Unit in the whole organization"
    )]
    Missing,
    /// The name does not say which.
    #[error("is the name of several ({}): name the one that is meant by its id", .0.join(", "))]
    Several(Vec<String>),
    /// It is of no use any more.
    #[error("is disabled: enable it, or name another one")]
    Disabled,
    /// The application user may not read it.
    #[error("cannot be read: give the role of the application user Read on Business Unit. {0}")]
    Unreadable(Refusal),
    /// The application user may not create what it owns.
    #[error(
        "cannot be given a segment: let the role of the application user create segments in that unit, or assign the user to \
         it. {0}"
    )]
    Closed(Refusal),
    /// No role of the application user holds the privilege for its rows.
    #[error(
        "cannot be given a segment, and nothing was written: the application user holds {CREATE} for none of its rows. Give it a \
         role of that unit with Create on Segment, or let that reach the unit in a role that it has (Organization, or Parent: Child \
         Business Units in a unit above)"
    )]
    NotGranted,
    /// Dynamics has made another one the owner.
    #[error(
        "did not become the owner of the segment {0} that was created for it, and no second one is created: give that segment \
         to a team or user of the unit, or delete it in Customer Insights - Journeys; owning rows across business units may have \
         to be switched on for the environment"
    )]
    NotTaken(SegmentId),
}

/// A unit as its row has it.
struct Found {
    id: Uuid,
    is_disabled: bool,
}

impl Dataverse {
    /// Finds the business unit that a destination names.
    pub async fn find_business_unit(&self, unit: &BusinessUnit) -> Result<Uuid, Error> {
        let found = match unit {
            BusinessUnit::Id(id) => self.business_unit_of_id(*id).await,
            BusinessUnit::Name(name) => self.business_units_of_name(name).await,
        };
        let found = found.map_err(|error| match error {
            Error::PrivilegeMissing { refusal, .. } | Error::RowAccessDenied(refusal) => {
                unfit(unit, Unfit::Unreadable(refusal))
            }
            Error::DynamicsRefused(refusal) if refusal.status == 404 => unfit(unit, Unfit::Missing),
            error => error,
        })?;
        match &found[..] {
            [] => Err(unfit(unit, Unfit::Missing)),
            [found] if found.is_disabled => Err(unfit(unit, Unfit::Disabled)),
            [found] => Ok(found.id),
            several => {
                let ids = several.iter().map(|found| found.id.to_string()).collect();
                Err(unfit(unit, Unfit::Several(ids)))
            }
        }
    }

    async fn business_unit_of_id(&self, id: Uuid) -> Result<Vec<Found>, Error> {
        let call = Call::get(OPERATION, format!("businessunits({id})?$select={KEY},name,isdisabled"));
        let read = |answer: &Answer| {
            let found = Found::of(&answer.row()?)?;
            if found.id != id {
                return Err(Odd::Unexpected(format!("`{KEY}` is that of another row")));
            }
            Ok(vec![found])
        };
        self.client().call(&call, read).await
    }

    /// Finds the units of exactly this name; the filter takes others of other case for it, too.
    async fn business_units_of_name(&self, name: &str) -> Result<Vec<Found>, Error> {
        let filter = format!("name%20eq%20{}", odata::literal(name));
        let path = format!("businessunits?$select={KEY},name,isdisabled&$filter={filter}");
        let strangers = Strangers::default();
        let found = self.client().rows(OPERATION, path, KEY, |row| {
            let is_meant = row.text("name")?.trim() == name;
            if !is_meant && row.text("name")?.to_lowercase() != name.to_lowercase() {
                strangers.note();
            }
            is_meant.then(|| Found::of(row)).transpose()
        });
        let found = found.await?;
        if found.is_empty() {
            strangers.allow_absence(OPERATION)?;
        }
        Ok(found)
    }
}

impl Found {
    fn of(row: &Row) -> Result<Self, Odd> {
        Ok(Self {
            id: row.guid(KEY)?,
            is_disabled: row.flag_or_null("isdisabled")?.unwrap_or(false),
        })
    }
}

/// Says why a unit cannot own segments, as the destination names it.
pub(super) fn unfit(unit: &impl ToString, why: Unfit) -> Error {
    Error::BusinessUnitUnknown {
        unit: unit.to_string(),
        why: Box::new(why),
    }
}
