//! SQS batches, whose bodies are S3 events, and their answer message by message.

use super::s3::optional;
use super::{Error, Message, ObjectEvent, Shape, objects};
use aws_lambda_events::sqs::SqsBatchResponse;
use serde_json::Value;

/// Reads each message for itself, so that one bad message fails alone.
pub(super) fn parse(event: &Value) -> Result<Vec<Message>, Error> {
    let records = event["Records"].as_array().map(Vec::as_slice).unwrap_or_default();
    records.iter().map(message).collect()
}

/// Answers a batch: the failed messages come again, all others are done.
///
/// The event source mapping must have `ReportBatchItemFailures` switched on.
pub fn batch_answer(failed_ids: impl IntoIterator<Item = String>) -> SqsBatchResponse {
    let mut answer = SqsBatchResponse::default();
    answer.set_failures(failed_ids);
    answer
}

fn message(record: &Value) -> Result<Message, Error> {
    // Without an id the answer could not name the message, and it would be deleted unread.
    let message_id = optional(&record["messageId"]).ok_or_else(|| malformed("a `messageId` as text"))?;
    let body = record["body"].as_str().ok_or_else(|| malformed("a `body` as text"));
    Ok(Message {
        message_id,
        objects: body.and_then(objects_of),
    })
}

fn objects_of(body: &str) -> Result<Vec<ObjectEvent>, Error> {
    let objects = super::read(Some(body)).and_then(|event| objects(Shape::of(&event)?, &event));
    objects.map_err(Error::of_body)
}

fn malformed(expected: &'static str) -> Error {
    Error::Malformed {
        place: "every SQS record".into(),
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn batch(bodies: &[Value]) -> Value {
        let record = |(n, body): (usize, &Value)| {
            let body = body.as_str().map_or_else(|| body.to_string(), Into::into);
            json!({"eventSource": "aws:sqs", "messageId": format!("m{n}"), "body": body})
        };
        json!({"Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>()})
    }

    #[test]
    fn one_bad_message_does_not_spoil_the_batch() {
        let created = json!({"source": "aws.s3", "detail-type": "Object Created",
                             "detail": {"bucket": {"name": "b"}, "object": {"key": "k"}}});
        let messages = parse(&batch(&[
            created.clone(),
            json!("no JSON"),
            json!({"action": "sweep"}),
            json!({"Event": "s3:TestEvent"}),
            json!({"Type": "Notification", "TopicArn": "arn:aws:sns:x", "Message": "{}"}),
            json!({"source": "aws.events", "detail-type": "Scheduled Event"}),
            batch(&[created]),
        ]))
        .unwrap();
        let summary: Vec<_> = messages
            .iter()
            .map(|message| match &message.objects {
                Ok(objects) => format!("{} {}", message.message_id, objects.len()),
                Err(error) => format!("{} {}", message.message_id, error.error_type()),
            })
            .collect();
        let expected = [
            "m0 1",
            "m1 UnknownEvent",
            "m2 UnknownEvent",
            "m3 0",
            "m4 UnknownEvent",
            "m5 UnknownEvent",
            "m6 UnknownEvent",
        ];
        assert_eq!(summary, expected);
        assert!(messages[4].objects.as_ref().unwrap_err().to_string().contains("SNS"));
    }

    #[test]
    fn a_message_without_an_id_or_a_body_is_an_error() {
        let without_id = json!({"Records": [{"eventSource": "aws:sqs", "body": "{}"}]});
        assert!(parse(&without_id).unwrap_err().to_string().contains("messageId"));
        let without_body = json!({"Records": [{"eventSource": "aws:sqs", "messageId": "m"}]});
        assert!(parse(&without_body).unwrap()[0].objects.is_err());
        let odd = json!({"Records": [{"eventSource": "aws:sqs", "messageId": 7}]});
        assert_eq!(parse(&odd).unwrap_err().error_type(), "MalformedEvent");
    }

    #[test]
    fn whatever_a_body_holds_only_its_message_fails_and_hears_what_is_accepted_there() {
        let deep = "[".repeat(100_000);
        for body in [
            json!(""),
            json!("7"),
            json!("[]"),
            json!("\"text\""),
            json!("{\"a\":\"\\ud800\"}"),
            json!("{\"Event\":1,\"Event\":2}"),
            json!(deep),
            json!("{\"action\":\"sweep\"}"),
            json!("{\"Records\":[]}"),
            json!({"no": "text"}),
            json!(null),
        ] {
            let record = json!({"eventSource": "aws:sqs", "messageId": "m", "body": body});
            let good = json!({"eventSource": "aws:sqs", "messageId": "n", "body": "{\"Event\":\"s3:TestEvent\"}"});
            let messages = parse(&json!({"Records": [record, good]})).unwrap();
            let error = messages[0].objects.as_ref().unwrap_err().to_string();
            assert!(
                error.contains("an S3 notification") || error.contains("a `body` as text"),
                "{error}"
            );
            assert!(error.len() < 400, "{error}");
            assert!(messages[1].objects.is_ok());
        }
    }

    #[test]
    fn the_answer_names_the_failed_messages() {
        let answer = |ids: &[&str]| serde_json::to_value(batch_answer(ids.iter().map(ToString::to_string))).unwrap();
        assert_eq!(answer(&[]), json!({"batchItemFailures": []}));
        assert_eq!(
            answer(&["m1"]),
            json!({"batchItemFailures": [{"itemIdentifier": "m1"}]})
        );
    }
}
