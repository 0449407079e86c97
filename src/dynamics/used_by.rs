//! What uses a segment: two columns that only newer releases of Journeys have.

use super::call::Odd;
use super::group::Definition;
use super::json::Row;
use super::segment::Segment;
use crate::domain::UsedBy;
use std::collections::BTreeSet;
use uuid::Uuid;

impl Segment {
    /// Returns what uses the segment; `None` if Dynamics tells nothing of it.
    pub fn used_by(&self, definition: &Definition) -> Option<UsedBy> {
        let ids = definition.dependents.as_ref();
        let used_by = UsedBy {
            journeys: self.published_journeys,
            segments: ids.map(|ids| ids.iter().map(Uuid::to_string).collect()),
        };
        used_by.told()
    }
}

/// Reads how many live journeys use a segment.
pub(super) fn journeys(row: &Row) -> Result<Option<u64>, Odd> {
    const JOURNEYS: &str = "msdynmkt_publishedjourneycount";
    if row.has(JOURNEYS) {
        row.count_or_null(JOURNEYS)
    } else {
        Ok(None)
    }
}

/// Reads which segments build on the one of a definition; nobody documents how the column lists them, so that every id in
/// it is one.
///
/// Text without any id says something that nobody understands: then it is not known whether there are any.
pub(super) fn dependents(row: &Row) -> Option<Vec<Uuid>> {
    const DEPENDENTS: &str = "msdynmkt_dependentsegmentids";
    if !row.has(DEPENDENTS) {
        return None;
    }
    let text = row.text_or_null(DEPENDENTS).ok()?.unwrap_or_default();
    let is_between = |c: char| !(c.is_ascii_hexdigit() || c == '-');
    let ids = text.split(is_between).filter_map(|id| Uuid::try_parse(id).ok());
    let ids: BTreeSet<_> = ids.collect();
    let is_empty = text.chars().all(|c| c.is_whitespace() || "[]{},;\"".contains(c));
    (is_empty || !ids.is_empty()).then(|| ids.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn the_segments_that_build_on_one_are_read_however_they_are_listed() {
        let (one, other) = (Uuid::from_u128(1 << 96), Uuid::from_u128(2 << 96));
        let several = Some(vec![one, other]);
        for (column, expected) in [
            (json!(format!("{other},{one}")), several.clone()),
            (json!(format!("[\"{one}\", \"{other}\", \"{one}\"]")), several.clone()),
            (
                json!(format!("{};SEGMENT_CJO_ID_{}", one.braced(), other.simple())),
                several,
            ),
            (Value::Null, Some(Vec::new())),
            (json!(""), Some(Vec::new())),
            (json!(" [] "), Some(Vec::new())),
            (json!("three of them"), None),
            (json!(3), None),
        ] {
            let row = Row::of(json!({"msdynmkt_dependentsegmentids": column})).unwrap();
            assert_eq!(dependents(&row), expected, "{column}");
        }
        assert_eq!(dependents(&Row::of(json!({})).unwrap()), None);
    }
}
