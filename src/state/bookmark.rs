//! Where the last sweep was: the next one begins behind it, so that no segment keeps the others from their turn for ever.

use super::store::{Error, Heads};
use crate::s3::{Missing, Reason};
use serde::{Deserialize, Serialize};

/// The last head that a sweep has set out to work on; written before it does.
///
/// It decides on nothing but an order: one that is lost, damaged or moved by another sweep costs nobody anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bookmark {
    /// The key of the head.
    pub behind: Option<String>,
    /// What a write must name to replace the bookmark; none where there is none yet.
    pub etag: Option<String>,
}

/// The bookmark as it lies in S3.
#[derive(Serialize, Deserialize)]
struct Kept {
    v: u32,
    behind: String,
}

impl Heads {
    /// The version of the bookmark's format.
    const BOOKMARK_VERSION: u32 = 1;

    /// Reads the bookmark; one that cannot be understood is none, and is written over.
    pub async fn bookmark(&self) -> Result<Bookmark, Error> {
        let key = self.0.keys.bookmark();
        let read = match self.0.read(&key).await {
            Err(Reason::Missing(missing)) if missing != Missing::Bucket => return Ok(Bookmark::default()),
            read => read.map_err(|reason| self.failure(reason, &key, "read"))?,
        };
        let kept = serde_json::from_slice::<Kept>(&read.content).ok();
        let kept = kept.filter(|kept| kept.v == Self::BOOKMARK_VERSION);
        Ok(Bookmark {
            behind: kept.map(|kept| kept.behind),
            etag: Some(read.etag),
        })
    }

    /// Moves the bookmark to a head, unless another sweep has moved it meanwhile.
    pub async fn move_bookmark(&self, from: &Bookmark, behind: &str) -> Result<Option<Bookmark>, Error> {
        let kept = Kept {
            v: Self::BOOKMARK_VERSION,
            behind: behind.to_owned(),
        };
        // Plain fields, which always serialize.
        let body = serde_json::to_vec(&kept).unwrap_or_default();
        let etag = self.put(&self.0.keys.bookmark(), body, from.etag.as_deref()).await?;
        Ok(etag.map(|etag| Bookmark {
            behind: Some(kept.behind),
            etag: Some(etag),
        }))
    }
}
