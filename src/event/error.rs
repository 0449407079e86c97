//! What can be wrong with an event.

use crate::text::{json, shown};
use serde_json::Value;
use std::borrow::Cow;

/// The shapes that are accepted, for the messages of those that are not.
const ACCEPTED: &str = "accepted are an S3 notification, an EventBridge `Object Created` event of `aws.s3`, an SQS batch \
                        of these two, an EventBridge `Scheduled Event`, and the commands \
                        {\"action\":\"load\",\"key\":...}, {\"action\":\"sweep\"}, {\"action\":\"status\"}, {\"action\":\"history\"}, \
                        {\"action\":\"forget\",\"segment_name\":...}, \
                        {\"action\":\"test_connection\"} and {\"action\":\"verify_environment\"}";

/// Tells why an event cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// None of the accepted shapes.
    #[error("cannot understand {found}: {ACCEPTED}")]
    Unknown {
        /// What arrived, told by its keys and discriminators only.
        found: String,
    },
    /// Amazon SNS put its envelope around the event.
    #[error(
        "an event wrapped by SNS is not accepted: subscribe an SQS queue with raw message delivery, or send without \
         SNS; {ACCEPTED}"
    )]
    WrappedBySns,
    /// The event has an accepted shape, but a part of it is missing or wrong.
    #[error("{place} must have {expected}")]
    Malformed {
        /// The part of the event.
        place: String,
        /// What would be right.
        expected: &'static str,
    },
    /// The text of an event cannot be read as JSON.
    #[error("cannot understand an event that is {problem}: {ACCEPTED}")]
    NotJson {
        /// What is wrong, told by its place.
        problem: json::Error,
    },
    /// The body of an SQS message is none that is accepted there.
    #[error(
        "cannot understand an SQS message whose body is {found}: accepted are an S3 notification and an EventBridge \
         `Object Created` event of `aws.s3`"
    )]
    Body {
        /// What arrived, told by its keys and discriminators only, or what is wrong with the JSON.
        found: String,
    },
    /// A command that does not exist.
    #[error(
        "the action {} does not exist; actions are `load`, `sweep`, `status`, `history`, `forget`, `test_connection` and `verify_environment`",
        shown::word(action)
    )]
    UnknownAction {
        /// The action as written.
        action: String,
    },
    /// A command has a field that it does not know.
    #[error(
        "the command `{action}` has the unknown field {}; known fields are {known}",
        shown::word(field)
    )]
    UnknownField {
        /// The command.
        action: &'static str,
        /// The field as written.
        field: String,
        /// The known ones, as a list for people.
        known: String,
    },
    /// A field of a command is missing or wrong.
    #[error("the command `{action}`: the field `{field}` must be {expected}")]
    Field {
        /// The command.
        action: &'static str,
        /// The field.
        field: &'static str,
        /// What would be right.
        expected: Cow<'static, str>,
    },
}

impl Error {
    /// Describes an event of no accepted shape by its discriminators, or else by its keys.
    pub(super) fn unknown(event: &Value) -> Self {
        let record = &event["Records"][0];
        let found = match (&event["source"], &event["detail-type"], &record["eventSource"], event) {
            (Value::String(source), Value::String(detail_type), ..) => {
                format!("an event {} from {}", shown::word(detail_type), shown::word(source))
            }
            (_, _, Value::String(source), _) => format!("a record from {}", shown::word(source)),
            (_, _, _, Value::Object(object)) if object.is_empty() => "an empty event".into(),
            (_, _, _, Value::Object(object)) => {
                format!("an event with {}", shown::words(object.keys().map(String::as_str)))
            }
            _ => "an event that is no JSON object".into(),
        };
        Self::Unknown { found }
    }

    /// Says of an error about an event that the event was the body of an SQS message.
    pub(super) fn of_body(self) -> Self {
        match self {
            Self::Unknown { found } => Self::Body { found },
            Self::NotJson { problem } => Self::Body {
                found: problem.to_string(),
            },
            error => error,
        }
    }

    /// Returns the stable name that alarms and retries see.
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Unknown { .. } | Self::WrappedBySns | Self::Body { .. } => "UnknownEvent",
            Self::Malformed { .. } | Self::NotJson { .. } => "MalformedEvent",
            Self::UnknownAction { .. } | Self::UnknownField { .. } | Self::Field { .. } => "InvalidCommand",
        }
    }
}
