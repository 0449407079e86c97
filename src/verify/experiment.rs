//! The trial segment while facts are tried on it, and what each fact needs.

use super::seen::Seen;
use crate::domain::{ContactId, Fact, SegmentName};
use crate::dynamics::{Dataverse, Definition, Error, GroupId, Segment};
use crate::time::Fence;
use std::time::Duration;
use tokio::time::Instant;

/// How many contacts are tried with.
const CONTACTS: usize = 10;
/// The least time that publishing is given: 60 to 90 seconds are usual, a queue may be before it.
const LEAST_WAIT: Duration = Duration::from_mins(5);

/// The trial segment, as far as it has come.
pub(super) struct Experiment {
    pub(super) dataverse: Dataverse,
    pub(super) fence: Fence,
    pub(super) name: SegmentName,
    /// How long publishing may take.
    pub(super) wait: Duration,
    /// The contacts to try with, sorted.
    pub(super) contacts: Vec<ContactId>,
    /// Why there are none, where they could not be read.
    no_contacts: Option<String>,
    pub(super) made: Option<Made>,
    /// How far making the segment has come.
    pub(super) create: Create,
    /// What the draft is to hold, sorted.
    pub(super) members: Vec<ContactId>,
    /// Whether lists were seen to show what was written.
    pub(super) lists_show_writes: bool,
    /// The row once the segment was seen published.
    pub(super) published: Option<Segment>,
    /// Whether the draft is another one than what was published.
    pub(super) is_changed: bool,
    /// The member that was removed.
    pub(super) removed: Option<ContactId>,
}

/// How far making the segment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Create {
    /// Nothing was sent.
    NotBegun,
    /// Something may have been made, or may still come.
    Begun,
    /// Dynamics has said that it makes no segment, so that none can come any more.
    Refused,
}

/// The segment's rows.
#[derive(Clone)]
pub(super) struct Made {
    pub(super) segment: Segment,
    pub(super) definition: Definition,
    pub(super) group: GroupId,
}

impl Experiment {
    /// Looks for contacts to try with; nothing is written yet.
    pub(super) async fn begin(dataverse: Dataverse, fence: Fence, name: &SegmentName, wait: Duration) -> Self {
        let (contacts, no_contacts) = match dataverse.some_contacts(CONTACTS).await {
            Ok(contacts) => (contacts, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        Self {
            dataverse,
            fence,
            name: name.clone(),
            wait: wait.max(LEAST_WAIT),
            contacts,
            no_contacts,
            made: None,
            create: Create::NotBegun,
            members: Vec::new(),
            lists_show_writes: false,
            published: None,
            is_changed: false,
            removed: None,
        }
    }

    /// Returns whether there is a segment.
    pub(super) const fn is_made(&self) -> bool {
        self.made.is_some()
    }

    /// Tries one fact; what keeps it from being seen is told.
    pub(super) async fn try_out(&mut self, fact: Fact) -> Seen {
        if let Some(hindrance) = self.hindrance(fact) {
            return Seen::untried(hindrance);
        }
        let tried = match self.made.clone() {
            None => self.create().await,
            Some(made) => Box::pin(self.try_with(&made, fact)).await,
        };
        tried.unwrap_or_else(|error| Seen::untried(error.to_string()))
    }

    async fn try_with(&mut self, made: &Made, fact: Fact) -> Result<Seen, Error> {
        match fact {
            Fact::Add => self.add(made).await,
            Fact::AddTwice => self.add_twice(made).await,
            Fact::ListShowsWrites => self.list_shows_writes(made).await,
            Fact::DraftIsHidden => self.draft_is_hidden(made).await,
            Fact::Publish => self.publish(made).await,
            Fact::PublishedIsExact => self.published_is_exact(made).await,
            Fact::ChangeIsHiddenUntilPublish => self.change_is_hidden(made).await,
            Fact::PublishAgain => self.publish_again(made).await,
            Fact::Remove => self.remove(made).await,
            Fact::RemoveTwice => self.remove_twice(made).await,
            Fact::UnknownContact => self.unknown_contact(made).await,
            Fact::StaleEtagIsRefused => self.stale_etag_is_refused(made).await,
            Fact::Create | Fact::Stop | Fact::Delete => Ok(Seen::untried("it was tried before")),
        }
    }

    /// Says why a fact cannot be tried as things are.
    fn hindrance(&self, fact: Fact) -> Option<String> {
        let contacts = match fact {
            Fact::Create | Fact::UnknownContact | Fact::StaleEtagIsRefused | Fact::Stop | Fact::Delete => 0,
            // One is published, another one comes after it.
            Fact::ChangeIsHiddenUntilPublish | Fact::PublishAgain => 2,
            _ => 1,
        };
        let reason = match fact {
            Fact::Create => return None,
            _ if self.made.is_none() => "there is no trial segment",
            _ if self.contacts.len() < contacts => return Some(self.lacks_contacts(contacts)),
            Fact::AddTwice | Fact::ListShowsWrites | Fact::DraftIsHidden | Fact::Publish | Fact::Remove
                if self.members.is_empty() =>
            {
                "no contact could be added"
            }
            Fact::PublishedIsExact | Fact::ChangeIsHiddenUntilPublish if self.published.is_none() => {
                "the segment was not seen published"
            }
            Fact::PublishAgain if !self.is_changed => "the published segment could not be changed",
            Fact::RemoveTwice if self.removed.is_none() => "no contact could be removed",
            _ => return None,
        };
        Some(reason.to_owned())
    }

    fn lacks_contacts(&self, needed: usize) -> String {
        if let Some(reason) = &self.no_contacts {
            return reason.clone();
        }
        let contacts = if needed == 1 {
            "1 active contact"
        } else {
            "2 active contacts"
        };
        format!(
            "it takes {contacts} at least, and the application user finds {} in this environment",
            self.contacts.len()
        )
    }

    /// Sleeps between two looks; returns whether there is another one, `until` then at the latest.
    pub(super) async fn pause(&self, pause: Duration, until: Instant) -> Result<bool, Error> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        self.fence.sleep(pause.min(left)).await?;
        Ok(true)
    }
}
