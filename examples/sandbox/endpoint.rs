//! The port on which the function is invoked, faults are played and the segments are looked at.

use crate::place::Place;
use crate::{console, faults, manual, segment};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;

/// Not 9000, which `cargo lambda watch` takes.
const USUAL_PORT: u16 = 9009;

/// Listens on the usual port, or on another where that is taken.
pub async fn listen() -> io::Result<(TcpListener, SocketAddr)> {
    let listener = match TcpListener::bind((Ipv4Addr::LOCALHOST, USUAL_PORT)).await {
        Ok(listener) => listener,
        Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?,
    };
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Answers until it is dropped.
pub async fn serve(listener: TcpListener, place: Arc<Place>) -> io::Result<()> {
    let address = listener.local_addr()?;
    let exports = manual::exports(&place.sandbox, address);
    let router = console::routes()
        .route("/segments", get(segments))
        .route("/faults", get(list_faults))
        .route("/faults/{name}", post(begin_fault).delete(end_fault))
        .route("/environment", get(async move || exports))
        .with_state(place);
    axum::serve(listener, router).await
}

async fn segments(State(place): State<Arc<Place>>) -> Response {
    legible(&segment::list(&place.sandbox)).into_response()
}

async fn list_faults(State(place): State<Arc<Place>>) -> Response {
    legible(&faults::list(&place)).into_response()
}

type Told = Query<BTreeMap<String, String>>;

async fn begin_fault(State(place): State<Arc<Place>>, Path(name): Path<String>, Query(told): Told) -> Response {
    switched(&place, &name, true, &told)
}

async fn end_fault(State(place): State<Arc<Place>>, Path(name): Path<String>, Query(told): Told) -> Response {
    switched(&place, &name, false, &told)
}

fn switched(place: &Place, name: &str, is_on: bool, told: &BTreeMap<String, String>) -> Response {
    match faults::switch(place, name, is_on, told.get("segment").map(String::as_str)) {
        Ok(answer) => legible(&answer).into_response(),
        Err(mistake) => (StatusCode::NOT_FOUND, Json(json!({"mistake": mistake}))).into_response(),
    }
}

/// An answer that people can read.
pub fn legible(value: &Value) -> impl IntoResponse + use<> {
    ([("content-type", "application/json")], format!("{value:#}\n"))
}
