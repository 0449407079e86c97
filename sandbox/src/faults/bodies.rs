//! What a fault makes of an answer that was processed.

use crate::server::{Answer, Dropped};
use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use futures_util::{StreamExt, stream};
use serde_json::Value;
use std::time::Duration;

/// How an answer breaks off.
#[derive(Clone, Copy)]
pub(super) enum Break {
    Hang,
    Close,
}

/// Announces the whole body, sends the first bytes of it, then breaks.
pub(super) async fn broken(answer: Answer, bytes: usize, how: Break) -> Result<Answer, Dropped> {
    let (mut parts, body) = taken_apart(answer).await?;
    parts.headers.insert(header::CONTENT_LENGTH, body.len().into());
    let head = body.slice(..bytes.min(body.len()));
    let rest = stream::unfold(Some(head), move |head| async move {
        if let Some(head) = head {
            return Some((Ok(head), None));
        }
        match how {
            Break::Hang => std::future::pending().await,
            // Once through the event loop, so that the first bytes leave before the connection dies.
            Break::Close => tokio::task::yield_now().await,
        }
        Some((Err(Dropped), None))
    });
    Ok(Answer::from_parts(parts, Body::from_stream(rest)))
}

pub(super) async fn shortened(answer: Answer, bytes: usize) -> Result<Answer, Dropped> {
    let (mut parts, body) = taken_apart(answer).await?;
    parts.headers.remove(header::CONTENT_LENGTH);
    Ok(Answer::from_parts(
        parts,
        Body::from(body.slice(..bytes.min(body.len()))),
    ))
}

pub(super) async fn rewritten(answer: Answer, change: &(dyn Fn(&mut Value) + Send + Sync)) -> Result<Answer, Dropped> {
    let (mut parts, body) = taken_apart(answer).await?;
    parts.headers.remove(header::CONTENT_LENGTH);
    let Ok(mut value) = serde_json::from_slice(&body) else {
        return Ok(Answer::from_parts(parts, Body::from(body)));
    };
    change(&mut value);
    Ok(Answer::from_parts(parts, Body::from(value.to_string())))
}

/// Lets blanks follow the body for ever: many at once, or one at a time.
pub(super) fn prolonged(answer: Answer, every: Duration) -> Answer {
    let (mut parts, body) = answer.into_parts();
    if parts.status == StatusCode::NO_CONTENT {
        parts.status = StatusCode::OK;
    }
    let blanks = Bytes::from(vec![b' '; if every.is_zero() { 65_536 } else { 1 }]);
    let tail = stream::repeat(blanks).then(move |blanks| async move {
        if every.is_zero() {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(every).await;
        }
        Ok(blanks)
    });
    Answer::from_parts(parts, Body::from_stream(body.into_data_stream().chain(tail)))
}

pub(super) fn altered(mut answer: Answer, headers: Vec<(HeaderName, Option<HeaderValue>)>) -> Answer {
    for (name, value) in headers {
        match value {
            Some(value) => answer.headers_mut().insert(name, value),
            None => answer.headers_mut().remove(name),
        };
    }
    answer
}

async fn taken_apart(answer: Answer) -> Result<(axum::http::response::Parts, Bytes), Dropped> {
    let (parts, body) = answer.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.map_err(|_| Dropped)?;
    Ok((parts, body))
}
