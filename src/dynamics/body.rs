//! Bodies of answers, none of which is read without a limit.
//!
//! How long reading takes is bounded by the request's own timeout, which covers the body.

use std::time::Duration;

/// How much of a refusal is read: its object takes a few hundred bytes, with a trace some KB.
const REFUSAL: usize = 64 * 1_024;
/// How long the body of a refusal is waited for: its status and headers say the most.
const REFUSAL_TIME: Duration = Duration::from_secs(5);
/// Room that is made for a body at once: a page of 5,000 members takes 215 KB.
const LIKELY: usize = 256 * 1_024;

/// Why there is no whole body.
pub(super) enum Error {
    /// The connection broke, or the time was up.
    Broken(reqwest::Error),
    /// There is more than the limit.
    TooLarge,
}

/// Reads a body to its end; what a header says of its length is not trusted.
pub(super) async fn whole(mut response: reqwest::Response, limit: usize) -> Result<Vec<u8>, Error> {
    let announced = response.content_length().unwrap_or(0);
    if announced > limit as u64 {
        return Err(Error::TooLarge);
    }
    let announced = usize::try_from(announced).unwrap_or(0);
    let mut body = Vec::with_capacity(announced.min(LIKELY));
    while let Some(chunk) = response.chunk().await.map_err(Error::Broken)? {
        if body.len() + chunk.len() > limit {
            return Err(Error::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Reads the beginning of a refusal's body, or as much of it as comes; what lies behind is dropped.
pub(super) async fn beginning(mut response: reqwest::Response) -> Vec<u8> {
    let mut body = Vec::new();
    let reading = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = REFUSAL - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if body.len() == REFUSAL {
                break;
            }
        }
    };
    // What has come by then is what there is.
    let _ = tokio::time::timeout(REFUSAL_TIME, reading).await;
    body
}
