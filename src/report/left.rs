//! What a run tells of the segment that was loaded before, where another one stands behind the name by now: nobody keeps that one
//! up to date any more, and what was added to it and removed from it is not done in this one.

use super::RunReport;
use super::account::Comparison;
use crate::domain::Mode;
use crate::reconcile::Left;
use crate::state::Head;
use crate::text::json::to_paste;
use crate::text::shown;
use serde_json::{Value, json};

/// The segment that was loaded last, where it is another one than is meant now.
#[derive(Debug)]
pub(crate) struct LeftBehind {
    /// What has become of it.
    pub(crate) left: Left,
    /// The command that loads the first of what was loaded into it, where that is known.
    first: Option<Value>,
}

impl LeftBehind {
    /// Looks up in the head what was loaded into it.
    pub(crate) fn of(left: Left, head: &Head) -> Self {
        let name = &head.segment_name;
        let whole = head.in_force.as_ref();
        let whole =
            whole.map(|whole| json!({"action": "load", "key": whole.key, "segment_name": name, "mode": "replace"}));
        let counted = || {
            let (object, mode) = head.first_counted()?;
            Some(json!({
                "action": "load", "bucket": object.bucket, "key": object.key, "segment_name": name, "mode": mode,
            }))
        };
        let first = whole.or_else(counted);
        Self { left, first }
    }
}

impl RunReport {
    /// Tells of the segment that was loaded before; where a file says only what changes, a person has to see to the rest.
    pub(super) fn tell_of_the_one_left(&mut self, behind: Option<&LeftBehind>) {
        let Some(LeftBehind { left, first }) = behind else {
            return;
        };
        let is_whole = self.mode == Some(Mode::Replace);
        if is_whole && *left == Left::Gone {
            return;
        }
        let mut said = format!("the segment that was loaded last is another one: it {}", now(left));
        if *left != Left::Gone {
            said.push_str(
                ", and whoever uses that one goes on with the people whom it has; nobody keeps it up to date any more",
            );
        }
        if !is_whole {
            said.push_str(
                "; what earlier files added there and removed does not hold in this one: load those that are to hold directly, from the \
                 oldest on",
            );
            let first = first
                .as_ref()
                .map(|first| [", beginning with ", &to_paste(first)].concat());
            said.extend(first);
        }
        self.warnings.push(said);
        self.needs_attention |= !is_whole;
    }
}

/// Says what a segment that was published is now.
pub(super) fn since_it_was_published(left: &Left) -> String {
    let also = match left {
        Left::Renamed(_) => ", and another one has its name",
        Left::OfAnotherUnit | Left::Gone => "",
    };
    format!("the segment that was published {}{also}", now(left))
}

/// Says who had no segment of the name, where one is made.
pub(super) const fn who_had_none(comparison: &Comparison) -> &'static str {
    match &comparison.left {
        Some(LeftBehind {
            left: Left::OfAnotherUnit,
            ..
        }) => "the business unit has",
        _ => "there was",
    }
}

/// Says the same in a sentence for people.
pub(super) fn plainly(left: &Left, mode: Mode) -> Option<String> {
    let now = match left {
        Left::Renamed(now) => format!("is called “{now}” now, and is not kept up to date any more"),
        Left::OfAnotherUnit => "belongs to another business unit now, and is not kept up to date any more".to_owned(),
        Left::Gone if mode == Mode::Replace => return None,
        Left::Gone => "is not there any more".to_owned(),
    };
    let rest = match mode {
        Mode::Replace => "",
        Mode::Append | Mode::Remove => {
            " What earlier files added there and took out does not hold in this one: whoever runs this program has to load them again."
        }
    };
    Some(format!("The segment that was loaded before {now}.{rest}"))
}

fn now(left: &Left) -> String {
    match left {
        Left::Renamed(now) => format!("is called {} now", shown::word(now)),
        Left::OfAnotherUnit => "belongs to another business unit now".to_owned(),
        Left::Gone => "is deleted, or not to be found any more".to_owned(),
    }
}
