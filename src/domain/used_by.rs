//! What uses a segment: what must not be changed under others without their knowing.

use serde::Serialize;
use std::fmt;

/// What uses a segment, as far as Dynamics tells; releases differ in what they tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UsedBy {
    /// How many live journeys; `None` if Dynamics does not tell.
    pub journeys: Option<u64>,
    /// The ids of the segments that build on it, in ascending order; `None` if Dynamics does not tell.
    pub segments: Option<Vec<String>>,
}

impl UsedBy {
    /// The most segments that a sentence names.
    const NAMED: usize = 5;

    /// Returns `None` if nothing is told at all.
    pub fn told(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }

    /// Returns whether something is known to use the segment.
    pub fn is_used(&self) -> bool {
        self.journeys.is_some_and(|journeys| journeys > 0)
            || self.segments.as_ref().is_some_and(|segments| !segments.is_empty())
    }

    /// Returns whether it is known that nothing uses the segment.
    pub fn is_free(&self) -> bool {
        self.journeys == Some(0) && self.segments.as_ref().is_some_and(Vec::is_empty)
    }
}

impl fmt::Display for UsedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let journeys = match self.journeys {
            None | Some(0) => None,
            Some(1) => Some("1 live journey".to_owned()),
            Some(count) => Some(format!("{count} live journeys")),
        };
        let segments = match self.segments.as_deref() {
            None | Some([]) => None,
            Some([one]) => Some(format!("the segment {one}")),
            Some(several) => {
                let named = several[..several.len().min(Self::NAMED)].join(", ");
                let more = if several.len() > Self::NAMED { ", ..." } else { "" };
                Some(format!("{} segments ({named}{more})", several.len()))
            }
        };
        let users: Vec<_> = journeys.into_iter().chain(segments).collect();
        f.write_str(&users.join(" and "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used_by(journeys: Option<u64>, segments: Option<usize>) -> UsedBy {
        UsedBy {
            journeys,
            segments: segments.map(|count| (1..=count).map(|number| format!("s{number}")).collect()),
        }
    }

    #[test]
    fn who_uses_a_segment_is_said_as_far_as_it_is_told() {
        for (journeys, segments, is_used, is_free, expected) in [
            (None, None, false, false, ""),
            (Some(0), Some(0), false, true, ""),
            (Some(0), None, false, false, ""),
            (None, Some(0), false, false, ""),
            (Some(1), None, true, false, "1 live journey"),
            (Some(2), Some(1), true, false, "2 live journeys and the segment s1"),
            (None, Some(2), true, false, "2 segments (s1, s2)"),
            (Some(0), Some(7), true, false, "7 segments (s1, s2, s3, s4, s5, ...)"),
        ] {
            let used_by = used_by(journeys, segments);
            assert_eq!(
                (used_by.is_used(), used_by.is_free()),
                (is_used, is_free),
                "{used_by:?}"
            );
            assert_eq!(used_by.to_string(), expected);
        }
        assert_eq!(used_by(None, None).told(), None);
    }
}
