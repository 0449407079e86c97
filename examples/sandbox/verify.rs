//! What `verify_environment` finds out about the sandbox's Dynamics.

use crate::arguments::Options;
use crate::{cloud, progress, say};
use sandbox::Sandbox;
use serde_json::{Value, json};
use std::process::ExitCode;
use std::sync::Arc;

const NOT_VERIFIED: u8 = 2;

/// Invokes the command and shows what became of each fact.
pub async fn run(options: Options) -> ExitCode {
    let sandbox = cloud::start(&options).await;
    cloud::seed_contacts(&sandbox);
    println!("A sandbox of S3, Secrets Manager, Entra ID and Dataverse runs on 127.0.0.1.\n");
    println!("The function is invoked with {{\"action\":\"verify_environment\"}}:\n");
    let answer = match verify(&sandbox, &options).await {
        Ok(answer) => answer,
        Err(reason) => {
            say::gap();
            say::line("The function failed: ", &reason);
            return ExitCode::from(NOT_VERIFIED);
        }
    };
    print(&answer);
    if answer["ok"] == true {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOT_VERIFIED)
    }
}

async fn verify(sandbox: &Sandbox, options: &Options) -> Result<Value, String> {
    let deployed = cloud::deploy(sandbox, options, Arc::new(progress::relay)).await;
    let mut function = deployed.map_err(|error| error.to_string())?;
    let event = json!({"action": "verify_environment"});
    let answer = progress::told(sandbox, function.invoke(&event, cloud::TIMEOUT)).await;
    answer.map_err(|error| cloud::explained(&error))
}

fn print(answer: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    println!(
        "\nSegment \"{}\" in {}",
        text(&answer["segment_name"]),
        text(&answer["environment"])
    );
    for fact in answer["facts"].as_array().into_iter().flatten() {
        let holds = match fact["holds"].as_bool() {
            Some(true) => "holds",
            Some(false) => "DOES NOT HOLD",
            None => "not tried",
        };
        let head = format!("  {:<31} {holds:<14} ", text(&fact["name"]));
        say::line(&head, &text(&fact["detail"]));
    }
    let (ok, cleaned_up) = (&answer["ok"], &answer["cleaned_up"]);
    println!("\nok: {ok}, cleaned_up: {cleaned_up}");
}
