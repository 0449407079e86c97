//! Reading the members of a group.

use super::call::{Answer, Call};
use super::encoding::MemberList;
use super::error::Error;
use super::group::{Group, GroupId};
use super::paging::Paging;
use super::refusal::Kind;
use super::segment::{Dataverse, SegmentId};
use crate::contact::ContactId;
use serde::Serialize;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::task::JoinSet;
use tracing::Instrument as _;

const OPERATION: &str = "list the members of a group";

/// The size of member pages that this server accepts, learned once for all groups.
pub(super) struct PageSize {
    asked: AtomicUsize,
    /// The size of a page that came back full.
    proven: AtomicUsize,
}

impl PageSize {
    /// Public clients read 5,000 at a time; the maximum is not documented.
    const FIRST: usize = 5_000;
    /// Below this a refusal has another reason than the size.
    const SMALLEST: usize = 300;
}

impl Default for PageSize {
    fn default() -> Self {
        Self {
            asked: AtomicUsize::new(Self::FIRST),
            proven: AtomicUsize::new(0),
        }
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

impl Dataverse {
    /// Lists the members of a group, in ascending order and each once.
    ///
    /// With a good guess of their number (`expected`) the pages are read at once; 0 is no guess.
    pub async fn list_members(
        &self,
        segment: SegmentId,
        group: &GroupId,
        expected: usize,
    ) -> Result<Vec<ContactId>, Error> {
        let size = &self.0.page_size;
        let (asked, mut ids) = self.first_page(segment, group).await?;
        let is_trusted = size.proven.load(Ordering::Relaxed) == asked;
        if ids.len() == asked {
            size.proven.store(asked, Ordering::Relaxed);
        }
        let first_length = ids.len();
        ids.reserve_exact(expected.min(Group::MAX_MEMBERS).saturating_sub(first_length));
        let mut paging = Paging::new(asked, is_trusted, expected, self.0.max_concurrent);
        // Page 1 is always the first to be asked for.
        paging.next();
        paging.read(first_length);
        let mut pages = JoinSet::new();
        loop {
            while let Some(number) = paging.next() {
                let (this, group) = (self.clone(), group.clone());
                let page = async move { this.page(segment, &group, number, asked).await };
                pages.spawn(page.in_current_span());
            }
            let Some(joined) = pages.join_next().await else { break };
            let page = joined.map_err(|_| odd("a page was not read to its end"))??;
            if !page.is_empty() && page == ids[..page.len().min(first_length)] {
                return Err(odd("Dynamics gives the same page again and again"));
            }
            paging.read(page.len());
            ids.extend(page);
        }
        ids.sort_unstable();
        ids.dedup();
        ids.shrink_to_fit();
        Ok(ids)
    }

    /// Reads page 1; halves the page where the server refuses its size, and remembers what it took.
    async fn first_page(&self, segment: SegmentId, group: &GroupId) -> Result<(usize, Vec<ContactId>), Error> {
        let accepted = &self.0.page_size.asked;
        let mut size = accepted.load(Ordering::Relaxed);
        loop {
            match self.page(segment, group, 1, size).await {
                Err(Error::DynamicsRefused(refusal)) if refusal.status == 400 && size / 2 >= PageSize::SMALLEST => {
                    size /= 2;
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
            .call(&call, |answer: &Answer| Ok(answer.json::<MemberList>()?.0))
            .await
    }
}

fn odd(what: &str) -> Error {
    Error::UnexpectedAnswer {
        operation: OPERATION,
        what: what.to_owned(),
    }
}
