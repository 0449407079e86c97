//! Listings to their end: every page must lead on.

use super::Reason;
use crate::text::percent;
use aws_sdk_s3::Client;
use aws_sdk_s3::types::{EncodingType, Object};
use std::collections::HashSet;

/// The most pages of one listing: a million objects, of 1,000 on a page.
const MOST_PAGES: usize = 1_000;

/// One page of a listing, with its keys as they are.
type Page = Vec<(String, Object)>;

/// Lists the objects under a prefix in the order of their keys, without those in folders below where there is a `delimiter`.
///
/// Every page goes to `take`, which says whether more are wanted.
pub(crate) async fn list(
    client: &Client,
    bucket: &str,
    prefix: &str,
    delimiter: Option<&str>,
    mut take: impl FnMut(Page) -> bool,
) -> Result<(), Reason> {
    let mut tokens = HashSet::new();
    let mut next: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let request = client.list_objects_v2().bucket(bucket).prefix(prefix);
        // Keys may hold characters that XML has no way to write.
        let request = request.encoding_type(EncodingType::Url);
        let page = request
            .set_delimiter(delimiter.map(str::to_owned))
            .set_continuation_token(next)
            .send()
            .await
            .map_err(|error| Reason::of(&error))?;
        let is_encoded = page.encoding_type() == Some(&EncodingType::Url);
        let is_last = !page.is_truncated().unwrap_or_default();
        let objects = page.contents.unwrap_or_default().into_iter();
        let listed: Option<Page> = objects.map(|object| keyed(object, prefix, is_encoded)).collect();
        let listed = listed.ok_or(Reason::Unavailable("a listing of other keys".into()))?;
        if !take(listed) || is_last {
            return Ok(());
        }
        // The SDK's paginator takes a missing or repeated token for the end.
        let token = page.next_continuation_token.filter(|token| !token.is_empty());
        next = token.filter(|token| tokens.insert(token.clone()));
        if next.is_none() {
            return Err(Reason::Unavailable("a listing that ends before its end".into()));
        }
    }
    Err(Reason::Unavailable("a listing that does not end".into()))
}

/// Returns an object with its key, unless that is not what was asked for.
fn keyed(object: Object, prefix: &str, is_encoded: bool) -> Option<(String, Object)> {
    let key = object.key()?;
    let key = if is_encoded {
        percent::decode_form(key)
    } else {
        key.to_owned()
    };
    key.starts_with(prefix).then_some((key, object))
}
