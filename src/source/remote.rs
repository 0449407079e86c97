//! An object in S3 as a file that a blocking thread can read.

use crate::source::error::Error;
use crate::source::object::{ObjectVersion, Objects};
use bytes::{Buf, Bytes};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};
use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The largest range in bytes.
///
/// Three are held at most, one being read and [`AHEAD`] on their way: 3 MiB of the 10 MiB that reading may take beside
/// the ids. Two requests of this size under way at a time hide S3's latency, larger ones gain next to nothing.
const LARGEST_RANGE: u64 = 1 << 20;

/// The first range in bytes; each one after it is twice as long, so that a look at a header costs little.
const FIRST_RANGE: u64 = 256 << 10;

/// How many ranges are on their way while another one is read.
const AHEAD: usize = 2;

/// One object, readable from a blocking thread of the same runtime.
///
/// Reading ends with an error as soon as the sender of `held` is dropped.
#[derive(Clone)]
pub(crate) struct Remote {
    objects: Objects,
    object: Arc<ObjectVersion>,
    runtime: Handle,
    held: watch::Receiver<()>,
    failure: Arc<Mutex<Option<Error>>>,
}

impl Remote {
    pub(crate) fn new(objects: Objects, object: ObjectVersion, held: watch::Receiver<()>) -> Self {
        Self {
            objects,
            object: Arc::new(object),
            runtime: Handle::current(),
            held,
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

    fn fetch(&self, start: u64, length: u64) -> impl Future<Output = Result<Bytes, Error>> + Send + 'static {
        let objects = self.objects.clone();
        let object = Arc::clone(&self.object);
        async move { objects.range(&object, start..start + length).await }
    }

    /// Blocks until the bytes are there, or until nobody wants them any more.
    fn wait<F: Future<Output = Result<Bytes, Error>>>(&self, bytes: F) -> io::Result<Bytes> {
        let mut held = self.held.clone();
        let outcome = self.runtime.block_on(async {
            tokio::select! {
                // Nothing is ever sent: this answers only that the sender is gone.
                _ = held.changed() => None,
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

impl Length for Remote {
    fn len(&self) -> u64 {
        self.object.size
    }
}

impl ChunkReader for Remote {
    type T = Ranges;

    fn get_read(&self, start: u64) -> ParquetResult<Ranges> {
        Ok(Ranges {
            remote: self.clone(),
            current: Bytes::new(),
            ahead: VecDeque::new(),
            next: start,
            length: FIRST_RANGE,
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        self.wait(self.fetch(start, length as u64)).map_err(ParquetError::from)
    }
}

/// Reads an object from an offset to its end, a few ranges ahead of the reader.
pub(crate) struct Ranges {
    remote: Remote,
    current: Bytes,
    ahead: VecDeque<Fetch>,
    next: u64,
    length: u64,
}

impl Ranges {
    fn top_up(&mut self) {
        while self.ahead.len() < AHEAD && self.next < self.remote.len() {
            let length = self.length.min(self.remote.len() - self.next);
            self.ahead
                .push_back(Fetch(self.remote.runtime.spawn(self.remote.fetch(self.next, length))));
            self.next += length;
            self.length = (self.length * 2).min(LARGEST_RANGE);
        }
    }
}

impl Read for Ranges {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.current.is_empty() {
            self.current = Bytes::new();
            self.top_up();
            let Some(mut fetch) = self.ahead.pop_front() else {
                return Ok(0);
            };
            // A task ends without an outcome only when the runtime shuts down.
            let outcome = async {
                (&mut fetch.0).await.unwrap_or_else(|_| {
                    Err(Error::Unavailable {
                        object: self.remote.object.url(),
                        cause: "shutting down".to_owned(),
                    })
                })
            };
            self.current = self.remote.wait(outcome)?;
            self.top_up();
        }
        let count = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

/// A range on its way; nobody waits for it any more once this is dropped.
struct Fetch(JoinHandle<Result<Bytes, Error>>);

impl Drop for Fetch {
    fn drop(&mut self) {
        self.0.abort();
    }
}
