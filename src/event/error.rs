//! What can be wrong with an event.

use serde_json::Value;
use std::borrow::Cow;

/// The shapes that are accepted, for the messages of those that are not.
const ACCEPTED: &str = "accepted are an S3 notification, an EventBridge `Object Created` event of `aws.s3`, an SQS batch \
                        of these two, an EventBridge `Scheduled Event`, and the commands \
                        {\"action\":\"load\",\"key\":...}, {\"action\":\"sweep\"}, {\"action\":\"history\"} and \
                        {\"action\":\"test_connection\"}";

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
    /// The body of an SQS message is no JSON.
    #[error("the body of the SQS message is no JSON; {ACCEPTED}")]
    BodyNotJson,
    /// A command that does not exist.
    #[error("the action {action:?} does not exist; actions are `load`, `sweep`, `history` and `test_connection`")]
    UnknownAction {
        /// The action as written.
        action: String,
    },
    /// A command has a field that it does not know.
    #[error("the command `{action}` has the unknown field {field:?}; known fields are {known}")]
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
                format!("an event {detail_type:?} from {source:?}")
            }
            (_, _, Value::String(source), _) => format!("a record from {source:?}"),
            (_, _, _, Value::Object(object)) if object.is_empty() => "an empty event".into(),
            (_, _, _, Value::Object(object)) => {
                let keys: Vec<_> = object.keys().take(10).map(|key| format!("{key:?}")).collect();
                format!("an event with {}", keys.join(", "))
            }
            _ => "an event that is no JSON object".into(),
        };
        Self::Unknown { found }
    }

    /// Returns the stable name that alarms and retries see.
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Unknown { .. } | Self::WrappedBySns => "UnknownEvent",
            Self::Malformed { .. } | Self::BodyNotJson => "MalformedEvent",
            Self::UnknownAction { .. } | Self::UnknownField { .. } | Self::Field { .. } => "InvalidCommand",
        }
    }

    /// Tells whether the same event may succeed a little later: never.
    pub fn is_transient(&self) -> bool {
        false
    }
}
