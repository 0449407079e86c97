//! What a run tells: its answer as it is printed, its receipt, its lists, its warnings.

mod answers;
mod lists;
mod warnings;

use crate::run::Run;
use crate::world::World;
use sandbox::BUCKET;
use serde_json::{Value, json};

/// Reads the object that an `s3://` URL in a report names.
fn object(world: &World, url: &Value) -> Vec<u8> {
    let key = url.as_str().unwrap().strip_prefix(&format!("s3://{BUCKET}/")).unwrap();
    world.sandbox.s3.get(BUCKET, key).unwrap().to_vec()
}

fn text(world: &World, url: &Value) -> String {
    String::from_utf8(object(world, url)).unwrap()
}

fn receipt(world: &World, run: &Run) -> Value {
    serde_json::from_slice(&object(world, &run["receipt"])).unwrap()
}

/// Replaces what differs from run to run: ids, hashes, dates, times, ports.
fn steady(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| {
                let value = match name.as_str() {
                    "version_id" | "at" | "version" if value.is_string() => json!("[varies]"),
                    "phases_ms" => json!("[varies]"),
                    name if name.ends_with("duration_ms") => json!("[varies]"),
                    _ => steady(value),
                };
                (name, value)
            })
            .collect(),
        Value::Array(values) => values.into_iter().map(steady).collect(),
        Value::String(text) => json!(steady_text(&text)),
        other => other,
    }
}

fn steady_text(text: &str) -> String {
    let mut steady = String::new();
    for word in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
        let token = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        let is_port = word != text && steady.ends_with("127.0.0.1:") && !token.is_empty();
        let is_id = token.len() >= 8 && token.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        if is_id || is_port {
            steady.push_str("[id]");
            steady.push_str(&word[token.len()..]);
        } else {
            steady.push_str(word);
        }
    }
    steady
}
