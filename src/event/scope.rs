//! Which objects are results, and which are the function's own, markers or none of its business.

/// Where results and the function's own objects lie; prefixes are empty or end in `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The prefix under which results are dropped.
    pub results_prefix: String,
    /// The prefix of the function's own objects; never empty.
    pub state_prefix: String,
    /// The bucket of the function's own objects; none where it is the bucket of the result.
    pub state_bucket: Option<String>,
}

impl Scope {
    /// Tells why an object lies where no event counts, be it a marker or not; `None` if it counts.
    pub fn outside(&self, bucket: &str, key: &str) -> Option<&'static str> {
        if self.is_own(bucket, key) {
            Some("it is one of the function's own objects")
        } else if key.starts_with(&self.results_prefix) {
            None
        } else {
            Some("it lies outside the results prefix")
        }
    }

    /// Returns whether an object is the function's own.
    pub fn is_own(&self, bucket: &str, key: &str) -> bool {
        self.state_bucket.as_deref().is_none_or(|state| state == bucket) && key.starts_with(&self.state_prefix)
    }
}

/// Tells by the name whether an object stands for a folder, for the state of a job or for its summary, whatever its size.
pub fn is_marker(key: &str) -> bool {
    let name = file_name(key);
    key.ends_with('/')
        || name.ends_with("_$folder$")
        || ending(name) == Some("DONE")
        || name.starts_with("_committed_")
        || name.starts_with("_started_")
        || ["_SUCCESS", "_metadata", "_common_metadata"].contains(&name)
}

/// Tells by the name whether an object says that all files beside it are complete: `_SUCCESS` or `*.DONE` in any case.
///
/// Only where results come in folders: elsewhere `run.done` may well be a result.
pub fn is_completion_marker(key: &str) -> bool {
    let name = file_name(key);
    name.eq_ignore_ascii_case("_SUCCESS") || ending(name).is_some_and(|ending| ending.eq_ignore_ascii_case("DONE"))
}

fn ending(name: &str) -> Option<&str> {
    name.rsplit_once('.').map(|(_, ending)| ending)
}

/// Returns a key without its folders.
pub fn file_name(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(results_prefix: &str, state_bucket: Option<&str>) -> Scope {
        Scope {
            results_prefix: results_prefix.into(),
            state_prefix: "_state/".into(),
            state_bucket: state_bucket.map(Into::into),
        }
    }

    #[test]
    fn markers_are_known_by_name() {
        for (key, marker, completion) in [
            ("incoming/", true, false),
            ("incoming/Summer Sale/", true, false),
            ("incoming/Summer Sale_$folder$", true, false),
            ("incoming/_SUCCESS", true, true),
            ("incoming/_success", false, true),
            ("incoming/_SUCCESS.crc", false, false),
            ("incoming/run.DONE", true, true),
            ("incoming/.DONE", true, true),
            ("incoming/run.csv.done", false, true),
            ("incoming/.Done", false, true),
            ("incoming/_metadata", true, false),
            ("incoming/_common_metadata", true, false),
            ("incoming/_metadata.csv", false, false),
            ("incoming/x_metadata", false, false),
            ("incoming/_committed_123", true, false),
            ("incoming/_started_123", true, false),
            ("_SUCCESS", true, true),
            ("incoming/_SUCCESS/x.csv", false, false),
            ("incoming/SUCCESS", false, false),
            ("incoming/done", false, false),
            ("incoming/undone.csv", false, false),
            ("incoming/x_committed_1", false, false),
            ("incoming/part-0000.csv", false, false),
            ("", false, false),
        ] {
            assert_eq!(
                (is_marker(key), is_completion_marker(key)),
                (marker, completion),
                "{key}"
            );
        }
    }

    #[test]
    fn only_keys_under_the_results_prefix_are_results() {
        let scope = scope("incoming/", None);
        assert_eq!(scope.outside("b", "incoming/x.csv"), None);
        for key in [
            "x.csv",
            "Incoming/x.csv",
            "other/incoming/x.csv",
            "_state/segments/x/head.json",
        ] {
            assert!(scope.outside("b", key).is_some(), "{key}");
        }
        assert_eq!(
            scope.outside("b", "incoming/_SUCCESS"),
            None,
            "in folder mode a marker starts a run"
        );
    }

    #[test]
    fn the_functions_own_objects_never_start_a_run() {
        let everything = scope("", None);
        assert_eq!(everything.outside("b", "x.csv"), None);
        assert!(everything.is_own("b", "_state/receipts/x.json"));
        assert!(everything.outside("b", "_state/receipts/x.json").is_some());
        let elsewhere = scope("", Some("state"));
        assert!(elsewhere.is_own("state", "_state/x"));
        assert_eq!(
            elsewhere.outside("b", "_state/x"),
            None,
            "in another bucket it is nobody's state"
        );
    }
}
