//! What is tried on the audience that journeys see.

use super::draft::seconds;
use super::experiment::{Experiment, Made};
use super::seen::Seen;
use crate::domain::{ContactId, SegmentStatus};
use crate::dynamics::{Error, Segment};
use std::time::Duration;
use tokio::time::Instant;

/// How long a change is looked for that is not to be seen: the list shows a write long before, and the segment is computed
/// by then where anything computes it right away.
const LOOK_FOR: Duration = Duration::from_secs(10);
/// How often, and how often a published segment is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What Dynamics shows of a segment to those who use it.
struct Shown {
    row: Segment,
    /// The published members, or why Dynamics does not list them.
    members: Result<Vec<ContactId>, Error>,
}

/// How a publish ended.
enum Ended {
    /// The segment is Active.
    Active(Segment, Duration),
    /// It did not work out; the sentence says how.
    Not(Seen),
}

impl Experiment {
    /// `draft_is_hidden`
    pub(super) async fn draft_is_hidden(&self, made: &Made) -> Result<Seen, Error> {
        let began = Instant::now();
        loop {
            let shown = self.shown(made).await?;
            let count = shown.row.member_count.unwrap_or(0);
            let listed = shown.members.as_ref().map_or(0, Vec::len);
            if count > 0 || listed > 0 || is_active(&shown.row) {
                return Ok(Seen::fails(format!(
                    "{} after contacts were added, and never published, {}",
                    seconds(began.elapsed()),
                    shown.in_words()
                )));
            }
            match shown.members {
                // What is refused for another reason than the state of the segment tells nothing.
                Err(error) if error.refusal().is_none_or(|refusal| refusal.status != 400) => return Err(error),
                _ => {}
            }
            if !self.pause(LOOK_EVERY, began + LOOK_FOR).await? {
                return Ok(Seen::holds(
                    "Dynamics counts and lists nobody before the segment is published",
                ));
            }
        }
    }

    /// `publish`
    pub(super) async fn publish(&mut self, made: &Made) -> Result<Seen, Error> {
        Ok(match self.publish_and_wait(made).await? {
            Ended::Active(row, time) => {
                self.published = Some(row);
                Seen::holds(format!("the segment is Active after {}", seconds(time)))
            }
            Ended::Not(seen) => seen,
        })
    }

    /// `published_is_exact`
    pub(super) async fn published_is_exact(&self, made: &Made) -> Result<Seen, Error> {
        let (is_exact, shown) = self.is_shown_exactly(made).await?;
        let (words, members) = (shown.in_words(), self.members.len());
        Ok(match is_exact {
            Some(true) => Seen::holds(format!("of {members} members {words}")),
            Some(false) => Seen::fails(format!(
                "of {members} members {words}: contacts created in the last minutes, or of another business unit than the \
                 segment's owner, may not be counted (yet)"
            )),
            None => Seen::untried(words),
        })
    }

    /// `change_is_hidden_until_publish`
    pub(super) async fn change_is_hidden(&mut self, made: &Made) -> Result<Seen, Error> {
        let before = self.shown(made).await?;
        let added = self.contacts[self.contacts.len() - 1];
        if !self.put_in(made, &[added]).await?.is_empty() {
            return Ok(Seen::untried("Dynamics refused the contact that was to be the change"));
        }
        self.members.push(added);
        self.is_changed = true;
        let began = Instant::now();
        loop {
            let shown = self.shown(made).await?;
            let is_listed = shown.members.as_ref().is_ok_and(|members| members.contains(&added));
            let counts = before.row.member_count.zip(shown.row.member_count);
            if is_listed || counts.is_some_and(|(before, now)| now > before) {
                return Ok(Seen::fails(format!(
                    "{} after a contact was added to the published segment, and not published, {}",
                    seconds(began.elapsed()),
                    shown.in_words()
                )));
            }
            if counts.is_none() {
                shown.members?;
            }
            if !self.pause(LOOK_EVERY, began + LOOK_FOR).await? {
                return Ok(Seen::holds(
                    "a contact that was added is neither counted nor listed before the segment is published again",
                ));
            }
        }
    }

    /// `publish_again`
    pub(super) async fn publish_again(&mut self, made: &Made) -> Result<Seen, Error> {
        let (row, time) = match self.publish_and_wait(made).await? {
            Ended::Active(row, time) => (row, time),
            Ended::Not(seen) => return Ok(seen),
        };
        let before = self.published.replace(row).and_then(|row| row.member_count);
        let (is_exact, shown) = self.is_shown_exactly(made).await?;
        let is_more = before
            .zip(shown.row.member_count)
            .is_some_and(|(before, now)| now > before);
        let words = format!("of {} members {}", self.members.len(), shown.in_words());
        let time = seconds(time);
        Ok(match is_exact {
            Some(true) => Seen::holds(format!("the segment is Active again after {time}; {words}")),
            // That others are missing is told by `published_is_exact`.
            Some(false) if is_more => Seen::holds(format!("the change is published after {time}; {words}")),
            Some(false) => Seen::fails(format!(
                "the segment is Active again after {time}, without the contact that was added: {words}; or that contact alone \
                 is kept out, by its business unit perhaps"
            )),
            None => Seen::untried(words),
        })
    }

    /// Publishes, and waits until the segment shows that it is.
    async fn publish_and_wait(&self, made: &Made) -> Result<Ended, Error> {
        let before = self.dataverse.segment(made.segment.id).await?;
        if let Err(error) = self.dataverse.publish(before.id).await {
            return Ok(Ended::Not(Seen::of_refusal(&error)));
        }
        let began = Instant::now();
        let mut was_busy = false;
        loop {
            let now = self.dataverse.segment(before.id).await?;
            was_busy |= now.status == SegmentStatus::Busy;
            let is_counted = now.member_count == Some(self.members.len() as u64);
            // Nobody else touches this segment, so that another count than before is that of this publish.
            if is_active(&now) && (was_busy || !is_active(&before) || is_counted) {
                return Ok(Ended::Active(now, began.elapsed()));
            }
            if matches!(now.status, SegmentStatus::Error | SegmentStatus::Faulted) {
                return Ok(Ended::Not(Seen::fails(format!(
                    "Dynamics could not compute the published segment (its status is {})",
                    now.status_code
                ))));
            }
            if !self.pause(LOOK_EVERY, began + self.wait).await? {
                let wait = seconds(self.wait);
                return Ok(Ended::Not(if is_active(&now) {
                    Seen::fails(format!(
                        "{wait} after Dynamics agreed to publish it, the segment shows no change"
                    ))
                } else {
                    Seen::untried(format!(
                        "{wait} after it was published Dynamics is still computing the segment"
                    ))
                }));
            }
        }
    }

    /// Returns whether exactly the members of the draft are shown, given a moment; `None` if nobody says who is.
    async fn is_shown_exactly(&self, made: &Made) -> Result<(Option<bool>, Shown), Error> {
        let until = Instant::now() + LOOK_FOR;
        let mut members = self.members.clone();
        members.sort_unstable();
        loop {
            let shown = self.shown(made).await?;
            let counted = shown.row.member_count.map(|count| count == members.len() as u64);
            let listed = shown.members.as_ref().ok().map(|listed| *listed == members);
            let is_exact = match (counted, listed) {
                (None, None) => None,
                (counted, listed) => Some(counted != Some(false) && listed != Some(false)),
            };
            if is_exact == Some(true) || !self.pause(LOOK_EVERY, until).await? {
                return Ok((is_exact, shown));
            }
        }
    }

    async fn shown(&self, made: &Made) -> Result<Shown, Error> {
        let row = self.dataverse.segment(made.segment.id).await?;
        let members = match self.dataverse.listed_members(row.id, self.members.len()).await {
            Err(error) if error.refusal().is_none() => return Err(error),
            members => members,
        };
        Ok(Shown { row, members })
    }
}

impl Shown {
    fn in_words(&self) -> String {
        let counted = self.row.member_count.map_or_else(
            || "Dynamics counts none yet".to_owned(),
            |count| format!("Dynamics counts {count}"),
        );
        match &self.members {
            Ok(members) => format!("{counted} and lists {}", members.len()),
            Err(error) => format!("{counted}; {error}"),
        }
    }
}

fn is_active(segment: &Segment) -> bool {
    matches!(
        segment.status,
        SegmentStatus::Active | SegmentStatus::ActiveWithWarnings
    )
}
