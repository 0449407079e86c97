//! One run of an answer, as the tests ask about it: `run.assert_loaded().added(200).removed(0)`.

use serde::Deserialize;
use serde_json::{Value, json};
use std::fmt;
use std::ops::Deref;

/// A run of an answer. A failed assertion shows all of it.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    told: Told,
    answer: Value,
}

/// What every run tells.
#[derive(Clone, Debug, Deserialize)]
struct Told {
    outcome: String,
    run_id: Option<String>,
    error_type: Option<String>,
    reason: Option<String>,
    warnings: Vec<String>,
    #[serde(default)]
    needs_attention: bool,
}

impl Run {
    /// Reads a run of an answer.
    pub(crate) fn of(answer: &Value) -> Self {
        let told = Told::deserialize(answer);
        Self {
            told: told.unwrap_or_else(|error| panic!("{error}: {answer}")),
            answer: answer.clone(),
        }
    }

    /// Reads the event's own run, the first of an answer.
    pub(crate) fn first(answer: &Value) -> Self {
        Self::of(&answer["runs"][0])
    }

    /// Reads what became of an event: where its own run failed, the invocation did.
    pub(crate) fn of_event(answered: Result<Value, segment_loader::Error>) -> Self {
        match answered {
            Ok(answer) => Self::first(&answer),
            Err(error) => Self::of(&json!({
                "outcome": "failed", "error_type": error.error_type(), "reason": error.to_string(), "warnings": []
            })),
        }
    }

    pub(crate) fn outcome(&self) -> &str {
        &self.told.outcome
    }

    pub(crate) fn run_id(&self) -> &str {
        self.told
            .run_id
            .as_deref()
            .unwrap_or_else(|| panic!("no run id: {self}"))
    }

    /// Returns why the run was refused or failed, which it must say.
    pub(crate) fn reason(&self) -> &str {
        self.told
            .reason
            .as_deref()
            .unwrap_or_else(|| panic!("no reason: {self}"))
    }

    /// Returns all warnings, a line each.
    pub(crate) fn warnings(&self) -> String {
        self.told.warnings.join("\n")
    }

    pub(crate) fn needs_attention(&self) -> bool {
        self.told.needs_attention
    }

    pub(crate) fn is_failed_as(&self, error_type: &str) -> bool {
        self.told.outcome == "failed" && self.told.error_type.as_deref() == Some(error_type)
    }

    #[track_caller]
    pub(crate) fn assert_loaded(&self) -> &Self {
        self.assert_outcome("loaded")
    }

    #[track_caller]
    pub(crate) fn assert_computing(&self) -> &Self {
        self.assert_outcome("computing")
    }

    #[track_caller]
    pub(crate) fn assert_unchanged(&self) -> &Self {
        self.assert_outcome("unchanged")
    }

    #[track_caller]
    pub(crate) fn assert_dry_run(&self) -> &Self {
        self.assert_outcome("dry_run")
    }

    #[track_caller]
    pub(crate) fn assert_refused(&self) -> &Self {
        self.assert_outcome("refused")
    }

    #[track_caller]
    pub(crate) fn assert_superseded(&self) -> &Self {
        self.assert_outcome("superseded")
    }

    #[track_caller]
    pub(crate) fn assert_busy(&self) -> &Self {
        self.assert_outcome("busy")
    }

    #[track_caller]
    pub(crate) fn assert_continues(&self) -> &Self {
        self.assert_outcome("continues")
    }

    #[track_caller]
    pub(crate) fn assert_failed(&self) -> &Self {
        self.assert_outcome("failed")
    }

    #[track_caller]
    pub(crate) fn assert_outcome(&self, outcome: &str) -> &Self {
        assert_eq!(self.told.outcome, outcome, "{self}");
        self
    }

    /// Asserts why it was refused or failed, by the stable name.
    #[track_caller]
    pub(crate) fn as_type(&self, error_type: &str) -> &Self {
        assert_eq!(self.told.error_type.as_deref(), Some(error_type), "{self}");
        self
    }

    /// Asserts what the reason says.
    #[track_caller]
    pub(crate) fn says(&self, part: &str) -> &Self {
        assert!(self.reason().contains(part), "not {part:?}: {self}");
        self
    }

    /// Asserts that one of the warnings says this.
    #[track_caller]
    pub(crate) fn warns(&self, part: &str) -> &Self {
        assert!(
            self.told.warnings.iter().any(|warning| warning.contains(part)),
            "not {part:?}: {self}"
        );
        self
    }

    /// Asserts that nothing is warned of but, where it holds, that the segment is new and alone with its name.
    #[track_caller]
    pub(crate) fn warns_of_nothing(&self) -> &Self {
        let mut others = self.told.warnings.iter().filter(|warning| {
            let is_of_the_new = self["created"] == json!(true) && warning.starts_with("the segment \"");
            !(is_of_the_new && warning.ends_with(" new, since there was none of exactly this name"))
        });
        assert_eq!(others.next(), None, "{self}");
        self
    }

    #[track_caller]
    pub(crate) fn contacts(&self, count: u64) -> &Self {
        self.assert_count("contacts", count)
    }

    #[track_caller]
    pub(crate) fn added(&self, count: u64) -> &Self {
        self.assert_count("added", count)
    }

    #[track_caller]
    pub(crate) fn removed(&self, count: u64) -> &Self {
        self.assert_count("removed", count)
    }

    #[track_caller]
    pub(crate) fn rejected(&self, count: u64) -> &Self {
        self.assert_count("rejected", count)
    }

    #[track_caller]
    pub(crate) fn not_found(&self, count: u64) -> &Self {
        self.assert_count("not_found", count)
    }

    #[track_caller]
    pub(crate) fn not_accepted(&self, count: u64) -> &Self {
        self.assert_count("not_accepted", count)
    }

    #[track_caller]
    pub(crate) fn counted(&self, member_count: u64) -> &Self {
        self.assert_count("member_count", member_count)
    }

    #[track_caller]
    fn assert_count(&self, name: &str, count: u64) -> &Self {
        assert_eq!(self.answer[name].as_u64(), Some(count), "{name} of {self}");
        self
    }
}

/// What few tests ask for is asked for by its name.
impl Deref for Run {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.answer
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.answer)
    }
}
