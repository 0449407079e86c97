//! Reading the members of a group.

use super::call::{Answer, Call};
use super::encoding::MemberList;
use super::error::Error;
use super::group::{Group, GroupId};
use super::paging::{Paging, Wrong};
use super::refusal::{Kind, Refusal};
use super::segment::{Dataverse, SegmentId};
use super::{json, retry};
use crate::domain::ContactId;
use serde::Serialize;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::task::JoinSet;
use tracing::Instrument as _;

const OPERATION: &str = "list the members of a group";

/// So often a list is read that changes under the reader's eyes, or that a server does not lead to its end.
const READINGS: u32 = 3;

/// The size of member pages that this server accepts, learned once for all groups.
pub(super) struct PageSize(AtomicUsize);

impl PageSize {
    /// The sizes to try: public clients read 5,000 at a time, and the maximum is not documented. Members can be listed
    /// whatever a server takes, if need be one by one.
    const SIZES: [usize; 11] = [5_000, 2_500, 1_000, 500, 250, 100, 50, 20, 10, 5, 1];

    fn smaller_than(size: usize) -> Option<usize> {
        Self::SIZES.into_iter().find(|smaller| *smaller < size)
    }
}

impl Default for PageSize {
    fn default() -> Self {
        Self(AtomicUsize::new(Self::SIZES[0]))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListRequest<'a> {
    segment_id: String,
    group_id: &'a GroupId,
    page_no: usize,
    page_size: usize,
}

/// Why the pages of a group made no list.
enum Failed {
    Call(Error),
    /// The pages do not fit together.
    Disorder(&'static str),
}

impl Dataverse {
    /// Lists the members of a group, in ascending order and each once.
    ///
    /// With a good guess of their number (`expected`) the pages are read at once; 0 is no guess. Pages that do not fit
    /// together are read again: somebody else may have changed the group meanwhile.
    pub async fn list_members(
        &self,
        segment: SegmentId,
        group: &GroupId,
        expected: usize,
    ) -> Result<Vec<ContactId>, Error> {
        let mut readings = 1;
        loop {
            match self.members_once(segment, group, expected).await {
                Ok(ids) => return Ok(ids),
                Err(Failed::Disorder(what)) if readings < READINGS => {
                    tracing::info!(what, readings, "the members are listed again");
                    self.client().fence.sleep(retry::BACKOFF.jittered(readings)).await?;
                    readings += 1;
                }
                Err(Failed::Disorder(what)) => return Err(Error::unexpected(OPERATION, what)),
                Err(Failed::Call(error)) => return Err(error),
            }
        }
    }

    async fn members_once(
        &self,
        segment: SegmentId,
        group: &GroupId,
        expected: usize,
    ) -> Result<Vec<ContactId>, Failed> {
        let (asked, mut ids) = self.first_page(segment, group).await?;
        let step = ids.len();
        ids.reserve_exact(expected.min(Group::MAX_MEMBERS).saturating_sub(step));
        let mut paging = Paging::new(asked, expected, self.0.max_concurrent);
        // Page 1 is always the first to be asked for.
        paging.next();
        paging.read(1, step)?;
        let mut contents = HashSet::from([content(&ids)]);
        let mut pages = JoinSet::new();
        loop {
            while let Some(number) = paging.next() {
                let (this, group) = (self.clone(), group.clone());
                let page = async move { (number, this.page(segment, &group, number, asked).await) };
                pages.spawn(page.in_current_span());
            }
            let Some(joined) = pages.join_next().await else { break };
            let (number, page) = joined.map_err(|_| Failed::Disorder("a page was not read to its end"))?;
            let page = page?;
            paging.read(number, page.len())?;
            if !page.is_empty() && !contents.insert(content(&page)) {
                return Err(Failed::Disorder("the same page comes again"));
            }
            ids.extend(page);
        }
        let listed = ids.len();
        ids.sort_unstable();
        ids.dedup();
        ids.shrink_to_fit();
        if ids.len() > Group::MAX_MEMBERS {
            return Err(Failed::from(Wrong::NoEnd));
        }
        if listed > 0 && listed - ids.len() >= step {
            return Err(Failed::Disorder("as many members as a page has come twice"));
        }
        Ok(ids)
    }

    /// Reads page 1; asks for smaller pages where the server refuses the size, and remembers what it took.
    async fn first_page(&self, segment: SegmentId, group: &GroupId) -> Result<(usize, Vec<ContactId>), Error> {
        let accepted = &self.0.page_size.0;
        let mut size = accepted.load(Ordering::Relaxed);
        loop {
            match self.page(segment, group, 1, size).await {
                Err(Error::DynamicsRefused(refusal)) if may_be_about_the_size(&refusal) => {
                    match PageSize::smaller_than(size) {
                        Some(smaller) => size = smaller,
                        None => return Err(Error::DynamicsRefused(refusal)),
                    }
                }
                Err(error) => return Err(error),
                Ok(ids) => {
                    accepted.fetch_min(size, Ordering::Relaxed);
                    return Ok((size, ids));
                }
            }
        }
    }

    async fn page(
        &self,
        segment: SegmentId,
        group: &GroupId,
        page_no: usize,
        page_size: usize,
    ) -> Result<Vec<ContactId>, Error> {
        let body = ListRequest {
            segment_id: segment.to_string(),
            group_id: group,
            page_no,
            page_size,
        };
        let call = Call::action(OPERATION, Kind::Read, "msdynmkt_ListGroupMembers", &body);
        self.client()
            .call(&call, |answer: &Answer| {
                json::parsed::<MemberList>(
                    &answer.body,
                    "it holds no list of contact ids, or an element that is none",
                )
                .map(|list| list.0)
            })
            .await
    }
}

/// A plug-in's refusal is 400 or its own exception; what else it may be about no status tells.
fn may_be_about_the_size(refusal: &Refusal) -> bool {
    refusal.status == 400 || &*refusal.code == "0x80040265"
}

/// Tells pages apart by what they hold.
fn content(page: &[ContactId]) -> u64 {
    let mut hasher = DefaultHasher::new();
    page.hash(&mut hasher);
    hasher.finish()
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Call(error)
    }
}

impl From<Wrong> for Failed {
    fn from(wrong: Wrong) -> Self {
        Self::Disorder(match wrong {
            Wrong::Hole => "there are members behind an empty page",
            Wrong::NoEnd => "it lists more members than the 200,000 that a group may have",
        })
    }
}
