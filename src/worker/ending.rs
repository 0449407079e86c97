//! What becomes of a wish whose attempt failed: in the head, and of the turn.

use super::hold::Hold;
use crate::error::Error;
use crate::fate::Fate;
use crate::means::Means;
use crate::report::{Ending, Outcome};
use crate::state::{self, Refusal, Wish};

/// Whether the worker goes on with the next wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    GoOn,
    Stop,
}

/// Decides by an error's fate what a failed wish leaves in the head, and whether the turn goes on with older wishes.
pub(super) async fn settle_failure<M: Means>(hold: &Hold<M>, wish: &Wish, error: Error) -> (Ending, Next) {
    let (outcome, next, kept) = match error.fate() {
        Fate::Drop => (Outcome::Superseded, Next::GoOn, hold.forget(wish).await),
        Fate::Refuse => {
            let kept = hold.refuse(wish, &refusal(&error)).await;
            (Outcome::Refused, Next::GoOn, kept)
        }
        Fate::PutAside => {
            let kept = hold.refuse(wish, &refusal(&error)).await;
            (Outcome::Failed, Next::GoOn, kept)
        }
        Fate::LostLease => (Outcome::Busy, Next::Stop, Ok(())),
        Fate::Continue => (Outcome::Continues, Next::Stop, hold.release().await),
        Fate::Retry => return (fail(hold, error).await, Next::Stop),
    };
    if let Err(error) = kept {
        warn_unnoted(&error);
    }
    let ending = Ending::Failed {
        outcome,
        error,
        needs_attention: false,
    };
    (ending, next)
}

/// Says why the wish is not tried again.
fn refusal(error: &Error) -> Refusal {
    Refusal {
        reason: error.to_string(),
        unreadable: error.fate() == Fate::PutAside,
        error_type: error.told_type(),
    }
}

async fn fail<M: Means>(hold: &Hold<M>, error: Error) -> Ending {
    let counted = hold.fail(error.error_type()).await;
    let needs_attention = *counted.as_ref().unwrap_or(&false);
    let kept = match counted {
        Ok(_) => hold.release().await,
        Err(error) => Err(error),
    };
    if let Err(error) = kept {
        warn_unnoted(&error);
    }
    Ending::Failed {
        outcome: Outcome::Failed,
        error,
        needs_attention,
    }
}

fn warn_unnoted(error: &state::Error) {
    tracing::warn!(error = %error, "the end of the run could not be noted; the lease runs out by itself");
}
