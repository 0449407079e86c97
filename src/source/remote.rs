//! An object in S3 as a file that a blocking thread can read.

use crate::source::body::Body;
use crate::source::content::Content;
use crate::source::error::Error;
use crate::source::object::{ObjectVersion, Objects};
use crate::source::stop::Stop;
use bytes::{Buf, Bytes};
use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How many bytes may lie ready for the reader: 2 MiB of the 10 MiB that reading may take beside the ids.
const READY: usize = 2 << 20;

/// How long a reader may leave all that is ready untouched before S3's answer is closed: far less than the SDK allows a body to
/// stand still. The reader then goes on with another answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// One object, readable from a blocking thread of the same runtime.
///
/// Reading ends with an error as soon as it is to stop.
#[derive(Clone)]
pub(crate) struct Remote {
    objects: Objects,
    object: Arc<ObjectVersion>,
    runtime: Handle,
    stop: Stop,
    failure: Arc<Mutex<Option<Error>>>,
}

impl Remote {
    pub(crate) fn new(objects: Objects, object: ObjectVersion, stop: Stop) -> Self {
        Self {
            objects,
            object: Arc::new(object),
            runtime: Handle::current(),
            stop,
            failure: Arc::default(),
        }
    }

    pub(crate) fn object(&self) -> &ObjectVersion {
        &self.object
    }

    /// Returns why S3 did not deliver, if that is what ended the reading.
    pub(crate) fn take_failure(&self) -> Option<Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Blocks until the bytes are there, or until nobody wants them any more.
    fn wait(&self, bytes: impl Future<Output = Result<Bytes, Error>>) -> io::Result<Bytes> {
        let outcome = self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.stop.due() => None,
                outcome = bytes => Some(outcome),
            }
        });
        match outcome {
            Some(Ok(bytes)) => Ok(bytes),
            Some(Err(error)) => {
                *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            None => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }
}

impl Content for Remote {
    type Part = Part;

    fn size(&self) -> u64 {
        self.object.size
    }

    fn part(&self, range: Range<u64>) -> io::Result<Part> {
        let (sender, ready) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(READY));
        let body = Body::new(self.objects.clone(), Arc::clone(&self.object), range);
        let supply = supply(body, sender, Arc::clone(&room), PATIENCE);
        Ok(Part {
            remote: self.clone(),
            current: Bytes::new(),
            ready,
            room,
            supply: self.runtime.spawn(supply),
            at_end: false,
        })
    }
}

/// Reads a part of an object, what comes next lying ready.
pub(crate) struct Part {
    remote: Remote,
    current: Bytes,
    ready: mpsc::UnboundedReceiver<Result<Bytes, Error>>,
    room: Arc<Semaphore>,
    supply: JoinHandle<()>,
    at_end: bool,
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.remote.stop.check()?;
        if self.current.is_empty() && !self.at_end {
            self.current = Bytes::new();
            let ready = &mut self.ready;
            // The supply ends without an empty piece only when the runtime shuts down: that is not the object's end.
            let shutting_down = || Error::Unavailable {
                object: self.remote.object.url(),
                cause: "shutting down".to_owned(),
            };
            let next = async { ready.recv().await.ok_or_else(shutting_down)? };
            self.current = self.remote.wait(next)?;
            self.room.add_permits(room_for(&self.current) as usize);
            self.at_end = self.current.is_empty();
        }
        let count = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.supply.abort();
    }
}

/// Keeps bytes ready as long as somebody takes them, at the end an empty piece; holds no answer open for a reader that
/// leaves all of them untouched for as long as `patience`.
async fn supply(
    mut body: Body,
    ready: mpsc::UnboundedSender<Result<Bytes, Error>>,
    room: Arc<Semaphore>,
    patience: Duration,
) {
    loop {
        let piece = body.next().await.map(Option::unwrap_or_default);
        let (needed, is_last) = match &piece {
            Ok(piece) => (room_for(piece), piece.is_empty()),
            Err(_) => (0, true),
        };
        let taken = if let Ok(taken) = timeout(patience, room.acquire_many(needed)).await {
            taken
        } else {
            body.let_go();
            room.acquire_many(needed).await
        };
        // The reader gives the room back when it takes the piece; nobody closes the semaphore.
        if let Ok(taken) = taken {
            taken.forget();
        }
        if ready.send(piece).is_err() || is_last {
            return;
        }
    }
}

/// Returns how much of the room a piece takes up; one that is larger than all of it waits for an empty queue.
fn room_for(piece: &Bytes) -> u32 {
    u32::try_from(piece.len().min(READY)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpListener;

    const PATIENCE: Duration = Duration::from_millis(20);

    /// Answers every request with the content from the byte on that it asks for, and tells that byte and whether all
    /// of the answer was taken.
    async fn serve(listener: TcpListener, content: Bytes, answered: mpsc::UnboundedSender<(usize, bool)>) {
        while let Ok((socket, _)) = listener.accept().await {
            let (content, answered) = (content.clone(), answered.clone());
            tokio::spawn(async move {
                let mut socket = BufReader::new(socket);
                let (mut start, mut line) = (0, String::new());
                while socket.read_line(&mut line).await.is_ok() && line != "\r\n" {
                    let range = line.to_lowercase();
                    if let Some(range) = range.strip_prefix("range: bytes=") {
                        start = range.split('-').next().unwrap().parse().unwrap();
                    }
                    line.clear();
                }
                let head = format!(
                    "HTTP/1.1 206 Partial Content\r\netag: \"e\"\r\ncontent-length: {}\r\ncontent-range: bytes {start}-{}/{}\r\n\r\n",
                    content.len() - start,
                    content.len() - 1,
                    content.len(),
                );
                socket.write_all(head.as_bytes()).await.unwrap();
                let outcome = socket.write_all(&content[start..]).await;
                answered.send((start, outcome.is_ok())).unwrap();
            });
        }
    }

    #[tokio::test]
    async fn no_answer_is_held_open_for_a_reader_that_pauses() {
        // More than the buffers of both sockets hold.
        let content: Bytes = (0..32_000_000_u32).map(|number| (number % 251) as u8).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("eu-west-1"))
            .endpoint_url(format!("http://{}", listener.local_addr().unwrap()))
            .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
            .build();
        let (answered, mut answers) = mpsc::unbounded_channel();
        tokio::spawn(serve(listener, content.clone(), answered));
        let object = ObjectVersion {
            bucket: "results".to_owned(),
            key: "incoming/a.csv".to_owned(),
            version_id: None,
            etag: "e".to_owned(),
            size: content.len() as u64,
            last_modified: chrono::DateTime::UNIX_EPOCH,
            metadata: std::collections::HashMap::new(),
            hidden_metadata: false,
        };
        let objects = Objects::new(aws_sdk_s3::Client::from_conf(config));
        let body = Body::new(objects, Arc::new(object), 0..content.len() as u64);
        let (sender, mut ready) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(READY));
        tokio::spawn(supply(body, sender, Arc::clone(&room), PATIENCE));

        assert_eq!(answers.recv().await, Some((0, false)), "closed before all was taken");
        let mut read = Vec::new();
        while let Some(piece) = ready.recv().await {
            let piece = piece.unwrap();
            room.add_permits(room_for(&piece) as usize);
            read.extend_from_slice(&piece);
        }
        assert!(read == content, "{} of {} bytes", read.len(), content.len());
        let (start, _) = answers.recv().await.unwrap();
        assert!(start > 0 && start < 2 * READY, "{start}");
    }
}
