//! The token: when it is fetched, and what happens when it is not given or not accepted.

use super::{connected, connected_until, connected_with};
use sandbox::entra::{CLIENT_SECRET, Failure};
use sandbox::{CREDENTIAL_SECRET, DESTINATION_SECRET, Fault, Sandbox};
use segment_loader::dynamics::{Error, TokenCache};
use segment_loader::time::Fence;
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
            Failure::ResourceDisabled,
            "AADSTS500014",
            DESTINATION_SECRET,
            "subscription has lapsed",
        ),
        (
            Failure::ResourceNotListed,
            "AADSTS650057",
            CREDENTIAL_SECRET,
            "API permissions",
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
        assert!(
            !shown.contains("Invalid resource") && !shown.contains(CLIENT_SECRET),
            "{shown}"
        );
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
    assert!(matches!(dataverse.who_am_i().await, Err(Error::OutOfTime { .. })));
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

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_usable_token_is_named_and_never_used() {
    let token = |field: &str, value: serde_json::Value| {
        let mut answer =
            serde_json::json!({"token_type": "Bearer", "expires_in": 3_599, "access_token": "sandbox-token-x"});
        answer[field] = value;
        Fault::on("Token").always().says(move |_| answer.clone())
    };
    for (rule, says) in [
        (token("access_token", serde_json::Value::Null), "`access_token` is null"),
        (token("access_token", "".into()), "`access_token` is empty"),
        (token("access_token", "a\nb".into()), "`access_token` is none"),
        (token("expires_in", 0.into()), "`expires_in` is 0"),
        (token("expires_in", (-1).into()), "`expires_in` is no count"),
        (token("token_type", "pop".into()), "`token_type` is not Bearer"),
        (
            Fault::on("Token").always().says(|_| serde_json::json!({})),
            "`access_token` is missing",
        ),
        (
            Fault::on("Token").always().answer(200).html(),
            "a web page instead of an answer",
        ),
        (Fault::on("Token").always().answer(200), "an empty answer"),
        (Fault::on("Token").always().endless(), "larger than any token"),
    ] {
        let sandbox = Sandbox::start().await;
        sandbox.entra.fault(rule);
        let error = connected(&sandbox).await.who_am_i().await.unwrap_err();
        assert_eq!(error.error_type(), "EntraUnavailable");
        assert!(error.to_string().contains(says), "{says}: {error}");
        assert!(sandbox.dataverse.requests().is_empty());
        assert_eq!(sandbox.entra.requests().len(), 6);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_may_be_written_as_some_writers_write_it() {
    let sandbox = Sandbox::start().await;
    sandbox.entra.fault(Fault::on("Token").rewrite(|body| {
        body["expires_in"] = "3599".into();
        body["token_type"] = "bearer".into();
    }));
    connected(&sandbox).await.who_am_i().await.unwrap();
    assert_eq!(sandbox.entra.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_entra_counts_whatever_follows_it() {
    let sandbox = Sandbox::start().await;
    let start = Instant::now();
    for every in [Duration::ZERO, Duration::from_secs(1)] {
        let rule = Fault::on("Token")
            .always()
            .answer(400)
            .error("unauthorized_client", "x");
        sandbox.entra.fault(rule.dripping(every));
        let error = connected(&sandbox).await.who_am_i().await.unwrap_err();
        assert!(
            matches!(error.error_type(), "EntraRefused" | "EntraUnavailable"),
            "{error}"
        );
    }
    assert!(start.elapsed() < Duration::from_mins(2), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_to_where_a_redirection_points() {
    for status in [301, 302, 303, 307, 308] {
        let world = crate::world::World::start().await;
        let elsewhere = format!("{}/elsewhere", world.sandbox.organization_url());
        let rule = Fault::on("Token")
            .always()
            .answer(status)
            .header("Location", &elsewhere);
        world.sandbox.entra.fault(rule);
        let command = serde_json::json!({"action": "test_connection"});
        let answer = world.invoke(command.clone()).await.unwrap();
        let last = answer["checks"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(last["name"], "token");
        let detail = last["detail"].as_str().unwrap();
        assert!(
            detail.contains("redirection") && detail.contains("authority_url"),
            "{detail}"
        );
        assert!(world.sandbox.dataverse.requests().is_empty());

        let world = crate::world::World::start().await;
        let elsewhere = format!("{}/elsewhere", world.sandbox.authority_url());
        let rule = Fault::on("*").always().answer(status).header("Location", &elsewhere);
        world.sandbox.dataverse.fault(rule);
        let answer = world.invoke(command).await.unwrap();
        let last = answer["checks"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(last["name"], "who_am_i");
        assert!(
            last["detail"].as_str().unwrap().contains("points to another address"),
            "{last}"
        );
        assert_eq!(world.sandbox.entra.requests().len(), 1);
        assert_eq!(world.sandbox.dataverse.requests().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn entra_is_asked_again_no_sooner_than_it_says() {
    for (value, least) in [("2.5", 2_500), ("2,5", 5_000), ("0.75", 750)] {
        let sandbox = Sandbox::start().await;
        let dataverse = connected(&sandbox).await;
        let rule = Fault::on("Token").answer(429).header("Retry-After", value);
        sandbox.entra.fault(rule);
        let start = Instant::now();
        dataverse.who_am_i().await.unwrap();
        assert!(
            start.elapsed() >= Duration::from_millis(least),
            "{value}: {:?}",
            start.elapsed()
        );
    }
}
