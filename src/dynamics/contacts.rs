//! Looking contacts up, so that what is none is known before it is written.

use super::error::Error;
use super::json::Row;
use super::rows::Strangers;
use super::segment::Dataverse;
use crate::domain::ContactId;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::HashSet;
use std::fmt::Write as _;

const OPERATION: &str = "look the contacts up";

/// How many ids one request asks for: 18,000 characters of the 32,768 that an address may have (Dataverse's limit),
/// which leaves room for gateways that count otherwise, and far fewer rows than the 5,000 of a page.
const IDS_PER_REQUEST: usize = 400;
/// Requests prepared at once, the most that may ever be in flight; the client holds the rest back.
const REQUESTS_AHEAD: usize = 52;

/// What contacts are that are to be added, as far as it matters; each list is sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookedUp {
    /// Ids that are no contacts of this environment, or none that the application user may read.
    pub missing: Vec<ContactId>,
    /// Contacts that somebody has deactivated.
    pub inactive: Vec<ContactId>,
    /// Contacts that were merged into another one, which deactivates them.
    pub merged: Vec<ContactId>,
}

/// What a contact that is there is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Active,
    Inactive,
    Merged,
}

impl LookedUp {
    /// Joins what was looked up in parts.
    pub fn of(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::default();
        for part in parts {
            all.missing.extend(part.missing);
            all.inactive.extend(part.inactive);
            all.merged.extend(part.merged);
        }
        for list in [&mut all.missing, &mut all.inactive, &mut all.merged] {
            list.sort_unstable();
        }
        all
    }
}

impl Dataverse {
    /// Looks contacts up: which of the ids are none, which are inactive, and which were merged into others.
    pub async fn look_up(&self, ids: &[ContactId]) -> Result<LookedUp, Error> {
        let lookups = ids.chunks(IDS_PER_REQUEST).map(|chunk| self.look_up_some(chunk));
        let parts: Vec<LookedUp> = stream::iter(lookups)
            .buffer_unordered(REQUESTS_AHEAD)
            .try_collect()
            .await?;
        Ok(LookedUp::of(parts))
    }

    async fn look_up_some(&self, ids: &[ContactId]) -> Result<LookedUp, Error> {
        let strangers = Strangers::default();
        let asked: HashSet<&ContactId> = ids.iter().collect();
        let found = self
            .client()
            .rows(OPERATION, path(ids), "contactid", |row| {
                let id = ContactId::from_bytes(row.guid("contactid")?.into_bytes());
                if !id.is_some_and(|id| asked.contains(&id)) {
                    strangers.note();
                }
                Ok(id.map(|id| (id, state_of(row))))
            })
            .await;
        let mut found: Vec<(ContactId, State)> = found?;
        found.sort_unstable_by_key(|(id, _)| *id);
        let is_missing = |id: &ContactId| found.binary_search_by_key(id, |(id, _)| *id).is_err();
        let missing: Vec<_> = ids.iter().copied().filter(is_missing).collect();
        if !missing.is_empty() {
            strangers.allow_absence(OPERATION)?;
        }
        let of = |state| {
            let is_so = |(id, is): &(ContactId, State)| (*is == state && asked.contains(id)).then_some(*id);
            found.iter().filter_map(is_so).collect()
        };
        Ok(LookedUp {
            missing,
            inactive: of(State::Inactive),
            merged: of(State::Merged),
        })
    }
}

/// Reads what only informs: a contact that does not say it is taken for an active one.
fn state_of(row: &Row) -> State {
    const INACTIVE: i64 = 1;
    match row.number("statecode") {
        Ok(INACTIVE) if row.guid("_masterid_value").is_ok() => State::Merged,
        Ok(INACTIVE) => State::Inactive,
        _ => State::Active,
    }
}

/// Asks for the rows of these ids; the values of `In` are text, also where the column is a GUID.
fn path(ids: &[ContactId]) -> String {
    let mut path = String::from(
        "contacts?$select=contactid,statecode,_masterid_value&$filter=Microsoft.Dynamics.CRM.In(PropertyName=%27contactid%27,PropertyValues=[",
    );
    for (number, id) in ids.iter().enumerate() {
        let comma = if number > 0 { "," } else { "" };
        let id = uuid::Uuid::from_bytes(id.as_bytes());
        // Writing to a string can't fail.
        let _ = write!(path, "{comma}%27{id}%27");
    }
    path.push_str("])");
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_full_request_stays_well_below_the_limit() {
        let ids: Vec<_> = (1..=400_u128)
            .filter_map(|n| ContactId::from_bytes((n << 96).to_be_bytes()))
            .collect();
        let address = url::Url::parse("https://socktown.crm4.dynamics.com/api/data/v9.2/").unwrap();
        let address = address.join(&path(&ids)).unwrap();
        assert!(ids.len() == IDS_PER_REQUEST && address.as_str().len() < 20_000);
    }
}
