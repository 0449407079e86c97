//! The port on which the function is invoked and the segments are looked at.

use crate::segment;
use crate::serve::Place;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Not 9000, which `cargo lambda watch` takes.
const USUAL_PORT: u16 = 9009;

/// The path to which an invocation is posted, as on Lambda.
pub const INVOKE: &str = "/2015-03-31/functions/function/invocations";

/// Listens on the usual port, or on another where that is taken.
pub async fn listen() -> io::Result<TcpListener> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, USUAL_PORT)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await,
    }
}

/// Answers until it is dropped.
pub async fn serve(listener: TcpListener, place: Arc<Place>) -> io::Result<()> {
    let router = Router::new()
        .route("/2015-03-31/functions/{name}/invocations", post(invoke))
        .route("/segments", get(segments))
        .with_state(place);
    axum::serve(listener, router).await
}

/// Invokes as Lambda does: a failed function answers 200 with `X-Amz-Function-Error`.
async fn invoke(State(place): State<Arc<Place>>, headers: HeaderMap, body: Bytes) -> Response {
    let event: Value = match serde_json::from_slice(&body) {
        Ok(event) => event,
        Err(error) => {
            let mistake = json!({"Type": "User", "Message": format!("the event is no JSON: {error}")});
            return (StatusCode::BAD_REQUEST, Json(mistake)).into_response();
        }
    };
    if headers.get("x-amz-invocation-type").is_some_and(|kind| kind == "Event") {
        tokio::spawn(async move { place.invoke(&event).await });
        return StatusCode::ACCEPTED.into_response();
    }
    match place.invoke(&event).await {
        Ok(answer) => legible(&answer).into_response(),
        Err(error) => {
            let told = json!({"errorType": error.error_type, "errorMessage": error.error_message});
            ([("X-Amz-Function-Error", "Unhandled")], legible(&told)).into_response()
        }
    }
}

async fn segments(State(place): State<Arc<Place>>) -> Response {
    legible(&segment::list(&place.sandbox)).into_response()
}

fn legible(value: &Value) -> impl IntoResponse + use<> {
    ([("content-type", "application/json")], format!("{value:#}\n"))
}
