//! What is said of a result that was refused: now, or before, as the head remembers it.

use super::{Telling, group_of};
use crate::error::{Error, Objection, WayOut};
use crate::report::RunReport;
use crate::report::background::Remembered;
use crate::report::why::group;
use crate::state::{Help, Told};

const APPROVE: &str = "Approve, or drop a better file.";
const WAIT: &str = "It is loaded by itself once nothing uses the segment any more, or when somebody approves.";
const MEND: &str = "Mend that, or drop a better file.";
const MEND_THE_SEGMENT: &str = "Mend that in Dynamics, then load this file directly again.";
/// What is true of every refusal of which an earlier version kept no more than its reason.
const ASK: &str = "Whoever runs this program finds in the history why, and what helps.";

/// With these another file would be refused as well, since it is the segment that does not fit.
const OF_THE_SEGMENT: [&str; 4] = ["SeveralSegments", "DynamicSegment", "WrongBaseEntity", "SegmentMissing"];

impl Telling<'_> {
    pub(super) fn tell_the_refusal(&self) -> String {
        let (why, to_do) = refusal(self.report);
        if self.report.is_dry_run {
            return format!(
                "A dry run: {} would not be refreshed: {why}. Nothing was changed.",
                self.name
            );
        }
        let refused = self.says(&format!("was not refreshed: {why}."));
        self.with_standing(refused, [to_do.as_str()])
    }
}

/// Returns why a result was refused, as the end of a sentence, and what is to be done.
pub(super) fn refusal(report: &RunReport) -> (String, String) {
    if let Some(remembered) = &report.background.remembered {
        return remembered_refusal(report, remembered);
    }
    if let Some(Objection { plain, way_out, .. }) = &report.background.objection {
        return (plain.clone(), to_do(*way_out).to_owned());
    }
    let error_type = report.error_type().unwrap_or_default();
    (group_of(report).why.to_owned(), mend(error_type).to_owned())
}

/// Tells a refusal as the head remembers it; what was so then may be otherwise now, and whoever hears of it for the first time
/// hears it as it was.
fn remembered_refusal(report: &RunReport, remembered: &Remembered) -> (String, String) {
    let Remembered { told, waits } = remembered;
    let Some(Told { why, help }) = told else {
        return match report.error_type() {
            Some(error_type) => (group_of(report).why.to_owned(), mend(error_type).to_owned()),
            None => ("this file was refused before".to_owned(), ASK.to_owned()),
        };
    };
    let why = if report.background.is_known {
        format!("this file was refused before. It was said then: {why}")
    } else {
        why.clone()
    };
    let to_do = match help {
        Help::Waiting if *waits => WAIT,
        Help::Approval | Help::Waiting => APPROVE,
        Help::Words(words) => words,
    };
    (why, to_do.to_owned())
}

/// Returns what a head keeps of why a result is not loaded, to tell it again.
pub(crate) fn to_remember(error: &Error) -> Told {
    let error_type = error.error_type();
    let Some(Objection { plain, way_out, .. }) = error.objection() else {
        let why = error.misfit().unwrap_or(group(error_type).why);
        return Told {
            why: why.to_owned(),
            help: Help::Words(mend(error_type).to_owned()),
        };
    };
    Told {
        why: plain.clone(),
        help: match way_out {
            WayOut::Approve => Help::Approval,
            WayOut::Wait => Help::Waiting,
            other => Help::Words(to_do(*other).to_owned()),
        },
    }
}

/// Says what is to be done about a refusal that no approval opens.
fn mend(error_type: &str) -> &'static str {
    if OF_THE_SEGMENT.contains(&error_type) {
        MEND_THE_SEGMENT
    } else {
        MEND
    }
}

/// Says what is to be done about a refusal.
const fn to_do(way_out: WayOut) -> &'static str {
    match way_out {
        WayOut::Approve => APPROVE,
        WayOut::Wait => WAIT,
        WayOut::Mend => MEND,
        WayOut::Do(what) | WayOut::Decide(what) => what,
    }
}
