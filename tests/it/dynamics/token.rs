//! The token: when it is fetched, and what happens when it is not given or not accepted.

use super::{connected, connected_until, connected_with};
use crate::sandbox::entra::{CLIENT_SECRET, Failure};
use crate::sandbox::{CREDENTIAL_SECRET, DESTINATION_SECRET, Fault, Sandbox};
use segment_loader::dynamics::{Error, TokenCache};
use segment_loader::fence::Fence;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test]
async fn all_who_wait_share_one_token_request() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    let calls = (
        dataverse.who_am_i(),
        dataverse.who_am_i(),
        dataverse.who_am_i(),
        dataverse.who_am_i(),
    );
    let (a, b, c, d) = tokio::join!(calls.0, calls.1, calls.2, calls.3);
    assert!([a, b, c, d].iter().all(Result::is_ok));
    assert_eq!(sandbox.entra.requests().len(), 1);
    assert_eq!(dataverse.requests(), 4);
}

#[tokio::test]
async fn the_next_run_of_a_warm_function_uses_the_token_but_a_check_does_not() {
    let sandbox = Sandbox::start().await;
    let tokens = TokenCache::default();
    for (checks, expected) in [(false, 1), (false, 1), (true, 2)] {
        let dataverse = connected_with(&sandbox, Fence::open(), tokens.clone()).await;
        if checks {
            dataverse.token_check().await.unwrap();
        }
        dataverse.who_am_i().await.unwrap();
        assert_eq!(sandbox.entra.requests().len(), expected);
    }
}

#[tokio::test]
async fn a_token_that_dataverse_no_longer_takes_is_replaced_once_for_all() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    dataverse.who_am_i().await.unwrap();
    sandbox.entra.revoke_tokens();
    let (a, b, c) = tokio::join!(dataverse.who_am_i(), dataverse.who_am_i(), dataverse.who_am_i());
    assert!([a, b, c].iter().all(Result::is_ok));
    assert_eq!(sandbox.entra.requests().len(), 2);
}

#[tokio::test]
async fn a_fresh_token_that_is_refused_too_is_an_error() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    sandbox.dataverse.fault(Fault::on("WhoAmI").always().answer(401));
    let error = dataverse.who_am_i().await.unwrap_err();
    assert_eq!(error.error_type(), "TokenRefused");
    assert_eq!(sandbox.dataverse.count("WhoAmI"), 2);
    assert_eq!(sandbox.entra.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_before_it_ends() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    dataverse.who_am_i().await.unwrap();
    tokio::time::advance(Duration::from_secs(3_200)).await;
    dataverse.who_am_i().await.unwrap();
    assert_eq!(sandbox.entra.requests().len(), 1);
    tokio::time::advance(Duration::from_secs(110)).await;
    dataverse.who_am_i().await.unwrap();
    assert_eq!(sandbox.entra.requests().len(), 2);
    assert_eq!(
        sandbox
            .dataverse
            .requests()
            .iter()
            .filter(|call| call.status == Some(401))
            .count(),
        0
    );
}

#[tokio::test]
async fn a_rotated_secret_is_read_once_more() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    dataverse.who_am_i().await.unwrap();
    sandbox.entra.rotate_secret("new secret");
    let old = sandbox.secrets.text(CREDENTIAL_SECRET);
    let new = old.replace(CLIENT_SECRET, "new secret");
    sandbox
        .secrets
        .put(CREDENTIAL_SECRET, &serde_json::from_str(&new).unwrap());
    sandbox.entra.revoke_tokens();
    let read_before = sandbox.secrets.requests().len();
    dataverse.who_am_i().await.unwrap();
    assert_eq!(sandbox.secrets.requests().len(), read_before + 1);
}

#[tokio::test]
async fn a_wrong_secret_is_named_with_the_number_and_never_shown() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    sandbox.entra.rotate_secret("something else");
    for expected_tokens in [2, 3] {
        let error = dataverse.token_check().await.unwrap_err();
        assert_eq!(
            (error.error_type(), error.code()),
            ("EntraRefused", Some("AADSTS7000215"))
        );
        assert!(!error.is_transient());
        let shown = format!("{error} {error:?}");
        assert!(
            shown.contains(CREDENTIAL_SECRET) && !shown.contains(CLIENT_SECRET),
            "{shown}"
        );
        // Within a minute the secret is not read again.
        assert_eq!(sandbox.entra.requests().len(), expected_tokens);
    }
}

#[tokio::test]
async fn each_refusal_is_one_sentence_about_the_right_secret() {
    let sandbox = Sandbox::start().await;
    for (failure, code, secret, says) in [
        (Failure::UnknownTenant, "AADSTS90002", CREDENTIAL_SECRET, "tenant_id"),
        (Failure::UnknownClient, "AADSTS700016", CREDENTIAL_SECRET, "client_id"),
        (Failure::ExpiredSecret, "AADSTS7000222", CREDENTIAL_SECRET, "expired"),
        (Failure::BadScope, "AADSTS70011", DESTINATION_SECRET, "environment_url"),
        (
            Failure::UnknownResource,
            "AADSTS500011",
            DESTINATION_SECRET,
            "environment_url",
        ),
        (
            Failure::ApplicationDisabled,
            "AADSTS7000112",
            CREDENTIAL_SECRET,
            "disabled",
        ),
        (
            Failure::ConditionalAccess,
            "AADSTS53003",
            CREDENTIAL_SECRET,
            "conditional access",
        ),
    ] {
        sandbox.entra.fail_with(Some(failure));
        let error = connected(&sandbox).await.who_am_i().await.unwrap_err();
        assert_eq!(error.code(), Some(code));
        let shown = error.to_string();
        assert!(shown.contains(says) && shown.contains(secret), "{shown}");
    }
    assert!(sandbox.dataverse.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_throttled_token_request_waits_as_long_as_it_is_told() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    sandbox
        .entra
        .fault(Fault::on("Token").times(2).answer(429).header("Retry-After", "60"));
    let start = Instant::now();
    dataverse.who_am_i().await.unwrap();
    assert!(start.elapsed() >= Duration::from_mins(2));
    assert_eq!(sandbox.entra.requests().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_a_token_never_reaches_past_the_planned_stop() {
    let sandbox = Sandbox::start().await;
    let fence = Fence::stopping_at(Instant::now() + Duration::from_secs(30));
    let dataverse = connected_until(&sandbox, fence).await;
    sandbox.entra.fail_with(Some(Failure::Throttled));
    let start = Instant::now();
    assert!(matches!(dataverse.who_am_i().await, Err(Error::OutOfTime)));
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn an_unavailable_entra_is_asked_again_and_then_a_transient_error() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    sandbox.entra.fault(Fault::on("Token").answer(502).html());
    sandbox.entra.fault(Fault::on("Token").nth(2).drop_connection());
    dataverse.who_am_i().await.unwrap();
    sandbox.entra.fail_with(Some(Failure::Transient));
    let error = dataverse.token_check().await.unwrap_err();
    assert_eq!(error.error_type(), "EntraUnavailable");
    assert!(error.is_transient());
}
