//! Looking contacts up, so that what is none is known before it is written.

use super::error::Error;
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

impl Dataverse {
    /// Returns those of the ids that are no contacts of this environment, or none that the application user may read.
    ///
    /// Sorted. An inactive contact is one.
    pub async fn missing_contacts(&self, ids: &[ContactId]) -> Result<Vec<ContactId>, Error> {
        let lookups = ids.chunks(IDS_PER_REQUEST).map(|chunk| self.missing_of(chunk));
        let missing: Vec<Vec<ContactId>> = stream::iter(lookups)
            .buffer_unordered(REQUESTS_AHEAD)
            .try_collect()
            .await?;
        let mut missing = missing.concat();
        missing.sort_unstable();
        Ok(missing)
    }

    async fn missing_of(&self, ids: &[ContactId]) -> Result<Vec<ContactId>, Error> {
        let strangers = Strangers::default();
        let asked: HashSet<&ContactId> = ids.iter().collect();
        let found = self
            .client()
            .rows(OPERATION, path(ids), "contactid", |row| {
                let id = ContactId::from_bytes(row.guid("contactid")?.into_bytes());
                if !id.is_some_and(|id| asked.contains(&id)) {
                    strangers.note();
                }
                Ok(id)
            })
            .await;
        let mut found: Vec<ContactId> = found?;
        found.sort_unstable();
        let is_missing = |id: &ContactId| found.binary_search(id).is_err();
        let missing: Vec<_> = ids.iter().copied().filter(is_missing).collect();
        if !missing.is_empty() {
            strangers.allow_absence(OPERATION)?;
        }
        Ok(missing)
    }
}

/// Asks for the rows of these ids; the values of `In` are text, also where the column is a GUID.
fn path(ids: &[ContactId]) -> String {
    let mut path = String::from(
        "contacts?$select=contactid&$filter=Microsoft.Dynamics.CRM.In(PropertyName=%27contactid%27,PropertyValues=[",
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
