//! The command with which a reason ends, as it can be pasted into any shell.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// How every command for the function begins; inside of one each quote is escaped, whatever a name holds.
const BEGINNING: &str = "{\"action\"";

/// Tells the JSON with which a reason ends from what stands before it; there is none where that is no whole command.
pub(super) fn split(reason: &str) -> (&str, Option<&str>) {
    let whole = |at: &usize| serde_json::from_str::<Map<String, Value>>(&reason[*at..]).is_ok();
    match reason.rfind(BEGINNING).filter(whole) {
        Some(at) => (reason[..at].trim_end(), Some(&reason[at..])),
        None => (reason, None),
    }
}

/// Writes the command for the AWS CLI, version 2, that sends what a reason ends with to a function; `None` if that is no whole
/// command.
///
/// In base64, which that version takes by default, the payload reads the same in every shell, whatever the names hold. A load
/// takes up to 15 minutes, for which the CLI has to wait.
pub(super) fn to_paste(reason: &str, function: &str) -> Option<String> {
    let payload = STANDARD.encode(split(reason).1?);
    Some(format!(
        "aws lambda invoke --function-name {function} --cli-read-timeout 900 --payload {payload} answer.json"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;
    use std::process::Command;

    fn words(command: &str) -> Vec<String> {
        let script = format!("aws() {{ for word in \"$@\"; do printf '%s\\n' \"$word\"; done; }}; {command}");
        let said = Command::new("sh").args(["-c", &script]).output().unwrap();
        String::from_utf8(said.stdout)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn a_shell_reads_the_command_as_it_was_meant() {
        let name = "It's `$(rm -rf ~)`; \"50 %\" \\ {\"action\":\"sweep\"} Ü";
        let json = json!({"action": "load", "key": "incoming/a b'c.csv", "segment_name": name}).to_string();
        let command = to_paste(
            &format!("Nothing was written. Approve {name}: {json}"),
            "segment-loader",
        )
        .unwrap();
        let words = words(&command);
        let payload = words.iter().skip_while(|word| *word != "--payload").nth(1).unwrap();
        assert_eq!(STANDARD.decode(payload).unwrap(), json.as_bytes());
        assert_eq!(words.last().map(String::as_str), Some("answer.json"));
        assert_eq!(words.len(), 9, "{words:?}");
    }

    #[test]
    fn what_has_to_be_filled_in_first_is_no_command() {
        for reason in [
            "the run failed",
            "load a complete result with {\"action\":\"load\",\"key\":...,\"mode\":\"replace\"}",
            "{\"action\":\"history\"} lists it",
        ] {
            assert_eq!(to_paste(reason, "f"), None, "{reason}");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_names_hold_the_command_is_found_whole(text in ".{0,40}", name in ".{0,40}") {
            let json = json!({"action": "load", "segment_name": name}).to_string();
            let command = to_paste(&format!("{text}: {json}"), "f").unwrap();
            let payload = command.split(' ').rev().nth(1).unwrap();
            prop_assert_eq!(STANDARD.decode(payload).unwrap(), json.into_bytes());
        }
    }
}
