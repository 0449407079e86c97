//! Reading rows by their ids: what was made or listed before may be missing for a moment.

use super::call::{Answer, Call, Odd};
use super::error::Error;
use super::group::{Definition, DefinitionId};
use super::json::Row;
use super::segment::{
    DEFINITION_KEY, Dataverse, OWNER, SEGMENT_KEY, SEGMENT_NAME, Segment, SegmentId, definition_of, is_deleted,
    segment_of,
};
use std::time::Duration;
use uuid::Uuid;

/// How long a row is given to be there whose id is known: what answers may lag behind what was written, and nobody tells how
/// long.
const LAG_PAUSES: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
];

/// A segment with the name that it has now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownSegment {
    /// The name, to the letter.
    pub name: String,
    /// The business unit owns it whose segments are meant.
    pub is_of_the_unit: bool,
    /// The segment.
    pub segment: Segment,
}

/// A segment with what else its row tells.
pub(super) struct NamedSegment {
    pub(super) name: String,
    /// The business unit that owns it.
    pub(super) owner: Option<Uuid>,
    pub(super) segment: Segment,
}

impl Dataverse {
    /// Reads the segment's row as it is now.
    pub async fn segment(&self, id: SegmentId) -> Result<Segment, Error> {
        Ok(self.segment_row(id).await?.segment)
    }

    /// Reads the row of a segment that was loaded before, whatever its name and its business unit are by now; `None` if it is
    /// deleted.
    pub async fn known_segment(&self, id: SegmentId) -> Result<Option<KnownSegment>, Error> {
        let read = |row: &Row| {
            if is_deleted(row)? {
                return Ok(None);
            }
            Ok(Some(KnownSegment {
                name: row.text(SEGMENT_NAME)?.to_owned(),
                is_of_the_unit: self.is_of_the_unit(row)?,
                segment: segment_of(row)?,
            }))
        };
        match self.read_segment(id, read).await {
            Err(error) if error.is_absence() => Ok(None),
            known => known,
        }
    }

    /// Reads the segment's row with its name.
    pub(super) async fn segment_row(&self, id: SegmentId) -> Result<NamedSegment, Error> {
        let read = |row: &Row| {
            Ok(NamedSegment {
                name: row.text(SEGMENT_NAME)?.to_owned(),
                owner: row.guid(OWNER).ok(),
                segment: segment_of(row)?,
            })
        };
        self.read_segment(id, read).await
    }

    /// Reads the segment's definition.
    pub async fn definition(&self, id: DefinitionId) -> Result<Definition, Error> {
        let path = format!("msdynmkt_segmentdefinitions({id})");
        let call = Call::get("read the segment's definition", path);
        self.read_row(&call, (DEFINITION_KEY, id.0), definition_of).await
    }

    async fn read_segment<T>(&self, id: SegmentId, read: impl Fn(&Row) -> Result<T, Odd>) -> Result<T, Error> {
        let call = Call::get("read the segment", format!("msdynmkt_segments({id})"));
        self.read_row(&call, (SEGMENT_KEY, id.0), read).await
    }

    /// Reads the row with this key; one that is not there is looked for again.
    async fn read_row<T>(
        &self,
        call: &Call,
        (key, id): (&str, Uuid),
        read: impl Fn(&Row) -> Result<T, Odd>,
    ) -> Result<T, Error> {
        let read = |answer: &Answer| {
            let row = answer.row()?;
            if row.guid(key)? != id {
                return Err(Odd::Unexpected(format!("`{key}` is that of another row")));
            }
            read(&row)
        };
        let mut pauses = LAG_PAUSES.iter();
        loop {
            let answered = self.client().call(call, read).await;
            match (answered, pauses.next()) {
                (Err(error), Some(pause)) if error.is_absence() => {
                    self.client().sleep(*pause, call.operation, "HTTP 404").await?;
                }
                (answered, _) => return answered,
            }
        }
    }
}
