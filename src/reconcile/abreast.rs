//! Making calls side by side, none of which is left alone.

use super::Error;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

/// Makes all calls, `at_once` at a time; after a failure none is begun any more, but those under way are awaited.
///
/// One that was left alone could be carried out when the lease is given back and another worker writes.
pub(super) async fn make_all<T>(
    at_once: usize,
    mut calls: impl Iterator<Item = impl Future<Output = Result<T, Error>>>,
    mut done: impl FnMut(T),
) -> Result<(), Error> {
    let mut under_way = FuturesUnordered::new();
    let mut outcome = Ok(());
    loop {
        while outcome.is_ok()
            && under_way.len() < at_once
            && let Some(call) = calls.next()
        {
            under_way.push(call);
        }
        match under_way.next().await {
            Some(Ok(value)) => done(value),
            Some(Err(error)) => outcome = outcome.and(Err(error)),
            None => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn after_a_failure_no_call_is_begun_and_those_under_way_are_awaited() {
        let (begun, ended) = (Cell::new(0), Cell::new(0));
        let calls = (0..40_usize).map(|number| {
            begun.set(begun.get() + 1);
            let ended = &ended;
            async move {
                tokio::time::sleep(Duration::from_secs(number as u64)).await;
                ended.set(ended.get() + 1);
                match number {
                    1 | 7 => Err(Error::MembersStay { count: number }),
                    _ => Ok(()),
                }
            }
        });
        let outcome = make_all(20, calls, |()| {}).await;
        assert!(
            matches!(outcome, Err(Error::MembersStay { count: 1 })),
            "the first failure is told"
        );
        assert_eq!(begun.get(), 21);
        assert_eq!(ended.get(), begun.get());
    }
}
