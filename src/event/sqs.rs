//! SQS batches, whose bodies are S3 events, and their answer message by message.

use super::{Error, Message, ObjectEvent, Shape, objects};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use serde_json::Value;

/// Reads each message for itself, so that one bad message fails alone.
pub(super) fn parse(event: Value) -> Result<Vec<Message>, Error> {
    let batch: SqsEvent = serde_json::from_value(event).map_err(|_| malformed("`messageId` and `body` as text"))?;
    batch.records.into_iter().map(message).collect()
}

/// Answers a batch: the failed messages come again, all others are done.
///
/// The event source mapping must have `ReportBatchItemFailures` switched on.
pub fn batch_answer(failed_ids: impl IntoIterator<Item = String>) -> SqsBatchResponse {
    let mut answer = SqsBatchResponse::default();
    answer.set_failures(failed_ids);
    answer
}

fn message(record: SqsMessage) -> Result<Message, Error> {
    // Without an id the answer could not name the message, and it would be deleted unread.
    let message_id = record.message_id.filter(|id| !id.is_empty());
    Ok(Message {
        message_id: message_id.ok_or_else(|| malformed("a `messageId`"))?,
        objects: record
            .body
            .ok_or_else(|| malformed("a `body`"))
            .and_then(|body| objects_of(&body)),
    })
}

fn objects_of(body: &str) -> Result<Vec<ObjectEvent>, Error> {
    let event: Value = serde_json::from_str(body).map_err(|_| Error::BodyNotJson)?;
    objects(Shape::of(&event)?, event)
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
        let messages = parse(batch(&[
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
            "m1 MalformedEvent",
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
        assert!(parse(without_id).unwrap_err().to_string().contains("messageId"));
        let without_body = json!({"Records": [{"eventSource": "aws:sqs", "messageId": "m"}]});
        assert!(parse(without_body).unwrap()[0].objects.is_err());
        let odd = json!({"Records": [{"eventSource": "aws:sqs", "messageId": 7}]});
        assert_eq!(parse(odd).unwrap_err().error_type(), "MalformedEvent");
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
