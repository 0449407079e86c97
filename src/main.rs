//! The Lambda function: telemetry, the app, run.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    segment_loader::run().await
}
