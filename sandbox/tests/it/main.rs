//! Proves the sandbox with the clients that the loader uses.

mod actions;
mod aws;
mod dataverse;
mod entra;
mod lambda;
mod limits;

use reqwest::{Method, RequestBuilder, Response};
use sandbox::dataverse::Seed;
use sandbox::{Sandbox, entra as registered};
use serde_json::{Value, json};
use uuid::Uuid;

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

/// A signed-in client.
struct Client {
    sandbox: Sandbox,
    http: reqwest::Client,
    token: String,
}

impl Client {
    async fn start() -> Self {
        let sandbox = Sandbox::start().await;
        let token = token(&sandbox).await;
        Self {
            sandbox,
            http: http(),
            token,
        }
    }

    async fn send(
        &self,
        method: Method,
        resource: &str,
        headers: &[(&str, &str)],
        content: Option<&Value>,
    ) -> Response {
        let url = format!("{}/api/data/v9.2/{resource}", self.sandbox.organization_url());
        let mut request = self.http.request(method, url).bearer_auth(&self.token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(content) = content {
            request = request.json(content);
        }
        request.send().await.expect("the organization answers")
    }

    async fn get(&self, resource: &str) -> Response {
        self.send(Method::GET, resource, &[], None).await
    }

    async fn act(&self, action: &str, content: Value) -> Response {
        self.send(Method::POST, &format!("msdynmkt_{action}"), &[], Some(&content))
            .await
    }

    async fn add(&self, segment: Uuid, group: Uuid, ids: &[Uuid]) -> Response {
        let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
        let content = json!({"SegmentId": segment.to_string(), "GroupId": group.to_string(), "EntityIds": ids});
        self.act("AddStaticMembers", content).await
    }

    async fn publish(&self, segment: Uuid) -> Response {
        self.act("PublishSegmentDefinition", json!({"SegmentId": segment.to_string()}))
            .await
    }
}

fn contacts(range: std::ops::Range<u128>) -> Vec<Uuid> {
    range.map(|number| Uuid::from_u128(number + 1)).collect()
}

async fn code(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let code = body(answer).await["error"]["code"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    (status, code)
}

fn seeded(client: &Client) -> (Uuid, Uuid) {
    let segment = client.sandbox.dataverse.seed_segment(Seed::named("Seeded").group([]));
    (segment, client.sandbox.dataverse.segment("Seeded").groups[0].id)
}
