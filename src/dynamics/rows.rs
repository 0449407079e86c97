//! Reading lists of rows, page by page: every page must lead on, and every row be one that was not there before.

use super::call::{Answer, Call, Odd};
use super::client::Client;
use super::error::Error;
use super::json::Row;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use uuid::Uuid;

/// The most pages of a list: the longest one asked for are the 400 contacts of a look-up, and a server may serve one row a
/// page.
const MOST_PAGES: usize = 500;
/// The most rows of a list: an organization has 13,000 segments at most (Microsoft's fair use policy), and a server that
/// ignores the filter answers with all of them.
const MOST_ROWS: usize = 20_000;
/// The most rows of one page (Microsoft, "Page results").
pub(super) const MOST_ON_A_PAGE: usize = 5_000;
/// The most rows that `@odata.count` counts (Microsoft, "Count number of rows").
const MOST_COUNTED: u64 = 5_000;

/// Notes the rows of a list that nobody asked for: a server that sends them has not looked for what was asked, so that what
/// is missing from the list proves nothing.
#[derive(Default)]
pub(super) struct Strangers(AtomicBool);

impl Strangers {
    /// Notes one.
    pub(super) fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Refuses to conclude that something is absent, where there was one.
    pub(super) fn allow_absence(&self, operation: &'static str) -> Result<(), Error> {
        if self.0.load(Ordering::Relaxed) {
            let what = "it holds rows that were not asked for, so that what is missing proves nothing";
            return Err(Error::unexpected(operation, what));
        }
        Ok(())
    }
}

/// One page of rows.
struct Page {
    rows: Vec<Row>,
    /// How many rows the whole list has, where the server says it.
    count: Option<u64>,
    /// Where the next page is, to be followed as it stands.
    next: Option<String>,
}

impl Client {
    /// Reads all pages of a list and returns what `take` makes of each row; it returns nothing for rows that are not ours.
    ///
    /// `path` has a query. Whatever the server filters is no more than a help: `take` compares again.
    pub(super) async fn rows<T>(
        &self,
        operation: &'static str,
        path: String,
        key: &str,
        take: impl Fn(&Row) -> Result<Option<T>, Odd>,
    ) -> Result<Vec<T>, Error> {
        let odd = |what: &str| Error::unexpected(operation, what);
        let mut taken = Vec::new();
        let mut ids: HashSet<Uuid> = HashSet::new();
        let mut links: HashSet<String> = HashSet::new();
        let mut counted = None;
        let set = path.split('?').next().unwrap_or_default().to_owned();
        let mut next = Some(format!("{path}&$count=true"));
        while let Some(link) = next {
            if !links.insert(link.clone()) {
                return Err(odd("its pages lead in a circle"));
            }
            if links.len() > MOST_PAGES {
                return Err(odd("its pages do not end"));
            }
            let read = |answer: &Answer| {
                let page = Page::of(answer)?;
                let rows = page.rows.iter().map(|row| Ok((row.guid(key)?, take(row)?)));
                let rows: Vec<_> = rows.collect::<Result<_, Odd>>()?;
                Ok((rows, page.count, page.next))
            };
            let (rows, count, following) = self.call(&Call::get(operation, link), read).await?;
            if rows.is_empty() && following.is_some() {
                return Err(odd("a page without rows leads to another one"));
            }
            for (id, row) in rows {
                if !ids.insert(id) {
                    return Err(odd("it holds the same row twice"));
                }
                taken.extend(row);
            }
            if ids.len() > MOST_ROWS {
                return Err(odd("its rows do not end"));
            }
            counted = counted.or(count);
            next = following;
            if next.as_deref().is_some_and(|next| !self.leads_to(next, &set)) {
                return Err(odd("its next page is not one of the same list"));
            }
        }
        let missing = counted.filter(|count| *count < MOST_COUNTED && (ids.len() as u64) < *count);
        match missing {
            Some(count) => Err(odd(&format!("`@odata.count` is {count}, and {} rows came", ids.len()))),
            None => Ok(taken),
        }
    }

    /// Returns whether a link leads to a set of the Web API; where it leads outside of the organization, following it fails.
    fn leads_to(&self, link: &str, set: &str) -> bool {
        let paths = self.path_of(link).zip(self.path_of(set));
        paths.is_some_and(|(link, set)| link.eq_ignore_ascii_case(&set))
    }
}

impl Page {
    fn of(answer: &Answer) -> Result<Self, Odd> {
        let mut envelope = answer.row()?;
        let of_the_envelope = |field| {
            if envelope.has(field) {
                envelope.text_or_null(field)
            } else {
                Ok(None)
            }
        };
        let next = of_the_envelope("@odata.nextLink")?.map(str::to_owned);
        // A count of -1 says that nobody counted.
        let count = if envelope.has("@odata.count") {
            u64::try_from(envelope.number("@odata.count")?).ok()
        } else {
            None
        };
        Ok(Self {
            rows: envelope.take_rows("value")?,
            count,
            next,
        })
    }
}
