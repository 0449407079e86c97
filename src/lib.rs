//! Loads query results from S3 into static segments of Dynamics 365 Customer Insights - Journeys.
//!
//! In reading order: [`domain`] has the words; [`app`] tells the story; [`event`] says what an invocation asks for; [`config`] where it
//! goes; [`worker`] carries it out, by its [`means`] only, which `production` has; [`state`] says which result is wanted and who works on it;
//! [`source`] reads it; [`reconcile`] brings the segment to it, by way of [`dynamics`], which speaks to Microsoft; [`report`] tells what
//! happened, [`log`] line by line; `verify` tries an environment. Below all of them lie `s3` and `aws`, [`time`] and `text`.

// The layout of an invocation's future is deeper than the compiler follows by itself: the SDK's calls alone take half of it.
#![recursion_limit = "256"]

pub mod domain;
pub mod app;
pub mod error;
pub mod event;
pub mod config;
pub mod worker;
pub mod means;
mod production;
pub mod state;
pub mod source;
pub mod reconcile;
pub mod dynamics;
pub mod report;
mod verify;
pub mod log;
mod s3;
mod aws;
pub mod time;
mod text;

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
