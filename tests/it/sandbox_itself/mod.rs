//! Proves the sandbox with the clients that the loader uses.

mod aws;
mod dataverse;
mod entra;
mod lambda;

use crate::sandbox::{Sandbox, entra as registered};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;

/// A client as plain as it gets.
#[expect(clippy::disallowed_methods, reason = "the rule is for the product")]
fn http() -> reqwest::Client {
    reqwest::Client::new()
}

async fn token(sandbox: &Sandbox) -> String {
    let answer = token_request(
        sandbox,
        registered::TENANT,
        registered::CLIENT,
        registered::CLIENT_SECRET,
    )
    .send()
    .await
    .expect("the token endpoint answers");
    body(answer).await["access_token"]
        .as_str()
        .expect("the right credential gets a token")
        .to_owned()
}

fn token_request(sandbox: &Sandbox, tenant: &str, client: &str, secret: &str) -> RequestBuilder {
    let scope = format!("{}/.default", sandbox.organization_url());
    http()
        .post(format!("{}/{tenant}/oauth2/v2.0/token", sandbox.authority_url()))
        .form(&[
            ("grant_type", "client_credentials"),
            ("client_id", client),
            ("client_secret", secret),
            ("scope", &scope),
        ])
}

async fn body(answer: Response) -> Value {
    answer.json().await.expect("the answer is JSON")
}
