//! Who is in a segment as it is published, whatever its draft holds.

use super::call::{Answer, Call};
use super::encoding::MemberList;
use super::error::Error;
use super::json;
use super::refusal::Kind;
use super::segment::{Dataverse, SegmentId};
use crate::domain::ContactId;
use serde::Deserialize;
use serde_json::json;

/// The answer of `msdynmkt_MembersList`.
#[derive(Deserialize)]
struct Published {
    #[serde(rename = "ResultText")]
    members: MemberList,
}

impl Dataverse {
    /// Returns the published members of a segment, in ascending order and each once: the first page of them, and as many more
    /// as it takes to come to `expected`.
    ///
    /// How to ask for another page is not documented, and its names here are those of the answer: what comes of it has to be
    /// known by something else to be whole.
    pub async fn published_members(&self, segment: SegmentId, expected: usize) -> Result<Vec<ContactId>, Error> {
        let segment = segment.to_string();
        let mut members = self.page_of(&json!({"SegmentId": segment})).await?;
        let size = members.len();
        let mut number = 1;
        while members.len() < expected {
            number += 1;
            let before = members.len();
            let page = json!({"SegmentId": segment, "PageNumber": number, "PageSize": size});
            members.extend(self.page_of(&page).await?);
            members.sort_unstable();
            members.dedup();
            if members.len() == before {
                break;
            }
        }
        Ok(members)
    }

    async fn page_of(&self, body: &serde_json::Value) -> Result<Vec<ContactId>, Error> {
        let call = Call::action(
            "list the published members of the segment",
            Kind::Read,
            "msdynmkt_MembersList",
            body,
        );
        let read = |answer: &Answer| {
            let what = "`ResultText` holds no list of contact ids, or an element that is none";
            let published: Published = json::parsed(&answer.body, what)?;
            let MemberList(mut members) = published.members;
            members.sort_unstable();
            Ok(members)
        };
        self.client().call(&call, read).await
    }
}
