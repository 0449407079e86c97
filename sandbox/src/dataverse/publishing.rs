//! Publishing: what it does to rows, and when.

use super::modes::Outcome;
use super::refusal::Refusal;
use super::state::{Audience, State};
use super::tables::Row;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

/// A publish that is under way.
pub(super) struct Publishing {
    started: Instant,
    audience: Audience,
    outcome: Outcome,
    shown: Stage,
    has_begun: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Old,
    Exporting,
    Computing,
    Ended,
}

impl State {
    /// Begins to publish the members as they are now.
    ///
    /// They are computed afterwards: how long the sandbox takes to copy millions is no part of it, since no computation of a
    /// publish ends before the publish is answered.
    pub fn publish(&mut self, id: Uuid) -> Result<(), Refusal> {
        let definition = self.definition_of(id)?;
        let audience = self.audience(definition);
        let outcome = self.modes.outcome;
        let now = Instant::now();
        self.set_definition(
            definition,
            &[("statuscode", json!(723_270_002)), ("statecode", json!(0))],
        );
        let segment = self.segment(id)?;
        segment.publishes += 1;
        segment.before = Some((now, segment.row.clone()));
        segment.next_refresh = None;
        segment.publishing = Some(Publishing {
            started: now,
            audience,
            outcome,
            shown: Stage::Old,
            has_begun: false,
        });
        self.advance(now);
        Ok(())
    }

    pub(super) fn advance_publishing(&mut self, id: Uuid, now: Instant) {
        let (lag, delay) = (self.modes.publish_lag, self.modes.publish_delay);
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        let Some(publishing) = &mut segment.publishing else {
            return;
        };
        let age = now.saturating_duration_since(publishing.started);
        let stage = match publishing.outcome {
            _ if age < lag => Stage::Old,
            _ if age < lag + delay / 2 => Stage::Exporting,
            Outcome::Never => Stage::Computing,
            _ if age < lag + delay => Stage::Computing,
            _ => Stage::Ended,
        };
        if stage == publishing.shown {
            return;
        }
        publishing.shown = stage;
        let status = match stage {
            Stage::Old => return,
            Stage::Exporting => 5,
            Stage::Computing => 6,
            Stage::Ended => return self.end_publishing(id, now),
        };
        if stage == Stage::Computing {
            self.note_begin(id);
        }
        let changes = [
            ("statecode", json!(1)),
            ("statuscode", json!(status)),
            ("msdynmkt_membercount", Value::Null),
        ];
        self.set_segment(id, &changes);
    }

    fn end_publishing(&mut self, id: Uuid, now: Instant) {
        let ends = self.modes.publish_lag + self.modes.publish_delay;
        self.note_begin(id);
        let Some(publishing) = self.segments.get_mut(&id).and_then(|segment| segment.publishing.take()) else {
            return;
        };
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        let Some(status) = publishing.outcome.status() else {
            return;
        };
        let at = (publishing.started + ends).min(now);
        let state = i64::from(status != 1);
        let mut changes = vec![("statecode", json!(state)), ("statuscode", json!(status))];
        if publishing.outcome.commits() {
            changes.push(("msdynmkt_membercount", json!(publishing.audience.len())));
            changes.push(("msdynmkt_type", json!(11)));
        }
        if publishing.outcome.commits() {
            segment.publish_audience(publishing.audience, at);
        }
        self.set_segment(id, &changes);
        self.note_execution(id, at, publishing.outcome);
    }

    fn note_execution(&mut self, id: Uuid, at: Instant, outcome: Outcome) {
        let refresh_every = self.modes.refresh_every;
        let Ok(definition) = self.definition_of(id) else { return };
        let (live, computation, execution) = if outcome.commits() {
            (723_270_000, 723_270_001, 723_270_002)
        } else {
            (723_270_001, 723_270_002, 723_270_003)
        };
        self.set_definition(
            definition,
            &[
                ("statuscode", json!(live)),
                ("msdynmkt_computationstatus", json!(computation)),
                ("msdynmkt_computationfinishedon", self.date(at)),
            ],
        );
        let version = self.next_version();
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        segment.next_refresh = Some(at + refresh_every);
        let mut row = Row::default();
        row.change(
            &[
                ("_msdynmkt_segmentdefinitionid_value", json!(definition.to_string())),
                ("statuscode", json!(execution)),
                (
                    "msdynmkt_membershipcount",
                    json!(segment.published.as_ref().map(|audience| audience.len())),
                ),
            ],
            version,
        );
        self.executions.insert(Uuid::new_v4(), row);
    }

    /// Notes when the computation has begun, once.
    fn note_begin(&mut self, id: Uuid) {
        let half = self.modes.publish_delay / 2;
        let begins = self.modes.publish_lag + half;
        let publishing = self
            .segments
            .get_mut(&id)
            .and_then(|segment| segment.publishing.as_mut());
        let Some(publishing) = publishing.filter(|publishing| !publishing.has_begun) else {
            return;
        };
        publishing.has_begun = true;
        let began = publishing.started + begins;
        let at = self.date(began);
        let Ok(definition) = self.definition_of(id) else { return };
        let running = json!(723_270_000);
        let changes = [
            ("msdynmkt_computationstartedon", at),
            ("msdynmkt_computationstatus", running),
        ];
        self.set_definition(definition, &changes);
    }

    /// Writes a time as rows show it: in whole seconds.
    pub fn date(&self, at: Instant) -> Value {
        let ago = Instant::now().saturating_duration_since(at);
        let date = DateTime::<Utc>::from(self.clock.now() - ago);
        json!(date.to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}
