//! Names of tables, columns and actions that this program sends: where Dynamics quotes one, it is no data, and whoever is on call
//! needs it.

const TABLES: [&str; 5] = [
    "businessunit",
    "contact",
    "msdynmkt_journey",
    "msdynmkt_segment",
    "msdynmkt_segmentdefinition",
];

const COLUMNS: [&str; 28] = [
    "_masterid_value",
    "_owningbusinessunit_value",
    "businessunitid",
    "contactid",
    "isdisabled",
    "msdynmkt_baseentitylogicalname",
    "msdynmkt_cdmpartitionprimarykeycolumn",
    "msdynmkt_computationfinishedon",
    "msdynmkt_computationstartedon",
    "msdynmkt_computationstatus",
    "msdynmkt_dependentsegmentids",
    "msdynmkt_description",
    "msdynmkt_disablesegmentrefresh",
    "msdynmkt_displayname",
    "msdynmkt_membercount",
    "msdynmkt_name",
    "msdynmkt_publishedjourneycount",
    "msdynmkt_scope",
    "msdynmkt_segmentdefinitionid",
    "msdynmkt_segmentid",
    "msdynmkt_segmentquery",
    "msdynmkt_source",
    "msdynmkt_sourcesegmentuid",
    "msdynmkt_staticlistmembers",
    "msdynmkt_type",
    "owningbusinessunit",
    "statecode",
    "statuscode",
];

const ACTIONS: [&str; 6] = [
    "msdynmkt_AddStaticMembers",
    "msdynmkt_ListGroupMembers",
    "msdynmkt_MembersList",
    "msdynmkt_PublishSegmentDefinition",
    "msdynmkt_RemoveStaticMembers",
    "msdynmkt_StopSegments",
];

/// The namespace of Dataverse's types.
const NAMESPACE: &str = "Microsoft.Dynamics.CRM.";

/// Returns whether a word is the name of something that this program asks for, be it as a type or as a set.
pub(super) fn is_ours(word: &str) -> bool {
    let word = word.strip_prefix(NAMESPACE).unwrap_or(word);
    let is_table = |word: &str| TABLES.contains(&word);
    is_table(word) || word.strip_suffix('s').is_some_and(is_table) || COLUMNS.contains(&word) || ACTIONS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_ours_are_known_and_nothing_else_is() {
        for word in [
            "msdynmkt_source",
            "Microsoft.Dynamics.CRM.msdynmkt_segmentdefinition",
            "msdynmkt_segments",
            "contacts",
            "msdynmkt_MembersList",
        ] {
            assert!(is_ours(word), "{word}");
        }
        for word in [
            "",
            "Ann Smith",
            "msdynmkt_sources of Ann",
            "Summer Sale",
            "MSDYNMKT_SOURCE",
        ] {
            assert!(!is_ours(word), "{word}");
        }
    }
}
