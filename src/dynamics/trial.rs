//! What only a trial segment needs: contacts to try with, its end.

use super::call::{Answer, Call, Odd};
use super::error::Error;
use super::group::DefinitionId;
use super::odata;
use super::refusal::Kind;
use super::segment::{Dataverse, SegmentId};
use crate::domain::{ContactId, SegmentName, SegmentStatus};
use serde_json::json;

const FIND_DEFINITIONS: &str = "find the trial segment's definition";

impl Dataverse {
    /// Returns some active contacts, whichever come first.
    pub async fn some_contacts(&self, most: usize) -> Result<Vec<ContactId>, Error> {
        let path = format!("contacts?$select=contactid,statecode&$filter=statecode%20eq%200&$top={most}");
        let read = |answer: &Answer| {
            let mut contacts = Vec::new();
            for row in answer.row()?.take_rows("value")? {
                let id = ContactId::from_bytes(row.guid("contactid")?.into_bytes());
                // 0: active.
                if row.number("statecode")? == 0 {
                    contacts.extend(id);
                }
            }
            contacts.sort_unstable();
            contacts.dedup();
            contacts.truncate(most);
            Ok(contacts)
        };
        self.client()
            .call(&Call::get("find contacts to try with", path), read)
            .await
    }

    /// Stops a published segment; returns whether Dynamics did.
    pub async fn stop_segment(&self, id: SegmentId) -> Result<bool, Error> {
        let body = json!({"SegmentIdList": [id.to_string()]});
        let call = Call::action("stop the segment", Kind::Edit, "msdynmkt_StopSegments", &body);
        let read = |answer: &Answer| {
            for result in answer.row()?.take_rows("stopSingleSegmentResults")? {
                if result.guid("SegmentId")? == id.0 {
                    return Ok(result.flag_or_null("WasStopped")?.unwrap_or(false));
                }
            }
            Err(Odd::Unexpected(
                "`stopSingleSegmentResults` does not name the segment".to_owned(),
            ))
        };
        self.client().call(&call, read).await
    }

    /// Deletes a segment's row; one that is gone is deleted.
    pub async fn delete_segment(&self, id: SegmentId) -> Result<(), Error> {
        self.delete("delete the segment", format!("msdynmkt_segments({id})"))
            .await
    }

    /// Deletes a definition's row; one that is gone is deleted.
    pub async fn delete_definition(&self, id: DefinitionId) -> Result<(), Error> {
        let row = format!("msdynmkt_segmentdefinitions({id})");
        self.delete("delete the segment's definition", row).await
    }

    /// Returns the definitions of exactly this name that no segment shows, but for deleted ones.
    pub async fn definitions_without_segment(&self, name: &SegmentName) -> Result<Vec<DefinitionId>, Error> {
        let filter = format!("msdynmkt_name%20eq%20{}", odata::literal(name.as_str()));
        let key = "msdynmkt_segmentdefinitionid";
        let path = format!("msdynmkt_segmentdefinitions?$select={key},msdynmkt_name,statuscode&$filter={filter}");
        let found = self.client().rows(FIND_DEFINITIONS, path, key, |row| {
            let is_meant = row.text("msdynmkt_name")? == name.as_str() && row.number("statuscode")? != DELETED;
            Ok(if is_meant {
                Some(DefinitionId(row.guid(key)?))
            } else {
                None
            })
        });
        let mut without = Vec::new();
        for definition in found.await? {
            if !self.is_shown(definition).await? {
                without.push(definition);
            }
        }
        Ok(without)
    }

    async fn is_shown(&self, definition: DefinitionId) -> Result<bool, Error> {
        for id in self.segments_of(FIND_DEFINITIONS, definition).await? {
            if self.segment(id).await?.status != SegmentStatus::Deleted {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn delete(&self, operation: &'static str, row: String) -> Result<(), Error> {
        match self.client().call(&Call::delete(operation, row), |_| Ok(())).await {
            Err(error) if error.is_absence() => Ok(()),
            outcome => outcome,
        }
    }
}

/// The definition's `statuscode` once it is deleted (Microsoft's segment API).
const DELETED: i64 = 723_270_003;
