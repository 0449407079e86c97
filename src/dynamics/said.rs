//! What the body of an answer says of its success: codes and messages in several shapes.

use super::call::{Answer, Call, Odd};
use super::json;
use super::refusal::Kind;
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

/// The answer of an action, as far as it says whether it was carried out.
#[derive(Deserialize)]
struct Own {
    #[serde(rename = "StatusCode")]
    status: Option<Value>,
    /// Not read of a list, which may be long.
    #[serde(rename = "ResultText")]
    result: Option<Value>,
}

/// The same of a list.
#[derive(Deserialize)]
struct OwnOfList {
    #[serde(rename = "StatusCode")]
    status: Option<Value>,
}

/// Some actions answer 200 and put the real status into the body, or into the JSON in its `ResultText`; whatever a change answers
/// is JSON, or nothing at all.
pub(super) fn own_status(call: &Call, answer: &Answer) -> Result<Option<u16>, Odd> {
    const SHAPE: &str = "it is no JSON object with one `StatusCode` at most";
    if call.method == Method::GET || answer.body.is_empty() {
        return Ok(None);
    }
    let own = if call.kind == Kind::Read {
        let OwnOfList { status } = json::parsed(&answer.body, SHAPE)?;
        Own { status, result: None }
    } else {
        json::parsed(&answer.body, SHAPE)?
    };
    match own.status.as_ref().map(Value::as_u64) {
        Some(Some(status @ 400..600)) => Ok(u16::try_from(status).ok()),
        None | Some(Some(200..300)) => Ok(own.result.as_ref().and_then(status_inside)),
        Some(_) => Err(Odd::Unexpected("`StatusCode` is no status".to_owned())),
    }
}

/// Returns the status of a failure that only the JSON in `ResultText` tells.
fn status_inside(result: &Value) -> Option<u16> {
    let parsed = result
        .as_str()
        .and_then(|text| serde_json::from_str::<Value>(text).ok());
    let fields = parsed.as_ref().unwrap_or(result).as_object()?;
    let (_, status) = fields.iter().find(|(key, _)| key.eq_ignore_ascii_case("StatusCode"))?;
    let status = status.as_u64().filter(|status| (400..600).contains(status))?;
    u16::try_from(status).ok()
}

/// Returns the code and the message of a body that is no success.
pub(super) fn code_and_message(body: &[u8]) -> Option<(String, String)> {
    // Of a body that was cut the code is still there, and whatever follows the object does not matter.
    let Some(Ok(body)) = serde_json::Deserializer::from_slice(without_mark(body))
        .into_iter::<Value>()
        .next()
    else {
        return Some((code_in(body)?, String::new()));
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Some(error) = body.get("error") {
        return Some((text(&error["code"]), text(&error["message"])));
    }
    let text = body.get("ResultText").map(result_text);
    Some((String::new(), text.or_else(|| message_in(&body).map(str::to_owned))?))
}

/// Some .NET writers begin with a byte order mark.
fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body)
}

/// Finds the code where the object does not end.
fn code_in(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let (_, behind) = text.split_once("\"code\"")?;
    behind.split('"').nth(1).map(str::to_owned)
}

/// `ResultText` is text, or a string that holds JSON; then only its message is for people.
fn result_text(value: &Value) -> String {
    let inner = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    match inner.as_ref().or(Some(value)) {
        Some(object @ Value::Object(_)) => message_in(object).unwrap_or_default().to_owned(),
        _ => value.as_str().unwrap_or_default().to_owned(),
    }
}

/// Finds the message of an object, however its name is written; an error may be an object of its own.
fn message_in(object: &Value) -> Option<&str> {
    const NAMES: [&str; 6] = ["message", "errormessage", "statusmessage", "error", "errors", "reason"];
    let fields = object.as_object()?;
    let is_named = |key: &str, name: &str| key.replace('_', "").eq_ignore_ascii_case(name);
    let named = NAMES
        .iter()
        .filter_map(|name| fields.iter().find(|(key, _)| is_named(key, name)));
    named.map(|(_, value)| value).find_map(|value| match value {
        Value::String(text) => Some(text.as_str()).filter(|text| !text.trim().is_empty()),
        Value::Array(several) => {
            let first = several.first()?;
            first.as_str().or_else(|| message_in(first))
        }
        value => message_in(value),
    })
}

/// Codes are compared in lower case; some answers give the signed decimal form (`-2147204783`) of the same number.
pub(super) fn normal_code(code: &str) -> String {
    match code.parse::<i32>() {
        Ok(number) if number < 0 => format!("{number:#010x}"),
        _ if code.len() <= 16 && code.bytes().all(|byte| byte.is_ascii_alphanumeric()) => code.to_ascii_lowercase(),
        _ => String::new(),
    }
}
