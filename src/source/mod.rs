//! Results of queries in S3: objects, read as rows of contact ids.

mod begun;
mod body;
mod columns;
mod compression;
mod content;
#[cfg(test)]
mod corpus;
mod csv;
mod error;
#[cfg(test)]
mod fixtures;
mod format;
mod input;
mod json_lines;
mod magic;
mod object;
mod objection;
mod parquet;
mod parts;
mod problem;
mod refusal;
mod rejected;
mod remark;
mod remote;
mod stop;
mod tally;
#[cfg(test)]
mod testing;
mod text;
mod window;

pub use begun::Begun;
pub use error::Error;
pub use object::{ObjectVersion, Objects};
pub use parts::{Age, Change, LoadedAlone, Manner, Misfit, OneOfSeveral, Parts, Role, Unmarked, unmarked};
pub use problem::Problem;
pub use rejected::{Reason, Rejected, RejectedRow, Shape};
pub use remark::Remark;

use crate::domain::ContactSet;
use crate::time::Fence;
use content::Content;
use format::Found;
use remote::Remote;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use stop::Stop;
use tally::Tally;
use tokio::time::timeout;

/// How long a thread that is to stop may take to notice: it asks many times a second, so one that has not noticed by then
/// is stuck, and waiting for it would end in a kill.
const NOTICE: Duration = Duration::from_secs(1);

/// What a result holds.
///
/// `rows` is always `contacts` + `duplicates` + `rejected`.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// The distinct contacts.
    pub contacts: ContactSet,
    /// Rows read, the header not counted.
    pub rows: u64,
    /// Rows whose contact an earlier row holds.
    pub duplicates: u64,
    /// Rows that hold no contact.
    pub rejected: Rejected,
    /// What a person should know of the files.
    pub warnings: Vec<Remark>,
}

/// Reads the parts of one result, to the last byte, as one audience.
///
/// Parsing blocks, so it has a thread of its own, which ends soon after the fence has closed or the future is dropped.
pub async fn read(
    objects: &Objects,
    parts: &[ObjectVersion],
    column: &str,
    fence: &Fence,
    begun: Begun,
) -> Result<Rows, Error> {
    let (leash, stop) = Stop::new();
    let remote = |part: &ObjectVersion| Arc::new(Remote::new(objects.clone(), part.clone(), stop.clone()));
    let remotes: Vec<_> = parts.iter().map(remote).collect();
    let column = column.to_owned();
    let tally = Tally::until(stop).with_page_memory(objects.page_memory).telling(begun);
    let mut reading = tokio::task::spawn_blocking(move || read_parts(&remotes, &column, tally));
    match fence.within(&mut reading).await {
        Err(closed) => {
            drop(leash);
            if timeout(NOTICE, reading).await.is_err() {
                tracing::error!(
                    files = parts.len(),
                    "a thread that reads does not stop; it is left behind"
                );
            }
            Err(closed.into())
        }
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::Unavailable {
                object: parts.first().map(ObjectVersion::url).unwrap_or_default(),
                cause: "shutting down".to_owned(),
            }),
        },
    }
}

/// Reads one result from a local file, exactly as one from S3; `key` is the name it would have there.
pub fn read_file(file: File, key: &str, column: &str) -> Result<Rows, Problem> {
    let mut tally = Tally::default();
    let found = parse(&Arc::new(file), key, column, &mut tally)?;
    if found.columns.is_none() {
        return Err(Problem::Empty);
    }
    Ok(tally.finish(found.warnings))
}

/// Reads one file, and takes a parser that panics for a file that is refused: it would do so at every attempt.
fn parse<C: Content>(file: &Arc<C>, key: &str, column: &str, tally: &mut Tally) -> Result<Found, Problem> {
    // Nothing of what was read is used after an error.
    let parsed = catch_unwind(AssertUnwindSafe(|| format::read(file, key, column, tally)));
    parsed.unwrap_or(Err(Problem::Panic))
}

fn read_parts(parts: &[Arc<Remote>], column: &str, mut tally: Tally) -> Result<Rows, Error> {
    let mut warnings = Vec::new();
    let mut first: Option<(String, Vec<String>)> = None;
    for (number, part) in parts.iter().enumerate() {
        tally.start_part(number);
        let object = part.object();
        // A part without rows may be written without a header, too.
        if object.size == 0 && parts.len() > 1 {
            continue;
        }
        let found = parse(part, &object.key, column, &mut tally)
            .map_err(|problem| part.take_failure().unwrap_or_else(|| Error::invalid(object, problem)))?;
        warnings.extend(found.warnings);
        match (found.columns, &first) {
            (None, _) if parts.len() > 1 => {}
            (None, _) => return Err(Error::invalid(object, Problem::Empty)),
            (Some(columns), None) => first = Some((object.url(), columns)),
            (Some(columns), Some((first, expected))) if columns != *expected => {
                let first = first.clone();
                return Err(Error::invalid(object, Misfit::OtherColumns { first }.into()));
            }
            (Some(_), Some(_)) => {}
        }
    }
    if let (None, Some(part)) = (first, parts.first()) {
        let files = parts.len();
        return Err(Error::invalid(part.object(), Misfit::AllEmpty { files }.into()));
    }
    Ok(tally.finish(warnings))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{self, Read};
    use std::ops::Range;

    struct Trap;

    impl Content for Trap {
        type Part = Self;

        fn size(&self) -> u64 {
            1_000
        }

        fn part(&self, _: Range<u64>) -> io::Result<Self> {
            Ok(Self)
        }
    }

    impl Read for Trap {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            panic!("what no parser expects");
        }
    }

    #[test]
    fn a_parser_that_panics_refuses_the_file() {
        let outcome = parse(&Arc::new(Trap), "result.csv", "contactid", &mut Tally::default());
        assert!(matches!(outcome, Err(Problem::Panic)));
    }
}
