//! The token endpoint and what Dataverse makes of its tokens.

use super::{body, http, token, token_request};
use sandbox::Sandbox;
use sandbox::entra::{CLIENT, CLIENT_SECRET, Failure, TENANT};
use std::time::Duration;

#[tokio::test]
async fn natural_mistakes_get_their_numbers() {
    let sandbox = Sandbox::start().await;
    for (tenant, client, secret, status, number) in [
        ("unknown", CLIENT, CLIENT_SECRET, 400, 90002),
        (TENANT, "unknown", CLIENT_SECRET, 400, 700_016),
        (TENANT, CLIENT, "wrong", 401, 7_000_215),
        (TENANT, CLIENT, "", 401, 7_000_218),
        (TENANT, "", CLIENT_SECRET, 400, 900_144),
    ] {
        let answer = token_request(&sandbox, tenant, client, secret).send().await;
        let answer = answer.expect("the endpoint answers");
        assert_eq!(answer.status(), status);
        assert_eq!(body(answer).await["error_codes"][0], number);
    }
    sandbox.entra.fail_with(Some(Failure::Throttled));
    let answer = token_request(&sandbox, TENANT, CLIENT, CLIENT_SECRET).send().await;
    let answer = answer.expect("the endpoint answers");
    assert_eq!(answer.headers()["retry-after"], "60");
    sandbox.entra.fail_with(None);
    sandbox.entra.rotate_secret("new");
    let answer = token_request(&sandbox, TENANT, CLIENT, CLIENT_SECRET).send().await;
    assert_eq!(answer.expect("the endpoint answers").status(), 401);
}

#[tokio::test(start_paused = true)]
async fn dataverse_takes_a_token_until_it_expires_or_is_revoked() {
    let sandbox = Sandbox::start().await;
    sandbox.entra.expires_in(Duration::from_secs(5));
    let who_am_i = async |token: &str| {
        let url = format!("{}/api/data/v9.2/WhoAmI", sandbox.organization_url());
        let answer = http().get(url).bearer_auth(token).send().await;
        answer.expect("the organization answers").status().as_u16()
    };
    let first = token(&sandbox).await;
    assert_eq!(who_am_i(&first).await, 200);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(who_am_i(&first).await, 401);
    let second = token(&sandbox).await;
    assert_eq!(who_am_i(&second).await, 200);
    sandbox.entra.revoke_tokens();
    assert_eq!(who_am_i(&second).await, 401);
}

#[tokio::test]
async fn a_secret_that_has_expired_gets_its_number_and_the_next_one_a_token() {
    let sandbox = Sandbox::start().await;
    let asked = async |secret: &str| {
        let answer = token_request(&sandbox, TENANT, CLIENT, secret).send().await;
        body(answer.expect("the endpoint answers")).await
    };
    let old = token(&sandbox).await;
    sandbox.entra.expire_secrets("next");
    assert_eq!(asked(CLIENT_SECRET).await["error_codes"][0], 7_000_222);
    assert!(asked("next").await["access_token"].is_string());
    let url = format!("{}/api/data/v9.2/WhoAmI", sandbox.organization_url());
    let answer = http().get(url).bearer_auth(&old).send().await;
    assert_eq!(answer.expect("the organization answers").status(), 401);
    sandbox.entra.extend_secrets();
    assert!(asked(CLIENT_SECRET).await["access_token"].is_string());
}
