//! What the command line asks for.

use std::ffi::OsString;
use std::path::PathBuf;

/// One way to use this program.
pub enum Task {
    /// Load the shipped file into a segment of last week.
    Demo,
    /// Load a file of the user's own.
    Load { file: PathBuf, segment_name: String },
    /// Try what the documents of Dynamics leave open.
    Verify,
    /// Stay up.
    Serve,
    /// Explain.
    Help,
}

/// What `--help` prints.
pub const HELP: &str = "\
Runs the segment loader against a sandbox of S3, Secrets Manager, Entra ID and Dataverse on this machine.

  cargo run --example sandbox
      loads the shipped query result into the segment \"Summer Sale\" of last week, and checks the members

  cargo run --example sandbox -- path/to/file.csv \"Segment name\"
      loads your own query result into a new segment

  cargo run --example sandbox -- --verify
      tries on the sandbox's Dynamics what verify_environment tries on yours, and shows each fact

  cargo run --example sandbox -- --serve
      stays up until Ctrl-C: drop files, invoke the function, look at the segments

  cargo run --example sandbox -- --help
      prints this

Ends with 0 when the result was loaded or the environment is as loads need it, with 2 when the function refused it or failed, and with 1 when the members
are not those of the file. Nothing is kept: the sandbox lives in memory and on ports of 127.0.0.1.";

/// Understands the arguments, or says what is wrong with them.
pub fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Task, String> {
    let arguments: Vec<OsString> = arguments.collect();
    match arguments.as_slice() {
        [] => Ok(Task::Demo),
        [only] if only == "--serve" => Ok(Task::Serve),
        [only] if only == "--verify" => Ok(Task::Verify),
        [first, ..] if first == "--help" || first == "-h" => Ok(Task::Help),
        [first, ..] if first.to_string_lossy().starts_with('-') => {
            Err(format!("There is no option {} like this.", first.to_string_lossy()))
        }
        [file] => Err(format!(
            "Say for which segment {} is, such as \"Summer Sale\".",
            file.to_string_lossy()
        )),
        [file, segment_name] => Ok(Task::Load {
            file: file.into(),
            segment_name: segment_name.to_string_lossy().trim().to_owned(),
        }),
        _ => Err("That is too much: one file and one segment name (in quotes where it has blanks).".to_owned()),
    }
}
