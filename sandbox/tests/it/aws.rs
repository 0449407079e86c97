//! S3 and Secrets Manager through the real SDK.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use sandbox::{BUCKET, CREDENTIAL_SECRET, DESTINATION_SECRET, Fault, Sandbox};
use std::time::Duration;

fn code<E: ProvideErrorMetadata, R>(result: Result<impl Sized, SdkError<E, R>>) -> String {
    let error = result.err().expect("the call fails");
    error.code().unwrap_or("none").to_owned()
}

async fn bytes(object: GetObjectOutput) -> Vec<u8> {
    object.body.collect().await.expect("the body is whole").to_vec()
}

#[tokio::test]
async fn conditional_puts_have_one_winner() {
    let sandbox = Sandbox::start().await;
    let s3 = Client::new(&sandbox.aws_config());
    let put = |content: &'static [u8]| {
        let body = ByteStream::from_static(content);
        s3.put_object().bucket(BUCKET).key("_state/head").body(body)
    };

    let first = put(b"one").if_none_match("*").send().await.expect("the key is free");
    let etag = first.e_tag().expect("a put answers an ETag").to_owned();
    assert_eq!(code(put(b"two").if_none_match("*").send().await), "PreconditionFailed");
    put(b"two").if_match(&etag).send().await.expect("the ETag is current");
    assert_eq!(code(put(b"three").if_match(&etag).send().await), "PreconditionFailed");
    let missing = s3.put_object().bucket(BUCKET).key("missing").if_match(&etag);
    assert_eq!(code(missing.send().await), "NoSuchKey");
    let stale = s3.delete_object().bucket(BUCKET).key("_state/head").if_match(&etag);
    assert_eq!(code(stale.send().await), "PreconditionFailed");
    assert_eq!(sandbox.s3.get(BUCKET, "_state/head").as_deref(), Some(&b"two"[..]));
}

#[tokio::test]
async fn versions_ranges_and_metadata_are_kept() {
    let sandbox = Sandbox::start().await;
    let s3 = Client::new(&sandbox.aws_config());
    let key = "incoming/Summer Sale+%=ü/2026.csv";
    let old = sandbox
        .s3
        .put_with_metadata(BUCKET, key, "0123456789", &[("segment-name", "Summer")]);
    sandbox.s3.put(BUCKET, key, "newer");

    let get = || s3.get_object().bucket(BUCKET).key(key);
    let version = old.version_id.expect("the bucket keeps versions");
    let part = get().version_id(&version).if_match(&old.etag).range("bytes=2-4");
    let part = part.send().await.expect("the old version is there");
    assert_eq!(part.content_range(), Some("bytes 2-4/10"));
    assert_eq!(
        part.metadata()
            .and_then(|pairs| pairs.get("segment-name"))
            .map(String::as_str),
        Some("Summer")
    );
    assert_eq!(bytes(part).await, b"234");
    assert_eq!(code(get().if_match(&old.etag).send().await), "PreconditionFailed");
    assert_eq!(code(get().range("bytes=99-").send().await), "InvalidRange");
    assert_eq!(code(get().key("missing").send().await), "NoSuchKey");
    assert_eq!(code(get().bucket("missing-bucket").send().await), "NoSuchBucket");

    let notified = sandbox.s3.notification(BUCKET, key);
    assert_eq!(
        notified["Records"][0]["s3"]["object"]["key"],
        "incoming/Summer+Sale%2B%25%3D%C3%BC/2026.csv"
    );
    assert_eq!(sandbox.s3.event_bridge(BUCKET, key)["detail"]["object"]["key"], key);
}

#[tokio::test]
async fn listings_are_sorted_cut_into_pages_and_grouped() {
    let sandbox = Sandbox::start().await;
    let s3 = Client::new(&sandbox.aws_config());
    for key in ["in/b/2", "in/a/1", "in/c", "in/b/1", "other"] {
        sandbox.s3.put(BUCKET, key, "x");
    }
    let mut pages = s3
        .list_objects_v2()
        .bucket(BUCKET)
        .prefix("in/")
        .max_keys(2)
        .into_paginator()
        .send();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.expect("the page is there");
        keys.extend(
            page.contents()
                .iter()
                .filter_map(|object| object.key().map(str::to_owned)),
        );
    }
    assert_eq!(keys, ["in/a/1", "in/b/1", "in/b/2", "in/c"]);
    let grouped = s3.list_objects_v2().bucket(BUCKET).prefix("in/").delimiter("/");
    let grouped = grouped.send().await.expect("the list is there");
    let folders: Vec<_> = grouped
        .common_prefixes()
        .iter()
        .filter_map(|folder| folder.prefix())
        .collect();
    assert_eq!((folders, grouped.contents().len()), (vec!["in/a/", "in/b/"], 1));
}

#[tokio::test]
async fn permissions_and_signatures_count() {
    let sandbox = Sandbox::start().await;
    let s3 = Client::new(&sandbox.aws_config());
    sandbox.s3.put(BUCKET, "secret/a", "x");
    sandbox.s3.deny(BUCKET, "secret/");
    let get = |key: &str| s3.get_object().bucket(BUCKET).key(key).send();
    assert_eq!(code(get("secret/a").await), "AccessDenied");
    assert_eq!(code(get("missing").await), "NoSuchKey");
    sandbox.s3.deny_list(BUCKET);
    assert_eq!(code(get("missing").await), "AccessDenied");
    assert_eq!(code(s3.list_objects_v2().bucket(BUCKET).send().await), "AccessDenied");

    let forged = aws_sdk_s3::config::Credentials::new(sandbox::ACCESS_KEY, "forged", None, None, "test");
    let config = aws_sdk_s3::config::Builder::from(&sandbox.aws_config()).credentials_provider(forged);
    let forged = Client::from_conf(config.build());
    assert_eq!(
        code(forged.get_object().bucket(BUCKET).key("a").send().await),
        "SignatureDoesNotMatch"
    );
}

#[tokio::test]
async fn faults_hit_the_calls_they_name() {
    let sandbox = Sandbox::start().await;
    let s3 = Client::new(&sandbox.aws_config());
    sandbox.s3.put(BUCKET, "data", vec![b'x'; 100_000]);
    let get = || s3.get_object().bucket(BUCKET).key("data").send();

    sandbox.s3.fault(Fault::on("GetObject").nth(2).cut_after(50_000));
    assert_eq!(
        bytes(get().await.expect("the first call is whole")).await.len(),
        100_000
    );
    let cut = get().await.expect("the head of the answer arrives");
    assert!(cut.body.collect().await.is_err());
    assert_eq!(
        bytes(get().await.expect("the third call is whole")).await.len(),
        100_000
    );

    sandbox.s3.fault(Fault::on("PutObject").commit_then_reset());
    let put = s3.put_object().bucket(BUCKET).key("once").if_none_match("*");
    assert_eq!(
        code(put.send().await),
        "PreconditionFailed",
        "the SDK's own retry meets its own success"
    );
    assert!(sandbox.s3.get(BUCKET, "once").is_some());

    sandbox.s3.fault(
        Fault::on("PutObject")
            .answer(409)
            .code("ConditionalRequestConflict")
            .always(),
    );
    let put = s3.put_object().bucket(BUCKET).key("other").send().await;
    assert_eq!(code(put), "ConditionalRequestConflict");
}

#[tokio::test(start_paused = true)]
async fn the_clock_of_s3_may_be_wrong_and_a_stalled_body_times_out() {
    let sandbox = Sandbox::start().await;
    let s3 = Client::new(&sandbox.aws_config());
    let hour = Duration::from_hours(1);
    sandbox.s3.skew(hour);
    sandbox.s3.put(BUCKET, "data", vec![b'x'; 100_000]);
    let head = s3
        .head_object()
        .bucket(BUCKET)
        .key("data")
        .send()
        .await
        .expect("the object is there");
    let modified = head.last_modified().expect("an object has a time").secs();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("it is after 1970");
    assert!(modified.unsigned_abs() > now.as_secs() + 3000);

    sandbox.s3.fault(Fault::on("GetObject").stall_after(1000));
    let stalled = s3
        .get_object()
        .bucket(BUCKET)
        .key("data")
        .send()
        .await
        .expect("the head arrives");
    assert!(stalled.body.collect().await.is_err());
}

#[tokio::test]
async fn multipart_uploads_are_put_together() {
    let sandbox = Sandbox::start().await;
    let s3 = Client::new(&sandbox.aws_config());
    let begun = s3
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("big")
        .send()
        .await
        .expect("it begins");
    let id = begun.upload_id().expect("an upload has an id");
    let mut parts = aws_sdk_s3::types::CompletedMultipartUpload::builder();
    for number in 1..=2 {
        let body = ByteStream::from(vec![b'0' + u8::try_from(number).expect("it is small"); 3]);
        let part = s3
            .upload_part()
            .bucket(BUCKET)
            .key("big")
            .upload_id(id)
            .part_number(number)
            .body(body);
        let part = part.send().await.expect("the part is taken");
        let done = aws_sdk_s3::types::CompletedPart::builder().part_number(number);
        parts = parts.parts(done.set_e_tag(part.e_tag).build());
    }
    let end = s3.complete_multipart_upload().bucket(BUCKET).key("big").upload_id(id);
    let end = end.multipart_upload(parts.build()).send().await.expect("it ends");
    assert!(end.e_tag().is_some_and(|etag| etag.ends_with("-2\"")));
    assert_eq!(sandbox.s3.get(BUCKET, "big").as_deref(), Some(&b"111222"[..]));
}

#[tokio::test(start_paused = true)]
async fn secrets_are_found_by_name_and_arn() {
    let sandbox = Sandbox::start().await;
    let secrets = aws_sdk_secretsmanager::Client::new(&sandbox.aws_config());
    let get = |id: &str| secrets.get_secret_value().secret_id(id).send();
    let arn = sandbox::Secrets::arn(DESTINATION_SECRET);
    for id in [DESTINATION_SECRET, &arn, arn.trim_end_matches("-AbCdEf")] {
        let found = get(id).await.expect("the secret is there");
        assert!(
            found
                .secret_string()
                .is_some_and(|text| text.contains(CREDENTIAL_SECRET))
        );
    }
    sandbox.secrets.deny(CREDENTIAL_SECRET);
    let denied = get(CREDENTIAL_SECRET)
        .await
        .expect_err("it is denied")
        .into_service_error();
    assert_eq!(denied.meta().code(), Some("AccessDeniedException"));
    let missing = get("missing").await.expect_err("it is missing").into_service_error();
    assert!(missing.is_resource_not_found_exception());
    assert_eq!(sandbox.secrets.requests().len(), 5);
}

#[tokio::test]
async fn secrets_are_created_stored_and_listed() {
    let sandbox = Sandbox::start().await;
    let secrets = aws_sdk_secretsmanager::Client::new(&sandbox.aws_config());
    let create = || secrets.create_secret().name("mine").secret_string("one");
    let first = create().send().await.expect("the name is free");
    assert_eq!(code(create().send().await), "ResourceExistsException");
    let put = secrets.put_secret_value().secret_id("mine").secret_string("two");
    let second = put.send().await.expect("it is there");
    assert_ne!(first.version_id(), second.version_id());
    let arn = first.arn().expect("it has an ARN");
    let update = secrets.update_secret().secret_id(arn).secret_string("three");
    update.send().await.expect("it is there");
    assert_eq!(sandbox.secrets.text("mine"), "three");
    let update = secrets.update_secret().secret_id("mine").description("for people");
    update.send().await.expect("it is there");
    assert_eq!(sandbox.secrets.text("mine"), "three");
    let missing = secrets.put_secret_value().secret_id("none").secret_string("x");
    assert_eq!(code(missing.send().await), "ResourceNotFoundException");
    let listed = secrets.list_secrets().send().await.expect("secrets are listed");
    let names: Vec<_> = listed.secret_list().iter().filter_map(|secret| secret.name()).collect();
    assert_eq!(names, ["mine", CREDENTIAL_SECRET, DESTINATION_SECRET]);
}
