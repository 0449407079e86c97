//! What `template.yaml` says, held against the code that it deploys.

use crate::architecture::sources;
use std::collections::BTreeSet;
use std::fs;

/// The calls of the SDK that the code may make, and what the role must allow for them.
const CALLS: [(&str, &str); 9] = [
    (".head_object()", "s3:GetObject"),
    (".get_object()", "s3:GetObject"),
    (".get_object()", "s3:GetObjectVersion"),
    (".list_objects_v2()", "s3:ListBucket"),
    (".put_object()", "s3:PutObject"),
    (".delete_object()", "s3:DeleteObject"),
    (".get_secret_value()", "secretsmanager:GetSecretValue"),
    (".put_events()", "events:PutEvents"),
    (".get_web_identity_token()", "sts:GetWebIdentityToken"),
];
/// What Lambda does in the function's name, and what a customer managed key asks for.
const OF_OTHERS: [&str; 7] = [
    "sqs:SendMessage",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "kms:Decrypt",
    "kms:GenerateDataKey",
];

/// What a statement is bound to, which reads as an action.
const CONDITIONS: [&str; 3] = [
    "kms:ViaService:",
    "sts:IdentityTokenAudience",
    "ForAllValues:StringEquals:",
];

#[test]
fn the_role_allows_exactly_what_the_code_calls() {
    let role = resource("FunctionRole");
    let (_, policies) = role.split_once("Policies:").unwrap();
    let allowed = policies
        .split([' ', '\n', '"'])
        .filter(|word| {
            word.split_once(':')
                .is_some_and(|(_, verb)| verb.starts_with(char::is_uppercase))
        })
        .filter(|word| !word.starts_with("AWS:") && !CONDITIONS.contains(word))
        .filter(|word| !OF_OTHERS.contains(word));
    let code: String = sources().into_iter().map(|(_, text)| text).collect();
    let called = CALLS.iter().filter(|(call, _)| code.contains(call));
    let called: BTreeSet<&str> = called.map(|(_, action)| *action).collect();
    assert_eq!(
        allowed.collect::<BTreeSet<_>>(),
        called,
        "left: FunctionRole of template.yaml, right: what src/ calls; allow a new call there, on the narrowest resource"
    );
}

#[test]
fn alarms_and_dashboard_show_only_metrics_that_are_written() {
    let template = template();
    let of_alarms = template
        .split("Namespace: SegmentLoader\n      MetricName: ")
        .skip(1)
        .map(|rest| rest.lines().next().unwrap());
    let of_dashboard = resource("Dashboard");
    // A row of a widget begins with the namespace, or with a dot where it is that of the row before.
    let of_dashboard = of_dashboard
        .lines()
        .filter(|line| line.contains("\"Function\", \"${Function}\"") || line.contains("[ \".\", "))
        .filter(|line| !line.contains("ApproximateAge"))
        .map(|line| line.split('"').nth(3).unwrap());
    let shown: BTreeSet<&str> = of_alarms.chain(of_dashboard).collect();
    assert!(shown.len() >= 10, "{shown:?}");
    let (_, metrics) = sources()
        .into_iter()
        .find(|(path, _)| path.ends_with("report/metrics.rs"))
        .unwrap();
    for name in shown {
        assert!(
            metrics.contains(&format!("(\"{name}\", ")) || metrics.contains(&format!("\"{name}\",\n")),
            "{name}"
        );
    }
}

#[test]
fn no_line_of_the_log_is_dropped_for_its_level() {
    let function = resource("Function");
    assert!(function.contains("ApplicationLogLevel: INFO") && function.contains("SystemLogLevel: INFO"));
}

/// Returns the text of one resource.
pub(crate) fn resource(name: &str) -> String {
    let template = template();
    let from_it = template.split(&format!("\n  {name}:\n")).nth(1).unwrap();
    let is_inside = |line: &&str| line.starts_with("    ") || line.trim().is_empty();
    from_it
        .lines()
        .take_while(is_inside)
        .fold(String::new(), |text, line| text + line + "\n")
}

fn template() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/template.yaml")).unwrap()
}
