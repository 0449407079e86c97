//! Whether the application user may create segments that a business unit owns, as far as Dynamics tells before any is created.
//!
//! Dataverse says at which depth a user holds a privilege and of which unit. Nobody documents what it makes of several roles:
//! it may answer each, or the highest alone. So a "no" counts only where the user's roles, which are read one by one, hold
//! nothing that the answer could have left out.

use super::business_unit::{KEY, OPERATION, Unfit, unfit};
use super::call::{Answer, Call, Odd};
use super::error::Error;
use super::json::Row;
use super::odata;
use super::segment::Dataverse;
use std::time::Duration;
use tokio::time::timeout;
use uuid::Uuid;

/// The privilege by Microsoft's rule: `prv`, the verb, and the schema name of the table.
pub(super) const CREATE: &str = "prvCreatemsdynmkt_segment";

/// How long the look may take: what cannot be told soon is told by the create itself.
const LONGEST_LOOK: Duration = Duration::from_secs(20);

/// How many units are above another one at most.
const MOST_LEVELS: usize = 20;

const LOOK: &str = "find out where segments may be created";

/// Where the application user holds the privilege.
struct Grant {
    depth: Depth,
    /// The business unit that the depth begins at.
    unit: Uuid,
}

/// How far a privilege reaches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// One unit, or the user's own rows there.
    Unit,
    /// A unit and all below it.
    Below,
    /// The whole organization.
    Everywhere,
}

impl Dataverse {
    /// Fails where the application user may clearly not create segments of the destination's business unit.
    ///
    /// What cannot be told is left to the create: an answer that is refused, late, or not understood.
    pub async fn check_may_create(&self) -> Result<(), Error> {
        let Some(unit) = self.0.business_unit else {
            return Ok(());
        };
        match timeout(LONGEST_LOOK, self.may_create(unit)).await {
            Ok(Ok(false)) => Err(unfit(&unit, Unfit::NotGranted)),
            Ok(Ok(true)) | Err(_) => Ok(()),
            Ok(Err(error)) => {
                tracing::info!(error = %error, "whether segments may be created in the business unit is left to the create");
                Ok(())
            }
        }
    }

    /// Returns whether a segment may be created there; an error where that cannot be told.
    async fn may_create(&self, unit: Uuid) -> Result<bool, Error> {
        let user = self.user().await?;
        let grants = self.grants(user).await?;
        if grants.is_empty() {
            return self.knows_the_privilege().await.map(|()| false);
        }
        let above = if grants.iter().any(|grant| grant.depth == Depth::Below) {
            self.units_above(unit).await?
        } else {
            Vec::new()
        };
        if grants.iter().any(|grant| grant.reaches(unit, &above)) {
            return Ok(true);
        }
        let roles = self.units_of_roles(user).await?;
        let is_seen = |grant: &Grant| roles.contains(&grant.unit);
        let may_reach = |of: &Uuid| *of == unit || above.contains(of);
        if !grants.iter().all(is_seen) || roles.iter().any(may_reach) {
            return Err(Error::unexpected(
                LOOK,
                "the roles of the application user may say more than its privileges",
            ));
        }
        Ok(false)
    }

    /// Reads where a user holds the privilege, by roles of its own and of its teams.
    async fn grants(&self, user: Uuid) -> Result<Vec<Grant>, Error> {
        let name = odata::literal(CREATE);
        let function = format!("Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeName(PrivilegeName={name})");
        let call = Call::get(LOOK, format!("systemusers({user})/{function}"));
        let read = |answer: &Answer| {
            whole(&mut answer.row()?, "RolePrivileges")?
                .iter()
                .map(Grant::of)
                .collect()
        };
        self.client().call(&call, read).await
    }

    /// Fails unless there is a privilege of this very name: nobody holds one that does not exist.
    async fn knows_the_privilege(&self) -> Result<(), Error> {
        let filter = format!("name%20eq%20{}", odata::literal(CREATE));
        let path = format!("privileges?$select=privilegeid,name&$filter={filter}");
        let found = self.client().rows(LOOK, path, "privilegeid", |row| {
            Ok((row.text("name")? == CREATE).then_some(()))
        });
        match found.await?[..] {
            [()] => Ok(()),
            _ => Err(Error::unexpected(LOOK, "there is no privilege to create segments")),
        }
    }

    /// Returns the units above one, from the nearest to the top.
    async fn units_above(&self, unit: Uuid) -> Result<Vec<Uuid>, Error> {
        const PARENT: &str = "_parentbusinessunitid_value";
        let (mut above, mut below) = (Vec::new(), unit);
        while above.len() < MOST_LEVELS {
            let call = Call::get(OPERATION, format!("businessunits({below})?$select={KEY},{PARENT}"));
            let read = |answer: &Answer| {
                let row = answer.row()?;
                if row.guid(KEY)? != below {
                    return Err(Odd::Unexpected(format!("`{KEY}` is that of another row")));
                }
                row.text_or_null(PARENT)?.map(|_| row.guid(PARENT)).transpose()
            };
            let Some(parent) = self.client().call(&call, read).await? else {
                return Ok(above);
            };
            above.push(parent);
            below = parent;
        }
        Err(Error::unexpected(OPERATION, "the business units above it do not end"))
    }

    /// Returns the business units of all roles that a user has, by itself or as a member of teams.
    async fn units_of_roles(&self, user: Uuid) -> Result<Vec<Uuid>, Error> {
        const UNIT: &str = "_businessunitid_value";
        let role = format!("$select=roleid,{UNIT}");
        let own = format!("systemusers({user})/systemuserroles_association?{role}");
        let own = self.client().rows(LOOK, own, "roleid", |row| row.guid(UNIT).map(Some));
        let teams = format!(
            "systemusers({user})/teammembership_association?$select=teamid&$expand=teamroles_association({role})"
        );
        let teams = self.client().rows(LOOK, teams, "teamid", |row| {
            let roles = whole(&mut row.clone(), "teamroles_association")?;
            let units: Result<Vec<_>, _> = roles.iter().map(|role| role.guid(UNIT)).collect();
            units.map(Some)
        });
        let (own, teams) = tokio::try_join!(own, teams)?;
        Ok(teams.into_iter().flatten().chain(own).collect())
    }
}

impl Grant {
    fn of(row: &Row) -> Result<Self, Odd> {
        if !row.text("PrivilegeName")?.eq_ignore_ascii_case(CREATE) {
            return Err(Odd::Unexpected("`PrivilegeName` is another one".to_owned()));
        }
        let depth = match row.text("Depth")? {
            "Basic" | "Local" => Depth::Unit,
            "Deep" => Depth::Below,
            "Global" => Depth::Everywhere,
            _ => return Err(Odd::Unexpected("`Depth` is none that is known".to_owned())),
        };
        let unit = row.guid("BusinessUnitId")?;
        Ok(Self { depth, unit })
    }

    /// Returns whether the privilege holds for the rows of a unit, which has these `above` it.
    fn reaches(&self, unit: Uuid, above: &[Uuid]) -> bool {
        match self.depth {
            Depth::Unit => self.unit == unit,
            Depth::Below => self.unit == unit || above.contains(&self.unit),
            Depth::Everywhere => true,
        }
    }
}

/// Takes a list out of an answer that has all of it.
fn whole(row: &mut Row, field: &str) -> Result<Vec<Row>, Odd> {
    if row.has("@odata.nextLink") || row.has(&format!("{field}@odata.nextLink")) {
        return Err(Odd::Unexpected(format!("`{field}` is not whole")));
    }
    row.take_rows(field)
}
