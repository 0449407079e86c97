//! What S3 refuses is told in its own words, with what to do.

use crate::source_answers::{KEY, look_and_read, sandbox_with_file};
use sandbox::{BUCKET, Fault};
use segment_loader::config::ResultFiles;
use segment_loader::domain::ObjectRef;

/// What S3 answers: status, code, message and a header; then how it must be told.
type Refusal = (
    u16,
    &'static str,
    &'static str,
    Option<(&'static str, &'static str)>,
    &'static str,
    &'static [&'static str],
);

const REFUSALS: [Refusal; 15] = [
    (
        403,
        "AccessDenied",
        "Access Denied",
        None,
        "SourceForbidden",
        &["s3:GetObject", "s3:ListBucket"],
    ),
    (
        403,
        "AccessDenied",
        "User: x is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext",
        None,
        "SourceForbidden",
        &["kms:Decrypt on the key", "key's own policy"],
    ),
    (
        403,
        "AccessDenied",
        "User: x is not authorized to perform: s3:GetObject with an explicit deny in a resource-based policy",
        None,
        "SourceForbidden",
        &["explicit deny"],
    ),
    (
        403,
        "AccessDenied",
        "Bucket is requester pays bucket",
        None,
        "SourceRefused",
        &["switch Requester Pays off"],
    ),
    (
        400,
        "InvalidRequest",
        "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to \
         retrieve the object.",
        None,
        "SourceRefused",
        &["SSE-C", "write it again"],
    ),
    (
        400,
        "KMS.DisabledException",
        "arn:aws:kms:x is disabled.",
        None,
        "SourceRefused",
        &["disabled", "enable the key"],
    ),
    (
        400,
        "KMS.KMSInvalidStateException",
        "is pending deletion",
        None,
        "SourceRefused",
        &["cancel the deletion"],
    ),
    (
        400,
        "KMS.NotFoundException",
        "does not exist",
        None,
        "SourceRefused",
        &["does not exist any more"],
    ),
    (
        403,
        "InvalidObjectState",
        "not valid for the storage class",
        None,
        "SourceRefused",
        &["archived", "restore it"],
    ),
    (
        301,
        "PermanentRedirect",
        "must be addressed using the specified endpoint",
        Some(("x-amz-bucket-region", "eu-central-1")),
        "SourceRefused",
        &["in the region eu-central-1"],
    ),
    (
        400,
        "AuthorizationHeaderMalformed",
        "The authorization header is malformed; the region 'eu-west-1' is wrong; expecting 'us-east-2'",
        None,
        "SourceRefused",
        &["in the region us-east-2"],
    ),
    (
        404,
        "NoSuchBucket",
        "The specified bucket does not exist",
        None,
        "SourceMissing",
        &["no such bucket"],
    ),
    (
        404,
        "NoSuchKey",
        "The specified key does not exist.",
        None,
        "SourceMissing",
        &["deleted, moved or never written"],
    ),
    (
        405,
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
        Some(("x-amz-delete-marker", "true")),
        "SourceMissing",
        &["it was deleted"],
    ),
    (
        400,
        "InvalidArgument",
        "Invalid version id specified",
        None,
        "SourceRefused",
        &["status 400 InvalidArgument"],
    ),
];

#[tokio::test]
async fn a_refusal_is_told_in_s3s_own_words_whoever_is_refused() {
    for (status, code, message, header, error_type, words) in REFUSALS {
        // A `HEAD` has no body; both are refused, or the reading alone.
        for operations in [&["HeadObject", "GetObject"][..], &["GetObject"]] {
            let (sandbox, objects) = sandbox_with_file(10).await;
            for operation in operations {
                let fault = Fault::on(operation).answer(status).error(code, message);
                let fault = header.map_or(fault.clone(), |(name, value)| fault.header(name, value));
                sandbox.s3.fault(fault.always());
            }
            let error = look_and_read(&objects).await.unwrap_err();
            let told = error.to_string();
            assert_eq!(
                (error.error_type(), error.is_transient()),
                (error_type, false),
                "{code}: {told}"
            );
            assert!(words.iter().all(|word| told.contains(word)), "{code}: {told}");
            assert!(told.contains(&format!("s3://{BUCKET}/{KEY}")), "{told}");
        }
    }
}

#[tokio::test]
async fn a_refused_listing_is_told_in_s3s_own_words() {
    for (status, code, error_type, words) in [
        (403, "AccessDenied", "SourceForbidden", "s3:ListBucket"),
        (404, "NoSuchBucket", "SourceMissing", "no such bucket"),
        (301, "PermanentRedirect", "SourceRefused", "another region"),
        (503, "SlowDown", "SourceUnavailable", "status 503 SlowDown"),
    ] {
        let (sandbox, objects) = sandbox_with_file(10).await;
        sandbox
            .s3
            .fault(Fault::on("ListObjectsV2").answer(status).code(code).always());
        let error = objects.list(BUCKET, "incoming/", 10).await.unwrap_err();
        assert_eq!(error.error_type(), error_type, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn what_never_was_is_not_called_deleted() {
    let (sandbox, objects) = sandbox_with_file(10).await;
    let version = objects.head(BUCKET, KEY, None).await.unwrap();
    let told = async |bucket: &str, key: &str, version: Option<&str>| {
        let error = objects.head(bucket, key, version).await.unwrap_err();
        assert_eq!(error.error_type(), "SourceMissing");
        error.to_string()
    };
    assert!(
        told(BUCKET, "incoming/none.csv", None)
            .await
            .contains("or never written")
    );
    assert!(told("no-such-bucket", KEY, None).await.contains("no such bucket"));
    assert!(
        told(BUCKET, KEY, Some("none"))
            .await
            .contains("in the version asked for")
    );
    sandbox.s3.delete(BUCKET, KEY);
    assert!(told(BUCKET, KEY, None).await.contains("any more; it was deleted"));
    assert!(objects.head(BUCKET, KEY, version.version_id.as_deref()).await.is_ok());
}

#[tokio::test]
async fn a_key_that_would_break_a_line_is_escaped_in_sentences() {
    let (_sandbox, objects) = sandbox_with_file(10).await;
    let error = objects
        .head(BUCKET, "incoming/a\r\nb\u{1b}.csv", None)
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("/incoming/a\\r\\nb\\u{1b}.csv does not exist"),
        "{error}"
    );
}

#[tokio::test]
async fn a_name_that_no_bucket_can_have_is_refused_without_asking() {
    let (sandbox, objects) = sandbox_with_file(10).await;
    for bucket in ["a b", "a/b", "x\n"] {
        let error = objects
            .locate(
                &ObjectRef::unseen(bucket.to_owned(), KEY.to_owned(), None),
                ResultFiles::Single,
            )
            .await
            .unwrap_err();
        assert!(
            ["SourceRefused", "SourceMissing"].contains(&error.error_type()),
            "{bucket:?}: {error}"
        );
        assert!(!error.is_transient() && !error.to_string().contains('\n'), "{error}");
    }
    drop(sandbox);
}
