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
}

/// The status of an answer that says that it failed, and not with which.
const FAILED: u16 = 400;

/// Some actions answer 200 and put the real status into the body, or into the JSON of their result, or say there without a
/// status that they did not do it; whatever a change answers is JSON, or nothing at all.
///
/// Of what is only read a list is asked for, which a refusal has not; a list may be long, so that it is not looked into twice.
pub(super) fn own_status(call: &Call, answer: &Answer) -> Result<Option<u16>, Odd> {
    const SHAPE: &str = "it is no JSON object with one `StatusCode` at most";
    if call.method == Method::GET || answer.body.is_empty() {
        return Ok(None);
    }
    let Own { status } = json::parsed(&answer.body, SHAPE)?;
    match status.as_ref().map(Value::as_u64) {
        Some(Some(status @ 400..600)) => Ok(u16::try_from(status).ok()),
        None | Some(Some(200..300)) if call.kind == Kind::Read => Ok(None),
        None | Some(Some(200..300)) => Ok(failure_in(&json::value(&answer.body)?)),
        Some(_) => Err(Odd::Unexpected("`StatusCode` is no status".to_owned())),
    }
}

/// Returns the status of a failure that the object tells, or the JSON of its result.
fn failure_in(answer: &Value) -> Option<u16> {
    const RESULTS: [&str; 3] = ["resulttext", "response", "result"];
    let results = answer.as_object()?.iter().filter(|(key, _)| is_one_of(key, &RESULTS));
    let of_result = results.map(|(_, result)| match result.as_str() {
        Some(text) => serde_json::from_str(text).ok().as_ref().and_then(told_failure),
        None => told_failure(result),
    });
    told_failure(answer).or_else(|| of_result.flatten().next())
}

/// Returns the status of a failure that an object tells of itself, however its fields are written.
fn told_failure(object: &Value) -> Option<u16> {
    let said = object.as_object()?.iter().filter_map(|(key, value)| {
        let text = value.as_str().unwrap_or_default().trim().to_ascii_lowercase();
        let is_failure = if is_one_of(key, &["statuscode"]) {
            let status = value.as_u64().or_else(|| text.parse().ok());
            return status
                .filter(|status| (400..600).contains(status))
                .map(u16::try_from)?
                .ok();
        } else if is_one_of(key, &["success", "issuccess", "issuccessful", "succeeded"]) {
            *value == Value::Bool(false) || text == "false"
        } else if is_one_of(key, &["status"]) {
            ["failed", "failure", "error"].contains(&text.as_str())
        } else {
            is_one_of(key, &["error", "errors", "errormessage"]) && says_something(value)
        };
        is_failure.then_some(FAILED)
    });
    // One that is told as a number says more.
    said.max_by_key(|status| *status != FAILED)
}

/// Returns whether a field holds more than that there is nothing to say.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(several) => !several.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

/// Compares a field's name with names in lower case, however it is written.
fn is_one_of(key: &str, names: &[&str]) -> bool {
    let key = key.replace('_', "");
    names.iter().any(|name| key.eq_ignore_ascii_case(name))
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
    if let Some(error) = body.get("error").filter(|error| error.is_object()) {
        return Some((text(&error["code"]), text(&error["message"])));
    }
    let text = body.get("ResultText").map(result_text).filter(|text| !text.is_empty());
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
    let named = NAMES
        .iter()
        .filter_map(|name| fields.iter().find(|(key, _)| is_one_of(key, &[name])));
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

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderMap;
    use serde_json::json;

    fn status_of(kind: Kind, body: &Value) -> Option<u16> {
        let call = Call::action(
            "publish the segment",
            kind,
            "msdynmkt_PublishSegmentDefinition",
            &json!({}),
        );
        let answer = Answer {
            headers: HeaderMap::new(),
            body: body.to_string().into_bytes(),
        };
        own_status(&call, &answer).unwrap()
    }

    #[test]
    fn a_success_whose_body_says_that_nothing_was_done_is_none() {
        let inside = |result: Value| json!({"StatusCode": 200, "ResultText": result.to_string()});
        for (body, expected) in [
            (json!({"StatusCode": 503}), 503),
            (json!({"success": false}), FAILED),
            (json!({"IsSuccess": "False"}), FAILED),
            (inside(json!({"success": false})), FAILED),
            (inside(json!({"success": false, "statusCode": 429})), 429),
            (inside(json!({"status_code": "404"})), 404),
            (json!({"ResultText": {"statusCode": 400, "error": "odd"}}), 400),
            (json!({"Response": json!({"status": "Error"}).to_string()}), FAILED),
            (json!({"error": {"code": "0x80040265", "message": "odd"}}), FAILED),
            (json!({"errors": ["odd"]}), FAILED),
        ] {
            assert_eq!(status_of(Kind::Publish, &body), Some(expected), "{body}");
        }
        for body in [
            json!({}),
            json!({"success": true, "error": null, "errors": [], "errorMessage": ""}),
            inside(json!({"status": "Success", "statusCode": 200, "additionalProperties": {"error": "none"}})),
            json!({"ResultText": "The error of before is gone."}),
            json!({"msdynmkt_segmentid": "5f1c", "statuscode": 723_270_001, "statecode": 0}),
        ] {
            assert_eq!(status_of(Kind::Publish, &body), None, "{body}");
        }
    }

    #[test]
    fn what_failed_is_told_in_the_words_of_the_body_whatever_its_shape() {
        for body in [
            json!({"success": false, "message": "odd"}),
            json!({"error": "odd"}),
            json!({"error": {"message": "odd"}}),
            json!({"success": false, "ResultText": "odd"}),
            json!({"ResultText": json!({"success": false, "errors": ["odd"]}).to_string()}),
            json!({"ResultText": "", "errorMessage": "odd"}),
        ] {
            let (_, message) = code_and_message(body.to_string().as_bytes()).unwrap();
            assert_eq!(message, "odd", "{body}");
        }
    }
}
