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

/// The most published members that are asked for: a group's list comes by five thousand, how theirs comes nobody says.
const MOST_MEMBERS: usize = 200_000;
/// The largest answer: as many members take 8 MB where they come at once, as the documented answer has them.
const LARGEST_ANSWER: usize = 16 * 1_024 * 1_024;
/// The most pages, of 400 members each and more.
const MOST_PAGES: usize = 500;

impl Dataverse {
    /// Returns the published members of a segment, in ascending order and each once; `None` if Dynamics does not list exactly
    /// as many as are expected, or where these are more than 200,000.
    ///
    /// How to ask for another page is not documented, and its names here are those of the answer: that the list is whole is
    /// known by the number alone.
    pub async fn published_members(
        &self,
        segment: SegmentId,
        expected: usize,
    ) -> Result<Option<Vec<ContactId>>, Error> {
        if expected > MOST_MEMBERS {
            return Ok(None);
        }
        let members = self.listed_members(segment, expected).await?;
        Ok((members.len() == expected).then_some(members))
    }

    /// Returns the published members of a segment as far as Dynamics lists them, in ascending order and each once; page after
    /// page, until it has those that are expected or no more.
    pub async fn listed_members(&self, segment: SegmentId, expected: usize) -> Result<Vec<ContactId>, Error> {
        let segment = segment.to_string();
        let mut members = self.page_of(&json!({"SegmentId": segment})).await?;
        let size = members.len();
        members.sort_unstable();
        members.dedup();
        for number in 2..=MOST_PAGES {
            if members.len() >= expected || size == 0 {
                break;
            }
            let before = members.len();
            let page = json!({"SegmentId": segment, "PageNumber": number, "PageSize": size});
            match self.page_of(&page).await {
                // A server that knows no pages may say so.
                Err(error) if error.refusal().is_some() => break,
                page => members.extend(page?),
            }
            members.sort_unstable();
            members.dedup();
            if members.len() == before {
                break;
            }
        }
        Ok(members)
    }

    async fn page_of(&self, body: &serde_json::Value) -> Result<Vec<ContactId>, Error> {
        const OPERATION: &str = "list the published members of the segment";
        let call = Call::action(OPERATION, Kind::Read, "msdynmkt_MembersList", body).at_most(LARGEST_ANSWER);
        let read = |answer: &Answer| {
            let what = "`ResultText` holds no list of contact ids, or an element that is none";
            let published: Published = json::parsed(&answer.body, what)?;
            Ok(published.members.0)
        };
        self.client().call(&call, read).await
    }
}
