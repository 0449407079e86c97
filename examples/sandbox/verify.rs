//! What `verify_environment` finds out about the sandbox's Dynamics.

use crate::{cloud, progress};
use sandbox::Sandbox;
use serde_json::{Value, json};
use std::process::ExitCode;

const NOT_VERIFIED: u8 = 2;

/// Invokes the command and shows what became of each fact.
pub async fn run() -> ExitCode {
    let sandbox = cloud::start().await;
    cloud::seed_contacts(&sandbox);
    println!("A sandbox of S3, Secrets Manager, Entra ID and Dataverse runs on 127.0.0.1.\n");
    println!("The function is invoked with {{\"action\":\"verify_environment\"}}:\n");
    let answer = match verify(&sandbox).await {
        Ok(answer) => answer,
        Err(reason) => {
            println!("\nThe function failed: {reason}");
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

async fn verify(sandbox: &Sandbox) -> Result<Value, String> {
    let mut function = cloud::deploy(sandbox).await.map_err(|error| error.to_string())?;
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
        println!("  {:<31} {holds:<14} {}", text(&fact["name"]), text(&fact["detail"]));
    }
    let (ok, cleaned_up) = (&answer["ok"], &answer["cleaned_up"]);
    println!("\nok: {ok}, cleaned_up: {cleaned_up}");
}
