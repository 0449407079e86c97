//! Every fault of `docs/failures.md` that has no test where its code lies: it is played, and what must then be true is told.
//!
//! The table of the document names the test of each fault; [`table`] proves that they are there.

mod access;
mod crashes;
mod events;
mod fairness;
mod heads;
mod platform;
mod publishing;
mod reading;
mod segments;
mod table;
mod throttling;
pub(crate) mod writes;

use crate::run::Run;
use crate::world::{FIFTEEN_MINUTES, World};
use segment_loader::App;
use serde_json::{Value, json};
use std::time::Duration;

/// A little longer than the default lease and its rounding.
pub(crate) const A_LEASE: Duration = Duration::from_secs(182);

/// Kills the function as soon as something has happened: its future is dropped in the middle of whatever it does.
pub(crate) async fn kill_when(world: &World, event: Value, happened: impl Future<Output = ()>) {
    tokio::select! {
        biased;
        () = happened => {}
        answer = world.invoke(event) => panic!("it ended before it could be killed: {answer:?}"),
    }
}

/// Kills the function when the nth Dataverse request of an operation has arrived.
pub(crate) async fn kill_at(world: &World, event: Value, operation: &str, nth: usize) {
    kill_when(world, event, world.sandbox.dataverse.arrived(operation, nth)).await;
}

pub(crate) async fn sweep(world: &World) -> Value {
    world.invoke(json!({"action": "sweep"})).await.unwrap()
}

/// Delivers an event to another instance of the function.
pub(crate) async fn deliver_to(app: &App, event: Value) -> Run {
    Run::first(&Box::pin(app.handle(event, FIFTEEN_MINUTES)).await.unwrap())
}

/// Delivers the event about a key, which must fail, and returns the error's type and sentence.
pub(crate) async fn failure_of(world: &World, key: &str) -> (String, String) {
    let event = world.sandbox.s3.notification(sandbox::BUCKET, key);
    let error = world.invoke(event).await.unwrap_err();
    (error.error_type().to_owned(), error.to_string())
}

pub(crate) fn outcomes(answer: &Value) -> Vec<&str> {
    let runs = answer["runs"].as_array().unwrap().iter();
    runs.filter_map(|run| run["outcome"].as_str()).collect()
}

/// Returns the sizes of all audiences that were ever published, in order.
pub(crate) fn published_sizes(world: &World) -> Vec<usize> {
    let history = world.segment().history;
    history.iter().map(|(_, audience)| audience.len()).collect()
}
