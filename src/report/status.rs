//! The answer to the question how the segments are.

use crate::error::Error;
use crate::state::Status;
use serde_json::{Value, json};

/// The most files that are named: whoever sees a hundred knows which job did not end.
const MOST_FILES: usize = 100;

/// Answers how the segments are, and which data files wait for a marker or manifest; what could not be read is a warning.
pub(crate) fn status_answer(
    segments: &[Status],
    unmarked: &Result<Vec<String>, Error>,
    unread_secret: Option<&Error>,
) -> Value {
    let unread = unread_secret.map(|error| {
        format!("the destination could not be read, so that no segment is called stale and no waiting file is looked for: {error}")
    });
    let unlisted = unmarked
        .as_ref()
        .err()
        .map(|error| format!("which files wait for a marker could not be looked at: {error}"));
    let files: Vec<_> = unmarked.iter().flatten().take(MOST_FILES).collect();
    json!({
        "segments": segments,
        "files_without_marker": files,
        "warnings": unread.into_iter().chain(unlisted).collect::<Vec<_>>(),
    })
}
