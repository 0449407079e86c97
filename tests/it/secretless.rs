//! Signing in without a client secret: by a certificate, and by the function's own AWS identity.

use crate::failures::failure_of;
use crate::run::Run;
use crate::world::{World, contacts};
use sandbox::assertion::Trust;
use sandbox::certificate::{Certificate, elliptic_key};
use sandbox::{CREDENTIAL_SECRET, Fault};
use serde_json::{Value, json};

/// A world whose application signs in by a certificate that is good for so many days.
async fn certified(days: i64) -> (World, Certificate) {
    let world = World::start().await;
    let certificate = Certificate::for_days(days);
    world.sandbox.entra.certify(std::slice::from_ref(&certificate));
    sign_in_by(
        &world,
        &json!({"client_secret": null, "certificate": certificate.pem()}),
    );
    (world, certificate)
}

/// A world whose application trusts the function's identity.
async fn federated() -> (World, Trust) {
    let world = World::start().await;
    let trust = world.sandbox.sts.enable();
    world.sandbox.entra.trust(Some(trust.clone()));
    sign_in_by(&world, &json!({"client_secret": null, "federation": "aws"}));
    (world, trust)
}

fn sign_in_by(world: &World, fields: &Value) {
    world.sandbox.secrets.merge(CREDENTIAL_SECRET, fields);
}

/// Loads a file, which has to fail as this type and leave nothing, and returns why.
async fn refusal(world: &World, error_type: &str) -> String {
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let (kind, reason) = failure_of(world, &key).await;
    assert_eq!(kind, error_type, "{reason}");
    assert_eq!(world.sandbox.dataverse.writes(), 0, "{reason}");
    reason
}

#[tokio::test(start_paused = true)]
async fn a_certificate_signs_the_application_in_whichever_way_its_key_is_written() {
    let (world, certificate) = certified(300).await;
    let run = world.load("monday.csv", &contacts(0..100)).await;
    run.assert_loaded().warns_of_nothing();
    assert_eq!(world.published(), contacts(0..100));
    let issuer = Certificate::of_another_key(300).certificate;
    let chain = format!("{issuer}{}{}", certificate.certificate, certificate.key_as_pkcs1());
    sign_in_by(&world, &json!({"certificate": chain}));
    let run = world.load("tuesday.csv", &contacts(0..120)).await;
    run.assert_loaded().added(20);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_certificate_is_announced_as_that_of_a_client_secret() {
    let (world, _) = certified(20).await;
    let run = world.load("monday.csv", &contacts(0..100)).await;
    run.assert_loaded()
        .warns("the certificate in `segment-loader/credential` ends in");
    let (world, _) = certified(-2).await;
    let reason = refusal(&world, "EntraRefused").await;
    assert!(
        reason.contains("AADSTS700024") && reason.contains("has ended"),
        "{reason}"
    );
}

#[tokio::test(start_paused = true)]
async fn of_several_certificates_of_one_key_the_one_that_lasts_longest_signs_wherever_it_stands() {
    for others_last in [-2, 20] {
        let [other, good] = [others_last, 300].map(Certificate::for_days);
        for order in [[&other, &good], [&good, &other]] {
            let world = World::start().await;
            world.sandbox.entra.certify(&[other.clone(), good.clone()]);
            let pem = format!("{}{}{}", good.key, order[0].certificate, order[1].certificate);
            sign_in_by(&world, &json!({"client_secret": null, "certificate": pem}));
            let run = world.load("monday.csv", &contacts(0..100)).await;
            run.assert_loaded().warns_of_nothing();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn until_a_renewed_certificate_is_registered_the_one_beside_it_signs() {
    let [newer, older, ended] = [300, 100, -2].map(Certificate::for_days);
    let all = [&newer, &ended, &older].map(|one| one.certificate.as_str()).concat();
    let pem = json!({"client_secret": null, "certificate": format!("{}{all}", newer.key)});
    for (known, is_told) in [(&older, true), (&newer, false)] {
        let world = World::start().await;
        world.sandbox.entra.certify(&[known.clone(), ended.clone()]);
        sign_in_by(&world, &pem);
        world.load("monday.csv", &contacts(0..100)).await.assert_loaded();
        let tested = world.invoke(json!({"action": "test_connection"})).await.unwrap();
        assert_eq!(tested["ok"], true, "{tested}");
        let token = tested["checks"][2]["detail"].as_str().unwrap();
        assert_eq!(token.contains("does not know the certificate"), is_told, "{token}");
    }
    let world = World::start().await;
    world.sandbox.entra.certify(std::slice::from_ref(&ended));
    sign_in_by(&world, &pem);
    let reason = refusal(&world, "EntraRefused").await;
    assert!(
        reason.contains("AADSTS700027"),
        "one that has ended is not tried: {reason}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_pem_is_read_whatever_editors_and_shells_have_put_around_its_lines() {
    let (world, certificate) = certified(300).await;
    let pem = certificate.pem();
    let indented = format!("    {}", pem.replace('\n', "  \n    "));
    for (day, pem) in [
        ("monday", format!("\u{feff}{pem}")),
        (
            "tuesday",
            format!("\u{feff}{}\u{feff}{}", certificate.key, certificate.certificate),
        ),
        ("wednesday", indented),
        ("thursday", pem.replace('\n', "\r")),
        ("friday", pem.replace('\n', "\r\n")),
    ] {
        sign_in_by(&world, &json!({"certificate": pem}));
        let run = world.load(&format!("{day}.csv"), &contacts(0..100)).await;
        assert!(["loaded", "unchanged"].contains(&run.outcome()), "{day}: {run}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_entra_does_not_know_is_named_and_one_that_was_renewed_is_read_again() {
    let (world, _) = certified(300).await;
    let other = Certificate::of_another_key(300);
    world.sandbox.entra.certify(std::slice::from_ref(&other));
    let reason = refusal(&world, "EntraRefused").await;
    assert!(
        reason.contains("AADSTS700027")
            && reason.contains("Certificates & secrets")
            && reason.contains(CREDENTIAL_SECRET),
        "{reason}"
    );
    sign_in_by(&world, &json!({"certificate": other.pem()}));
    world.load("tuesday.csv", &contacts(0..100)).await.assert_loaded();
}

#[tokio::test(start_paused = true)]
async fn what_is_no_certificate_with_its_key_is_told_without_showing_it() {
    let (world, certificate) = certified(300).await;
    let other = Certificate::of_another_key(300);
    let encrypted = certificate.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    for (pem, expected) in [
        (certificate.certificate.clone(), "a private key (BEGIN PRIVATE KEY)"),
        (certificate.key.clone(), "with the certificate, too"),
        (
            format!("{}{}", other.key, certificate.certificate),
            "do not belong together",
        ),
        (format!("{}{}", elliptic_key(), certificate.certificate), "an RSA key"),
        (format!("{encrypted}{}", certificate.certificate), "not encrypted"),
        (certificate.pem().replace('\n', " "), "each line break as"),
        (certificate.pem().replace("MII", "M!!"), "a PEM"),
    ] {
        sign_in_by(&world, &json!({"certificate": pem}));
        let reason = refusal(&world, "InvalidSecret").await;
        assert!(
            reason.contains("`certificate`") && reason.contains(expected),
            "{expected}: {reason}"
        );
        assert!(!reason.contains("MII"), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_functions_own_identity_signs_the_application_in_without_any_secret() {
    let (world, _) = federated().await;
    world
        .load("monday.csv", &contacts(0..100))
        .await
        .assert_loaded()
        .warns_of_nothing();
    assert_eq!(world.published(), contacts(0..100));
    let sent = world.sandbox.sts.requests();
    assert_eq!(sent.len(), 1, "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn a_trust_that_does_not_fit_is_told_with_what_it_has_to_be() {
    for (number, change) in [
        ("AADSTS70021", None),
        (
            "AADSTS700211",
            Some(("issuer", "https://other.tokens.sts.global.api.aws")),
        ),
        (
            "AADSTS700213",
            Some(("subject", "arn:aws:iam::123456789012:role/other")),
        ),
    ] {
        let (world, mut trust) = federated().await;
        match change {
            Some(("issuer", issuer)) => trust.issuer = issuer.to_owned(),
            Some((_, subject)) => trust.subject = subject.to_owned(),
            None => {}
        }
        world.sandbox.entra.trust(change.map(|_| trust));
        let reason = refusal(&world, "EntraRefused").await;
        let parts = [
            number,
            "federated credential",
            "ARN of the function's role",
            "api://AzureADTokenExchange",
        ];
        assert!(parts.iter().all(|part| reason.contains(part)), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_that_gives_no_tokens_and_a_role_that_may_not_ask_are_two_sentences() {
    let world = World::start().await;
    sign_in_by(&world, &json!({"client_secret": null, "federation": "aws"}));
    let reason = refusal(&world, "TokenIssuerRefused").await;
    assert!(reason.contains("enable-outbound-web-identity-federation"), "{reason}");

    let (world, _) = federated().await;
    world
        .sandbox
        .sts
        .fault(Fault::on("GetWebIdentityToken").answer(403).code("AccessDenied"));
    let reason = refusal(&world, "TokenIssuerRefused").await;
    assert!(
        reason.contains("sts:GetWebIdentityToken") && reason.contains("AccessDenied"),
        "{reason}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_identity_service_that_fails_for_a_while_is_asked_again() {
    let (world, _) = federated().await;
    let failing = Fault::on("GetWebIdentityToken")
        .answer(503)
        .code("ServiceUnavailable")
        .times(4);
    world.sandbox.sts.fault(failing);
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    Run::first(&world.deliver(&key).await).assert_loaded();
    assert_eq!(world.published(), contacts(0..100));
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_at_aws_is_not_told_of_microsoft() {
    for (status, code, error_type, words) in [
        (
            503,
            "ServiceUnavailable",
            "TokenIssuerUnavailable",
            "AWS did not answer as it should",
        ),
        (
            500,
            "InternalFailure",
            "TokenIssuerUnavailable",
            "AWS did not answer as it should",
        ),
        (500, "", "TokenIssuerUnavailable", "AWS did not answer as it should"),
        (
            400,
            "ThrottlingException",
            "TokenIssuerUnavailable",
            "AWS did not answer as it should",
        ),
        (
            403,
            "AccessDenied",
            "TokenIssuerRefused",
            "AWS did not give this program",
        ),
    ] {
        let (world, _) = federated().await;
        let fault = Fault::on("GetWebIdentityToken").always();
        world.sandbox.sts.fault(fault.answer(status).code(code));
        let key = world.drop_contacts("monday.csv", &contacts(0..100));
        let run = world.load_directly(&key, &json!({})).await;
        run.as_type(error_type).says("AWS STS");
        let sentence = run["sentence"].as_str().unwrap();
        assert!(sentence.contains(words), "{sentence}");
        assert!(!format!("{sentence} {}", run.reason()).contains("Microsoft"), "{run}");
        assert!(
            !run.reason().contains("Entra ID gave") && !run.reason().contains("answer: ;"),
            "{run}"
        );
        assert!(world.sandbox.entra.requests().is_empty(), "Entra ID was never asked");
    }
}
