//! The status page as an object in S3: looked at first, then written only in place of what was there.
//!
//! Whoever writes it has looked at the heads after it was last written. So whoever finds twice that others were faster may leave
//! it at that: the second of them has seen the same heads, or later ones.

use super::store::Error;
use crate::s3::{Look, Missing, Only, Own, Reason};
use chrono::{DateTime, TimeDelta, Utc};

/// The page that lies there.
#[derive(Debug)]
pub struct Page(Look);

impl Page {
    /// How old a page may be of which nothing has changed but the time: whoever reads it sees that the program lives.
    const LONGEST_UNWRITTEN: TimeDelta = TimeDelta::hours(1);

    /// Looks at the page; `None` if there is none.
    pub(crate) async fn look(own: &Own) -> Result<Option<Self>, Error> {
        let key = own.keys.page();
        let found = own.look(&key).await;
        let found = found.map_err(|reason| Error::of(reason, &own.bucket, &key, "read"))?;
        Ok(found.map(Self))
    }

    /// Returns whether the page shows this, and not for so long that it has to be written again.
    pub fn shows(&self, this: &str, now: DateTime<Utc>) -> bool {
        let is_young = |written| now.signed_duration_since(written) < Self::LONGEST_UNWRITTEN;
        self.0.note.as_deref() == Some(this) && self.0.written.is_some_and(is_young)
    }

    /// Writes a page in place of the one that was found, or where there was none; returns whether it was written.
    ///
    /// `shows` is what tells it from others that show something else.
    pub(crate) async fn write(own: &Own, found: Option<&Self>, shows: &str, html: String) -> Result<bool, Error> {
        let key = own.keys.page();
        let only = found.map_or(Only::New, |page| Only::InPlaceOf(&page.0.etag));
        match own.put_page(&key, shows, html, only).await {
            Ok(()) => Ok(true),
            Err(Reason::Changed | Reason::Conflict | Reason::Missing(Missing::Object)) => Ok(false),
            Err(reason) => Err(Error::of(reason, &own.bucket, &key, "written")),
        }
    }
}
