//! What an answer other than success asks for.

use super::refusal::Refusal;

/// What an answer other than success asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Everybody waits, then the same again.
    Throttled,
    /// A fresh token, once.
    Unauthorized,
    /// Fewer at once, or less at once.
    Contention,
    /// The same again later.
    Unavailable,
    /// Another address, which is not followed.
    Elsewhere,
    /// Never the same again.
    Refused,
}

/// Judges by status and code; the order of the rules matters.
pub(super) fn verdict(refusal: &Refusal) -> Verdict {
    match (refusal.status, &*refusal.code) {
        (429, _) | (_, "0x80072321" | "0x80072322" | "0x80072326") => Verdict::Throttled,
        (401, _) => Verdict::Unauthorized,
        (300..=399, _) => Verdict::Elsewhere,
        (501, _) => Verdict::Refused,
        _ if refusal.is_contention() => Verdict::Contention,
        // A plug-in's own exception comes back the same at every try, unless it says otherwise.
        (500.., "0x80040265") if !refusal.asks_to_retry() => Verdict::Refused,
        (408 | 500.., _) => Verdict::Unavailable,
        _ => Verdict::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_gets_its_verdict() {
        for (status, code, message, expected) in [
            (429, "0x80072322", "", Verdict::Throttled),
            (429, "", "", Verdict::Throttled),
            (503, "0x80072321", "", Verdict::Throttled),
            (400, "-2147015898", "", Verdict::Throttled),
            (401, "", "", Verdict::Unauthorized),
            (500, "0x80040216", "", Verdict::Unavailable),
            (502, "", "", Verdict::Unavailable),
            (503, "", "", Verdict::Unavailable),
            (504, "", "", Verdict::Unavailable),
            (408, "", "", Verdict::Unavailable),
            (302, "", "", Verdict::Elsewhere),
            (501, "", "", Verdict::Refused),
            (500, "0x80040265", "Plug-in failed", Verdict::Refused),
            (500, "0x80040265", "Please try again later", Verdict::Unavailable),
            (500, "0x80044151", "", Verdict::Contention),
            (500, "0x80040216", "deadlock victim", Verdict::Contention),
            (400, "", "", Verdict::Refused),
            (403, "0x80040220", "", Verdict::Refused),
            (412, "", "", Verdict::Refused),
        ] {
            let body = serde_json::json!({"error": {"code": code, "message": message}}).to_string();
            let refusal = Refusal::read("x", status, body.as_bytes());
            assert_eq!(verdict(&refusal), expected, "{status} {code} {message}");
        }
    }
}
