//! Where the last sweep was: the next one begins behind it, so that no segment keeps the others from their turn for ever.

use super::store::{Error, Heads};
use crate::domain::Home;
use crate::s3::{Missing, Reason};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The last head that a sweep has set out to work on; written before it does.
///
/// It decides on nothing but who comes first: one that is lost, damaged or moved by another sweep costs nobody anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bookmark {
    /// The key of the head.
    pub behind: Option<String>,
    /// Where the sweeps of other homes were, by the home.
    pub others: BTreeMap<String, String>,
    /// What a write must name to replace the bookmark; `None` if there is none yet.
    pub etag: Option<String>,
}

/// The bookmarks of all homes as they lie in S3.
#[derive(Serialize, Deserialize)]
struct Kept {
    v: u32,
    behind: BTreeMap<String, String>,
}

/// Names a home among others.
fn name(home: &Home) -> String {
    let unit = home.business_unit.iter().map(|unit| format!("/{unit}"));
    [home.environment.clone()].into_iter().chain(unit).collect()
}

impl Heads {
    /// The version of the bookmark's format.
    const BOOKMARK_VERSION: u32 = 2;

    /// Reads the bookmark; one that cannot be understood is none, and is written over.
    pub async fn bookmark(&self) -> Result<Bookmark, Error> {
        let key = self.own.keys.bookmark();
        let read = match self.own.read(&key).await {
            Err(Reason::Missing(missing)) if missing != Missing::Bucket => return Ok(Bookmark::default()),
            read => read.map_err(|reason| self.failure(reason, &key, "read"))?,
        };
        let kept = serde_json::from_slice::<Kept>(&read.content).ok();
        let kept = kept.filter(|kept| kept.v == Self::BOOKMARK_VERSION);
        let mut others = kept.map(|kept| kept.behind).unwrap_or_default();
        Ok(Bookmark {
            behind: others.remove(&name(&self.home)),
            others,
            etag: Some(read.etag),
        })
    }

    /// Moves the bookmark to a head, unless another sweep has moved it meanwhile.
    pub async fn move_bookmark(&self, from: &Bookmark, behind: &str) -> Result<Option<Bookmark>, Error> {
        let mut kept = Kept {
            v: Self::BOOKMARK_VERSION,
            behind: from.others.clone(),
        };
        kept.behind.insert(name(&self.home), behind.to_owned());
        // Plain fields, which always serialize.
        let body = serde_json::to_vec(&kept).unwrap_or_default();
        let etag = self.put(&self.own.keys.bookmark(), body, from.etag.as_deref()).await?;
        Ok(etag.map(|etag| Bookmark {
            behind: Some(behind.to_owned()),
            others: from.others.clone(),
            etag: Some(etag),
        }))
    }
}
