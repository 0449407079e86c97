//! What hears of each run as soon as it has ended.

use super::outcomes::Invocation;
use super::scheduler::Player;
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use segment_loader::report::{RunReport, Stale, Tell};
use std::fmt;

/// Hears of the runs of one worker, but not of dry runs.
pub(super) struct Ear<'a>(pub(super) Option<(&'a Player, Invocation)>);

impl fmt::Debug for Ear<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ear(..)")
    }
}

impl Tell for Ear<'_> {
    fn tell(&self, report: RunReport) -> LocalBoxFuture<'_, RunReport> {
        let report = match self.0 {
            Some((player, by)) => player.hear(report, by),
            None => report,
        };
        std::future::ready(report).boxed_local()
    }

    fn tell_stale(&self, _: Stale) -> LocalBoxFuture<'_, bool> {
        std::future::ready(true).boxed_local()
    }
}
