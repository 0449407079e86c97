//! The member list of `msdynmkt_ListGroupMembers` in all the encodings that were seen or documented.

use crate::domain::ContactId;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// The ids of one page in the order of the answer.
///
/// Accepts `{"Response": list}` where the list is an object with `entityIds` or a bare array, as JSON or as a string that
/// holds JSON, and whose elements are one id each or several ids with commas between. An answer without any list, or with
/// two, is an error, and so is an element without an id: taking it for an empty group would be far worse.
pub(super) struct MemberList(pub(super) Vec<ContactId>);

/// The names under which the list or its envelope were seen.
const KEYS: [&str; 3] = ["Response", "entityIds", "members"];

impl<'de> Deserialize<'de> for MemberList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor).map(Self)
    }
}

struct ListVisitor;

impl<'de> Visitor<'de> for ListVisitor {
    type Value = Vec<ContactId>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of contact ids")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        if text.trim_start().starts_with(['{', '[']) {
            // The inner message is dropped, since it may quote ids.
            let inner: Result<MemberList, _> = serde_json::from_str(text);
            return inner
                .map(|list| list.0)
                .map_err(|_| E::custom("a broken list inside the answer"));
        }
        let mut ids = Vec::new();
        push_all(text, &mut ids)?;
        Ok(ids)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut ids = Vec::new();
        let mut elements_read = 0;
        let mut has_empty_one = false;
        while let Some(is_empty) = elements.next_element_seed(Element(&mut ids))? {
            elements_read += 1;
            has_empty_one |= is_empty;
        }
        // One element that joins no ids at all is empty; among others it is one without an id.
        if has_empty_one && elements_read > 1 {
            return Err(A::Error::custom("an element without a contact id"));
        }
        Ok(ids)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = fields.next_key::<String>()? {
            if KEYS.iter().any(|known| key.eq_ignore_ascii_case(known)) {
                let list = fields.next_value::<MemberList>()?.0;
                if found.replace(list).is_some() {
                    return Err(A::Error::custom("an answer with two lists of contact ids"));
                }
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        found.ok_or_else(|| A::Error::custom("an answer without a list of contact ids"))
    }
}

/// One element of the array; its ids go straight into the list, without a string of their own. Returns whether it has none.
struct Element<'a>(&'a mut Vec<ContactId>);

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Element<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a contact id")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
        if text.trim().is_empty() {
            return Ok(true);
        }
        push_all(text, self.0)?;
        Ok(false)
    }
}

fn push_all<E: Error>(text: &str, ids: &mut Vec<ContactId>) -> Result<(), E> {
    for id in text.split(',') {
        ids.push(ContactId::parse(id.as_bytes()).ok_or_else(|| E::custom("something that is no contact id"))?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const A: &str = "8f2a1c34-5b6d-4e7f-8a9b-0c1d2e3f4a5b";
    const B: &str = "11111111-5b6d-4e7f-8a9b-0c1d2e3f4a5b";

    #[test]
    fn every_known_encoding_is_the_same_list() {
        let expected: Vec<_> = [A, B]
            .iter()
            .map(|id| ContactId::parse(id.as_bytes()).unwrap())
            .collect();
        let lists = [
            json!([A, B]),
            json!([format!("{A},{B}")]),
            json!([format!(" {A} "), B.to_uppercase()]),
            json!([format!("{A}, {{{B}}}")]),
        ];
        for list in lists {
            let object = json!({"additionalProperties": {"x": [1]}, "entityIds": list});
            for response in [json!(object.to_string()), object, json!(list.to_string()), list] {
                let answer = json!({"@odata.context": "x", "Response": response}).to_string();
                let read: MemberList = serde_json::from_str(&answer).unwrap();
                assert!(read.0 == expected, "{answer}");
            }
        }
    }

    #[test]
    fn an_empty_list_is_empty_in_every_encoding() {
        for response in [
            json!("{\"entityIds\":[]}"),
            json!("[]"),
            json!([]),
            json!([""]),
            json!("{\"entityIds\":[\"\"]}"),
        ] {
            let answer = json!({"Response": response}).to_string();
            let read: MemberList = serde_json::from_str(&answer).unwrap();
            assert!(read.0.is_empty(), "{answer}");
        }
    }

    #[test]
    fn what_holds_no_list_is_never_taken_for_an_empty_group() {
        for answer in [
            json!({}),
            json!({"Result": []}),
            json!({"Response": {}}),
            json!({"Response": "{\"ids\":[]}"}),
            json!({"Response": "{\"entityIds\":[\"8f2a1c34"}),
            json!({"Response": "busy"}),
            json!({"Response": [7]}),
            json!({"Response": ["no id"]}),
            json!({"Response": null}),
            json!({"Response": ""}),
            json!({"Response": {"entityIds": null}}),
            json!({"Response": [A, ""]}),
            json!({"Response": [A, null]}),
            json!({"Response": [{"contactid": A}]}),
            json!({"Response": [format!("{A},,{B}")]}),
            json!({"Response": [format!("{A},")]}),
            json!({"Response": ["00000000-0000-0000-0000-000000000000"]}),
            json!({"Response": {"entityIds": [A], "members": []}}),
            json!({"Response": [A], "response": []}),
            json!(7),
        ] {
            let error = serde_json::from_str::<MemberList>(&answer.to_string()).err();
            assert!(error.is_some(), "{answer}");
        }
    }
}
