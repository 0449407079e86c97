//! How a head is written down, and told from what lies where heads lie.

use super::head::Head;
use crate::domain::{Home, SegmentName};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What an object is that lies where heads lie.
#[derive(Debug)]
pub(super) enum Content {
    /// A head of this home.
    Head(Box<Head>),
    /// A head that an earlier version wrote, which knew no homes; as it would be of this one.
    Legacy(Box<Head>),
    /// What such a head has become.
    Moved(Moved),
    /// Something of another home.
    Foreign,
}

impl Content {
    /// Says where a head has a time that no worker can have written by `now`, S3's time.
    pub(super) fn comes_too_early(&self, now: DateTime<Utc>) -> Option<String> {
        let (Self::Head(head) | Self::Legacy(head)) = self else {
            return None;
        };
        let field = head.future_time(now)?;
        Some(format!("has a time in `{field}` that is still to come"))
    }
}

/// Stands in place of an earlier head that has moved to a home: earlier versions do not understand it, and stop.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Moved {
    v: u32,
    /// The key of the head that it has become.
    #[serde(rename = "moved_to")]
    pub(super) to: String,
    /// The segment.
    pub(super) segment_name: SegmentName,
    /// Whose it is now.
    home: Home,
    /// What it said, as long as the head that it becomes may not be there yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) head: Option<Box<Head>>,
}

/// The version that knew no homes.
const FORMER: u64 = 1;

impl Moved {
    /// Says where a head has gone.
    pub(super) fn to(to: String, home: &Home, segment_name: &SegmentName, head: Option<&Head>) -> Self {
        Self {
            v: Head::VERSION,
            to,
            segment_name: segment_name.clone(),
            home: home.clone(),
            head: head.cloned().map(Box::new),
        }
    }
}

/// Tells what an object is to a function whose segments live in `home`; the error says what is wrong with it.
pub(super) fn parse(body: &[u8], home: &Home) -> Result<Content, String> {
    const NOT_UNDERSTOOD: &str = "has fields that this program does not understand";
    let mut json: Value =
        serde_json::from_slice(body).map_err(|error| format!("is no JSON (line {})", error.line()))?;
    if is_foreign(&json, home) {
        return Ok(Content::Foreign);
    }
    let is_legacy = match json["v"].as_u64() {
        Some(FORMER) => true,
        Some(v) if v == u64::from(Head::VERSION) => false,
        Some(v) => {
            return Err(format!(
                "has format version {v}, and this program knows {FORMER} and {}",
                Head::VERSION
            ));
        }
        None => return Err("has no format version".to_owned()),
    };
    if !is_legacy && json.get("moved_to").is_some() {
        let mut moved: Moved = serde_json::from_value(json).map_err(|_| NOT_UNDERSTOOD.to_owned())?;
        if let Some(head) = &mut moved.head {
            head.begin_ledger();
        }
        return Ok(Content::Moved(moved));
    }
    check_names(&json)?;
    if is_legacy {
        json["v"] = json!(Head::VERSION);
        json["environment"] = json!(home.environment);
        json["business_unit"] = json!(home.business_unit);
    }
    let mut head: Box<Head> = serde_json::from_value(json).map_err(|_| NOT_UNDERSTOOD.to_owned())?;
    head.begin_ledger();
    match &head.lease {
        Some(lease) if !lease.is_possible() => Err("has a `lease` that no worker could have taken".to_owned()),
        _ if is_legacy => Ok(Content::Legacy(head)),
        _ => Ok(Content::Head(head)),
    }
}

/// What an object names that may be a head, whatever else is wrong with it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Named {
    #[serde(default)]
    pub(super) environment: Option<String>,
    #[serde(default)]
    pub(super) business_unit: Option<String>,
    #[serde(default)]
    segment_name: Option<String>,
    /// Where it has moved, which names both.
    #[serde(default)]
    home: Option<Home>,
}

impl Named {
    pub(super) fn in_body(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    pub(super) fn segment_name(&self) -> Option<SegmentName> {
        SegmentName::parse(self.segment_name.as_deref()?).ok()
    }

    pub(super) fn home(&self) -> Home {
        self.home.clone().unwrap_or_else(|| Home {
            environment: self.environment.clone().unwrap_or_default(),
            business_unit: self.business_unit.clone(),
        })
    }
}

/// Returns whether an object names another home, whatever else it says: it may be a later version's.
fn is_foreign(json: &Value, home: &Home) -> bool {
    let environment = json["environment"].as_str();
    environment.is_some_and(|environment| {
        environment != home.environment || json["business_unit"].as_str() != home.business_unit.as_deref()
    })
}

/// Says of a name in a head that it is none: the parser's own message would not tell it from any other field.
fn check_names(head: &Value) -> Result<(), String> {
    let pending = head["pending"].as_array().into_iter().flatten();
    let places = pending.chain([&head["applied"], head]);
    let mut names = places.filter_map(|place| place["segment_name"].as_str());
    names.try_for_each(|name| match SegmentName::try_from(name.to_owned()) {
        Ok(_) => Ok(()),
        Err(expected) => Err(format!("names a segment by what is not {expected}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> Value {
        json!({
            "run_id": "da8ded9e30af2cca",
            "object": {"bucket": "results", "key": "incoming/Summer Sale/a.csv", "version_id": "1", "etag": "9b2c"},
            "order": {"last_modified": "2026-11-23T06:00:00Z", "key": "incoming/Summer Sale/a.csv", "version_id": "1"},
            "mode": "replace", "segment_name": "Summer Sale", "sample": null, "approved": false, "ordered": null,
        })
    }

    fn head() -> Value {
        let mut applied = job();
        applied.as_object_mut().unwrap().extend([
            ("at".to_owned(), json!("2026-11-23T06:01:00.250Z")),
            ("contacts".to_owned(), json!(3)),
            ("segment_id".to_owned(), json!("5f1c")),
            ("confirmed".to_owned(), json!(true)),
        ]);
        json!({
            "v": 1, "nonce": "n", "segment_name": "Summer Sale",
            "newest": job()["order"], "settled": null, "pending": [job()], "applied": applied, "writing": null,
            "refused": [
                {"order": job()["order"], "run_id": "00", "reason": "too small", "unreadable": false},
                {"order": job()["order"], "run_id": "01", "reason": "gone", "unreadable": true, "error_type": "SourceMissing"},
            ],
            "counted": [{"order": job()["order"], "run_id": "00"}],
            "lease": {"owner": "o", "run_id": null, "renewed": "2026-11-23T06:00:00.250Z", "seconds": 180},
            "failures": {"count": 1, "code": "SourceUnavailable", "next_try": "2026-11-23T06:15:00.250Z"},
        })
    }

    fn home() -> Home {
        Home::environment("socktown.crm4.dynamics.com".to_owned())
    }

    fn content(head: &Value) -> Result<Content, String> {
        parse(&serde_json::to_vec(head).unwrap(), &home())
    }

    fn parsed(head: &Value) -> Result<Head, String> {
        match content(head)? {
            Content::Head(head) | Content::Legacy(head) => Ok(*head),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_head_of_before_is_read_as_it_was_and_is_this_home_s_once_it_is_written() {
        let Ok(Content::Legacy(read)) = content(&head()) else {
            panic!("it is a legacy one");
        };
        let mut expected = head();
        expected["v"] = json!(2);
        expected["environment"] = json!("socktown.crm4.dynamics.com");
        expected["ledger"] = json!({});
        assert_eq!(serde_json::to_value(&read).unwrap(), expected);
        assert!(matches!(content(&expected), Ok(Content::Head(_))));
    }

    #[test]
    fn what_belongs_to_another_home_is_left_alone_whatever_it_says() {
        for (name, value) in [("environment", "other.crm4.dynamics.com"), ("business_unit", "5f1c")] {
            for v in [2, 3] {
                let mut head = head();
                head["v"] = json!(v);
                head["environment"] = json!("socktown.crm4.dynamics.com");
                head[name] = json!(value);
                head["pending"] = json!("?");
                assert!(matches!(content(&head), Ok(Content::Foreign)), "{name} {v}");
            }
        }
    }

    #[test]
    fn a_newer_format_is_told_of() {
        let mut head = head();
        head["v"] = json!(3);
        assert_eq!(
            parsed(&head).unwrap_err(),
            "has format version 3, and this program knows 1 and 2"
        );
    }

    #[test]
    fn what_has_moved_says_so_to_every_home() {
        let legacy = parsed(&head()).unwrap();
        let other = Home::environment("other.crm4.dynamics.com".to_owned());
        for head in [None, Some(&legacy)] {
            let name = &legacy.segment_name;
            let moved = serde_json::to_value(Moved::to("there".to_owned(), &other, name, head)).unwrap();
            assert_eq!((&moved["v"], &moved["moved_to"]), (&json!(2), &json!("there")));
            let Ok(Content::Moved(read)) = content(&moved) else {
                panic!("it has moved");
            };
            assert_eq!(read.head.as_deref(), head);
        }
    }

    #[test]
    fn a_lease_that_no_worker_could_have_taken_is_told_of_and_no_reason_to_panic() {
        for (seconds, renewed) in [
            (json!(10_000_000_000_000_u64), json!("2026-11-23T06:00:00Z")),
            (json!(u64::MAX), json!("2026-11-23T06:00:00Z")),
            (json!(86_401), json!("2026-11-23T06:00:00Z")),
            (json!(u32::MAX), json!("+262142-12-31T23:59:59Z")),
        ] {
            let mut head = head();
            head["lease"]["seconds"] = seconds;
            head["lease"]["renewed"] = renewed;
            assert_eq!(
                parsed(&head).unwrap_err(),
                "has a `lease` that no worker could have taken"
            );
        }
    }

    #[test]
    fn a_name_that_no_segment_can_have_is_told_of_and_no_reason_to_panic() {
        for pointer in ["/segment_name", "/pending/0/segment_name", "/applied/segment_name"] {
            for name in ["", " Summer Sale", "a\nb", &"n".repeat(101)] {
                let mut head = head();
                *head.pointer_mut(pointer).unwrap() = json!(name);
                let what = parsed(&head).unwrap_err();
                assert!(
                    what.starts_with("names a segment by what is not a segment name of"),
                    "{what}"
                );
            }
        }
    }
}
