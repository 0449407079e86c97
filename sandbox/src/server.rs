//! One loopback HTTP server on a port of its own, ended on drop.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

/// What a server sends back.
pub type Answer = Response<Body>;

/// A listening server; dropping it ends the listener and every connection.
pub struct Server {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Listens on a free loopback port and hands every request, body included, to `handler`.
    ///
    /// The handler's future is dropped when the client goes away; see [`detached`].
    pub async fn start<H, F>(handler: H) -> Self
    where
        H: Fn(Call) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Answer, Dropped>> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a loopback port is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        Self {
            address,
            accepting: tokio::spawn(accept(listener, handler)),
        }
    }

    /// Returns the base URL, without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns host and port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// A request that arrived completely.
#[derive(Clone, Debug)]
pub struct Call {
    /// The HTTP method.
    pub method: Method,
    /// Path and query as sent.
    pub uri: Uri,
    /// The headers as sent.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// When the last byte of the body was there.
    pub arrived: Instant,
}

impl Call {
    /// Returns the path without its percent encoding.
    pub fn path(&self) -> String {
        percent_decoded(self.uri.path())
    }

    /// Returns the query as decoded pairs.
    pub fn query(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect()
    }

    /// Returns a header's value, or nothing where it is missing or no text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The connection ends without an answer.
#[derive(Debug)]
pub struct Dropped;

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sandbox dropped the connection on purpose")
    }
}

impl std::error::Error for Dropped {}

/// Runs a handler to its end even if the client has gone: a real service finishes what it has begun.
pub async fn detached<F>(handling: F) -> Result<Answer, Dropped>
where
    F: Future<Output = Result<Answer, Dropped>> + Send + 'static,
{
    tokio::spawn(handling).await.unwrap_or(Err(Dropped))
}

/// Builds an answer with a JSON body.
pub fn json(status: StatusCode, body: &Value) -> Answer {
    text(status, "application/json", body.to_string())
}

/// Builds an answer with any body.
pub fn text(status: StatusCode, content_type: &str, body: impl Into<Body>) -> Answer {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, content_type)
        .body(body.into())
        .expect("the parts of the answer are valid")
}

/// Builds an answer without a body.
pub fn empty(status: StatusCode) -> Answer {
    Response::builder()
        .status(status)
        .body(Body::empty())
        .expect("a status alone is a valid answer")
}

async fn accept<H, F>(listener: TcpListener, handler: H)
where
    H: Fn(Call) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Answer, Dropped>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        // Small answers must not wait for an acknowledgement.
        let _ = stream.set_nodelay(true);
        let handler = handler.clone();
        let service = service_fn(move |request| {
            let handler = handler.clone();
            async move { handler(whole(request).await?).await }
        });
        connections.spawn(async move {
            // A connection that a fault cut ends with an error; so does one whose client went away.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn whole(request: axum::http::Request<Incoming>) -> Result<Call, Dropped> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(Body::new(body), usize::MAX)
        .await
        .map_err(|_| Dropped)?;
    Ok(Call {
        method: parts.method,
        uri: parts.uri,
        headers: parts.headers,
        body,
        arrived: Instant::now(),
    })
}

/// Undoes percent encoding; a `+` stays a `+`.
pub fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escape = (*first == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(escape.unwrap_or(*first));
        rest = if escape.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
