//! Any trigger becomes a [`Request`]; nothing here does I/O.
//!
//! The shape is told by discriminators, never by trying one type after the other: a batch type with optional fields
//! would take an S3 notification without an error and lose its files.

mod command;
mod error;
mod eventbridge;
mod s3;
pub mod scope;
mod shape;
pub mod sqs;

pub use command::{HistoryCommand, LoadCommand};
pub use error::Error;

use crate::domain::{ObjectRef, SegmentName};
use crate::text::json;
use serde_json::Value;
use shape::Shape;

/// What an event asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Look at these objects, which were created or replaced.
    Objects(Vec<ObjectEvent>),
    /// Look at the objects of each message and answer for each message alone.
    Batch(Vec<Message>),
    /// Load this object.
    Load(LoadCommand),
    /// Continue what is unfinished and find what was missed.
    Sweep {
        /// A person asks, so that no pause after a failure is waited for.
        now: bool,
    },
    /// Tell what the heads know, of one segment or of all.
    Status(Option<SegmentName>),
    /// Tell the last runs.
    History(HistoryCommand),
    /// Delete what is known of this segment.
    Forget(SegmentName),
    /// Check secrets, sign-in and environment.
    TestConnection,
    /// Try in the environment what its documents leave open.
    VerifyEnvironment {
        /// The trial segment is left for people to look at.
        keep: bool,
    },
    /// Nothing to do, which is a success: a test event, a deletion.
    Ignored,
}

/// An object that S3 says was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectEvent {
    /// The object, by its name: what it holds is asked of S3.
    pub object: ObjectRef,
    /// Who dropped it, as AWS names them.
    pub requester: Option<String>,
}

/// One message of an SQS batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// By which the batch is answered.
    pub message_id: String,
    /// The objects it names, none for a test event or a deletion; one bad message does not spoil the batch.
    pub objects: Result<Vec<ObjectEvent>, Error>,
}

/// Reads the text of an event, which may be anything; nothing stands for bytes that are no text.
pub fn read(text: Option<&str>) -> Result<Value, Error> {
    let value = text.ok_or(json::Error::NotUtf8).and_then(json::parse);
    value.map_err(|problem| Error::NotJson { problem })
}

/// Reads an event of any accepted shape.
pub fn parse(event: &Value) -> Result<Request, Error> {
    match Shape::of(event)? {
        Shape::Command => command::parse(event),
        Shape::SqsBatch => sqs::parse(event).map(Request::Batch),
        Shape::Tick => Ok(Request::Sweep { now: false }),
        shape => match objects(shape, event)? {
            objects if objects.is_empty() => Ok(Request::Ignored),
            objects => Ok(Request::Objects(objects)),
        },
    }
}

/// Reads the objects that an event of S3, direct or by way of `EventBridge`, says were created.
fn objects(shape: Shape, event: &Value) -> Result<Vec<ObjectEvent>, Error> {
    match shape {
        Shape::S3Notification => s3::parse(event),
        Shape::ObjectCreated => eventbridge::parse(event).map(|object| vec![object]),
        Shape::NothingCreated => Ok(Vec::new()),
        Shape::Command | Shape::SqsBatch | Shape::Tick => Err(Error::unknown(event)),
    }
}

#[cfg(test)]
mod tests;
