//! The answer to a command to forget a segment.

use crate::domain::{ObjectRef, SegmentName};
use crate::state::UnderWay;
use serde_json::{Value, json};

/// What became of the command to forget a segment.
#[derive(Debug)]
pub enum Forgotten {
    /// Its head is gone.
    Done {
        /// The segment.
        segment_name: SegmentName,
        /// The results that the next sweep takes for new, the newest first; or why they could not be looked for.
        found_again: Result<Vec<ObjectRef>, String>,
    },
    /// It had none.
    Unknown(SegmentName),
    /// It is still needed.
    UnderWay(SegmentName, UnderWay),
}

impl Forgotten {
    pub(crate) fn unless_unknown(segment_name: &SegmentName, was_there: bool) -> Self {
        let segment_name = segment_name.clone();
        if was_there {
            Self::Done {
                segment_name,
                found_again: Ok(Vec::new()),
            }
        } else {
            Self::Unknown(segment_name)
        }
    }

    /// Returns the invocation's answer.
    pub fn answer(&self) -> Value {
        let (segment_name, is_forgotten, reason, warning) = match self {
            Self::Done {
                segment_name,
                found_again,
            } => (segment_name, true, None, found_again_sentence(found_again)),
            Self::Unknown(name) => {
                let reason = "nothing is known of a segment of exactly this name: it was never loaded, or is forgotten already; \
                              `history` shows how names are written"
                    .to_owned();
                (name, false, Some(reason), None)
            }
            Self::UnderWay(name, under_way) => (name, false, Some(under_way.to_string()), None),
        };
        json!({
            "segment_name": segment_name,
            "forgotten": is_forgotten,
            "reason": reason,
            "warnings": warning.into_iter().collect::<Vec<_>>(),
        })
    }
}

/// Says that a segment which is forgotten comes back by itself, where it does.
fn found_again_sentence(found: &Result<Vec<ObjectRef>, String>) -> Option<String> {
    match found {
        Ok(found) => {
            let newest = found.first()?;
            let others = match found.len() - 1 {
                0 => String::new(),
                others => format!(" (and {others} more of the last 7 days)"),
            };
            Some(format!(
                "{newest}{others} still lies there: the next sweep takes it for new and loads it into the segment; where that \
                 is not meant, delete or move it before"
            ))
        }
        Err(why) => Some(format!(
            "whether results of the last 7 days still lie there, which the next sweep would load into the segment as new, \
             could not be looked at: {why}"
        )),
    }
}
