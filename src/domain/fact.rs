//! What the documents of Dynamics leave open about an environment, and what can be tried there.

use serde::{Deserialize, Serialize};

/// One thing that is assumed of an environment and can be tried in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// A segment can be created, and reads back as it was written.
    Create,
    /// Contacts can be added.
    Add,
    /// Adding members once more does no harm.
    AddTwice,
    /// Lists show a write in time.
    ListShowsWrites,
    /// Nobody sees the members of a segment before it is published.
    DraftIsHidden,
    /// A segment can be published, and becomes Active.
    Publish,
    /// What is published are the members of the draft.
    PublishedIsExact,
    /// Nobody sees a change of a published segment before it is published again.
    ChangeIsHiddenUntilPublish,
    /// Publishing once more publishes the change.
    PublishAgain,
    /// Members can be removed.
    Remove,
    /// Removing a contact that is no member does no harm.
    RemoveTwice,
    /// An id that is no contact does not become a member.
    UnknownContact,
    /// A change that is tied to an older version of the definition is refused.
    StaleEtagIsRefused,
    /// A segment can be stopped.
    Stop,
    /// A segment can be deleted.
    Delete,
}

impl Fact {
    /// All facts, in the order in which they are told.
    pub const ALL: [Self; 15] = [
        Self::Create,
        Self::Add,
        Self::AddTwice,
        Self::ListShowsWrites,
        Self::DraftIsHidden,
        Self::Publish,
        Self::PublishedIsExact,
        Self::ChangeIsHiddenUntilPublish,
        Self::PublishAgain,
        Self::Remove,
        Self::RemoveTwice,
        Self::UnknownContact,
        Self::StaleEtagIsRefused,
        Self::Stop,
        Self::Delete,
    ];

    /// Returns the fact's name, as it is told.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Add => "add",
            Self::AddTwice => "add_twice",
            Self::ListShowsWrites => "list_shows_writes",
            Self::DraftIsHidden => "draft_is_hidden",
            Self::Publish => "publish",
            Self::PublishedIsExact => "published_is_exact",
            Self::ChangeIsHiddenUntilPublish => "change_is_hidden_until_publish",
            Self::PublishAgain => "publish_again",
            Self::Remove => "remove",
            Self::RemoveTwice => "remove_twice",
            Self::UnknownContact => "unknown_contact",
            Self::StaleEtagIsRefused => "stale_etag_is_refused",
            Self::Stop => "stop",
            Self::Delete => "delete",
        }
    }

    /// Returns whether no load is to be trusted where this does not hold; the others only inform.
    pub const fn is_decisive(self) -> bool {
        !matches!(
            self,
            Self::ListShowsWrites | Self::UnknownContact | Self::StaleEtagIsRefused | Self::Stop | Self::Delete
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_have_their_names_and_ten_of_them_decide() {
        let names = serde_json::to_value(Fact::ALL).unwrap();
        let expected = [
            "create",
            "add",
            "add_twice",
            "list_shows_writes",
            "draft_is_hidden",
            "publish",
            "published_is_exact",
            "change_is_hidden_until_publish",
            "publish_again",
            "remove",
            "remove_twice",
            "unknown_contact",
            "stale_etag_is_refused",
            "stop",
            "delete",
        ];
        assert_eq!(names, serde_json::json!(expected));
        assert_eq!(Fact::ALL.map(Fact::name), expected);
        let decisive = Fact::ALL.into_iter().filter(|fact| fact.is_decisive());
        let of_the_first_eleven = Fact::ALL[..11].iter().copied();
        let expected = of_the_first_eleven.filter(|fact| *fact != Fact::ListShowsWrites);
        assert!(decisive.eq(expected));
    }
}
