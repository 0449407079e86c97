//! When reading ends although the result has not.

use std::io::{self, Read};
use tokio::sync::watch;

/// Held by whoever waits for a result; once it is dropped, reading stops.
pub(crate) struct Leash(#[expect(dead_code, reason = "it is the drop that tells")] watch::Sender<()>);

/// Tells a thread that reads whether to go on; cheap to clone and to ask.
///
/// What takes its time asks again and again: every read of bytes, packed or not, does so by itself, and decoders that
/// make many rows of few bytes ask by way of the [`Tally`](crate::source::tally::Tally).
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Option<watch::Receiver<()>>);

impl Stop {
    /// Stops as soon as the leash is dropped; without one ([`Default`]) never.
    pub(crate) fn new() -> (Leash, Self) {
        let (leash, held) = watch::channel(());
        (Leash(leash), Self(Some(held)))
    }

    /// Returns an error once reading is to end; it is never shown, since nobody waits for the result any more.
    pub(crate) fn check(&self) -> Result<(), io::ErrorKind> {
        match &self.0 {
            // Nothing is ever sent: an error says that the sender is gone.
            Some(held) if held.has_changed().is_err() => Err(io::ErrorKind::ConnectionAborted),
            _ => Ok(()),
        }
    }

    /// Waits until reading is to end.
    pub(crate) async fn due(&self) {
        match self.0.clone() {
            Some(mut held) => while held.changed().await.is_ok() {},
            None => std::future::pending().await,
        }
    }

    /// Reads what `input` gives for as long as reading is to go on.
    pub(crate) fn watch<R: Read>(&self, input: R) -> Stoppable<R> {
        Stoppable {
            input,
            stop: self.clone(),
        }
    }
}

/// A reader that asks before every read whether to go on.
pub(crate) struct Stoppable<R> {
    input: R,
    stop: Stop,
}

impl<R: Read> Read for Stoppable<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stop.check()?;
        self.input.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test(start_paused = true)]
    async fn reading_goes_on_until_the_leash_is_dropped() {
        let (leash, stop) = Stop::new();
        let mut endless = stop.watch(io::repeat(b'x'));
        let mut buffer = [0; 8];
        assert_eq!(endless.read(&mut buffer).unwrap(), 8);
        assert!(timeout(Duration::from_hours(1), stop.due()).await.is_err());
        drop(leash);
        stop.due().await;
        let error = endless.read(&mut buffer).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_leash_it_never_stops() {
        let stop = Stop::default();
        assert!(stop.check().is_ok());
        assert!(timeout(Duration::from_hours(1), stop.due()).await.is_err());
    }
}
