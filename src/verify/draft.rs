//! What is tried on the members of the draft.

use super::experiment::{Experiment, Made};
use super::seen::Seen;
use crate::domain::{Batch, ContactId};
use crate::dynamics::{Allowance, Error};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// Loads take it for granted that a list shows a write within this time.
const IN_TIME: Duration = Duration::from_secs(7);
/// How long a list is looked at that does not show a write: a load gives it no more.
const PATIENCE: Duration = Duration::from_secs(63);
/// How often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What lists of the draft came to.
enum Listed {
    /// They showed what was written after so long.
    After(Duration),
    /// They did not: so many members are still missing from the last one, and so many are too many.
    Not { missing: usize, too_many: usize },
}

impl Experiment {
    /// `add`: all contacts but one, which comes later.
    pub(super) async fn add(&mut self, made: &Made) -> Result<Seen, Error> {
        let count = self.contacts.len().saturating_sub(1).max(1);
        let contacts = self.contacts[..count].to_vec();
        let refused = match self.put_in(made, &contacts).await {
            Ok(refused) => refused,
            Err(error) => return Ok(Seen::of_refusal(&error)),
        };
        self.members = contacts;
        self.members.retain(|id| !refused.contains(id));
        Ok(if refused.is_empty() {
            Seen::holds(format!("Dynamics took {count} active contacts"))
        } else {
            Seen::fails(format!("Dynamics refused {} of {count} active contacts", refused.len()))
        })
    }

    /// `add_twice`
    pub(super) async fn add_twice(&self, made: &Made) -> Result<Seen, Error> {
        Ok(match self.put_in(made, &self.members).await {
            Ok(refused) if refused.is_empty() => Seen::holds("Dynamics took the same contacts once more"),
            Ok(refused) => Seen::fails(format!(
                "Dynamics refused {} contacts that were members already",
                refused.len()
            )),
            Err(error) => Seen::of_refusal(&error),
        })
    }

    /// `list_shows_writes`
    pub(super) async fn list_shows_writes(&mut self, made: &Made) -> Result<Seen, Error> {
        let listed = self.list_until_shown(made).await?;
        self.lists_show_writes = matches!(listed, Listed::After(_));
        Ok(match listed {
            Listed::After(time) if time <= IN_TIME => Seen::holds(format!("after {}", seconds(time))),
            Listed::After(time) => Seen::fails(format!(
                "only after {}, where loads count on {} s",
                seconds(time),
                IN_TIME.as_secs()
            )),
            Listed::Not { missing, too_many } => Seen::fails(format!(
                "{} after they were added, the list lacks {missing} of {} members and has {too_many} others",
                seconds(PATIENCE),
                self.members.len()
            )),
        })
    }

    /// `remove`
    pub(super) async fn remove(&mut self, made: &Made) -> Result<Seen, Error> {
        let contact = self.members[0];
        match self.take_out(made, contact).await {
            Ok(refused) if refused.is_empty() => {}
            Ok(_) => return Ok(Seen::fails("Dynamics refused to remove a member")),
            Err(error) => return Ok(Seen::of_refusal(&error)),
        }
        self.members.remove(0);
        self.removed = Some(contact);
        Ok(match self.list_until_shown(made).await? {
            Listed::After(time) => Seen::holds(format!("the list shows it after {}", seconds(time))),
            Listed::Not { .. } if self.lists_show_writes => Seen::fails(format!(
                "Dynamics agreed to remove a member, and {} later the list is not what it should be",
                seconds(PATIENCE)
            )),
            Listed::Not { .. } => {
                Seen::untried("Dynamics agreed to remove a member; its lists, which do not show writes, tell no more")
            }
        })
    }

    /// `remove_twice`
    pub(super) async fn remove_twice(&self, made: &Made) -> Result<Seen, Error> {
        let Some(contact) = self.removed else {
            return Ok(Seen::untried("no contact could be removed"));
        };
        Ok(match self.take_out(made, contact).await {
            Ok(refused) if refused.is_empty() => {
                Seen::holds("Dynamics agreed to remove a contact that was no member any more")
            }
            Ok(_) => Seen::fails("Dynamics refused to remove a contact that was no member any more"),
            Err(error) => Seen::of_refusal(&error),
        })
    }

    /// `unknown_contact`
    pub(super) async fn unknown_contact(&self, made: &Made) -> Result<Seen, Error> {
        let Some(nobody) = ContactId::from_bytes(Uuid::new_v4().into_bytes()) else {
            return Ok(Seen::untried("no id could be drawn"));
        };
        match self.put_in(made, &[nobody]).await {
            Ok(refused) if refused.is_empty() => {}
            Ok(_) => return Ok(Seen::holds("Dynamics refuses an id that is no contact")),
            Err(error) if error.refusal().is_some() => {
                let sentence =
                    format!("Dynamics refuses an id that is no contact, in words that do not say so: {error}");
                return Ok(Seen::holds(sentence));
            }
            Err(error) => return Err(error),
        }
        if !self.lists_show_writes {
            return Ok(Seen::untried(
                "Dynamics took an id that is no contact; its lists, which were not seen to show writes, do not tell whether it is a member",
            ));
        }
        let until = Instant::now() + IN_TIME;
        loop {
            let listed = self.list(made).await?;
            if listed.contains(&nobody) {
                return Ok(Seen::fails(
                    "Dynamics takes an id that is no contact, and lists it as a member",
                ));
            }
            if !self.pause(LOOK_EVERY, until).await? {
                return Ok(Seen::holds(
                    "Dynamics takes an id that is no contact, and does not list it as a member",
                ));
            }
        }
    }

    /// Adds contacts and returns those that were refused.
    pub(super) async fn put_in(&self, made: &Made, contacts: &[ContactId]) -> Result<Vec<ContactId>, Error> {
        let mut refused = Vec::new();
        for batch in Batch::split(contacts, Batch::MAX) {
            let anybody = Allowance::boundless();
            let added = self
                .dataverse
                .add_members(made.segment.id, &made.group, batch, &anybody);
            refused.extend(added.await?);
        }
        Ok(refused)
    }

    async fn take_out(&self, made: &Made, contact: ContactId) -> Result<Vec<ContactId>, Error> {
        let mut refused = Vec::new();
        for batch in Batch::split(&[contact], Batch::MAX) {
            let removed = self.dataverse.remove_members(made.segment.id, &made.group, batch);
            refused.extend(removed.await?);
        }
        Ok(refused)
    }

    async fn list(&self, made: &Made) -> Result<Vec<ContactId>, Error> {
        let expected = self.members.len();
        self.dataverse
            .list_members(made.segment.id, &made.group, expected)
            .await
    }

    /// Lists the draft until it shows exactly what was written, or nobody would wait any longer.
    async fn list_until_shown(&self, made: &Made) -> Result<Listed, Error> {
        let began = Instant::now();
        loop {
            let listed = self.list(made).await?;
            let missing = self.members.iter().filter(|id| !listed.contains(id)).count();
            let too_many = listed.iter().filter(|id| !self.members.contains(id)).count();
            if (missing, too_many) == (0, 0) {
                return Ok(Listed::After(began.elapsed()));
            }
            if !self.pause(LOOK_EVERY, began + PATIENCE).await? {
                return Ok(Listed::Not { missing, too_many });
            }
        }
    }
}

/// Shows a time as a sentence has it.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
