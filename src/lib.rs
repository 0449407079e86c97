//! Loads query results from S3 into static segments of Dynamics 365 Customer Insights - Journeys.
//!
//! In reading order: [`domain`] has the words; [`app`] tells the story; [`event`] says what an invocation asks for; [`settings`] where it goes;
//! [`worker`] carries it out, by its [`means`] only; [`state`] says which result is wanted and who works on it; [`source`]
//! reads it; [`dynamics`] speaks to Microsoft; [`load`] brings the two together; [`report`] tells what happened.

pub mod app;
mod aws;
mod backoff;
mod bounded;
mod clients;
pub mod connection;
pub mod domain;
pub mod dynamics;
pub mod environment;
pub mod error;
pub mod event;
pub mod fate;
pub mod fence;
pub mod intent;
mod json;
pub mod load;
pub mod log;
pub mod means;
mod near;
mod percent;
mod production;
pub mod report;
mod s3;
pub mod settings;
mod shown;
pub mod source;
pub mod state;
mod verify;
pub mod worker;

pub use app::App;
pub use error::Error;

#[cfg(not(panic = "unwind"))]
compile_error!(
    "the function has to unwind: a damaged file would end the process otherwise; keep `panic = \"unwind\"` in Cargo.toml"
);

use lambda_runtime::layers::TracingLayer;
use lambda_runtime::tower::util::MapRequestLayer;
use lambda_runtime::{LambdaEvent, LambdaInvocation, Runtime, service_fn};

/// Serves Lambda invocations until the environment is shut down.
///
/// A wrong configuration does not end the process: every invocation answers with the sentence that says what is wrong.
pub async fn run() -> Result<(), lambda_runtime::Error> {
    log::start();
    let app = &App::from_process().await;
    let handler = service_fn(async |event: LambdaEvent<Option<String>>| match app {
        Ok(app) => {
            let time_left = app::time_left(&event.context);
            app.handle(event::read(event.payload.as_deref())?, time_left).await
        }
        Err(error) => Err(Error::from(error.clone())),
    });
    let as_text = MapRequestLayer::new(as_text);
    Runtime::new(handler)
        .layer(as_text)
        .layer(TracingLayer::new())
        .run()
        .await
}

/// Hands an event on as text, or as nothing where it is none: the runtime's own words for one that it cannot read help nobody.
fn as_text(mut invocation: LambdaInvocation) -> LambdaInvocation {
    let text = std::str::from_utf8(&invocation.body).ok();
    invocation.body = serde_json::Value::from(text).to_string().into();
    invocation
}
