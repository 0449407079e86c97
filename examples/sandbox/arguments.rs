//! What the command line asks for.

use serde_json::Value;
use std::ffi::OsString;
use std::path::PathBuf;

/// One way to use this program.
pub enum Task {
    /// Load the shipped file into a segment of last week.
    Demo,
    /// Load a file or a folder of the user's own.
    Load { path: PathBuf, segment_name: String },
    /// Try what the documents of Dynamics leave open.
    Verify,
    /// Stay up.
    Serve,
    /// Explain.
    Help,
}

/// What the function is set up with.
#[derive(Default)]
pub struct Options {
    /// Keys of the destination secret, and their values.
    pub settings: Vec<(String, Value)>,
    /// The variable `LEASE_SECONDS`.
    pub lease_seconds: Option<u32>,
}

impl Options {
    /// Finds the value that was given to a key of the destination secret last.
    pub fn setting(&self, key: &str) -> Option<&Value> {
        let given = self.settings.iter().rev().find(|(name, _)| name == key);
        given.map(|(_, value)| value)
    }
}

/// What `--help` prints.
pub const HELP: &str = "\
Runs the segment loader against a sandbox of S3, Secrets Manager, Entra ID and Dataverse on this machine.

  cargo run --example sandbox
      loads the shipped query result into the segment \"Summer Sale\" of last week, and checks the members

  cargo run --example sandbox -- path/to/file.csv \"Segment name\"
      loads your own query result into a new segment; a folder is one result in several files

  cargo run --example sandbox -- --verify
      tries on the sandbox's Dynamics what verify_environment tries on yours, and shows each fact

  cargo run --example sandbox -- --serve
      stays up until Ctrl-C: drop files, invoke the function, let things fail, look at the segments

  cargo run --example sandbox -- --help
      prints this

Each but the last takes these, too:

  --secret KEY=VALUE       sets a key of the destination secret, such as mode=append; again for another key
  --lease-seconds SECONDS  how long a run that was killed keeps its segment from others (180; at least 6)

Ends with 0 when the result was loaded or the environment is as loads need it, with 2 when the function refused it or failed, and with 1 when the members
are not those of the file. Nothing is kept: the sandbox lives in memory and on ports of 127.0.0.1.";

/// Understands the arguments, or says what is wrong with them.
pub fn parse(arguments: impl Iterator<Item = OsString>) -> Result<(Task, Options), String> {
    let (mut arguments, mut options, mut task, mut rest) = (arguments, Options::default(), None, Vec::new());
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy().into_owned();
        match text.as_str() {
            "--help" | "-h" => return Ok((Task::Help, options)),
            "--serve" => task = Some(Task::Serve),
            "--verify" => task = Some(Task::Verify),
            "--secret" => options.settings.push(setting(&value_of(&text, arguments.next())?)?),
            "--lease-seconds" => options.lease_seconds = Some(seconds(&value_of(&text, arguments.next())?)?),
            option if option.starts_with('-') => return Err(format!("There is no option {option} like this.")),
            _ => rest.push(argument),
        }
    }
    match (task, rest.as_slice()) {
        (None, []) => Ok((Task::Demo, options)),
        (Some(task), []) => Ok((task, options)),
        (None, [path]) => Err(format!(
            "Say for which segment {} is, such as \"Summer Sale\".",
            path.to_string_lossy()
        )),
        (None, [path, segment_name]) => {
            let segment_name = segment_name.to_string_lossy().trim().to_owned();
            let path = path.into();
            Ok((Task::Load { path, segment_name }, options))
        }
        _ => Err(
            "That is too much: one file or folder and one segment name (in quotes where it has blanks), or one of \
             --serve and --verify."
                .to_owned(),
        ),
    }
}

fn value_of(option: &str, value: Option<OsString>) -> Result<String, String> {
    let value = value.ok_or_else(|| format!("Something has to follow {option}."))?;
    Ok(value.to_string_lossy().into_owned())
}

/// Takes `key=value`; what is no JSON is text.
fn setting(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text
        .split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .ok_or_else(|| format!("Write --secret KEY=VALUE, such as mode=append, and not {text}."))?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok((key.to_owned(), value))
}

fn seconds(text: &str) -> Result<u32, String> {
    text.parse()
        .map_err(|_| format!("Write --lease-seconds with a whole number, and not {text}."))
}
