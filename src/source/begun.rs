//! When so much of a result has been parsed that other work may begin beside it.

use std::future::Future;
use tokio::sync::oneshot;

/// How much of a result is parsed before anything is begun beside it: what is no result at all is told by its beginning.
const BEGINNING: usize = 1 << 20;

/// Told by a reader once it has parsed the first MiB of a result, unpacked; [`Default`] is told to nobody.
#[derive(Debug, Default)]
pub struct Begun {
    listener: Option<oneshot::Sender<()>>,
    parsed: usize,
}

impl Begun {
    /// Makes one beside a future that ends once it is told; it ends with `None` where the result is shorter or cannot be read
    /// so far.
    pub fn new() -> (Self, impl Future<Output = Option<()>>) {
        let (listener, told) = oneshot::channel();
        let begun = Self {
            listener: Some(listener),
            parsed: 0,
        };
        (begun, async { told.await.ok() })
    }

    /// Takes note that so many bytes more have been parsed.
    pub fn parsed(&mut self, bytes: usize) {
        self.parsed = self.parsed.saturating_add(bytes);
        if self.parsed >= BEGINNING
            && let Some(listener) = self.listener.take()
        {
            // Whoever listened may have gone.
            let _ = listener.send(());
        }
    }
}
