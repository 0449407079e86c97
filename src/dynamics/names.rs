//! What segments are called that may have been meant, where none has the name that was asked for.

use super::call::{Answer, Call};
use super::rows::MOST_ON_A_PAGE;
use super::segment::{Dataverse, OWNER, SEGMENT_KEY, SEGMENT_NAME, SOURCE, is_deleted};
use crate::domain::{NearNames, SegmentName};
use std::time::Duration;
use tokio::time::timeout;

/// How long the look may take: what only informs keeps no load waiting.
const LONGEST_LOOK: Duration = Duration::from_secs(10);

impl Dataverse {
    /// Looks for segments whose names come near this one, among as many as a page has.
    ///
    /// What it finds only informs: it is one call, which is not repeated, and whose failure is nobody's.
    pub async fn names_near(&self, name: &SegmentName) -> NearNames {
        let of_the_unit = self
            .0
            .business_unit
            .map(|unit| format!("%20and%20{OWNER}%20eq%20{unit}"));
        let path = format!(
            "msdynmkt_segments?$select={SEGMENT_KEY},{SEGMENT_NAME},statuscode,statecode&$filter={SOURCE}%20eq%2012{}&$top={MOST_ON_A_PAGE}",
            of_the_unit.unwrap_or_default()
        );
        let call = Call::get("look for names that come near", path);
        let read = |answer: &Answer| {
            let rows = answer.row()?.take_rows("value")?;
            let there = rows.iter().filter(|row| !is_deleted(row).unwrap_or(true));
            let names = there.filter_map(|row| row.text(SEGMENT_NAME).ok());
            Ok(NearNames::among(names.map(str::to_owned), name.as_str()))
        };
        let looked = timeout(LONGEST_LOOK, self.client().once(&call, read)).await;
        looked.ok().flatten().unwrap_or(NearNames::UNKNOWN)
    }
}
