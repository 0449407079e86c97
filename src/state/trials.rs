//! Trial segments, noted before they are made: whatever cuts a trial off, what it left is found and removed.

use super::store::Error;
use crate::domain::{SegmentName, utc};
use crate::s3::{Missing, Only, Own, Reason};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How the name of every trial segment begins.
const PREFIX: &str = "segment-loader trial";
/// How long a trial belongs to the run that made it: longer than any invocation, and longer than Dynamics takes to carry out
/// a create whose answer was lost.
const OWN_TIME: TimeDelta = TimeDelta::minutes(20);
/// How long sweeps leave a trial alone that Dynamics does not let them remove: people are told of it once a day.
const AFTER_REFUSAL: TimeDelta = TimeDelta::hours(24);
/// The most notes that are read at once: there are more only where nobody has been able to remove a trial for weeks.
const MOST: usize = 100;

/// One trial segment: its name, and what else is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// The version of the format.
    v: u32,
    /// The environment that it is in.
    pub environment: String,
    /// The segment's full name, which no other segment has.
    pub segment_name: SegmentName,
    /// When it was noted.
    at: DateTime<Utc>,
    /// The segment, once it has been seen.
    pub segment_id: Option<String>,
    /// Before which no sweep tries again, where Dynamics has refused to remove it.
    not_before: Option<DateTime<Utc>>,
}

impl Trial {
    const VERSION: u32 = 1;

    /// Names a new trial by the time and by 8 hex digits of what nobody else has.
    #[expect(clippy::missing_panics_doc, reason = "the name is short and plain")]
    pub fn new(environment: &str, now: DateTime<Utc>, fresh: Uuid) -> Self {
        let name = format!("{PREFIX} {} {}", utc(now), &fresh.simple().to_string()[..8]);
        Self {
            v: Self::VERSION,
            environment: environment.to_owned(),
            segment_name: SegmentName::parse(&name).expect("a name of 53 plain characters is one"),
            at: now,
            segment_id: None,
            not_before: None,
        }
    }

    /// Returns whether the run that made it is over, so that whoever comes may remove what it left.
    pub fn is_left(&self, now: DateTime<Utc>) -> bool {
        now.signed_duration_since(self.at) >= OWN_TIME
    }

    /// Returns whether a sweep is to try to remove it.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.is_left(now) && self.not_before.is_none_or(|time| time <= now)
    }

    /// Takes note that Dynamics does not let it be removed.
    pub fn refuse(&mut self, now: DateTime<Utc>) {
        self.not_before = now.checked_add_signed(AFTER_REFUSAL);
    }

    /// Returns the random end of its name, by which its note is found.
    fn mark(&self) -> &str {
        self.segment_name.as_str().rsplit(' ').next().unwrap_or_default()
    }

    /// Reads a note; what names no trial is none, whatever else it says: a segment of that name would be deleted.
    fn read(content: &[u8], environment: &str, key: &str) -> Option<Self> {
        let trial: Self = serde_json::from_slice(content).ok()?;
        let middle = trial.segment_name.as_str().strip_prefix(PREFIX)?.strip_prefix(' ')?;
        let (time, mark) = middle.split_once(' ')?;
        let is_named_so = DateTime::parse_from_rfc3339(time).is_ok_and(|time| utc(time.into()) == utc(trial.at))
            && mark.len() == 8
            && mark.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_here = trial.environment == environment && key.ends_with(&format!("/{mark}.json"));
        (trial.v == Self::VERSION && is_named_so && is_here).then_some(trial)
    }
}

/// A note and the version of it that was read.
#[derive(Clone, Debug)]
pub struct Noted {
    /// What it says.
    pub trial: Trial,
    etag: String,
}

/// The notes of trials in one environment, and what was seen there.
#[derive(Clone, Debug)]
pub struct Trials {
    pub(super) own: Own,
    pub(super) environment: String,
}

impl Trials {
    /// Opens the notes of one environment among the function's own objects.
    pub(crate) const fn new(own: Own, environment: String) -> Self {
        Self { own, environment }
    }

    /// Names the environment.
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// Asks S3 for its time.
    pub async fn now(&self) -> Result<DateTime<Utc>, Error> {
        let prefix = self.own.keys.trials(&self.environment);
        let asked = self.own.ask_the_time(&prefix).await;
        asked.map_err(|reason| self.failure(reason, &prefix, "read"))
    }

    /// Notes a trial before its segment is made.
    pub async fn note(&self, trial: Trial) -> Result<Noted, Error> {
        let key = self.key(&trial);
        match self.write(&trial, Only::New).await {
            Ok(etag) => Ok(Noted { trial, etag }),
            // A write whose answer was lost is repeated by the SDK, and nobody else draws this name.
            Err(Reason::Changed) => match self.own.read(&key).await {
                Ok(read) if read.content == written(&trial) => Ok(Noted { trial, etag: read.etag }),
                Ok(_) => Err(self.failure(Reason::Changed, &key, "written")),
                Err(reason) => Err(self.failure(reason, &key, "read")),
            },
            Err(reason) => Err(self.failure(reason, &key, "written")),
        }
    }

    /// Writes down what else is known of a trial by now, unless somebody has removed it meanwhile.
    pub async fn amend(&self, noted: &mut Noted) -> Result<(), Error> {
        let written = self.write(&noted.trial, Only::InPlaceOf(&noted.etag)).await;
        noted.etag = written.map_err(|reason| self.failure(reason, &self.key(&noted.trial), "written"))?;
        Ok(())
    }

    /// Drops the note of a trial that is gone, or that people want to keep.
    pub async fn drop_note(&self, noted: &Noted) -> Result<(), Error> {
        let key = self.key(&noted.trial);
        let deleted = self.own.delete(&key).await;
        deleted.map_err(|reason| self.failure(reason, &key, "deleted"))
    }

    /// Reads all notes of the environment; one that cannot be understood is left alone, and logged.
    pub async fn all(&self) -> Result<Vec<Noted>, Error> {
        let prefix = self.own.keys.trials(&self.environment);
        let listed = self.own.list(&prefix, MOST, |_| true).await;
        let mut notes = Vec::new();
        for key in listed.map_err(|reason| self.failure(reason, &prefix, "read"))? {
            let read = match self.own.read(&key).await {
                Err(Reason::Missing(missing)) if missing != Missing::Bucket => continue,
                read => read.map_err(|reason| self.failure(reason, &key, "read"))?,
            };
            if let Some(trial) = Trial::read(&read.content, &self.environment, &key) {
                notes.push(Noted { trial, etag: read.etag });
            } else {
                tracing::warn!(key, "this names no trial segment and is left alone: delete it");
            }
        }
        Ok(notes)
    }

    async fn write(&self, trial: &Trial, only: Only<'_>) -> Result<String, Reason> {
        let key = self.key(trial);
        self.own.put(&key, "application/json", written(trial), only).await
    }

    fn key(&self, trial: &Trial) -> String {
        self.own.keys.trial(&self.environment, trial.mark())
    }

    pub(super) fn failure(&self, reason: Reason, key: &str, action: &'static str) -> Error {
        Error::of(reason, &self.own.bucket, key, action)
    }
}

/// Plain fields, which always serialize.
fn written(trial: &Trial) -> Vec<u8> {
    serde_json::to_vec_pretty(trial).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const ENVIRONMENT: &str = "socktown.crm4.dynamics.com";
    const KEY: &str = "_state/trials/hash/1a2b3c4d.json";

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000, 0).unwrap() + TimeDelta::minutes(minutes)
    }

    fn trial() -> Trial {
        let fresh = Uuid::parse_str("1a2b3c4d-0000-4000-8000-000000000000").unwrap();
        Trial::new(ENVIRONMENT, at(0), fresh)
    }

    #[test]
    fn a_trial_is_named_by_its_time_and_by_chance() {
        let trial = trial();
        assert_eq!(
            trial.segment_name.as_str(),
            "segment-loader trial 2026-11-18T11:06:40Z 1a2b3c4d"
        );
        assert_eq!(Trial::read(&written(&trial), ENVIRONMENT, KEY), Some(trial));
    }

    #[test]
    fn nobody_removes_the_trial_of_a_run_that_may_still_be_at_work() {
        let mut trial = trial();
        assert!(!trial.is_left(at(-60)) && !trial.is_left(at(19)) && trial.is_left(at(20)));
        assert!(trial.is_due(at(20)));
        trial.refuse(at(20));
        assert!(trial.is_left(at(21)) && !trial.is_due(at(21)) && trial.is_due(at(20 + 24 * 60)));
    }

    #[test]
    fn a_note_that_names_anything_else_is_none() {
        let note = serde_json::to_value(trial()).unwrap();
        let read = |note: &Value, key: &str| Trial::read(note.to_string().as_bytes(), ENVIRONMENT, key);
        assert!(read(&note, KEY).is_some());
        assert_eq!(read(&note, "_state/trials/hash/00000000.json"), None);
        for (field, value) in [
            ("v", json!(2)),
            ("environment", json!("other.crm4.dynamics.com")),
            ("at", json!("2026-11-18T11:06:41Z")),
            ("segment_name", json!("Summer Sale")),
            (
                "segment_name",
                json!("segment-loader trial 2026-11-18T11:06:40Z 1a2b3c4d5"),
            ),
            (
                "segment_name",
                json!("segment-loader trials 2026-11-18T11:06:40Z 1a2b3c4d"),
            ),
            ("segment_name", json!("segment-loader trial today 1a2b3c4d")),
            (
                "segment_name",
                json!("segment-loader trial 2026-11-18T11:06:40Z 1a2b 3c4d"),
            ),
            ("segment_id", json!(7)),
        ] {
            let mut note = note.clone();
            note[field] = value;
            assert_eq!(read(&note, KEY), None, "{note}");
        }
    }
}
