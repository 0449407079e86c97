//! Loads query results from S3 into static segments of Dynamics 365 Customer Insights - Journeys.
//!
//! In reading order: [`app`] tells the story; [`event`] says what an invocation asks for; [`settings`] where it goes;
//! [`state`] which result is wanted and who works on it; [`source`] reads it; [`dynamics`] speaks to Microsoft;
//! [`load`] brings the two together; [`report`] tells what happened.

pub mod app;
mod aws;
pub mod connection;
pub mod contact;
pub mod dynamics;
pub mod environment;
pub mod error;
pub mod event;
pub mod fence;
mod intent;
pub mod load;
mod percent;
pub mod report;
pub mod settings;
mod shown;
pub mod source;
pub mod state;
mod sweep;
mod telling;
mod turn;

pub use app::App;
pub use error::Error;

#[cfg(not(panic = "unwind"))]
compile_error!(
    "the function has to unwind: a damaged file would end the process otherwise; keep `panic = \"unwind\"` in Cargo.toml"
);

use lambda_runtime::{LambdaEvent, service_fn, tracing::init_default_subscriber};
use serde_json::Value;

/// Serves Lambda invocations until the environment is shut down.
///
/// A wrong configuration does not end the process: every invocation answers with the sentence that says what is wrong.
pub async fn run() -> Result<(), lambda_runtime::Error> {
    init_default_subscriber();
    let app = &App::from_process().await;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| match app {
        // Boxed, since the compiler gives up on the layout of so deep a future.
        Ok(app) => Box::pin(app.handle(event.payload, app::time_left(&event.context))).await,
        Err(error) => Err(Error::from(error.clone())),
    }))
    .await
}
